"""Several async functions side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from aio_values.lowlevel._runtime import in_trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


async def run_together(*functions: Callable[[], Awaitable[T]]) -> list[T]:
    """Run async functions side by side, each in a task of its own, until all have returned.

    When one fails, the others are cancelled and waited for; when the caller is cancelled, all are. No task outlives
    the call.

    Args:
        *functions: Called without arguments (`functools.partial` gives them some). None at all is a mere checkpoint
            on trio.

    Returns:
        What the functions returned, in their order.

    Raises:
        BaseException: The one error, as itself, if a single function failed; a group of all errors if several did.
    """
    results: list[Any] = [None] * len(functions)

    async def run(index: int, function: Callable[[], Awaitable[T]]) -> None:
        results[index] = await function()

    try:
        if in_trio():
            import trio

            async with trio.open_nursery(strict_exception_groups=True) as nursery:
                for index, function in enumerate(functions):
                    nursery.start_soon(run, index, function)
        else:
            async with asyncio.TaskGroup() as group:
                for index, function in enumerate(functions):
                    group.create_task(run(index, function))
    except BaseExceptionGroup as failures:
        failure = _alone_or_grouped(failures)
    else:
        return results
    # Raised out here, so that the group is not dragged along as the context of the error that it only carried.
    try:
        raise failure
    finally:
        del failure


def _alone_or_grouped(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    if len(failures.exceptions) == 1:
        return failures.exceptions[0]
    return BaseExceptionGroup("several functions that ran side by side failed", failures.exceptions)
