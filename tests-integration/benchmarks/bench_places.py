"""Places in the ready queue: the scheduling functions against asynkit's, on asyncio's own loop.

Each job is done with so many other handles in the queue; they stay there, since everything happens before them. Nothing
waits for anything outside, so CPU time is what is taken.
"""

from __future__ import annotations

import asyncio
import importlib
from time import process_time
from typing import TYPE_CHECKING, Any

import aio_sched
from suite_support.benchmark import Comparison, compare, main, sized

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

CALLS = sized(500)
LENGTHS = (10, 1000)

MODULES: dict[str, Any] = {"aio_sched": aio_sched}
ABSENT: dict[str, str] = {}
try:
    MODULES["asynkit"] = importlib.import_module("asynkit.scheduling")
except ImportError as error:
    ABSENT["asynkit"] = str(error)


async def _nothing() -> None:
    pass


async def _sleep_insert(module: Any) -> None:
    for _ in range(CALLS):
        await module.sleep_insert(0)


async def _descend(module: Any) -> None:
    for _ in range(CALLS):
        await module.create_task_descend(_nothing())


async def _reinsert(module: Any) -> None:
    task = asyncio.create_task(_nothing())
    for number in range(CALLS):
        module.task_reinsert(task, number % 2)
    await task


async def _runnable(module: Any) -> None:
    for _ in range(CALLS):
        module.runnable_tasks()


def _case(job: Callable[[Any], Awaitable[None]], module: Any, length: int) -> Callable[[], float]:
    async def timed() -> float:
        loop = asyncio.get_running_loop()
        for _ in range(length):
            loop.call_soon(int)
        begin = process_time()
        await job(module)
        return process_time() - begin

    return lambda: asyncio.run(timed())


def _job(name: str, job: Callable[[Any], Awaitable[None]], length: int) -> Callable[[int], Comparison]:
    def run(repeats: int) -> Comparison:
        cases = {peer: _case(job, module, length) for peer, module in MODULES.items()}
        return compare(f"{CALLS} x {name}, {length} others in the queue", cases, repeats=repeats, absent=ABSENT)

    return run


NAMED: Mapping[str, Callable[[Any], Awaitable[None]]] = {
    "sleep_insert": _sleep_insert,
    "create_task_descend": _descend,
    "task_reinsert": _reinsert,
    "runnable_tasks": _runnable,
}
JOBS = {f"{name}-{length}": _job(name, job, length) for name, job in NAMED.items() for length in LENGTHS}

if __name__ == "__main__":
    main(JOBS)
