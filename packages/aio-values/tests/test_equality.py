"""Values whose comparison is odd: not-a-numbers, arrays, values without a hash, callables."""

from __future__ import annotations

import decimal
import math
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from aio_values import AsyncValue, equals

if TYPE_CHECKING:
    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


class Truths:
    """As numpy's: the truths of many comparisons have no truth of their own."""

    def __bool__(self) -> NoReturn:
        raise ValueError("the truth value of an array with more than one element is ambiguous")


class Array:
    __hash__ = None  # type: ignore[assignment]  # as an array has it

    def __eq__(self, other: object) -> Truths:  # type: ignore[override]  # as an array has it
        return Truths()

    def __ne__(self, other: object) -> Truths:  # type: ignore[override]  # as an array has it
        return Truths()


class Incomparable:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not to be compared")

    def __hash__(self) -> int:
        return 1


async def test_not_a_number_equals_itself(runtime: Runtime) -> None:
    value = AsyncValue(math.nan)
    async with runtime.tasks() as tasks:
        change = await tasks.block(value.wait_transition)
        value.value = float("nan")
        await runtime.settle()
        assert not change.done
        assert math.isnan(await value.wait_value(float("nan")))
        value.value = 1.0
        old, new = (await change.result())[::-1]
        assert math.isnan(old)
        assert new == 1.0


async def test_one_not_a_number_is_awaited_like_another(runtime: Runtime) -> None:
    value: AsyncValue[Any] = AsyncValue(1.0)
    async with runtime.tasks() as tasks:
        waits = [await tasks.block(value.wait_value, nan) for nan in (math.nan, float("nan"), decimal.Decimal("NaN"))]
        cancelled = await tasks.block(value.wait_value, float("nan"))
        edge = await tasks.block(value.wait_transition, float("nan"))
        cancelled.cancel()
        await runtime.settle()
        value.value = float("nan")
        for wait in waits:
            assert math.isnan(await wait.result())
        assert (await edge.result())[1] == 1.0
    assert value.statistics() == (0, 0)


async def test_objects_that_never_equal_anything_are_no_numbers_and_always_change(runtime: Runtime) -> None:
    class Never:
        def __eq__(self, other: object) -> bool:
            return False

        def __hash__(self) -> int:
            return 1

    value = AsyncValue(Never())
    new = Never()
    value.value = new
    assert value.value is new


async def test_arrays_equal_only_themselves(runtime: Runtime) -> None:
    one, other = Array(), Array()
    value: AsyncValue[Any] = AsyncValue(one)
    async with runtime.tasks() as tasks:
        change = await tasks.block(value.wait_transition)
        target = await tasks.block(value.wait_value, other)
        another = await tasks.block(value.wait_value, Array())
        plain = await tasks.block(value.wait_value, 5)
        value.value = one
        await runtime.settle()
        assert not change.done
        value.value = other
        assert await change.result() == (other, one)
        assert await target.result() is other
        assert not another.done
        value.value = 5
        assert await plain.result() == 5
        assert [item async for item in _first(value.eventual_values(), 1)] == [5]
        another.cancel()
    assert value.statistics() == (0, 0)


async def _first(iterator: Any, count: int) -> Any:
    for _ in range(count):
        yield await iterator.__anext__()


async def test_comparison_that_raises_counts_as_different(runtime: Runtime) -> None:
    one, other = Incomparable(), Incomparable()
    value: AsyncValue[Any] = AsyncValue(one)
    async with runtime.tasks() as tasks:
        target = await tasks.block(value.wait_value, other)
        value.value = Incomparable()
        await runtime.settle()
        assert not target.done
        value.value = other
        assert await target.result() is other


async def test_values_without_a_hash_are_matched_by_equality(runtime: Runtime) -> None:
    value: AsyncValue[Any] = AsyncValue([1])
    async with runtime.tasks() as tasks:
        as_list = await tasks.block(value.wait_value, [2])
        as_set = await tasks.block(value.wait_value, frozenset({2}))
        other = await tasks.block(value.wait_value, frozenset({3}))
        edge = await tasks.block(value.wait_transition, [2])
        assert await value.wait_value([1]) == [1]
        value.value = [2]
        assert await as_list.result() == [2]
        assert await edge.result() == ([2], [1])
        # A set has no hash, and equals a frozenset all the same.
        value.value = {2}
        assert await as_set.result() == {2}
        assert not other.done


