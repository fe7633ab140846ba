"""A time limit that interrupts its task instead of cancelling it."""

from __future__ import annotations

import asyncio
import enum
import math
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

from aio_sched._asyncio_internals import current_task, last_waited_for, must_cancel
from aio_sched._interrupt import is_cancellation_pending, throw_into
from aio_sched._interrupt_errors import CancellationPendingError, TimeoutInterrupt

if TYPE_CHECKING:
    from types import TracebackType


def task_timeout(seconds: float | None, *, cancel_awaited: bool = False) -> TaskTimeout:
    """Limit the time of an `async with` block: like `asyncio.timeout`, by an interrupt instead of a cancellation.

    When the time is over, `TimeoutInterrupt` is raised in the block, at once; out of the block comes `TimeoutError`.
    The task is never cancelled by it: `cancelling()` does not count it, each of several nested timeouts knows its own
    interrupt, whatever the order in which they expire, and a real cancellation always goes first.

    A block that catches the `TimeoutInterrupt` and ends in another way, ends in that way; `expired()` tells.

    Args:
        seconds: How long the block may take; None for no limit. With 0 or less, the block is interrupted where it waits
            first.
        cancel_awaited: What becomes of the task, `gather` or future that the block waits for when the time is over.
            By default it is left alone and goes on: keep it, and await or cancel it after the block. With True it is
            cancelled, as `asyncio.timeout` does, but not waited for.

    Returns:
        An asynchronous context manager for one use, with the methods of `asyncio.Timeout`: `when()`,
        `reschedule(when)`, `expired()`.

    Raises:
        TypeError: `seconds` is no number.
        ValueError: `seconds` is not a number (NaN), or no float can hold it.
        TimeoutError: From the block, when its time was over.

    Cancellation: a cancellation that is on its way when the time is over is raised as it is, and not replaced. If
    what the block waits for swallows it, the interrupt comes when that has ended. A task that was cancelled inside of
    the block, and goes on there all the same (to clean up, say), is cancelled once more in place of being interrupted,
    and so is what it waits for; the outcome is the same.

    On a loop that shows no ready queue (uvloop), a block that happens to be about to run when its time is over gets a
    `CancelledError` where it waits next, as with `asyncio.timeout`; the outcome is the same.
    """
    return TaskTimeout(_require_seconds(seconds), cancel_awaited=cancel_awaited)


class _State(enum.Enum):
    CREATED = "created"
    ENTERED = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    EXITED = "finished"


