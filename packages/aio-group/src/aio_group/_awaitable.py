"""Turning what a caller handed over into a future of the running loop, or saying clearly why that cannot be."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

_T = TypeVar("_T")


def as_future(obj: Awaitable[_T], *, loop: asyncio.AbstractEventLoop | None = None) -> asyncio.Future[_T]:
    """The future itself, or a new task for a coroutine or another awaitable.

    Raises:
        TypeError: `obj` cannot be awaited.
        ValueError: `obj` is a future of another loop.
    """
    if isinstance(obj, concurrent.futures.Future):
        raise TypeError("a concurrent.futures.Future cannot be awaited: give asyncio.wrap_future(future)")
    try:
        return asyncio.ensure_future(obj, loop=loop)
    except TypeError:
        if inspect.isawaitable(obj):
            raise  # by a task factory
        if callable(obj):
            raise TypeError(f"{obj!r} is a function, not an awaitable: give what calling it returns") from None
        raise TypeError(f"a coroutine, future or other awaitable is needed, not {obj!r}") from None
