"""A place where one task leaves a thing for another: what a memory channel does, for two tasks that take turns."""

from __future__ import annotations

from typing import Generic, TypeVar, cast

from trio.lowlevel import Abort, Task, checkpoint, current_task, reschedule, wait_task_rescheduled

T = TypeVar("T")


class Handover(Generic[T]):
    """Room for one thing, that one task at a time may wait for.

    A task that was woken has been given the thing, and no cancellation comes between: trio raises none in a task that
    it has rescheduled.
    """

    __slots__ = ("_closed", "_taker", "_thing", "is_full")

    def __init__(self) -> None:
        self.is_full = False
        self._thing: T | None = None
        self._taker: Task | None = None
        self._closed = False

    def put(self, thing: T) -> None:
        """Leave a thing; there must be none."""
        self._thing = thing
        self.is_full = True
        self._wake()

    def close(self) -> None:
        """Say that no more will come."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        taker, self._taker = self._taker, None
        if taker is not None:
            reschedule(taker)

    async def take(self) -> T | None:
        """Wait for a thing and take it; None when no more will come. A checkpoint in any case."""
        if self.is_full or self._closed:
            await checkpoint()
        else:
            self._taker = current_task()
            await wait_task_rescheduled(self._leave)
        return self.take_nowait() if self.is_full else None

    def take_nowait(self) -> T:
        """Take the thing that is there."""
        thing, self._thing = self._thing, None
        self.is_full = False
        return cast("T", thing)

    def _leave(self, _: object) -> Abort:
        self._taker = None
        return Abort.SUCCEEDED
