"""AsyncDictionary: a dictionary whose get and pop can wait."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import pytest
from aio_values import AsyncDictionary

if TYPE_CHECKING:
    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


async def test_get_wait_returns_a_present_value_and_leaves_it() -> None:
    d = AsyncDictionary({"a": 1})
    assert await d.get_wait("a") == 1
    assert d == {"a": 1}


async def test_pop_wait_takes_a_present_value() -> None:
    d = AsyncDictionary({"a": 1})
    assert await d.pop_wait("a") == 1
    assert d == {}


async def test_get_wait_returns_the_value_that_is_assigned_later(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        getters = [await tasks.block(d.get_wait, "a") for _ in range(3)]
        d["a"] = 1
        assert [await getter.result() for getter in getters] == [1, 1, 1]
    assert d == {"a": 1}


async def test_get_wait_returns_what_ended_its_wait_even_if_it_is_gone(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        getter = await tasks.block(d.get_wait, "a")
        d["a"] = 1
        d["a"] = 2
        del d["a"]
        assert await getter.result() == 1


async def test_several_pops_are_served_in_order_each_value_to_one(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        poppers = [await tasks.block(d.pop_wait, "a") for _ in range(3)]
        d["a"] = 1
        d["a"] = 2
        await runtime.settle()
        assert [popper.done for popper in poppers] == [True, True, False]
        d["a"] = 3
        assert [await popper.result() for popper in poppers] == [1, 2, 3]
    assert d == {}


async def test_a_value_given_to_a_pop_is_never_seen_in_the_dictionary(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        popper = await tasks.block(d.pop_wait, "a")
        d["a"] = 1
        assert "a" not in d
        assert list(d) == []
        assert await popper.result() == 1


async def test_waiting_gets_come_before_the_pop_whatever_the_order_of_arrival(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        first_popper = await tasks.block(d.pop_wait, "a")
        getter = await tasks.block(d.get_wait, "a")
        second_popper = await tasks.block(d.pop_wait, "a")
        d["a"] = 1
        assert await getter.result() == 1
        assert await first_popper.result() == 1
        assert not second_popper.done


async def test_other_keys_do_not_wake_a_wait(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        getter = await tasks.block(d.get_wait, "a")
        popper = await tasks.block(d.pop_wait, "a")
        d["b"] = 1
        await runtime.settle()
        assert not getter.done
        assert not popper.done


async def test_is_waiting_tells_of_gets_and_of_pops_and_forgets_cancelled_ones(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    assert not d.is_waiting("g")
    async with runtime.tasks() as tasks:
        getter = await tasks.block(d.get_wait, "g")
        popper = await tasks.block(d.pop_wait, "p")
        assert d.is_waiting("g")
        assert d.is_waiting("p")
        getter.cancel()
        await runtime.settle()
        assert not d.is_waiting("g")
        assert d.is_waiting("p")
        d["p"] = 1
        assert not d.is_waiting("p")
        assert await popper.result() == 1


async def test_update_and_setdefault_serve_waiting_tasks(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        popper = await tasks.block(d.pop_wait, "a")
        getter = await tasks.block(d.get_wait, "b")
        d.update(a=1, b=2)
        assert await popper.result() == 1
        assert await getter.result() == 2
        assert d == {"b": 2}
        popper = await tasks.block(d.pop_wait, "c")
        assert d.setdefault("c", 3) == 3
        assert await popper.result() == 3
        assert d.setdefault("b", 4) == 2
    assert d == {"b": 2}


async def test_clear_and_del_leave_waiting_tasks_waiting(runtime: Runtime) -> None:
    d = AsyncDictionary({"x": 0})
    async with runtime.tasks() as tasks:
        popper = await tasks.block(d.pop_wait, "a")
        d.clear()
        with pytest.raises(KeyError):
            del d["a"]
        await runtime.settle()
        assert not popper.done
        d["a"] = 1
        assert await popper.result() == 1


# --- cancellation --------------------------------------------------------------------------------------------------


async def test_cancelled_waits_leave_no_trace(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        waits = [await tasks.block(function, "a") for function in (d.get_wait, d.pop_wait)]
        for wait in waits:
            wait.cancel()
        await runtime.settle()
        assert [wait.cancelled for wait in waits] == [True, True]
    assert not d.is_waiting("a")
    d["a"] = 1
    assert d == {"a": 1}
    assert repr(d) == "AsyncDictionary({'a': 1})"


async def test_pop_cancelled_before_its_wakeup_does_not_get_the_value(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        first = await tasks.block(d.pop_wait, "a")
        second = await tasks.block(d.pop_wait, "a")
        first.cancel()
        d["a"] = 1
        await runtime.settle()
        assert first.cancelled or first.outcome() == 1
        if first.cancelled:
            assert await second.result() == 1
        assert d == {}


async def test_pop_cancelled_after_its_wakeup_hands_its_value_to_the_next(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        first = await tasks.block(d.pop_wait, "a")
        second = await tasks.block(d.pop_wait, "a")
        d["a"] = 1
        first.cancel()
        await runtime.settle()
        taker, waiting = (second, first) if first.cancelled else (first, second)
        assert taker.outcome() == 1
        assert waiting.cancelled or not waiting.done
        assert d == {}


async def test_value_of_a_cancelled_pop_stays_in_the_dictionary_if_nobody_waits(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        popper = await tasks.block(d.pop_wait, "a")
        d["a"] = 1
        popper.cancel()
        await runtime.settle()
        assert d == ({"a": 1} if popper.cancelled else {})


async def test_value_of_a_cancelled_pop_wakes_gets_that_came_meanwhile(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        popper = await tasks.block(d.pop_wait, "a")
        getter = tasks.start(d.get_wait, "a")
        d["a"] = 1
        popper.cancel()
        await runtime.settle()
        assert popper.cancelled == getter.done
        assert d == ({"a": 1} if popper.cancelled else {})
        if getter.done:
            assert getter.outcome() == 1


async def test_newer_value_is_not_replaced_by_that_of_a_cancelled_pop(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        popper = await tasks.block(d.pop_wait, "a")
        d["a"] = 1
        d["a"] = 2
        popper.cancel()
        await runtime.settle()
        assert d == {"a": 2}


async def test_cancelled_pops_leave_things_as_if_they_had_never_waited(runtime: Runtime) -> None:
    """Three values for three waiting pops; those that are cancelled in the same moment shift the rest up."""
    for cancelled in ([0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2], [1, 0]):
        d: AsyncDictionary[str, int] = AsyncDictionary()
        async with runtime.tasks() as tasks:
            poppers = [await tasks.block(d.pop_wait, "a") for _ in range(3)]
            for value in (1, 2, 3):
                d["a"] = value
            for index in cancelled:
                poppers[index].cancel()
            await runtime.settle()
            if not any(popper.cancelled for popper in poppers):
                # trio, and anyio, do not cancel a task that has been woken.
                assert [popper.outcome() for popper in poppers] == [1, 2, 3]
                continue
            remaining = [popper for index, popper in enumerate(poppers) if index not in cancelled]
            assert [popper.outcome() for popper in remaining] == [1, 2, 3][: len(remaining)]
            assert d == {"a": 3}


async def test_cancelled_before_it_takes_a_present_value_takes_nothing(runtime: Runtime) -> None:
    d = AsyncDictionary({"a": 1})
    async with runtime.tasks() as tasks:
        popper = tasks.start(d.pop_wait, "a")
        popper.cancel()
        await runtime.settle()
        assert d == ({"a": 1} if popper.cancelled else {})


# --- set_exception -------------------------------------------------------------------------------------------------


async def test_set_exception_makes_waiting_gets_and_pops_raise(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    error = ConnectionError("gone")
    async with runtime.tasks() as tasks:
        waits = [await tasks.block(function, "a") for function in (d.get_wait, d.pop_wait, d.get_wait, d.pop_wait)]
        other = await tasks.block(d.get_wait, "b")
        assert d.set_exception("a", error) == 4
        assert not d.is_waiting("a")
        for wait in waits:
            with pytest.raises(ConnectionError) as caught:
                await wait.result()
            assert caught.value is error
        assert not other.done


async def test_every_task_that_raises_the_exception_shows_its_own_way_and_no_others(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    lengths = []

    async def pop() -> None:
        try:
            await d.pop_wait("a")
        except ConnectionError as error:
            lengths.append(len(traceback.extract_tb(error.__traceback__)))

    async with runtime.tasks() as tasks:
        for _ in range(3):
            await tasks.block(pop)
        d.set_exception("a", ConnectionError())
        await runtime.settle()
    assert len(lengths) == 3
    assert len(set(lengths)) == 1


async def test_set_exception_stores_nothing_and_leaves_a_present_value(runtime: Runtime) -> None:
    d = AsyncDictionary({"a": 1})
    assert d.set_exception("a", ConnectionError()) == 0
    assert d.set_exception("b", ConnectionError()) == 0
    assert await d.get_wait("a") == 1
    assert d == {"a": 1}
    async with runtime.tasks() as tasks:
        popper = await tasks.block(d.pop_wait, "b")
        d["b"] = 2
        assert await popper.result() == 2


async def test_wait_cancelled_after_set_exception_makes_no_noise(runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        waits = [await tasks.block(function, "a") for function in (d.get_wait, d.pop_wait)]
        d.set_exception("a", ConnectionError())
        for wait in waits:
            wait.cancel()
        await runtime.settle()
        for wait in waits:
            if not wait.cancelled:
                with pytest.raises(ConnectionError):
                    wait.outcome()
    assert not d.is_waiting("a")


@pytest.mark.parametrize("wrong", [ConnectionError, "gone", None, StopIteration()])
async def test_set_exception_refuses_what_a_coroutine_cannot_raise(wrong: Any, runtime: Runtime) -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        popper = await tasks.block(d.pop_wait, "a")
        with pytest.raises(TypeError, match="set_exception"):
            d.set_exception("a", wrong)
        await runtime.settle()
        assert not popper.done


# --- a dictionary --------------------------------------------------------------------------------------------------


def test_it_is_a_mutable_mapping_made_like_a_dict() -> None:
    assert isinstance(AsyncDictionary(), MutableMapping)
    assert AsyncDictionary([("a", 1)]) == {"a": 1}
    assert AsyncDictionary({"a": 1}, b=2) == {"a": 1, "b": 2}
    assert AsyncDictionary(self=1, items=2) == {"self": 1, "items": 2}
    with pytest.raises(TypeError):
        AsyncDictionary(1)  # type: ignore[call-overload]  # that is the point


def test_it_behaves_as_a_dict() -> None:
    d = AsyncDictionary({"a": 1, "b": 2, "c": 3})
    assert list(d) == ["a", "b", "c"]
    assert list(reversed(d)) == ["c", "b", "a"]
    assert list(d.items()) == [("a", 1), ("b", 2), ("c", 3)]
    assert list(d.values()) == [1, 2, 3]
    assert len(d) == 3
    assert d["a"] == 1
    assert d.get("x") is None
    assert d.pop("x", 9) == 9
    assert d.popitem() == ("c", 3)
    del d["a"]
    assert d == {"b": 2}
    d.clear()
    assert not d
    for missing in (lambda: d["x"], lambda: d.pop("x"), d.popitem):
        with pytest.raises(KeyError):
            missing()
    with pytest.raises(TypeError, match="unhashable"):
        d[[]] = 1  # type: ignore[index]  # that is the point


def test_changing_it_while_iterating_is_an_error_as_for_a_dict() -> None:
    d = AsyncDictionary({"a": 1})
    with pytest.raises(RuntimeError, match="changed size"):
        for _ in d:
            d["b"] = 2


async def test_repr_tells_the_items_and_which_keys_are_waited_for(runtime: Runtime) -> None:
    d = AsyncDictionary({"a": 1})
    assert repr(d) == "AsyncDictionary({'a': 1})"
    async with runtime.tasks() as tasks:
        await tasks.block(d.pop_wait, "b")
        await tasks.block(d.get_wait, "c")
        await tasks.block(d.pop_wait, "c")
        assert repr(d) == "AsyncDictionary({'a': 1}, waiting for ['c', 'b'])"


async def test_copies_and_pickles_hold_the_items_and_not_the_waits(runtime: Runtime) -> None:
    d: AsyncDictionary[str, list[int]] = AsyncDictionary({"a": [1]})
    async with runtime.tasks() as tasks:
        popper = await tasks.block(d.pop_wait, "b")
        shallow, deep, pickled = copy.copy(d), copy.deepcopy(d), pickle.loads(pickle.dumps(d))
        assert shallow == deep == pickled == d
        assert shallow["a"] is d["a"]
        assert deep["a"] is not d["a"]
        shallow["b"] = [2]
        assert "b" not in d
        await runtime.settle()
        assert not popper.done


async def test_copy_of_a_subclass_has_what_it_adds_and_needs_no_arguments() -> None:
    class Tagged(AsyncDictionary[str, int]):
        def __init__(self, tag: str, **items: int) -> None:
            super().__init__(items)
            self.tag = tag

    class Slotted(AsyncDictionary[str, int]):
        __slots__ = ("tag",)
        tag: str

    tagged = Tagged("t", a=1)
    slotted = Slotted(a=1)
    slotted.tag = "t"
    both: list[Any] = [tagged, slotted]
    for one in both:
        for made in (copy.copy(one), copy.deepcopy(one), one.copy()):
            assert type(made) is type(one)
            assert made.tag == "t"
            assert made == {"a": 1}
            made["b"] = await made.get_wait("a")
            assert "b" not in one


def test_a_dictionary_that_contains_itself_can_be_copied_and_pickled() -> None:
    d: AsyncDictionary[str, Any] = AsyncDictionary()
    d["self"] = d
    for made in (copy.deepcopy(d), pickle.loads(pickle.dumps(d))):
        assert made["self"] is made


async def test_dictionaries_are_joined_as_dicts_are(runtime: Runtime) -> None:
    d = AsyncDictionary({"a": 1, "b": 2})
    joined = d | {"b": 3, "c": 4}
    assert type(joined) is AsyncDictionary
    assert joined == {"a": 1, "b": 3, "c": 4}
    joined = {"b": 3, "c": 4} | d
    assert type(joined) is AsyncDictionary
    assert list(joined.items()) == [("b", 2), ("c", 4), ("a", 1)]
    assert d == {"a": 1, "b": 2}
    assert AsyncDictionary({"x": 0}) | d == {"x": 0, "a": 1, "b": 2}
    with pytest.raises(TypeError, match="unsupported operand"):
        d | 3  # type: ignore[operator]  # what is tested
    with pytest.raises(TypeError, match="unsupported operand"):
        3 | d  # type: ignore[operator]  # what is tested
    async with runtime.tasks() as tasks:
        popper = await tasks.block(d.pop_wait, "c")
        getter = await tasks.block(d.get_wait, "e")
        same = d
        d |= {"c": 5, "e": 6}
        assert d is same
        assert await popper.result() == 5
        assert await getter.result() == 6
    d |= [("f", 7)]
    assert d == {"a": 1, "b": 2, "e": 6, "f": 7}


def test_dictionary_made_from_keys() -> None:
    made = AsyncDictionary.fromkeys("ab", 1)
    assert type(made) is AsyncDictionary
    assert made == {"a": 1, "b": 1}
    assert AsyncDictionary.fromkeys("a") == {"a": None}


def test_waiting_outside_of_a_runtime_says_what_is_missing() -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    for function in (d.get_wait, d.pop_wait):
        with pytest.raises(RuntimeError, match="event loop or a trio task"):
            function("a").send(None)
    assert not d.is_waiting("a")


async def test_waits_leave_nothing_behind(runtime: Runtime) -> None:
    d: AsyncDictionary[int, int] = AsyncDictionary()
    async with runtime.tasks() as tasks:
        for key in range(100):
            waits = [await tasks.block(function, key) for function in (d.get_wait, d.pop_wait, d.pop_wait)]
            if key % 3 == 0:
                d.set_exception(key, ConnectionError())
            elif key % 3 == 1:
                d[key] = 1
            for wait in waits:
                wait.cancel()
            await runtime.settle()
            for wait in waits:
                if not wait.cancelled and key % 3 == 0:
                    with pytest.raises(ConnectionError):
                        wait.outcome()
    d.clear()
    assert [len(getattr(d, name)) for name in ("_values", "_getters", "_poppers")] == [0, 0, 0]
