"""What a type checker infers: `assert_type` is checked by mypy, the values here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import assert_type

import pytest
import trio
from aio_trio_util import TaskStats, move_on_when, run_and_cancelling, trio_async_generator, wait_all, wait_any

pytestmark = pytest.mark.trio


async def number() -> int:
    return 1


async def text() -> str:
    return "one"


async def test_results_keep_their_types() -> None:
    assert assert_type(await wait_any(number, text), int | str) in {1, "one"}
    assert assert_type(await wait_all(number, text, number), tuple[int, str, int]) == (1, "one", 1)
    assert assert_type(await wait_all(*[number] * 2), tuple[int, ...]) == (1, 1)


async def test_blocks_give_what_they_say() -> None:
    async with move_on_when(trio.sleep, 0) as scope:
        await trio.sleep_forever()
    assert assert_type(scope, trio.CancelScope).cancelled_caught

    @trio_async_generator
    async def letters(word: str) -> AsyncGenerator[str, None]:
        for letter in word:
            yield letter

    async with letters("a") as agen:
        assert assert_type(await anext(agen), str) == "a"

    # As asynccontextmanager takes them, too.
    @trio_async_generator
    async def numbers(count: int) -> AsyncIterator[int]:
        for value in range(count):
            yield value

    @trio_async_generator(strict_exception_groups=True)
    async def digits() -> AsyncIterator[int]:
        yield 0

    async with numbers(2) as two, digits() as one:
        assert assert_type([value async for value in two], list[int]) == [0, 1]
        assert assert_type(await anext(one), int) == 0


async def test_arguments_must_be_those_of_the_function() -> None:
    async def greet(name: str, times: int = 1) -> None:
        """Nothing to wait for."""

    async with move_on_when(greet, "x", times=2), run_and_cancelling(greet, "x"):
        pass
    async with move_on_when(greet, "x", strict_exception_groups=True):
        pass
    with pytest.raises(TypeError, match="positional argument"):
        async with move_on_when(number, 5):  # type: ignore[call-overload]
            await trio.sleep_forever()
    with pytest.raises(TypeError, match="positional argument"):
        async with run_and_cancelling(number, 5):  # type: ignore[call-overload]
            await trio.sleep_forever()


async def test_a_report_is_data() -> None:
    report = TaskStats().report()
    assert assert_type(report.max_wait, float) == 0.0
    assert assert_type(report.slow_steps, Mapping[str, Sequence[float]]) == {}
