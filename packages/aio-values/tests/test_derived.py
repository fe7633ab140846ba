"""Values derived from values: up to date, never torn, read-only, and honest about errors."""

from __future__ import annotations

import asyncio
import gc
import threading
import traceback
import weakref
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from aio_values import AsyncValue, compose_values

if TYPE_CHECKING:
    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


def reciprocal(number: float) -> float:
    return 1 / number


async def test_derived_value_is_up_to_date_when_the_assignment_returns(runtime: Runtime) -> None:
    value = AsyncValue(2)
    with value.open_transform(lambda number: number * number) as square, square.open_transform(str) as text:
        assert (square.value, text.value) == (4, "4")
        async with runtime.tasks() as tasks:
            wait = await tasks.block(text.wait_value, "9")
            edge = await tasks.block(square.wait_transition)
            value.value = 3
            assert (square.value, text.value) == (9, "9")
            assert await wait.result() == "9"
            assert await edge.result() == (9, 4)
            unmoved = await tasks.block(square.wait_transition)
            value.value = -3
            await runtime.settle()
            assert not unmoved.done
    assert value.statistics() == (0, 0)


async def test_derived_value_cannot_be_assigned(runtime: Runtime) -> None:
    value = AsyncValue(2)
    with value.open_transform(str) as text, compose_values(value=value) as composed:
        for derived in [text, composed]:
            before = derived.value
            with pytest.raises(AttributeError, match="derived from other values and cannot be assigned"):
                derived.value = 3
            with pytest.raises(AttributeError, match="cannot be assigned"):
                derived.touch()
            with pytest.raises(AttributeError, match="cannot be assigned"):
                derived.set_threadsafe(3)
            assert derived.value == before
            value.value += 1


async def test_transform_opened_inside_a_transform_or_predicate_is_kept_up_to_date(runtime: Runtime) -> None:
    value = AsyncValue(0)
    with ExitStack() as stack:
        opened: list[AsyncValue[str]] = []

        def opens(number: int) -> int:
            opened.append(stack.enter_context(value.open_transform(str)))
            return number

        stack.enter_context(value.open_transform(opens))
        value.value = 1
        value.value = 2
        assert [text.value for text in opened] == ["2"] * 3
    assert value.statistics() == (0, 0)


async def test_transform_opened_on_a_value_that_is_about_to_be_computed_gets_the_new_one(runtime: Runtime) -> None:
    value = AsyncValue(1)
    with ExitStack() as stack:
        late: list[AsyncValue[Any]] = []

        def opens(number: int) -> int:
            if number == 2:
                late.append(stack.enter_context(double.open_transform(lambda number: -number)))
                late.append(stack.enter_context(compose_values(a=value, b=double)))
            return number

        stack.enter_context(value.open_transform(opens))
        double = stack.enter_context(value.open_transform(lambda number: number * 2))
        value.value = 2
        assert late[0].value == -4
        assert late[1].value == (2, 4)


async def test_raising_transform_fails_the_derived_value_only(runtime: Runtime) -> None:
    value = AsyncValue(1.0)
    with value.open_transform(reciprocal) as failing, value.open_transform(lambda number: -number) as sibling:
        async with runtime.tasks() as tasks:
            waits: list[Any] = [
                await tasks.block(failing.wait_value, 5),
                await tasks.block(failing.wait_value, lambda number: False),
                await tasks.block(failing.wait_transition),
                await tasks.block(lambda: failing.wait_value(1, held_for=9)),
                await tasks.block(failing.transitions().__anext__),
                await tasks.block(failing.eventual_values(7).__anext__),
            ]
            on_source = await tasks.block(value.wait_value, 0)
            value.value = 0
            assert sibling.value == 0
            assert await on_source.result() == 0
            for wait in waits:
                with pytest.raises(ZeroDivisionError):
                    await wait.result()
            with pytest.raises(ZeroDivisionError):
                failing.value  # reading it is what raises
            with pytest.raises(ZeroDivisionError):
                await failing.wait_value(1)
            with pytest.raises(TimeoutError, match="the last value was missing, since ZeroDivisionError"):
                await failing.wait_transition(timeout=1)
            assert "failed with ZeroDivisionError" in repr(failing)
            back = await tasks.block(failing.wait_transition)
            value.value = 4
            assert failing.value == 0.25
            assert await back.result() == (0.25, 1.0)
    assert value.statistics() == (0, 0)


