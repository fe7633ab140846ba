"""The documented examples of trio-util 0.1 and hat-aio for what aio-events offers: renamed imports, both runtimes.

Where the original only says what happens in a comment, the comment is an assertion; where it forgets an `await`, it has
one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aio_events import MailboxRepeatedEvent, UnqueuedRepeatedEvent, azip, azip_longest, first, periodic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


async def test_unqueued_repeated_event(runtime: Runtime) -> None:
    event = UnqueuedRepeatedEvent()
    started = 0

    async def listen() -> None:
        nonlocal started
        async for _ in event:
            started += 1
            # do blocking work
            await runtime.sleep(1)

    async with runtime.tasks() as tasks:
        await tasks.block(listen)
        event.set()  # trigger event
        await runtime.settle()  # event processing starts
        assert started == 1
        event.set()  # ignored, because previous event is still being processed
        await runtime.sleep(2)
        assert started == 1
        event.set()  # trigger event
        await runtime.settle()
        assert started == 2


async def test_mailbox_repeated_event(runtime: Runtime) -> None:
    event = MailboxRepeatedEvent()
    data: str | None = None
    processed: list[str | None] = []

    async def listen() -> None:
        async for _ in event:
            # process data
            processed.append(data)
            await runtime.sleep(1)

    async with runtime.tasks() as tasks:
        await tasks.block(listen)
        data = "foo"
        event.set()  # trigger event
        await runtime.settle()  # event processing starts
        data = "bar"
        event.set()  # trigger event (queued since previous event is being processed)
        await runtime.sleep(2)
    assert processed == ["foo", "bar"]


async def test_periodic(runtime: Runtime) -> None:
    start = runtime.time()
    ticks = []
    async for elapsed, delta in periodic(1):
        ticks.append((elapsed, delta, runtime.time() - start))
        await runtime.sleep(0.25)
        if len(ticks) == 3:
            break
    assert ticks[0] == (0, None, 0)
    assert ticks[1] == pytest.approx((1, 1, 1))
    assert ticks[2] == pytest.approx((2, 1, 2))


async def test_azip_and_azip_longest() -> None:
    async def count(up_to: int) -> AsyncIterator[int]:
        for number in range(up_to):
            yield number

    assert [pair async for pair in azip(count(2), count(3))] == [(0, 0), (1, 1)]
    assert [pair async for pair in azip_longest(count(2), count(3), fillvalue="-")] == [(0, 0), (1, 1), ("-", 2)]


async def test_first_from_a_queue() -> None:
    class Queue:
        """As much of hat.aio's queue as the example uses."""

        def __init__(self) -> None:
            self._items: list[int] = []

        def put_nowait(self, item: int) -> None:
            self._items.append(item)

        def close(self) -> None:
            pass

        def __aiter__(self) -> Queue:
            return self

        async def __anext__(self) -> int:
            if not self._items:
                raise StopAsyncIteration
            return self._items.pop(0)

    queue = Queue()
    queue.put_nowait(1)
    queue.put_nowait(2)
    queue.put_nowait(3)
    queue.close()

    assert await first(queue) == 1
    assert await first(queue, lambda x: x > 2) == 3
    assert await first(queue, default=123) == 123
