"""awaitable_predicate: a truth value that can be awaited."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trio
from aio_values import awaitable_predicate

if TYPE_CHECKING:
    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


class Box:
    """Some state, and a predicate over it."""

    def __init__(self, condition: Any = None, timeout: float | None = None) -> None:
        self.value = 0
        self.is_one = awaitable_predicate(lambda: self.value == 1, condition, timeout)

    async def wait(self) -> int:
        await self.is_one
        return self.value

    async def put(self, value: int, notify: int | None = None) -> None:
        async with self.is_one.condition:
            self.value = value
            if notify is None:
                self.is_one.condition.notify_all()
            else:
                self.is_one.condition.notify(notify)


async def test_truth_is_that_of_the_predicate_now() -> None:
    box = Box()
    assert not box.is_one
    await box.put(1)
    assert box.is_one


async def test_await_returns_at_once_where_the_predicate_holds() -> None:
    box = Box()
    await box.put(1)
    assert await box.wait() == 1


async def test_await_returns_once_the_predicate_holds(runtime: Runtime) -> None:
    box = Box()
    async with runtime.tasks() as tasks:
        waiting = await tasks.block(box.wait)
        await box.put(2)
        await runtime.settle()
        assert not waiting.done
        await box.put(1)
        assert await waiting.result() == 1


async def test_it_can_be_awaited_again_and_again(runtime: Runtime) -> None:
    box = Box()
    async with runtime.tasks() as tasks:
        for _ in range(3):
            await box.put(0)
            waiting = await tasks.block(box.wait)
            assert not waiting.done
            await box.put(1)
            assert await waiting.result() == 1


async def test_several_tasks_await_it_and_each_is_cancelled_on_its_own(runtime: Runtime) -> None:
    box = Box()
    async with runtime.tasks() as tasks:
        first, second, third = [await tasks.block(box.wait) for _ in range(3)]
        assert box.is_one.waiting == 3
        second.cancel()
        await runtime.settle()
        assert second.cancelled
        assert box.is_one.waiting == 2
        assert not first.done
        assert not third.done
        await box.put(1)
        assert [await first.result(), await third.result()] == [1, 1]
    assert box.is_one.waiting == 0


async def test_single_notification_that_meets_a_cancellation_goes_to_another(runtime: Runtime) -> None:
    box = Box()
    async with runtime.tasks() as tasks:
        first, second = [await tasks.block(box.wait) for _ in range(2)]
        await box.put(1, notify=1)
        first.cancel()
        await runtime.settle()
        if first.cancelled:
            assert second.outcome() == 1
        else:
            assert first.outcome() == 1


async def test_error_of_the_predicate_reaches_those_who_await_it(runtime: Runtime) -> None:
    fails = False

    def predicate() -> bool:
        if fails:
            raise ZeroDivisionError
        return False

    awaitable = awaitable_predicate(predicate)

    async def wait() -> None:
        await awaitable

    async with runtime.tasks() as tasks:
        waiting = [await tasks.block(wait) for _ in range(2)]
        fails = True
        with pytest.raises(ZeroDivisionError):
            bool(awaitable)
        with pytest.raises(ZeroDivisionError):
            await awaitable
        async with awaitable.condition:
            awaitable.condition.notify()
        for task in waiting:
            with pytest.raises(ZeroDivisionError):
                await task.result()
    assert awaitable.waiting == 0


async def test_timeout_limits_each_await_and_says_what_was_awaited(runtime: Runtime) -> None:
    box = Box(timeout=3)
    start = runtime.time()
    for attempt in (1, 2):
        with pytest.raises(TimeoutError, match=r"<lambda>.* did not hold within 3 seconds") as caught:
            await box.is_one
        assert runtime.time() == pytest.approx(start + 3 * attempt)
        assert isinstance(caught.value, trio.TooSlowError) == (runtime.library == "trio")
    assert box.is_one.waiting == 0
    async with runtime.tasks() as tasks:
        waiting = await tasks.block(box.wait)
        await runtime.sleep(2)
        await box.put(1)
        assert await waiting.result() == 1


async def test_timeout_of_one_task_leaves_the_others_waiting(runtime: Runtime) -> None:
    box = Box(timeout=3)
    async with runtime.tasks() as tasks:
        early = await tasks.block(box.wait)
        await runtime.sleep(2)
        late = await tasks.block(box.wait)
        with pytest.raises(TimeoutError):
            await early.result()
        assert not late.done
        await box.put(1)
        assert await late.result() == 1


async def test_zero_timeout_asks_once() -> None:
    box = Box(timeout=0)
    with pytest.raises(TimeoutError):
        await box.is_one


async def test_it_works_with_a_condition_that_is_passed(runtime: Runtime) -> None:
    own = {"asyncio": asyncio.Condition, "trio": trio.Condition}[runtime.library]
    for condition in (own(), anyio.Condition()):
        box = Box(condition)
        assert box.is_one.condition is condition
        async with runtime.tasks() as tasks:
            first, second = [await tasks.block(box.wait) for _ in range(2)]
            first.cancel()
            await box.put(1)
            await runtime.settle()
            assert second.outcome() == 1


async def test_own_condition_is_that_of_the_runtime(runtime: Runtime) -> None:
    own = {"asyncio": asyncio.Condition, "trio": trio.Condition}[runtime.library]
    assert isinstance(Box().is_one.condition, own)


def test_own_condition_is_asyncios_outside_of_any_runtime() -> None:
    is_one = Box().is_one
    assert isinstance(is_one.condition, asyncio.Condition)
    assert is_one.condition is is_one.condition


async def test_repr_tells_the_predicate_and_how_many_wait(runtime: Runtime) -> None:
    awaitable = awaitable_predicate(lambda: False, timeout=5)

    async def wait() -> None:
        await awaitable

    async with runtime.tasks() as tasks:
        await tasks.block(wait)
        assert "<lambda>" in repr(awaitable)
        assert repr(awaitable).endswith(": 1 waiting, timeout 5>")


@pytest.mark.parametrize("wrong", [{"predicate": 1}, {"condition": asyncio.Lock()}, {"timeout": "1"}])
def test_arguments_of_wrong_type_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        awaitable_predicate(**{"predicate": bool, **wrong})


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_timeout_must_be_zero_or_more(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout must be zero or more seconds"):
        awaitable_predicate(bool, timeout=timeout)


def test_a_timeout_that_is_no_number_is_refused() -> None:
    with pytest.raises(TypeError, match="timeout must be a number of seconds"):
        awaitable_predicate(bool, timeout="1")  # type: ignore[arg-type]
