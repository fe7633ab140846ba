"""Scopes that end their body when its time is over, and the error to raise if that is a failure."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from aio_values.lowlevel._runtime import in_trio, running_loop

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType

    from aio_values.lowlevel._trio_timeout import TimeLimitOnTrio


class TimeLimit(ABC):
    """What `with move_on_after(...) as limit` gives: tells afterwards whether the time ran out."""

    __slots__ = ("__weakref__", "deadline")

    def __init__(self, deadline: float) -> None:
        self.deadline: float = deadline
        """The time of `current_time()` at which the body is ended."""

    @property
    @abstractmethod
    def expired(self) -> bool:
        """True once the body was ended because the time was over, False if it ended by itself."""

    def __repr__(self) -> str:
        return f"<TimeLimit: deadline {self.deadline}, {'expired' if self.expired else 'not expired'}>"


def move_on_after(seconds: float | None) -> AbstractContextManager[TimeLimit]:
    """Limit the time of a `with` block: see `move_on_at`.

    Args:
        seconds: The most that the body may take, from now; None or `math.inf` for no limit. Zero ends the body at the
            first point where it blocks.

    Returns:
        A context manager for a plain `with`, which gives a `TimeLimit`.

    Raises:
        ValueError: `seconds` is negative or NaN.
        TypeError: `seconds` is no number.
    """
    if seconds is None:
        return move_on_at(math.inf)
    try:
        valid = seconds >= 0
    except TypeError:
        raise TypeError(f"seconds must be a number, or None for no limit, not {seconds!r}") from None
    if not valid:
        raise ValueError(f"seconds must be zero or more, or None for no limit, not {seconds!r}")
    # Of the other real numbers, not all can be added to a clock's reading.
    seconds = float(seconds)
    if in_trio():
        return _kind_on_trio().after(seconds)
    return _TimeLimitOnAsyncio(running_loop().time() + seconds)


def move_on_at(deadline: float) -> AbstractContextManager[TimeLimit]:
    """Limit the time of a `with` block: when it is over, cancel what the body waits for and go on behind the block.

    The scope swallows its own expiry, and nothing else: a cancellation from outside passes through, also one that
    arrives together with the expiry. Scopes nest. An error that the body raises while it is being ended passes
    through too; `expired` is then False.

    Args:
        deadline: The time of `current_time()` at which to end the body; `math.inf` for no limit.

    Returns:
        A context manager for a plain `with`, which gives a `TimeLimit`; on asyncio it must be entered in a task.
    """
    if in_trio():
        return _kind_on_trio()(deadline)
    return _TimeLimitOnAsyncio(deadline)


_on_trio: type[TimeLimitOnTrio] | None = None


def _kind_on_trio() -> type[TimeLimitOnTrio]:
    """Trio's side, imported when a trio task first needs it, then at hand."""
    global _on_trio  # noqa: PLW0603  # an import at most once; the statement itself is not free
    if _on_trio is None:
        from aio_values.lowlevel._trio_timeout import TimeLimitOnTrio

        _on_trio = TimeLimitOnTrio
    return _on_trio


class _TimeLimitOnAsyncio(TimeLimit):
    # A class, as its counterpart is: a generator made into a context manager would cost as much again as the timer.
    __slots__ = ("_entered", "_expired", "_fired", "_requests", "_task", "_timer")

    _task: asyncio.Task[Any]
    _timer: asyncio.TimerHandle | None
    _requests: int

    def __init__(self, deadline: float) -> None:
        super().__init__(deadline)
        self._entered = False
        self._expired = False

    @property
    def expired(self) -> bool:
        return self._expired

    def __enter__(self) -> TimeLimit:
        if self._entered:
            raise RuntimeError("this time limit was entered before: make one for each block")
        self._entered = True
        loop = running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a time limit ends a task's wait: enter it inside a task")
        self._task = task
        self._requests = task.cancelling()
        self._fired = False
        self._timer = None if self.deadline == math.inf else loop.call_at(self.deadline, self._fire)
        return self

    def _fire(self) -> None:
        self._fired = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        task, timer = self._task, self._timer
        # The timer's handle knows this object, which knows it: without this, a cycle.
        del self._task, self._timer
        if timer is not None:
            timer.cancel()
        # As in `asyncio.timeout`: with more requests left than before, somebody else wants this task to end too.
        if self._fired and task.uncancel() <= self._requests and isinstance(error, asyncio.CancelledError):
            self._expired = True
        return self._expired


def timeout_error(message: str) -> TimeoutError:
    """The exception for "it took too long" that users of the running runtime expect.

    Returns:
        A `TimeoutError`; on trio one that is a `trio.TooSlowError` too, so that `except TimeoutError` serves code for
        both runtimes, and `except trio.TooSlowError` serves trio's.
    """
    if in_trio():
        from aio_values.lowlevel._trio_timeout import TooSlowError

        return TooSlowError(message)
    return TimeoutError(message)
