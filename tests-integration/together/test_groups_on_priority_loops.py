"""Groups, nurseries and resources whose tasks have priorities, on loops that heed them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aio_group import Group, Resource, TaskNursery, call_on_cancel, wait_all
from aio_sched import Priority, PriorityLock, PrioritySelectorEventLoop, PriorityTask
from suite_support.interleaving import settle
from suite_support.loops import priority_loops

if TYPE_CHECKING:
    from collections.abc import Coroutine

LOOPS = priority_loops()

pytestmark = pytest.mark.asyncio

# As their tasks are started; the most urgent has the lowest value.
PRIORITIES = {"report": 10.0, "plain": 0.0, "request": -10.0, "sweep": 5.0, "alarm": -20.0}
BY_URGENCY = sorted(PRIORITIES, key=PRIORITIES.__getitem__)


def loop() -> PrioritySelectorEventLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, PrioritySelectorEventLoop)
    return running


def urgent(coro: Coroutine[Any, Any, Any], priority: float) -> PriorityTask[Any]:
    return PriorityTask(coro, priority=priority)


async def all_else_is_blocked() -> None:
    """Return when nothing else can run; who waits for that is the least urgent of all."""
    await urgent(settle(), 1000.0)


class Log:
    """What happened, in order."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    async def work(self, name: str) -> str:
        """Two steps, then wait; two more when cancelled."""
        try:
            for _ in range(2):
                self.entries.append(name)
                await asyncio.sleep(0)
            await asyncio.Event().wait()
        finally:
            self.entries.append(f"{name} ends")
        return name

    def take(self) -> list[str]:
        entries, self.entries = self.entries, []
        return entries


async def test_tasks_that_a_group_adopts_run_and_end_by_priority() -> None:
    log = Log()
    async with Group() as group:
        for name, priority in PRIORITIES.items():
            group.wrap(loop().create_task(log.work(name), priority=priority))
        await all_else_is_blocked()
        assert log.take() == [name for name in BY_URGENCY for _ in range(2)]
    assert log.take() == [f"{name} ends" for name in BY_URGENCY]
    assert group.is_closed


async def test_a_task_factory_gives_a_group_s_own_tasks_priorities() -> None:
    log = Log()

    begin = asyncio.Event()

    async def work(name: str) -> str:
        # Up to its first wait it is as urgent as any plain task.
        task = asyncio.current_task()
        assert isinstance(task, PriorityTask)
        task.priority_value = PRIORITIES[name]
        await begin.wait()
        return await log.work(name)

    loop().set_task_factory(PriorityTask.factory)
    async with Group() as group:
        for name in PRIORITIES:
            group.spawn(work, name)
        await all_else_is_blocked()
        begin.set()
        await all_else_is_blocked()
        assert log.take() == [name for name in BY_URGENCY for _ in range(2)]
    assert log.take() == [f"{name} ends" for name in BY_URGENCY]


async def test_a_nursery_starts_tasks_with_a_priority_and_stops_them_in_its_order() -> None:
    log = Log()
    async with TaskNursery() as nursery:
        for name, priority in PRIORITIES.items():
            nursery.create_task(log.work(name), priority=priority)
        await all_else_is_blocked()
        assert log.take() == [name for name in BY_URGENCY for _ in range(2)]
    assert log.take() == [f"{name} ends" for name in BY_URGENCY]
    assert nursery.tasks == ()


async def test_an_urgent_failure_of_a_nursery_is_not_kept_waiting_by_its_other_tasks() -> None:
    steps = 0

    async def grind() -> None:
        nonlocal steps
        while True:
            steps += 1
            await asyncio.sleep(0)

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("urgent")

    async def serve() -> None:
        async with TaskNursery() as nursery:
            for _ in range(10):
                nursery.create_task(grind(), priority=Priority.LOW)
            nursery.create_task(fail(), priority=Priority.HIGH)
            await nursery

    with pytest.raises(ValueError, match="urgent"):
        await loop().create_task(serve(), priority=Priority.HIGH)
    # Each has had a bounded number of turns: the error did not wait for them.
    assert steps <= 30
    assert asyncio.all_tasks() == {asyncio.current_task()}


