"""The examples of codestare's documentation for `CoroutineWrapper`, run with aio_coro."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aio_coro import CoroutineWrapper

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

EXPECTED = [0, 0, 0, 2, 0, 2]


async def generate_ranges(up_to: int) -> AsyncIterator[range]:
    for n in range(up_to):
        yield range(n)


def even(n: int) -> bool:
    return n % 2 == 0


class Job:
    """The work that both examples share."""

    def __init__(self, process: Callable[[int], object], filter_: Callable[[int], bool], ranges: Any) -> None:
        self.filter = filter_
        self.process = process
        self.ranges = ranges

    async def make_flat_values(self) -> AsyncIterator[int]:
        async for r in self.ranges:
            for n in r:
                yield n

    async def filter_values(self) -> AsyncIterator[int]:
        async for value in self.make_flat_values():
            if self.filter(value):
                yield value

    async def work(self) -> None:
        async for value in self.filter_values():
            self.process(value)


@pytest.mark.asyncio
async def test_the_ranges() -> None:
    assert [list(r) async for r in generate_ranges(5)] == [[], [0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]


@pytest.mark.asyncio
async def test_a_coroutine_of_one_piece() -> None:
    async def coro(process: Callable[[int], object], filter_: Callable[[int], bool], ranges: Any) -> None:
        async for r in ranges:
            for n in r:
                if not filter_(n):
                    continue
                process(n)

    values: list[int] = []
    await coro(values.append, even, generate_ranges(5))
    assert values == EXPECTED


@pytest.mark.asyncio
async def test_an_awaitable_object_is_no_coroutine_yet() -> None:
    class AwaitableJob(Job):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self._work = self.work()

        def __await__(self) -> Generator[Any, Any, None]:
            return self._work.__await__()

    values: list[int] = []
    await AwaitableJob(values.append, even, generate_ranges(5))
    assert values == EXPECTED
    job: Any = AwaitableJob(print, even, generate_ranges(5))
    with pytest.raises(TypeError, match="a coroutine was expected"):
        asyncio.create_task(job)  # noqa: RUF006  (it cannot be made)
    await job


@pytest.mark.asyncio
async def test_a_coroutine_wrapper_makes_a_task() -> None:
    class WrapperJob(Job, CoroutineWrapper[Any, Any, None]):
        def __init__(self, *args: Any) -> None:
            Job.__init__(self, *args)
            CoroutineWrapper.__init__(self, coroutine=self.work())

    values: list[int] = []
    await asyncio.create_task(WrapperJob(values.append, even, generate_ranges(5)))
    assert values == EXPECTED


@pytest.mark.asyncio
async def test_the_class_as_documented() -> None:
    class coro(CoroutineWrapper):  # type: ignore[type-arg]  # noqa: N801  (as printed)
        def __init__(self, process: Any, filter_: Any, ranges: Any) -> None:
            self.filter = filter_
            self.process = process
            self.ranges = ranges
            super().__init__(coroutine=self.work())

        async def make_flat_values(self) -> AsyncIterator[int]:
            async for r in self.ranges:
                for n in r:
                    yield n

        async def filter_values(self) -> AsyncIterator[int]:
            async for value in self.make_flat_values():
                if self.filter(value):
                    yield value

        async def work(self) -> None:
            async for value in self.filter_values():
                self.process(value)

    values: list[int] = []
    await asyncio.create_task(coro(values.append, even, generate_ranges(5)))
    assert values == EXPECTED
