"""The example service against the same server in plain asyncio: throughput, and how long clients wait meanwhile.

Both run in processes of their own and are driven by `redis-benchmark`, or by one client that sends PING while the
server rewrites its file again and again, alone or beside eight more tasks of the kind. The runs alternate.
Needs Redis's tools (Debian: redis-tools).
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
PLAIN, BUSY = (str(Path(__file__).with_name(f"{name}_keyvalue.py")) for name in ("plain", "busy"))
SERVERS = {
    "example": ["-m", "keyvalue", "--port", "0"],
    "plain asyncio": [PLAIN],
}
# What is done in the background of each, while its file is rewritten again and again.
BACKGROUNDS = {
    "no more": {
        "example": [BUSY],
        "plain asyncio": [PLAIN],
        "plain asyncio, rewriting in a thread": [PLAIN, "--thread"],
    },
    "8 tasks": {"example": [BUSY, "--tasks", "8"], "plain asyncio": [PLAIN, "--tasks", "8"]},
}
TESTS = ("ping_mbulk", "set", "get", "incr", "lpush", "rpop", "mset")
PERCENTILES = (50, 90, 99, 99.9)
KEYS = 100_000


@contextlib.contextmanager
def server(command: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Run a server; gives its port and its process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "docs" / "examples")}
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline().rpartition(":")[2]), process.pid
        finally:
            process.kill()


def throughput(repeats: int, requests: int, pipeline: int) -> dict[str, dict[str, float]]:
    """Requests a second, as `redis-benchmark` counts them: the best of some runs, by server and test."""
    best: dict[str, dict[str, float]] = {name: {} for name in SERVERS}
    for _ in range(repeats):
        for name, command in SERVERS.items():
            with server(command) as (port, _pid):
                for test in TESTS:
                    options = f"-p {port} -t {test} -n {requests} -c 50 -P {pipeline} --csv".split()
                    done = subprocess.run(
                        ["redis-benchmark", *options],
                        check=True,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                        text=True,
                    )
                    [row] = list(csv.DictReader(done.stdout.splitlines()))
                    best[name][test] = max(best[name].get(test, 0.0), float(row["rps"]))
    return best


def ping(command: Sequence[str], seconds: float) -> list[float]:
    """How many seconds each PING took while the server rewrote its file, sorted."""
    with (
        tempfile.TemporaryDirectory() as directory,
        server([*command, "--appendonly", str(Path(directory) / "appendonly.aof")]) as (port, _pid),
        socket.create_connection(("127.0.0.1", port)) as line,
        socket.create_connection(("127.0.0.1", port)) as other,
    ):
        fill(other)
        over = threading.Event()
        rewriting = threading.Thread(target=rewrite_until, args=(other, over))
        rewriting.start()
        taken = []
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            line.sendall(b"*1\r\n$4\r\nPING\r\n")
            line.recv(64)
            taken.append(time.perf_counter() - began)
            time.sleep(0.0007)
        over.set()
        rewriting.join()
    return sorted(taken)


def fill(line: socket.socket) -> None:
    # In few commands: each has to wait for the log's thread, which the tasks of the background let have its turn late.
    for start in range(0, KEYS, 10_000):
        keys = b"".join(b"$9\r\nkey:%05d\r\n$50\r\n%050d\r\n" % (n, n) for n in range(start, start + 10_000))
        line.sendall(b"*20001\r\n$4\r\nMSET\r\n" + keys)
        assert line.recv(64) == b"+OK\r\n"


def rewrite_until(line: socket.socket, over: threading.Event) -> None:
    while not over.wait(0.02):
        line.sendall(b"*1\r\n$12\r\nBGREWRITEAOF\r\n")
        line.recv(1024)


def percentile(sorted_values: Sequence[float], percent: float) -> float:
    return sorted_values[min(int(len(sorted_values) * percent / 100), len(sorted_values) - 1)]


def measure_pings(
    background: str, servers: Mapping[str, Sequence[str]], repeats: int, seconds: float
) -> dict[str, list[float]]:
    """How long a PING took, as percentiles in seconds (the median of the runs), by server."""
    runs: dict[str, list[list[float]]] = {name: [] for name in servers}
    for _ in range(repeats):
        for name, command in servers.items():
            runs[name].append(ping(command, seconds))
    medians = {
        name: [statistics.median(percentile(run, percent) for run in taken) for percent in PERCENTILES]
        for name, taken in runs.items()
    }
    print(f"PING while the file is rewritten, and {background} beside that, milliseconds")
    print(f"  {'':38} " + " ".join(f"{f'{percent} %':>9}" for percent in PERCENTILES))
    for name, values in medians.items():
        print(f"  {name:38} " + " ".join(f"{value * 1e3:9.2f}" for value in values))
    ratios = [plain / ours for plain, ours in zip(medians["plain asyncio"], medians["example"], strict=True)]
    print(f"  {'plain asyncio / example':38} " + " ".join(f"{ratio:8.1f}x" for ratio in ratios), flush=True)
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each server (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=30_000, help="of each test (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of PING in each run (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    figures: dict[str, object] = {"python": sys.version.split()[0]}
    if shutil.which("redis-benchmark") is None:
        print("redis-benchmark is not installed (Debian: redis-tools): no throughput")
    else:
        for pipeline in (1, 16):
            figures[f"throughput, pipeline of {pipeline}"] = best = throughput(
                options.repeats, options.requests, pipeline
            )
            print(f"Requests a second, 50 clients, pipeline of {pipeline} (Python {sys.version.split()[0]})")
            for test in TESTS:
                ours, plain = best["example"][test], best["plain asyncio"][test]
                print(f"  {test:12} example {ours:10,.0f}   plain asyncio {plain:10,.0f}   ratio {ours / plain:5.2f}")
    for background, servers in BACKGROUNDS.items():
        figures[f"ping beside {background}"] = measure_pings(background, servers, options.repeats, options.seconds)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
