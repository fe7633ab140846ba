"""Waiting that a cancellation cannot interrupt."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from aio_group._awaitable import future_to_wait_for
from aio_group._cancellation import Swallowing, foremost
from aio_group._latch import latch_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

_T = TypeVar("_T")


async def uncancellable(f: Awaitable[_T], raise_cancel: bool = True) -> _T:
    """Wait until `f` is done, however often the waiting task is cancelled meanwhile, and return its result.

    For clean-up that must not be cut short: `asyncio.shield` protects what is waited for, but its caller goes on at
    once, without it. Here the caller stays until the end:

    ```python
    try:
        await use(resource)
    finally:
        await uncancellable(resource.release())
    ```

    Args:
        f: A coroutine (it runs in a task of its own, from now on), a future or another awaitable.
        raise_cancel: What becomes of cancellations that arrived while waiting. True: one `CancelledError`, the last, is
            raised once `f` is done. False: they are ignored for good, and taken back with `uncancel`, so that
            `asyncio.timeout` and `asyncio.TaskGroup` around the call keep their count. A timeout that expired is
            ignored then too: use it with care.

    Returns:
        The result of `f`.

    Raises:
        asyncio.CancelledError: The waiting task was cancelled, and `raise_cancel` is true. If `f` failed, its error is
            the `__cause__`. Also raised, either way, if `f` itself was cancelled by somebody else.
        BaseException: Whatever `f` raised, if the waiting task was not cancelled.
        TypeError: `f` cannot be awaited.
        RuntimeError: `f` is the waiting task itself.

    An `f` that never ends is waited for without end.
    """
    swallowing = Swallowing()
    future = future_to_wait_for(f)
    cancellations = await latch_of(future).outlast()
    try:
        if cancellations and raise_cancel:
            if not future.cancelled():
                foremost(cancellations).__cause__ = future.exception()
            raise foremost(cancellations)
        if cancellations:
            swallowing.forget(cancellations)
        return future.result()
    finally:
        # The errors' tracebacks lead to this frame, which must not lead back to the errors.
        cancellations.clear()
        del future, swallowing
