"""A circle of lock waits is found when it closes, by the task that would close it, and nothing is changed by that."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import PriorityCondition, PriorityLock, PriorityTask
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Coroutine

pytestmark = pytest.mark.asyncio


def start(coro: Coroutine[Any, Any, Any], name: str, priority: float = 0.0) -> PriorityTask[Any]:
    return PriorityTask(coro, priority=priority, name=name)


async def take_in_turn(*locks: PriorityLock) -> None:
    """Take the locks, letting everybody else run in between."""
    async with contextlib.AsyncExitStack() as taken:
        for lock in locks:
            await taken.enter_async_context(lock)
            await settle_others()


async def settle_others() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def outcomes(*tasks: asyncio.Task[None]) -> list[BaseException | None]:
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_two_tasks_that_take_two_locks_in_either_order() -> None:
    a, b = PriorityLock(name="a"), PriorityLock(name="b")

    one, two = start(take_in_turn(a, b), "one"), start(take_in_turn(b, a), "two")
    results = await outcomes(one, two)
    (error,) = [result for result in results if result is not None]
    assert isinstance(error, RuntimeError)
    assert str(error).startswith(
        "deadlock: task 'two' waits for PriorityLock 'a' held by task 'one', "
        "which waits for PriorityLock 'b' held by task 'two'; "
    )
    assert "detect_deadlock=False" in str(error)
    assert not a.locked()
    assert not b.locked()


async def test_who_would_have_closed_a_circle_is_freed_without_the_collector() -> None:
    lock = PriorityLock()
    await settle()
    gc.collect()
    gc.disable()
    try:
        task = start(take_in_turn(lock, lock), "one")
        assert [type(error) for error in await outcomes(task)] == [RuntimeError]
        gone = weakref.ref(task)
        del task
        await settle()
        assert gone() is None
    finally:
        gc.enable()


async def test_a_task_that_wants_a_lock_that_it_has() -> None:
    lock = PriorityLock()
    task = asyncio.current_task()
    assert task is not None
    async with lock:
        before = repr(lock)
        with pytest.raises(RuntimeError, match="which it holds itself") as caught:
            await lock.acquire()
        assert repr(lock) == before
    assert task.get_name() in str(caught.value)
    assert f"PriorityLock at {id(lock):#x}" in str(caught.value)


async def test_a_circle_of_many_names_all_of_them_in_order() -> None:
    locks = [PriorityLock(name=f"lock{number}") for number in range(5)]
    tasks = [start(take_in_turn(locks[number], locks[(number + 1) % 5]), f"task{number}") for number in range(5)]
    results = await outcomes(*tasks)
    (message,) = [str(result) for result in results if result is not None]
    for number in range(5):
        held = f"waits for PriorityLock 'lock{number}' held by task 'task{number}'"
        assert held in message
    assert not any(lock.locked() for lock in locks)


async def test_the_refused_task_lends_nothing_and_the_others_are_as_they_were() -> None:
    a, b = PriorityLock(), PriorityLock()
    gate = asyncio.Event()

    async def hold_a_and_wait_for_b() -> None:
        async with a, b:
            pass

    async def hold_b_and_try_a() -> None:
        async with b:
            await gate.wait()
            with pytest.raises(RuntimeError, match="deadlock"):
                await a.acquire()
            states.append((low.effective_priority(), repr(a), repr(b)))

    states: list[object] = []
    high = start(hold_b_and_try_a(), "high", -10)
    await settle()
    low = start(hold_a_and_wait_for_b(), "low", 10)
    await settle()
    before = (low.effective_priority(), repr(a), repr(b))
    gate.set()
    await asyncio.gather(high, low)
    assert states == [before]
    assert before[0] == 10


async def test_a_circle_goes_through_plain_tasks() -> None:
    a, b = PriorityLock(), PriorityLock()
    plain = asyncio.create_task(take_in_turn(a, b), name="plain")
    other = start(take_in_turn(b, a), "other")
    results = await outcomes(plain, other)
    assert sum(isinstance(result, RuntimeError) for result in results) == 1


async def test_locks_that_opt_out_take_no_part() -> None:
    lock = PriorityLock(detect_deadlock=False)
    await lock.acquire()
    asyncio.get_running_loop().call_soon(lock.release)
    await lock.acquire()
    lock.release()
    # Nor does a circle through one count where it is another lock that would close it.
    a = PriorityLock()
    one, two = start(take_in_turn(lock, a), "one"), start(take_in_turn(a, lock), "two")
    await settle()
    assert not one.done()
    assert not two.done()
    one.cancel()
    await two
    assert not lock.locked()


async def test_a_priority_goes_round_a_circle_once_where_nobody_minds_it() -> None:
    a, b = PriorityLock(detect_deadlock=False), PriorityLock(detect_deadlock=False)
    one, two = start(take_in_turn(a, b), "one", 1), start(take_in_turn(b, a), "two", 2)
    await settle()
    outsider = start(take_in_turn(a), "outsider", -5)
    await settle()
    assert one.effective_priority() == two.effective_priority() == -5
    outsider.cancel()
    one.cancel()
    await settle()
    await two
    assert two._inherited == math.inf
    assert not a.locked()


async def test_what_the_tasks_of_a_circle_lend_each_other_ends_with_who_lent_it() -> None:
    a, b = PriorityLock(detect_deadlock=False), PriorityLock(detect_deadlock=False)
    one, two = start(take_in_turn(a, b), "one", 1), start(take_in_turn(b, a), "two", 2)
    await settle()
    outsider = start(take_in_turn(a), "outsider", -5)
    await settle()
    assert one.effective_priority() == two.effective_priority() == -5
    outsider.priority_value = 0.5
    assert one.effective_priority() == two.effective_priority() == 0.5
    outsider.cancel()
    await settle()
    assert one.effective_priority() == two.effective_priority() == 1
    one.priority_value = 3
    assert one.effective_priority() == two.effective_priority() == 2
    two.priority_value = -1
    assert one.effective_priority() == two.effective_priority() == -1
    two.cancel()
    await settle()
    assert one.done()
    assert one.effective_priority() == 3
    assert two.effective_priority() == -1


async def test_a_task_that_waits_for_itself_does_not_keep_what_it_was_lent() -> None:
    lock = PriorityLock(detect_deadlock=False)
    stuck = start(take_in_turn(lock, lock), "stuck", 1)
    await settle()
    outsider = start(take_in_turn(lock), "outsider", -5)
    await settle()
    assert stuck.effective_priority() == -5
    outsider.cancel()
    await settle()
    assert stuck.effective_priority() == 1
    stuck.cancel()
    await settle()
    assert not lock.locked()


async def test_a_circle_that_ends_as_soon_as_a_cancelled_task_runs_keeps_nothing_either() -> None:
    a, b = PriorityLock(), PriorityLock()
    gate = asyncio.Event()
    seen = []

    def look() -> None:
        seen.append((one.effective_priority(), two.effective_priority()))

    async def hold_b_and_take_a() -> None:
        async with b:
            await gate.wait()
            one.cancel()
            async with a:
                pass

    async def hold_a_and_try_b() -> None:
        async with a:
            with pytest.raises(asyncio.CancelledError):
                await b.acquire()
            look()

    async def lend() -> None:
        with pytest.raises(asyncio.CancelledError):
            await a.acquire()
        look()

    two = start(hold_b_and_take_a(), "two", 2)
    await settle()
    one = start(hold_a_and_try_b(), "one", 1)
    await settle()
    lender = start(lend(), "lender", -5)
    await settle()
    look()
    # `two` runs first and closes the circle, then the lender leaves, and only then `one` learns that it was cancelled.
    gate.set()
    lender.cancel()
    assert await outcomes(one, two, lender) == [None, None, None]
    assert seen == [(-5, -5), (1, 1), (1, 2)]


async def test_a_task_whose_wait_was_cancelled_closes_no_circle() -> None:
    a, b = PriorityLock(), PriorityLock()
    gate = asyncio.Event()

    async def hold_a_and_try_b() -> None:
        async with a:
            with pytest.raises(asyncio.CancelledError):
                await b.acquire()

    async def hold_b_and_take_a() -> None:
        async with b:
            await gate.wait()
            one.cancel()
            # It is out of the line for b only when it has run, but it does not wait any more.
            async with a:
                pass

    two = start(hold_b_and_take_a(), "two")
    await settle()
    one = start(hold_a_and_try_b(), "one")
    await settle()
    gate.set()
    await two
    await one


async def test_a_lock_handed_over_counts_as_held() -> None:
    a, b = PriorityLock(name="a"), PriorityLock(name="b")
    await b.acquire()
    one = start(take_in_turn(a, b), "one")
    await settle()
    two = start(take_in_turn(b, a), "two")
    await settle()
    b.release()
    # Handed to `one`, which came first; so nothing is wrong until `two` has b and wants a.
    assert await outcomes(one, two) == [None, None]


async def test_a_holder_that_is_done_closes_no_circle() -> None:
    a = PriorityLock()

    async def take_and_end() -> None:
        await a.acquire()

    await start(take_and_end(), "ended")
    waiting = start(take_in_turn(a), "waiting")
    await settle()
    a.release()
    await waiting


# A task that waits for a condition cannot go on without the condition's lock.


@pytest.mark.parametrize("notified", [False, True])
async def test_a_circle_through_a_conditions_lock_is_found_by_the_one_that_closes_it(notified: bool) -> None:
    condition, other = PriorityCondition(PriorityLock(name="condition's")), PriorityLock(name="other")
    ready = asyncio.Event()

    async def wait_with_the_other() -> str:
        async with other, condition:
            ready.set()
            await condition.wait()
            return "notified"

    async def want_the_other() -> None:
        await ready.wait()
        async with condition:
            if notified:
                condition.notify()
            async with other:
                pass

    waiting, wanting = start(wait_with_the_other(), "waiting"), start(want_the_other(), "wanting")
    with pytest.raises(RuntimeError) as caught:
        await wanting
    assert "task 'wanting' waits for PriorityLock 'other' held by task 'waiting', which waits for" in str(caught.value)
    assert "PriorityLock \"condition's\" held by task 'wanting'" in str(caught.value)
    if not notified:
        async with condition:
            condition.notify()
    assert await waiting == "notified"
    assert not condition.locked()
    assert not other.locked()


async def test_a_cancelled_wait_for_a_condition_still_needs_the_lock() -> None:
    condition, other = PriorityCondition(), PriorityLock()
    ready = asyncio.Event()

    async def wait_with_the_other() -> None:
        async with other, condition:
            ready.set()
            await condition.wait()

    async def want_the_other(passes: int) -> None:
        async with condition:
            waiting.cancel()
            for _ in range(passes):
                await asyncio.sleep(0)
                waiting.cancel()
            await other.acquire()

    for passes in range(4):
        ready.clear()
        waiting = start(wait_with_the_other(), "waiting")
        await ready.wait()
        with pytest.raises(RuntimeError, match="deadlock"):
            await start(want_the_other(passes), "wanting")
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert not condition.locked()
