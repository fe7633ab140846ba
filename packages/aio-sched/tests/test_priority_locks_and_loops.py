"""Priority locks where no loop runs, where another one runs, and where one was closed under waiting tasks."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import PriorityLock, PriorityTask
from suite_support.interleaving import passes

if TYPE_CHECKING:
    from collections.abc import Coroutine


def start(coro: Coroutine[Any, Any, Any], priority: float = 0.0) -> PriorityTask[Any]:
    return PriorityTask(coro, priority=priority)


async def take(lock: PriorityLock) -> None:
    async with lock:
        pass


def test_a_lock_can_be_taken_without_a_running_loop() -> None:
    lock = PriorityLock()
    with pytest.raises(StopIteration):
        lock.acquire().send(None)
    assert lock.locked()
    lock.release()


def test_another_loop_is_refused_when_it_would_wait() -> None:
    lock = PriorityLock()

    async def wait_once() -> None:
        await lock.acquire()
        waiting = start(take(lock))
        await passes(2)
        lock.release()
        await waiting

    async def wait_elsewhere() -> None:
        await lock.acquire()
        with pytest.raises(RuntimeError, match="different event loop"):
            await lock.acquire()

    asyncio.run(wait_once())
    asyncio.run(wait_elsewhere())


def test_a_loop_closed_under_waiting_tasks_leaves_a_quiet_clean_up(recwarn: pytest.WarningsRecorder) -> None:
    lock = PriorityLock()

    async def wait_for_ever() -> None:
        await lock.acquire()
        tasks = [start(take(lock)) for number in range(3)]
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # the test is about what comes after
        await passes(3)
        lock.release()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(wait_for_ever())
    loop.close()
    del loop
    gc.collect()
    assert not recwarn.list


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(TypeError):
        PriorityLock(False)  # type: ignore[call-arg]
