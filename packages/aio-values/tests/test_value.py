"""Waiting for a value: what wakes a wait, what it returns, what it leaves behind."""

from __future__ import annotations

import copy
import math
import pickle
import weakref
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from aio_values import AsyncBool, AsyncValue, awaitable_predicate, equals

if TYPE_CHECKING:
    from collections.abc import Callable

    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


async def test_matching_value_returns_at_once(runtime: Runtime) -> None:
    value = AsyncValue(5)
    start = runtime.time()
    assert await value.wait_value(5) == 5
    assert await value.wait_value(lambda number: number > 4) == 5
    assert await value.wait_value(5, timeout=0) == 5
    assert runtime.time() == start


async def test_satisfied_wait_is_a_checkpoint_on_trio_and_none_on_asyncio(runtime: Runtime) -> None:
    value = AsyncValue(5)
    others = []

    async def other() -> None:
        others.append("ran")

    async with runtime.tasks() as tasks:
        handle = tasks.start(other)
        await value.wait_value(5)
        await value.wait_value(5, timeout=1)
        await value.eventual_values().__anext__()
        assert others == ([] if runtime.library == "asyncio" else ["ran"])
        await handle.wait()


async def test_wait_returns_the_value_that_matched_even_if_it_changed_since(runtime: Runtime) -> None:
    value = AsyncValue(0)
    async with runtime.tasks() as tasks:
        plain = await tasks.block(value.wait_value, 5)
        predicate = await tasks.block(value.wait_value, lambda number: number > 3)
        transition = await tasks.block(value.wait_transition)
        for number in (1, 5, 6, 0):
            value.value = number
        assert await plain.result() == 5
        assert await predicate.result() == 5
        assert await transition.result() == (1, 0)
    assert value.statistics() == (0, 0)


async def test_waits_that_share_a_predicate_each_get_the_value_that_woke_them(runtime: Runtime) -> None:
    value = AsyncValue(0)
    calls: list[int] = []

    def positive(number: int) -> bool:
        calls.append(number)
        return number > 0

    async with runtime.tasks() as tasks:
        first = await tasks.block(value.wait_value, positive)
        value.value = 1
        # The first is awake but has not run; the second must not get its value.
        value.value = 0
        second = tasks.start(value.wait_value, positive)
        await runtime.settle()
        value.value = 2
        assert [await first.result(), await second.result()] == [1, 2]


async def test_predicate_shared_by_many_waits_is_called_once_for_each_assignment(runtime: Runtime) -> None:
    value = AsyncValue(0)
    calls: list[int] = []

    class Judge:
        def positive(self, number: int) -> bool:
            calls.append(number)
            return number > 0

    judge = Judge()
    async with runtime.tasks() as tasks:
        # A method is a new object each time it is looked up, and the same predicate all the same.
        waits = [await tasks.block(value.wait_value, judge.positive) for _ in range(5)]
        held = await tasks.block(lambda: value.wait_value(judge.positive, held_for=1))
        calls.clear()
        value.value = -1
        assert calls == [-1]
        value.value = 1
        assert calls == [-1, 1]
        assert [await wait.result() for wait in waits] == [1] * 5
        assert await held.result() == 1


async def test_transition_matches_value_and_predicate_of_both(runtime: Runtime) -> None:
    value = AsyncValue("a")
    async with runtime.tasks() as tasks:
        to_c = await tasks.block(value.wait_transition, "c")
        from_b = await tasks.block(value.wait_transition, lambda new, old: old == "b")
        for letter in "abcd":
            value.value = letter
        assert await to_c.result() == ("c", "b")
        assert await from_b.result() == ("c", "b")


async def test_assigning_an_equal_value_changes_nothing(runtime: Runtime) -> None:
    kept = [1]
    value = AsyncValue(kept)
    async with runtime.tasks() as tasks:
        wait = await tasks.block(value.wait_transition)
        value.value = [1]
        await runtime.settle()
        assert not wait.done
        assert value.value is kept


