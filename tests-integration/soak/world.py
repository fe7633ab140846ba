"""What a round of the soak consists of: pieces, what tasks do with them, and what must hold when all have ended."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
import traceback
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from aio_coro import GeneratorObject, Monitor, OOBData, cancelling, coro_eager, create_task
from aio_events import RepeatedEvent, azip, iter_move_on_after, periodic
from aio_group import (
    Executor,
    Group,
    GroupClosedError,
    TaskNursery,
    move_on_when,
    run_and_cancelling,
    uncancellable,
    wait_all,
    wait_any,
    wait_for,
)
from aio_queue import LifoQueue, PriorityQueue, Queue, QueueClosedError
from aio_sched import (
    InterruptCondition,
    InterruptException,
    PriorityCondition,
    PriorityLock,
    PrioritySemaphore,
    PriorityTask,
    create_pytask,
    task_timeout,
)
from aio_values import AsyncBool, AsyncDictionary, AsyncValue, accessor, awaitable_predicate, compose_values

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Coroutine

    Activity = Callable[["World"], Awaitable[object]]

PERMITS = 2
# How deep activities stand in each other.
MAX_DEPTH = 4


class Failure(Exception):
    """What activities fail with on purpose."""


class Interrupt(InterruptException):
    """What tasks are interrupted with."""


class Violation(AssertionError):
    """Something that must hold does not."""


class World:
    """The pieces of one round, and the accounts of what went in and came out."""

    def __init__(self, dice: random.Random, *, threads: bool) -> None:
        self.dice = dice
        self.activities = ACTIVITIES + (IN_THREADS if threads else [])
        self.over = False
        self.steps = 0
        self.wrong: list[str] = []
        self.depth = 0
        self.numbers = itertools.count()
        self.queues: list[Queue[int]] = [Queue(2), PriorityQueue(), LifoQueue(1)]
        self.put: list[int] = []
        self.got: list[int] = []
        self.value = AsyncValue(0)
        self.flag = AsyncBool()
        self.dictionary: AsyncDictionary[str, int] = AsyncDictionary()
        self.stored: list[int] = []
        self.popped: list[int] = []
        self.condition = PriorityCondition()
        self.interruptible = InterruptCondition()
        self.is_even = awaitable_predicate(lambda: self.value.value % 2 == 0, asyncio.Condition())
        self.accessor: accessor[int] = accessor(condition=asyncio.Condition())
        self.locks = [PriorityLock(name=f"lock {number}") for number in range(3)]
        self.holders = [0, 0, 0]
        self.semaphore = PrioritySemaphore(PERMITS)
        self.permits = 0
        self.event = RepeatedEvent()
        self.group = Group(self.note_error)
        self.workers: list[asyncio.Future[Any]] = []

    def note_error(self, error: BaseException) -> None:
        if not is_expected(error):
            self.wrong.append("an error that nobody expects: " + "".join(traceback.format_exception(error)))

    def require(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong.append(what)

    def pause(self) -> float:
        """Seconds: often none, never many."""
        return self.dice.choice([0, 0, 0.001, 0.01, self.dice.random() / 20])

    # --- Tasks ---

    def start(self, count: int) -> None:
        self.workers += [self.start_worker() for _ in range(count)]

    def start_worker(self) -> asyncio.Future[Any]:
        coro = self.work()
        match self.dice.randrange(6):
            case 0:
                return create_pytask(coro)
            case 1:
                return create_task(coro, eager_start=True)
            case 2:
                return PriorityTask(coro, priority=self.priority(), eager_start=True)
            case 3:
                return self.group.wrap(PriorityTask(coro, priority=self.priority()))
            case 4:
                return self.group.wrap(coro)
        return PriorityTask(coro, priority=self.priority())

    def priority(self) -> float:
        return self.dice.choice([-10.0, 0.0, 10.0, self.dice.uniform(-20, 20)])

    async def work(self) -> None:
        """Do one thing after the other, whatever comes, until the round is over."""
        me = asyncio.current_task()
        assert me is not None
        while not self.over:
            try:
                await self.act()
                await asyncio.sleep(self.pause())
            except asyncio.CancelledError:
                if self.over:
                    raise
                while me.cancelling():
                    me.uncancel()
            except Exception as error:
                self.note_error(error)

    async def act(self, depth: int = 0) -> None:
        """Do something, perhaps inside of something else."""
        self.steps += 1
        if depth < MAX_DEPTH and self.dice.random() < 0.5:
            await self.dice.choice(AROUND)(self, partial(self.act, depth + 1))
        else:
            await self.dice.choice(self.activities)(self)

    # --- The end of a round ---

    def close(self) -> None:
        """Nothing new is begun, and whoever waits in a queue or a group goes."""
        self.over = True
        for queue in self.queues:
            queue.close()
        self.group.close()

    def check(self) -> None:
        """Nobody works any more: look for what was lost or left."""
        left = [queue.get_nowait() for queue in self.queues for _ in range(queue.qsize())]
        self.require(
            sorted(self.put) == sorted(self.got + left), f"queues: put {self.put}, got {self.got}, left {left}"
        )
        stored = list(self.dictionary.values())
        self.require(sorted(self.stored) == sorted(self.popped + stored), "the dictionary lost or doubled a value")
        for queue in self.queues:
            self.require(not (queue._getters or queue._putters or queue._promised_items), f"waiting in {queue!r}")
        self.require(sum(self.value.statistics()) == 0, f"left: {self.value.statistics()}")
        self.require(sum(self.flag.statistics()) == 0, f"left: {self.flag.statistics()}")
        self.require(not self.dictionary._getters, f"waiting in {self.dictionary!r}")
        self.require(not self.dictionary._poppers, f"waiting in {self.dictionary!r}")
        for lock in self.locks:
            self.require(not lock.locked() and lock._handed_to is None and not lock._waiters, f"held: {lock!r}")
        self.require(not self.semaphore.locked() and self.semaphore._value == PERMITS, f"held: {self.semaphore!r}")
        self.require(not self.interruptible._waiters and not self.interruptible.locked(), "InterruptCondition in use")
        self.require(self.is_even.waiting == 0, f"waiting: {self.is_even!r}")
        condition = self.accessor.condition
        assert isinstance(condition, asyncio.Condition)
        self.require(not self.condition._waiters and not self.condition.locked(), f"waiting: {self.condition!r}")
        self.require(not condition.locked(), f"held: {self.accessor!r}")
        self.require(not self.event._waiting, f"waiting: {self.event!r}")
        self.require(self.group.is_closed, f"not closed: {self.group!r}")
        self.require(not TaskNursery.registry, f"open: {dict(TaskNursery.registry)}")


def is_expected(error: BaseException) -> bool:
    """Whether what was raised is what an activity may end with."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_expected, error.exceptions))
    if isinstance(error, RuntimeError):
        return any(part in str(error) for part in ("deadlock", "nursery that is"))
    return isinstance(
        error,
        Failure | TimeoutError | QueueClosedError | GroupClosedError | asyncio.CancelledError | StopAsyncIteration,
    )


