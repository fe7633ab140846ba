"""Compare implementations of one job in one process: interleaved, repeated, reported as ratios of medians and minima.

A case is a function without parameters that does the job once and returns the seconds it took, measured by itself
(so that set-up stays out). A peer that cannot be imported, or that fails at the job, is reported, not hidden.

A benchmark file ends with `main(JOBS, TARGETS)`; the targets say what was promised of which job. `benchmark_files` runs
such files and collects their figures, `targets` judges them, `charts` draws them.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from suite_support.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Case = Callable[[], float]
    Statistic = Literal["minimum", "median"]

__all__ = ["SCALE", "Comparison", "Figures", "Target", "compare", "main", "show", "sized"]

SCALE = "AIO_SUITE_BENCHMARK_SCALE"
"""The environment variable that makes jobs smaller, such as 0.01: to see that they run, not how fast."""


def sized(usual: int) -> int:
    """How often a benchmark file shall do something that it usually does so many times."""
    return max(1, round(usual * float(os.environ.get(SCALE, "1"))))


@dataclass(frozen=True)
class Figures:
    """One implementation's seconds, and its ratio to the baseline (the first case): 2.0 means twice the time."""

    name: str
    minimum: float
    median: float
    ratio_of_minima: float
    ratio_of_medians: float
    seconds: Sequence[float] = ()


@dataclass(frozen=True)
class Comparison:
    """All figures of one job."""

    job: str
    python: str
    repeats: int
    figures: Sequence[Figures]
    absent: Mapping[str, str]
    unit: str = "ms"
    statistic: Statistic = "minimum"


def compare(
    job: str,
    cases: Mapping[str, Case],
    *,
    repeats: int = 7,
    absent: Mapping[str, str] | None = None,
    unit: str = "ms",
    statistic: Statistic = "minimum",
) -> Comparison:
    """Run every case `repeats` times in turn, after one turn that does not count; the first case is the baseline.

    A case that raises in the turn that does not count is left out and reported as absent, unless it is the first.
    `unit` is for a job that measures no time: what a thousandth of what its cases return is. `statistic` is what charts
    and targets take: the minimum, which other work disturbs least, or the median, where being disturbed is measured.
    """
    able, unable = _first_turn(cases)
    seconds: dict[str, list[float]] = {name: [] for name in able}
    for _ in range(repeats):
        for name, case in able.items():
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
            tuple(taken),
        )
        for name, taken in seconds.items()
    ]
    return Comparison(job, sys.version.split()[0], repeats, figures, {**(absent or {}), **unable}, unit, statistic)


def _first_turn(cases: Mapping[str, Case]) -> tuple[dict[str, Case], dict[str, str]]:
    """The cases that can do the job, and why the others cannot."""
    able: dict[str, Case] = {}
    unable: dict[str, str] = {}
    for name, case in cases.items():
        try:
            case()
        except Exception as error:
            if not able:
                raise
            unable[name] = f"it fails: {error!r}"
        else:
            able[name] = case
    return able, unable


def show(comparison: Comparison) -> str:
    """The comparison as a table of plain text."""
    lines = [f"{comparison.job} (Python {comparison.python}, {comparison.repeats} interleaved repeats)"]
    lines.append(
        f"  {'':28} {'min ' + comparison.unit:>10} {'median ' + comparison.unit:>12} {'x min':>7} {'x median':>9}"
    )
    lines += [
        f"  {figure.name:28} {figure.minimum * 1e3:10.2f} {figure.median * 1e3:12.2f}"
        f" {figure.ratio_of_minima:7.2f} {figure.ratio_of_medians:9.2f}"
        for figure in comparison.figures
    ]
    lines += [f"  {name:28} not run: {why}" for name, why in comparison.absent.items()]
    return "\n".join(lines)


def main(jobs: Mapping[str, Callable[[int], Comparison]], targets: Sequence[Target] = ()) -> None:
    """Command line of a benchmark file: run the named jobs (default: all), print tables, write JSON if asked.

    Args:
        jobs: What can be run, by name; each is called with the number of repeats.
        targets: What was promised of these jobs; written into the JSON beside the figures.
    """
    arguments = _arguments(jobs, targets)
    if arguments.list:
        print(json.dumps({name: _of_job(name, targets) for name in jobs}))
        return
    results = []
    failed = []
    for name in arguments.jobs or jobs:
        try:
            comparison = jobs[name](arguments.repeats)
        except Exception:
            traceback.print_exc()
            failed.append(name)
            continue
        print(show(comparison), flush=True)
        results.append({"name": name, **asdict(comparison), "targets": _of_job(name, targets)})
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _of_job(job: str, targets: Sequence[Target]) -> list[dict[str, Any]]:
    return [asdict(target) for target in targets if target.job == job]


def _arguments(jobs: Mapping[str, Callable[[int], Comparison]], targets: Sequence[Target]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare with the peers, interleaved in one process.")
    parser.add_argument("jobs", nargs="*", help=f"which to run: {', '.join(jobs)} (default: all)")
    parser.add_argument("--repeats", type=int, default=7, help="interleaved repeats of each case (default: 7)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--list", action="store_true", help="run nothing: print the jobs and their targets as JSON")
    arguments = parser.parse_args()
    if unknown := {*arguments.jobs, *(target.job for target in targets)} - set(jobs):
        parser.error(f"no such job: {', '.join(sorted(unknown))}; there are {', '.join(jobs)}")
    if arguments.repeats < 1:
        parser.error(f"--repeats must be 1 or more, not {arguments.repeats}")
    return arguments
