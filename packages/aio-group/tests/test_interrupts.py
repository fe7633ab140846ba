"""A CancelledError that nobody asked for by `Task.cancel`, as libraries raise it that interrupt tasks."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aio_group import Group, call_on_done, move_on_when, uncancellable, wait_any
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.asyncio


class Interrupt(asyncio.CancelledError):
    pass


async def interrupt(task: asyncio.Task[Any]) -> None:
    """Let what the task waits for raise an exception that is none of a cancellation."""
    task._fut_waiter.set_exception(Interrupt())  # type: ignore[attr-defined]
    await settle()


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await settle()


async def winding_up(end: asyncio.Future[None]) -> None:
    await uncancellable(end, raise_cancel=False)


async def close_a_group(end: asyncio.Future[None]) -> None:
    group = Group()
    group.spawn(winding_up, end)
    await group.async_close()


async def race(end: asyncio.Future[None]) -> None:
    await wait_any(partial(winding_up, end), partial(winding_up, end))


async def outlast(end: asyncio.Future[None]) -> None:
    await uncancellable(end)


async def wait_and_call(end: asyncio.Future[None]) -> None:
    await call_on_done(winding_up(end), lambda: None)


@pytest.mark.parametrize("wait", [close_a_group, race, outlast, wait_and_call])
@pytest.mark.parametrize("order", [(interrupt, cancel), (cancel, interrupt)], ids=["cancel last", "cancel first"])
async def test_a_cancellation_comes_out_before_an_interrupt(
    wait: Callable[[asyncio.Future[None]], Awaitable[None]],
    order: tuple[Callable[[asyncio.Task[Any]], Awaitable[None]], ...],
) -> None:
    end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    errors: list[type[BaseException]] = []

    async def work() -> None:
        try:
            await wait(end)
        except asyncio.CancelledError as error:
            errors.append(type(error))
            raise

    task = asyncio.create_task(work())
    await settle()
    for stop in order:
        await stop(task)
    assert not task.done()
    end.set_result(None)
    await asyncio.wait([task])
    assert errors == [asyncio.CancelledError]


async def test_an_interrupt_that_is_swallowed_takes_back_no_cancellation_of_before() -> None:
    end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    requests: list[int] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await uncancellable(end, raise_cancel=False)
            me = asyncio.current_task()
            assert me is not None
            requests.append(me.cancelling())

    task = asyncio.create_task(work())
    await settle()
    await cancel(task)
    await interrupt(task)
    end.set_result(None)
    await asyncio.wait([task])
    assert requests == [1]


async def test_an_interrupt_of_a_body_that_is_being_cancelled_is_not_taken_for_that() -> None:
    stop = asyncio.Event()

    async def work() -> str:
        try:
            async with move_on_when(stop.wait):
                try:
                    await asyncio.Event().wait()
                finally:
                    await asyncio.Event().wait()
        except Interrupt:
            return "interrupted"
        return ""

    task = asyncio.create_task(work())
    await settle()
    stop.set()
    await settle()
    await interrupt(task)
    assert await task == "interrupted"
    assert task.cancelling() == 0
