"""Several async functions side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from aio_values.lowlevel._runtime import in_trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


class _EndedByCancellationError(Exception):
    """A function ended by a CancelledError though nobody cancelled its task: what it awaited had been cancelled."""

    def __init__(self, error: asyncio.CancelledError) -> None:
        super().__init__()
        self.error = error


async def run_together(*functions: Callable[[], Awaitable[T]]) -> list[T]:
    """Run async functions side by side, each in a task of its own, until all have returned.

    When one fails, the others are cancelled and waited for; when the caller is cancelled, all are. No task outlives
    the call. On asyncio, a function that ends by a cancellation from elsewhere (it awaited what had been cancelled)
    ends the others too, and the call by a CancelledError.

    Args:
        *functions: Called without arguments (`functools.partial` gives them some). None at all is a mere checkpoint
            on trio.

    Returns:
        What the functions returned, in their order.

    Raises:
        BaseException: The one error, as itself, if a single function failed; a group of all errors if several did.
    """
    results: dict[int, T] = {}
    try:
        if in_trio():
            import trio

            async with trio.open_nursery(strict_exception_groups=True) as nursery:
                for index, function in enumerate(functions):
                    nursery.start_soon(_run, function, results, index)
        else:
            async with asyncio.TaskGroup() as group:
                for index, function in enumerate(functions):
                    group.create_task(_run_in_task(function, results, index))
    except BaseExceptionGroup as failures:
        failure = _alone_or_grouped(failures)
    else:
        if len(results) == len(functions):
            return [results[index] for index in range(len(functions))]
        failure = asyncio.CancelledError("a function that ran side by side with others was cancelled from elsewhere")
    # Raised out here, so that the group is not dragged along as the context of the error that it only carried.
    try:
        raise failure
    finally:
        del failure


async def _run(function: Callable[[], Awaitable[T]], results: dict[int, T], index: int) -> None:
    results[index] = await function()


async def _run_in_task(function: Callable[[], Awaitable[T]], results: dict[int, T], index: int) -> None:
    try:
        results[index] = await function()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # A task group would take no notice of it.
        raise _EndedByCancellationError(error) from None


def _alone_or_grouped(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    errors = [error for error in failures.exceptions if not isinstance(error, _EndedByCancellationError)]
    if not errors:
        first = failures.exceptions[0]
        assert isinstance(first, _EndedByCancellationError)
        return first.error
    if len(errors) == 1:
        return errors[0]
    return BaseExceptionGroup("several functions that ran side by side failed", errors)
