"""What happens in the course of an assignment: order, re-entrancy, errors."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aio_values import AsyncValue, compose_values

if TYPE_CHECKING:
    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


async def test_assignments_of_a_predicate_are_delivered_after_the_current_one_in_order(runtime: Runtime) -> None:
    value = AsyncValue(0)
    seen: list[tuple[str, int]] = []

    def assigns(number: int) -> bool:
        if number == 1:
            value.value = 2
            seen.append(("reads as before", value.value))
            value.value = 3
        return False

    def notes(number: int) -> bool:
        seen.append(("sees", number))
        return False

    async with runtime.tasks() as tasks:
        for predicate in (assigns, notes):
            await tasks.block(value.wait_value, predicate)
        transitions: list[tuple[int, int]] = []
        await tasks.block(value.wait_transition, lambda new, old: transitions.append((new, old)))
        seen.clear()
        value.value = 1
        assert value.value == 3
        assert seen == [("reads as before", 1), ("sees", 1), ("sees", 2), ("sees", 3)]
        assert transitions == [(1, 0), (2, 1), (3, 2)]


async def test_transform_that_assigns_its_source_leaves_everything_up_to_date(runtime: Runtime) -> None:
    value = AsyncValue(0)

    def clamp(number: int) -> int:
        if number > 10:
            value.value = 10
        return number * 2

    with value.open_transform(clamp) as doubled, value.open_transform(lambda number: -number) as negative:
        async with runtime.tasks() as tasks:
            changes: list[tuple[int, int]] = []
            await tasks.block(doubled.wait_transition, lambda new, old: changes.append((new, old)))
            value.value = 50
            assert (value.value, doubled.value, negative.value) == (10, 20, -10)
            assert changes == [(100, 0), (20, 100)]


async def test_assignment_to_an_unrelated_value_takes_effect_at_once(runtime: Runtime) -> None:
    value, count = AsyncValue(0), AsyncValue(0)

    def counts(number: int) -> bool:
        count.value += 1
        count.value += 1
        return False

    async with runtime.tasks() as tasks:
        await tasks.block(value.wait_value, counts)
        waits = await tasks.block(count.wait_value, 6)
        value.value = 1
        value.value = 2
        assert count.value == 6
        assert await waits.result() == 6


async def test_assignment_that_reaches_a_value_under_delivery_is_queued_as_a_whole(runtime: Runtime) -> None:
    x, y = AsyncValue(0), AsyncValue(0)
    pairs: list[tuple[int, int]] = []

    def follows(number: int) -> bool:
        y.value = number
        return False

    with compose_values(x=x, y=y) as both:
        async with runtime.tasks() as tasks:
            await tasks.block(x.wait_value, follows)
            await tasks.block(both.wait_value, lambda pair: pairs.append(tuple(pair)))
            pairs.clear()
            x.value = 1
            x.value = 2
            assert pairs == [(1, 0), (1, 1), (2, 1), (2, 2)]


async def test_predicate_may_cancel_other_waits_and_register_new_ones(runtime: Runtime) -> None:
    value = AsyncValue(0)
    async with runtime.tasks() as tasks:
        opened: list[Any] = []

        def meddles(number: int) -> bool:
            if number == 1:
                victim.cancel()
                opened.append(value.expecting(2).__enter__())
                transform = value.open_transform(str)
                opened.append((transform, transform.__enter__()))
            return False

        await tasks.block(value.wait_value, meddles)
        victim = await tasks.block(value.wait_value, lambda number: number == 1)
        plain_victim = await tasks.block(value.wait_value, 1)
        witness = await tasks.block(value.wait_value, lambda number: number >= 1)
        value.value = 1
        await runtime.settle()
        assert victim.cancelled
        assert await plain_victim.result() == 1
        assert await witness.result() == 1
        expectation, (transform, text) = opened
        assert text.value == "1"
        value.value = 2
        assert await expectation == 2
        assert text.value == "2"
        transform.__exit__(None, None, None)


async def test_woken_task_that_assigns_wakes_the_next(runtime: Runtime) -> None:
    value = AsyncValue(0)

    async def relay(number: int) -> None:
        await value.wait_value(number)
        value.value = number + 1

    async with runtime.tasks() as tasks:
        for number in range(1, 20):
            tasks.start(relay, number)
        last = await tasks.block(value.wait_value, 20)
        value.value = 1
        assert await last.result() == 20


async def test_predicate_that_raises_fails_its_own_waits_only(runtime: Runtime) -> None:
    value = AsyncValue(0)

    def fails(number: int) -> bool:
        if number == 1:
            raise LookupError("no one")
        return False

    async with runtime.tasks() as tasks:
        before = await tasks.block(value.wait_value, lambda number: number == 1)
        failing = [await tasks.block(value.wait_value, fails) for _ in range(2)]
        held = await tasks.block(lambda: value.wait_value(lambda number: fails(number) or True, held_for=1))
        edge = await tasks.block(value.wait_transition, lambda new, old: fails(new))
        iterator = await tasks.block(value.eventual_values(fails).__anext__)
        after = await tasks.block(value.wait_value, lambda number: number >= 1)
        value.value = 1
        assert await before.result() == 1
        assert await after.result() == 1
        waits: list[Any] = [*failing, held, edge, iterator]
        for wait in waits:
            with pytest.raises(LookupError, match="no one"):
                await wait.result()
    assert value.statistics() == (0, 0)


async def test_predicate_that_raises_at_once_fails_the_call(runtime: Runtime) -> None:
    value = AsyncValue(0)
    with pytest.raises(ZeroDivisionError):
        await value.wait_value(lambda number: 1 / number)
    assert value.statistics() == (0, 0)


@pytest.mark.parametrize("error", [StopIteration, StopAsyncIteration, asyncio.CancelledError])
async def test_what_a_task_would_mistake_does_not_leave_a_predicate(
    runtime: Runtime, error: type[BaseException]
) -> None:
    value = AsyncValue(0)

    def stops(number: int) -> bool:
        if number:
            raise error
        return False

    async with runtime.tasks() as tasks:
        wait = await tasks.block(value.wait_value, stops)
        iterator = await tasks.block(value.eventual_values(stops).__anext__)
        edge = await tasks.block(value.transitions(lambda new, old: stops(new)).__anext__)
        value.value = 1
        for handle in (wait, iterator, edge):
            with pytest.raises(RuntimeError, match=f"stops.* raised {error.__name__}|lambda.* raised"):
                await handle.result()


async def test_async_predicate_fails_its_wait(runtime: Runtime) -> None:
    value = AsyncValue(0)

    async def wrong(number: int) -> bool:
        return True

    with pytest.raises(TypeError, match=r"the predicate .*wrong is async"):
        await value.wait_value(wrong)
    async with runtime.tasks() as tasks:
        edge = await tasks.block(value.wait_transition, lambda new, old: wrong(new))
        value.value = 1
        with pytest.raises(TypeError, match=r"lambda.* is async"):
            await edge.result()
    assert value.statistics() == (0, 0)


async def test_interruption_in_a_predicate_reaches_the_assigner_after_everybody_was_served(runtime: Runtime) -> None:
    value = AsyncValue(0)

    def interrupted(number: int) -> bool:
        if number:
            raise KeyboardInterrupt
        return False

    async with runtime.tasks() as tasks:
        await tasks.block(value.wait_value, interrupted)
        after = await tasks.block(value.wait_value, lambda number: number == 1)
        edge = await tasks.block(value.wait_transition, lambda new, old: new == 1)
        with value.open_transform(lambda number: number + 1) as derived:
            with pytest.raises(KeyboardInterrupt):
                value.value = 1
            assert derived.value == 2
        assert await after.result() == 1
        assert await edge.result() == (1, 0)


async def test_errors_of_queued_assignments_come_together_at_the_end(runtime: Runtime) -> None:
    def changed(old: int, new: int) -> bool:
        if new < 0:
            raise ValueError(new)
        return old != new

    value = AsyncValue(0, changed=changed)

    def assigns(number: int) -> bool:
        if number == 1:
            value.value = -1
            value.value = 2
            value.value = -2
        return False

    async with runtime.tasks() as tasks:
        await tasks.block(value.wait_value, assigns)
        with pytest.raises(BaseExceptionGroup) as errors:
            value.value = 1
        assert [error.args for error in errors.value.exceptions] == [(-1,), (-2,)]
        assert value.value == 2
        with pytest.raises(ValueError, match="-3"):
            value.value = -3


async def test_predicate_that_assigns_while_a_wait_begins_is_not_missed(runtime: Runtime) -> None:
    value = AsyncValue(0)

    def advances(number: int) -> bool:
        if number < 3:
            value.value = number + 1
        return number == 3

    assert await value.wait_value(advances) == 3
    value.value = 0
    assert await value.eventual_values(advances).__anext__() == 3


async def test_predicate_that_assigns_while_a_hold_begins_is_not_missed(runtime: Runtime) -> None:
    value = AsyncValue(0)

    def settles(number: int) -> bool:
        if 0 < number < 3:
            value.value = number + 1
        return number > 0

    async with runtime.tasks() as tasks:
        held = await tasks.block(lambda: value.wait_value(settles, held_for=1))
        value.value = 1
        # The first call ends the wait, so nobody asks about what it assigned, until the hold begins.
        assert value.value == 2
        assert await held.result() == 3
        value.value = 1
        start = runtime.time()
        assert await value.wait_value(settles, held_for=1) == 3
        assert runtime.time() == pytest.approx(start + 1)


async def test_interruption_in_a_transform_reaches_the_assigner_and_spares_the_others(runtime: Runtime) -> None:
    value = AsyncValue(0)

    def interrupted(number: int) -> int:
        if number:
            raise KeyboardInterrupt
        return number

    with value.open_transform(interrupted), value.open_transform(str) as text:
        with pytest.raises(KeyboardInterrupt):
            value.value = 1
        assert text.value == "1"


async def test_timeout_names_functions_as_people_do(runtime: Runtime) -> None:
    value = AsyncValue(0)
    for target, name in ((partial(max, 0), "partial(max)"), ("x" * 500, "502 characters")):
        with pytest.raises(TimeoutError, match=re.escape(name)):
            await value.wait_value(target, timeout=0)  # type: ignore[arg-type]  # anything can be waited for
    with pytest.raises(TimeoutError, match=r"wait_transition\(any\)"):
        await value.wait_transition(timeout=0)
