"""Every benchmark still does its job: each runs once, made small where it can be; nobody looks at the figures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from suite_support.benchmark import SCALE
from suite_support.benchmark_files import find

HERE = Path(__file__).parent
# Servers and clients in processes of their own, for seconds of real time.
LONG = {"bench_latency.py"}


@pytest.mark.parametrize("path", [path for path in sorted(HERE.glob("bench_*.py")) if path.name not in LONG])
def test_every_job_runs(path: Path) -> None:
    command = [sys.executable, str(path), "--repeats=1"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, SCALE: "0.01"})
    assert done.returncode == 0, done.stderr


def test_every_file_lists_jobs_and_every_target_is_of_one() -> None:
    files = find(HERE)
    assert {file.path.name for file in files} >= {"bench_queue.py", *LONG}
    assert all(file.targets_by_job for file in files)
    assert [target.headline for file in files for target in file.targets].count("stream through a queue") == 1
