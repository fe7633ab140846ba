"""Nothing grows with time: waits and iterators, however they end, leave a value as it was.

`tests-integration/benchmarks/memory_values.py` shows the same for a million waits.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest
from aio_values import AsyncDictionary, AsyncValue, lowlevel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime

ROUNDS = 100


async def complete(runtime: Runtime, value: AsyncValue[int]) -> None:
    async with runtime.tasks() as tasks:
        waits: list[Any] = [tasks.start(value.wait_value, value.value + 1)]
        waits.append(tasks.start(value.wait_value, lambda number: number > 0))
        waits.append(tasks.start(value.wait_transition))
        await runtime.settle()
        value.value += 1
        for wait in waits:
            await wait.wait()


async def cancel(runtime: Runtime, value: AsyncValue[int]) -> None:
    async with runtime.tasks() as tasks:
        tasks.start(value.wait_value, -1)
        tasks.start(value.wait_value, lambda number: False)
        tasks.start(value.wait_transition, -1)
        tasks.start(lambda: value.wait_value(value.value, held_for=9))
        await runtime.settle()


async def time_out(runtime: Runtime, value: AsyncValue[int]) -> None:
    for call in (
        lambda: value.wait_value(-1, timeout=0),
        lambda: value.wait_value(lambda number: False, timeout=0),
        lambda: value.wait_transition(timeout=0),
    ):
        with suppress(TimeoutError):
            await call()


async def abandon(runtime: Runtime, value: AsyncValue[int]) -> None:
    async for _ in value.eventual_values():
        break
    async with runtime.tasks() as tasks:
        tasks.start(value.eventual_values(-1).__anext__)
        tasks.start(value.transitions().__anext__)
        await runtime.settle()
    with value.expecting(-1), value.open_transform(str):
        pass


def deep_size(value: AsyncValue[int]) -> int:
    """The bytes of the value and of all tables that it keeps."""
    size = sys.getsizeof(value) + sys.getsizeof(value._derived)
    for registry in (value._level, value._edge):
        tables = [registry.any, registry.plain, registry.groups, *registry.plain.values()]
        size += sum(sys.getsizeof(item) for item in [registry, *tables, *registry.groups.values()])
    return size


def memory_of_the_library() -> int:
    """The bytes that code of aio_values allocated and that are still alive."""
    gc.collect()
    snapshot = tracemalloc.take_snapshot()
    ours = snapshot.filter_traces([tracemalloc.Filter(True, "*aio_values*", all_frames=True)])
    return sum(trace.size for trace in ours.traces)


@pytest.mark.parametrize("wait", [complete, cancel, time_out, abandon])
async def test_waits_leave_the_value_as_it_was(
    runtime: Runtime, wait: Callable[[Runtime, AsyncValue[int]], Awaitable[None]]
) -> None:
    value = AsyncValue(1000)
    await wait(runtime, value)
    size = deep_size(value)
    tracemalloc.start(3)
    try:
        for _ in range(20):
            await wait(runtime, value)
        before = memory_of_the_library()
        for _ in range(ROUNDS):
            await wait(runtime, value)
        after = memory_of_the_library()
    finally:
        tracemalloc.stop()
    # The smallest object kept for each round would be more than the slack, which is for the last round's remains.
    assert after - before < 40 * ROUNDS
    assert deep_size(value) <= size
    assert value.statistics() == (0, 0)


async def test_many_waits_at_once_leave_the_value_as_it_was(runtime: Runtime) -> None:
    value = AsyncValue(0)
    await complete(runtime, value)
    size = deep_size(value)
    for ending in ("woken", "cancelled"):
        async with runtime.tasks() as tasks:
            for number in range(100, 400):
                tasks.start(value.wait_value, number)
                tasks.start(value.wait_value, [number].__contains__)
                tasks.start(value.wait_transition, number)
            await runtime.settle()
            assert deep_size(value) > 10 * size
            if ending == "woken":
                for number in range(100, 401):
                    value.value = number
        assert deep_size(value) <= size, ending


async def test_few_predicates_that_are_left_of_many_stand_in_a_small_table(runtime: Runtime) -> None:
    value = AsyncValue(0)
    async with runtime.tasks() as tasks:
        left = await tasks.block(value.wait_value, lambda number: number == 5)
        size = deep_size(value)
        crowd = [tasks.start(value.wait_value, [number].__contains__) for number in range(100, 1100)]
        await runtime.settle()
        assert deep_size(value) > 10 * size
        for wait in crowd:
            wait.cancel()
        await runtime.settle()
        assert deep_size(value) < 10 * size
        value.value = 5
        assert await left.result() == 5


async def test_many_waits_at_once_leave_a_dictionary_as_it_was(runtime: Runtime) -> None:
    d: AsyncDictionary[int, int] = AsyncDictionary()

    def size() -> int:
        return sys.getsizeof(d._getters) + sys.getsizeof(d._poppers)

    before = size()
    for ending in ("woken", "failed", "cancelled"):
        async with runtime.tasks() as tasks:
            waits = [tasks.start(function, key) for key in range(300) for function in (d.get_wait, d.pop_wait)]
            await runtime.settle()
            assert size() > 10 * before
            if ending == "woken":
                d.update(dict.fromkeys(range(300), 1))
                assert [await wait.result() for wait in waits] == [1] * 600
            elif ending == "failed":
                assert sum(d.set_exception(key, LookupError()) for key in range(300)) == 600
                for wait in waits:
                    with pytest.raises(LookupError):
                        await wait.result()
        assert size() <= before, ending


def garbage() -> list[Any]:
    """What only the garbage collector frees, now; it was switched off before."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return gc.garbage.copy()
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


async def test_waits_make_no_reference_cycles(runtime: Runtime) -> None:
    value = AsyncValue(0)
    iterator = value.eventual_values()
    await iterator.__anext__()
    transitions = value.transitions()

    async def one_round() -> None:
        async with runtime.tasks() as tasks:
            waits: list[Any] = [
                await tasks.block(value.wait_value, value.value + 1),
                await tasks.block(iterator.__anext__),
                await tasks.block(transitions.__anext__),
            ]
            value.value += 1
            for wait in waits:
                await wait.wait()

    await one_round()
    gc.collect()
    gc.disable()
    try:
        await one_round()
        ours = [item for item in garbage() if type(item).__module__.startswith("aio_values")]
    finally:
        gc.enable()
    assert ours == []


@pytest.mark.parametrize("method", ["eventual_values", "transitions"])
async def test_steps_that_time_out_make_no_reference_cycles(runtime: Runtime, method: str) -> None:
    iterator = getattr(AsyncValue(0), method)(1)
    gc.collect()
    gc.disable()
    try:
        for _ in range(2):
            with lowlevel.move_on_after(1) as limit:
                await iterator.__anext__()
            assert limit.expired
        frames = [item for item in garbage() if isinstance(item, FrameType)]
        ours = [frame for frame in frames if "aio_values" in frame.f_code.co_filename]
    finally:
        gc.enable()
    assert ours == []
