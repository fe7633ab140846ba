"""accessor: shared access to a value under a condition."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trio
from aio_values import accessor

if TYPE_CHECKING:
    from collections.abc import Callable

    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


async def test_value_is_none_at_first_and_then_what_was_set() -> None:
    number = accessor()
    assert number.value is None
    await number.set(1)
    assert number.value == 1


async def test_get_waits_for_the_next_write(runtime: Runtime) -> None:
    number = accessor()
    await number.set(1)
    async with runtime.tasks() as tasks:
        readers = [await tasks.block(number.get) for _ in range(2)]
        assert not any(reader.done for reader in readers)
        await number.set(2)
        assert [await reader.result() for reader in readers] == [2, 2]


async def test_get_returns_the_write_that_ended_its_wait(runtime: Runtime) -> None:
    number = accessor()
    async with runtime.tasks() as tasks:
        any_ = await tasks.block(number.get)
        even = await tasks.block(number.get, lambda value: value is not None and value % 2 == 0)
        for value in (1, 2, 3):
            await number.set(value)
        assert [await any_.result(), await even.result()] == [1, 2]
    assert number.value == 3


async def test_predicate_that_matches_the_present_value_does_not_wait() -> None:
    number = accessor()
    await number.set(1)
    assert await number.get(lambda value: value == 1) == 1
    assert await number.get(wait_for_write=False) == 1
    assert await number.get(predicate=lambda _: True) == 1


async def test_predicate_with_wait_for_write_ignores_the_present_value(runtime: Runtime) -> None:
    number = accessor()
    await number.set(1)

    async def get() -> Any:
        return await number.get(predicate=lambda value: value == 1, wait_for_write=True)

    async with runtime.tasks() as tasks:
        reader = await tasks.block(get)
        assert not reader.done
        await number.set(2)
        await runtime.settle()
        assert not reader.done
        await number.set(1)
        assert await reader.result() == 1


async def test_notification_by_other_code_makes_reads_look_again_but_is_no_write(runtime: Runtime) -> None:
    state = {"value": 0}
    number = accessor((lambda: state["value"], lambda value: state.update(value=value)))

    async def change(value: int) -> None:
        async with number.condition:
            state["value"] = value
            number.condition.notify_all()

    async def next_odd() -> int:
        return await number.get(lambda value: value % 2 == 1, wait_for_write=True)

    async with runtime.tasks() as tasks:
        any_ = await tasks.block(number.get)
        seven = await tasks.block(number.get, lambda value: value == 7)
        odd = await tasks.block(next_odd)
        await change(7)
        assert await seven.result() == 7
        await runtime.settle()
        assert not any_.done
        assert not odd.done
        await number.set(2)
        assert await any_.result() == 2
        await change(9)
        assert await odd.result() == 9


async def test_functions_that_are_passed_give_and_take_the_value(runtime: Runtime) -> None:
    seen: list[int] = []

    def set_(value: int) -> None:
        if value < 0:
            raise ValueError(f"illegal value {value}")
        seen.append(value)

    number = accessor((lambda: seen[-1] * 10, set_))
    async with runtime.tasks() as tasks:
        reader = await tasks.block(number.get)
        with pytest.raises(ValueError, match="illegal value -1"):
            await number.set(-1)
        await runtime.settle()
        assert not reader.done
        await number.set(1)
        assert await reader.result() == 10
    assert number.value == 10
    assert not number.condition.locked()  # type: ignore[attr-defined]  # all conditions of the tests have it


# --- the waiting count ---------------------------------------------------------------------------------------------


async def test_write_waits_for_a_read(runtime: Runtime) -> None:
    number = accessor()
    async with runtime.tasks() as tasks:
        writer = await tasks.block(number.set, 1, True)
        assert number.value is None
        assert not writer.done
        reader = await tasks.block(number.get)
        assert await reader.result() == 1
        await writer.result()


async def test_write_that_waits_for_a_read_finds_one_that_waits_already(runtime: Runtime) -> None:
    number = accessor()
    async with runtime.tasks() as tasks:
        reader = await tasks.block(number.get)
        await number.set(1, wait_for_read=True)
        assert await reader.result() == 1


async def test_each_write_that_waits_for_a_read_has_a_read_of_its_own(runtime: Runtime) -> None:
    """A read that was satisfied no longer counts, even before its task has run."""
    number = accessor()
    got: list[object] = []

    async def read() -> None:
        while len(got) < 4:
            got.append(await number.get())

    async def write() -> None:
        for value in range(4):
            await number.set(value, wait_for_read=True)

    async with runtime.tasks() as tasks:
        writer = await tasks.block(write)
        await tasks.block(read)
        await writer.result()
    assert got == [0, 1, 2, 3]


async def test_writes_that_wait_for_a_read_are_served_in_order(runtime: Runtime) -> None:
    number = accessor()
    async with runtime.tasks() as tasks:
        writers = [await tasks.block(number.set, value, True) for value in range(4)]
        writers[1].cancel()
        await runtime.settle()
        got = []
        for _ in range(3):
            got.append(await number.get())
            await runtime.settle()
        assert got == [0, 2, 3]
        assert [writer.cancelled for writer in writers] == [False, True, False, False]


async def test_write_whose_setter_fails_lets_the_next_write_have_the_read(runtime: Runtime) -> None:
    stored: list[int] = []

    def set_(value: int) -> None:
        if value == 0:
            raise ValueError
        stored.append(value)

    number = accessor((lambda: stored[-1], set_))
    async with runtime.tasks() as tasks:
        failing = await tasks.block(number.set, 0, True)
        working = await tasks.block(number.set, 1, True)
        assert await number.get() == 1
        with pytest.raises(ValueError, match=r"^$"):
            await failing.result()
        await working.result()


async def test_has_waiting_read_is_true_while_a_get_waits(runtime: Runtime) -> None:
    number = accessor()

    async def wait() -> None:
        await number.has_waiting_read

    async with runtime.tasks() as tasks:
        assert not number.has_waiting_read
        watching = await tasks.block(wait)
        assert not watching.done
        await tasks.block(number.get)
        await watching.result()
        await number.has_waiting_read
        assert number.has_waiting_read
        await number.set(1)
        assert not number.has_waiting_read


async def test_cancelled_get_leaves_the_count_exact(runtime: Runtime) -> None:
    number = accessor()
    async with runtime.tasks() as tasks:
        reader = await tasks.block(number.get)
        reader.cancel()
        await runtime.settle()
        assert not number.has_waiting_read
        writer = await tasks.block(number.set, 1, True)
        assert not writer.done
        assert await number.get() == 1
        await writer.result()


async def test_get_cancelled_after_it_was_satisfied_leaves_the_count_exact(runtime: Runtime) -> None:
    number = accessor()
    async with runtime.tasks() as tasks:
        reader = await tasks.block(number.get)
        await number.set(1)
        reader.cancel()
        await runtime.settle()
        assert reader.done
        assert not number.has_waiting_read
        assert number.value == 1
        second = await tasks.block(number.get)
        assert number.has_waiting_read
        await number.set(2)
        assert await second.result() == 2


async def test_predicate_that_raises_fails_its_own_get_and_leaves_the_count_exact(runtime: Runtime) -> None:
    number = accessor()

    def fails(value: int | None) -> bool:
        return value is not None and 1 / value > 5

    async with runtime.tasks() as tasks:
        failing = await tasks.block(number.get, fails)
        healthy = await tasks.block(number.get)
        await number.set(0)
        with pytest.raises(ZeroDivisionError):
            await failing.result()
        assert await healthy.result() == 0
        assert not number.has_waiting_read
        with pytest.raises(ZeroDivisionError):
            await number.get(fails)
        assert not number.has_waiting_read
        writer = await tasks.block(number.set, 1, True)
        assert not writer.done


async def test_predicate_that_raises_a_cancellation_cancels_neither_side(runtime: Runtime) -> None:
    number = accessor()

    def cancelled(value: int | None) -> bool:
        raise asyncio.CancelledError

    async with runtime.tasks() as tasks:
        failing = await tasks.block(lambda: number.get(cancelled, wait_for_write=True))
        await number.set(0)
        with pytest.raises(RuntimeError, match="cancelled raised CancelledError"):
            await failing.result()


async def test_getter_that_raises_fails_the_reads_and_not_the_write(runtime: Runtime) -> None:
    number = accessor((lambda: 1 / 0, lambda value: None))
    async with runtime.tasks() as tasks:
        reader = await tasks.block(number.get)
        await number.set(1)
        with pytest.raises(ZeroDivisionError):
            await reader.result()
        with pytest.raises(ZeroDivisionError):
            await number.get(wait_for_write=False)


async def test_cancelled_write_sets_nothing_and_lets_the_next_go_on(runtime: Runtime) -> None:
    number = accessor()
    async with runtime.tasks() as tasks:
        first = await tasks.block(number.set, 1, True)
        second = await tasks.block(number.set, 2, True)
        reader = tasks.start(number.get)
        first.cancel()
        await runtime.settle()
        await reader.result()
        if first.cancelled:
            assert reader.outcome() == 2
            await second.result()
        else:
            assert reader.outcome() == 1


# --- conditions, errors, memory ------------------------------------------------------------------------------------


async def test_it_works_with_a_condition_that_is_passed(runtime: Runtime) -> None:
    own = {"asyncio": asyncio.Condition, "trio": trio.Condition}[runtime.library]
    for condition in (own(), anyio.Condition()):
        number = accessor(condition=condition)
        assert number.condition is condition
        assert number.has_waiting_read.condition is condition
        async with runtime.tasks() as tasks:
            writer = await tasks.block(number.set, 1, True)
            cancelled = await tasks.block(number.get, lambda value: value == 5)
            cancelled.cancel()
            await runtime.settle()
            assert await (await tasks.block(number.get, lambda value: value is not None)).result() == 1
            await writer.result()
            reader = await tasks.block(number.get)
            await number.set(2)
            assert await reader.result() == 2


async def test_two_accessors_may_share_a_condition(runtime: Runtime) -> None:
    first = accessor()
    second = accessor(condition=first.condition)
    async with runtime.tasks() as tasks:
        reader = await tasks.block(second.get)
        await first.set(1)
        await runtime.settle()
        assert not reader.done
        await second.set(2)
        assert await reader.result() == 2


async def test_accessor_without_a_setter_can_only_be_read() -> None:
    constant = accessor((lambda: 1, None), name="constant")
    assert constant.value == 1
    assert await constant.get(lambda value: value == 1) == 1
    with pytest.raises(AttributeError, match="accessor 'constant' has no setter"):
        await constant.set(2)
    with pytest.raises(AttributeError, match="would never end"):
        await constant.get()


async def test_predicate_that_cannot_be_called_is_refused() -> None:
    number: accessor[Any] = accessor()
    wrong: Any = 1
    with pytest.raises(ValueError, match="predicate must be callable with the value"):
        await number.get(wrong)
    assert not number.has_waiting_read


@pytest.mark.parametrize("funcs", [1, (len,), (1, len), (len, 1), (len, len, len)])
def test_functions_must_be_a_pair_of_callables(funcs: Any) -> None:
    with pytest.raises(TypeError, match="funcs"):
        accessor(funcs)


def test_condition_must_be_one() -> None:
    wrong: Any = asyncio.Lock()
    with pytest.raises(TypeError, match="condition must be an asyncio, trio or anyio Condition"):
        accessor(condition=wrong)


async def test_repr_tells_name_functions_and_who_waits(runtime: Runtime) -> None:
    get: Callable[[], int] = int
    number = accessor((get, print), name="number")
    async with runtime.tasks() as tasks:
        await tasks.block(number.get)
        assert repr(number) == (
            "<accessor 'number': fget=<class 'int'>, fset=<built-in function print>,"
            " 1 waiting to read, 0 waiting to write>"
        )
    assert repr(accessor()).startswith("<accessor: fget=")


async def test_dropped_accessor_is_gone_at_once_and_leaves_no_garbage(runtime: Runtime) -> None:
    async with runtime.tasks() as tasks:
        number = accessor()
        for value in range(10):
            reader = await tasks.block(number.get)
            await number.set(value)
            await reader.result()
    gone = weakref.ref(number)
    del reader, tasks
    gc.collect()
    gc.disable()
    try:
        del number
        assert gone() is None
    finally:
        gc.enable()
