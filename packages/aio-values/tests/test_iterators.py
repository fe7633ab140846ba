"""Following a value: eventual consistency, discarded transitions, and leaving the loop."""

from __future__ import annotations

import gc
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from aio_values import AsyncValue

if TYPE_CHECKING:
    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


async def collect(iterator: Any, into: list[Any], runtime: Runtime, busy: float = 0) -> None:
    async for item in iterator:
        into.append(item)
        if busy:
            await runtime.sleep(busy)


async def test_eventual_values_skip_what_came_and_went_but_never_the_latest(runtime: Runtime) -> None:
    value = AsyncValue(0)
    seen: list[int] = []
    async with runtime.tasks() as tasks:
        await tasks.block(collect, value.eventual_values(), seen, runtime, 10)
        for number in (1, 2, 3):
            value.value = number
        await runtime.sleep(15)
        assert seen == [0, 3]
        value.value = 4
        await runtime.sleep(30)
        assert seen == [0, 3, 4]
        value.value = 5
        await runtime.settle()
        assert seen == [0, 3, 4, 5]


async def test_eventual_values_do_not_repeat_a_value_that_came_back(runtime: Runtime) -> None:
    value = AsyncValue(0)
    seen: list[int] = []
    async with runtime.tasks() as tasks:
        await tasks.block(collect, value.eventual_values(), seen, runtime, 10)
        value.value = 1
        value.value = 0
        await runtime.sleep(15)
        assert seen == [0]
        # While the loop waits, each change that it sees counts.
        value.value = 1
        await runtime.sleep(15)
        value.value = 0
        await runtime.settle()
        assert seen == [0, 1, 0]


async def test_eventual_values_of_a_target(runtime: Runtime) -> None:
    value = AsyncValue(0)
    positive: list[int] = []
    fives: list[int] = []
    async with runtime.tasks() as tasks:
        await tasks.block(collect, value.eventual_values(lambda number: number > 0), positive, runtime)
        await tasks.block(collect, value.eventual_values(5), fives, runtime)
        for number in (-1, 5, -2, 5, 6):
            value.value = number
            await runtime.settle()
    assert positive == [5, 5, 6]
    assert fives == [5, 5]


async def test_value_that_woke_the_loop_is_followed_by_the_latest(runtime: Runtime) -> None:
    value = AsyncValue(0)
    seen: list[int] = []
    async with runtime.tasks() as tasks:
        await tasks.block(collect, value.eventual_values(), seen, runtime)
        value.value = 1
        value.value = 2
        value.value = 3
        await runtime.settle()
    assert seen == [0, 1, 3]


async def test_held_values_come_once_they_have_lasted(runtime: Runtime) -> None:
    value = AsyncValue(0)
    seen: list[int] = []
    async with runtime.tasks() as tasks:
        await tasks.block(collect, value.eventual_values(lambda number: number > 0, held_for=2), seen, runtime)
        value.value = 1
        await runtime.sleep(1)
        value.value = 0
        await runtime.sleep(5)
        assert seen == []
        value.value = 2
        await runtime.sleep(1)
        value.value = 3
        await runtime.sleep(1.5)
        assert seen == [3]
        value.value = 0
        value.value = 3
        await runtime.sleep(3)
        assert seen == [3, 3]
        await runtime.sleep(30)
        assert seen == [3, 3]


async def test_cancelled_hold_does_not_count_as_seen(runtime: Runtime) -> None:
    value = AsyncValue(1)
    iterator = value.eventual_values(held_for=2)
    async with runtime.tasks() as tasks:
        waiting = await tasks.block(iterator.__anext__)
        waiting.cancel()
        await runtime.settle()
        assert await iterator.__anext__() == 1
    assert value.statistics() == (0, 0)


async def test_cancelled_step_loses_no_value(runtime: Runtime) -> None:
    value = AsyncValue(0)
    iterator = value.eventual_values()
    assert await iterator.__anext__() == 0
    async with runtime.tasks() as tasks:
        waiting = await tasks.block(iterator.__anext__)
        value.value = 1
        waiting.cancel()
        await runtime.settle()
        if waiting.cancelled:
            assert await iterator.__anext__() == 1
        else:
            assert waiting.outcome() == 1


async def test_transitions_while_the_body_is_busy_are_discarded(runtime: Runtime) -> None:
    value = AsyncValue(0)
    seen: list[tuple[int, int]] = []
    async with runtime.tasks() as tasks:
        await tasks.block(collect, value.transitions(lambda new, old: new > old), seen, runtime, 10)
        for number in (1, 2, 3):
            value.value = number
        await runtime.sleep(15)
        value.value = 0
        value.value = 9
        await runtime.settle()
    assert seen == [(1, 0), (9, 0)]


