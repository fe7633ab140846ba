"""The examples of trio-util's nursery utilities, on asyncio, with the imports renamed."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from aio_group import move_on_when, run_and_cancelling, wait_all, wait_any

pytestmark = pytest.mark.asyncio


async def test_wait_until_either_event_is_set() -> None:
    a, b = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().call_soon(b.set)
    await wait_any(a.wait, b.wait)
    assert not a.is_set()


async def test_wait_until_both_events_are_set() -> None:
    a, b = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().call_soon(a.set)
    asyncio.get_running_loop().call_soon(b.set)
    await wait_all(a.wait, b.wait)
    assert a.is_set()
    assert b.is_set()


async def test_partial_holds_arguments() -> None:
    async def foo(greeting: str) -> str:
        await asyncio.sleep(0)
        return greeting

    async def bar(*, debug: bool) -> None:
        assert debug
        await asyncio.Event().wait()

    assert await wait_any(partial(foo, "hello"), partial(bar, debug=True)) == "hello"


async def test_move_on_when_an_event_is_set() -> None:
    my_event = asyncio.Event()
    asyncio.get_running_loop().call_soon(my_event.set)
    async with move_on_when(my_event.wait) as cancel_scope:
        await asyncio.Event().wait()
    # By this point either the body exited, my_event was set, or both.
    assert cancel_scope.cancelled_caught


async def test_run_and_cancel_a_function_in_the_background() -> None:
    ended = False

    async def my_background_fn(my_arg: int) -> None:
        nonlocal ended
        assert my_arg == 10
        try:
            await asyncio.Event().wait()
        finally:
            ended = True

    async with run_and_cancelling(my_background_fn, my_arg=10):
        await asyncio.sleep(0)
        # Now the block exits, and my_background_fn is cancelled if still running.
    assert ended
