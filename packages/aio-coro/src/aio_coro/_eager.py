"""`eager` and its kin: coroutines that run up to their first suspension before the caller goes on."""

from __future__ import annotations

import functools
import inspect
from asyncio import Task, get_running_loop
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

from aio_coro._cancelling import cancelling
from aio_coro._first_step import HAS_EAGER_TASKS, TASKS_FIND_THEIR_LOOP, start_plain_task, start_what_makes
from aio_coro._task import require_free_context, start_task

if TYPE_CHECKING:
    import asyncio
    from contextlib import AbstractContextManager
    from contextvars import Context

    from aio_coro._cancelling import Cancellable

T = TypeVar("T")
P = ParamSpec("P")
A = TypeVar("A", bound=Awaitable[Any])
C = TypeVar("C", bound="Cancellable")
T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", bound=Awaitable[Any], covariant=True)


class MakesTaskInContext(Protocol[T_contra, R_co]):
    """What `coro_eager` calls to make a task, when it is given a context."""

    def __call__(self, coro: Coroutine[Any, Any, T_contra], /, *, context: Context) -> R_co:
        """Make a task that runs in the context."""


@overload
def eager(arg: Coroutine[Any, Any, T], create_task: None = None) -> Task[T]: ...
@overload
def eager(arg: Coroutine[Any, Any, T], create_task: Callable[[Coroutine[Any, Any, T]], A]) -> A: ...
@overload
def eager(arg: Callable[P, Coroutine[Any, Any, T]], create_task: None = None) -> Callable[P, Task[T]]: ...
@overload
def eager(
    arg: Callable[P, Coroutine[Any, Any, T]], create_task: Callable[[Coroutine[Any, Any, T]], A]
) -> Callable[P, A]: ...
def eager(arg: Any, create_task: Callable[[Any], Any] | None = None) -> Any:
    """Start a coroutine at once: as a call, or as a decorator of a function that returns a coroutine.

    A coroutine does nothing until it is awaited, and a task nothing until the loop's next pass. `eager` runs it up to
    where it first suspends (or to its end), then returns to the caller with the task that goes on with it: requests
    are on their way before the caller does its own work, and a result that is at hand costs no pass of the loop.

    From its first line on the coroutine runs as the new task, in a copy of the caller's context: `current_task()`,
    `asyncio.timeout()`, `TaskGroup`, `wait_for()`, anyio's cancel scopes and context variables behave as after the
    first suspension, and what they cancel is the new task, never the caller. What the coroutine raises is kept for
    whoever awaits the task; one that is cancelled before its first suspension gives a task that is `cancelled()`.

    Not changed is what an ordinary call would not change: in an `except` block, the first part sees the exception
    that is being handled, as in `sys.exception()` and as `__context__` of what it raises.

    A task factory of the loop makes the task. Nesting is limited by the stack, as for other calls: `RecursionError`.

    Args:
        arg: A coroutine; or a function, bound method, partial or callable object that returns one, to get a function
            that starts its coroutine at each call. Below `@classmethod` and `@staticmethod`.
        create_task: Called with the coroutine to make the task, instead of the loop, for example
            `task_group.create_task`. It need not know of eager starts: the task's first step is run when it returns.

    Returns:
        The `asyncio.Task`, done already if the coroutine did not suspend, or what `create_task` returned. For a
        function: a function with the same parameters that returns this.

    Raises:
        TypeError: `arg` is none of these. The returned function: what it wraps did not return a coroutine.
        RuntimeError: No asyncio event loop runs in this thread.
        KeyboardInterrupt, SystemExit: Raised by the coroutine before its first suspension. They go to the caller, as
            they go out of the loop from later parts.

    Cost: on Python 3.12 to 3.15 little more than `asyncio.Task(coro, loop=loop, eager_start=True)`, which is what it
    comes to where the loop has no task factory; on 3.11 about what `create_task` costs. On 3.11 such a task is named
    for its coroutine instead of numbered, and a loop that lets nobody replace its `call_soon` (none is known; uvloop
    does) starts the task in its next pass, with a RuntimeWarning.
    """
    if create_task is None:
        # Nothing is asked that need not be: the questions would take a tenth of the time of the whole call.
        try:
            loop = get_running_loop()
            if loop.get_task_factory() is None:
                # start_plain_task(), without the cost of its call; from 3.14 on, a Task asks for the loop in C.
                if TASKS_FIND_THEIR_LOOP:
                    return Task(arg, eager_start=True)  # type: ignore[call-arg, unused-ignore]  # 3.12+
                if HAS_EAGER_TASKS:
                    return Task(arg, loop=loop, eager_start=True)  # type: ignore[call-arg, unused-ignore]  # 3.12+
                return start_plain_task(arg, loop)
        except RecursionError:
            # As in start_plain_task(), which may not have been reached: no stack was left.
            if isinstance(arg, CoroutineType) and not arg.cr_suspended:
                arg.close()
            raise
        except TypeError:
            pass  # not a coroutine: one that is keeps its own errors in the task
        except RuntimeError:
            pass  # no loop runs: a function can be decorated all the same
    return _eager(arg, create_task)


def _eager(arg: Any, create_task: Callable[[Any], Any] | None) -> Any:
    if isinstance(arg, Coroutine):
        return coro_eager(arg, create_task=create_task)
    if callable(arg) or isinstance(arg, classmethod):
        return func_eager(arg, create_task=create_task)
    raise TypeError(f"eager() takes a coroutine or a function that returns one, not {_kind(arg)}")