async def test_held_for_starts_anew_when_the_value_stops_matching(runtime: Runtime) -> None:
    value = AsyncValue(0)
    start = runtime.time()
    async with runtime.tasks() as tasks:
        held = await tasks.block(lambda: value.wait_value(lambda number: number > 0, held_for=2))
        value.value = 1
        await runtime.sleep(1.5)
        value.value = 0
        await runtime.sleep(1)
        value.value = 2
        await runtime.sleep(1)
        value.value = 3
        assert await held.result() == 3
        assert runtime.time() == pytest.approx(start + 4.5)
    assert value.statistics() == (0, 0)


async def test_held_for_an_equal_value(runtime: Runtime) -> None:
    value = AsyncValue(5)
    start = runtime.time()
    async with runtime.tasks() as tasks:
        held = await tasks.block(lambda: value.wait_value(5, held_for=3))
        await runtime.sleep(1)
        value.value = 6
        value.value = 5
        assert await held.result() == 5
        assert runtime.time() == pytest.approx(start + 4)


async def test_held_for_returns_the_latest_value_of_the_stretch_that_lasted(runtime: Runtime) -> None:
    value = AsyncValue(1)
    async with runtime.tasks() as tasks:
        held = await tasks.block(lambda: value.wait_value(lambda number: number > 0, held_for=1))
        value.value = 2
        # In the same instant in which the time is over, and before the waiting task has run again.
        other = tasks.start(_set_after, runtime, value, 1, -1)
        assert await held.result() == 2
        await other.wait()
    assert value.statistics() == (0, 0)


async def _set_after(runtime: Runtime, value: AsyncValue[int], seconds: float, number: int) -> None:
    await runtime.sleep(seconds)
    value.value = number


async def test_timeout_says_what_was_awaited_the_last_value_and_the_time(runtime: Runtime) -> None:
    value = AsyncValue(3)
    start = runtime.time()

    def enormous(number: int) -> bool:
        return number > 1000

    with pytest.raises(TimeoutError) as error:
        await value.wait_value(enormous, timeout=2.5)
    for part in ("enormous", "2.5 s", "last value was 3"):
        assert part in str(error.value)
    assert runtime.time() == pytest.approx(start + 2.5)
    if runtime.library == "trio":
        import trio

        assert isinstance(error.value, trio.TooSlowError)
    with pytest.raises(TimeoutError, match=r"wait_transition\(4\).*1 s"):
        await value.wait_transition(4, timeout=1)
    with pytest.raises(TimeoutError, match=r"wait_value\(3, held_for=5\)"):
        await value.wait_value(3, held_for=5, timeout=1)
    with pytest.raises(TimeoutError, match="wait_value"):
        await value.wait_value(4, timeout=0)
    assert value.statistics() == (0, 0)


async def test_held_for_as_long_as_the_timeout_succeeds(runtime: Runtime) -> None:
    assert await AsyncValue(3).wait_value(3, held_for=2, timeout=2) == 3


async def test_wakeup_in_time_is_not_lost_to_a_timeout_in_the_same_instant(runtime: Runtime) -> None:
    value = AsyncValue(0)
    async with runtime.tasks() as tasks:
        wait = await tasks.block(lambda: value.wait_value(1, timeout=5))
        tasks.start(_set_after, runtime, value, 5, 1)
        try:
            assert await wait.result() == 1
        except TimeoutError:
            assert value.value in {0, 1}
    assert value.statistics() == (0, 0)


async def test_infinite_timeout_is_none(runtime: Runtime) -> None:
    value = AsyncValue(0)
    async with runtime.tasks() as tasks:
        wait = await tasks.block(lambda: value.wait_value(1, timeout=math.inf))
        value.value = 1
        assert await wait.result() == 1


@pytest.mark.parametrize("kind", [Fraction, Decimal])
async def test_times_may_be_real_numbers_of_any_kind(runtime: Runtime, kind: Any) -> None:
    value = AsyncValue(0)
    start = runtime.time()
    assert await value.wait_value(0, held_for=kind("0.5")) == 0
    assert await value.eventual_values(held_for=kind("0.5")).__anext__() == 0
    with pytest.raises(TimeoutError, match=r"held_for=0\.5.*after 0\.25 s"):
        await value.wait_value(0, held_for=kind("0.5"), timeout=kind("0.25"))
    with pytest.raises(TimeoutError, match=r"after 0\.25 s"):
        await value.wait_transition(timeout=kind("0.25"))
    with value.expecting(1) as expected, pytest.raises(TimeoutError, match=r"after 0\.25 s"):
        await expected.wait(timeout=kind("0.25"))
    with pytest.raises(TimeoutError, match="did not hold within"):
        await awaitable_predicate(lambda: False, timeout=kind("0.25"))
    assert runtime.time() == pytest.approx(start + 2)


