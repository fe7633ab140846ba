"""A trio task's waiter. Imported only from inside a trio task."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final

import outcome
import trio
from trio.lowlevel import current_task, current_trio_token, reschedule, wait_task_rescheduled

if TYPE_CHECKING:
    from collections.abc import Generator

_SUCCEEDED: Final = trio.lowlevel.Abort.SUCCEEDED


class _State(enum.Enum):
    FRESH = "not awaited yet"
    PARKED = "its task waits"
    RESULT = "woken with a result"
    EXCEPTION = "woken with an exception"
    CANCELLED = "its task's wait was cancelled"


# Looked up on every wait and wake: a plain global is cheaper than a member of the enum.
_FRESH, _PARKED, _RESULT, _EXCEPTION, _CANCELLED = _State


class TrioWaiter:
    """What `asyncio.Future` is to an asyncio task, for one trio task: see `Waiter`."""

    __slots__ = ("__weakref__", "_outcome", "_state", "_task")

    def __init__(self) -> None:
        self._state = _FRESH
        self._outcome: Any = None
        self._task: trio.lowlevel.Task | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._state.value}>"

    def done(self) -> bool:
        state = self._state
        return state is not _PARKED and state is not _FRESH

    def cancelled(self) -> bool:
        return self._state is _CANCELLED

    def result(self) -> Any:
        if self._state is _EXCEPTION:
            raise self._outcome
        if self._state is not _RESULT:
            raise RuntimeError(f"this waiter has no result: {self._state.value}")
        return self._outcome

    def exception(self) -> BaseException | None:
        return self._outcome if self._state is _EXCEPTION else None

    def set_result(self, result: object, /) -> None:
        if self._state is not _PARKED:
            self._wake(_RESULT, result)
            return
        # This is `_wake`, written out for the commonest case.
        reschedule(self._task)  # type: ignore[arg-type]  # a parked waiter has its task
        self._task = None
        self._outcome = result
        self._state = _RESULT

    def set_exception(self, exception: BaseException, /) -> None:
        self._wake(_EXCEPTION, exception)

    def _wake(self, state: _State, result: object) -> None:
        task = self._task
        if self._state is _PARKED and task is not None:
            self._task = None
            self._reschedule(task)
        elif self._state is not _FRESH:
            raise RuntimeError(f"this waiter is done: {self._state.value}")
        self._outcome = result
        self._state = state

    def _reschedule(self, task: trio.lowlevel.Task) -> None:
        reschedule(task)

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._state = _CANCELLED
        self._task = None
        return _SUCCEEDED

    def _sit_down(self) -> None:
        """The calling task is about to be parked."""
        if self._state is not _FRESH:
            raise RuntimeError("this waiter is awaited by a task already: a waiter parks one task")
        self._task = current_task()
        self._state = _PARKED

    def __await__(self) -> Generator[Any, Any, Any]:
        if self._state is _FRESH or self._state is _PARKED:
            self._sit_down()
            yield from wait_task_rescheduled(self._abort).__await__()  # noqa: ASYNC105  # awaited right here
        return self._outcome if self._state is _RESULT else self.result()


def waiter_at_home() -> tuple[TrioWaiter, trio.lowlevel.TrioToken]:
    """A waiter, and the run that it belongs to."""
    return TrioWaiter(), current_trio_token()


# Sent to the task that a `_SeatWaiter` wakes. Nobody unwraps it, so that one serves all.
_WOKEN: Final[outcome.Value[None]] = outcome.Value(None)


class _SeatWaiter(TrioWaiter):
    """The waiter of a `Seat`: its task is known before it is parked."""

    __slots__ = ()

    def set_result(self, result: object, /) -> None:
        if self._state is not _PARKED:
            super().set_result(result)
        else:
            reschedule(self._task, _WOKEN)  # type: ignore[arg-type]  # a parked waiter has its task
            self._task = None
            self._outcome = result
            self._state = _RESULT

    def _reschedule(self, task: trio.lowlevel.Task) -> None:
        reschedule(task, _WOKEN)


class Seat:
    """Lets one party wait again and again for half of what fresh waiters cost.

    `trio.lowlevel.wait_task_rescheduled` makes a message for trio's run loop, which only reads it: here it is made
    once, and yielded on every wait. The loop's answer to a wake-up is `_WOKEN`; any other is a cancellation, to be
    unwrapped. Checked with trio 0.22 and 0.35.

    `waiter` is for whoever wakes, after `renew()`; the seat itself is what the task awaits.
    """

    __slots__ = ("_message", "_task", "waiter")

    def __init__(self) -> None:
        self.waiter = _SeatWaiter()
        self._task: trio.lowlevel.Task | None = None
        trap = wait_task_rescheduled(self.waiter._abort)  # noqa: ASYNC105  # only its message is wanted
        self._message = trap.send(None)
        trap.close()

    def renew(self) -> bool:
        """Make the waiter fresh for the calling task; the last wait must be over, and nobody may hold the waiter still.

        Returns:
            Whether this task is the one that sat here before.
        """
        task, before = current_task(), self._task
        waiter = self.waiter
        waiter._state = _FRESH
        waiter._task = self._task = task
        return task is before

    def __await__(self) -> Generator[Any, Any, Any]:
        waiter = self.waiter
        if waiter._state is _FRESH:
            waiter._state = _PARKED
            answer = yield self._message
            if answer is not _WOKEN:
                try:
                    answer.unwrap()
                finally:
                    # What it raises knows this frame.
                    del answer
        if waiter._state is _EXCEPTION:
            raise waiter._outcome
        return waiter._outcome
