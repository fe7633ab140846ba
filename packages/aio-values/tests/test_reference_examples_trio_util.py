"""The examples of trio-util's documentation for what this distribution offers, with our names."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from aio_values import AsyncBool, AsyncDictionary, AsyncValue, compose_values, lowlevel

if TYPE_CHECKING:
    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


async def test_synopsis_of_async_value(runtime: Runtime) -> None:
    a = AsyncValue(0)
    async with runtime.tasks() as tasks:
        # wait for a value that a predicate matches
        above = await tasks.block(a.wait_value, lambda v: v > 10)
        # wait for a transition that a predicate matches (default: any)
        transition = await tasks.block(a.wait_transition, lambda v, old: v > 10 and old < 0)
        any_transition = await tasks.block(a.wait_transition)
        a.value = 5
        assert a.value == 5
        assert await any_transition.result() == (5, 0)
        a.value = -5
        a.value = 12
        assert await above.result() == 12
        assert await transition.result() == (12, -5)
        # equality, and the iterators of later releases
        assert await a.wait_value(12) == 12
        async for value in a.eventual_values(lambda v: v > 10):
            assert value == 12
            break


async def test_synopsis_of_async_bool(runtime: Runtime) -> None:
    a = AsyncBool()
    async with runtime.tasks() as tasks:
        transition = await tasks.block(a.wait_transition)
        a.value = True
        assert await transition.result() == (True, False)
        false = await tasks.block(a.wait_value, False)
        a.value = False
        assert await false.result() is False


async def test_waiting_for_one_of_two_conditions_side_by_side(runtime: Runtime) -> None:
    """`wait_all(a.wait, b.wait)`, with values for events and what this distribution has for a nursery."""
    a, b = AsyncBool(), AsyncBool()
    async with runtime.tasks() as tasks:
        both = await tasks.block(
            lowlevel.run_together, partial(a.wait_value, True), partial(b.wait_value, True, timeout=10)
        )
        a.value = True
        await runtime.settle()
        assert not both.done
        b.value = True
        assert await both.result() == [True, True]


async def test_open_transform() -> None:
    x = AsyncValue(1)
    with x.open_transform(lambda val: val * 2) as y:
        assert y.value == 2
        x.value = 10
        assert y.value == 20


async def test_compose_values(runtime: Runtime) -> None:
    async_x, async_y = AsyncValue(-1), AsyncValue(10)
    with compose_values(x=async_x, y=async_y) as async_xy:
        result = await async_xy.wait_value(lambda val: val.x < 0 < val.y)
    assert repr(result) == "CompositeValue(x=-1, y=10)"
    with (
        compose_values(x=async_x, y=async_y, _transform_=lambda val: val.x * val.y) as x_mul_y,
        compose_values(x=async_x, y=async_y) as async_xy,
        async_xy.open_transform(lambda val: val.x * val.y) as same,
    ):
        async_y.value = 3
        assert x_mul_y.value == same.value == -3


async def test_dictionary_multiplexes_a_connection(runtime: Runtime) -> None:
    answers: AsyncDictionary[int, str] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        first = await tasks.block(answers.pop_wait, 1)
        second = await tasks.block(answers.get_wait, 2)
        assert answers.is_waiting(1)
        answers[2] = "two"
        answers[1] = "one"
        assert [await first.result(), await second.result()] == ["one", "two"]
        assert dict(answers) == {2: "two"}
