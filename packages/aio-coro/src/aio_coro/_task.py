"""`create_task`: a task as `asyncio.create_task()` of Python 3.14 makes it, on every version."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aio_coro._asyncio_internals import constructor_in
from aio_coro._first_step import construct_eagerly, start_plain_task, start_what_makes

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextvars import Context

    from aio_coro._asyncio_internals import TaskFactory

T = TypeVar("T")


def create_task(
    coro: Coroutine[Any, Any, T],
    *,
    name: str | None = None,
    context: Context | None = None,
    eager_start: bool | None = None,
) -> asyncio.Task[T]:
    """Make a task of a coroutine, started at once or in the loop's next pass.

    The signature of `asyncio.create_task()` in Python 3.14, on every version. A task factory of the loop is used in
    all cases.

    Args:
        coro: The coroutine.
        name: The task's name; it is in place before the coroutine runs.
        context: Run the coroutine in this context instead of a copy of the caller's.
        eager_start: True: run the coroutine up to its first suspension before this returns, as the new task (see
            `eager`). False: start it in the loop's next pass, even where the loop's factory is an eager one made by
            `create_eager_task_factory`, asyncio's or ours. None: as the loop's task factory does, so without one in
            the next pass.

    Returns:
        The task.

    Raises:
        TypeError: `coro` is not a coroutine, or `context` not a context.
        RuntimeError: No event loop runs in this thread, or `context` is entered already and so cannot be entered
            by a task that starts at once. The coroutine is left as it was.
        KeyboardInterrupt, SystemExit: Raised by the coroutine before its first suspension.
    """
    loop = asyncio.get_running_loop()
    if eager_start:
        return start_task(loop, coro, name=name, context=context)
    factory = loop.get_task_factory()
    constructor = constructor_in(factory)
    if constructor is not None and eager_start is False:
        return constructor(coro, loop=loop, name=name, context=context)
    if constructor is not None:
        # Until 3.12, asyncio names the task that it gets from a factory, which has run by then.
        require_free_context(context)
        return cast("TaskFactory", factory)(loop, coro, name=name, context=context)
    return asyncio.create_task(coro, name=name, context=context)


def start_task(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, T], *, name: str | None, context: Context | None
) -> asyncio.Task[T]:
    """Make a task as the running loop does it, and run its first step at once."""
    require_free_context(context)
    factory = loop.get_task_factory()
    if factory is None:
        if name is None and context is None:
            return start_plain_task(coro, loop)
        return construct_eagerly(asyncio.Task, coro, loop, name=name, context=context)
    constructor = constructor_in(factory)
    if constructor is not None:
        return construct_eagerly(constructor, coro, loop, name=name, context=context)
    # Not every factory takes every argument: it gets those that there are.
    options = {"name": name, "context": context}
    given = {option: value for option, value in options.items() if value is not None}
    return start_what_makes(loop, partial(cast("Any", loop.create_task), coro, **given))


def require_free_context(context: Context | None) -> None:
    """Raise unless a task can be started in the context at once.

    A context that is entered cannot be entered again. asyncio finds out too late: on 3.12 to 3.14 the new task then
    stays the current one, and the loop hangs.
    """
    if context is None:
        return
    try:
        context.run(_nothing)
    except AttributeError:
        raise TypeError(f"context must be a contextvars.Context, not {type(context).__qualname__}") from None
    except RuntimeError:
        raise RuntimeError(
            "the context is entered already, so that no task can start in it at once: pass its copy()"
        ) from None


def _nothing() -> None:
    pass
