"""RepeatedEvent: a repeated event for any number of listeners."""

from __future__ import annotations

import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from aio_events import RepeatedEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


class Listener:
    """Counts events; each takes it one second."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.begun = 0

    async def listen(self, events: AsyncIterator[None]) -> None:
        async for _ in events:
            self.begun += 1
            await self.runtime.sleep(1)


async def test_wait_returns_at_the_next_set_for_all_that_wait(runtime: Runtime) -> None:
    event = RepeatedEvent()
    event.set()
    async with runtime.tasks() as tasks:
        waiting = [await tasks.block(event.wait) for _ in range(3)]
        assert not any(task.done for task in waiting)
        event.set()
        for task in waiting:
            await task.result()
        again = await tasks.block(event.wait)
        assert not again.done


async def test_cancelled_wait_leaves_no_trace(runtime: Runtime) -> None:
    event = RepeatedEvent()
    async with runtime.tasks() as tasks:
        first, second = await tasks.block(event.wait), await tasks.block(event.wait)
        first.cancel()
        await runtime.settle()
        assert first.cancelled
        assert repr(event) == "<RepeatedEvent: set 0 times, 1 waiting>"
        event.set()
        await second.result()
    assert repr(event) == "<RepeatedEvent: set 1 times, 0 waiting>"


async def test_unqueued_events_are_missed_while_the_listener_is_busy(runtime: Runtime) -> None:
    event, first, second = RepeatedEvent(), Listener(runtime), Listener(runtime)
    async with runtime.tasks() as tasks:
        await tasks.block(first.listen, event.unqueued_events())
        await tasks.block(second.listen, event.unqueued_events())
        event.set()
        await runtime.settle()
        event.set()
        await runtime.sleep(5)
        assert (first.begun, second.begun) == (1, 1)
        event.set()
        await runtime.settle()
        assert (first.begun, second.begun) == (2, 2)


async def test_events_while_the_listener_is_busy_make_one_more_round(runtime: Runtime) -> None:
    event, listener = RepeatedEvent(), Listener(runtime)
    async with runtime.tasks() as tasks:
        await tasks.block(listener.listen, event.events())
        event.set()
        await runtime.settle()
        event.set()
        event.set()
        await runtime.settle()
        assert listener.begun == 1
        await runtime.sleep(5)
        assert listener.begun == 2


async def test_events_count_from_the_call_and_not_from_the_first_wait(runtime: Runtime) -> None:
    event, listener = RepeatedEvent(), Listener(runtime)
    event.set()
    events = event.events()
    event.set()
    async with runtime.tasks() as tasks:
        await tasks.block(listener.listen, events)
        await runtime.sleep(5)
        assert listener.begun == 1


@pytest.mark.parametrize("sets", [0, 1, 3])
async def test_repeat_last_begins_at_once(sets: int, runtime: Runtime) -> None:
    event, listener = RepeatedEvent(), Listener(runtime)
    for _ in range(sets):
        event.set()
    async with runtime.tasks() as tasks:
        await tasks.block(listener.listen, event.events(repeat_last=True))
        assert listener.begun == 1
        await runtime.sleep(5)
        assert listener.begun == 1
        event.set()
        await runtime.settle()
        assert listener.begun == 2


async def test_event_that_meets_a_cancellation_is_given_by_the_same_iterator_later(runtime: Runtime) -> None:
    event = RepeatedEvent()
    events = event.events()
    got = []

    async def next_event() -> None:
        await anext(events)
        got.append(1)

    async with runtime.tasks() as tasks:
        waiting = await tasks.block(next_event)
        event.set()
        waiting.cancel()
        await runtime.settle()
        if waiting.cancelled:
            assert got == []
            await next_event()
        assert got == [1]


async def test_dropped_iterators_leave_nothing(runtime: Runtime) -> None:
    event = RepeatedEvent()

    async def once(events: AsyncIterator[None]) -> None:
        async for _ in events:
            break

    async with runtime.tasks() as tasks:
        for make in (event.events, event.unqueued_events):
            for _ in range(3):
                listening = await tasks.block(once, make())
                event.set()
                await listening.result()
                cancelled = await tasks.block(once, make())
                cancelled.cancel()
                await runtime.settle()
    assert repr(event) == "<RepeatedEvent: set 6 times, 0 waiting>"


async def test_iterators_can_be_closed(runtime: Runtime) -> None:
    event = RepeatedEvent()
    for events in (event.events(repeat_last=True), event.unqueued_events()):
        closable: Any = events
        async with aclosing(closable):
            pass
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        await closable.aclose()


async def test_iterator_belongs_to_one_task_at_a_time(runtime: Runtime) -> None:
    event = RepeatedEvent()
    for events in (event.events(), event.unqueued_events()):

        async def next_event(events: AsyncIterator[None] = events) -> None:
            await anext(events)

        async with runtime.tasks() as tasks:
            waiting = await tasks.block(next_event)
            with pytest.raises(RuntimeError, match="another task waits for the next item"):
                await anext(events)
            assert not waiting.done
            event.set()
            await waiting.result()


async def test_repr_of_an_iterator_tells_its_state() -> None:
    events: Any = RepeatedEvent().events()
    assert repr(events) == "<Events: ready>"
    await events.aclose()
    assert repr(events) == "<Events: closed>"


async def test_a_burst_of_cancelled_waits_leaves_no_memory_behind(runtime: Runtime) -> None:
    event = RepeatedEvent()
    size = sys.getsizeof(event._waiting)

    async def next_event() -> None:
        await anext(event.events())

    for wait in (event.wait, next_event):
        async with runtime.tasks() as tasks:
            for _ in range(100):
                tasks.start(wait)
            await runtime.settle()
            assert sys.getsizeof(event._waiting) > size
        assert sys.getsizeof(event._waiting) <= size
