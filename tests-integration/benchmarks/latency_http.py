"""How long clients of an aiohttp server wait while background tasks eat its loop, asyncio's own or a priority loop.

The server, and the clients, run in processes of their own. In the background, ten tasks work for a millisecond each and
let others have their turn, without end. On the loop with priorities they have a low one; on the stock loop there is
none to give. The runs of the two alternate.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from aio_sched import Priority, PriorityTask, priority_loop_factory
from slices import work

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOPS = {"stock": asyncio.new_event_loop, "priority": priority_loop_factory}
BACKGROUND = 10
CLIENTS = 4
PAUSE = 0.005
PERCENTILES = (50, 90, 99, 99.9)


def serve(loop: str) -> None:
    """Run the server until it is killed; it prints its port."""
    # Only the bench environment has it.
    from aiohttp import web  # type: ignore[import-not-found, unused-ignore]

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"answer": 42})

    async def main() -> None:
        application = web.Application()
        application.router.add_get("/", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        [(_host, port)] = runner.addresses
        tasks = [PriorityTask(work(), priority=Priority.LOW) for _ in range(BACKGROUND)]
        print(port, flush=True)
        await asyncio.gather(*tasks)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(main())


def request(port: int, seconds: float) -> None:
    """Be some clients for some seconds; prints how many seconds each request took."""
    import aiohttp  # type: ignore[import-not-found, unused-ignore]

    took: list[float] = []

    async def client(session: aiohttp.ClientSession, until: float) -> None:
        while (began := time.perf_counter()) < until:
            async with session.get(f"http://127.0.0.1:{port}/") as response:
                assert (await response.json()) == {"answer": 42}
            took.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE)

    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(client(session, time.perf_counter() + seconds) for _ in range(CLIENTS)))

    asyncio.run(main())
    json.dump(took, sys.stdout)


def measure(loop: str, seconds: float) -> list[float]:
    """The seconds that requests took, sorted."""
    this = [sys.executable, __file__]
    with subprocess.Popen([*this, "--serve", loop], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            command = [*this, "--request", port, "--seconds", str(seconds)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        finally:
            server.kill()
    return sorted(json.loads(done.stdout))


def percentile(sorted_values: Sequence[float], percent: float) -> float:
    return sorted_values[min(int(len(sorted_values) * percent / 100), len(sorted_values) - 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="runs with each loop (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--serve", choices=LOOPS, help=argparse.SUPPRESS)
    parser.add_argument("--request", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
    elif options.request:
        request(options.request, options.seconds)
    else:
        compare(options.seconds, options.repeats, options.json)


def compare(seconds: float, repeats: int, path: Path | None) -> None:
    runs: dict[str, list[list[float]]] = {loop: [] for loop in LOOPS}
    for _ in range(repeats):
        for loop, taken in runs.items():
            taken.append(measure(loop, seconds))
    medians = {
        loop: [statistics.median(percentile(run, percent) for run in taken) for percent in PERCENTILES]
        for loop, taken in runs.items()
    }
    about = f"Python {sys.version.split()[0]}, {repeats} runs"
    print(f"aiohttp, {BACKGROUND} background tasks, milliseconds a request ({about})")
    print(f"  {'':10} " + " ".join(f"{f'{percent} %':>9}" for percent in PERCENTILES))
    for loop, figures in medians.items():
        print(f"  {loop:10} " + " ".join(f"{figure * 1e3:9.2f}" for figure in figures))
    ratios = [stock / ours for stock, ours in zip(medians["stock"], medians["priority"], strict=True)]
    print(f"  {'ratio':10} " + " ".join(f"{ratio:9.1f}" for ratio in ratios))
    if path:
        path.write_text(json.dumps({"percentiles": PERCENTILES, "seconds": medians}, indent=2) + "\n")


if __name__ == "__main__":
    main()
