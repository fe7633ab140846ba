"""Conditions whose waiters are interrupted or cancelled: the lock is held, no notification and no exception is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import InterruptCondition, InterruptException, PriorityLock, task_throw
from suite_support.interleaving import passes, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "priority"])


class Waiter:
    """Waits for a condition, and tells how that ended and whether it had the lock then."""

    def __init__(self, condition: asyncio.Condition) -> None:
        self.condition = condition
        self.outcome: Any = None

    async def run(self) -> None:
        async with self.condition:
            try:
                self.outcome = await self.condition.wait()
            except BaseException as exc:
                self.outcome = exc
                raise
            finally:
                assert self.condition.locked()


async def waiting(condition: asyncio.Condition, spawn: Spawn, count: int) -> list[tuple[Waiter, asyncio.Task[None]]]:
    waiters = [Waiter(condition) for _ in range(count)]
    tasks = [spawn(waiter.run()) for waiter in waiters]
    await settle()
    return list(zip(waiters, tasks, strict=True))


@pytest.fixture(params=[None, asyncio.Lock, PriorityLock])
def condition(request: pytest.FixtureRequest) -> InterruptCondition:
    return InterruptCondition() if request.param is None else InterruptCondition(request.param())


async def test_it_is_a_condition(condition: InterruptCondition, spawn: Spawn) -> None:
    assert isinstance(condition, asyncio.Condition)
    with pytest.raises(RuntimeError, match="must be held"):
        await condition.wait()
    pairs = await waiting(condition, spawn, 3)
    async with condition:
        condition.notify(2)
    await settle()
    assert [waiter.outcome for waiter, _ in pairs] == [True, True, None]
    async with condition:
        condition.notify_all()
    await asyncio.gather(*(task for _, task in pairs))
    assert not condition.locked()


async def test_wait_for_waits_until_the_predicate_is_true(condition: InterruptCondition) -> None:
    values: list[int] = []

    async def run() -> bool:
        async with condition:
            return await condition.wait_for(lambda: len(values) == 2)

    task = asyncio.create_task(run())
    for value in range(2):
        await settle()
        assert not task.done()
        async with condition:
            values.append(value)
            condition.notify()
    assert await task is True


async def test_an_interrupted_waiter_gets_that_exception_with_the_lock_held(
    condition: InterruptCondition, spawn: Spawn
) -> None:
    [(waiter, task)] = await waiting(condition, spawn, 1)
    exc = InterruptException()
    task_throw(task, exc)
    await settle()
    assert waiter.outcome is exc
    assert task.cancelled()
    assert not condition.locked()


async def test_an_interrupt_while_the_lock_is_awaited_is_raised_when_it_is_held(
    condition: InterruptCondition, spawn: Spawn
) -> None:
    [(waiter, task)] = await waiting(condition, spawn, 1)
    exc = InterruptException()
    async with condition:
        condition.notify()
        await passes(3)
        task_throw(task, exc)
        await passes(3)
        assert waiter.outcome is None
    await settle()
    assert waiter.outcome is exc
    assert not condition.locked()


@pytest.mark.parametrize("how", ["interrupted", "cancelled"])
@pytest.mark.parametrize("when", ["woken", "waiting for the lock"])
async def test_a_notified_waiter_that_fails_hands_the_notification_on(
    condition: InterruptCondition, spawn: Spawn, how: str, when: str
) -> None:
    (first, task), (second, other) = await waiting(condition, spawn, 2)
    async with condition:
        condition.notify()
        if when == "waiting for the lock":
            await passes(3)
        if how == "interrupted":
            task_throw(task, InterruptException())
        else:
            task.cancel()
    await settle()
    assert isinstance(first.outcome, asyncio.CancelledError)
    assert isinstance(first.outcome, InterruptException) is (how == "interrupted")
    assert second.outcome is True
    assert other.done()
    assert not condition.locked()


async def test_a_waiter_that_fails_without_having_been_notified_wakes_nobody(
    condition: InterruptCondition, spawn: Spawn
) -> None:
    (_, task), (second, other) = await waiting(condition, spawn, 2)
    task_throw(task, InterruptException())
    await settle()
    assert task.done()
    assert second.outcome is None
    async with condition:
        condition.notify()
    await other


async def test_of_several_interrupts_the_last_is_raised_and_keeps_the_others(
    condition: InterruptCondition, spawn: Spawn
) -> None:
    [(waiter, task)] = await waiting(condition, spawn, 1)
    exceptions = [InterruptException(number) for number in range(3)]
    async with condition:
        for exc in exceptions:
            task_throw(task, exc)
            await passes(2)
    await settle()
    assert waiter.outcome is exceptions[2]
    assert exceptions[2].__context__ is exceptions[1]
    assert exceptions[1].__context__ is exceptions[0]


@pytest.mark.parametrize("cancelled_first", [False, True])
async def test_a_cancellation_goes_before_an_interrupt(
    condition: InterruptCondition, spawn: Spawn, cancelled_first: bool
) -> None:
    [(waiter, task)] = await waiting(condition, spawn, 1)
    async with condition:
        for cancelled in (cancelled_first, not cancelled_first):
            if cancelled:
                task.cancel("really")
            else:
                task_throw(task, InterruptException())
            await passes(3)
    await settle()
    assert type(waiter.outcome) is asyncio.CancelledError
    assert waiter.outcome.args == ("really",)
    assert isinstance(waiter.outcome.__context__, InterruptException)
    assert not condition.locked()


async def test_another_exception_comes_out_as_well(condition: InterruptCondition, spawn: Spawn) -> None:
    [(waiter, task)] = await waiting(condition, spawn, 1)
    exc = ValueError()
    task_throw(task, exc)
    await settle()
    assert waiter.outcome is exc
    assert task.exception() is exc
    assert not condition.locked()


async def test_a_lock_that_fails_ends_the_wait() -> None:
    class Broken(asyncio.Lock):
        broken = False

        async def acquire(self) -> Any:
            if self.broken:
                raise ValueError("broken")
            return await super().acquire()

    lock = Broken()
    condition = InterruptCondition(lock)

    async def run() -> None:
        await condition.acquire()
        await condition.wait()

    task, other = asyncio.create_task(run()), asyncio.create_task(run())
    await settle()
    lock.broken = True
    await asyncio.Lock.acquire(lock)
    condition.notify()
    lock.release()
    with pytest.raises(ValueError, match="broken"):
        await task
    with pytest.raises(ValueError, match="broken"):
        await other


@pytest.mark.parametrize("wrong", [3, "lock", object()])
async def test_what_is_no_lock_is_refused_where_it_is_given(wrong: Any) -> None:
    with pytest.raises(TypeError, match="lock must be a lock such as"):
        InterruptCondition(wrong)
