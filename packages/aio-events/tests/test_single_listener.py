"""UnqueuedRepeatedEvent and MailboxRepeatedEvent: repeated events for one listener."""

from __future__ import annotations

import gc
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from aio_events import MailboxRepeatedEvent, UnqueuedRepeatedEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime

Event: TypeAlias = UnqueuedRepeatedEvent | MailboxRepeatedEvent

both = pytest.mark.parametrize("make", [UnqueuedRepeatedEvent, MailboxRepeatedEvent])


class Listener:
    """Counts events; each takes it one second."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.begun = 0

    async def listen(self, event: Event) -> None:
        async for _ in event:
            self.begun += 1
            await self.runtime.sleep(1)


@both
async def test_waiting_listener_gets_each_event(make: Callable[[], Event], runtime: Runtime) -> None:
    event, listener = make(), Listener(runtime)
    async with runtime.tasks() as tasks:
        await tasks.block(listener.listen, event)
        assert listener.begun == 0
        for count in (1, 2, 3):
            event.set()
            await runtime.settle()
            assert listener.begun == count
            await runtime.sleep(2)
    assert listener.begun == 3


async def test_unqueued_event_is_dropped_while_the_listener_is_busy(runtime: Runtime) -> None:
    event, listener = UnqueuedRepeatedEvent(), Listener(runtime)
    async with runtime.tasks() as tasks:
        await tasks.block(listener.listen, event)
        event.set()
        event.set()
        await runtime.settle()
        event.set()
        await runtime.sleep(5)
        assert listener.begun == 1
        event.set()
        await runtime.settle()
        assert listener.begun == 2


async def test_unqueued_event_without_a_listener_is_dropped(runtime: Runtime) -> None:
    event, listener = UnqueuedRepeatedEvent(), Listener(runtime)
    event.set()
    async with runtime.tasks() as tasks:
        await tasks.block(listener.listen, event)
        assert listener.begun == 0


async def test_mailbox_keeps_one_event_while_the_listener_is_busy(runtime: Runtime) -> None:
    event, listener = MailboxRepeatedEvent(), Listener(runtime)
    async with runtime.tasks() as tasks:
        await tasks.block(listener.listen, event)
        event.set()
        await runtime.settle()
        event.set()
        event.set()
        await runtime.sleep(5)
        assert listener.begun == 2


async def test_mailbox_keeps_one_event_for_the_first_listener(runtime: Runtime) -> None:
    event, listener = MailboxRepeatedEvent(), Listener(runtime)
    event.set()
    event.set()
    async with runtime.tasks() as tasks:
        await tasks.block(listener.listen, event)
        assert listener.begun == 1
        await runtime.sleep(5)
        assert listener.begun == 1


async def test_two_sets_before_the_woken_listener_runs_are_one_event(runtime: Runtime) -> None:
    event, listener = MailboxRepeatedEvent(), Listener(runtime)
    async with runtime.tasks() as tasks:
        await tasks.block(listener.listen, event)
        event.set()
        event.set()
        await runtime.sleep(5)
        assert listener.begun == 1


# --- one listener --------------------------------------------------------------------------------------------------


@both
async def test_second_listener_at_the_same_time_is_an_error(make: Callable[[], Event], runtime: Runtime) -> None:
    event, listener = make(), Listener(runtime)
    async with runtime.tasks() as tasks:
        listening = await tasks.block(listener.listen, event)
        with pytest.raises(RuntimeError, match=r"has a listener already.*RepeatedEvent for several"):
            aiter(event)
        event.set()
        await runtime.settle()
        with pytest.raises(RuntimeError, match="has a listener already"):
            async for _ in event:
                pytest.fail("there must be no second listener")
        assert listener.begun == 1
        assert not listening.done


@both
async def test_next_listener_may_come_when_the_loop_is_left(make: Callable[[], Event], runtime: Runtime) -> None:
    event = make()

    async def once(how: str) -> None:
        async for _ in event:
            if how == "break":
                break
            if how == "return":
                return
            raise KeyError(how)

    async with runtime.tasks() as tasks:
        gc.disable()
        try:
            for how in ("break", "return", "raise", "break"):
                listening = await tasks.block(once, how)
                event.set()
                if how == "raise":
                    with pytest.raises(KeyError):
                        await listening.result()
                else:
                    await listening.result()
        finally:
            gc.enable()


@both
async def test_next_listener_may_come_after_a_cancelled_one_whose_error_is_kept(
    make: Callable[[], Event], runtime: Runtime
) -> None:
    event, listener = make(), Listener(runtime)
    kept: list[BaseException] = []

    async def listen() -> None:
        try:
            async for _ in event:
                pass
        except BaseException as error:
            kept.append(error)
            raise

    async with runtime.tasks() as tasks:
        listening = await tasks.block(listen)
        listening.cancel()
        await runtime.settle()
        assert listening.cancelled
        await tasks.block(listener.listen, event)
        event.set()
        await runtime.settle()
        assert listener.begun == 1
    kept.clear()


@both
async def test_cancelled_wait_can_be_taken_up_again_unless_another_listens(
    make: Callable[[], Event], runtime: Runtime
) -> None:
    event, listener = make(), Listener(runtime)
    events = aiter(event)

    async def next_event() -> None:
        await anext(events)

    async with runtime.tasks() as tasks:
        waiting = await tasks.block(next_event)
        waiting.cancel()
        await runtime.settle()
        waiting = await tasks.block(next_event)
        event.set()
        await waiting.result()
        waiting = await tasks.block(next_event)
        waiting.cancel()
        await runtime.settle()
        listening = await tasks.block(listener.listen, event)
        with pytest.raises(RuntimeError, match="has a listener already"):
            await anext(events)
        listening.cancel()
        await runtime.settle()
        waiting = await tasks.block(next_event)
        event.set()
        await waiting.result()


async def test_mailbox_event_that_meets_a_cancellation_is_kept(runtime: Runtime) -> None:
    event, first, second = MailboxRepeatedEvent(), Listener(runtime), Listener(runtime)
    async with runtime.tasks() as tasks:
        listening = await tasks.block(first.listen, event)
        event.set()
        listening.cancel()
        await runtime.settle()
        await tasks.block(second.listen, event)
        assert first.begun + second.begun == 1


@both
async def test_iterator_that_is_closed_makes_room(make: Callable[[], Event], runtime: Runtime) -> None:
    event, listener = make(), Listener(runtime)
    events: Any = aiter(event)
    async with aclosing(events):
        pass
    with pytest.raises(StopAsyncIteration):
        await anext(events)
    async with runtime.tasks() as tasks:
        await tasks.block(listener.listen, event)
        event.set()
        await runtime.settle()
        assert listener.begun == 1


@both
async def test_two_tasks_cannot_share_an_iterator(make: Callable[[], Event], runtime: Runtime) -> None:
    event = make()
    events: Any = aiter(event)

    async def next_event() -> None:
        await anext(events)

    async with runtime.tasks() as tasks:
        waiting = await tasks.block(next_event)
        with pytest.raises(RuntimeError, match="another task waits for the next item"):
            await anext(events)
        with pytest.raises(RuntimeError, match="cannot be closed while a task waits"):
            await events.aclose()
        event.set()
        await waiting.result()


async def test_repr_tells_the_state(runtime: Runtime) -> None:
    unqueued, mailbox = UnqueuedRepeatedEvent(), MailboxRepeatedEvent()
    assert repr(unqueued) == "<UnqueuedRepeatedEvent: no listener>"
    assert repr(mailbox) == "<MailboxRepeatedEvent: no listener, not set>"
    mailbox.set()
    assert repr(mailbox) == "<MailboxRepeatedEvent: no listener, set>"
    listener = Listener(runtime)
    async with runtime.tasks() as tasks:
        await tasks.block(listener.listen, unqueued)
        assert repr(unqueued) == "<UnqueuedRepeatedEvent: listener waits>"
        unqueued.set()
        await runtime.settle()
        assert repr(unqueued) == "<UnqueuedRepeatedEvent: listener is busy>"
    assert repr(aiter(mailbox)) == "<_Listening to MailboxRepeatedEvent: ready>"
