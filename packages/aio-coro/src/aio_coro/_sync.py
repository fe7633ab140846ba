"""Running async code that does not wait from sync code, with no event loop."""

from __future__ import annotations

import functools
from inspect import isawaitable
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast

from aio_coro._inspect import advice_to_call, is_coroutine

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Generator

T = TypeVar("T")
P = ParamSpec("P")

# Each clean-up handler on the way out may wait once more; a coroutine that goes on after this many aborts never ends.
_MOST_ABORTS: Final = 100


class SynchronousError(RuntimeError):
    """A coroutine that was run by `await_sync` had to wait.

    It is raised from the `SynchronousAbort` that ended the coroutine (`__cause__`), whose traceback leads to the line
    that waited.
    """


class SynchronousAbort(BaseException):
    """Raised inside a coroutine run by `await_sync`, at the line that has to wait, to make it end.

    Not an `Exception`, so that only clean-up code sees it.
    """


def await_sync(awaitable: Awaitable[T], /, *, ignore_nullsleep: bool = True) -> T:
    """Run async code from sync code: to its end, at once, with no event loop.

    With this, a library can be written once, as async code. Sync callers give it callbacks and transports that never
    wait (`asyncfunction` makes them of sync functions) and call it through `await_sync`. It may be called inside of a
    running event loop too; the loop is not used and does not run meanwhile.

    If the code has to wait after all, it is aborted: a `SynchronousAbort` is raised in it where it waits, so that its
    clean-up runs. Clean-up code that waits as well is aborted in the same way.

    Args:
        awaitable: A coroutine, or anything else that can be awaited.
        ignore_nullsleep: Let `asyncio.sleep(0)` and its like, which yield None, return at once. With False, they
            count as waiting.

    Returns:
        What the awaitable returns.

    Raises:
        SynchronousError: It had to wait, even if it ignored the abort and ended normally.
        TypeError: `awaitable` cannot be awaited.
        BaseException: What the awaitable raises.
    """
    coro = _as_coroutine(awaitable)
    try:
        yielded = coro.send(None)
        while yielded is None and ignore_nullsleep:
            yielded = coro.send(None)
    except StopIteration as stop:
        return cast("T", stop.value)
    abort = SynchronousAbort(f"cannot wait for {yielded!r} in synchronous code")
    try:
        _abort(coro, abort, ignore_nullsleep=ignore_nullsleep)
        raise SynchronousError(f"coroutine failed to complete synchronously: it waits for {yielded!r}") from abort
    finally:
        # The exceptions' tracebacks refer to this frame.
        del abort, yielded


def _as_coroutine(awaitable: Awaitable[T]) -> Coroutine[Any, Any, T]:
    if is_coroutine(awaitable) and (not isinstance(awaitable, GeneratorType) or isawaitable(awaitable)):
        return cast("Coroutine[Any, Any, T]", awaitable)
    if not hasattr(awaitable, "__await__"):
        advice = advice_to_call(awaitable)
        raise TypeError(f"await_sync() takes a coroutine or another awaitable, not {awaitable!r}{advice}")

    async def await_it() -> T:
        return await awaitable

    return await_it()


def _abort(coro: Coroutine[Any, Any, object], abort: SynchronousAbort, *, ignore_nullsleep: bool) -> None:
    """Raise `abort` in the coroutine, again wherever it waits, until it ends."""
    try:
        for _ in range(_MOST_ABORTS):
            yielded = coro.throw(abort)
            while yielded is None and ignore_nullsleep:
                yielded = coro.send(None)
    except StopIteration:
        return
    except SynchronousAbort as end:
        if end is not abort:
            raise
        return
    finally:
        del abort
    coro.close()


def aiter_sync(iterable: AsyncIterable[T], /) -> Generator[T, None, None]:
    """Iterate over async code from sync code: each item is fetched by `await_sync`.

    The async iterator is closed (`aclose`, if it has that) when the iteration ends: exhausted, left by an exception,
    or when the generator that this returns is closed or dropped.

    Args:
        iterable: An asynchronous iterable, such as an asynchronous generator or a `GeneratorObjectIterator`.

    Returns:
        A generator of its items.

    Raises:
        TypeError: `iterable` is not an asynchronous iterable.
        SynchronousError: While iterating: the next item had to be waited for; the async iterator is closed.
    """
    if not hasattr(type(iterable), "__aiter__"):
        raise TypeError(f"aiter_sync() takes an asynchronous iterable, not {iterable!r}")
    return _iterate(aiter(iterable))


def _iterate(iterator: AsyncIterator[T]) -> Generator[T, None, None]:
    try:
        while True:
            try:
                item = await_sync(iterator.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        aclose: Callable[[], Awaitable[object]] | None = getattr(iterator, "aclose", None)
        if aclose is not None:
            await_sync(aclose())


def syncfunction(func: Callable[P, Coroutine[Any, Any, T]], /) -> Callable[P, T]:
    """Make a sync function of an async one, which then must not wait: it is run by `await_sync`.

    It works on functions and methods, and on either side of `@classmethod` and `@staticmethod`.

    Args:
        func: The async function.

    Returns:
        A function with the same parameters that returns the result itself. It raises `SynchronousError` if `func` has
        to wait.

    Raises:
        TypeError: `func` cannot be called.
    """
    if isinstance(func, (classmethod, staticmethod)):
        return cast("Callable[P, T]", type(func)(syncfunction(func.__func__)))
    _require_callable(func, "syncfunction()", "an async function")

    @functools.wraps(func)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return await_sync(func(*args, **kwargs))

    return run


def asyncfunction(func: Callable[P, T], /) -> Callable[P, Coroutine[Any, Any, T]]:
    """Make an async function of a sync one, so that it can be given to async code as a callback.

    The function runs when the result is awaited, in the same thread: if it blocks, the event loop blocks with it.

    Args:
        func: The sync function.

    Returns:
        An async function with the same parameters and result.

    Raises:
        TypeError: `func` cannot be called.
    """
    if isinstance(func, (classmethod, staticmethod)):
        return cast("Callable[P, Coroutine[Any, Any, T]]", type(func)(asyncfunction(func.__func__)))
    _require_callable(func, "asyncfunction()", "a function")

    @functools.wraps(func)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return func(*args, **kwargs)

    return run


def _require_callable(func: object, taker: str, wanted: str) -> None:
    if not callable(func):
        raise TypeError(f"{taker} takes {wanted}, not {func!r}")
