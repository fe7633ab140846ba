"""Calling the async functions that a caller handed over, or saying clearly why that cannot be."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

_P = ParamSpec("_P")
_T = TypeVar("_T")


def refuse_other_than_functions(caller: str, fns: Sequence[object], kind: str = "async functions") -> None:
    """Refuse what cannot be called. A coroutine, the likely mistake, is closed: it will not be awaited any more.

    Raises:
        TypeError: One of `fns` is not callable.
    """
    wrong = [fn for fn in fns if not callable(fn)]
    if not wrong:
        return
    for fn in wrong:
        if inspect.iscoroutine(fn):
            fn.close()
    if inspect.isawaitable(wrong[0]):
        raise TypeError(
            f"{caller}() calls {kind} itself: give the function, not {wrong[0]!r} that calling it returned "
            "(functools.partial holds arguments)"
        )
    raise TypeError(f"{caller}() takes {kind}, not {wrong[0]!r}")


def coroutine_of(
    caller: str, fn: Callable[_P, Awaitable[_T]], *args: _P.args, **kwargs: _P.kwargs
) -> Coroutine[Any, Any, _T]:
    """Call the function; its awaitable, as a coroutine.

    Raises:
        TypeError: `fn` returned something that cannot be awaited.
        BaseException: Whatever the call raised.
    """
    awaitable = fn(*args, **kwargs)
    if inspect.iscoroutine(awaitable):
        return awaitable
    if inspect.isawaitable(awaitable):
        return awaiting(awaitable)
    raise TypeError(f"{caller}() takes async functions, but {fn!r} is not one: it returned {awaitable!r}")


async def awaiting(awaitable: Awaitable[_T]) -> _T:
    """A coroutine that awaits it: what can become a task."""
    return await awaitable


def name_of(fn: object) -> str:
    """The function's name, to name a task by it."""
    inner = getattr(fn, "func", fn)
    return getattr(inner, "__qualname__", None) or type(inner).__qualname__