async def test_equal_values_of_different_types_are_one(runtime: Runtime) -> None:
    value: AsyncValue[Any] = AsyncValue(0)
    async with runtime.tasks() as tasks:
        waits = [await tasks.block(value.wait_value, one) for one in (1, True, 1.0)]
        value.value = True
        assert [await wait.result() for wait in waits] == [True] * 3
        value.value = 1
        assert value.value is True


async def test_equals_matches_a_callable(runtime: Runtime) -> None:
    value: AsyncValue[Any] = AsyncValue(print)
    assert await value.wait_value(equals(print)) is print
    async with runtime.tasks() as tasks:
        wait = await tasks.block(value.wait_value, equals(repr))
        edge = await tasks.block(value.wait_transition, equals(repr))
        held = await tasks.block(lambda: value.wait_value(equals(repr), held_for=1))
        unhashable = await tasks.block(value.wait_value, equals([1]))
        value.value = repr
        assert await wait.result() is repr
        assert await edge.result() == (repr, print)
        assert await held.result() is repr
        value.value = [1]
        assert await unhashable.result() == [1]
    assert value.statistics() == (0, 0)


async def test_subclass_of_equals_matches_as_it_does(runtime: Runtime) -> None:
    class Is(equals[int]):
        pass

    value = AsyncValue(1)
    assert await value.wait_value(Is(1)) == 1
    async with runtime.tasks() as tasks:
        wait = await tasks.block(value.wait_value, Is(2))
        value.value = 2
        assert await wait.result() == 2


async def test_unhashable_predicate_works(runtime: Runtime) -> None:
    class Predicate:
        __hash__ = None  # type: ignore[assignment]  # what is tested

        def __call__(self, number: int) -> bool:
            return number > 1

    value = AsyncValue(0)
    async with runtime.tasks() as tasks:
        wait = await tasks.block(value.wait_value, Predicate())
        value.value = 2
        assert await wait.result() == 2


async def test_predicate_may_answer_with_any_truth(runtime: Runtime) -> None:
    value = AsyncValue("")
    async with runtime.tasks() as tasks:
        wait = await tasks.block(value.wait_value, str.strip)
        ambiguous = await tasks.block(value.wait_value, lambda text: Truths() if text else False)
        value.value = "  "
        value.value = "x"
        assert await wait.result() == "x"
        with pytest.raises(ValueError, match="ambiguous"):
            await ambiguous.result()


async def test_odd_values_that_nobody_waits_for_are_stored(runtime: Runtime) -> None:
    for one, other in ((Array(), Array()), (Incomparable(), Incomparable())):
        value: AsyncValue[Any] = AsyncValue(one)
        value.value = other
        assert value.value is other
        with value.open_transform(lambda item: item) as same:
            value.value = one
            assert same.value is one
    number: AsyncValue[Any] = AsyncValue(nan := float("nan"))
    number.value = float("nan")
    assert number.value is nan
    number.value = Array()
    number.value = 1
    assert number.value == 1


async def test_a_target_that_cannot_be_compared_stands_beside_plain_ones_of_the_same_hash(runtime: Runtime) -> None:
    value: AsyncValue[Any] = AsyncValue(0)
    async with runtime.tasks() as tasks:
        odd = await tasks.block(value.wait_value, Incomparable())
        plain = [await tasks.block(value.wait_value, 1) for _ in range(2)]
        assert value.statistics().waiting == 3
        value.value = 1
        for wait in plain:
            assert await wait.result() == 1
        assert value.statistics().waiting == 1
        again = await tasks.block(value.wait_value, 1)
        # The odd one goes first: the other was registered while it could not be told from it.
        odd.cancel()
        await odd.wait()
        again.cancel()
        await again.wait()
        assert value.statistics().waiting == 0
