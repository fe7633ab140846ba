"""Tasks that are implemented in Python."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aio_sched._asyncio_internals import PythonTask

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextvars import Context

T = TypeVar("T")


def create_pytask(
    coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
) -> asyncio.Task[T]:
    """Make a task of asyncio's Python implementation, whatever task factory the loop has.

    `task_throw` and `task_interrupt` need none: they reach C tasks just as well. This is for programs that look into
    their tasks with a debugger or a profiler, and for those that come from asynkit.

    Args:
        coro: The coroutine.
        name: The task's name.
        context: The task's context; a copy of the current one by default.

    Returns:
        The task. It is no instance of `asyncio.Task`, which is the class in C, but has all of its methods.

    Raises:
        TypeError: `coro` is no coroutine.
        RuntimeError: No loop is running.
    """
    loop = asyncio.get_running_loop()
    return cast("asyncio.Task[T]", PythonTask(coro, loop=loop, name=name, context=context))