# --- What tasks do ---


async def put(world: World) -> None:
    number = next(world.numbers)
    await world.dice.choice(world.queues).put(number)
    world.put.append(number)


async def put_many(world: World) -> None:
    numbers = [next(world.numbers) for _ in range(2)]
    await world.queues[0].put_many(numbers)
    world.put += numbers


async def get(world: World) -> None:
    world.got.append(await world.dice.choice(world.queues).get())


async def get_many(world: World) -> None:
    world.got += await world.queues[0].get_many(3)


async def iterate(world: World) -> None:
    async for number in world.dice.choice(world.queues):
        world.got.append(number)
        break


async def assign(world: World) -> None:
    world.value.value = world.dice.randrange(4)
    world.flag.value = world.dice.random() < 0.5


async def wait_for_value(world: World) -> None:
    wanted = world.dice.randrange(4)
    match world.dice.randrange(4):
        case 0:
            await world.value.wait_value(wanted)
        case 1:
            await world.value.wait_transition(lambda new, old: new > old)
        case 2:
            await world.value.wait_value(lambda number: number == wanted, held_for=0.001, timeout=0.05)
        case _:
            async for _ in world.value.eventual_values():
                if world.dice.random() < 0.5:
                    break
                await asyncio.sleep(0)


async def wait_for_both(world: World) -> None:
    with compose_values(number=world.value, flag=world.flag) as both:
        await both.wait_value(lambda now: now.flag and now.number > 1)


async def wait_for_derived(world: World) -> None:
    with world.value.open_transform(lambda number: number % 2) as parity:
        await parity.wait_value(1)


async def store(world: World) -> None:
    number = next(world.numbers)
    key = f"key {world.dice.randrange(3)}"
    poppers = world.dictionary._poppers.get(key)
    on_its_way = poppers is not None and bool(poppers) and not poppers.has_waiting()
    # A value that is replaced would be gone, as in any dictionary; so would one on its way to a task that is cancelled.
    if key not in world.dictionary and not on_its_way:
        world.dictionary[key] = number
        world.stored.append(number)


