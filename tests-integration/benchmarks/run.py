"""Run the comparisons: tables on the screen, figures as JSON and charts as SVG in a folder.

    hatch run bench:run                          everything; takes a while
    hatch run bench:run queue group:spawn        one file's jobs, one job
    hatch run bench:run --list                   what there is

Figures of an earlier run stay in the folder until their job runs again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite_support.benchmark_files import UnknownSelectionError, find, select
from suite_support.charts import draw, headline_bar, job_bars
from suite_support.targets import Outcome, Target, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from suite_support.benchmark_files import BenchmarkFile

    # By file, then by job: a comparison as the JSON of its benchmark file has it.
    Results = dict[str, dict[str, dict[str, Any]]]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("selection", nargs="*", metavar="FILE[:JOB]", help="what to run (default: everything)")
    parser.add_argument("--repeats", type=int, default=7, help="interleaved repeats of each case (default: 7)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter to measure (default: this one)")
    parser.add_argument("--output", type=Path, default=ROOT / ".benchmarks", help="folder (default: .benchmarks)")
    parser.add_argument("--list", action="store_true", help="only print the names of all files and jobs")
    parser.add_argument("--draw", action="store_true", help="only draw the charts of the figures in the folder")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    files = find(HERE, options.python)
    if options.list:
        print(*(f"{file.name}:{job}" for file in files for job in file.targets_by_job), sep="\n")
        return 0
    try:
        selection = select(files, options.selection)
    except UnknownSelectionError as error:
        print(error, file=sys.stderr)
        return 2
    options.output.mkdir(parents=True, exist_ok=True)
    failed = [] if options.draw else measure(selection, options.repeats, options.output)
    try:
        draw_all(read(options.output), options.output)
    except ImportError as error:
        print(f"no charts: {error}", file=sys.stderr)
    print(f"figures and charts: {options.output}")
    for name in failed:
        print(f"{name}: not all of its jobs ran", file=sys.stderr)
    return 1 if failed else 0


def measure(selection: Iterable[tuple[BenchmarkFile, Sequence[str]]], repeats: int, folder: Path) -> list[str]:
    """Run the selection and add its figures to those in the folder, file by file; the names of files that failed."""
    failed = []
    for file, jobs in selection:
        results, complete = file.run(jobs, repeats)
        stored = read(folder)
        stored.setdefault(file.name, {}).update({result["name"]: result for result in results})
        about = {"system": f"{platform.system()} {platform.machine()}", "processors": os.cpu_count()}
        (folder / "figures.json").write_text(json.dumps({"about": about, "files": stored}, indent=1) + "\n")
        if not complete:
            failed.append(file.name)
    return failed


def read(folder: Path) -> Results:
    """The figures in a folder."""
    figures = folder / "figures.json"
    if not figures.exists():
        return {}
    results: Results = json.loads(figures.read_text())["files"]
    return results


def draw_all(results: Results, folder: Path) -> None:
    """A chart for each job, and one of the headlines of all files."""
    for file, jobs in sorted(results.items()):
        for job, comparison in jobs.items():
            figures = f"{comparison['statistic']} of {comparison['repeats']}"
            caption = f"Python {comparison['python']}, {figures}; shorter is better"
            draw(job_bars(comparison), comparison["job"], folder / f"{file}-{job}.svg", caption)
    fastest_first = sorted(headlines(results), key=lambda headline: -headline[-1])
    if bars := [headline_bar(*headline) for headline in fastest_first]:
        caption = "longer is better; dotted: as fast as the peer"
        draw(bars, "How many times as fast as the peer", folder / "summary.svg", caption, mark=1)


def headlines(results: Results) -> Iterable[tuple[str, str, float]]:
    """What the summary shows of each target that has a headline: the words, the peer, and how many times as fast."""
    for jobs in results.values():
        for comparison in jobs.values():
            for target in map(Target.from_json, comparison["targets"]):
                if target.headline and (verdict := judge(target, comparison)).outcome is not Outcome.NOT_RUN:
                    yield target.headline, target.against, 1 / verdict.ratio


if __name__ == "__main__":
    sys.exit(main())
