"""What asynkit's documentation says of priorities, as tests; where ours promises more, the test says so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aio_sched
import pytest
from aio_sched import Priority, PriorityCondition, PriorityLock, PriorityTask
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Coroutine

ON_PRIORITY_LOOPS = pytest.mark.asyncio(loop_factories=["priority"])
ON_ANY_LOOP = pytest.mark.asyncio

#: Priorities in the order in which tasks come, and the places of these in the order in which they are served.
ARRIVING = [Priority.LOW, 0.0, Priority.HIGH, 0.5, Priority.HIGH, 0.0, -0.5]
SERVED = [2, 4, 6, 1, 5, 3, 0]


def start(coro: Coroutine[Any, Any, Any], priority: float) -> PriorityTask[Any]:
    return PriorityTask(coro, priority=priority)


async def note(log: list[Any], what: Any, times: int = 1) -> None:
    for _ in range(times):
        log.append(what)
        await asyncio.sleep(0)


# FIFO scheduling


@ON_ANY_LOOP
async def test_plain_tasks_are_served_first_come_first_served() -> None:
    log: list[int] = []
    lock, condition = PriorityLock(), PriorityCondition()

    async def take(number: int) -> None:
        async with lock:
            log.append(number)

    async def wait(number: int) -> None:
        async with condition:
            await condition.wait()
            log.append(number)

    await asyncio.gather(*[note(log, number) for number in range(5)])
    assert log == [0, 1, 2, 3, 4]
    log.clear()
    async with lock:
        tasks = [asyncio.create_task(take(number)) for number in range(5)]
        await settle()
    await asyncio.gather(*tasks)
    assert log == [0, 1, 2, 3, 4]
    log.clear()
    tasks = [asyncio.create_task(wait(number)) for number in range(5)]
    await settle()
    async with condition:
        condition.notify_all()
    await asyncio.gather(*tasks)
    assert log == [0, 1, 2, 3, 4]


# Priorities


def test_the_named_priorities_have_the_documented_values() -> None:
    assert (Priority.HIGH, Priority.NORMAL, Priority.LOW) == (-10.0, 0.0, 10.0)


@ON_ANY_LOOP
async def test_a_task_takes_its_priority_as_an_argument_or_as_an_attribute() -> None:
    task = start(asyncio.sleep(0), Priority.LOW)
    assert isinstance(task, asyncio.Task)
    assert task.effective_priority() == task.priority_value == 10.0
    task.priority_value = Priority.HIGH
    assert task.effective_priority() == task.priority_value == -10.0
    await task
    plain = PriorityTask(asyncio.sleep(0))
    assert plain.effective_priority() == 0.0
    await plain


@ON_ANY_LOOP
async def test_a_lock_goes_to_the_lowest_value_and_among_equals_to_the_first() -> None:
    log: list[int] = []
    lock = PriorityLock()
    assert isinstance(lock, asyncio.Lock)

    async def take(number: int) -> None:
        async with lock:
            log.append(number)

    async with lock:
        tasks = [start(take(number), priority) for number, priority in enumerate(ARRIVING)]
        await settle()
    await asyncio.gather(*tasks)
    assert log == SERVED


@ON_ANY_LOOP
@pytest.mark.parametrize("number_notified", [1, 3, len(ARRIVING)])
async def test_a_condition_wakes_the_lowest_value_and_among_equals_the_first(number_notified: int) -> None:
    log: list[int] = []
    condition = PriorityCondition()
    assert isinstance(condition, asyncio.Condition)
    assert isinstance(condition._lock, PriorityLock)  # type: ignore[attr-defined]  # the default, as documented

    async def wait(number: int) -> None:
        async with condition:
            await condition.wait()
            log.append(number)

    tasks = [start(wait(number), priority) for number, priority in enumerate(ARRIVING)]
    await settle()
    async with condition:
        condition.notify(number_notified)
    # Without spinning meanwhile: that would be more urgent than some, and turns be given away.
    await asyncio.wait([tasks[number] for number in SERVED[:number_notified]])
    assert log == SERVED[:number_notified]
    async with condition:
        condition.notify_all()
    await asyncio.gather(*tasks)
    assert log == SERVED


@ON_ANY_LOOP
async def test_any_task_with_effective_priority_is_served_by_it_and_others_have_zero() -> None:
    class Urgent(asyncio.Task[None]):
        def effective_priority(self) -> float:
            return -1.0

    log: list[str] = []
    lock = PriorityLock()

    async def take(what: str) -> None:
        async with lock:
            log.append(what)

    async with lock:
        tasks: list[asyncio.Task[None]] = [
            start(take("below plain"), 0.1),
            asyncio.create_task(take("plain")),
            start(take("above plain"), -0.1),
            Urgent(take("by its method"), loop=asyncio.get_running_loop()),
        ]
        await settle()
    await asyncio.gather(*tasks)
    assert log == ["by its method", "above plain", "plain", "below plain"]


@ON_ANY_LOOP
async def test_the_locks_support_interruption() -> None:
    lock = PriorityLock()
    await lock.acquire()
    waiting = start(lock.acquire(), Priority.HIGH)
    await settle()
    aio_sched.task_throw(waiting, aio_sched.InterruptException())
    with pytest.raises(aio_sched.InterruptException):
        await waiting
    lock.release()
    async with lock:
        pass


# The loop


@ON_PRIORITY_LOOPS
async def test_the_loop_runs_the_lowest_value_and_among_equals_the_first() -> None:
    log: list[int] = []
    await asyncio.gather(*[start(note(log, number), priority) for number, priority in enumerate(ARRIVING)])
    assert log == SERVED


@ON_PRIORITY_LOOPS
async def test_the_default_loop_has_priorities_and_the_scheduling_extensions() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, aio_sched.DefaultPriorityEventLoop)
    assert isinstance(loop, aio_sched.PrioritySchedulingMixin)
    assert isinstance(loop, aio_sched.AbstractSchedulingLoop)
    assert isinstance(loop, asyncio.AbstractEventLoop)
    assert aio_sched.get_scheduling_loop() is loop


# Priority inversion


@ON_PRIORITY_LOOPS
async def test_a_task_is_as_urgent_as_who_waits_for_its_lock() -> None:
    log: list[str] = []
    lock = PriorityLock()

    async def hold() -> None:
        async with lock:
            await note(log, "low", 3)

    async def want() -> None:
        async with lock:
            log.append("high")

    low = start(hold(), Priority.LOW)
    await settle()
    assert low.effective_priority() == Priority.LOW
    between = start(note(log, "between", 5), 1.0)
    high = start(want(), Priority.HIGH)
    await settle()
    await asyncio.gather(low, high, between)
    assert log.index("high") < log.index("between")


@ON_ANY_LOOP
async def test_inheritance_follows_effective_priorities_along_a_chain() -> None:
    # The reference's does not move those in the middle, once they wait.
    locks = PriorityLock(), PriorityLock()
    gate = asyncio.Event()

    async def hold() -> None:
        async with locks[0]:
            await gate.wait()

    async def hold_and_want() -> None:
        async with locks[1], locks[0]:
            pass

    async def want() -> None:
        async with locks[1]:
            pass

    tasks = [start(hold(), Priority.LOW)]
    await settle()
    tasks.append(start(hold_and_want(), 5.0))
    await settle()
    tasks.append(start(want(), Priority.HIGH))
    await settle()
    assert [task.effective_priority() for task in tasks] == [Priority.HIGH] * 3
    assert [task.priority_value for task in tasks] == [Priority.LOW, 5.0, Priority.HIGH]
    gate.set()
    await asyncio.gather(*tasks)


@ON_PRIORITY_LOOPS
async def test_a_task_that_sat_in_the_queue_for_long_runs_without_any_help_of_locks() -> None:
    # The reference boosts at random; here a turn is given away after so many handles.
    log: list[str] = []
    busy = [start(note(log, "busy", 500), Priority.HIGH) for _ in range(2)]
    await start(note(log, "low"), Priority.LOW)
    assert log.index("low") <= 3 * 65
    await asyncio.gather(*busy)


# How to use it


def test_the_loop_without_its_locks_and_tasks() -> None:
    async def main() -> list[str]:
        log: list[str] = []
        lock = asyncio.Lock()

        async def take(what: str) -> None:
            async with lock:
                await note(log, what)

        await asyncio.gather(*[asyncio.create_task(take(what)) for what in "abc"])
        return log

    with asyncio.Runner(loop_factory=aio_sched.DefaultPriorityEventLoop) as runner:
        assert runner.run(main()) == ["a", "b", "c"]


@ON_PRIORITY_LOOPS
async def test_a_handler_raises_its_priority_for_a_while() -> None:
    log: list[str] = []

    async def handle(name: str, priority: float) -> None:
        task = asyncio.current_task()
        assert isinstance(task, PriorityTask)
        before, task.priority_value = task.priority_value, priority
        try:
            await note(log, name, 2)
        finally:
            task.priority_value = before
        await note(log, f"after {name}")

    await asyncio.gather(start(handle("page", 0.0), 0.0), start(handle("health check", Priority.HIGH), 0.0))
    assert log == ["page", "health check", "health check", "after health check", "page", "after page"]
