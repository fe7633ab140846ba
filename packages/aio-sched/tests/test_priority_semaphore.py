"""A `PrioritySemaphore` gives its permits to the most urgent first, and loses none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import InterruptException, PrioritySemaphore, PriorityTask, task_throw
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

pytestmark = pytest.mark.asyncio


def start(coro: Coroutine[Any, Any, Any], priority: float = 0.0) -> PriorityTask[Any]:
    return PriorityTask(coro, priority=priority)


async def take(permits: PrioritySemaphore, order: list[object], what: object) -> None:
    await permits.acquire()
    order.append(what)


async def waiting(permits: PrioritySemaphore, order: list[object], *priorities: float) -> list[PriorityTask[Any]]:
    tasks = []
    for priority in priorities:
        tasks.append(start(take(permits, order, priority), priority))
        await settle()
    return tasks


async def test_permits_go_to_the_most_urgent() -> None:
    permits = PrioritySemaphore(0)
    order: list[object] = []
    tasks = await waiting(permits, order, 3, 0, -2, 5)
    for expected in ([-2], [-2, 0], [-2, 0, 3]):
        permits.release()
        await settle()
        assert order == expected
    permits.release()
    await asyncio.gather(*tasks)
    assert permits.locked()


async def test_equals_get_permits_in_the_order_they_came() -> None:
    permits = PrioritySemaphore(0)
    order: list[object] = []
    tasks = [start(take(permits, order, number), -1) for number in range(5)]
    await settle()
    for _ in range(5):
        permits.release()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]


async def test_a_priority_changed_while_waiting_counts_at_once() -> None:
    permits = PrioritySemaphore(0)
    order: list[object] = []
    tasks = await waiting(permits, order, 0, 1, 2)
    tasks[2].priority_value = -1
    tasks[0].priority_value = 5
    for _ in range(3):
        permits.release()
        await settle()
    assert order == [2, 1, 0]


def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


def interrupt(task: asyncio.Task[Any]) -> None:
    task_throw(task, InterruptException())


@pytest.mark.parametrize("end", [cancel, interrupt])
@pytest.mark.parametrize("when", ["before the release", "after the release"])
async def test_a_waiter_that_goes_away_passes_its_permit_on(
    end: Callable[[asyncio.Task[Any]], None], when: str, request: pytest.FixtureRequest
) -> None:
    if end is interrupt and when == "after the release" and "uvloop" in request.node.name:
        pytest.skip("uvloop shows no ready queue to find a woken task in")
    permits = PrioritySemaphore(0)
    order: list[object] = []
    first, second, third = await waiting(permits, order, 0, 1, 2)
    if when == "before the release":
        end(first)
        permits.release()
    else:
        permits.release()
        end(first)
    await settle()
    assert first.cancelled()
    assert order == [1]
    permits.release()
    await asyncio.gather(second, third)
    assert permits.locked()


async def test_no_permit_is_lost_when_all_waiters_are_cancelled_at_their_turn() -> None:
    permits = PrioritySemaphore(0)
    tasks = await waiting(permits, [], 0, 0, 1)
    for _ in range(3):
        permits.release()
    for task in tasks:
        task.cancel()
    await settle()
    for _ in range(3):
        assert not permits.locked()
        await permits.acquire()
    assert permits.locked()


async def test_a_more_urgent_task_takes_a_free_permit_while_one_that_was_woken_has_yet_to_run() -> None:
    permits = PrioritySemaphore(0)
    order: list[object] = []
    await waiting(permits, order, 0)
    # These two stand in the ready queue before the one that is woken.
    high, equal = start(take(permits, order, "high"), -1), start(take(permits, order, "equal"))
    permits.release()
    permits.release()
    await settle()
    assert order == ["high", 0]
    assert not equal.done()
    permits.release()
    await asyncio.gather(high, equal)


async def test_a_permit_may_be_released_by_anybody_and_repr_tells() -> None:
    permits = PrioritySemaphore(2)
    assert repr(permits).endswith("[unlocked, value:2]>")
    await permits.acquire()
    await permits.acquire()
    tasks = await waiting(permits, [], 0, 1)
    assert repr(permits).endswith("[locked, waiters:2]>")
    asyncio.get_running_loop().call_soon(permits.release)
    permits.release()
    await asyncio.gather(*tasks)
    assert repr(permits).endswith("[locked]>")


async def test_bounded_by_asyncios_own_class() -> None:
    class Bounded(PrioritySemaphore, asyncio.BoundedSemaphore):
        pass

    permits = Bounded(1)
    with pytest.raises(ValueError, match="too many times"):
        permits.release()
    order: list[object] = []
    await permits.acquire()
    tasks = await waiting(permits, order, 1, 0)
    permits.release()
    await settle()
    permits.release()
    await asyncio.gather(*tasks)
    assert order == [0, 1]


async def test_a_negative_number_of_permits_is_refused() -> None:
    with pytest.raises(ValueError, match=">= 0"):
        PrioritySemaphore(-1)


@pytest.mark.parametrize("wrong", ["1", 1.5, None])
async def test_what_is_no_number_of_permits_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="value must be a number of permits, not"):
        PrioritySemaphore(wrong)
