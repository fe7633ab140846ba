"""Driving a coroutine by hand: as an iterator, as an `__await__` method, or with a callback in the loop's place."""

from __future__ import annotations

import functools
from types import GeneratorType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from aio_coro._inspect import is_coroutine, require_coroutine

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

T = TypeVar("T")
P = ParamSpec("P")


def coro_drive(coro: Coroutine[Any, Any, T], callback: Callable[[Any], object]) -> T:
    """Run a coroutine to its end, with a callback that answers everything it yields.

    This is the smallest possible event loop: what the coroutine hands up when it suspends (a future, None for
    `asyncio.sleep(0)`, whatever the library at hand uses) is passed to `callback`. What the callback returns is sent
    into the coroutine; what it raises is raised in the coroutine, at the place that suspended.

    Args:
        coro: The coroutine to run; it is finished afterwards, whatever happens.
        callback: Called with each yielded object. If it raises GeneratorExit, the coroutine is closed and the
            GeneratorExit is raised to the caller.

    Returns:
        What the coroutine returns.

    Raises:
        TypeError: `coro` is not a coroutine, or `callback` cannot be called.
        BaseException: What the coroutine raises.
    """
    require_coroutine(coro, "coro_drive()")
    if not callable(callback):
        raise TypeError(f"coro_drive() takes a callback that can be called, not {callback!r}")
    resume: Callable[[Any], Any] = coro.send
    argument: Any = None
    try:
        while True:
            yielded = resume(argument)
            try:
                argument = callback(yielded)
            except GeneratorExit:
                coro.close()
                raise
            except BaseException as error:
                # Thrown in outside of this handler, so that the coroutine does not see it as being handled.
                argument, resume = error, coro.throw
            else:
                resume = coro.send
    except StopIteration as stop:
        return cast("T", stop.value)
    finally:
        # An exception held by this frame, which stands in its traceback, would be a reference cycle.
        argument = None


def coro_iter(coro: Coroutine[Any, Any, T], /) -> Generator[Any, Any, T]:
    """Turn a coroutine into an iterator, such as an `__await__` method has to return.

    The iterator is a generator: what is sent, thrown or closed reaches the coroutine. Once it runs, the coroutine is
    resumed by the interpreter itself, with no step of Python in between.

    Args:
        coro: The coroutine; it begins with the first step of the iterator.

    Returns:
        A generator that yields what the coroutine yields and returns what it returns.

    Raises:
        TypeError: `coro` is not a coroutine.
    """
    require_coroutine(coro, "coro_iter()")
    return _iterate(coro)


def _iterate(coro: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    return (yield from iterator_of(coro))


def iterator_of(coro: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """The iterator that drives `coro`: its own, or itself if it is a classic coroutine."""
    if isinstance(coro, GeneratorType):
        return coro
    return coro.__await__()


def awaitmethod(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Generator[Any, Any, T]]:
    """Let `__await__` be written as an async method.

    `await obj` then runs the method's coroutine; unlike a coroutine, the object can be awaited as often as one likes.
    It works on plain methods, and on either side of `@classmethod` and `@staticmethod`.

    Args:
        method: The async method, usually `async def __await__(self)`.

    Returns:
        A function with the same parameters that returns the iterator which `await` needs.

    Raises:
        TypeError: When the object is awaited: the method did not return a coroutine.

    The iterator is the coroutine's own, so an object awaited this way costs one call more than its coroutine.
    """
    return _iterator_method(method, iterator_of, "awaitmethod")


def awaitmethod_iter(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Generator[Any, Any, T]]:
    """Let `__await__` be written as an async method, with a generator of `coro_iter` as its iterator.

    The same as `awaitmethod`, which is faster, for code that wants a real generator.

    Args:
        method: The async method, usually `async def __await__(self)`.

    Returns:
        A function with the same parameters that returns a generator.

    Raises:
        TypeError: When the object is awaited: the method did not return a coroutine.
    """
    return _iterator_method(method, _iterate, "awaitmethod_iter")


def _iterator_method(
    method: Callable[P, Coroutine[Any, Any, T]],
    make_iterator: Callable[[Coroutine[Any, Any, T]], Generator[Any, Any, T]],
    decorator: str,
) -> Callable[P, Generator[Any, Any, T]]:
    if isinstance(method, (classmethod, staticmethod)):
        return cast(
            "Callable[P, Generator[Any, Any, T]]",
            type(method)(_iterator_method(method.__func__, make_iterator, decorator)),
        )
    if not callable(method):
        raise TypeError(f"@{decorator} decorates an async method, not {method!r}")

    @functools.wraps(method)
    def iterate(*args: P.args, **kwargs: P.kwargs) -> Generator[Any, Any, T]:
        coro = method(*args, **kwargs)
        if not is_coroutine(coro):
            raise TypeError(f"{method!r}, decorated with @{decorator}, returned {coro!r}, not a coroutine")
        return make_iterator(coro)

    return iterate
