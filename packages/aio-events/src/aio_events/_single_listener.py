"""Repeated events for one listener."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING
from weakref import ref

from aio_values.lowlevel import checkpoint, create_waiter

from aio_events._closable import ClosableIterator, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aio_values.lowlevel import Waiter


class _SingleListenerEvent(ABC):
    """An event that one task listens to, again and again."""

    __slots__ = ("__weakref__", "_listener", "_waiter")

    def __init__(self) -> None:
        self._listener: ref[_Listening] | None = None
        self._waiter: Waiter[None] | None = None

    def __repr__(self) -> str:
        listener = self._current_listener()
        if listener is None or not listener.is_active():
            what = "no listener"
        else:
            what = "listener waits" if self._waiter is not None else "listener is busy"
        return f"<{type(self).__name__}: {what}>"

    def __aiter__(self) -> AsyncIterator[None]:
        """Listen: an iterator that gives None for each event, without end.

        The listener stays registered until its iterator is dropped (as `async for` does when its loop is left),
        closed, or its wait ends by an error or a cancellation.

        Raises:
            RuntimeError: There is a listener already.
        """
        listener = _Listening(self)
        self._claim(listener)
        return listener

    def _claim(self, listener: _Listening) -> None:
        current = self._current_listener()
        if current is not None and current is not listener and current.is_active():
            if not self._is_stranded():
                name = type(self).__name__
                raise RuntimeError(
                    f"{name} has a listener already, and can have only one: use RepeatedEvent for several"
                )
            self._waiter = None
        self._listener = ref(listener)

    def _current_listener(self) -> _Listening | None:
        return None if self._listener is None else self._listener()

    def _is_stranded(self) -> bool:
        """Whether the listener waits in a loop that was closed, and never goes on."""
        return isinstance(self._waiter, asyncio.Future) and self._waiter.get_loop().is_closed()

    async def _wait(self) -> None:
        self._waiter = waiter = create_waiter()
        try:
            await waiter
        finally:
            # Another listener may have taken the place of one that was stranded.
            if self._waiter is waiter:
                self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            try:
                self._waiter.set_result(None)
            except RuntimeError:
                # Its loop was closed while it waited: nobody is left to be woken.
                return

    @abstractmethod
    async def _next_event(self) -> None:
        """Wait for the next event, on behalf of the listener."""


class _Listening(ClosableIterator[None]):
    """The one listener of an event."""

    __slots__ = ("_event", "_interrupted")

    def __init__(self, event: _SingleListenerEvent) -> None:
        super().__init__()
        self._event = event
        # Its last wait was cancelled: it may wait again, and others may take its place meanwhile.
        self._interrupted = False

    def is_active(self) -> bool:
        return self._state is State.WAITING or (self._state is State.READY and not self._interrupted)

    def _details(self) -> str:
        return f" to {type(self._event).__name__}"

    async def __anext__(self) -> None:
        """Wait for the next event."""
        if self._state is not State.READY:
            await self._refuse()
        self._state = State.WAITING
        try:
            self._event._claim(self)
            self._interrupted = True
            await self._event._next_event()
            self._interrupted = False
        finally:
            self._state = State.READY


class UnqueuedRepeatedEvent(_SingleListenerEvent):
    """An event that can be set again and again, for one listener; what happens while the listener is busy is dropped.

        event = UnqueuedRepeatedEvent()

        async for _ in event:      # one task listens
            await do_blocking_work()

        event.set()                # another triggers

    The race it prevents: an event with `clear()` leaves it to luck whether a `set()` during the work is seen. Here a
    listener that waits is woken, and nothing else has any effect. Use `MailboxRepeatedEvent` if an event during the
    work must lead to another round.

    A second listener at the same time is an error. Listening is cancellable; an event that meets the cancellation is
    dropped with it. `set()` costs O(1). Use one event from one thread.

    The idea and the name come from trio-util.
    """

    __slots__ = ()

    def set(self) -> None:
        """Trigger the event if the listener waits for it; else do nothing."""
        self._wake()

    async def _next_event(self) -> None:
        await self._wait()


class MailboxRepeatedEvent(_SingleListenerEvent):
    """An event that can be set again and again, for one listener, and remembers one `set()` while the listener is busy.

        changed = MailboxRepeatedEvent()
        items = []

        async for _ in changed:    # one task listens
            await process(items)

        items.append("x")
        changed.set()              # another has changed the data

    The race it prevents: data that change while the listener works on the older state. The `set()` that told of it is
    kept, so another round follows; several in a row are one. So keep data that add up (a list, a dictionary) beside
    it; with data that replace each other, the listener misses all but the last: use a queue for those.

    A `set()` before there is a listener is kept for the first one, and one that meets the listener's cancellation for
    the next. A second listener at the same time is an error. `set()` costs O(1). Use one event from one thread.

    The idea and the name come from trio-util.
    """

    __slots__ = ("_requested",)

    def __init__(self) -> None:
        super().__init__()
        self._requested = False

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, {'set' if self._requested else 'not set'}>"

    def set(self) -> None:
        """Trigger the event: now if the listener waits, else as soon as it asks for the next one."""
        self._requested = True
        self._wake()

    async def _next_event(self) -> None:
        if self._requested:
            await checkpoint()
        else:
            await self._wait()
        # Only now: a cancellation before this line leaves the request for the next listener.
        self._requested = False
