"""Run several async functions: until the first, or until all have returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, overload

from aio_trio_util._async_function import refuse_other_than_functions
from aio_trio_util._grouping import open_plain_nursery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")


@overload
async def wait_any(fn1: Callable[[], Awaitable[T1]], /, *, strict_exception_groups: bool = False) -> T1: ...
@overload
async def wait_any(
    fn1: Callable[[], Awaitable[T1]], fn2: Callable[[], Awaitable[T2]], /, *, strict_exception_groups: bool = False
) -> T1 | T2: ...
@overload
async def wait_any(
    fn1: Callable[[], Awaitable[T1]],
    fn2: Callable[[], Awaitable[T2]],
    fn3: Callable[[], Awaitable[T3]],
    /,
    *,
    strict_exception_groups: bool = False,
) -> T1 | T2 | T3: ...
@overload
async def wait_any(*fns: Callable[[], Awaitable[T]], strict_exception_groups: bool = False) -> T: ...


async def wait_any(*fns: Callable[[], Awaitable[object]], strict_exception_groups: bool = False) -> object:
    """Run the functions side by side until the first of them returns, and return its result.

    The rest are cancelled, and have ended by the time this returns. If two return in the same batch of the scheduler,
    the one that ran first wins.

    Args:
        fns: async functions without parameters; use `functools.partial` to give them arguments.
        strict_exception_groups: wrap even a single error in a group, as trio's own nurseries do.

    Returns:
        The result of the first function that returned.

    Raises:
        ValueError: no function was given, so that there is nothing to wait for.
        TypeError: an argument is no function; nothing was started.
        BaseException: what a function raised before one returned, or while it was cancelled: one error as itself,
            several as an exception group.

    Cancelling the caller cancels all functions and waits for them.

    The idea is trio-util's; results and plain errors are new.
    """
    if not fns:
        raise ValueError("wait_any() needs at least one async function: with none it would wait forever")
    refuse_other_than_functions("wait_any", *fns)
    results: list[object] = []
    async with open_plain_nursery(strict_exception_groups=strict_exception_groups) as nursery:

        async def run(fn: Callable[[], Awaitable[object]]) -> None:
            results.append(await fn())
            nursery.cancel_scope.cancel()

        for fn in fns:
            nursery.start_soon(run, fn, name=fn)
    return results[0]


@overload
async def wait_all(fn1: Callable[[], Awaitable[T1]], /, *, strict_exception_groups: bool = False) -> tuple[T1]: ...
@overload
async def wait_all(
    fn1: Callable[[], Awaitable[T1]], fn2: Callable[[], Awaitable[T2]], /, *, strict_exception_groups: bool = False
) -> tuple[T1, T2]: ...
@overload
async def wait_all(
    fn1: Callable[[], Awaitable[T1]],
    fn2: Callable[[], Awaitable[T2]],
    fn3: Callable[[], Awaitable[T3]],
    /,
    *,
    strict_exception_groups: bool = False,
) -> tuple[T1, T2, T3]: ...
@overload
async def wait_all(
    fn1: Callable[[], Awaitable[T1]],
    fn2: Callable[[], Awaitable[T2]],
    fn3: Callable[[], Awaitable[T3]],
    fn4: Callable[[], Awaitable[T4]],
    /,
    *,
    strict_exception_groups: bool = False,
) -> tuple[T1, T2, T3, T4]: ...
@overload
async def wait_all(*fns: Callable[[], Awaitable[T]], strict_exception_groups: bool = False) -> tuple[T, ...]: ...


async def wait_all(*fns: Callable[[], Awaitable[object]], strict_exception_groups: bool = False) -> tuple[object, ...]:
    """Run the functions side by side until all have returned, and return their results in order.

    Beware of a function that returns when a passing condition holds, such as `AsyncBool.wait_value`: by the time the
    others have returned, the condition may hold no more.

    Args:
        fns: async functions without parameters; use `functools.partial` to give them arguments.
        strict_exception_groups: wrap even a single error in a group, as trio's own nurseries do.

    Returns:
        The results, in the order of the functions; an empty tuple if there were none.

    Raises:
        TypeError: an argument is no function; nothing was started.
        BaseException: what a function raised: the others are then cancelled. One error as itself, several as a group.

    Cancelling the caller cancels all functions and waits for them.

    The idea is trio-util's; results and plain errors are new.
    """
    refuse_other_than_functions("wait_all", *fns)
    results: list[object] = [None] * len(fns)
    async with open_plain_nursery(strict_exception_groups=strict_exception_groups) as nursery:

        async def run(index: int, fn: Callable[[], Awaitable[object]]) -> None:
            results[index] = await fn()

        for index, fn in enumerate(fns):
            nursery.start_soon(run, index, fn, name=fn)
    return tuple(results)