@overload
def coro_eager(
    coro: Coroutine[Any, Any, T], *, create_task: None = None, context: Context | None = None
) -> Task[T]: ...
@overload
def coro_eager(
    coro: Coroutine[Any, Any, T], *, create_task: Callable[[Coroutine[Any, Any, T]], A], context: None = None
) -> A: ...
@overload
def coro_eager(coro: Coroutine[Any, Any, T], *, create_task: MakesTaskInContext[T, R_co], context: Context) -> R_co: ...
def coro_eager(
    coro: Coroutine[Any, Any, T],
    *,
    create_task: Callable[..., Any] | None = None,
    context: Context | None = None,
) -> Any:
    """Start a coroutine at once; what `eager` does for coroutines, in a context of your choice.

    Args:
        coro: The coroutine.
        create_task: Makes the task, as for `eager`; with a `context`, it is called as `create_task(coro,
            context=context)`.
        context: Run the coroutine in this context instead of a copy of the caller's.

    Returns:
        The task, or what `create_task` returned.

    Raises:
        TypeError: `coro` is not a coroutine, `context` not a context, or `create_task` cannot be called.
        RuntimeError: No asyncio event loop runs in this thread, or the context is entered already. The coroutine is
            left as it was.
        KeyboardInterrupt, SystemExit: Raised by the coroutine before its first suspension.
    """
    if not isinstance(coro, Coroutine):
        raise TypeError(f"coro_eager() takes a coroutine, not {_kind(coro)}")
    loop = _running_loop()
    if create_task is None:
        return start_task(loop, coro, name=None, context=context)
    _require_callable(create_task)
    require_free_context(context)
    options = {} if context is None else {"context": context}
    return start_what_makes(loop, partial(create_task, coro, **options))


@overload
def func_eager(func: Callable[P, Coroutine[Any, Any, T]], *, create_task: None = None) -> Callable[P, Task[T]]: ...
@overload
def func_eager(
    func: Callable[P, Coroutine[Any, Any, T]], *, create_task: Callable[[Coroutine[Any, Any, T]], A]
) -> Callable[P, A]: ...
def func_eager(func: Callable[P, Coroutine[Any, Any, T]], *, create_task: Callable[..., Any] | None = None) -> Any:
    """Make a function that starts its coroutine at each call; what `eager` does for functions.

    Args:
        func: A function, bound method, partial or callable object that returns a coroutine.
        create_task: Makes the task, as for `eager`.

    Returns:
        A function with the same parameters and name that returns the task (or what `create_task` returns). It
        raises as `coro_eager` does; without a running loop before it calls `func`.

    Raises:
        TypeError: `func` or `create_task` cannot be called, or `func` is a class or static method object (put the
            decorator below these) or an async generator function.
    """
    if isinstance(func, (classmethod, staticmethod)):
        raise TypeError(f"put @eager below @{type(func).__name__}, not above it")
    if not callable(func):
        raise TypeError(f"func_eager() takes a function that returns a coroutine, not {_kind(func)}")
    if inspect.isasyncgenfunction(func):
        raise TypeError(f"{_name(func)}() is an async generator function: iterate over it, it cannot be a task")
    if create_task is not None:
        _require_callable(create_task)

    @functools.wraps(func)
    def start(*args: P.args, **kwargs: P.kwargs) -> Any:
        loop = _running_loop()
        coro = func(*args, **kwargs)
        if not isinstance(coro, Coroutine):
            raise TypeError(f"{_name(func)}() has to return a coroutine to be started, it returned {_kind(coro)}")
        if create_task is None:
            return start_task(loop, coro, name=None, context=None)
        return start_what_makes(loop, partial(create_task, coro))

    return start


@overload
def eager_ctx(
    coro: Coroutine[Any, Any, T], *, create_task: None = None, msg: str | None = None
) -> AbstractContextManager[Task[T]]: ...
@overload
def eager_ctx(
    coro: Coroutine[Any, Any, T], *, create_task: Callable[[Coroutine[Any, Any, T]], C], msg: str | None = None
) -> AbstractContextManager[C]: ...
def eager_ctx(
    coro: Coroutine[Any, Any, T], *, create_task: Callable[..., Any] | None = None, msg: str | None = None
) -> AbstractContextManager[Any]:
    """Start a coroutine at once, and cancel its task when the `with` block is left.

    `cancelling(coro_eager(coro))`: the coroutine runs by the time this returns. Cancelling does not wait for the task
    to end; await it after the block where that matters. A task that is done by then stays as it is.

    Args:
        coro: The coroutine.
        create_task: Makes the task, as for `eager`; it has to return something with `cancel()`.
        msg: The message of the cancellation.

    Returns:
        A context manager that gives the task.

    Raises:
        TypeError: `coro` is not a coroutine, or what `create_task` returned cannot be cancelled.
        RuntimeError: No asyncio event loop runs in this thread.
        KeyboardInterrupt, SystemExit: Raised by the coroutine before its first suspension.
    """
    if not isinstance(coro, Coroutine):
        raise TypeError(f"eager_ctx() takes a coroutine, not {_kind(coro)}")
    if create_task is None:
        return cancelling(coro_eager(coro), msg)
    return cancelling(coro_eager(coro, create_task=create_task), msg)


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return get_running_loop()
    except RuntimeError:
        raise RuntimeError("an eager coroutine becomes a task, so an asyncio event loop has to run here") from None


def _require_callable(create_task: object) -> None:
    if not callable(create_task):
        raise TypeError(f"create_task has to be a function that makes a task of a coroutine, not {_kind(create_task)}")


def _name(func: object) -> str:
    return getattr(func, "__qualname__", None) or repr(func)


def _kind(thing: object) -> str:
    return f"{type(thing).__qualname__} {thing!r}"