class Connection(Resource):
    """Works in a group of its own, at a priority, and cleans up when it is closed."""

    def __init__(self, log: Log, name: str) -> None:
        self._async_group = Group()
        priority = PRIORITIES[name]
        self._async_group.wrap(urgent(log.work(name), priority))
        self._async_group.wrap(urgent(call_on_cancel(log.entries.append, f"{name} cleaned up"), priority))

    @property
    def async_group(self) -> Group:
        return self._async_group


async def test_resources_that_are_closed_together_close_in_the_order_of_their_tasks() -> None:
    log = Log()
    connections = {name: Connection(log, name) for name in PRIORITIES}
    await all_else_is_blocked()
    log.take()
    closed: list[str] = []
    closing = [
        urgent(close_and_note(connection, name, closed), PRIORITIES[name]) for name, connection in connections.items()
    ]
    await asyncio.gather(*closing)
    assert closed == BY_URGENCY
    ends = [entry for entry in log.take() if entry.endswith("ends")]
    assert ends == [f"{name} ends" for name in BY_URGENCY]
    assert all(connection.is_closed for connection in connections.values())


async def close_and_note(connection: Connection, name: str, closed: list[str]) -> None:
    await connection.async_close()
    closed.append(name)


async def test_subgroups_end_with_their_group_whatever_the_priorities() -> None:
    log = Log()
    group = Group()
    for name, priority in PRIORITIES.items():
        group.create_subgroup().wrap(urgent(log.work(name), priority))
    await all_else_is_blocked()
    log.take()
    await urgent(group.async_close(), Priority.HIGH)
    assert log.take() == [f"{name} ends" for name in BY_URGENCY]
    assert group.is_closed


async def test_a_limited_group_keeps_its_line_and_runs_whoever_is_in_it_by_priority() -> None:
    order: list[str] = []

    async def work(name: str) -> None:
        order.append(name)
        await asyncio.sleep(0)

    # Who is let in is a matter of the line; what is in runs as urgent as it is.
    async with Group(limit=2) as group:
        tasks = [group.spawn(work, name) for name in PRIORITIES]
        await asyncio.wait(tasks)
    assert order == list(PRIORITIES)


async def test_a_group_s_task_that_holds_a_lock_is_lent_the_priority_of_one_that_waits_in_another_group() -> None:
    lock = PriorityLock()
    log: list[str] = []
    locked = asyncio.Event()

    async def sweep() -> None:
        async with lock:
            locked.set()
            for _ in range(3):
                await asyncio.sleep(0)
            log.append("swept")

    async def request() -> None:
        async with lock:
            log.append("answered")

    async def busy(rounds: int) -> None:
        for _ in range(rounds):
            await asyncio.sleep(0)
        log.append("worked")

    async with Group() as background, Group() as requests:
        sweeping = background.wrap(urgent(sweep(), Priority.LOW))
        await locked.wait()
        working = background.wrap(urgent(busy(50), Priority.NORMAL))
        answering = requests.wrap(urgent(request(), Priority.HIGH))
        await asyncio.wait([sweeping, working, answering])
    assert log == ["swept", "answered", "worked"]


async def test_functions_that_are_awaited_together_have_the_priorities_that_a_factory_gives_them() -> None:
    order: list[str] = []
    begun = asyncio.Semaphore(0)
    begin = asyncio.Event()

    async def work(name: str) -> str:
        task = asyncio.current_task()
        assert isinstance(task, PriorityTask)
        task.priority_value = PRIORITIES[name]
        begun.release()
        await begin.wait()
        order.append(name)
        return name

    async def start() -> None:
        for _ in PRIORITIES:
            await begun.acquire()
        begin.set()

    loop().set_task_factory(PriorityTask.factory)
    starting = asyncio.create_task(start())
    assert await wait_all(*(partial(work, name) for name in PRIORITIES)) == tuple(PRIORITIES)
    assert order == BY_URGENCY
    assert starting.done()


async def test_an_urgent_close_of_a_group_overtakes_nobody_s_first_step() -> None:
    started: list[str] = []

    async def work(name: str) -> None:
        started.append(name)
        await asyncio.Event().wait()

    async def close_at_once(group: Group) -> None:
        group.wrap(urgent(work("low"), Priority.LOW))
        group.spawn(work, "plain")
        await group.async_close()

    group = Group()
    await urgent(close_at_once(group), Priority.HIGH)
    # `spawn` promises that its task runs until its first wait. One that was made elsewhere is only cancelled.
    assert "plain" in started
    assert group.is_closed
