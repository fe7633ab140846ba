"""Put results into the documentation: the charts that its page shows, the figures, and the table of promises.

    hatch run bench:run && hatch run bench:check
    hatch run bench:publish

The table has a column for each Python whose verdicts `bench:check` left in the folder.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from pathlib import Path
from typing import Any

from suite_support.targets import Outcome, Target, Verdict

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
PUBLISHED = ROOT / "docs" / "assets" / "benchmarks"
BEGIN = "<!-- targets: written by `hatch run bench:publish` -->\n"
END = "<!-- end of targets -->\n"
SIGNS = {Outcome.MET: "", Outcome.WITHIN_NOISE: " ≈", Outcome.MISSED: " ✗"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / ".benchmarks", help="folder (default: .benchmarks)")
    folder = parser.parse_args().results
    copy_charts(folder)
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(before + BEGIN + table(folder) + END + after, encoding="utf-8")


def copy_charts(folder: Path) -> None:
    shown = set(re.findall(r"assets/benchmarks/([\w-]+\.svg)", PAGE.read_text(encoding="utf-8")))
    PUBLISHED.mkdir(parents=True, exist_ok=True)
    for old in PUBLISHED.glob("*.svg"):
        old.unlink()
    for name in sorted(shown | {"summary.svg", "summary-dark.svg"}):
        shutil.copy(folder / name, PUBLISHED / name)
    shutil.copy(folder / "figures.json", PUBLISHED / "figures.json")


def table(folder: Path) -> str:
    """A row for each promise, a column for each Python."""
    columns = {path.stem.removeprefix("targets-"): verdicts(path) for path in sorted(folder.glob("targets-*.json"))}
    # Sorting keeps the order in which a file names its promises.
    rows = sorted(dict.fromkeys(key for column in columns.values() for key in column), key=lambda key: key[0])
    lines = ["| | promised | asked | " + " | ".join(columns) + " |", "|---" * (len(columns) + 3) + "|"]
    for file, target in rows:
        cells = [cell(column.get((file, target))) for column in columns.values()]
        limit = f"{'≤' if target.at_most is not None else '≥'}&nbsp;{target.wording(target.limit)}"
        lines.append("| " + " | ".join([f"`{file}`", target.asked, limit, *cells]) + " |")
    return "\n".join(["", *lines, "", ""])


def verdicts(path: Path) -> dict[tuple[str, Target], Verdict]:
    entries: list[dict[str, Any]] = json.loads(path.read_text())
    found = {}
    for entry in entries:
        target = Target.from_json(entry["target"])
        found[entry["file"], target] = Verdict(
            target, Outcome(entry["outcome"]), entry["ratio"], entry["noise"], entry["why"]
        )
    return found


def cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    if verdict.outcome is Outcome.NOT_RUN:
        return "—"
    return verdict.target.wording(verdict.ratio) + SIGNS[verdict.outcome]


if __name__ == "__main__":
    main()