async def test_wait_for_a_failed_value_raises_also_while_another_task_waits_for_its_recovery(runtime: Runtime) -> None:
    value = AsyncValue(0.0)
    with value.open_transform(reciprocal) as failing:
        async with runtime.tasks() as tasks:
            recovery = await tasks.block(failing.wait_transition)
            for target in (5, lambda number: number == 5):
                wait = await tasks.block(failing.wait_value, target)
                with pytest.raises(ZeroDivisionError):
                    wait.outcome()
            value.value = 2
            assert (await recovery.result())[0] == 0.5
            again = await tasks.block(failing.wait_value, 0.25)
            value.value = 4
            assert await again.result() == 0.25


@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration, asyncio.CancelledError])
async def test_transform_that_raises_what_a_task_would_mistake_fails_the_derived_value(
    kind: type[BaseException], runtime: Runtime
) -> None:
    def transform(number: int) -> int:
        if number == 0:
            raise kind
        return number

    value = AsyncValue(1)
    with (
        value.open_transform(transform) as derived,
        compose_values(_transform_=lambda composed: transform(composed.number), number=value) as composed,
    ):
        for failing in (derived, composed):
            iterator = failing.eventual_values()
            assert await iterator.__anext__() == 1
            async with runtime.tasks() as tasks:
                waits: list[Any] = [
                    await tasks.block(failing.wait_value, 5),
                    await tasks.block(failing.wait_value, lambda number: number == 5),
                    await tasks.block(iterator.__anext__),
                ]
                value.value = 0
                for wait in waits:
                    with pytest.raises(RuntimeError, match=f"the transform .* raised {kind.__name__}"):
                        await wait.result()
                with pytest.raises(RuntimeError, match=f"raised {kind.__name__}") as caught:
                    failing.value  # reading it is what raises
                assert isinstance(caught.value.__cause__, kind)
                value.value = 1
                assert failing.value == 1


async def test_transform_that_fails_on_entry_recovers(runtime: Runtime) -> None:
    value = AsyncValue(0.0)
    with value.open_transform(reciprocal) as failing:
        with pytest.raises(ZeroDivisionError):
            failing.value  # reading it is what raises
        async with runtime.tasks() as tasks:
            first = await tasks.block(failing.wait_transition)
            value.value = 2
            # There was no value before, so the first one stands in for it.
            assert await first.result() == (0.5, 0.5)


async def test_recovery_to_the_value_before_is_a_change(runtime: Runtime) -> None:
    value = AsyncValue(2.0)
    with value.open_transform(reciprocal) as derived:
        iterator = derived.eventual_values()
        assert await iterator.__anext__() == 0.5
        value.value = 0
        with pytest.raises(ZeroDivisionError):
            await iterator.__anext__()
        async with runtime.tasks() as tasks:
            step = await tasks.block(iterator.__anext__)
            assert not step.done
            value.value = 2
            assert await step.result() == 0.5


async def test_each_failure_reaches_an_iterator_once(runtime: Runtime) -> None:
    value = AsyncValue(1.0)
    with value.open_transform(reciprocal) as derived:
        iterator = derived.eventual_values()
        assert await iterator.__anext__() == 1
        async with runtime.tasks() as tasks:
            step = await tasks.block(iterator.__anext__)
            value.value = 0
            with pytest.raises(ZeroDivisionError):
                await step.result()
            step = await tasks.block(iterator.__anext__)
            assert not step.done
            value.value = -0.0
            value.value = 5
            assert await step.result() == 0.2


async def test_reading_a_failed_value_again_and_again_does_not_grow_its_traceback(runtime: Runtime) -> None:
    value = AsyncValue(0.0)
    lengths = []
    with value.open_transform(reciprocal) as failing:
        for _ in range(5):
            try:
                failing.value  # reading it is what raises
            except ZeroDivisionError as error:
                lengths.append(len(traceback.extract_tb(error.__traceback__)))
    assert len(set(lengths)) == 1


