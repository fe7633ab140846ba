"""Several async functions side by side."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from aio_values.lowlevel._runtime import in_trio, running_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

T = TypeVar("T")
Argument = TypeVar("Argument")

# Python 3.14 and later show who waits for whom.
_add_to_awaited_by: Callable[..., None] | None = getattr(asyncio, "future_add_to_awaited_by", None)
_discard_from_awaited_by: Callable[..., None] | None = getattr(asyncio, "future_discard_from_awaited_by", None)


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
            If the caller was cancelled as well, see `raise_failures`.
    """
    results: dict[int, T] = {}

    async def run(index: int, _: object) -> None:
        results[index] = await functions[index]()

    await run_for_each(run, range(len(functions)))
    return [results[index] for index in range(len(functions))]


async def run_for_each(
    function: Callable[[Argument, Callable[[], object]], Coroutine[Any, Any, None]], arguments: Sequence[Argument]
) -> None:
    """Call an async function for each of the arguments, side by side: otherwise as `run_together`, with no results.

    Args:
        function: Called with an argument, and with a plain function that ends them all early and without an error:
            those that still run are cancelled and waited for.
        arguments: What to call it with.
    """
    failures: list[BaseException] = []
    if in_trio():
        import trio

        # By itself, trio would make up a name for each task anew.
        name = getattr(function, "__qualname__", None)
        try:
            async with trio.open_nursery(strict_exception_groups=True) as nursery:
                end = nursery.cancel_scope.cancel
                for argument in arguments:
                    nursery.start_soon(function, argument, end, name=name)
        except BaseExceptionGroup as group:
            failures.extend(group.exceptions)
    else:
        await _run_on_asyncio(function, arguments, failures)
    # Raised out here, so that no group is dragged along as the context of an error that it only carried.
    if failures:
        raise_failures("several functions that ran side by side failed", failures)


async def _run_on_asyncio(
    function: Callable[[Argument, Callable[[], object]], Coroutine[Any, Any, None]],
    arguments: Sequence[Argument],
    failures: list[BaseException],
) -> None:
    """Run the calls to their end, and add what failed.

    An `asyncio.TaskGroup` would not do: it takes no notice of a child that ended by a cancellation, takes no more
    children once one that was started eagerly has failed, and cannot be ended without an error, which before 3.13 could
    cost the caller a cancellation that came in the same moment.
    """
    loop = running_loop()
    caller = asyncio.current_task()
    tasks: list[asyncio.Task[None]] = []
    running = 0
    all_ended = loop.create_future()
    cancelled = False

    def cancel_all() -> None:
        nonlocal cancelled
        if not cancelled:
            cancelled = True
            for task in tasks:
                task.cancel()

    def ended(task: asyncio.Task[None]) -> None:
        nonlocal running
        running -= 1
        if _discard_from_awaited_by is not None:
            _discard_from_awaited_by(task, caller)
        if not running and not all_ended.done():
            all_ended.set_result(None)
        if not task.cancelled():
            error = task.exception()
        elif not cancelled:
            error = _cancellation_of(task)
        else:
            return
        if error is not None:
            failures.append(error)
            cancel_all()

    # Soon, as `ended` is called soon, also for a task that was done at once: each takes its first step in any case.
    end = partial(loop.call_soon, cancel_all)
    try:
        for argument in arguments:
            tasks.append(loop.create_task(function(argument, end)))
            running += 1
            tasks[-1].add_done_callback(ended)
            if _add_to_awaited_by is not None:
                _add_to_awaited_by(tasks[-1], caller)
    except BaseException as error:
        failures.append(error)
        cancel_all()
    while running:
        try:
            await all_ended
        except asyncio.CancelledError as cancellation:
            # anyio's come again and again, until the task has ended.
            if not any(isinstance(failure, asyncio.CancelledError) for failure in failures):
                failures.append(cancellation)
            cancel_all()
            all_ended = loop.create_future()
    # What has failed knows `end`, and by that would know itself.
    tasks.clear()


def _cancellation_of(task: asyncio.Task[Any]) -> BaseException:
    try:
        task.result()
    except asyncio.CancelledError as cancellation:
        return cancellation
    raise AssertionError("the task was cancelled")


def raise_failures(message: str, failures: list[BaseException]) -> NoReturn:
    """Raise the one failure, as itself, or a group of several.

    A cancellation is not raised beside errors: no `except` clause, time limit or cancel scope would know the group. On
    trio it comes by itself at the next wait. On asyncio it is asked for again, as `asyncio.TaskGroup` does, from 3.13
    on; earlier, the error comes in place of the cancellation, and `Task.cancelling()` tells of that. Several
    cancellations count as one.

    Args:
        message: What the group says.
        failures: At least one. The list is emptied, so that no error refers to itself by way of the caller's frame.

    Raises:
        BaseException: The failure, or the group.
    """
    kind = _kind_of_cancellation()
    cancellations = [failure for failure in failures if isinstance(failure, kind)]
    errors = [failure for failure in failures if not isinstance(failure, kind)]
    failures.clear()
    if not errors:
        errors = cancellations[:1]
    elif cancellations:
        _ask_again_for(cancellations[0])
    try:
        if len(errors) == 1:
            raise errors[0]
        raise BaseExceptionGroup(message, errors)
    finally:
        del errors, cancellations


def _kind_of_cancellation() -> type[BaseException]:
    if in_trio():
        import trio

        return trio.Cancelled
    return asyncio.CancelledError


def _ask_again_for(cancellation: BaseException) -> None:
    """On asyncio, have a cancellation that was caught come again."""
    # Before 3.13, `uncancel` does not take a cancellation back that has not come yet: an `asyncio.timeout` that had
    # asked for this one would leave it to whatever its task awaits next.
    if sys.version_info >= (3, 13) and isinstance(cancellation, asyncio.CancelledError):
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            task.uncancel()
            # With its message: anyio knows its own cancellations by that.
            task.cancel(*cancellation.args[:1])
