"""Interrupts and cancellations at tasks that wait in any piece: they arrive once, nothing is lost, nothing stays."""

from __future__ import annotations

import asyncio
import enum
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from aio_coro import Monitor
from aio_events import RepeatedEvent
from aio_group import Group, TaskNursery, move_on_when, uncancellable, wait_all, wait_any
from aio_queue import Queue
from aio_sched import (
    InterruptCondition,
    InterruptException,
    PriorityCondition,
    PriorityLock,
    PrioritySemaphore,
    create_pytask,
    get_scheduling_loop,
    task_interrupt,
    task_throw,
    task_timeout,
)
from aio_values import AsyncDictionary, AsyncValue, accessor, compose_values
from suite_support.interleaving import settle
from suite_support.loops import every_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

LOOPS = {
    name: make
    for name, make in every_loop().items()
    if name in {"asyncio", "scheduling", "priority", "priority debug", "uvloop"}
}


class Wait:
    """Something that a task waits for: one of it, that goes to the next one if the first does not take it."""

    #: Whether what wakes one waiter wakes all of them.
    shared = False

    async def wait(self) -> Any:
        """Wait for it and return it."""
        raise NotImplementedError

    def wake(self) -> None:
        """Let the one that has waited longest go on."""
        raise NotImplementedError

    def waiting(self) -> int:
        """How many wait, as far as the piece knows."""
        raise NotImplementedError


class Value(Wait):
    shared = True

    def __init__(self) -> None:
        self.value = AsyncValue(0)

    async def wait(self) -> int:
        return await self.value.wait_value(lambda number: number == 1)

    def wake(self) -> None:
        self.value.value = 1
        self.value.value = 2

    def waiting(self) -> int:
        return self.value.statistics().waiting


class Transition(Value):
    async def wait(self) -> int:
        return (await self.value.wait_transition(1))[0]


class ComposedValues(Value):
    def __init__(self) -> None:
        super().__init__()
        self.other = AsyncValue("")

    async def wait(self) -> int:
        with compose_values(number=self.value, other=self.other) as both:
            return int((await both.wait_value(lambda now: now.number == 1)).number)

    def waiting(self) -> int:
        return sum(self.value.statistics()) + sum(self.other.statistics())


class EventualValues(Value):
    async def wait(self) -> int:
        async for number in self.value.eventual_values(lambda number: number > 0):
            return min(number, 1)
        raise AssertionError


class QueueGet(Wait):
    def __init__(self) -> None:
        self.queue: Queue[int] = Queue(1)

    async def wait(self) -> int:
        return await self.queue.get()

    def wake(self) -> None:
        self.queue.put_nowait(1)

    def waiting(self) -> int:
        return len(self.queue._getters) + self.queue._promised_items


class QueuePut(Wait):
    def __init__(self) -> None:
        self.queue: Queue[int] = Queue(1)
        self.queue.put_nowait(0)

    async def wait(self) -> int:
        await self.queue.put(1)
        return 1

    def wake(self) -> None:
        assert self.queue.get_nowait() in {0, 1}

    def waiting(self) -> int:
        return len(self.queue._putters) + self.queue._promised_room


class DictionaryGet(Wait):
    shared = True

    def __init__(self) -> None:
        self.dictionary: AsyncDictionary[str, int] = AsyncDictionary()

    async def wait(self) -> int:
        return await self.dictionary.get_wait("key")

    def wake(self) -> None:
        self.dictionary["key"] = 1

    def waiting(self) -> int:
        return len(self.dictionary._getters) + len(self.dictionary._poppers)


class DictionaryPop(DictionaryGet):
    shared = False

    async def wait(self) -> int:
        return await self.dictionary.pop_wait("key")


class Accessor(Wait):
    shared = True

    def __init__(self) -> None:
        self.accessor: accessor[int] = accessor(condition=asyncio.Condition())

    async def wait(self) -> int:
        return await self.accessor.get(lambda number: number == 1, wait_for_write=True)

    def wake(self) -> None:
        # It can be waited for where nobody holds the condition: the write itself never waits.
        with suppress(StopIteration):
            self.accessor.set(1).send(None)

    def waiting(self) -> int:
        return self.accessor.has_waiting_read.waiting + int(bool(self.accessor.has_waiting_read))