async def pop(world: World) -> None:
    world.popped.append(await world.dictionary.pop_wait(f"key {world.dice.randrange(3)}"))


async def look_up(world: World) -> None:
    await world.dictionary.get_wait(f"key {world.dice.randrange(3)}")


async def read(world: World) -> None:
    await world.accessor.get(lambda number: number is not None, wait_for_write=world.dice.random() < 0.5)


async def write(world: World) -> None:
    await world.accessor.set(world.dice.randrange(3), wait_for_read=world.dice.random() < 0.2)


async def notify(world: World) -> None:
    async with world.condition:
        world.condition.notify(world.dice.randrange(1, 3))


async def wait_for_notice(world: World) -> None:
    async with world.condition:
        await world.condition.wait()
        world.require(world.condition.locked(), "a condition's wait ended without its lock")


async def wait_to_be_interrupted(world: World) -> None:
    async with world.interruptible:
        if world.dice.random() < 0.5:
            world.interruptible.notify()
        else:
            await world.interruptible.wait()
            world.require(world.interruptible.locked(), "a condition's wait ended without its lock")


async def expect(world: World) -> None:
    with world.value.expecting(2) as expected:
        await assign(world)
        await expected


async def follow_transitions(world: World) -> None:
    async for _ in world.value.transitions(lambda new, old: new != old):
        if world.dice.random() < 0.5:
            return


async def wait_for_even(world: World) -> None:
    if world.dice.random() < 0.5:
        await world.is_even
    else:
        async with world.is_even.condition:
            world.is_even.condition.notify_all()


async def ring(world: World) -> None:
    world.event.set()


async def listen(world: World) -> None:
    await world.event.wait()


async def follow(world: World) -> None:
    async for _ in world.event.events(repeat_last=True):
        if world.dice.random() < 0.5:
            return


async def tick(world: World) -> None:
    async for _ in iter_move_on_after(0.02, azip(periodic(0.001), world.event.unqueued_events())):
        if world.dice.random() < 0.5:
            return


async def sleep(world: World) -> None:
    await asyncio.sleep(world.pause())


async def fail(world: World) -> None:
    await asyncio.sleep(world.pause())
    raise Failure


async def give_up(world: World) -> None:
    """A task that cancels itself."""
    me = asyncio.current_task()
    assert me is not None
    me.cancel()
    await asyncio.sleep(0)


async def converse(world: World) -> None:
    monitor: Monitor[int] = Monitor()

    async def ask() -> int:
        total = 0
        for number in range(3):
            await asyncio.sleep(world.pause())
            total += await monitor.oob(number)
        return total

    coro = ask()
    answer = None
    try:
        while True:
            try:
                total = await monitor.aawait(coro, answer)
            except OOBData as question:
                answer = question.data * 2
            else:
                world.require(total == 6, f"a monitor got {total}")
                return
    finally:
        coro.close()


async def generate(world: World) -> None:
    generator: GeneratorObject[int, None] = GeneratorObject()

    async def produce() -> None:
        for number in range(3):
            await asyncio.sleep(world.pause())
            await generator.ayield(number)

    numbers = generator(produce())
    try:
        expected = itertools.count()
        async for number in numbers:
            world.require(number == next(expected), "a generator object's numbers are out of order")
    finally:
        await uncancellable(numbers.aclose())


async def compute_in_a_thread(world: World) -> None:
    async with Executor(1) as executor:
        await executor.spawn(time.sleep, world.pause() / 10)


async def assign_from_a_thread(world: World) -> None:
    await asyncio.to_thread(world.value.set_threadsafe, world.dice.randrange(4))


async def talk(world: World) -> None:
    """A line from one socket to another, by the loop."""
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    with left, right:
        left.setblocking(False)
        right.setblocking(False)
        receiving = asyncio.ensure_future(loop.sock_recv(right, 10))
        try:
            await asyncio.sleep(world.pause())
            await loop.sock_sendall(left, b"line")
            world.require(await receiving == b"line", "a line got lost")
        finally:
            receiving.cancel()
            await uncancellable(asyncio.wait([receiving]))


#: For loops whose time is real: in virtual time, timers do not wait for threads and sockets.
IN_THREADS: list[Activity] = [compute_in_a_thread, assign_from_a_thread, talk]

ACTIVITIES: list[Activity] = [
    put,
    put,
    put_many,
    get,
    get,
    get_many,
    iterate,
    assign,
    assign,
    wait_for_value,
    wait_for_both,
    wait_for_derived,
    store,
    store,
    pop,
    look_up,
    read,
    write,
    notify,
    notify,
    wait_for_notice,
    wait_to_be_interrupted,
    expect,
    follow_transitions,
    wait_for_even,
    ring,
    listen,
    follow,
    tick,
    sleep,
    fail,
    give_up,
    converse,
    generate,
]


