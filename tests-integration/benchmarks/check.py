"""Hold the figures against what was promised, and fail if a promise is missed by more than noise.

    hatch run bench:check                        every target of every file
    hatch run bench:check queue group:spawn      the targets of one file, of one job

A target that the first run misses is measured again, more often, before it is judged. Where the peer does not run, the
target is reported as not run.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite_support.benchmark_files import UnknownSelectionError, check, find, python_version, select
from suite_support.targets import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from suite_support.benchmark_files import BenchmarkFile
    from suite_support.targets import Verdict

RESULTS = Path(__file__).parents[2] / ".benchmarks"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("selection", nargs="*", metavar="FILE[:JOB]", help="whose targets (default: all)")
    parser.add_argument("--repeats", type=int, default=7, help="interleaved repeats in the first run (default: 7)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter to measure (default: this one)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for the verdicts (default: .benchmarks)")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    try:
        selection = select(find(Path(__file__).parent, options.python), options.selection)
    except UnknownSelectionError as error:
        print(error, file=sys.stderr)
        return 2
    verdicts = check(selection, repeats=options.repeats)
    print("\nAsked and measured:")
    for file, verdict in verdicts:
        print(f"  {file.name}: {verdict}")
    major, minor = python_version(options.python)
    keep(verdicts, options.output / f"targets-{major}.{minor}.json")
    missed = sum(verdict.outcome is Outcome.MISSED for _, verdict in verdicts)
    print(f"{len(verdicts)} targets, {missed} missed")
    return 1 if missed else 0


def keep(verdicts: Sequence[tuple[BenchmarkFile, Verdict]], path: Path) -> None:
    """Write the verdicts to a file, which keeps those of targets that were not looked at this time."""
    entries: list[dict[str, Any]] = [
        {"file": file.name, **asdict(verdict), "outcome": verdict.outcome.value} for file, verdict in verdicts
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = {(entry["file"], entry["target"]["asked"]) for entry in entries}
    earlier = json.loads(path.read_text()) if path.exists() else []
    entries += [entry for entry in earlier if (entry["file"], entry["target"]["asked"]) not in fresh]
    path.write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
