"""Arm, act, await."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aio_values import AsyncValue

if TYPE_CHECKING:
    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


async def test_what_happens_between_arming_and_awaiting_is_not_missed(runtime: Runtime) -> None:
    value = AsyncValue(0)
    with value.expecting(5) as five, value.expecting(lambda number: number > 5) as more:
        assert "armed" in repr(five)
        for number in (5, 6, 7, 0):
            value.value = number
        assert await five == 5
        assert await more == 6
        assert await more.wait(timeout=0) == 6
    assert await five == 5
    assert value.statistics() == (0, 0)


async def test_value_from_before_does_not_count(runtime: Runtime) -> None:
    value = AsyncValue("OK")
    with value.expecting("OK") as answer:
        with pytest.raises(TimeoutError, match=r"expecting\('OK'\).*3 s; the last value was 'OK'"):
            await answer.wait(timeout=3)
        async with runtime.tasks() as tasks:
            waits = [await tasks.block(answer.wait) for _ in range(3)]
            waits[1].cancel()
            await runtime.settle()
            value.value = "busy"
            value.value = "OK"
            assert [await waits[0].result(), await waits[2].result()] == ["OK", "OK"]
            assert waits[1].cancelled


async def test_leaving_the_block_unmet_is_an_error_for_those_who_wait(runtime: Runtime) -> None:
    value = AsyncValue(0)
    async with runtime.tasks() as tasks:
        with value.expecting(5) as five:
            wait = await tasks.block(five.wait)
        with pytest.raises(RuntimeError, match="only inside its block"):
            await wait.result()
    with pytest.raises(RuntimeError, match="only inside its block"):
        await five
    with pytest.raises(RuntimeError, match="only inside its block"):
        await value.expecting(5)
    assert value.statistics() == (0, 0)


async def test_block_cannot_be_entered_twice(runtime: Runtime) -> None:
    expectation = AsyncValue(0).expecting(5)
    with expectation, pytest.raises(RuntimeError, match="was entered before"):
        expectation.__enter__()


async def test_error_of_the_predicate_arrives_at_the_await_or_else_at_the_end_of_the_block(runtime: Runtime) -> None:
    value = AsyncValue(1)
    with value.expecting(lambda number: 1 / number > 5) as expected:
        value.value = 0
        value.value = 2
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await expected
    with pytest.raises(ZeroDivisionError), value.expecting(lambda number: 1 / number > 5):
        value.value = 0
    with pytest.raises(KeyError) as caught, value.expecting(lambda number: 1 / (number - 3) > 5):
        value.value = 3
        raise KeyError
    assert "failed> with ZeroDivisionError" in caught.value.__notes__[0]
    assert value.statistics() == (0, 0)
