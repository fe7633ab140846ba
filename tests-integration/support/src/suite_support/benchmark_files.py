"""Run benchmark files, each in a process of its own, and collect what they measured.

A benchmark file is any `bench_NAME.py` of a folder that ends with `benchmark.main`: it is found by its name. It has a
process of its own, since what one file imports (trio, a peer with a loop of its own) changes what another's jobs cost.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite_support.targets import Outcome, Target, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PREFIX = "bench_"


class UnknownSelectionError(ValueError):
    """Something was asked for that no benchmark file has."""


@dataclass(frozen=True)
class BenchmarkFile:
    """A benchmark file, the Python that runs it, and what it says that it can do."""

    path: Path
    python: str
    targets_by_job: Mapping[str, Sequence[Target]]

    @property
    def name(self) -> str:
        return self.path.stem.removeprefix(PREFIX)

    @property
    def targets(self) -> list[Target]:
        return [target for targets in self.targets_by_job.values() for target in targets]

    def run(self, jobs: Sequence[str], repeats: int) -> tuple[list[dict[str, Any]], bool]:
        """Run jobs, printing their tables; the comparisons of those that ran, and whether all did."""
        with tempfile.TemporaryDirectory() as folder:
            figures = Path(folder, "figures.json")
            command = [self.python, str(self.path), *jobs, f"--repeats={repeats}", f"--json={figures}"]
            done = subprocess.run(command, check=False)
            results = json.loads(figures.read_text()) if figures.exists() else []
        return results, done.returncode == 0


def find(folder: Path, python: str = sys.executable) -> list[BenchmarkFile]:
    """All benchmark files of a folder.

    Raises:
        RuntimeError: A file does not even list its jobs.
    """
    return [_ask(path, python) for path in sorted(folder.glob(f"{PREFIX}*.py"))]


def _ask(path: Path, python: str) -> BenchmarkFile:
    asked = subprocess.run([python, str(path), "--list"], check=False, capture_output=True, text=True)
    if asked.returncode:
        raise RuntimeError(f"{path.name} --list failed:\n{asked.stderr}")
    jobs = json.loads(asked.stdout)
    return BenchmarkFile(
        path, python, {job: [Target.from_json(one) for one in targets] for job, targets in jobs.items()}
    )


def select(files: Sequence[BenchmarkFile], wanted: Iterable[str]) -> list[tuple[BenchmarkFile, list[str]]]:
    """The files and jobs meant by names such as `queue` (a whole file) and `queue:ping-pong`; all, if there are none.

    Raises:
        UnknownSelectionError: No file, or no job of that file, has such a name.
    """
    by_name = {file.name: file for file in files}
    chosen: dict[str, list[str]] = {} if (names := list(wanted)) else {name: [] for name in by_name}
    for name in names:
        file, _, job = name.partition(":")
        if file not in by_name:
            raise UnknownSelectionError(f"no benchmark file {file!r}; there are {', '.join(by_name)}")
        if job and job not in by_name[file].targets_by_job:
            raise UnknownSelectionError(f"{file} has no job {job!r}; it has {', '.join(by_name[file].targets_by_job)}")
        jobs = [job] if job else [*by_name[file].targets_by_job]
        chosen[file] = [*chosen.get(file, ()), *(job for job in jobs if job not in chosen.get(file, ()))]
    return [(by_name[file], jobs or [*by_name[file].targets_by_job]) for file, jobs in chosen.items()]


def check(
    selection: Sequence[tuple[BenchmarkFile, Sequence[str]]], *, repeats: int, more: int = 4
) -> list[tuple[BenchmarkFile, Verdict]]:
    """Measure what was promised of the selected jobs; a target that is not met is judged by a second run.

    Args:
        selection: Files and their jobs; jobs without targets are not run.
        repeats: Interleaved repeats in the first run.
        more: How many times as many the second run has.
    """
    verdicts: list[tuple[BenchmarkFile, Verdict]] = []
    for file, jobs in selection:
        asked = [
            target for job in jobs for target in file.targets_by_job[job] if target.applies(python_version(file.python))
        ]
        first = _measure(file, asked, repeats)
        doubtful = [verdict.target for verdict in first if verdict.outcome in {Outcome.WITHIN_NOISE, Outcome.MISSED}]
        again = {verdict.target: verdict for verdict in _measure(file, doubtful, repeats * more)}
        verdicts += [(file, again.get(verdict.target, verdict)) for verdict in first]
    return verdicts


def _measure(file: BenchmarkFile, targets: Sequence[Target], repeats: int) -> list[Verdict]:
    if not targets:
        return []
    results, _ = file.run(list(dict.fromkeys(target.job for target in targets)), repeats)
    by_job = {result["name"]: result for result in results}
    if missing := {target.job for target in targets} - set(by_job):
        raise RuntimeError(f"{file.name}: no figures of {', '.join(sorted(missing))}")
    return [judge(target, by_job[target.job]) for target in targets]


def python_version(python: str) -> tuple[int, int]:
    """Major and minor version of an interpreter, given by its path."""
    if python == sys.executable:
        return sys.version_info[:2]
    code = "import sys; print(*sys.version_info[:2])"
    shown = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout
    major, minor = shown.split()
    return int(major), int(minor)