class RepeatedEventWait(Wait):
    shared = True

    def __init__(self) -> None:
        self.event = RepeatedEvent()

    async def wait(self) -> int:
        await self.event.wait()
        return 1

    def wake(self) -> None:
        self.event.set()

    def waiting(self) -> int:
        return len(self.event._waiting)


class Lock(Wait):
    def __init__(self) -> None:
        self.lock = PriorityLock(detect_deadlock=False)
        with suppress(StopIteration):
            self.lock.acquire().send(None)

    async def wait(self) -> int:
        async with self.lock:
            return 1

    def wake(self) -> None:
        self.lock.release()

    def waiting(self) -> int:
        return len(self.lock._waiters) + int(self.lock._handed_to is not None)


class Semaphore(Wait):
    def __init__(self) -> None:
        self.semaphore = PrioritySemaphore(0)

    async def wait(self) -> int:
        await self.semaphore.acquire()
        return 1

    def wake(self) -> None:
        self.semaphore.release()

    def waiting(self) -> int:
        return len(self.semaphore._waiters or ())


class Condition(Wait):
    def __init__(self) -> None:
        self.condition: asyncio.Condition = PriorityCondition()
        self.notified = 0

    async def wait(self) -> int:
        async with self.condition:
            await self.condition.wait_for(lambda: self.notified)
            self.notified -= 1
            return 1

    def wake(self) -> None:
        self.notified += 1
        # Whoever comes first: nobody holds the lock here.
        with suppress(StopIteration):
            self.condition.acquire().send(None)
        self.condition.notify()
        self.condition.release()

    def waiting(self) -> int:
        return len(self.condition._waiters)


class ConditionToInterrupt(Condition):
    def __init__(self) -> None:
        super().__init__()
        self.condition = InterruptCondition()


class AnyOfTwo(QueueGet):
    async def wait(self) -> int:
        return await wait_any(self.queue.get, asyncio.Event().wait)


class AllOfTwo(QueueGet):
    async def wait(self) -> int:
        async def nothing() -> None:
            pass

        return (await wait_all(self.queue.get, nothing))[0]


class MonitoredGet(QueueGet):
    async def wait(self) -> int:
        monitor: Monitor[str] = Monitor()
        return await monitor.aawait(self.queue.get())


class GroupClose(Wait):
    """Each waiter closes a group of its own, whose task ends when it is told to, and not when it is cancelled."""

    def __init__(self) -> None:
        self.may_end: list[asyncio.Future[None]] = []
        self.groups: list[Group] = []

    async def wait(self) -> int:
        group = Group()
        self.groups.append(group)
        end = asyncio.get_running_loop().create_future()
        self.may_end.append(end)
        group.spawn(uncancellable, end, raise_cancel=False)
        await group.async_close()
        assert group.is_closed
        return 1

    def wake(self) -> None:
        self.may_end.pop(0).set_result(None)

    def waiting(self) -> int:
        return sum(not group.is_closed for group in self.groups)


class GroupTask(Wait):
    """All wait for one task of a group, which goes on without them."""

    shared = True

    def __init__(self) -> None:
        self.group = Group()
        self.end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Future[int] | None = None

    async def wait(self) -> int:
        if self.task is None:
            self.task = self.group.spawn(self._until_the_end)
        return await self.task

    async def _until_the_end(self) -> int:
        return await self.end

    def wake(self) -> None:
        if not self.end.done():
            self.end.set_result(1)

    def waiting(self) -> int:
        return len(self.group._listened)


class NurseryWait(Wait):
    def __init__(self) -> None:
        self.queue: Queue[int] = Queue()
        self.open: list[TaskNursery] = []

    async def wait(self) -> int:
        async with TaskNursery() as nursery:
            self.open.append(nursery)
            try:
                return await nursery.create_task(self.queue.get())
            finally:
                self.open.remove(nursery)
        raise AssertionError

    def wake(self) -> None:
        self.queue.put_nowait(1)

    def waiting(self) -> int:
        return len(self.open) + len(TaskNursery.registry) + len(self.queue._getters)


class MoveOn(QueueGet):
    async def wait(self) -> int:
        async with move_on_when(asyncio.Event().wait):
            return await self.queue.get()
        raise AssertionError


