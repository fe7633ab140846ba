"""Who gets a `PriorityLock` when, and what becomes of it when the one that got it goes away."""

from __future__ import annotations

import asyncio
import gc
import re
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import InterruptException, PriorityLock, PriorityTask, task_throw
from suite_support.interleaving import passes, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

pytestmark = pytest.mark.asyncio


def start(coro: Coroutine[Any, Any, Any], priority: float = 0.0, name: str | None = None) -> PriorityTask[Any]:
    return PriorityTask(coro, priority=priority, name=name)


async def append_when_acquired(lock: PriorityLock, order: list[object], what: object) -> None:
    async with lock:
        order.append(what)


# Order.


async def test_waiters_get_the_lock_by_priority_and_in_the_order_they_came_among_equals() -> None:
    lock = PriorityLock()
    order: list[object] = []
    await lock.acquire()
    arrivals = [(5.0, "a"), (0.0, "b"), (-1.5, "c"), (0.0, "d"), (5.0, "e"), (-1.5, "f")]
    for priority, what in arrivals:
        start(append_when_acquired(lock, order, what), priority)
        await settle()
    lock.release()
    await settle()
    assert order == ["c", "f", "b", "d", "a", "e"]


async def test_plain_tasks_stand_at_zero() -> None:
    lock = PriorityLock()
    order: list[object] = []
    await lock.acquire()
    tasks = [
        start(append_when_acquired(lock, order, "low"), 1),
        asyncio.create_task(append_when_acquired(lock, order, "plain")),
        start(append_when_acquired(lock, order, "high"), -1),
        start(append_when_acquired(lock, order, "equal"), 0),
    ]
    await settle()
    lock.release()
    await asyncio.gather(*tasks)
    assert order.index("high") == 0
    assert order.index("low") == 3


async def test_any_task_that_tells_its_priority_is_served_by_it() -> None:
    class Telling(asyncio.Task[None]):
        def effective_priority(self) -> int:
            return -3

    lock = PriorityLock()
    order: list[object] = []
    await lock.acquire()
    tasks: list[asyncio.Task[None]] = [start(append_when_acquired(lock, order, "first"), -2)]
    await settle()
    tasks.append(Telling(append_when_acquired(lock, order, "telling"), loop=asyncio.get_running_loop()))
    await settle()
    lock.release()
    await asyncio.gather(*tasks)
    assert order == ["telling", "first"]


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [(float("nan"), ValueError, "not nan"), ("high", ValueError, "high"), (None, TypeError, "NoneType")],
)
async def test_a_task_that_tells_no_priority_gets_the_error_and_does_not_wait(
    answer: Any, error: type[Exception], message: str
) -> None:
    class Telling(asyncio.Task[None]):
        def effective_priority(self) -> Any:
            return answer

    lock = PriorityLock()
    await lock.acquire()
    before = repr(lock)
    task = Telling(append_when_acquired(lock, [], ""), loop=asyncio.get_running_loop())
    with pytest.raises(error, match=message):
        await task
    assert repr(lock) == before


async def test_a_priority_changed_while_waiting_counts_at_once() -> None:
    lock = PriorityLock()
    order: list[object] = []
    await lock.acquire()
    tasks = [start(append_when_acquired(lock, order, number), 0) for number in range(4)]
    await settle()
    tasks[2].priority_value = -1
    tasks[0].priority_value = 1
    lock.release()
    await asyncio.gather(*tasks)
    assert order == [2, 1, 3, 0]


async def test_a_waiter_raised_and_lowered_again_has_its_old_place() -> None:
    lock = PriorityLock()
    order: list[object] = []
    await lock.acquire()
    tasks = []
    for number in range(3):
        tasks.append(start(append_when_acquired(lock, order, number), 0))
        await settle()
    tasks[1].priority_value = -5
    tasks[1].priority_value = 0
    lock.release()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2]


async def test_who_comes_between_release_and_the_next_ones_turn_does_not_overtake() -> None:
    lock = PriorityLock()
    order: list[object] = []
    await lock.acquire()
    waiting = start(append_when_acquired(lock, order, "waited"), 0)
    await settle()
    late = start(append_when_acquired(lock, order, "late"), -1)
    lock.release()
    assert not lock.locked()
    await asyncio.gather(waiting, late)
    assert order == ["waited", "late"]


# Cancellation.


async def hold_a_pass(lock: PriorityLock, order: list[object], what: object) -> None:
    async with lock:
        order.append(what)
        await passes(1)


def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


def interrupt(task: asyncio.Task[Any]) -> None:
    task_throw(task, InterruptException())


ENDS = pytest.mark.parametrize("end", [cancel, interrupt])


@ENDS
@pytest.mark.parametrize("when", ["before the release", "after the release"])
async def test_a_waiter_that_goes_away_hands_the_lock_to_the_next(
    end: Callable[[asyncio.Task[Any]], None], when: str, request: pytest.FixtureRequest
) -> None:
    if end is interrupt and when == "after the release" and "uvloop" in request.node.name:
        pytest.skip("uvloop shows no ready queue to find a woken task in")
    lock = PriorityLock()
    order: list[object] = []
    await lock.acquire()
    first, second, third = (start(hold_a_pass(lock, order, number), number) for number in range(3))
    await settle()
    if when == "before the release":
        end(first)
        lock.release()
    else:
        lock.release()
        end(first)
    await asyncio.gather(second, third)
    assert first.cancelled()
    assert order == [1, 2]
    assert not lock.locked()


