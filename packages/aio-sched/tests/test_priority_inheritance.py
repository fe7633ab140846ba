"""Who waits for a lock lends its priority to the task that holds it, and on along the chain of locks."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import (
    InterruptException,
    PriorityCondition,
    PriorityLock,
    PrioritySemaphore,
    PriorityTask,
    task_throw,
)
from suite_support.interleaving import passes, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

pytestmark = pytest.mark.asyncio


def start(coro: Coroutine[Any, Any, Any], priority: float = 0.0, name: str | None = None) -> PriorityTask[Any]:
    return PriorityTask(coro, priority=priority, name=name)


def plain(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.create_task(coro)


class Gate:
    """What a holder waits for that has nothing to do with locks."""

    def __init__(self) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait(self) -> None:
        await self.future

    def open(self) -> None:
        self.future.set_result(None)


async def hold(*locks: PriorityLock, until: Gate) -> None:
    """Take the locks one after the other, which may take a wait each, and hold them."""
    for lock in locks:
        await lock.acquire()
    try:
        await until.wait()
    finally:
        for lock in reversed(locks):
            lock.release()


async def take(lock: asyncio.Lock, order: list[object], what: object) -> None:
    async with lock:
        order.append(what)


async def holder_of(*locks: PriorityLock, priority: float, until: Gate) -> PriorityTask[None]:
    task = start(hold(*locks, until=until), priority)
    await settle()
    return task


async def waiting_for(lock: asyncio.Lock, priority: float) -> PriorityTask[None]:
    task = start(take(lock, [], None), priority)
    await settle()
    return task


async def finish(gate: Gate, *tasks: asyncio.Task[Any]) -> None:
    gate.open()
    await asyncio.gather(*tasks, return_exceptions=True)


# One lock.


async def test_the_holder_is_as_urgent_as_the_most_urgent_that_waits() -> None:
    lock, gate = PriorityLock(), Gate()
    holder = await holder_of(lock, priority=10, until=gate)
    assert holder.effective_priority() == 10
    waiters = []
    for priority, expected in [(11, 10), (5, 5), (7, 5), (-2.5, -2.5)]:
        waiters.append(await waiting_for(lock, priority))
        assert holder.effective_priority() == expected
    assert holder.priority_value == 10
    await finish(gate, holder, *waiters)
    assert holder._inherited == math.inf


async def test_it_ends_with_the_release() -> None:
    lock, gate = PriorityLock(), Gate()
    after: list[float] = []

    async def release_and_look() -> None:
        async with lock:
            await gate.wait()
            before.append(holder.effective_priority())
        after.append(holder.effective_priority())

    before: list[float] = []
    holder = start(release_and_look(), 10)
    await settle()
    waiter = await waiting_for(lock, -10)
    await finish(gate, holder, waiter)
    assert (before, after) == ([-10], [10])


async def test_it_ends_when_another_task_releases_the_lock() -> None:
    lock, gate = PriorityLock(), Gate()

    async def take_and_leave() -> None:
        await lock.acquire()
        await gate.wait()

    holder = start(take_and_leave(), 10)
    await settle()
    waiter = await waiting_for(lock, -10)
    assert holder.effective_priority() == -10
    lock.release()
    assert holder.effective_priority() == 10
    await waiter
    await finish(gate, holder)


async def timed_out(lock: PriorityLock, priority: float) -> Callable[[], None]:
    """A waiter with a timeout, and what lets that expire."""
    scopes: list[asyncio.Timeout] = []

    async def wait() -> None:
        async with asyncio.timeout(None) as scope:
            scopes.append(scope)
            await lock.acquire()

    start(wait(), priority).add_done_callback(lambda task: task.exception())
    await settle()
    return lambda: scopes[0].reschedule(asyncio.get_running_loop().time() - 1)


async def cancelled(lock: PriorityLock, priority: float) -> Callable[[], object]:
    return (await waiting_for(lock, priority)).cancel


async def interrupted(lock: PriorityLock, priority: float) -> Callable[[], None]:
    task = await waiting_for(lock, priority)
    return lambda: task_throw(task, InterruptException())


async def closed(lock: PriorityLock, priority: float) -> Callable[[], None]:
    coroutine = lock.acquire()

    async def wait_a_moment() -> None:
        # Driven by hand inside of a task, as a coroutine that is started before its task is.
        coroutine.send(None)

    await start(wait_a_moment(), priority)
    return coroutine.close


@pytest.mark.parametrize("wait", [timed_out, cancelled, interrupted, closed])
async def test_it_ends_with_the_wait(wait: Callable[[PriorityLock, float], Any]) -> None:
    lock, gate = PriorityLock(), Gate()
    holder = await holder_of(lock, priority=10, until=gate)
    steady = await waiting_for(lock, 5)
    end = await wait(lock, -10)
    assert holder.effective_priority() == -10
    end()
    await settle()
    assert holder.effective_priority() == 5
    await finish(gate, holder, steady)


async def test_a_holder_of_several_locks_inherits_the_most_urgent_and_keeps_the_rest_at_release() -> None:
    first, second, gate = PriorityLock(), PriorityLock(), Gate()
    seen: list[float] = []

    async def hold_both() -> None:
        await first.acquire()
        await second.acquire()
        await gate.wait()
        first.release()
        seen.append(holder.effective_priority())
        second.release()
        seen.append(holder.effective_priority())

    holder = start(hold_both(), 10)
    await settle()
    high, higher = await waiting_for(second, -1), await waiting_for(first, -2)
    assert holder.effective_priority() == -2
    await finish(gate, holder, high, higher)
    assert seen == [-1, 10]


async def test_the_one_that_is_handed_the_lock_inherits_from_those_who_still_wait() -> None:
    lock, gate = PriorityLock(), Gate()
    await lock.acquire()
    following = await holder_of(lock, priority=3, until=gate)
    other = await waiting_for(lock, 4)
    lock.release()
    late = start(take(lock, [], None), -7)
    await settle()
    assert following.effective_priority() == -7
    late.cancel()
    await settle()
    assert following.effective_priority() == 3
    other.priority_value = 1
    assert following.effective_priority() == 1
    await finish(gate, following, other)


async def test_the_one_that_is_handed_the_lock_follows_later_changes_of_those_who_wait_already() -> None:
    lock, gate = PriorityLock(), Gate()
    await lock.acquire()
    following = await holder_of(lock, priority=3, until=gate)
    waiter = await waiting_for(lock, 4)
    lock.release()
    waiter.priority_value = -1
    assert following.effective_priority() == -1
    following.priority_value = 20
    waiter.priority_value = 15
    assert following.effective_priority() == 15
    await finish(gate, following, waiter)


async def test_a_waiter_that_changes_its_priority_changes_the_holders() -> None:
    lock, gate = PriorityLock(), Gate()
    holder = await holder_of(lock, priority=10, until=gate)
    waiter = await waiting_for(lock, 0)
    for priority in (-3, 4, 20, 1):
        waiter.priority_value = priority
        assert holder.effective_priority() == min(10, priority)
    holder.priority_value = -8
    assert holder.effective_priority() == -8
    holder.priority_value = 2
    assert holder.effective_priority() == 1
    await finish(gate, holder, waiter)


async def test_tasks_without_priorities_lend_zero_to_a_low_holder() -> None:
    lock, gate = PriorityLock(), Gate()
    holder = await holder_of(lock, priority=10, until=gate)
    waiter = plain(take(lock, [], None))
    await settle()
    assert holder.effective_priority() == 0
    await finish(gate, holder, waiter)


async def test_a_holder_that_ended_with_the_lock_is_shown_and_inherits_no_more_after_the_release() -> None:
    lock = PriorityLock()

    async def take_it() -> None:
        await lock.acquire()

    ended = start(take_it(), 10, "culprit")
    await ended
    waiter = await waiting_for(lock, -10)
    assert "held by 'culprit'" in repr(lock)
    lock.release()
    await waiter
    assert ended.effective_priority() == 10
    assert not ended._held


# Chains.


async def test_a_chain_of_three_locks_raises_every_holder_and_lets_them_down_again() -> None:
    a, b, c = PriorityLock(), PriorityLock(), PriorityLock()
    gate = Gate()
    low = await holder_of(a, priority=10, until=gate)
    middle = await holder_of(b, a, priority=5, until=gate)
    upper = await holder_of(c, b, priority=7, until=gate)
    assert [task.effective_priority() for task in (low, middle, upper)] == [5, 5, 7]
    high = await waiting_for(c, -10)
    assert [task.effective_priority() for task in (low, middle, upper)] == [-10, -10, -10]
    high.priority_value = 6
    assert [task.effective_priority() for task in (low, middle, upper)] == [5, 5, 6]
    high.priority_value = -20
    upper.priority_value = -30
    assert [task.effective_priority() for task in (low, middle, upper)] == [-30, -30, -30]
    upper.priority_value = 7
    high.cancel()
    await settle()
    assert [task.effective_priority() for task in (low, middle, upper)] == [5, 5, 7]
    upper.cancel()
    await settle()
    assert [task.effective_priority() for task in (low, middle)] == [5, 5]
    middle.cancel()
    await settle()
    assert low.effective_priority() == 10
    await finish(gate, low)


async def test_a_chain_raises_waiters_in_every_line_at_once() -> None:
    """The reference moves the holder, but not in the line in which it waits."""
    a, b, gate = PriorityLock(), PriorityLock(), Gate()
    order: list[object] = []
    low = await holder_of(a, priority=10, until=gate)
    rivals = [start(take(a, order, f"rival at {priority}"), priority) for priority in (-1, 1)]
    await settle()

    async def take_both() -> None:
        async with b, a:
            order.append("middle")

    middle = start(take_both(), 5)
    await settle()
    high = start(take(b, order, "high"), -10)
    await settle()
    await finish(gate, low, *rivals, middle, high)
    # `high` can run as soon as `middle` has left `b`; the rivals were handed `a` before that.
    assert order[0] == "middle"
    assert set(order) == {"middle", "high", "rival at -1", "rival at 1"}


async def test_a_waiter_stands_back_when_what_it_inherited_ends() -> None:
    a, b, gate = PriorityLock(), PriorityLock(), Gate()
    order: list[object] = []
    low = await holder_of(a, priority=10, until=gate)
    rival = start(take(a, order, "rival"), 1)
    await settle()

    async def take_both() -> None:
        async with b, a:
            order.append("middle")

    middle = start(take_both(), 5)
    await settle()
    high = await waiting_for(b, -10)
    high.cancel()
    await settle()
    await finish(gate, low, rival, middle)
    assert order == ["rival", "middle"]


async def test_a_plain_task_in_the_middle_of_a_chain_passes_it_on() -> None:
    a, b, gate = PriorityLock(), PriorityLock(), Gate()
    order: list[object] = []
    low = await holder_of(a, priority=10, until=gate)
    rival = start(take(a, order, "rival"), -1)
    await settle()

    async def take_both() -> None:
        async with b, a:
            order.append("plain")

    middle = plain(take_both())
    await settle()
    assert low.effective_priority() == -1
    high = start(take(b, [], None), -10)
    await settle()
    assert low.effective_priority() == -10
    await finish(gate, low, rival, middle, high)
    assert order[0] == "plain"


@pytest.mark.parametrize("kind", ["C", "Python"])
async def test_a_chain_goes_through_plain_tasks_of_each_kind(kind: str) -> None:
    task_type: Any = asyncio.Task if kind == "C" else vars(asyncio.tasks)["_PyTask"]
    a, b, c, gate = PriorityLock(), PriorityLock(), PriorityLock(), Gate()
    low = await holder_of(a, priority=10, until=gate)
    loop = asyncio.get_running_loop()
    chain = [task_type(hold(b, a, until=gate), loop=loop)]
    await settle()
    chain.append(task_type(hold(c, b, until=gate), loop=loop))
    await settle()
    assert low.effective_priority() == 0
    high = await waiting_for(c, -10)
    assert low.effective_priority() == -10
    high.cancel()
    await settle()
    assert low.effective_priority() == 0
    await finish(gate, low, *chain)


async def test_a_diamond_holds_the_most_urgent_of_both_sides() -> None:
    left, right, left_top, right_top = (PriorityLock() for _ in range(4))
    gate = Gate()
    low = await holder_of(left, right, priority=10, until=gate)
    on_the_left = await holder_of(left_top, left, priority=8, until=gate)
    on_the_right = await holder_of(right_top, right, priority=9, until=gate)
    assert low.effective_priority() == 8
    high, higher = await waiting_for(left_top, -1), await waiting_for(right_top, -2)
    assert [task.effective_priority() for task in (low, on_the_left, on_the_right)] == [-2, -1, -2]
    higher.cancel()
    await settle()
    assert [task.effective_priority() for task in (low, on_the_left, on_the_right)] == [-1, -1, 9]
    high.priority_value = 8.5
    assert [task.effective_priority() for task in (low, on_the_left, on_the_right)] == [8, 8, 9]
    await finish(gate, low, on_the_left, on_the_right, high)


async def test_a_diamond_that_meets_again_at_the_top() -> None:
    """One task holds two locks, for which two tasks wait that wait for the locks of a third."""
    bottom_left, bottom_right, top_left, top_right = (PriorityLock() for _ in range(4))
    gate = Gate()
    low = await holder_of(bottom_left, bottom_right, priority=10, until=gate)
    sides = [
        await holder_of(top_left, bottom_left, priority=9, until=gate),
        await holder_of(top_right, bottom_right, priority=8, until=gate),
    ]
    top = await holder_of(top_left, top_right, priority=-5, until=gate)
    assert [task.effective_priority() for task in (low, *sides)] == [-5, -5, 8]
    top.cancel()
    await settle()
    assert [task.effective_priority() for task in (low, *sides)] == [8, 9, 8]
    await finish(gate, low, *sides)


async def test_a_long_chain_takes_no_recursion() -> None:
    gate = Gate()
    locks = [PriorityLock() for _ in range(1200)]
    tasks = [start(hold(locks[0], until=gate))]
    await passes(1)
    for held, wanted in zip(locks[1:], locks, strict=False):
        tasks.append(start(hold(held, wanted, until=gate)))
        await passes(1)
    await settle()
    high = start(take(locks[-1], [], None), -10)
    await settle()
    assert all(task.effective_priority() == -10 for task in tasks)
    high.cancel()
    await settle()
    assert all(task.effective_priority() == 0 for task in tasks)
    await finish(gate, *tasks)


# What the holder waits for that is no lock.


async def test_a_holder_that_waits_for_a_permit_moves_in_that_line() -> None:
    lock, permits, order = PriorityLock(), PrioritySemaphore(0), list[object]()

    async def use(what: object) -> None:
        async with permits:
            order.append(what)

    async def hold_and_use() -> None:
        async with lock:
            await use("holder")

    tasks = [start(use("rival"), 1), start(hold_and_use(), 5)]
    await settle()
    tasks.append(start(take(lock, order, "high"), -10))
    await settle()
    permits.release()
    await settle()
    assert order[0] == "holder"
    await asyncio.gather(*tasks)


async def test_a_holder_that_waits_for_a_condition_moves_in_that_line() -> None:
    lock, condition, order = PriorityLock(), PriorityCondition(), list[object]()

    async def wait(what: object) -> None:
        async with condition:
            await condition.wait()
            order.append(what)

    async def hold_and_wait() -> None:
        async with lock:
            await wait("holder")

    tasks = [start(wait("rival"), 1), start(hold_and_wait(), 5)]
    await settle()
    tasks.append(start(take(lock, [], None), -10))
    await settle()
    for expected in (["holder"], ["holder", "rival"]):
        async with condition:
            condition.notify()
        await settle()
        assert order == expected
    await asyncio.gather(*tasks)


async def test_a_wait_for_a_condition_begins_without_what_its_lock_lent() -> None:
    lock, gate, order = PriorityLock(), Gate(), list[object]()
    condition = PriorityCondition(lock)

    async def wait(what: object, before: Gate | None = None) -> None:
        async with condition:
            if before is not None:
                await before.wait()
            await condition.wait()
            order.append(what)

    tasks = [start(wait("middle"), 5)]
    await settle()
    tasks.append(start(wait("low", gate), 10))
    await settle()
    high = await waiting_for(lock, -10)
    assert tasks[1].effective_priority() == -10
    await finish(gate, high)
    for expected in (["middle"], ["middle", "low"]):
        async with condition:
            condition.notify()
        await settle()
        assert order == expected
    await asyncio.gather(*tasks)


async def test_who_takes_the_conditions_lock_again_lends_its_priority_to_the_holder() -> None:
    condition, gate = PriorityCondition(), Gate()

    async def wait() -> None:
        async with condition:
            await condition.wait()

    async def notify_and_hold() -> None:
        async with condition:
            condition.notify()
            await gate.wait()

    waiting = start(wait(), -10)
    await settle()
    notifying = start(notify_and_hold(), 10)
    await settle()
    assert notifying.effective_priority() == -10
    waiting.cancel()
    await settle()
    assert notifying.effective_priority() == -10, "it cannot go on without the lock, cancelled or not"
    await finish(gate, waiting, notifying)
    assert notifying.effective_priority() == 10


async def test_a_holder_blocked_on_a_plain_future_is_urgent_when_it_goes_on() -> None:
    lock, gate = PriorityLock(), Gate()
    seen: list[float] = []

    async def hold_and_look() -> None:
        async with lock:
            await gate.wait()
            seen.append(holder.effective_priority())

    holder = start(hold_and_look(), 10)
    await settle()
    waiter = await waiting_for(lock, -10)
    await finish(gate, holder, waiter)
    assert seen == [-10]


async def test_who_takes_a_lock_inherits_from_waiters_that_were_cancelled_until_each_has_run() -> None:
    lock = PriorityLock()
    order: list[object] = []
    seen: list[float] = []

    def note() -> None:
        seen.append(holder.effective_priority())

    async def take_again() -> None:
        await lock.acquire()
        waiters = [start(take(lock, order, priority), priority) for priority in (-2.0, -1.0)]
        await settle()
        waiters[0].cancel()
        asyncio.get_running_loop().call_soon(note)
        waiters[1].cancel()
        lock.release()
        await lock.acquire()
        note()
        await settle()
        note()
        lock.release()

    holder = start(take_again())
    await holder
    assert seen == [-2.0, -1.0, 0.0]
    assert order == []
