"""Several async functions side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from aio_values.lowlevel._runtime import in_trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

T = TypeVar("T")
Argument = TypeVar("Argument")


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

    async def run(index: int) -> None:
        results[index] = await functions[index]()

    await run_for_each(run, range(len(functions)))
    return [results[index] for index in range(len(functions))]


async def run_for_each(
    function: Callable[[Argument], Coroutine[Any, Any, None]], arguments: Sequence[Argument]
) -> None:
    """Call an async function with each of the arguments, side by side: otherwise as `run_together`, with no results."""
    try:
        if in_trio():
            import trio

            # By itself, trio would make up a name for each task anew.
            name = getattr(function, "__qualname__", None)
            async with trio.open_nursery(strict_exception_groups=True) as nursery:
                for argument in arguments:
                    nursery.start_soon(function, argument, name=name)
            return
        ended: list[None] = []
        async with asyncio.TaskGroup() as group:
            for argument in arguments:
                group.create_task(_run_in_task(function, argument, ended))
    except BaseExceptionGroup as failures:
        failure = _alone_or_grouped(failures)
    else:
        if len(ended) == len(arguments):
            return
        failure = asyncio.CancelledError("a function that ran side by side with others was cancelled from elsewhere")
    # Raised out here, so that the group is not dragged along as the context of the error that it only carried.
    try:
        raise failure
    finally:
        del failure


async def _run_in_task(
    function: Callable[[Argument], Coroutine[Any, Any, None]], argument: Argument, ended: list[None]
) -> None:
    try:
        await function(argument)
        ended.append(None)
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