WAITS: list[type[Wait]] = [
    Value,
    Transition,
    ComposedValues,
    EventualValues,
    QueueGet,
    QueuePut,
    DictionaryGet,
    DictionaryPop,
    Accessor,
    RepeatedEventWait,
    Lock,
    Semaphore,
    Condition,
    ConditionToInterrupt,
    AnyOfTwo,
    AllOfTwo,
    MonitoredGet,
    GroupClose,
    GroupTask,
    NurseryWait,
    MoveOn,
]
# What these have in hand when they are interrupted is gone, as with any cancellation: their guides say so.
TAKES_IN_A_CHILD = (AnyOfTwo, AllOfTwo, NurseryWait)


class Means(enum.Enum):
    """How a task is stopped while it waits."""

    INTERRUPT = "interrupt"
    THROW = "throw"
    TIMEOUT = "timeout"
    CANCEL = "cancel"


class Stop(InterruptException):
    pass


async def stop(task: asyncio.Task[Any], means: Means) -> None:
    match means:
        case Means.INTERRUPT:
            await task_interrupt(task, Stop())
        case Means.THROW:
            task_throw(task, Stop())
        case Means.CANCEL:
            task.cancel()
        case Means.TIMEOUT:
            raise AssertionError


def shows_its_queue() -> bool:
    try:
        get_scheduling_loop()
    except RuntimeError:
        return False
    return True


every_wait = pytest.mark.parametrize("make_wait", WAITS, ids=lambda wait: wait.__name__)
every_means = pytest.mark.parametrize(
    "means", [Means.INTERRUPT, Means.THROW, Means.CANCEL], ids=lambda means: means.value
)
both_kinds = pytest.mark.parametrize("make_task", [asyncio.create_task, create_pytask], ids=["C task", "Python task"])


@pytest.mark.asyncio
@every_wait
@every_means
@both_kinds
async def test_a_wait_that_is_stopped_leaves_no_trace(
    make_wait: type[Wait], means: Means, make_task: Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]
) -> None:
    wait = make_wait()
    idle = wait.waiting()
    told: list[BaseException] = []

    async def waiter() -> None:
        try:
            await wait.wait()
        except asyncio.CancelledError as error:
            told.append(error)

    task = make_task(waiter())
    await settle()
    assert wait.waiting() > idle
    await stop(task, means)
    await settle()
    if isinstance(wait, GroupClose):
        # It stays until its group is closed.
        wait.wake()
    await asyncio.wait_for(task, 10)
    await settle()
    assert [isinstance(error, Stop) for error in told] == [means is not Means.CANCEL]
    assert task.cancelling() == int(means is Means.CANCEL)
    assert wait.waiting() == idle
    if isinstance(wait, GroupTask):
        wait.wake()
        await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.asyncio
@every_wait
@every_means
async def test_what_wakes_a_task_that_is_stopped_goes_to_the_next(make_wait: type[Wait], means: Means) -> None:
    if issubclass(make_wait, TAKES_IN_A_CHILD):
        pytest.skip("what a child has taken is lost with the child, as the guide says")
    if means is not Means.CANCEL and not shows_its_queue():
        pytest.skip("a task that is about to run is out of reach on uvloop")
    wait = make_wait()
    outcomes: list[tuple[str, Any]] = []

    async def waiter(name: str) -> None:
        try:
            outcomes.append((name, await wait.wait()))
        except asyncio.CancelledError as error:
            outcomes.append((name, type(error)))

    tasks = [asyncio.create_task(waiter("first"))]
    await settle()
    tasks.append(asyncio.create_task(waiter("second")))
    await settle()
    wait.wake()
    # The first is woken now, and has not run yet.
    await stop(tasks[0], means)
    await settle()
    if isinstance(wait, GroupClose):
        wait.wake()
    await asyncio.wait(tasks, timeout=10)
    assert sorted(outcomes) == [("first", asyncio.CancelledError if means is Means.CANCEL else Stop), ("second", 1)]


@pytest.mark.asyncio
@every_wait
async def test_a_task_timeout_ends_each_wait_and_leaves_no_trace(make_wait: type[Wait]) -> None:
    wait = make_wait()
    idle = wait.waiting()
    if isinstance(wait, GroupClose):
        asyncio.get_running_loop().call_later(0.05, wait.wake)
    with pytest.raises(TimeoutError):
        async with task_timeout(0.005):
            await wait.wait()
    await settle()
    assert wait.waiting() == idle
    if isinstance(wait, GroupTask):
        wait.wake()
        await settle()
    me = asyncio.current_task()
    assert me is not None
    assert me.cancelling() == 0
    assert asyncio.all_tasks() == {me}
