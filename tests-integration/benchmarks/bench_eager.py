"""Eager start, a call: ours, a bare native eager Task, asynkit's `eager` (its C extension where it has one)."""

from __future__ import annotations

import asyncio
import importlib
import sys
from time import process_time
from typing import TYPE_CHECKING, Any

from aio_coro import eager
from suite_support.benchmark import Comparison, Target, compare, main, sized

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import TypeAlias

    Job: TypeAlias = Callable[[], Coroutine[Any, Any, int]]

CALLS = sized(1000)

try:
    asynkit = importlib.import_module("asynkit")
except ImportError as error:
    ABSENT = {"asynkit.eager": str(error)}
else:
    ABSENT = {}


async def no_block() -> int:
    return 1


async def one_block() -> int:
    await asyncio.sleep(0)
    return 1


# A loop of its own for each: the interpreter adapts a call to what is called there, as it can in a program.
async def with_eager(job: Job) -> None:
    for _ in range(CALLS):
        eager(job())


async def with_native_task(job: Job) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(CALLS):
        asyncio.Task(job(), loop=loop, eager_start=True)  # type: ignore[call-arg, unused-ignore]  # 3.12+


async def with_asynkit(job: Job) -> None:
    asynkit_eager = asynkit.eager
    for _ in range(CALLS):
        asynkit_eager(job())


async def with_create_task(job: Job) -> None:
    for _ in range(CALLS):
        asyncio.create_task(job())  # noqa: RUF006  it is done before the loop is


def _seconds(case: Callable[[Job], Coroutine[Any, Any, None]], job: Job) -> float:
    async def run() -> float:
        begin = process_time()
        await case(job)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return process_time() - begin

    return asyncio.run(run())


def _compare(title: str, job: Job, repeats: int) -> Comparison:
    cases: dict[str, Callable[[], float]] = {"aio_coro.eager": lambda: _seconds(with_eager, job)}
    absent = dict(ABSENT)
    if sys.version_info >= (3, 12):
        cases["asyncio.Task(eager_start)"] = lambda: _seconds(with_native_task, job)
    else:
        absent["asyncio.Task(eager_start)"] = "new in Python 3.12"
    if not ABSENT:
        cases["asynkit.eager"] = lambda: _seconds(with_asynkit, job)
    cases["asyncio.create_task"] = lambda: _seconds(with_create_task, job)
    return compare(f"{title}, {CALLS} calls", cases, repeats=repeats, absent=absent)


def no_blocking(repeats: int) -> Comparison:
    return _compare("eager start of a coroutine that does not block", no_block, repeats)


def blocking_once(repeats: int) -> Comparison:
    return _compare("eager start of a coroutine that blocks once, to its end", one_block, repeats)


def mostly_cached(repeats: int) -> Comparison:
    """The example of the guide: a page of 1000 parts, of which 990 are in a cache and 10 have to be fetched."""
    cache = {key: key for key in range(1000) if key % 100}

    async def part(key: int) -> int:
        if key in cache:
            return cache[key]
        await asyncio.sleep(0)  # a fetch that takes no time: what is measured is the tasks
        return key

    def page(start: Callable[[Coroutine[Any, Any, int]], Any]) -> float:
        async def run() -> float:
            begin = process_time()
            await asyncio.gather(*[start(part(key)) for key in range(1000)])
            return process_time() - begin

        return asyncio.run(run())

    cases: dict[str, Callable[[], float]] = {
        "aio_coro.eager": lambda: page(eager),
        "asyncio.create_task": lambda: page(asyncio.create_task),
    }
    if not ABSENT:
        cases["asynkit.eager"] = lambda: page(asynkit.eager)
    return compare("a page of 1000 parts, 990 of them cached", cases, repeats=repeats, absent=ABSENT)


JOBS = {"no-block": no_blocking, "one-block": blocking_once, "page": mostly_cached}

TARGETS = (
    Target(
        "no-block",
        "aio_coro.eager",
        "asynkit.eager",
        "eager start that does not block: 0.55x asynkit's",
        at_most=0.55,
        since=(3, 12),
        headline="eager start",
    ),
    Target(
        "no-block",
        "aio_coro.eager",
        "asynkit.eager",
        "eager start that does not block, on 3.11: 1.3x asynkit's",
        at_most=1.3,
        before=(3, 12),
    ),
    Target(
        "no-block",
        "aio_coro.eager",
        "asyncio.Task(eager_start)",
        "eager start that does not block: 1.2x a bare eager Task",
        at_most=1.2,
        since=(3, 12),
    ),
    Target(
        "one-block",
        "aio_coro.eager",
        "asynkit.eager",
        "eager start that blocks once: 0.75x asynkit's",
        at_most=0.75,
    ),
)

if __name__ == "__main__":
    main(JOBS, TARGETS)
