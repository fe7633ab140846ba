"""Task factories that start every task of a loop at once."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from aio_coro._asyncio_internals import make_eager_task_factory
from aio_coro._first_step import construct_eagerly
from aio_coro._task import require_free_context

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextvars import Context

    from aio_coro._asyncio_internals import TaskConstructor, TaskFactory


def create_eager_task_factory(custom_task_constructor: TaskConstructor) -> TaskFactory:
    """Make a task factory, for `loop.set_task_factory()`, that starts tasks at once.

    What `asyncio.create_eager_task_factory()` has been since 3.12, on 3.11 as well, and without two of its traps: a
    task that is made for another thread's loop waits for that loop instead of running here under its name, and a
    context that is entered already is an error instead of a loop that hangs.

    A task that is made while its loop does not run (before `run_until_complete()`, for `shutdown_asyncgens()`) starts
    when the loop does. anyio's task groups know the factory and start their children as usual, in the loop's next
    pass; `aio_coro.anyio` has a group that starts them at once.

    Args:
        custom_task_constructor: Called as `constructor(coro, loop=..., name=..., context=...)`, on 3.12 and later
            with `eager_start=True` where the task is to start at once (3.11 knows no such parameter; there its first
            step is run as soon as the constructor has returned). Returns the task: `asyncio.Task`, a subclass or a
            function.

    Returns:
        The task factory. It raises what the constructor raises, and KeyboardInterrupt or SystemExit from the first
        part of the coroutine.

    Raises:
        TypeError: `custom_task_constructor` cannot be called.
    """
    if not callable(custom_task_constructor):
        raise TypeError(f"the constructor of tasks has to be callable, not {custom_task_constructor!r}")

    def construct(
        coro: Coroutine[Any, Any, Any],
        /,
        *,
        loop: asyncio.AbstractEventLoop,
        name: str | None = None,
        context: Context | None = None,
        eager_start: bool | None = False,
        **options: Any,
    ) -> asyncio.Task[Any]:
        # None comes from uvloop, whose create_task() was given nothing; anyio passes nothing, and wants no eager start.
        if eager_start is not False and _runs_here(loop) and not _waits_for_its_owner(coro):
            require_free_context(context)
            return construct_eagerly(custom_task_constructor, coro, loop, name=name, context=context, **options)
        return custom_task_constructor(coro, loop=loop, name=name, context=context, **options)

    return make_eager_task_factory(construct)


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _waits_for_its_owner(coro: Coroutine[Any, Any, Any]) -> bool:
    """Whether this is a child of an anyio task group, for which anyio has work to do before the child runs.

    anyio recognises an eager factory of asyncio's own making, which ours is from 3.14 on, and asks for no eager start.
    """
    return sys.version_info < (3, 14) and getattr(coro, "__qualname__", None) == "TaskHandle._run_coro"


eager_task_factory: TaskFactory = create_eager_task_factory(asyncio.Task)
"""A task factory that starts each `asyncio.Task` at once: `loop.set_task_factory(eager_task_factory)`."""
