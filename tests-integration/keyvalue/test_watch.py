"""The window on the server, which runs on trio."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import IO, cast

from keyvalue_service import EXAMPLES, Service

LINE = re.compile(r"clients=\d+ blocked=\d+ keys=\d+ commands=\d+ rate=\d+/s\n")


def start(port: int, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "keyvalue.watch", "--port", str(port), *options],
        cwd=EXAMPLES,
        env={**os.environ, "PYTHONPATH": "."},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_so_many_lines(service: Service) -> None:
    process = start(service.port, "--lines", "1")
    output, errors = process.communicate(timeout=30)
    assert LINE.fullmatch(output)
    assert (process.returncode, errors) == (0, "")


def test_it_ends_with_the_server() -> None:
    with Service() as service:
        process = start(service.port)
        assert LINE.fullmatch(cast("IO[str]", process.stdout).readline())
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


def test_it_ends_when_it_is_interrupted(service: Service) -> None:
    process = start(service.port)
    assert LINE.fullmatch(cast("IO[str]", process.stdout).readline())
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


def test_a_server_that_is_not_there_is_named() -> None:
    with Service() as service:
        port = service.port
    process = start(port)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.startswith(f"127.0.0.1:{port}: ")