class TaskTimeout:
    """What `task_timeout` returns."""

    __slots__ = (
        "_awaited",
        "_cancel_awaited",
        "_cancelling",
        "_delivered",
        "_interrupt",
        "_message",
        "_seconds",
        "_state",
        "_task",
        "_timer",
        "_when",
    )

    def __init__(self, seconds: float | None, *, cancel_awaited: bool) -> None:
        self._seconds = seconds
        self._cancel_awaited = cancel_awaited
        self._state = _State.CREATED
        self._when: float | None = None
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.Handle | None = None
        # What the task waits for with a cancellation on its way, after which the interrupt is tried again.
        self._awaited: asyncio.Future[Any] | None = None
        # The interrupt that was raised in the block; or the message of the cancellation in place of one.
        self._interrupt: TimeoutInterrupt | None = None
        self._message: str | None = None
        # How often the task had been cancelled when the block began, and how much of that it knew.
        self._cancelling = self._delivered = 0

    def when(self) -> float | None:
        """The time, by the loop's clock, at which the block is interrupted; None for no limit, or before the block."""
        return self._when

    def expired(self) -> bool:
        """Whether the time was over before the block ended, and the block was told."""
        return self._state in {_State.EXPIRING, _State.EXPIRED}

    def reschedule(self, when: float | None) -> None:
        """Give the block another limit.

        Args:
            when: A time by the loop's clock (`loop.time()`), in seconds; None for no limit.

        Raises:
            TypeError: `when` is no number.
            ValueError: `when` is not a number (NaN), or no float can hold it.
            RuntimeError: The block has not begun, has ended, or was interrupted already.
        """
        when = _require_seconds(when, "when")
        if self._state is not _State.ENTERED:
            raise RuntimeError(f"a timeout that is {self._state.value} cannot be rescheduled")
        self._stop()
        self._start(when)

    async def __aenter__(self) -> Self:
        if self._state is not _State.CREATED:
            raise RuntimeError("a timeout is for one block: call task_timeout() again")
        task = current_task(asyncio.get_running_loop())
        if task is None:
            raise RuntimeError("task_timeout() interrupts the task of its block, and this block is in none")
        self._state = _State.ENTERED
        self._task = task
        self._cancelling = task.cancelling()
        self._delivered = self._cancelling - must_cancel(task)
        self._start(None if self._seconds is None else asyncio.get_running_loop().time() + self._seconds)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()
        task, self._task = self._task, None
        interrupt, self._interrupt = self._interrupt, None
        if self._state is not _State.EXPIRING:
            self._state = _State.EXITED
            return
        self._state = _State.EXPIRED
        assert task is not None
        outstanding = task.cancelling() if self._message is None else task.uncancel()
        if exc is not None and (
            exc is interrupt or self._is_own(exc) or (outstanding <= self._cancelling and _is_remnant(exc))
        ):
            raise TimeoutError from exc
        if isinstance(exc, BaseExceptionGroup):
            _raise_without(exc, interrupt)

    def __repr__(self) -> str:
        when = "" if self._when is None else f" when={self._when:.3f}"
        return f"<TaskTimeout [{self._state.value}]{when}>"

    def _start(self, when: float | None) -> None:
        self._when = when
        if when is None or when == math.inf:
            return
        loop = asyncio.get_running_loop()
        if when <= loop.time():
            self._timer = loop.call_soon(self._expire)
        else:
            self._timer = loop.call_at(when, self._expire)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._awaited is not None:
            self._awaited.remove_done_callback(self._expire)
            self._awaited = None

    def _expire(self, _: object = None) -> None:
        self._timer = self._awaited = None
        task = self._task
        # The block has ended, and this was due already; or it will never end, since its task has.
        if task is None or task.done():
            return
        if task.cancelling() > self._cancelling and not is_cancellation_pending(task, self._delivered):
            # It goes on after a cancellation inside of the block: perhaps that of an `asyncio.timeout`, which from 3.13
            # on would take the interrupt for its own. Cancellations it counts.
            self._cancel(task)
            return
        interrupt = TimeoutInterrupt()
        self._state, self._interrupt = _State.EXPIRING, interrupt
        try:
            throw_into(task, interrupt, cancel_awaited=self._cancel_awaited, delivered=self._delivered)
        except CancellationPendingError:
            self._state, self._interrupt = _State.ENTERED, None
            self._try_after_cancellation(task)
        except RuntimeError:  # out of reach
            self._interrupt = None
            self._cancel(task)
        finally:
            del task, interrupt  # see throw_into()

    def _cancel(self, task: asyncio.Task[Any]) -> None:
        self._state = _State.EXPIRING
        self._message = f"time limit at {self._when:.3f}"
        task.cancel(self._message)

    def _is_own(self, exc: BaseException) -> bool:
        """Whether an exception is the cancellation in place of the interrupt."""
        return self._message is not None and any(argument is self._message for argument in exc.args)

    def _try_after_cancellation(self, task: asyncio.Task[Any]) -> None:
        """Most often the cancellation ends the block, and that is that. But it can be swallowed on its way."""
        awaited = last_waited_for(task)
        if awaited is None or awaited.done():
            self._timer = task.get_loop().call_soon(self._expire)
        else:
            self._awaited = awaited
            awaited.add_done_callback(self._expire)


def _raise_without(group: BaseExceptionGroup[BaseException], interrupt: TimeoutInterrupt | None) -> None:
    """Take the interrupt out of a group: up to 3.12, task groups take one that their body raises for an error."""
    own, others = group.split(lambda exc: exc is interrupt)
    if own is None:
        return
    if others is None:
        raise TimeoutError from group
    raise others


def _is_remnant(exc: BaseException) -> bool:
    """Whether an exception can be what is left of an interrupt: library code may raise a `CancelledError` instead."""
    return type(exc) is asyncio.CancelledError


def _require_seconds(seconds: float | None, name: str = "seconds") -> float | None:
    """Refuse what is no time."""
    if seconds is None:
        return None
    if not isinstance(seconds, Real):
        raise TypeError(f"{name} must be a number or None, not {seconds!r}")
    try:
        value = float(seconds)
    except OverflowError:
        raise ValueError(f"{name} must be a number that a float can hold; None is for no limit") from None
    if math.isnan(value):
        raise ValueError(f"{name} must be a number, and NaN is none; None is for no limit")
    return value
