"""Calling functions without minding whether they are synchronous, now, at a cancellation, or when something is done."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar, overload

from aio_group._async_function import refuse_other_than_functions
from aio_group._awaitable import close_coroutine, future_to_wait_for
from aio_group._cancellation import Swallowing, foremost
from aio_group._latch import Latch, latch_of

_P = ParamSpec("_P")
_T = TypeVar("_T")

AsyncCallable: TypeAlias = Callable[_P, _T | Awaitable[_T]]
"""A function that returns its result or an awaitable of it: `AsyncCallable[[int], str]`.

For annotations of parameters that are given to `call`.
"""


@overload
async def call(fn: Callable[_P, Awaitable[_T]], /, *args: _P.args, **kwargs: _P.kwargs) -> _T: ...
@overload
async def call(fn: Callable[_P, _T | Awaitable[_T]], /, *args: _P.args, **kwargs: _P.kwargs) -> _T: ...
async def call(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function that may be synchronous or asynchronous, and return its result.

    Args:
        fn: What to call. If it returns an awaitable, that is awaited.
        *args: Its positional arguments.
        **kwargs: Its keyword arguments.

    Returns:
        What `fn` returned, or what the awaitable gave that it returned.

    Raises:
        TypeError: `fn` is not callable.
        BaseException: Whatever `fn` or the awaitable raised.

    A cancellation reaches what is awaited. A synchronous `fn` runs here and now: it blocks the loop, and the call does
    not yield to it.
    """
    refuse_other_than_functions("call", [fn], "functions")
    result = fn(*args, **kwargs)
    return await result if inspect.isawaitable(result) else result


@overload
async def call_on_cancel(fn: Callable[_P, Awaitable[_T]], /, *args: _P.args, **kwargs: _P.kwargs) -> _T: ...
@overload
async def call_on_cancel(fn: Callable[_P, _T | Awaitable[_T]], /, *args: _P.args, **kwargs: _P.kwargs) -> _T: ...
async def call_on_cancel(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Wait to be cancelled, then call `fn` as `call` does.

    For clean-up that belongs to a group: `group.spawn(call_on_cancel, connection.close)` runs it when the group closes.

    Args:
        fn: What to call, synchronous or asynchronous.
        *args: Its positional arguments.
        **kwargs: Its keyword arguments.

    Returns:
        The result of `fn`: the cancellation that started it ends here, and is taken back with `uncancel`, so that
        `fn` can use `asyncio.timeout` and `asyncio.TaskGroup` as if nothing had happened.

    Raises:
        TypeError: `fn` is not callable. At once, not when it is to be called.
        BaseException: Whatever `fn` or the awaitable raised.

    A second cancellation reaches `fn`; let it call `uncancellable` if it must not be interrupted.
    """
    refuse_other_than_functions("call_on_cancel", [fn], "functions")
    swallowing = Swallowing()
    # Nobody opens this latch: it is only waited for until a cancellation comes.
    never = Latch()
    try:
        await never.wait()
    except asyncio.CancelledError as cancelled:
        swallowing.forget([cancelled])
    # It leads to the task: if that fails, from the error's traceback, through this frame, back to the error.
    del swallowing
    return await call(fn, *args, **kwargs)


@overload
async def call_on_done(
    f: Awaitable[object], fn: Callable[_P, Awaitable[_T]], /, *args: _P.args, **kwargs: _P.kwargs
) -> _T: ...
@overload
async def call_on_done(
    f: Awaitable[object], fn: Callable[_P, _T | Awaitable[_T]], /, *args: _P.args, **kwargs: _P.kwargs
) -> _T: ...
async def call_on_done(f: Awaitable[object], fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Wait until `f` is done, whatever its outcome, then call `fn` as `call` does.

    For lifetimes that depend on another: `group.spawn(call_on_done, connection.wait_closed(), group.close)`.

    Args:
        f: A coroutine (it runs in a task of its own), a future or another awaitable.
        fn: What to call, synchronous or asynchronous.
        *args: Its positional arguments.
        **kwargs: Its keyword arguments.

    Returns:
        The result of `fn`.

    Raises:
        asyncio.CancelledError: This call was cancelled. Before `f` was done, `f` is cancelled and waited for, and `fn`
            is not called; after that, the cancellation reaches `fn`.
        TypeError: `f` cannot be awaited, or `fn` is not callable. At once, not when it is to be called.
        RuntimeError: `f` is the task that runs the call.
        BaseException: Whatever `fn` or its awaitable raised.

    The outcome of `f` is not taken from it: `fn` is called after a result, an error and a cancellation of `f` alike,
    and an error of `f` that nobody else looks at is reported by asyncio as "never retrieved".
    """
    try:
        refuse_other_than_functions("call_on_done", [fn], "functions")
    except TypeError:
        close_coroutine(f)
        raise
    future = future_to_wait_for(f)
    done = latch_of(future)
    try:
        await done.wait()
    except asyncio.CancelledError as cancelled:
        future.cancel()
        cancellations = [cancelled, *await done.outlast()]
        try:
            raise foremost(cancellations)
        finally:
            # The errors' tracebacks lead to this frame, which must not lead back to the errors.
            cancellations.clear()
    return await call(fn, *args, **kwargs)
