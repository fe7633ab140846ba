"""Streams side by side, one of which ends because what it awaits was cancelled or interrupted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aio_events import RepeatedEvent, azip, periodic
from aio_sched import InterruptException, task_throw
from aio_values.lowlevel import run_together
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio


async def test_a_source_whose_future_is_cancelled_ends_the_step_by_that() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    event = RepeatedEvent()

    async def numbers() -> AsyncIterator[int]:
        yield await future

    async def consume() -> None:
        async for _ in azip(numbers(), event.events()):
            raise AssertionError

    task = asyncio.create_task(consume())
    await settle()
    future.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert "0 waiting" in repr(event)


async def test_a_function_whose_future_is_cancelled_ends_those_beside_it() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    ended: list[str] = []

    async def wait() -> int:
        return await future

    async def go_on() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("went on")
        return 1

    future.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run_together(wait, go_on)
    assert ended == ["went on"]


async def test_an_error_goes_before_the_cancellation_of_another() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait() -> int:
        return await future

    async def fail() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("failed")

    future.cancel()
    with pytest.raises(ValueError, match="failed"):
        await run_together(wait, fail)


@pytest.mark.parametrize("how", ["cancel", "interrupt"])
async def test_a_step_whose_own_task_is_stopped_from_elsewhere_is_none(how: str) -> None:
    before = asyncio.all_tasks()
    event = RepeatedEvent()
    task = asyncio.create_task(anext(azip(periodic(0.001), event.events())))
    await settle()
    (waiting,) = (child for child in asyncio.all_tasks() - before - {task} if not child.done())
    if how == "cancel":
        waiting.cancel()
    else:
        task_throw(waiting, InterruptException())
    await asyncio.wait([task])
    assert task.cancelled()
