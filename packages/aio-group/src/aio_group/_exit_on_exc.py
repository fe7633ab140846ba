"""Leaving a context because a task failed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

# A loop refers to its tasks weakly: somebody must hold those that nobody waits for.
_exits: set[asyncio.Task[None]] = set()


def async_exit_on_exc(
    ctx_manager: AbstractAsyncContextManager[Any, Any],
    task: asyncio.Future[Any],
    loop: asyncio.AbstractEventLoop | None = None,
) -> None:
    """Leave an async context manager with a task's error, if the task fails; as its done callback, or at once.

    ```python
    task.add_done_callback(functools.partial(async_exit_on_exc, connection))
    ```

    If the task raised anything but `asyncio.CancelledError`, `ctx_manager.__aexit__` is called with the error, in a
    task of its own that is started now. If the task is not done yet, this happens when it is. A task that returned or
    was cancelled changes nothing.

    Args:
        ctx_manager: An async context manager that was entered.
        task: The task or future.
        loop: The loop to run the exit in; that of `task` by default.

    Raises:
        TypeError: `ctx_manager` has no `__aexit__`, or `task` is not a task or future.

    The task's error has then reached the context manager, and asyncio does not report it; whoever awaits the task still
    gets it. An error that `__aexit__` itself raises is reported through the loop's exception handler. When the loop
    ends while the exit runs, the exit is cancelled like any task.
    """
    if not hasattr(type(ctx_manager), "__aexit__"):
        raise TypeError(f"an async context manager is needed, not {ctx_manager!r}")
    if not isinstance(task, asyncio.Future):
        raise TypeError(f"a task or future is needed, not {task!r}")
    if not task.done():
        task.add_done_callback(lambda task: async_exit_on_exc(ctx_manager, task, loop))
        return
    error = None if task.cancelled() else task.exception()
    if error is None:
        return
    exit_task = (loop or task.get_loop()).create_task(_exit(ctx_manager, error), name=f"exit of {ctx_manager!r}")
    _exits.add(exit_task)
    exit_task.add_done_callback(_exits.discard)


async def _exit(ctx_manager: AbstractAsyncContextManager[Any, Any], error: BaseException) -> None:
    try:
        await ctx_manager.__aexit__(type(error), error, error.__traceback__)
    except Exception as exit_error:
        # To raise again what one was given says the same as to return False.
        if exit_error is not error:
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"{ctx_manager!r} failed to exit after the failure of a task", "exception": exit_error}
            )
