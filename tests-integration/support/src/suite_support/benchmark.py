"""Compare implementations of one job in one process: interleaved, repeated, reported as ratios of medians and minima.

A case is a function without parameters that does the job once and returns the seconds it took, measured by itself
(so that set-up stays out). A peer that cannot be imported is reported, not hidden.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Figures:
    """One implementation's seconds, and its ratio to the baseline (the first case): 2.0 means twice the time."""

    name: str
    minimum: float
    median: float
    ratio_of_minima: float
    ratio_of_medians: float


@dataclass(frozen=True)
class Comparison:
    """All figures of one job."""

    job: str
    python: str
    repeats: int
    figures: Sequence[Figures]
    absent: Mapping[str, str]


def compare(
    job: str,
    cases: Mapping[str, Callable[[], float]],
    *,
    repeats: int = 7,
    absent: Mapping[str, str] | None = None,
) -> Comparison:
    """Run every case `repeats` times in turn, after one turn that does not count; the first case is the baseline."""
    for case in cases.values():
        case()
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, case in cases.items():
            gc.collect()
            gc.disable()
            try:
                seconds[name].append(case())
            finally:
                gc.enable()
    base = next(iter(seconds.values()))
    figures = [
        Figures(
            name,
            min(taken),
            statistics.median(taken),
            min(taken) / min(base),
            statistics.median(taken) / statistics.median(base),
        )
        for name, taken in seconds.items()
    ]
    return Comparison(job, sys.version.split()[0], repeats, figures, dict(absent or {}))


def show(comparison: Comparison) -> str:
    """The comparison as a table of plain text."""
    lines = [f"{comparison.job} (Python {comparison.python}, {comparison.repeats} interleaved repeats)"]
    lines.append(f"  {'':28} {'min ms':>10} {'median ms':>10} {'x min':>7} {'x median':>9}")
    lines += [
        f"  {figure.name:28} {figure.minimum * 1e3:10.2f} {figure.median * 1e3:10.2f}"
        f" {figure.ratio_of_minima:7.2f} {figure.ratio_of_medians:9.2f}"
        for figure in comparison.figures
    ]
    lines += [f"  {name:28} not run: {why}" for name, why in comparison.absent.items()]
    return "\n".join(lines)


def main(jobs: Mapping[str, Callable[[int], Comparison]]) -> None:
    """Command line of a benchmark file: run the named jobs (default: all), print tables, write JSON if asked."""
    parser = argparse.ArgumentParser(description="Compare with the peers, interleaved in one process.")
    parser.add_argument("jobs", nargs="*", help=f"which to run: {', '.join(jobs)} (default: all)")
    parser.add_argument("--repeats", type=int, default=7, help="interleaved repeats of each case (default: 7)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    if unknown := set(arguments.jobs) - set(jobs):
        parser.error(f"no such job: {', '.join(sorted(unknown))}; there are {', '.join(jobs)}")
    results = []
    for name in arguments.jobs or jobs:
        results.append(jobs[name](arguments.repeats))
        print(show(results[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
