"""What aio-group does on asyncio and aio-trio-util on trio under the same names has the same outcome."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import aio_group
import aio_trio_util
import pytest
import trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FOREVER = 1000.0


class Side:
    """The tools of one runtime, and what takes place there."""

    def __init__(self, package: Any, sleep: Callable[[float], Awaitable[object]]) -> None:
        self.package = package
        self.sleep = sleep
        self.log: list[str] = []

    async def work(self, name: str, turns: float, error: Exception | None = None, late: Exception | None = None) -> str:
        """Take turns, then return the name or raise; when cancelled, raise the late error, if there is one."""
        try:
            if turns == FOREVER:
                await self.sleep(FOREVER)
            for _ in range(int(turns)):
                await self.sleep(0)
        except BaseException:
            self.log.append(f"{name} cancelled")
            if late is not None:
                raise late from None
            raise
        if error is not None:
            raise error
        return name


async def first_wins(side: Side) -> object:
    return await side.package.wait_any(partial(side.work, "slow", FOREVER), partial(side.work, "fast", 2))


async def all_in_order(side: Side) -> object:
    return await side.package.wait_all(partial(side.work, "a", 9), partial(side.work, "b", 1))


async def none_at_all(side: Side) -> object:
    return await side.package.wait_all()


async def any_of_none(side: Side) -> object:
    return await side.package.wait_any()


async def any_of_no_function(side: Side) -> object:
    return await side.package.wait_any(42)


async def all_of_no_function(side: Side) -> object:
    return await side.package.wait_all(partial(side.work, "never", 0), "text")


async def any_fails(side: Side) -> object:
    return await side.package.wait_any(partial(side.work, "a", 2, ValueError("a")), partial(side.work, "b", FOREVER))


async def all_fail(side: Side) -> object:
    return await side.package.wait_all(
        partial(side.work, "a", 2, ValueError("a")), partial(side.work, "b", FOREVER, late=KeyError("b"))
    )


async def loser_fails(side: Side) -> object:
    return await side.package.wait_any(partial(side.work, "a", 2), partial(side.work, "b", FOREVER, late=KeyError("b")))


async def moved_on(side: Side) -> object:
    async with side.package.move_on_when(side.work, "watch", 2) as scope:
        await side.work("block", FOREVER)
    return scope.cancelled_caught


async def not_moved_on(side: Side) -> object:
    async with side.package.move_on_when(side.work, "watch", FOREVER) as scope:
        await side.work("block", 2)
    return scope.cancelled_caught


async def block_fails(side: Side) -> object:
    async with side.package.move_on_when(side.work, "watch", FOREVER):
        await side.work("block", 2, ValueError("block"))
    return None


async def watch_fails(side: Side) -> object:
    async with side.package.move_on_when(side.work, "watch", 2, ValueError("watch")):
        await side.work("block", FOREVER)
    return None


async def both_fail(side: Side) -> object:
    async with side.package.move_on_when(side.work, "watch", FOREVER, late=KeyError("watch")):
        await side.work("block", 2, ValueError("block"))
    return None


async def beside_is_cancelled(side: Side) -> object:
    async with side.package.run_and_cancelling(side.work, "beside", FOREVER):
        await side.work("block", 2)
    return "done"


async def beside_ends_first(side: Side) -> object:
    async with side.package.run_and_cancelling(side.work, "beside", 1):
        await side.work("block", 5)
    return "done"


async def beside_fails(side: Side) -> object:
    async with side.package.run_and_cancelling(side.work, "beside", 1, error=ValueError("beside")):
        await side.work("block", FOREVER)
    return None


def outcome(error: BaseException) -> object:
    if isinstance(error, BaseExceptionGroup):
        return "group", sorted(map(repr, error.exceptions))
    # The wording is each package's own where the package itself complains.
    return type(error) if isinstance(error, TypeError) or "needs at least" in str(error) else repr(error)


async def observed(scenario: Callable[[Side], Awaitable[object]], side: Side) -> tuple[object, list[str]]:
    try:
        result = await scenario(side)
    except BaseException as error:
        result = outcome(error)
    return result, side.log


SCENARIOS = [
    first_wins,
    all_in_order,
    none_at_all,
    any_of_none,
    any_of_no_function,
    all_of_no_function,
    any_fails,
    all_fail,
    loser_fails,
    moved_on,
    not_moved_on,
    block_fails,
    watch_fails,
    both_fail,
    beside_is_cancelled,
    beside_ends_first,
    beside_fails,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_outcome_and_course_are_the_same(scenario: Callable[[Side], Awaitable[object]]) -> None:
    on_asyncio = asyncio.run(observed(scenario, Side(aio_group, asyncio.sleep)))
    on_trio = trio.run(observed, scenario, Side(aio_trio_util, trio.sleep))
    assert on_trio == on_asyncio