# --- What they do it in ---


async def in_time(world: World, act: Callable[[], Awaitable[None]]) -> None:
    async with task_timeout(world.pause(), cancel_awaited=world.dice.random() < 0.3):
        await act()


async def in_time_by_asyncio(world: World, act: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(world.pause()):
        await act()


async def in_time_by_waiting(world: World, act: Callable[[], Awaitable[None]]) -> None:
    await wait_for(act(), world.pause())


async def with_a_lock(world: World, act: Callable[[], Awaitable[None]]) -> None:
    number = world.dice.randrange(len(world.locks))
    async with world.locks[number]:
        world.holders[number] += 1
        world.require(world.holders[number] == 1, f"{world.holders[number]} tasks hold one lock")
        try:
            await act()
        finally:
            world.holders[number] -= 1


async def with_a_permit(world: World, act: Callable[[], Awaitable[None]]) -> None:
    async with world.semaphore:
        world.permits += 1
        world.require(world.permits <= PERMITS, f"{world.permits} tasks have one of {PERMITS} permits")
        try:
            await act()
        finally:
            world.permits -= 1


async def in_a_race(world: World, act: Callable[[], Awaitable[None]]) -> None:
    await wait_any(act, act)


async def side_by_side(world: World, act: Callable[[], Awaitable[None]]) -> None:
    await wait_all(act, act)


async def until_something_else(world: World, act: Callable[[], Awaitable[None]]) -> None:
    async with move_on_when(act):
        await act()


async def beside(world: World, act: Callable[[], Awaitable[None]]) -> None:
    async with run_and_cancelling(act):
        await act()


async def in_a_group(world: World, act: Callable[[], Awaitable[None]]) -> None:
    async with Group(world.note_error, limit=world.dice.choice([None, 1])) as group:
        tasks = [group.spawn(act) for _ in range(2)]
        if world.dice.random() < 0.3:
            await group.async_close(cancel=world.dice.random() < 0.5)
        elif world.dice.random() < 0.3:
            group.cancel()
            await asyncio.sleep(1)
        else:
            await tasks[0]


async def in_a_subgroup(world: World, act: Callable[[], Awaitable[None]]) -> None:
    group = world.group.create_subgroup()
    try:
        await group.spawn(act)
    finally:
        await group.async_close()


async def in_a_nursery(world: World, act: Callable[[], Awaitable[None]]) -> None:
    async with TaskNursery() as nursery:
        for _ in range(2):
            nursery.create_task(act())
        if world.dice.random() < 0.5:
            await act()
        else:
            await nursery


async def in_a_task_group(world: World, act: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(run(act))
            await act()
    except BaseExceptionGroup as errors:
        world.note_error(errors)
        # Before 3.13, an interrupt of the body is among them: the group is none of the kind that can be handed on.
        raise Failure from None


async def eagerly(world: World, act: Callable[[], Awaitable[None]]) -> None:
    with cancelling(coro_eager(run(act))) as started:
        started.add_done_callback(look_at_error)
        await started


async def in_an_urgent_task(world: World, act: Callable[[], Awaitable[None]]) -> None:
    task = PriorityTask(run(act), priority=world.priority(), eager_start=world.dice.random() < 0.5)
    task.add_done_callback(look_at_error)
    try:
        await task
    finally:
        task.cancel()


async def to_its_end(world: World, act: Callable[[], Awaitable[None]]) -> None:
    async def briefly() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await act()

    await uncancellable(briefly(), raise_cancel=world.dice.random() < 0.5)


def look_at_error(task: asyncio.Future[Any]) -> None:
    """Who awaits the task may have been interrupted, and then nobody hears of its error."""
    if not task.cancelled():
        task.exception()


async def run(act: Callable[[], Awaitable[None]]) -> None:
    await act()


AROUND: list[Callable[[World, Callable[[], Coroutine[Any, Any, None]]], Awaitable[None]]] = [
    in_time,
    in_time,
    in_time_by_asyncio,
    in_time_by_waiting,
    with_a_lock,
    with_a_lock,
    with_a_permit,
    in_a_race,
    side_by_side,
    until_something_else,
    beside,
    in_a_group,
    in_a_subgroup,
    in_a_nursery,
    in_a_task_group,
    eagerly,
    in_an_urgent_task,
    to_its_end,
]
