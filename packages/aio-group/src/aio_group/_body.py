"""Cancelling the body of an `async with` block, and taking exactly that cancellation back at its end."""

from __future__ import annotations

import asyncio
import enum

from aio_group._cancellation import is_cancellation


class _State(enum.Enum):
    OPEN = "open"
    ASKED = "asked"
    CANCELLED = "cancelled"
    ENDED = "ended"


class Body:
    """The body of a block, seen from the block's other activities.

    The task that runs the body may be cancelled from outside at the same time, or by blocks within and around this one.
    The rule of `asyncio.timeout` tells them apart: a block that cancelled its task calls `uncancel` once, and keeps the
    CancelledError to itself only if the count of requests is then back at what it was when the block began.
    """

    __slots__ = ("_requests_before", "_state", "_task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("this block needs a task to run in: no task is running")
        self._task = task
        self._requests_before = task.cancelling()
        self._state = _State.OPEN

    @property
    def is_current(self) -> bool:
        """Whether the code that runs now is in the task of the body."""
        return asyncio.current_task() is self._task

    @property
    def is_cancelled_from_elsewhere(self) -> bool:
        """Whether the task is being cancelled by somebody who did not use this."""
        return self._state is not _State.CANCELLED and self._task.cancelling() > self._requests_before

    def cancel(self) -> None:
        """Cancel the body, once; nothing if it has ended."""
        if self._state is not _State.OPEN:
            return
        self._state = _State.ASKED
        if self.is_current:
            # A task that cancels itself and then does not wait keeps the request: before 3.13 uncancel() does not
            # withdraw it. One pass later the body waits, or has ended.
            self._task.get_loop().call_soon(self._deliver)
        else:
            self._deliver()

    def _deliver(self) -> None:
        if self._state is _State.ASKED:
            self._state = _State.CANCELLED
            self._task.cancel()

    def end(self, error: BaseException | None) -> bool:
        """Note that the body ended, with that error; tell whether the error is only the cancellation made here."""
        cancelled = self._state is _State.CANCELLED
        self._state = _State.ENDED
        if not cancelled:
            return False
        return self._task.uncancel() <= self._requests_before and is_cancellation(error)
