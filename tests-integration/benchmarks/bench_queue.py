"""Queues: ours against asyncio.Queue, hat.aio's, and those of libraries for threads and for anyio, used by tasks alone.

Everything here runs in one thread and waits for nothing outside, so its CPU time is what is taken: what else runs on
the machine stays out of the figures.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import math
from functools import partial
from time import thread_time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aio_queue
from aio_queue import Queue
from suite_support.benchmark import Comparison, Target, compare, main, sized

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    Make = Callable[[int], Any]

ITEMS = sized(20_000)


def _peers() -> tuple[dict[str, Make], dict[str, str]]:
    """Ours, the standard library's, and each peer's, made to offer `put` and `get` at no cost to a call."""
    makers: dict[str, Callable[[], Make]] = {
        "aio_queue.Queue": lambda: Queue,
        "asyncio.Queue": lambda: asyncio.Queue,
        "hat.aio.Queue": _hat,
        "janus": _janus,
        "culsans": _culsans,
        "aiologic": _aiologic,
        "anyio streams": _anyio,
    }
    queues: dict[str, Make] = {}
    absent: dict[str, str] = {}
    for name, maker in makers.items():
        try:
            queues[name] = maker()
        except ImportError as error:
            absent[name] = str(error)
    return queues, absent


def _hat() -> Make:
    return importlib.import_module("hat.aio").Queue  # type: ignore[no-any-return]


def _janus() -> Make:
    janus = importlib.import_module("janus")
    return lambda maxsize: janus.Queue(maxsize).async_q


def _culsans() -> Make:
    culsans = importlib.import_module("culsans")
    return lambda maxsize: culsans.Queue(maxsize).async_q


def _aiologic() -> Make:
    aiologic = importlib.import_module("aiologic")

    def make(maxsize: int) -> Any:
        queue = aiologic.Queue(maxsize or None)
        return SimpleNamespace(put=queue.async_put, get=queue.async_get)

    return make


def _anyio() -> Make:
    anyio = importlib.import_module("anyio")

    def make(maxsize: int) -> Any:
        send, receive = anyio.create_memory_object_stream(maxsize or math.inf)
        return SimpleNamespace(put=send.send, get=receive.receive)

    return make


def _on_uvloop(run: Callable[[Make], Coroutine[Any, Any, float]], make: Make) -> float:
    with asyncio.Runner(loop_factory=importlib.import_module("uvloop").new_event_loop) as runner:
        return runner.run(run(make))


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
    cases: dict[str, Callable[[], float]] = {
        queue: (lambda make=make: asyncio.run(run(make)))  # type: ignore[misc]
        for queue, make in queues.items()
    }
    if importlib.util.find_spec("uvloop") is None:
        absent["uvloop"] = "it is not installed"
    else:
        cases["aio_queue.Queue, uvloop"] = lambda: _on_uvloop(run, Queue)
        cases["asyncio.Queue, uvloop"] = lambda: _on_uvloop(run, asyncio.Queue)
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


JOBS: Mapping[str, Callable[[int], Comparison]] = {
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


def _target(job: str, what: str, at_least: float, headline: str = "") -> Target:
    asked = f"{what}: {at_least}x asyncio.Queue"
    return Target(job, "aio_queue.Queue", "asyncio.Queue", asked, at_least=at_least, headline=headline)


TARGETS = (
    _target("unbounded", "streaming through an unbounded queue", 1.8),
    _target("hundred", "streaming through a queue of 100", 1.8, "stream through a queue"),
    _target("one", "streaming through a queue of 1", 2),
    _target("ping-pong", "ping-pong over two queues", 1.1),
)

if __name__ == "__main__":
    main(JOBS, TARGETS)
