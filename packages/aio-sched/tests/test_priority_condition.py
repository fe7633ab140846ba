"""A `PriorityCondition` wakes the most urgent first, loses no notification, and always comes out with its lock."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import InterruptException, PriorityCondition, PriorityLock, PriorityTask, task_throw
from suite_support.interleaving import passes, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

pytestmark = pytest.mark.asyncio


def start(coro: Coroutine[Any, Any, Any], priority: float = 0.0) -> PriorityTask[Any]:
    return PriorityTask(coro, priority=priority)


async def wait_once(condition: asyncio.Condition, order: list[object], what: object) -> None:
    async with condition:
        await condition.wait()
        assert condition.locked()
        order.append(what)


async def waiting(condition: asyncio.Condition, order: list[object], *priorities: float) -> list[PriorityTask[Any]]:
    tasks = []
    for priority in priorities:
        tasks.append(start(wait_once(condition, order, priority), priority))
        await settle()
    return tasks


LOCKS = pytest.mark.parametrize("lock", [None, PriorityLock, asyncio.Lock])


def condition_with(lock: Callable[[], asyncio.Lock] | None) -> PriorityCondition:
    return PriorityCondition() if lock is None else PriorityCondition(lock())


@LOCKS
async def test_notify_wakes_the_most_urgent(lock: Callable[[], asyncio.Lock] | None) -> None:
    condition = condition_with(lock)
    order: list[object] = []
    tasks = await waiting(condition, order, 3, 0, -2, 5)
    for expected in ([-2], [-2, 0], [-2, 0, 3]):
        async with condition:
            condition.notify()
        await settle()
        assert order == expected
    async with condition:
        condition.notify(100)
    await asyncio.gather(*tasks)
    assert order[-1] == 5


async def test_equals_are_notified_in_the_order_they_came() -> None:
    condition = PriorityCondition()
    order: list[object] = []
    tasks = [start(wait_once(condition, order, number), 1) for number in range(6)]
    await settle()
    async with condition:
        condition.notify(2)
    await settle()
    assert order == [0, 1]
    async with condition:
        condition.notify_all()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4, 5]


async def test_those_notified_together_come_out_by_priority() -> None:
    condition = PriorityCondition()
    order: list[object] = []
    tasks = await waiting(condition, order, 4, 2, 0, 3, 1)
    async with condition:
        condition.notify_all()
        await settle()
        tasks[0].priority_value = -1
    await asyncio.gather(*tasks)
    assert order == [4, 0, 1, 2, 3]


async def test_a_priority_changed_while_waiting_counts_at_once() -> None:
    condition = PriorityCondition()
    order: list[object] = []
    tasks = await waiting(condition, order, 0, 1, 2)
    tasks[2].priority_value = -1
    for _ in range(3):
        async with condition:
            condition.notify()
        await settle()
    assert order == [2, 0, 1]


def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


def interrupt(task: asyncio.Task[Any]) -> None:
    task_throw(task, InterruptException())


@LOCKS
@pytest.mark.parametrize("end", [cancel, interrupt])
@pytest.mark.parametrize("moment", range(5))
async def test_a_notification_is_never_lost_whenever_its_receiver_goes_away(
    end: Callable[[asyncio.Task[Any]], None],
    moment: int,
    lock: Callable[[], asyncio.Lock] | None,
    request: pytest.FixtureRequest,
) -> None:
    if end is interrupt and "uvloop" in request.node.name:
        pytest.skip("uvloop shows no ready queue to find a woken task in")
    condition = condition_with(lock)
    order: list[object] = []
    first, second, third = await waiting(condition, order, 0, 1, 2)
    await condition.acquire()
    condition.notify()
    # At 0 it has been notified and has not run; then it waits for the lock; from 3 on the lock is handed to it.
    for step in range(moment):
        if step == 2:
            condition.release()
        else:
            await asyncio.sleep(0)
    if not first.done():
        end(first)
    if moment <= 2:
        condition.release()
    await settle()
    assert order == ([1] if first.cancelled() else [0])
    assert not condition.locked()
    for task in (second, third):
        task.cancel()
    await settle()


async def test_a_task_cancelled_before_it_is_notified_wakes_nobody() -> None:
    condition = PriorityCondition()
    order: list[object] = []
    tasks = await waiting(condition, order, 0, 1)
    tasks[0].cancel()
    await settle()
    assert tasks[0].cancelled()
    assert not tasks[1].done()
    assert order == []
    tasks[1].cancel()
    await asyncio.wait(tasks)


async def test_the_lock_is_held_when_a_cancellation_comes_out_however_many_there_were() -> None:
    condition = PriorityCondition()
    held: list[bool] = []

    async def wait() -> None:
        async with condition:
            try:
                await condition.wait()
            finally:
                held.append(condition.locked())

    task = start(wait())
    await settle()
    await condition.acquire()
    for message in ("first", "second", "last"):
        task.cancel(message)
        await settle()
    assert not task.done()
    condition.release()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.args == ("last",)
    assert held == [True]
    assert not condition.locked()


async def test_the_very_exception_that_was_thrown_in_comes_out() -> None:
    condition = PriorityCondition()
    thrown = InterruptException("now")
    caught: list[BaseException] = []

    async def wait() -> None:
        async with condition:
            try:
                await condition.wait()
            except InterruptException as error:
                caught.append(error)
                assert condition.locked()

    task = start(wait())
    await settle()
    await condition.acquire()
    task_throw(task, thrown)
    await settle()
    condition.release()
    await task
    assert caught == [thrown]


@pytest.mark.parametrize("order", [(cancel, interrupt), (interrupt, cancel)])
async def test_a_cancellation_is_not_lost_to_an_interrupt(
    order: tuple[Callable[[asyncio.Task[Any]], None], ...],
) -> None:
    condition = PriorityCondition()
    caught: list[BaseException] = []

    async def wait() -> None:
        async with condition:
            try:
                await condition.wait()
            except asyncio.CancelledError as error:
                caught.append(error)

    task = start(wait())
    await settle()
    await condition.acquire()
    for end in order:
        end(task)
        await settle()
    condition.release()
    await task
    assert [type(error) for error in caught] == [asyncio.CancelledError]


async def test_wait_for_wakes_by_priority_and_checks_again() -> None:
    condition = PriorityCondition()
    items: list[int] = []
    got: list[tuple[float, int]] = []

    async def consume(priority: float) -> None:
        async with condition:
            await condition.wait_for(lambda: items)
            got.append((priority, items.pop()))

    tasks = [start(consume(priority), priority) for priority in (2, -2, 0)]
    await settle()
    for item in range(3):
        async with condition:
            items.append(item)
            condition.notify()
        await settle()
    await asyncio.gather(*tasks)
    assert got == [(-2, 0), (0, 1), (2, 2)]


async def test_conditions_can_share_a_lock() -> None:
    lock = PriorityLock()
    one, other = PriorityCondition(lock), PriorityCondition(lock)
    order: list[object] = []
    tasks = [*await waiting(one, order, 1), *await waiting(other, order, 0)]
    async with one:
        one.notify()
    await settle()
    assert order == [1]
    async with lock:
        other.notify_all()
    await asyncio.gather(*tasks)


async def test_using_it_without_the_lock_is_an_error() -> None:
    condition = PriorityCondition()
    for use in (condition.notify, condition.notify_all):
        with pytest.raises(RuntimeError, match="un-acquired lock"):
            use()
    with pytest.raises(RuntimeError, match="un-acquired lock"):
        await condition.wait()
    assert repr(condition).endswith("[unlocked]>")


async def test_repr_tells_the_state_and_the_waiters() -> None:
    condition = PriorityCondition()
    tasks = await waiting(condition, [], 0, 1)
    assert repr(condition).endswith("[unlocked, waiters:2]>")
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert repr(condition).endswith("[unlocked]>")


async def test_what_is_no_lock_is_refused() -> None:
    for wrong in (1, asyncio.Event(), "lock"):
        with pytest.raises(TypeError, match="lock must be a lock such as"):
            PriorityCondition(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("contended", [False, True])
async def test_a_wait_that_is_closed_with_its_coroutine_leaves_nothing_behind(contended: bool) -> None:
    condition = PriorityCondition()
    coroutine = wait_once(condition, [], "")
    coroutine.send(None)
    if contended:
        await condition.acquire()
    coroutine.close()
    assert repr(condition).endswith("[unlocked]>")
    async with asyncio.timeout(1), condition:
        pass


@pytest.mark.parametrize("outcome", ["notified", "cancelled"])
async def test_waiting_makes_no_garbage_for_the_collector(outcome: str) -> None:
    condition = PriorityCondition()
    gc.collect()
    gc.disable()
    try:
        task = start(wait_once(condition, [], ""))
        await passes(3)
        await condition.acquire()
        if outcome == "notified":
            condition.notify()
        else:
            task.cancel()
        await passes(2)
        condition.release()
        await asyncio.wait([task])
        gone = weakref.ref(task)
        del task
        await passes(3)
        assert gone() is None
    finally:
        gc.enable()
