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
    if inspect.isawaitable(obj):
        return asyncio.ensure_future(obj, loop=loop)
    if isinstance(obj, concurrent.futures.Future):
        raise TypeError("a concurrent.futures.Future cannot be awaited: give asyncio.wrap_future(future)")
    if callable(obj):
        raise TypeError(f"{obj!r} is a function, not an awaitable: give what calling it returns")
    raise TypeError(f"a coroutine, future or other awaitable is needed, not {obj!r}")


def future_to_wait_for(obj: Awaitable[_T]) -> asyncio.Future[_T]:
    """As `as_future`, for the running task to wait for.

    Raises:
        RuntimeError: `obj` is that task.
    """
    future = as_future(obj)
    if future is asyncio.current_task():
        raise RuntimeError(f"a task cannot wait for itself: {future!r}")
    return future


def close_coroutine(obj: object) -> None:
    """If it is a coroutine, close it: it was refused, and nobody will await it."""
    if asyncio.iscoroutine(obj):
        obj.close()
