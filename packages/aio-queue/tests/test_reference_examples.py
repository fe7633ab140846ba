"""The examples of hat.aio's documentation, with the import renamed."""

import asyncio

import pytest
from aio_queue import Queue

pytestmark = pytest.mark.asyncio


async def test_producer_closes_and_consumer_iterates() -> None:
    queue: Queue[int] = Queue(maxsize=1)

    async def producer() -> None:
        for i in range(4):
            await queue.put(i)
        queue.close()

    async def consumer() -> int:
        result = 0
        async for i in queue:
            result += i
        return result

    produced = asyncio.ensure_future(producer())
    result = await consumer()
    assert result == 6
    await produced


async def test_a_filled_and_closed_queue_is_an_async_iterable() -> None:
    """The part of the example of `first` that concerns the queue."""
    queue: Queue[int] = Queue()
    queue.put_nowait(1)
    queue.put_nowait(2)
    queue.put_nowait(3)
    queue.close()
    assert [item async for item in queue] == [1, 2, 3]
    assert [item async for item in queue] == []