async def test_all_waiters_cancelled_at_their_turn_leave_the_lock_free() -> None:
    lock = PriorityLock()
    await lock.acquire()
    tasks = [start(hold_a_pass(lock, [], number)) for number in range(5)]
    await settle()
    lock.release()
    for task in tasks:
        task.cancel()
    await settle()
    assert all(task.cancelled() for task in tasks)
    async with asyncio.timeout(1):
        await lock.acquire()
    assert repr(lock).endswith("[locked]>")


async def test_the_lock_is_free_at_once_when_only_cancelled_ones_wait() -> None:
    lock = PriorityLock()
    await lock.acquire()
    task = start(hold_a_pass(lock, [], ""))
    await settle()
    task.cancel()
    lock.release()
    coroutine = lock.acquire()
    with pytest.raises(StopIteration):
        coroutine.send(None)
    await settle()
    assert task.cancelled()
    lock.release()


async def test_a_waiter_that_swallows_its_cancellation_can_wait_again() -> None:
    lock = PriorityLock()
    order: list[object] = []

    async def stubborn() -> None:
        try:
            await lock.acquire()
        except asyncio.CancelledError:
            order.append("swallowed")
            async with lock:
                order.append("acquired")

    await lock.acquire()
    task = start(stubborn())
    await settle()
    task.cancel()
    await settle()
    lock.release()
    await task
    assert order == ["swallowed", "acquired"]


async def test_a_timeout_at_the_moment_of_release_loses_nothing() -> None:
    lock = PriorityLock()

    async def wait_a_while() -> None:
        async with asyncio.timeout(None) as timeout:
            timeouts.append(timeout)
            await lock.acquire()

    timeouts: list[asyncio.Timeout] = []
    await lock.acquire()
    task = start(wait_a_while())
    await settle()
    timeouts[0].reschedule(asyncio.get_running_loop().time() - 1)
    lock.release()
    await asyncio.wait([task])
    if task.exception() is None:
        lock.release()
    await settle()
    async with asyncio.timeout(1), lock:
        pass


async def test_a_coroutine_closed_while_it_waits_leaves_the_line() -> None:
    lock = PriorityLock(detect_deadlock=False)
    await lock.acquire()
    coroutine = lock.acquire()
    coroutine.send(None)
    assert "waiters:1" in repr(lock)
    coroutine.close()
    assert "waiters" not in repr(lock)
    lock.release()
    async with lock:
        pass


# What asyncio's lock allows.


async def test_another_task_may_release_the_lock() -> None:
    lock = PriorityLock()
    await lock.acquire()

    async def release() -> None:
        lock.release()

    await start(release(), 5)
    assert not lock.locked()
    with pytest.raises(RuntimeError, match="not acquired"):
        lock.release()


async def test_a_callback_may_release_the_lock() -> None:
    lock = PriorityLock()
    await lock.acquire()
    asyncio.get_running_loop().call_soon(lock.release)
    order: list[object] = []
    await start(append_when_acquired(lock, order, "acquired"))
    assert order == ["acquired"]


async def test_a_lock_handed_over_is_not_released_by_those_who_do_not_have_it() -> None:
    lock = PriorityLock()
    await lock.acquire()
    task = start(hold_a_pass(lock, [], ""))
    await settle()
    lock.release()
    with pytest.raises(RuntimeError, match="not acquired"):
        lock.release()
    await task


# What it shows and what it keeps.


async def test_repr_tells_the_state_the_holder_and_the_waiters() -> None:
    lock = PriorityLock(name="door")
    assert re.fullmatch(r"<aio_sched\S*PriorityLock 'door' object at 0x[0-9a-f]+ \[unlocked\]>", repr(lock))
    holder = start(hold_until_cancelled(lock), name="holder")
    await settle()
    assert repr(lock).endswith(" held by 'holder' [locked]>")
    waiter = start(append_when_acquired(lock, [], ""))
    await settle()
    assert repr(lock).endswith(" held by 'holder' [locked, waiters:1]>")
    holder.cancel()
    await waiter
    assert repr(lock).endswith(" [unlocked]>")
    assert repr(PriorityLock()).startswith("<aio_sched._priority_lock.PriorityLock object at 0x")


async def hold_until_cancelled(lock: PriorityLock) -> None:
    async with lock:
        await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("contended", [False, True])
@pytest.mark.parametrize("kind", [PriorityTask, asyncio.Task])
async def test_a_lock_keeps_nothing_of_a_task_that_ended_without_releasing_it(
    kind: type[asyncio.Task[Any]], contended: bool
) -> None:
    lock = PriorityLock()

    async def take() -> None:
        await lock.acquire()

    def spawn(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return kind(coro, loop=asyncio.get_running_loop())

    if contended:
        await lock.acquire()
    task = spawn(take())
    await passes(3)
    waiting = spawn(take())
    await passes(3)
    if contended:
        lock.release()
    await task
    gone = weakref.ref(task)
    del task
    # asyncio's own handles are gone only after a few passes.
    await passes(3)
    gc.collect()
    assert gone() is None
    lock.release()
    await waiting


async def test_waiting_makes_no_garbage_for_the_collector() -> None:
    lock = PriorityLock()
    await lock.acquire()
    gc.collect()
    gc.disable()
    try:
        task = start(append_when_acquired(lock, [], ""), -1)
        await passes(3)
        lock.release()
        await task
        gone = weakref.ref(task)
        del task
        await passes(3)
        assert gone() is None
    finally:
        gc.enable()
