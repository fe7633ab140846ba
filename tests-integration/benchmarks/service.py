"""The example service against the same server in plain asyncio: throughput, and how long clients wait meanwhile.

Both run in processes of their own and are driven by `redis-benchmark`, or by one client that sends PING while the
server rewrites its file again and again, alone or beside eight more tasks of the kind. The runs alternate; for the
throughput a pair of servers stands ready all the time, on a core of their own where there is one to spare, and each
test goes to and fro between them. Needs Redis's tools (Debian: redis-tools).
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import importlib
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
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

psutil: Any = importlib.import_module("psutil")

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
ROUNDS = 3
# glibc gives back to the system what asyncio receives into, with each read, or keeps it, as the heap of a process lies.
# That is worth up to 40 % here, and tells nothing about a server.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**30)}


@contextlib.contextmanager
def server(command: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Run a server; gives its port and its process."""
    environment = {**os.environ, **KEEP_MEMORY, "PYTHONPATH": str(ROOT / "docs" / "examples")}
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline().rpartition(":")[2]), process.pid
        finally:
            process.kill()


class Throughput(NamedTuple):
    """Of a server in a test, the median of some rounds."""

    requests_a_second: float
    server_microseconds: float  # of processor time, for a request

    def shown(self) -> str:
        return f"{self.requests_a_second:9,.0f} {self.server_microseconds:6.1f}"


def throughput(repeats: int, requests: int, pipeline: int) -> dict[str, dict[str, Throughput]]:
    """What `redis-benchmark` counts, and what the servers take meanwhile, by server and test."""
    rounds: dict[str, dict[str, list[Throughput]]] = {name: {test: [] for test in TESTS} for name in SERVERS}
    for _ in range(repeats):
        with contextlib.ExitStack() as stack:
            servers = {name: stack.enter_context(server(command)) for name, command in SERVERS.items()}
            with own_core([pid for _port, pid in servers.values()]):
                for test in TESTS:
                    for _ in range(ROUNDS):
                        for name, (port, pid) in servers.items():
                            rounds[name][test].append(drive(port, pid, test, requests, pipeline))
    return {
        name: {test: Throughput(*map(statistics.median, zip(*taken, strict=True))) for test, taken in tests.items()}
        for name, tests in rounds.items()
    }


@contextlib.contextmanager
def own_core(pids: Sequence[int]) -> Iterator[None]:
    """Keep some processes on one core, and this one with what it starts on the others."""
    this = psutil.Process()
    if not hasattr(this, "cpu_affinity") or len(cores := this.cpu_affinity()) < 2:
        yield
        return
    for pid in pids:
        psutil.Process(pid).cpu_affinity(cores[-1:])
    this.cpu_affinity(cores[:-1])
    try:
        yield
    finally:
        this.cpu_affinity(cores)


def drive(port: int, pid: int, test: str, requests: int, pipeline: int) -> Throughput:
    before = sum(psutil.Process(pid).cpu_times()[:2])
    done = subprocess.run(
        ["redis-benchmark", *f"-p {port} -t {test} -n {requests} -c 50 -P {pipeline} --csv".split()],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    taken = sum(psutil.Process(pid).cpu_times()[:2]) - before
    [row] = list(csv.DictReader(done.stdout.splitlines()))
    return Throughput(float(row["rps"]), taken / requests * 1e6)


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
            taken = throughput(options.repeats, options.requests, pipeline)
            figures[f"throughput, pipeline of {pipeline}"] = {
                name: {test: figure._asdict() for test, figure in tests.items()} for name, tests in taken.items()
            }
            print(f"50 clients, pipeline of {pipeline} (Python {sys.version.split()[0]}): requests a second,")
            print("microseconds of the server's processor for one, and by both how many times the example is faster")
            for test in TESTS:
                ours, plain = taken["example"][test], taken["plain asyncio"][test]
                faster = ours.requests_a_second / plain.requests_a_second
                cheaper = plain.server_microseconds / ours.server_microseconds
                print(
                    f"  {test:12} example {ours.shown()}   plain asyncio {plain.shown()}   {faster:5.2f} {cheaper:5.2f}"
                )
    for background, servers in BACKGROUNDS.items():
        figures[f"ping beside {background}"] = measure_pings(background, servers, options.repeats, options.seconds)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
