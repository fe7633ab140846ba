"""aio-trio-util against trio-util and bare trio: what TaskStats costs the scheduler, wait_any, generators. CPU time.

hatch run bench:trio-util [job ...]
"""

from __future__ import annotations

import importlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import aio_trio_util
import trio
from suite_support.benchmark import Comparison, Target, compare, main, sized

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

SWITCHES = sized(40_000)


def library(name: str) -> Any:
    """A peer, or None where it does not install."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


PEER = library("trio_util")
ABSENT = {} if PEER else {"trio-util": "it is not installed"}


class TwoEmptyHooks(trio.abc.Instrument):
    """The least that tells who waits and who runs: what trio itself takes for calling two hooks."""

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        pass

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        pass


def timed(body: Callable[[], Awaitable[object]], *instruments: trio.abc.Instrument) -> float:
    """Seconds of CPU time that the body takes inside a trio run."""

    async def run() -> float:
        start = time.process_time()
        await body()
        return time.process_time() - start

    return trio.run(run, instruments=instruments)


def instrumented(job: str, body: Callable[[], Awaitable[object]], repeats: int) -> Comparison:
    """The body without and with instruments: bare trio is the baseline."""
    cases = {
        "bare trio": lambda: timed(body),
        "two empty hooks": lambda: timed(body, TwoEmptyHooks()),
        "TaskStats": lambda: timed(body, aio_trio_util.TaskStats()),
    }
    if PEER:
        cases["TaskStats of trio-util"] = lambda: timed(body, PEER.TaskStats())
    return compare(job, cases, repeats=repeats, absent=ABSENT)


def switching(tasks: int) -> Callable[[int], Comparison]:
    async def loop() -> None:
        for _ in range(SWITCHES // tasks):
            await trio.sleep(0)

    async def body() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(tasks):
                nursery.start_soon(loop)

    return partial(instrumented, f"{SWITCHES:,} switches among {tasks} tasks", body)


def channel(repeats: int) -> Comparison:
    async def body() -> None:
        send, receive = trio.open_memory_channel[int](0)

        async def produce() -> None:
            async with send:
                for item in range(SWITCHES // 4):
                    await send.send(item)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(produce)
            async for _ in receive:
                pass

    return instrumented(f"{SWITCHES // 4:,} items through a memory channel", body, repeats)


def against_peer(job: str, case: Callable[[Any], Callable[[], Awaitable[object]]], repeats: int) -> Comparison:
    cases = {"aio-trio-util": lambda: timed(case(aio_trio_util))}
    if PEER:
        cases["trio-util"] = lambda: timed(case(PEER))
    return compare(job, cases, repeats=repeats, absent=ABSENT)


def waiting(repeats: int) -> Comparison:
    def case(package: Any) -> Callable[[], Awaitable[object]]:
        async def body() -> None:
            for _ in range(2_000):
                await package.wait_any(trio.sleep_forever, trio.lowlevel.checkpoint)

        return body

    return against_peer("2,000 times wait_any of two", case, repeats)


def generator(repeats: int) -> Comparison:
    def case(package: Any) -> Callable[[], Awaitable[object]]:
        async def count() -> AsyncGenerator[int, None]:
            async with trio.open_nursery():
                for number in range(10_000):
                    yield number

        opened = package.trio_async_generator(count)

        async def body() -> None:
            async with opened() as numbers:
                async for _ in numbers:
                    pass

        return body

    return against_peer("10,000 items of a trio_async_generator", case, repeats)


JOBS = {
    "switch-1": switching(1),
    "switch-2": switching(2),
    "switch-10": switching(10),
    "switch-100": switching(100),
    "channel": channel,
    "wait-any": waiting,
    "generator": generator,
}

TARGETS = tuple(
    Target(
        f"switch-{tasks}",
        "TaskStats",
        "bare trio",
        f"TaskStats while {tasks} tasks only switch: 1.5x bare trio",
        at_most=1.5,
    )
    for tasks in (1, 2, 10, 100)
)

if __name__ == "__main__":
    main(JOBS, TARGETS)
