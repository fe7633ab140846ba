"""Three pieces at work together."""

import asyncio

from aio_queue import Queue
from aio_sched import sleep_insert
from aio_values import AsyncValue


async def relay(lines: list[str]) -> list[str]:
    """Pass lines to a reader, and return what it has read when it has read all."""
    queue: Queue[str] = Queue(maxsize=1)
    count = AsyncValue(0)
    read: list[str] = []

    async def reader() -> None:
        async for line in queue:
            read.append(line)
            count.value += 1

    reading = asyncio.create_task(reader())
    for line in lines:
        await queue.put(line)
        await sleep_insert(0)
    await count.wait_value(len(lines))
    queue.close()
    await reading
    return read
