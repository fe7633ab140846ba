"""Priority locks against a model: who has what, who waits where in which order, and how urgent everybody is.

Workers (tasks of all kinds) take and release locks and permits, wait for a condition, change their priority, and are
cancelled and interrupted before, at and after their wake-up. The model recomputes everything from scratch after each
step, by the definitions and not by passing changes on.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aio_sched import (
    InterruptException,
    PriorityCondition,
    PriorityLock,
    PrioritySelectorEventLoop,
    PrioritySemaphore,
    PriorityTask,
    task_throw,
)
from aio_sched._inheritance import bearer_of
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LOCKS = 3
WORKERS = 6
PRIORITIES = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0])
LOCK = st.integers(0, LOCKS - 1)
WORKER = st.integers(0, WORKERS - 1)


@dataclass(eq=False)
class Worker:
    """What the model knows of a worker, and the means to tell it what to do."""

    own: float
    task: asyncio.Task[None]
    box: asyncio.Queue[Callable[[], Awaitable[object]]]
    holds: list[Place] = field(default_factory=list)
    waits: Place | None = None
    turn: int = 0
    # While it waits for the condition, or for its lock again.
    notified: bool = False
    ended: bool = False
    outcomes: list[BaseException | None] = field(default_factory=list)

    @property
    def needs(self) -> Place | None:
        """The lock without which it cannot go on."""
        if self.waits is None or self.waits.kind == "semaphore":
            return None
        return self.waits.lock or self.waits

    def effective(self) -> float:
        lent = [waiter.effective() for lock in self.holds for waiter in lock.line]
        return min([self.own, *lent])


@dataclass(eq=False)
class Place:
    """A lock, the condition, or the semaphore, in the model."""

    kind: str
    thing: Any
    lock: Place | None = None
    holder: Worker | None = None
    permits: int = 0
    waiters: list[Worker] = field(default_factory=list)

    @property
    def line(self) -> list[Worker]:
        return sorted(self.waiters, key=lambda worker: (worker.effective(), worker.turn))


async def work(worker_box: asyncio.Queue[Any], outcomes: list[BaseException | None]) -> None:
    while True:
        command = await worker_box.get()
        try:
            await command()
        except (RuntimeError, asyncio.CancelledError) as error:
            outcomes.append(error)
        else:
            outcomes.append(None)


class PriorityLocks(RuleBasedStateMachine):
    new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop

    def __init__(self) -> None:
        super().__init__()
        self.loop = type(self).new_event_loop()
        self.turns = 0
        self.loop.run_until_complete(self.make())

    async def make(self) -> None:
        self.locks = [Place("lock", PriorityLock(name=f"lock{number}")) for number in range(LOCKS)]
        first = self.locks[0]
        self.condition = Place("condition", PriorityCondition(first.thing), lock=first)
        self.semaphore = Place("semaphore", PrioritySemaphore(1), permits=1)
        self.workers: list[Worker] = []

    @initialize(data=st.data())
    def hire(self, data: st.DataObject) -> None:
        for number in range(WORKERS):
            kind: type[asyncio.Task[Any]] = data.draw(st.sampled_from([PriorityTask, PriorityTask, asyncio.Task]))
            own = data.draw(PRIORITIES) if kind is PriorityTask else 0.0
            self.loop.run_until_complete(self.hire_one(kind, own, f"worker{number}"))

    async def hire_one(self, kind: type[asyncio.Task[Any]], own: float, name: str) -> None:
        box: asyncio.Queue[Any] = asyncio.Queue()
        outcomes: list[BaseException | None] = []
        options: dict[str, Any] = {"priority": own} if issubclass(kind, PriorityTask) else {}
        task = kind(work(box, outcomes), loop=self.loop, name=name, **options)
        self.workers.append(Worker(own, task, box, outcomes=outcomes))
        await settle()

    # What is done, and what the model says becomes of it.

    @precondition(lambda self: self.idle())
    @rule(data=st.data(), which=LOCK)
    def acquire(self, data: st.DataObject, which: int) -> None:
        worker, lock = data.draw(st.sampled_from(self.idle())), self.locks[which]
        refused = self.closes_a_circle(worker, lock)
        self.tell(worker, lock.thing.acquire)
        if refused:
            error = worker.outcomes.pop()
            assert isinstance(error, RuntimeError)
            assert str(error).startswith(f"deadlock: task {worker.task.get_name()!r} waits for ")
        elif lock.holder is None:
            self.given(lock, worker)
        else:
            self.put_in_line(lock, worker)

    @precondition(lambda self: self.releasing())
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(self.releasing()))
        lock = data.draw(st.sampled_from(worker.holds))

        async def release() -> None:
            lock.thing.release()

        self.tell(worker, release)
        assert worker.outcomes.pop() is None
        self.released(lock)

    @precondition(lambda self: self.contended())
    @rule(data=st.data(), at_its_turn=st.sampled_from(["nothing", "cancel", "interrupt"]), others=st.integers(0, 2))
    def release_from_outside(self, data: st.DataObject, at_its_turn: str, others: int) -> None:
        """Release a lock, and end the waits of the next in line before those have run."""
        lock = data.draw(st.sampled_from(self.contended()))
        giving_up = [] if at_its_turn == "nothing" else self.giving_up(lock)[: 1 + others]

        async def act() -> None:
            lock.thing.release()
            for worker in giving_up:
                end(worker.task, at_its_turn)
            await settle()

        self.loop.run_until_complete(act())
        for worker in giving_up:
            self.gave_up(lock, worker)
        self.released(lock)

    @precondition(lambda self: self.contended())
    @rule(data=st.data(), how=st.sampled_from(["cancel", "interrupt"]), others=st.integers(0, 2))
    def end_waits_and_release(self, data: st.DataObject, how: str, others: int) -> None:
        """End the waits of the next in line, and release the lock before those have run."""
        lock = data.draw(st.sampled_from(self.contended()))
        giving_up = self.giving_up(lock)[: 1 + others]

        async def act() -> None:
            for worker in giving_up:
                end(worker.task, how)
            lock.thing.release()
            await settle()

        self.loop.run_until_complete(act())
        for worker in giving_up:
            self.gave_up(lock, worker)
        self.released(lock)

    @precondition(lambda self: self.waiting())
    @rule(data=st.data(), how=st.sampled_from(["cancel", "interrupt"]))
    def end_wait(self, data: st.DataObject, how: str) -> None:
        worker = data.draw(st.sampled_from(self.waiting()))
        place = worker.waits
        assert place is not None

        async def act() -> None:
            end(worker.task, how)
            await settle()

        self.loop.run_until_complete(act())
        if place is self.condition:
            worker.ended = True
            self.wants_lock_again(worker)
        elif worker in self.taking_again:
            # It came again, behind its equals.
            worker.ended = True
            worker.turn = self.next_turn()
        else:
            self.gave_up(place, worker)

    @rule(who=WORKER, value=PRIORITIES)
    def change_priority(self, who: int, value: float) -> None:
        worker = self.workers[who]
        if isinstance(worker.task, PriorityTask):
            worker.task.priority_value = value
            worker.own = value
            self.loop.run_until_complete(settle())

    @precondition(lambda self: self.idle())
    @rule(data=st.data())
    def take_permit(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(self.idle()))
        self.tell(worker, self.semaphore.thing.acquire)
        if self.semaphore.permits:
            self.semaphore.permits -= 1
            assert worker.outcomes.pop() is None
        else:
            self.put_in_line(self.semaphore, worker)

    @rule(count=st.integers(1, 3), at_their_turn=st.sampled_from(["nothing", "cancel"]))
    def release_permits(self, count: int, at_their_turn: str) -> None:
        served = self.semaphore.line[:count]
        giving_up = served[:1] if at_their_turn == "cancel" else []

        async def act() -> None:
            for _ in range(count):
                self.semaphore.thing.release()
            for worker in giving_up:
                worker.task.cancel()
            await settle()

        self.loop.run_until_complete(act())
        for worker in giving_up:
            self.gave_up(self.semaphore, worker)
        for worker in self.semaphore.line[:count]:
            self.leave(worker)
            assert worker.outcomes.pop() is None
            count -= 1
        self.semaphore.permits += count

    def may_use_condition(self) -> bool:
        return True

    @precondition(lambda self: self.may_use_condition() and self.locks[0].holder in self.idle())
    @rule()
    def wait_for_condition(self) -> None:
        lock = self.locks[0]
        worker = lock.holder
        assert worker is not None
        self.tell(worker, self.condition.thing.wait)
        worker.notified = worker.ended = False
        self.put_in_line(self.condition, worker)
        self.released(lock)

    @precondition(lambda self: self.locks[0].holder is not None and self.condition.waiters)
    @rule(count=st.integers(1, 3))
    def notify(self, count: int) -> None:
        notified = self.condition.line[:count]

        async def act() -> None:
            self.condition.thing.notify(count)
            await settle()

        self.loop.run_until_complete(act())
        for worker in notified:
            worker.notified = True
            self.wants_lock_again(worker)

    # What is possible.

    def idle(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.waits is None]

    def waiting(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.waits is not None]

    def releasing(self) -> list[Worker]:
        return [worker for worker in self.idle() if worker.holds]

    def contended(self) -> list[Place]:
        return [lock for lock in self.locks if lock.waiters]

    # The model's own doings.

    taking_again: set[Worker]

    @initialize()
    def nobody_takes_again(self) -> None:
        self.taking_again = set()

    def next_turn(self) -> int:
        self.turns += 1
        return self.turns

    def tell(self, worker: Worker, command: Callable[[], Awaitable[object]]) -> None:
        async def act() -> None:
            worker.box.put_nowait(command)
            await settle()

        self.loop.run_until_complete(act())

    def closes_a_circle(self, worker: Worker, lock: Place) -> bool:
        holder = lock.holder
        while holder is not None and holder is not worker:
            needed = holder.needs
            holder = None if needed is None else needed.holder
        return holder is worker

    def put_in_line(self, place: Place, worker: Worker) -> None:
        worker.waits = place
        worker.turn = self.next_turn()
        place.waiters.append(worker)
        assert not worker.outcomes

    def leave(self, worker: Worker) -> None:
        assert worker.waits is not None
        worker.waits.waiters.remove(worker)
        worker.waits = None

    def giving_up(self, lock: Place) -> list[Worker]:
        """Those in line that a cancellation takes out of it, the next first."""
        return [worker for worker in lock.line if worker not in self.taking_again]

    def gave_up(self, place: Place, worker: Worker) -> None:
        self.leave(worker)
        assert isinstance(worker.outcomes.pop(), asyncio.CancelledError)

    def given(self, lock: Place, worker: Worker) -> None:
        lock.holder = worker
        worker.holds.append(lock)
        if worker not in self.taking_again:
            assert worker.outcomes.pop() is None
            return
        self.taking_again.remove(worker)
        outcome = worker.outcomes.pop()
        assert isinstance(outcome, asyncio.CancelledError) if worker.ended else outcome is None
        if worker.ended and worker.notified:
            # It passes on what it was notified of.
            for other in self.condition.line[:1]:
                other.notified = True
                self.wants_lock_again(other)

    def released(self, lock: Place) -> None:
        assert lock.holder is not None
        line = lock.line
        lock.holder.holds.remove(lock)
        lock.holder = None
        if line:
            self.leave(line[0])
            self.given(lock, line[0])

    def wants_lock_again(self, worker: Worker) -> None:
        lock = self.locks[0]
        self.leave(worker)
        self.taking_again.add(worker)
        self.put_in_line(lock, worker) if lock.holder is not None else self.given(lock, worker)

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        for worker in self.workers:
            assert bearer_of(worker.task).effective_priority() == worker.effective(), worker.task.get_name()
            assert worker.outcomes == []
        for place in (*self.locks, self.condition, self.semaphore):
            assert [waiter.task for waiter in place.thing._waiters] == [worker.task for worker in place.line]
        for lock in self.locks:
            assert lock.thing._holding_task() is (lock.holder.task if lock.holder is not None else None)
            assert lock.thing.locked() == (lock.holder is not None)
        assert self.semaphore.thing._value == self.semaphore.permits

    def teardown(self) -> None:
        self.loop.run_until_complete(self.end_all())
        self.loop.close()

    async def end_all(self) -> None:
        tasks = [worker.task for worker in self.workers]
        while not all(task.done() for task in tasks):
            for task in tasks:
                task.cancel()
            for lock in self.locks:
                if lock.thing.locked():
                    lock.thing.release()
            await settle()
        assert all(task.cancelled() for task in tasks)
        for bearer in map(bearer_of, tasks):
            assert bearer._inherited == math.inf
            assert bearer._blocked_on is None
            assert not bearer._held


def end(task: asyncio.Task[Any], how: str) -> None:
    if how == "cancel":
        task.cancel()
    else:
        task_throw(task, InterruptException())


class PriorityLocksOnAPriorityLoop(PriorityLocks):
    new_event_loop = PrioritySelectorEventLoop

    def may_use_condition(self) -> bool:
        # Several that were notified go for the lock in the order in which the loop runs them, which is another model.
        return False


test_the_model_on_the_stock_loop = PriorityLocks.TestCase
test_the_model_on_a_priority_loop = PriorityLocksOnAPriorityLoop.TestCase