async def test_failure_passes_down_and_so_does_recovery(runtime: Runtime) -> None:
    value = AsyncValue(0.0)
    with (
        value.open_transform(reciprocal) as inverse,
        inverse.open_transform(lambda number: number + 1) as more,
        compose_values(a=value, b=more) as both,
    ):
        for derived in (inverse, more, both):
            with pytest.raises(ZeroDivisionError):
                derived.value  # reading it is what raises
        value.value = 2
        assert both.value == (2, 1.5)
        async with runtime.tasks() as tasks:
            wait = await tasks.block(both.wait_value, lambda pair: False)
            value.value = 0
            with pytest.raises(ZeroDivisionError):
                await wait.result()


async def test_end_of_the_context_ends_iterators_and_fails_waits(runtime: Runtime) -> None:
    value = AsyncValue(1)
    seen: list[int] = []
    async with runtime.tasks() as tasks:
        with value.open_transform(lambda number: number * 2) as double:

            async def follow() -> str:
                seen.extend([number async for number in double.eventual_values()])
                async for _ in double.transitions():
                    pass
                return "ended"

            following = await tasks.block(follow)
            waiting = await tasks.block(double.wait_value, 99)
            value.value = 2
        assert await following.result() == "ended"
        with pytest.raises(RuntimeError, match="has ended: it changes no more"):
            await waiting.result()
    assert seen == [2, 4]
    value.value = 3
    assert double.value == 4
    assert await double.wait_value(4) == 4
    assert [number async for number in double.eventual_values()] == [4]
    with pytest.raises(RuntimeError, match="has ended"):
        await double.wait_value(5)


async def test_contexts_left_out_of_order_end_what_depends_on_them(runtime: Runtime) -> None:
    value = AsyncValue(1)
    outer, inner = value.open_transform(str), None
    text = outer.__enter__()
    inner = text.open_transform(len)
    length = inner.__enter__()
    outer.__exit__(None, None, None)
    with pytest.raises(RuntimeError, match="has ended"):
        await length.wait_value(2)
    inner.__exit__(None, None, None)


async def test_context_that_is_dropped_unregisters(runtime: Runtime) -> None:
    value = AsyncValue(1)
    context = value.open_transform(str)
    context.__enter__()
    assert value.statistics().derived == 1
    del context
    assert value.statistics().derived == 0


async def test_context_that_cannot_be_entered_unregisters(runtime: Runtime) -> None:
    x, y = AsyncValue(0), AsyncValue(0)

    def interrupted(number: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), x.open_transform(interrupted):
        pass
    assert x.statistics() == (0, 0)
    async with runtime.tasks() as tasks:
        await tasks.block(y.wait_value, 1)
        refused: list[RuntimeError] = []

        def compose() -> None:
            try:
                compose_values(x=x, y=y).__enter__()
            except RuntimeError as error:
                refused.append(error)

        thread = threading.Thread(target=compose)
        thread.start()
        thread.join()
        assert "belongs to thread" in str(refused)
        assert x.statistics() == (0, 0)
        assert y.statistics() == (1, 0)


def test_value_that_failed_once_is_freed_without_the_garbage_collector() -> None:
    value = AsyncValue(1.0)
    gc.collect()
    gc.disable()
    try:
        with value.open_transform(reciprocal) as derived:
            value.value = 0
            value.value = 2
        dropped = weakref.ref(derived)
        del derived
        assert dropped() is None
    finally:
        gc.enable()


async def test_derived_value_has_the_new_object_where_its_source_tells_equal_ones_apart(runtime: Runtime) -> None:
    old, new = [1], [1]
    value = AsyncValue(old, changed="identity")
    with (
        value.open_transform(lambda numbers: numbers) as same,
        same.open_transform(lambda numbers: numbers) as further,
        compose_values(numbers=value) as composed,
    ):
        async with runtime.tasks() as tasks:
            unmoved = [await tasks.block(derived.wait_transition) for derived in (same, further, composed)]
            value.value = new
            assert same.value is further.value is composed.value.numbers is new
            await runtime.settle()
            assert not any(wait.done for wait in unmoved)


