"""A repeated event for any number of listeners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aio_values.lowlevel import Seat, checkpoint, create_waiter

from aio_events._closable import ClosableIterator, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aio_values.lowlevel import Waiter

# Looked up for every event.
_READY, _WAITING = State.READY, State.WAITING


class RepeatedEvent:
    """An event that can be set again and again, for any number of listeners.

    Each listener chooses what happens to events while it is busy with an earlier one:

    | `unqueued_events()`                          | `events()`                                      |
    |----------------------------------------------|-------------------------------------------------|
    | events while the listener is busy are missed | of those, the listener gets one more            |
    | the last event may be missed                 | the last event is never missed                  |
    | to trigger work                              | to bring something up to date after each change |
    | the same as calling `wait()` in a loop       | eventual consistency                            |

    The race it prevents: between two rounds of a loop over `wait()`, an event goes unseen; `events()` remembers up to
    which event its listener has come. Use a queue where every event counts.

    `set()` costs O(listeners that wait), and O(1) for each of the others. An iterator leaves nothing in the event while
    it does not wait, so dropping it is all it takes to stop. Use one event from one thread.

    The idea and the names come from trio-util.
    """

    __slots__ = ("__weakref__", "_count", "_waiting")

    def __init__(self) -> None:
        self._count = 0
        # In order of arrival.
        self._waiting: dict[Waiter[None], None] = {}

    def __repr__(self) -> str:
        waiting = sum(not waiter.done() for waiter in self._waiting)
        return f"<{type(self).__name__}: set {self._count} times, {waiting} waiting>"

    def set(self) -> None:
        """Trigger the event: wake all that wait."""
        self._count += 1
        if self._waiting:
            waiting, self._waiting = self._waiting, {}
            for waiter in waiting:
                if not waiter.done():
                    try:
                        waiter.set_result(None)
                    except RuntimeError:
                        # Its loop was closed while it waited: nobody is left to be woken.
                        continue

    async def wait(self) -> None:
        """Wait for the next `set()`; earlier ones do not count. Cancellation leaves no trace."""
        waiter = create_waiter()
        self._waiting[waiter] = None
        try:
            await waiter
        except BaseException:
            # Everybody was woken: there is no wake-up to hand on.
            self._forget(waiter)
            raise

    def _forget(self, waiter: Waiter[None]) -> None:
        self._waiting.pop(waiter, None)
        if not self._waiting:
            # By itself, a dictionary keeps the memory of a burst.
            self._waiting.clear()

    def unqueued_events(self) -> AsyncIterator[None]:
        """Iterate over the events that happen while the listener waits.

        Returns:
            An iterator without end that gives None for each event. It supports `aclose()`.
        """
        return UnqueuedEvents(self)

    def events(self, *, repeat_last: bool = False) -> AsyncIterator[None]:
        """Iterate over the events, with eventual consistency: several while the listener is busy count as one.

        Events count from this call on. An event that meets the listener's cancellation is not lost: the same iterator
        gives it when it is asked again.

        Args:
            repeat_last: Whether the last event before this call counts too; if there was none, so does the start. The
                first item comes at once then.

        Returns:
            An iterator without end that gives None for each event. It supports `aclose()`.
        """
        return Events(self, self._count - repeat_last)


class _Following(ClosableIterator[None]):
    """What the iterators over an event share. They do without the base's layers, since they are on the hot path."""

    __slots__ = ("_event", "_seat")

    def __init__(self, event: RepeatedEvent) -> None:
        super().__init__()
        self._event = event
        self._seat = Seat()

    async def _wait(self) -> None:
        """As `RepeatedEvent.wait`."""
        event = self._event
        waiter, woken = self._seat.sit_down()
        event._waiting[waiter] = None
        try:
            await woken
        except BaseException:
            event._forget(waiter)
            raise


class UnqueuedEvents(_Following):
    """The iterator that `RepeatedEvent.unqueued_events` returns."""

    __slots__ = ()

    async def __anext__(self) -> None:
        """Wait for the next event."""
        if self._state is not _READY:
            await self._refuse()
        self._state = _WAITING
        try:
            await self._wait()
        finally:
            self._state = _READY


class Events(_Following):
    """The iterator that `RepeatedEvent.events` returns."""

    __slots__ = ("_seen",)

    def __init__(self, event: RepeatedEvent, seen: int) -> None:
        super().__init__(event)
        # How many events the listener knows of.
        self._seen = seen

    async def __anext__(self) -> None:
        """Wait for an event that the listener does not know of; at once if there has been one."""
        if self._state is not _READY:
            await self._refuse()
        self._state = _WAITING
        try:
            if self._seen == self._event._count:
                await self._wait()
            else:
                await checkpoint()
            self._seen = self._event._count
        finally:
            self._state = _READY
