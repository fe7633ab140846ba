"""The demonstration shows what it says, ends well, and leaves nothing running."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from typing import IO, cast

import pytest
from keyvalue_service import EXAMPLES, PATIENCE


def demo(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "keyvalue.demo", *options],
        cwd=EXAMPLES.parents[1],
        env={**os.environ, "PYTHONPATH": "docs/examples", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_demonstration() -> None:
    process = demo("--seconds", "1", "--clients", "5")
    output, errors = process.communicate(timeout=3 * PATIENCE)
    assert [line for line in errors.splitlines() if not line.startswith("Executing <")] == []  # as debug mode reports
    assert process.returncode == 0
    assert re.search(r"GET greeting +'hello'", output)
    assert re.search(r"INCR greeting +error: value is not an integer or out of range", output)
    assert re.search(r"BLPOP jobs 5 +\['jobs', 'job-1'\]", output)
    assert re.search(r"what a subscriber hears +'hello'", output)
    assert re.search(r"\d+ commands a second", output)
    assert all(name in output for name in ("PING", "MGET", "median", "99.9 %"))
    assert re.search(r"STATUS, a client being blocked +clients=\d+ blocked=1 ", output)
    assert re.search(r"STATUS, afterwards +clients=\d+ blocked=0 ", output)
    assert re.search(r"priority │ PING .* ms .* ms .* ms", output)
    assert re.search(r"stock +│ PING .* ms .* ms .* ms", output)
    assert re.search(r"clients=\d+ blocked=0 keys=\d+ commands=\d+ rate=\d+/s", output)
    [port] = re.findall(r"listens on port (\d+)", output)
    assert not listens(int(port))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["STATUS, a client being blocked", "60 seconds"])
def test_an_interrupted_demonstration_stops_its_server(moment: str, number: int) -> None:
    process = demo("--seconds", "60")
    stdout = cast("IO[str]", process.stdout)
    greeting = stdout.readline()
    [port] = re.findall(r"listens on port (\d+)", greeting)
    while moment not in stdout.readline():
        pass
    assert listens(int(port))
    process.send_signal(number)
    output, errors = process.communicate(timeout=PATIENCE)
    assert [line for line in errors.splitlines() if not line.startswith("Executing <")] == []  # as debug mode reports
    assert process.returncode == 130
    assert "Interrupted" in output
    assert not listens(int(port))
