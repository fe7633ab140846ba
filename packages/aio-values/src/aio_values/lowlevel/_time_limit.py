"""Scopes that end their body when its time is over, and the error to raise if that is a failure."""

from __future__ import annotations

import asyncio
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aio_values.lowlevel._runtime import current_time, in_trio, running_loop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class TimeLimit:
    """What `with move_on_after(...) as limit` gives: tells afterwards whether the time ran out."""

    __slots__ = ("__weakref__", "deadline", "expired")

    def __init__(self, deadline: float) -> None:
        self.deadline: float = deadline
        """The time of `current_time()` at which the body is ended."""
        self.expired: bool = False
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
        ValueError: `seconds` is negative or not a number.
    """
    if seconds is None:
        return move_on_at(math.inf)
    if not seconds >= 0:
        raise ValueError(f"seconds must be zero or more, or None for no limit, not {seconds!r}")
    return move_on_at(current_time() + seconds)


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
    limit = TimeLimit(deadline)
    return _on_trio(limit) if in_trio() else _on_asyncio(limit)


@contextmanager
def _on_trio(limit: TimeLimit) -> Iterator[TimeLimit]:
    import trio

    with trio.CancelScope(deadline=limit.deadline) as scope:
        yield limit
    limit.expired = scope.cancelled_caught


@contextmanager
def _on_asyncio(limit: TimeLimit) -> Iterator[TimeLimit]:
    task = asyncio.current_task(running_loop())
    if task is None:
        raise RuntimeError("a time limit ends a task's wait: enter it inside a task")
    if limit.deadline == math.inf:
        yield limit
        return
    requests = task.cancelling()
    fired = False

    def fire() -> None:
        nonlocal fired
        fired = True
        task.cancel()

    timer = running_loop().call_at(limit.deadline, fire)
    alone = False
    try:
        try:
            yield limit
        finally:
            timer.cancel()
            # As in `asyncio.timeout`: with more requests left than before, somebody else wants this task to end too.
            alone = fired and task.uncancel() <= requests
    except asyncio.CancelledError:
        if not alone:
            raise
        limit.expired = True


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
