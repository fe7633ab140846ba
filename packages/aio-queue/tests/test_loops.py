"""A queue and the loops it may meet."""

import asyncio

import pytest
from aio_queue import Queue


def test_a_queue_can_be_made_with_no_loop_and_serves_the_first_that_waits() -> None:
    queue: Queue[int] = Queue()
    queue.put_nowait(1)

    async def use() -> int:
        return await queue.get()

    assert asyncio.run(use()) == 1
    queue.put_nowait(2)
    assert asyncio.run(use()) == 2


def test_waiting_on_a_second_loop_is_a_clear_error() -> None:
    queue: Queue[int] = Queue()

    async def wait() -> None:
        await asyncio.wait_for(queue.get(), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(wait())
    with pytest.raises(RuntimeError, match="loop"):
        asyncio.run(wait())
