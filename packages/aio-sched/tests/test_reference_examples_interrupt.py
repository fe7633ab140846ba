"""The reference's examples of interrupts, and what it says of them, on tasks of every kind."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import (
    InterruptCondition,
    InterruptError,
    InterruptException,
    TimeoutInterrupt,
    create_pytask,
    task_interrupt,
    task_is_blocked,
    task_throw,
    task_timeout,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "scheduling", "priority"])


async def test_task_interrupt() -> None:
    async def task_function() -> None:
        await asyncio.sleep(1)

    task = create_pytask(task_function())
    await asyncio.sleep(0)
    assert task_is_blocked(task)
    await task_interrupt(task, InterruptException())
    assert task.done()  # the error has already been raised.
    with pytest.raises(CancelledError):
        await task


async def test_a_c_task_that_is_new_or_in_sleep_0_is_interrupted_as_well(spawn: Spawn) -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    new, spinning = spawn(spin()), spawn(spin())
    await task_interrupt(new, InterruptException())
    assert new.cancelled()
    await task_interrupt(spinning, InterruptException())
    assert spinning.cancelled()


async def test_a_thrown_exception_is_never_pending_and_a_second_one_does_not_take_its_place(spawn: Spawn) -> None:
    caught: list[BaseException] = []

    async def run() -> None:
        while len(caught) < 2:
            try:
                await asyncio.sleep(3600)
            except InterruptException as exc:
                caught.append(exc)

    task = spawn(run())
    await asyncio.sleep(0)
    first, second = InterruptException(), InterruptException()
    task_throw(task, first)
    assert task_is_blocked(task)
    task_throw(task, second)
    assert caught == [first, second]


async def test_the_task_that_is_awaited_is_not_affected(spawn: Spawn) -> None:
    child = spawn(asyncio.sleep(0.001, "done"))

    async def run() -> None:
        await child

    task = spawn(run())
    await asyncio.sleep(0)
    await task_interrupt(task, InterruptException())
    assert task.cancelled()
    assert await child == "done"


async def test_interrupt_error_is_a_base_class_for_interrupts() -> None:
    assert issubclass(InterruptError, CancelledError)
    assert issubclass(TimeoutInterrupt, InterruptError)
    assert issubclass(InterruptCondition, asyncio.Condition)


async def test_a_pending_cancellation_makes_it_fail(spawn: Spawn) -> None:
    task = spawn(asyncio.sleep(1))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(RuntimeError):
        task_throw(task, InterruptException())
    with pytest.raises(CancelledError):
        await task


async def test_task_timeout_has_no_interaction_with_cancellation(spawn: Spawn) -> None:
    async def run() -> int:
        with pytest.raises(TimeoutError):
            async with task_timeout(0):
                while True:
                    await asyncio.sleep(0)
        task = asyncio.current_task()
        return -1 if task is None else task.cancelling()

    assert await create_pytask(run()) == 0
    assert await asyncio.create_task(run()) == 0