@pytest.mark.parametrize("bad", [-1, math.nan])
async def test_negative_times_are_errors(bad: float) -> None:
    value = AsyncValue(0)
    with pytest.raises(ValueError, match="timeout must be"):
        await value.wait_value(1, timeout=bad)
    with pytest.raises(ValueError, match="timeout must be"):
        await value.wait_transition(timeout=bad)
    with pytest.raises(ValueError, match="held_for must be"):
        await value.wait_value(1, held_for=bad)
    with pytest.raises(ValueError, match="held_for must be"):
        value.eventual_values(held_for=bad)
    with pytest.raises(TypeError, match="held_for must be a number"):
        await value.wait_value(1, held_for="soon")  # type: ignore[arg-type]  # what is tested
    assert value.statistics() == (0, 0)


@pytest.mark.parametrize("target", [5, lambda number: number == 5, [5]], ids=["plain", "predicate", "unhashable"])
async def test_cancelled_waits_leave_no_trace(runtime: Runtime, target: Any) -> None:
    value: AsyncValue[Any] = AsyncValue(0)
    async with runtime.tasks() as tasks:
        waits = [
            await tasks.block(value.wait_value, target),
            await tasks.block(value.wait_transition, target if not callable(target) else lambda new, _: target(new)),
            await tasks.block(lambda: value.wait_value(target, timeout=10)),
            await tasks.block(lambda: value.wait_value(0, held_for=10)),
            await tasks.block(value.eventual_values(target).__anext__),
            await tasks.block(value.transitions().__anext__),
        ]
        survivor = await tasks.block(value.wait_value, target)
        assert value.statistics().waiting == 7
        for wait in waits:
            wait.cancel()
        await runtime.settle()
        assert all(wait.cancelled for wait in waits)
        assert value.statistics().waiting == 1
        value.value = [5] if target == [5] else 5
        assert await survivor.result() == value.value


async def test_assignment_between_cancellation_and_the_tasks_next_step_is_harmless(runtime: Runtime) -> None:
    value = AsyncValue(0)
    async with runtime.tasks() as tasks:
        wait = await tasks.block(value.wait_value, 5)
        other = await tasks.block(value.wait_value, 5)
        wait.cancel()
        value.value = 5
        await runtime.settle()
        assert wait.cancelled
        assert await other.result() == 5
    assert value.statistics() == (0, 0)


async def test_assignment_right_before_a_cancellation_is_harmless(runtime: Runtime) -> None:
    value = AsyncValue(0)
    async with runtime.tasks() as tasks:
        wait = await tasks.block(value.wait_value, 5)
        value.value = 5
        wait.cancel()
        await runtime.settle()
        assert wait.done
    assert value.statistics() == (0, 0)


async def test_error_and_cancellation_in_one_moment_leave_nothing_unretrieved(runtime: Runtime) -> None:
    value = AsyncValue(0)

    def fail(number: int) -> bool:
        if number:
            raise KeyError(number)
        return False

    async with runtime.tasks() as tasks:
        wait = await tasks.block(value.wait_value, fail)
        value.value = 1
        wait.cancel()
        await runtime.settle()
        assert wait.done
        if not wait.cancelled:
            with pytest.raises(KeyError):
                wait.outcome()


async def test_touch_announces_a_mutation(runtime: Runtime) -> None:
    names = ["a"]
    value = AsyncValue(names)
    async with runtime.tasks() as tasks:
        longer = await tasks.block(value.wait_value, lambda names: len(names) > 1)
        transition = await tasks.block(value.wait_transition)
        equal = await tasks.block(value.wait_value, ["a", "b"])
        iterator = value.eventual_values()
        assert await iterator.__anext__() == ["a"]
        names.append("b")
        value.touch()
        assert await longer.result() is names
        assert await transition.result() == (names, names)
        assert await equal.result() is names
        assert await iterator.__anext__() is names
        busy = await tasks.block(iterator.__anext__)
        assert not busy.done


