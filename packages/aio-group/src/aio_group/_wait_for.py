"""Waiting with a timeout, without losing a result to a cancellation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from aio_group._argument import seconds_of
from aio_group._awaitable import close_coroutine, future_to_wait_for
from aio_group._cancellation import CancelledWithResultError, foremost
from aio_group._latch import latch_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

_T = TypeVar("_T")


async def wait_for(obj: Awaitable[_T], timeout: float | None) -> _T:
    """Wait for an awaitable, for `timeout` seconds at most.

    Like `asyncio.wait_for`, with two races closed: a result that arrives together with a cancellation is not lost, and
    an awaitable that cancels itself is not taken for one that was too slow.

    Args:
        obj: A coroutine (it runs in a task of its own), a future or another awaitable. It is done when the call ends,
            however it ends: on a timeout or a cancellation it is cancelled and waited for. (Of what `Group.spawn`
            returns, that holds for the future, which stands for the group's task and does not cancel it.)
        timeout: Seconds; None waits without limit; with 0 or less, only what is done already gives a result.

    Returns:
        The result of `obj`, also if it came in spite of the timeout, after `obj` was cancelled.

    Raises:
        TimeoutError: The time was over, and `obj` ended by the cancellation.
        CancelledWithResultError: The waiting task was cancelled and `obj` had a result or an error all the same, which
            this error carries. Before Python 3.13, `asyncio.timeout` and `asyncio.TaskGroup` do not know it for a
            cancellation: inside them, catch it, and raise a plain `asyncio.CancelledError` from it.
        asyncio.CancelledError: The waiting task was cancelled and `obj` with it, or `obj` was cancelled by itself or by
            somebody else.
        BaseException: Whatever `obj` raised.
        TypeError: `obj` cannot be awaited, or `timeout` is not a number. Nothing was started.
        ValueError: `timeout` is NaN, or too large for a float. Nothing was started.
        RuntimeError: `obj` is the waiting task itself.

    A second cancellation does not cut short the wait for `obj` to end.
    """
    try:
        timeout = seconds_of(timeout)
        future = future_to_wait_for(obj)
    except BaseException:
        close_coroutine(obj)
        raise
    done = latch_of(future)
    cancellations: list[asyncio.CancelledError] = []
    try:
        in_time = await done.wait(timeout)
    except asyncio.CancelledError as cancelled:
        in_time = True
        cancellations.append(cancelled)
    # A future that got done meanwhile is not cancelled by this, and keeps its outcome.
    future.cancel()
    cancellations += await done.outlast()
    try:
        if cancellations:
            raise _with_outcome(foremost(cancellations), future)
        if future.cancelled() and not in_time:
            raise TimeoutError(f"{obj!r} was not done within {timeout} seconds")
        return future.result()
    finally:
        # The errors' tracebacks lead to this frame, which must not lead back to the errors.
        cancellations.clear()
        del future, obj


def _with_outcome(cancelled: asyncio.CancelledError, future: asyncio.Future[_T]) -> asyncio.CancelledError:
    if future.cancelled():
        return cancelled
    error = future.exception()
    outcome = CancelledWithResultError(future.result() if error is None else None, error)
    outcome.__cause__ = error or cancelled
    return outcome
