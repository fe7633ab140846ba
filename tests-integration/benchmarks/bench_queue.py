"""Queues: ours against asyncio.Queue and hat.aio's.

Everything here runs in one thread and waits for nothing outside, so its CPU time is what is taken: what else runs on
the machine stays out of the figures.
"""

from __future__ import annotations

import asyncio
import importlib
from functools import partial
from time import thread_time
from typing import TYPE_CHECKING, Any

import aio_queue
from aio_queue import Queue
from suite_support.benchmark import Comparison, compare, main

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    Make = Callable[[int], Any]

ITEMS = 20_000


def _peers() -> tuple[dict[str, Make], dict[str, str]]:
    queues: dict[str, Make] = {"aio_queue.Queue": Queue, "asyncio.Queue": asyncio.Queue}
    try:
        queues["hat.aio.Queue"] = importlib.import_module("hat.aio").Queue
    except ImportError as error:
        return queues, {"hat.aio.Queue": str(error)}
    return queues, {}


async def _stream(make: Make, maxsize: int) -> float:
    queue = make(maxsize)

    async def produce() -> None:
        for number in range(ITEMS):
            await queue.put(number)

    begin = thread_time()
    producing = asyncio.create_task(produce())
    for _ in range(ITEMS):
        await queue.get()
    await producing
    return thread_time() - begin


async def _crowd(make: Make, maxsize: int) -> float:
    """Ten producers, all of which wait for room most of the time, and one consumer."""
    queue = make(maxsize)

    async def produce() -> None:
        for number in range(ITEMS // 10):
            await queue.put(number)

    begin = thread_time()
    producing = [asyncio.create_task(produce()) for _ in range(10)]
    for _ in range(ITEMS):
        await queue.get()
    await asyncio.gather(*producing)
    return thread_time() - begin


async def _ping_pong(make: Make) -> float:
    there, back = make(0), make(0)

    async def answer() -> None:
        for _ in range(ITEMS // 2):
            await back.put(await there.get())

    begin = thread_time()
    answering = asyncio.create_task(answer())
    for number in range(ITEMS // 2):
        await there.put(number)
        await back.get()
    await answering
    return thread_time() - begin


def _job(name: str, run: Callable[[Make], Coroutine[Any, Any, float]], repeats: int) -> Comparison:
    queues, absent = _peers()
    cases: Mapping[str, Callable[[], float]] = {
        queue: (lambda make=make: asyncio.run(run(make)))  # type: ignore[misc]
        for queue, make in queues.items()
    }
    return compare(name, cases, repeats=repeats, absent=absent)


async def _batches(_: Make) -> float:
    queue: Queue[int] = Queue(100)

    async def produce() -> None:
        for start in range(0, ITEMS, 50):
            await queue.put_many(range(start, start + 50))

    begin = thread_time()
    producing = asyncio.create_task(produce())
    taken = 0
    while taken < ITEMS:
        taken += len(await queue.get_many(50))
    await producing
    return thread_time() - begin


def _order_job(name: str, repeats: int) -> Comparison:
    """A queue of another order; hat.aio has none."""
    ours, theirs = getattr(aio_queue, name), getattr(asyncio, name)
    cases: dict[str, Callable[[], float]] = {
        f"aio_queue.{name}": lambda: asyncio.run(_stream(ours, 100)),
        f"asyncio.{name}": lambda: asyncio.run(_stream(theirs, 100)),
    }
    return compare(f"{name}: stream of {ITEMS} items, maxsize=100", cases, repeats=repeats)


def _batch_job(repeats: int) -> Comparison:
    cases: dict[str, Callable[[], float]] = {
        "put_many, get_many": lambda: asyncio.run(_batches(Queue)),
        "put, get": lambda: asyncio.run(_stream(Queue, 100)),
        "asyncio.Queue": lambda: asyncio.run(_stream(asyncio.Queue, 100)),
    }
    return compare(f"{ITEMS} items in batches of 50, maxsize=100", cases, repeats=repeats)


if __name__ == "__main__":
    main(
        {
            "unbounded": partial(_job, f"stream of {ITEMS} items, unbounded", partial(_stream, maxsize=0)),
            "hundred": partial(_job, f"stream of {ITEMS} items, maxsize=100", partial(_stream, maxsize=100)),
            "one": partial(_job, f"stream of {ITEMS} items, maxsize=1", partial(_stream, maxsize=1)),
            "ping-pong": partial(_job, f"{ITEMS // 2} round trips over two queues", _ping_pong),
            "crowd-hundred": partial(_job, f"10 producers of {ITEMS // 10}, maxsize=100", partial(_crowd, maxsize=100)),
            "crowd-ten": partial(_job, f"10 producers of {ITEMS // 10}, maxsize=10", partial(_crowd, maxsize=10)),
            "batches": _batch_job,
            "lifo": partial(_order_job, "LifoQueue"),
            "priority": partial(_order_job, "PriorityQueue"),
        }
    )