async def test_change_policies(runtime: Runtime) -> None:
    policies: list[tuple[Any, list[bool]]] = [
        # assigned: the same object, an equal one, another one
        ("equality", [False, False, True]),
        ("identity", [False, True, True]),
        ("always", [True, True, True]),
        (lambda old, new: len(old) != len(new), [False, False, False]),
    ]
    for policy, expected in policies:
        seen = []
        for make in (lambda old: old, list, lambda old: ["other"]):
            value = AsyncValue(["one"], changed=policy)
            async with runtime.tasks() as tasks:
                wait = await tasks.block(value.wait_transition)
                value.value = make(value.value)
                await runtime.settle()
                seen.append(wait.done)
        assert seen == expected, policy


async def test_eventual_values_follow_the_change_policy(runtime: Runtime) -> None:
    value = AsyncValue(1, changed="always")
    iterator = value.eventual_values()
    assert await iterator.__anext__() == 1
    value.value = 1
    assert await iterator.__anext__() == 1
    async with runtime.tasks() as tasks:
        assert not (await tasks.block(iterator.__anext__)).done


async def test_bad_change_policy_is_an_error() -> None:
    for bad in ("sometimes", 3):
        with pytest.raises(TypeError, match="changed must be"):
            AsyncValue(0, changed=bad)  # type: ignore[arg-type]  # what is tested


async def test_change_policy_that_raises_stops_the_assignment(runtime: Runtime) -> None:
    def changed(old: int, new: int) -> bool:
        raise LookupError(old, new)

    value = AsyncValue(0, changed=changed)
    async with runtime.tasks() as tasks:
        wait = await tasks.block(value.wait_transition)
        with pytest.raises(LookupError):
            value.value = 1
        await runtime.settle()
        assert value.value == 0
        assert not wait.done


async def test_bool_waits_for_both(runtime: Runtime) -> None:
    flag = AsyncBool()
    assert flag.value is False
    async with runtime.tasks() as tasks:
        up = await tasks.block(flag.wait_value, True)
        change = await tasks.block(flag.wait_transition, False)
        flag.value = True
        flag.value = False
        assert await up.result() is True
        assert await change.result() == (False, True)
    assert AsyncBool(True).value is True


async def test_repr_tells_value_and_dependants(runtime: Runtime) -> None:
    value = AsyncValue(5)
    assert repr(value) == "<AsyncValue: 5>"
    async with runtime.tasks() as tasks:
        await tasks.block(value.wait_value, 6)
        with value.open_transform(str) as text:
            assert repr(value) == "<AsyncValue: 5, 1 waiting, 1 derived>"
            assert "'5'" in repr(text)
    assert repr(equals(5)) == "equals(5)"
    assert weakref.ref(value)() is value


@pytest.mark.parametrize("take", [copy.copy, copy.deepcopy, pickle.dumps])
async def test_value_cannot_be_copied(take: Callable[[object], object]) -> None:
    value = AsyncValue(1)
    with value.open_transform(str) as derived:
        for one in (value, derived, AsyncBool()):
            with pytest.raises(TypeError, match="cannot be copied or pickled"):
                take(one)


async def test_value_made_and_assigned_with_no_loop_running_serves_later() -> None:
    """Runs in a loop like every body here, but the value of this module was made and assigned at import."""
    assert await MADE_AT_IMPORT.wait_value(2) == 2


MADE_AT_IMPORT = AsyncValue(1)
MADE_AT_IMPORT.value = 2


async def test_one_assignment_wakes_those_who_wait_in_order_of_arrival(runtime: Runtime) -> None:
    value = AsyncValue(0)
    woken: list[int] = []

    async def wait(number: int) -> None:
        await value.wait_value(5)
        woken.append(number)

    async with runtime.tasks() as tasks:
        for number in range(5):
            await tasks.block(wait, number)
        value.value = 5
        await runtime.settle()
    # trio runs the tasks of one turn in any order.
    assert (woken if runtime.library == "asyncio" else sorted(woken)) == [0, 1, 2, 3, 4]
