"""`cancelling` cancels its target on the way out of the block."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aio_coro import cancelling
from suite_support.interleaving import settle

pytestmark = pytest.mark.asyncio


async def test_a_task_is_cancelled_when_the_block_ends() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    with cancelling(task) as target:
        assert target is task
    await settle()
    assert task.cancelled()


async def test_a_task_is_cancelled_when_the_block_raises_and_the_error_goes_on() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    with pytest.raises(ValueError, match="block"), cancelling(task, "bye"):
        raise ValueError("block")
    with pytest.raises(asyncio.CancelledError, match="bye"):
        await task


async def test_a_target_that_is_done_stays_as_it_is() -> None:
    future = asyncio.get_running_loop().create_future()
    with cancelling(future):
        future.set_result(3)
    assert future.result() == 3


async def test_anything_that_can_be_cancelled_without_a_message_is_a_target() -> None:
    called: list[int] = []
    with cancelling(asyncio.get_running_loop().call_later(60, called.append, 1)) as handle:
        assert not handle.cancelled()
    assert handle.cancelled()


async def test_what_cannot_be_cancelled_is_an_error_at_once() -> None:
    thing: Any = 3
    with pytest.raises(TypeError, match=r"something with a cancel\(\) method, not 3"):
        cancelling(thing)