async def test_context_of_a_value_that_cannot_be_shown_ends_all_the_same(runtime: Runtime) -> None:
    class Secret:
        def __repr__(self) -> str:
            raise LookupError("not shown")

    value = AsyncValue(Secret())
    async with runtime.tasks() as tasks:
        with value.open_transform(lambda secret: [secret]) as derived:
            wait = await tasks.block(derived.wait_transition)
            with pytest.raises(TimeoutError, match=r"the last value was <.*list object"):
                await derived.wait_value([], timeout=1)
        with pytest.raises(RuntimeError, match="has ended"):
            await wait.result()


async def test_composed_value_is_never_torn(runtime: Runtime) -> None:
    value = AsyncValue(1)
    seen: list[tuple[int, ...]] = []
    with (
        value.open_transform(lambda number: number * 2) as double,
        double.open_transform(lambda number: number * 2) as fourfold,
        compose_values(one=value, again=value, two=double, four=fourfold) as all_,
        all_.open_transform(sum) as total,
    ):
        async with runtime.tasks() as tasks:
            transitions: list[int] = []
            await tasks.block(all_.wait_value, lambda values: seen.append(tuple(values)))
            await tasks.block(total.wait_transition, lambda new, old: transitions.append(new))
            # Whoever waits for a part sees the whole already.
            await tasks.block(value.wait_value, lambda number: seen.append(tuple(all_.value)))
            await tasks.block(fourfold.wait_value, lambda number: seen.append(tuple(all_.value)))
            seen.clear()
            value.value = 2
            value.value = 3
            assert set(seen) == {(2, 2, 4, 8), (3, 3, 6, 12)}
            assert len(seen) == 6
            assert transitions == [16, 24]


async def test_composed_value_has_names_and_a_transform(runtime: Runtime) -> None:
    x, y = AsyncValue(-1), AsyncValue(10)
    with (
        compose_values(x=x, y=y) as point,
        compose_values(_transform_=lambda point: point.x * point.y, x=x, y=y) as product,
    ):
        assert repr(point.value) == "CompositeValue(x=-1, y=10)"
        async with runtime.tasks() as tasks:
            wait = await tasks.block(point.wait_value, lambda point: 0 < point.x < point.y)
            change = await tasks.block(product.wait_transition)
            x.value = 3
            assert (await wait.result()).x == 3
            assert await change.result() == (30, -10)
            y.value = 4
            assert product.value == 12
    assert x.statistics() == y.statistics() == (0, 0)


async def test_composed_value_recovers_after_an_error(runtime: Runtime) -> None:
    x, y = AsyncValue(1), AsyncValue(1)

    def ratio(pair: Any) -> float:
        return float(pair.x / pair.y)

    with compose_values(_transform_=ratio, x=x, y=y) as quotient:
        y.value = 0
        x.value = 2
        with pytest.raises(ZeroDivisionError):
            quotient.value  # reading it is what raises
        y.value = 4
        assert quotient.value == 0.5


async def test_touch_passes_through_derived_values(runtime: Runtime) -> None:
    names = ["a"]
    value = AsyncValue(names)
    with (
        value.open_transform(len) as length,
        value.open_transform(lambda names: names) as same,
        compose_values(names=value) as composed,
        compose_values(_transform_=lambda composed: composed.names[0], names=value) as first,
    ):
        async with runtime.tasks() as tasks:
            waits = [await tasks.block(derived.wait_transition) for derived in (length, same, composed)]
            unmoved = await tasks.block(first.wait_transition)
            names.append("b")
            value.touch()
            assert await waits[0].result() == (2, 1)
            assert await waits[1].result() == (names, names)
            assert (await waits[2].result())[0].names is names
            await runtime.settle()
            assert not unmoved.done


async def test_bad_arguments_are_errors_at_the_call() -> None:
    value = AsyncValue(1)
    with pytest.raises(TypeError, match="function must be callable"):
        value.open_transform(3)  # type: ignore[arg-type]  # what is tested
    with pytest.raises(TypeError, match="at least one value"):
        compose_values()
    with pytest.raises(TypeError, match="x must be an AsyncValue, not 3"):
        compose_values(x=3)  # type: ignore[call-overload]  # what is tested
    with pytest.raises(TypeError, match="_transform_ must be callable"):
        compose_values(_transform_=3, x=value)  # type: ignore[call-overload]  # what is tested
    for name in ("_x", "class", "a b"):
        with pytest.raises(ValueError, match="cannot be the name of a field"):
            compose_values(_transform_=None, **{name: value})
