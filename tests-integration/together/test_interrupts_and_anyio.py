"""Interrupts and their time limits beside anyio's scopes, groups and locks on asyncio."""

from __future__ import annotations

import asyncio

import pytest
from aio_sched import InterruptException, task_throw, task_timeout
from suite_support.interleaving import passes

anyio = pytest.importorskip("anyio")

pytestmark = pytest.mark.asyncio

LOOPS = {"asyncio": asyncio.new_event_loop}


async def test_a_limit_around_a_group_ends_its_children_and_raises_one_timeout_error() -> None:
    with pytest.raises(TimeoutError):
        async with task_timeout(0.001), anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 3600)
            await anyio.sleep(3600)


async def test_scopes_and_limits_inside_each_other_are_not_confused() -> None:
    task = asyncio.current_task()
    assert task is not None
    with anyio.move_on_after(0.001) as scope:
        async with task_timeout(60):
            await anyio.sleep(3600)
    assert scope.cancelled_caught
    with pytest.raises(TimeoutError):
        async with task_timeout(0.001):
            with anyio.move_on_after(60) as scope:
                await anyio.sleep(3600)
    assert not scope.cancelled_caught
    assert task.cancelling() == 0


@pytest.mark.parametrize("woken", [False, True])
async def test_an_interrupted_waiter_of_a_lock_leaves_it_to_the_next(woken: bool) -> None:
    lock = anyio.Lock()
    await lock.acquire()

    async def use() -> str:
        async with lock:
            return "had it"

    task, other = asyncio.create_task(use()), asyncio.create_task(use())
    await passes(1)
    if woken:
        lock.release()
    task_throw(task, InterruptException())
    assert task.cancelled()
    if not woken:
        lock.release()
    assert await asyncio.wait_for(other, 5) == "had it"
    assert not lock.locked()


@pytest.mark.parametrize("woken", [False, True])
async def test_an_interrupted_waiter_of_a_semaphore_takes_nothing(woken: bool) -> None:
    semaphore = anyio.Semaphore(0)
    task = asyncio.create_task(semaphore.acquire())
    await passes(1)
    if woken:
        semaphore.release()
    task_throw(task, InterruptException())
    if not woken:
        semaphore.release()
    assert task.cancelled()
    assert semaphore.value == 1
