"""Locks for tasks of different priority against asyncio's and asynkit's.

The first case of each job is ours. Tasks are plain ones on the stock loop, unless the job says otherwise.
"""

from __future__ import annotations

import asyncio
import importlib
from time import process_time
from typing import TYPE_CHECKING, Any

from aio_sched import PriorityLock, PrioritySemaphore, PriorityTask
from suite_support.benchmark import Comparison, compare, main, sized

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

CALLS = sized(50_000)
TURNS = sized(200)
WAITERS = sized(5_000)
CHAIN = sized(50)

try:
    asynkit: Any = importlib.import_module("asynkit.experimental.priority")
except ImportError as error:
    asynkit = None
    ABSENT = {"asynkit": str(error)}
else:
    ABSENT = {}


def _locks() -> Mapping[str, Callable[[], asyncio.Lock]]:
    locks: dict[str, Callable[[], asyncio.Lock]] = {"aio_sched": PriorityLock, "asyncio": asyncio.Lock}
    if asynkit is not None:
        locks["asynkit"] = asynkit.PriorityLock
    return locks


def _semaphores() -> Mapping[str, Callable[[], asyncio.Semaphore]]:
    return {"aio_sched": PrioritySemaphore, "asyncio": asyncio.Semaphore}


def _timed(
    make: Callable[[], asyncio.Lock | asyncio.Semaphore], body: Callable[[Any], Coroutine[Any, Any, None]]
) -> Callable[[], float]:
    async def run_body() -> float:
        lock = make()
        begin = process_time()
        await body(lock)
        return process_time() - begin

    return lambda: asyncio.run(run_body())


async def _acquire_and_release(lock: asyncio.Lock | asyncio.Semaphore) -> None:
    for _ in range(CALLS):
        await lock.acquire()
        lock.release()


async def _enter_and_exit(lock: asyncio.Lock) -> None:
    for _ in range(CALLS):
        async with lock:
            pass


async def _take_turns(lock: asyncio.Lock | asyncio.Semaphore) -> None:
    async def take() -> None:
        for _ in range(TURNS):
            async with lock:
                await asyncio.sleep(0)

    await asyncio.gather(*(take() for _ in range(10)))


async def _wait_in_a_long_line(lock: asyncio.Lock) -> None:
    async def take() -> None:
        async with lock:
            pass

    async with lock:
        tasks = [asyncio.create_task(take()) for _ in range(WAITERS)]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)


def _job(
    name: str,
    body: Callable[[Any], Coroutine[Any, Any, None]],
    kinds: Callable[[], Mapping[str, Callable[[], Any]]] = _locks,
) -> Callable[[int], Comparison]:
    def run(repeats: int) -> Comparison:
        cases = {peer: _timed(make, body) for peer, make in kinds().items()}
        return compare(name, cases, repeats=repeats, absent=ABSENT if kinds is _locks else {})

    return run


def _chain(task_type: Any, lock_type: Callable[[], asyncio.Lock]) -> Callable[[], float]:
    """Urgent tasks come and go at the end of a chain of locks, each of which is held by who waits for the next."""

    async def hold(held: asyncio.Lock, wanted: asyncio.Lock) -> None:
        async with held, wanted:
            pass

    async def run_chain() -> float:
        locks = [lock_type() for _ in range(CHAIN + 1)]
        await locks[0].acquire()
        tasks = []
        for held, wanted in zip(locks[1:], locks, strict=False):
            tasks.append(task_type(hold(held, wanted), priority=10))
            await asyncio.sleep(0)
        begin = process_time()
        for _ in range(TURNS):
            urgent = task_type(locks[-1].acquire(), priority=-10)
            await asyncio.sleep(0)
            urgent.cancel()
            await asyncio.wait([urgent])
        took = process_time() - begin
        locks[0].release()
        await asyncio.gather(*tasks)
        return took

    return lambda: asyncio.run(run_chain())


def chain(repeats: int) -> Comparison:
    cases = {"aio_sched": _chain(PriorityTask, PriorityLock)}
    if asynkit is not None:
        cases["asynkit"] = _chain(asynkit.PriorityTask, asynkit.PriorityLock)
    return compare(f"a wait at the end of a chain of {CHAIN} locks", cases, repeats=repeats, absent=ABSENT)


JOBS = {
    "free-lock": _job("acquire and release a free lock", _acquire_and_release),
    "free-lock-with": _job("async with a free lock", _enter_and_exit),
    "contended-lock": _job("10 tasks take turns with a lock", _take_turns),
    "long-line": _job(f"{WAITERS} tasks wait for a lock", _wait_in_a_long_line),
    "free-semaphore": _job("acquire and release a free permit", _acquire_and_release, _semaphores),
    "contended-semaphore": _job("10 tasks take turns with a permit", _take_turns, _semaphores),
    "chain": chain,
}

if __name__ == "__main__":
    main(JOBS)
