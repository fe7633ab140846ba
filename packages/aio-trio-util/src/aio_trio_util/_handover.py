"""A place where one task leaves a thing for another: what a memory channel does, for two tasks that take turns."""

from __future__ import annotations

from types import coroutine
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

import outcome
from trio.lowlevel import Abort, Task, checkpoint, current_task, reschedule, wait_task_rescheduled

if TYPE_CHECKING:
    from collections.abc import Generator

T = TypeVar("T")

# What a taker is woken with. Nobody unwraps it, so that one serves all.
_WOKEN: Final = outcome.Value(None)


class _Taker:
    """Who waits. Apart from what it waits for, which would otherwise be held by its own message."""

    __slots__ = ("task",)

    def __init__(self) -> None:
        self.task: Task | None = None

    def leave(self, _: object) -> Abort:
        self.task = None
        return Abort.SUCCEEDED


class Handover(Generic[T]):
    """Room for one thing, that one task at a time may wait for.

    A task that was woken has been given the thing, and no cancellation comes between: trio raises none in a task that
    it has rescheduled.

    What `wait_task_rescheduled` tells trio's scheduler, which only reads it, is made once, and yielded on every wait.
    The answer to a wake-up is `_WOKEN`; any other is a cancellation, to be unwrapped. Checked with trio 0.22 and 0.35.
    """

    __slots__ = ("_closed", "_message", "_taker", "_thing", "is_full")

    def __init__(self) -> None:
        self.is_full = False
        self._thing: T | None = None
        self._taker = _Taker()
        self._closed = False
        trap = wait_task_rescheduled(self._taker.leave)  # noqa: ASYNC105  # only its message is wanted
        self._message = trap.send(None)
        trap.close()

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
        taker = self._taker
        if taker.task is not None:
            reschedule(taker.task, _WOKEN)
            taker.task = None

    @coroutine
    def take(self) -> Generator[Any, Any, T | None]:
        """Wait for a thing and take it; None when no more will come. A checkpoint in any case."""
        if self.is_full or self._closed:
            yield from checkpoint().__await__()  # noqa: ASYNC105  # awaited right here
        else:
            self._taker.task = current_task()
            answer = yield self._message
            if answer is not _WOKEN:
                try:
                    answer.unwrap()
                finally:
                    # What it raises knows this frame.
                    del answer
        return self.take_nowait() if self.is_full else None

    def take_nowait(self) -> T:
        """Take the thing that is there."""
        thing, self._thing = self._thing, None
        self.is_full = False
        return cast("T", thing)
