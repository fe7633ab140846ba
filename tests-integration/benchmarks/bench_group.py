"""Our Group against that of hat.aio and asyncio.TaskGroup: time to run and close tasks, memory of idle ones.

hatch run bench:group [job ...]
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import time
import tracemalloc
from functools import partial
from typing import TYPE_CHECKING, Any

import aio_group
from suite_support.benchmark import Comparison, Target, compare, main, sized

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TASKS = sized(20_000)


def library(name: str) -> Any:
    """A peer, or None where it does not install."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def timed(body: Callable[[], Awaitable[float]]) -> float:
    """What the body measured, in a loop of its own."""

    async def run() -> float:
        return await body()

    return asyncio.run(run())


async def short() -> None:
    """The least that a task can do."""


def against_hat(job: str, case: Callable[[Any], Awaitable[float]], repeats: int, **others: Any) -> Comparison:
    """The same job with our group and hat.aio's, and with whatever else it can be done."""
    cases = {"aio-group": lambda: timed(lambda: case(aio_group))}
    absent = {}
    hat = library("hat.aio")
    if hat is None:
        absent["hat-aio"] = "it is not installed"
    else:
        cases["hat-aio"] = lambda: timed(lambda: case(hat))
    for name, other in others.items():
        cases[name] = partial(timed, other)
    return compare(job, cases, repeats=repeats, absent=absent)


def spawn(repeats: int) -> Comparison:
    async def case(package: Any) -> float:
        group = package.Group()
        start = time.process_time()
        for _ in range(TASKS - 1):
            group.spawn(short)
        # Tasks run in order: with the last, all have ended.
        await group.spawn(short)
        return time.process_time() - start

    async def task_group() -> float:
        start = time.process_time()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(TASKS):
                tasks.create_task(short())
        return time.process_time() - start

    return against_hat(f"spawn and completion of {TASKS:,} tasks", case, repeats, **{"asyncio.TaskGroup": task_group})


def spawn_and_gather(repeats: int) -> Comparison:
    async def case(package: Any) -> float:
        group = package.Group()
        start = time.process_time()
        await asyncio.gather(*[group.spawn(short) for _ in range(TASKS)])
        return time.process_time() - start

    async def task_group() -> float:
        start = time.process_time()
        async with asyncio.TaskGroup() as tasks:
            await asyncio.gather(*[tasks.create_task(short()) for _ in range(TASKS)])
        return time.process_time() - start

    return against_hat(f"spawn of {TASKS:,} tasks, gathered", case, repeats, **{"asyncio.TaskGroup": task_group})


def spawn_and_await_each(repeats: int) -> Comparison:
    async def case(package: Any) -> float:
        group = package.Group()
        start = time.process_time()
        for task in [group.spawn(short) for _ in range(TASKS)]:
            await task
        return time.process_time() - start

    return against_hat(f"spawn of {TASKS:,} tasks, awaited one after the other", case, repeats)


def await_one_at_a_time(repeats: int) -> Comparison:
    async def case(package: Any) -> float:
        group = package.Group()
        start = time.process_time()
        for _ in range(TASKS // 4):
            await group.spawn(short)
        return time.process_time() - start

    return against_hat(f"{TASKS // 4:,} times spawn and await", case, repeats)


async def idle() -> None:
    """Wait for what never comes."""
    await asyncio.get_running_loop().create_future()


def close(repeats: int) -> Comparison:
    async def case(package: Any) -> float:
        group = package.Group()
        for _ in range(TASKS // 2):
            group.spawn(idle)
        await asyncio.sleep(0)
        start = time.process_time()
        await group.async_close()
        return time.process_time() - start

    return against_hat(f"closing {TASKS // 2:,} waiting tasks", case, repeats)


def close_is_linear(repeats: int) -> Comparison:
    def case(tasks: int) -> Callable[[], Awaitable[float]]:
        async def body() -> float:
            group = aio_group.Group()
            for _ in range(tasks):
                group.spawn(idle)
            await asyncio.sleep(0)
            start = time.process_time()
            await group.async_close()
            return (time.process_time() - start) * 10_000 / tasks

        return body

    cases = {f"of {tasks:,}": lambda tasks=tasks: timed(case(tasks)) for tasks in (2_500, 5_000, 10_000, 20_000)}
    return compare("closing waiting tasks: time for each 10,000 of them", cases, repeats=repeats)


def memory(repeats: int) -> Comparison:
    tasks = TASKS // 2

    def case(keep: Callable[[], Callable[[], object]]) -> Callable[[], Awaitable[float]]:
        async def body() -> float:
            start_one = keep()
            gc.collect()
            tracemalloc.start()
            for _ in range(tasks):
                start_one()
            await asyncio.sleep(0)
            kilobytes = tracemalloc.get_traced_memory()[0] / tasks / 1000
            tracemalloc.stop()
            return kilobytes

        return body

    def bare() -> Callable[[], object]:
        kept: set[object] = set()
        return lambda: kept.add(asyncio.get_running_loop().create_task(idle()))

    def dropped() -> Callable[[], object]:
        group = aio_group.Group()
        return lambda: group.spawn(idle)

    def held() -> Callable[[], object]:
        group = aio_group.Group()
        futures: list[object] = []
        return lambda: futures.append(group.spawn(idle))

    cases = {
        "bare task and set entry": lambda: timed(case(bare)),
        "spawned, future dropped": lambda: timed(case(dropped)),
        "spawned, future kept": lambda: timed(case(held)),
    }
    return compare("memory of each idle task", cases, repeats=min(repeats, 2), unit="bytes")


JOBS = {
    "spawn": spawn,
    "gather": spawn_and_gather,
    "await-each": spawn_and_await_each,
    "one-at-a-time": await_one_at_a_time,
    "close": close,
    "close-linear": close_is_linear,
    "memory": memory,
}

TARGETS = (
    Target(
        "spawn",
        "aio-group",
        "hat-aio",
        f"spawn and completion of {TASKS:,} tasks: 2x hat.aio's Group",
        at_least=2,
        headline="spawn tasks in a Group",
    ),
    Target(
        "spawn",
        "aio-group",
        "asyncio.TaskGroup",
        f"spawn and completion of {TASKS:,} tasks: 0.55x as fast as asyncio.TaskGroup, which has no shield",
        at_least=0.55,
    ),
    Target(
        "close-linear",
        "of 10,000",
        "of 2,500",
        # What a larger heap costs the caches is no matter of the algorithm: quadratic would be 4x.
        "closing 10,000 waiting tasks is linear: each costs what it does among 2,500, up to 1.5x",
        at_most=1.5,
    ),
    Target(
        "memory",
        "spawned, future dropped",
        "bare task and set entry",
        "memory of an idle task: 1.5x a bare task and its set entry",
        at_most=1.5,
    ),
)

if __name__ == "__main__":
    main(JOBS, TARGETS)
