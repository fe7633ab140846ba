"""first: the first item that will do."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from aio_events import first

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


async def give(*numbers: int) -> AsyncGenerator[int, None]:
    for number in numbers:
        yield number


class Iterable:
    """Makes an iterator for each loop."""

    def __init__(self) -> None:
        self.closed = 0

    async def __aiter__(self) -> AsyncIterator[int]:
        try:
            for number in range(5):
                yield number
        finally:
            self.closed += 1


async def first_of(*numbers: int, **arguments: Any) -> Any:
    """`first` of a generator that is closed, as trio demands."""
    async with aclosing(give(*numbers)) as items:
        return await first(items, **arguments)


async def test_first_item_will_do_by_default() -> None:
    assert await first_of(7, 8) == 7


async def test_first_item_that_satisfies_the_function() -> None:
    assert await first_of(0, 1, 2, 3, 4, fn=lambda x: x > 2) == 3
    assert await first_of(0, 1, 2, 3, 4, fn=lambda x: x % 2) == 1


async def test_default_if_there_is_none() -> None:
    assert await first(give(0, 1, 2), lambda x: x > 5) is None
    assert await first(give(0, 1, 2), lambda x: x > 5, 123) == 123
    assert await first(give(), default="none") == "none"


async def test_iterator_that_is_passed_can_be_used_further() -> None:
    numbers = give(0, 1, 2, 3, 4)
    assert await first(numbers, lambda x: x > 1) == 2
    assert await first(numbers) == 3
    assert [number async for number in numbers] == [4]


async def test_iterator_that_the_call_makes_is_closed() -> None:
    numbers = Iterable()
    assert await first(numbers, lambda x: x > 1) == 2
    assert numbers.closed == 1
    assert await first(numbers, lambda x: x > 9) is None
    assert numbers.closed == 2
    with pytest.raises(ZeroDivisionError):
        await first(numbers, lambda x: 1 / x)
    assert numbers.closed == 3


async def test_cancellation_closes_the_iterator_that_the_call_made(runtime: Runtime) -> None:
    closed = []

    class Slow:
        async def __aiter__(self) -> AsyncIterator[int]:
            try:
                await runtime.sleep(100)
                yield 1
            finally:
                closed.append(1)

    async with runtime.tasks() as tasks:
        looking = await tasks.block(first, Slow())
        looking.cancel()
        await runtime.settle()
        assert looking.cancelled
    assert closed == [1]


async def test_wrong_arguments_are_refused() -> None:
    wrong: Any = [1]
    with pytest.raises(TypeError, match=r"async iterable|__aiter__"):
        await first(wrong)
    numbers = give(0, 1, 2)
    with pytest.raises(TypeError, match="fn must be callable with an item"):
        await first(numbers, wrong)
    assert await anext(numbers) == 0
    await numbers.aclose()
