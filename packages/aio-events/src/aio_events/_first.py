"""The first item that will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, overload

from aio_events._closing import close

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

T = TypeVar("T")
S = TypeVar("S")
D = TypeVar("D")


def _anything(_: object) -> bool:
    return True


@overload
async def first(xs: AsyncIterable[T], fn: Callable[[T], TypeGuard[S]], default: None = None) -> S | None: ...
@overload
async def first(xs: AsyncIterable[T], fn: Callable[[T], TypeGuard[S]], default: D) -> S | D: ...
@overload
async def first(xs: AsyncIterable[T], fn: Callable[[T], object] = ..., default: None = None) -> T | None: ...
@overload
async def first(xs: AsyncIterable[T], fn: Callable[[T], object] = ..., *, default: D) -> T | D: ...
@overload
async def first(xs: AsyncIterable[T], fn: Callable[[T], object], default: D) -> T | D: ...
async def first(xs: AsyncIterable[Any], fn: Callable[[Any], object] = _anything, default: Any = None) -> Any:
    """The first item of `xs` that satisfies `fn`.

    Items before it are consumed, those behind it are not. An iterator that is passed in stays open and can be used
    further (call `first` on it again for the next match); put an async generator that you do not use further into
    `contextlib.aclosing`, as for any loop over it that ends early. An iterator that this call makes, since `xs` is
    only iterable, is closed before the call returns, if it can be.

    Args:
        xs: Where to look.
        fn: Called with each item; its truth counts. Every item will do by default.
        default: What to return if no item does.

    Returns:
        The item, or `default` once `xs` has ended.

    Raises:
        TypeError: `xs` is not asynchronously iterable, or `fn` cannot be called.
        BaseException: What `xs` or `fn` raises, or the runtime's cancellation.
    """
    if not callable(fn):
        raise TypeError(f"fn must be callable with an item, not {fn!r}")
    iterator = aiter(xs)
    try:
        async for item in iterator:
            if fn(item):
                return item
        return default
    finally:
        if iterator is not xs:
            await close(iterator)
