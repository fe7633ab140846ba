"""A block and an async function that live beside each other, and end each other."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, overload

import trio

from aio_trio_util._async_function import refuse_other_than_functions
from aio_trio_util._grouping import open_plain_nursery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

P = ParamSpec("P")


@overload
def move_on_when(
    fn: Callable[..., Awaitable[object]], /, *args: Any, strict_exception_groups: bool, **kwargs: Any
) -> AbstractAsyncContextManager[trio.CancelScope, bool | None]: ...
@overload
def move_on_when(
    fn: Callable[P, Awaitable[object]], /, *args: P.args, **kwargs: P.kwargs
) -> AbstractAsyncContextManager[trio.CancelScope, bool | None]: ...


@asynccontextmanager  # type: ignore[misc]  # mypy does not see that *args: Any, **kwargs: Any take P's
async def move_on_when(
    fn: Callable[..., Awaitable[object]], /, *args: Any, strict_exception_groups: bool = False, **kwargs: Any
) -> AsyncIterator[trio.CancelScope]:
    """Leave the block as soon as `fn(*args, **kwargs)` returns.

    Like `trio.move_on_after`, with an event, a signal or any other condition in place of a time:

        async with move_on_when(stop.wait) as scope:
            await serve()
        if scope.cancelled_caught:
            ...  # the event ended the block

    Args:
        fn: an async function; it runs in a task beside the block, and is cancelled when the block ends first.
        args: its positional arguments.
        strict_exception_groups: wrap even a single error in a group, as trio's own nurseries do.
        kwargs: its keyword arguments.

    Yields:
        The cancel scope around the block: `cancelled_caught` tells afterwards whether `fn` cut the block short.

    Raises:
        TypeError: `fn` is no function; raised where the block begins.
        BaseException: what the block or `fn` raised: one error as itself, several as an exception group.

    The idea is trio-util's.
    """
    refuse_other_than_functions("move_on_when", fn)
    async with open_plain_nursery(strict_exception_groups=strict_exception_groups) as nursery:
        with trio.CancelScope() as scope:

            async def watch() -> None:
                await fn(*args, **kwargs)
                scope.cancel()

            nursery.start_soon(watch, name=fn)
            yield scope
        nursery.cancel_scope.cancel()


@overload
def run_and_cancelling(
    fn: Callable[..., Awaitable[object]], /, *args: Any, strict_exception_groups: bool, **kwargs: Any
) -> AbstractAsyncContextManager[None, bool | None]: ...
@overload
def run_and_cancelling(
    fn: Callable[P, Awaitable[object]], /, *args: P.args, **kwargs: P.kwargs
) -> AbstractAsyncContextManager[None, bool | None]: ...


@asynccontextmanager  # type: ignore[misc]  # mypy does not see that *args: Any, **kwargs: Any take P's
async def run_and_cancelling(
    fn: Callable[..., Awaitable[object]], /, *args: Any, strict_exception_groups: bool = False, **kwargs: Any
) -> AsyncIterator[None]:
    """Run `fn(*args, **kwargs)` beside the block, and cancel it when the block ends.

    Args:
        fn: an async function; if it returns earlier, the block goes on.
        args: its positional arguments.
        strict_exception_groups: wrap even a single error in a group, as trio's own nurseries do.
        kwargs: its keyword arguments.

    Raises:
        TypeError: `fn` is no function; raised where the block begins.
        BaseException: what the block or `fn` raised: one error as itself, several as an exception group. An error of
            `fn` cancels the block.

    The idea is trio-util's.
    """
    refuse_other_than_functions("run_and_cancelling", fn)
    async with open_plain_nursery(strict_exception_groups=strict_exception_groups) as nursery:

        async def beside() -> None:
            await fn(*args, **kwargs)

        nursery.start_soon(beside, name=fn)
        yield
        nursery.cancel_scope.cancel()