async def test_transitions_to_a_value(runtime: Runtime) -> None:
    value = AsyncValue("a")
    seen: list[tuple[str, str]] = []
    async with runtime.tasks() as tasks:
        await tasks.block(collect, value.transitions("b"), seen, runtime)
        for letter in "bcbab":
            value.value = letter
            await runtime.settle()
    assert seen == [("b", "a"), ("b", "c"), ("b", "a")]


@pytest.mark.parametrize("method", ["eventual_values", "transitions"])
async def test_leaving_the_loop_leaves_nothing_behind(runtime: Runtime, method: str) -> None:
    value = AsyncValue(0)

    async def left_by_break() -> None:
        async for _ in getattr(value, method)(lambda *_: True):
            break

    async def left_by_return() -> None:
        async for _ in getattr(value, method)():
            return

    async def left_by_exception() -> None:
        with pytest.raises(KeyError):
            async for _ in getattr(value, method)(1):
                raise KeyError

    gc.disable()
    try:
        async with runtime.tasks() as tasks:
            handles = [await tasks.block(leave) for leave in (left_by_break, left_by_return, left_by_exception)]
            value.value = 1
            await runtime.settle()
            assert all(handle.done for handle in handles)
            assert value.statistics() == (0, 0)
    finally:
        gc.enable()


@pytest.mark.parametrize("method", ["eventual_values", "transitions"])
async def test_dropped_step_unregisters_without_garbage_collection(runtime: Runtime, method: str) -> None:
    value = AsyncValue(0)
    iterator = getattr(value, method)(1)
    gc.collect()
    gc.disable()
    try:
        step = iterator.__anext__()
        # Park it by hand, as a task would, then forget it. A loop's future and trio's message are all it yields.
        step.send(None)
        assert value.statistics().waiting == 1
        del step, iterator
        assert value.statistics() == (0, 0)
    finally:
        gc.enable()


@pytest.mark.parametrize("method", ["eventual_values", "transitions"])
async def test_closed_iterator_is_exhausted(runtime: Runtime, method: str) -> None:
    value = AsyncValue(0)
    async with aclosing(getattr(value, method)()) as iterator:
        assert "ready" in repr(iterator)
    with pytest.raises(StopAsyncIteration):
        await iterator.__anext__()
    await iterator.aclose()
    assert "closed" in repr(iterator)


@pytest.mark.parametrize("method", ["eventual_values", "transitions"])
async def test_end_of_an_iteration_is_a_checkpoint_on_trio_and_none_on_asyncio(runtime: Runtime, method: str) -> None:
    value = AsyncValue(0)
    closed = getattr(value, method)()
    await closed.aclose()
    with value.open_transform(str) as derived:
        ended = getattr(derived, method)("no such value")
    for iterator in (closed, ended):
        others: list[str] = []

        async def other(others: list[str] = others) -> None:
            others.append("ran")

        async with runtime.tasks() as tasks:
            tasks.start(other)
            # trio runs the tasks of one turn in any order: after two turns, the other one has had its own.
            for _ in range(2):
                with pytest.raises(StopAsyncIteration):
                    await iterator.__anext__()
            assert others == ([] if runtime.library == "asyncio" else ["ran"])


@pytest.mark.parametrize("method", ["eventual_values", "transitions"])
async def test_second_task_on_one_iterator_is_an_error(runtime: Runtime, method: str) -> None:
    value = AsyncValue(0)
    iterator = getattr(value, method)(1)
    async with runtime.tasks() as tasks:
        first = await tasks.block(iterator.__anext__)
        with pytest.raises(RuntimeError, match="another task already"):
            await iterator.__anext__()
        with pytest.raises(RuntimeError, match="cannot be closed while a task waits"):
            await iterator.aclose()
        value.value = 1
        assert await first.result() in {1, (1, 0)}


@pytest.mark.parametrize("method", ["eventual_values", "transitions"])
async def test_iterator_may_pass_from_task_to_task(runtime: Runtime, method: str) -> None:
    value = AsyncValue(0)
    iterator = getattr(value, method)(lambda *values: values[0] > 0)
    async with runtime.tasks() as tasks:
        for number in (1, 2, 3):
            step = await tasks.block(iterator.__anext__)
            value.value = number
            assert await step.result() in {number, (number, number - 1)}


async def test_iterator_goes_on_after_its_predicate_raised(runtime: Runtime) -> None:
    value = AsyncValue(0)
    iterator = value.eventual_values(lambda number: 6 / number > 1)
    with pytest.raises(ZeroDivisionError):
        await iterator.__anext__()
    value.value = 3
    assert await iterator.__anext__() == 3
