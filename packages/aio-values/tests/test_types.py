"""What type checkers infer: `assert_type` is checked by mypy, and does nothing here."""

from __future__ import annotations

from typing import Any, assert_type

import pytest
from aio_values import AsyncBool, AsyncValue, compose_values, equals

pytestmark = pytest.mark.every_runtime


async def test_values_of_waits_have_the_type_of_the_value() -> None:
    value = AsyncValue(1)
    assert_type(value, AsyncValue[int])
    assert_type(value.value, int)
    assert_type(await value.wait_value(1), int)
    assert_type(await value.wait_value(lambda number: number.bit_length() == 1), int)
    assert_type(await value.wait_value(equals(1), held_for=0.5, timeout=1), int)
    value.set_threadsafe(2).result()


async def test_transitions_are_pairs() -> None:
    value = AsyncValue("a")
    with value.expecting(lambda text: text.isupper()) as upper:
        with pytest.raises(TimeoutError):
            assert_type(await value.wait_transition(lambda new, old: new > old, timeout=0), tuple[str, str])
        with pytest.raises(TimeoutError):
            assert_type(await value.wait_transition(timeout=0), tuple[str, str])
        value.value = "B"
        assert_type(await upper, str)
        assert_type(await upper.wait(timeout=1), str)


async def test_iterators_yield_values_and_pairs() -> None:
    value = AsyncValue(1.5)
    async for number in value.eventual_values(lambda number: number > 1):
        assert_type(number, float)
        break
    iterator = value.transitions()
    await iterator.aclose()
    async for pair in iterator:
        assert_type(pair, tuple[float, float])


async def test_derived_values_have_the_type_of_their_function() -> None:
    value = AsyncValue(1)
    with (
        value.open_transform(lambda number: f"{number}") as text,
        compose_values(value=value, text=text) as both,
        compose_values(_transform_=lambda pair: float(pair.value), value=value) as number,
    ):
        assert_type(text, AsyncValue[str])
        assert_type(both, AsyncValue[Any])
        assert_type(number, AsyncValue[float])


async def test_bool_is_a_value_of_bool() -> None:
    assert_type(AsyncBool().value, bool)
    assert_type(await AsyncBool(True).wait_value(True), bool)
