"""Places, priorities, locks, waits, interrupts and cancellations together, against one model of a scheduler.

A program says what each of some tasks does, step by step. The model runs it on a plain list from which, for each step,
what is to run next is picked anew; it works out priorities, lines and deadlocks from scratch wherever they count. The
loop has to do the same in the same order, and to show the same queue and the same priorities after each step.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from asyncio import tasks as asyncio_tasks
from collections import deque
from collections.abc import Coroutine
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

import aio_sched
import pytest
from aio_sched import _asyncio_internals as internals
from aio_sched import _fast_loop as fast_loop
from aio_sched._inheritance import bearer_of
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

NAMES = range(6)
FROM_THE_START = range(4)
LOCKS = range(2)
EVENTS = range(2)
FUTURES = range(2)
VALUES = [-2.0, -1.0, 0.0, 0.0, 0.5, 1.0]
Step: TypeAlias = "tuple[Any, ...]"

PYTHON_TASK: Any = vars(asyncio_tasks)["_PyTask"]

positions = st.integers(0, 4)
names = st.sampled_from([*NAMES, *FROM_THE_START, *FROM_THE_START])
values = st.sampled_from(VALUES)
locks = st.sampled_from(LOCKS)
events = st.sampled_from(EVENTS)
futures = st.sampled_from(FUTURES)


def step(kind: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(kind), *arguments)


#: Steps that have to do with each other. A program is of one theme, and a few others.
PLACES = [
    step("sleep_insert", positions),
    step("switch", names, st.none() | positions),
    step("reinsert", names, positions),
    step("call_pos", positions, st.none() | events),
    step("call_soon", st.none() | events),
    step("call_soon", st.none() | events),
    step("cancel_call", positions),
    step("priority", names, values),
    step("create", names),
    step("start", names),
    step("descend", names),
]
LOCKING = [
    step("lock", locks),
    step("hold", locks),
    step("hold", locks),
    step("unlock", locks),
    step("priority", names, values),
]
CONDITIONS = [
    step("wait_for_condition"),
    step("lock", st.just(0)),
    step("unlock", st.just(0)),
    step("notify", st.integers(1, 3)),
]
PERMITS = [step("take_permit"), step("take_permit"), step("give_permit"), step("priority", names, values)]
WAITS = [
    step("call_soon", events),
    step("wait_for_event", events),
    step("set", events),
    step("clear", events),
    step("wait_for_future", futures),
    step("set_result", futures),
]
ENDS = [step("cancel", names), step("throw", names)]
THEMES = [PLACES, LOCKING, LOCKING, CONDITIONS, PERMITS, WAITS]
#: The one that is a callback with its own place, and no step of its own.
INTERRUPT = step("interrupt", names)


def programs_of(*more: st.SearchStrategy[Step]) -> st.SearchStrategy[list[Program]]:
    all_steps = [*more, *ENDS, *(one for theme in THEMES for one in theme)]
    others = st.lists(st.sampled_from(all_steps), max_size=4)
    chosen = st.tuples(st.sampled_from(THEMES), others)
    return chosen.flatmap(lambda steps: _programs_of(st.one_of(*steps[0], *ENDS, *more, step("sleep"), *steps[1])))


def _programs_of(steps: st.SearchStrategy[Step]) -> st.SearchStrategy[list[Program]]:
    kinds = st.sampled_from([*[aio_sched.PriorityTask] * 4, asyncio.Task, PYTHON_TASK])
    tasks = st.builds(Program, kinds, values, st.lists(steps, min_size=7, max_size=12))
    return st.lists(tasks, min_size=len(NAMES), max_size=len(NAMES))


@dataclass(frozen=True)
class Program:
    """What a task is, and what it does."""

    kind: Any
    value: float
    steps: list[Step]

    @property
    def has_priority(self) -> bool:
        return self.kind is aio_sched.PriorityTask


# --- The model ---


class Cancelled(Exception):
    """What `task.cancel()` raises, in the model."""


class Interrupted(Exception):
    """What an interrupt raises."""


class Refused(Exception):
    """What is raised by a call that changes nothing."""


OUTCOMES: dict[type[Exception], str] = {Cancelled: "cancelled", Interrupted: "interrupted", Refused: "refused"}

#: More urgent than any value.
FRONT = -math.inf


@dataclass(eq=False)
class Call:
    """A callback."""

    name: str
    action: Callable[[], object]


@dataclass(eq=False)
class Entry:
    """Something in the ready queue."""

    what: Worker | Call
    value: float
    # Callbacks that run before it, however urgent it is.
    after: frozenset[Entry]
    # The loop skips what was cancelled or taken out, when it comes to it.
    is_live: bool = True


@dataclass(eq=False)
class Wait:
    """A future in the model."""

    sleepers: list[Worker] = field(default_factory=list)
    is_done: bool = False
    is_cancelled: bool = False


@dataclass(eq=False)
class Place:
    """A place in a line."""

    worker: Worker
    number: int
    # The lock without which the task cannot go on, and whether it goes on waiting for it even if it is woken.
    needs: Lock | None = None
    for_good: bool = False
    wait: Wait = field(default_factory=Wait)


@dataclass(eq=False)
class Lock:
    is_locked: bool = False
    last_holder: Worker | None = None
    handed_to: Place | None = None
    line: list[Place] = field(default_factory=list)

    @property
    def holder(self) -> Worker | None:
        if self.handed_to is not None:
            return self.handed_to.worker
        return self.last_holder if self.is_locked else None


@dataclass(eq=False)
class Worker:
    """A task."""

    name: int
    program: Program
    own: float
    value: float
    body: Generator[Any, None, None] = field(init=False)
    waits_for: Wait | None = None
    stands_at: list[Place] = field(default_factory=list)
    has_begun: bool = False
    is_running: bool = False
    is_done: bool = False
    must_cancel: bool = False

    @property
    def began_to_wait(self) -> int:
        return self.stands_at[-1].number if self.stands_at else 0


class ReadyList:
    """The queue: whatever is asked of it is worked out from the list anew."""

    def __init__(self, *, by_priority: bool) -> None:
        self._by_priority = by_priority
        self._entries: list[Entry] = []

    def add(self, what: Worker | Call) -> Entry:
        value = what.value if self._by_priority and isinstance(what, Worker) and what.program.has_priority else 0.0
        entry = Entry(what, value, frozenset())
        if value:
            # It runs behind its equals, and so behind what those wait for, though that may have been cancelled since.
            equal = [other.after for other in self._entries if other.value == value]
            entry.after = self._callbacks().union(*equal)
        self._entries.append(entry)
        return entry

    def insert(self, pos: int, what: Worker | Call) -> Entry:
        """Let so many others run before; all, if they are fewer."""
        others = self.in_order()
        before = others[min(pos, len(others)) - 1] if pos and others else None
        if pos < len(others):
            entry = Entry(what, others[pos].value, others[pos].after)
            place = self._entries.index(others[pos])
        elif before is not None:
            entry = Entry(what, before.value, before.after)
            place = self._entries.index(before) + 1
        else:
            entry, place = Entry(what, 0.0, frozenset()), 0
        if self._by_priority and (before is None or before.value == FRONT):
            # What runs next, runs next whatever becomes ready meanwhile; so does what comes right after that.
            entry = Entry(what, FRONT, frozenset())
            place = 0 if before is None else self._entries.index(before) + 1
        self._entries.insert(place, entry)
        return entry

    def find(self, what: Worker | Call) -> Entry | None:
        return next((entry for entry in self._entries if entry.is_live and entry.what is what), None)

    def take(self, entry: Entry) -> None:
        self._entries.remove(entry)

    def first(self) -> Entry | None:
        return _first(self._entries, self._entries)

    def firsts(self) -> list[Entry]:
        """The first of each value, or what has to run before it; without what the loop may have skipped already."""
        firsts = []
        for value in self.used_values:
            while (entry := self._first_of(value)) is not None and not entry.is_live:
                self._entries.remove(entry)
            firsts += [] if entry is None else [entry]
        return firsts

    def first_alone(self, value: float) -> Entry | None:
        """The first of a value, if it waits for no callback."""
        first = next(entry for entry in self._entries if entry.value == value)
        return first if first.is_live and self._first_of(value) is first else None

    @property
    def used_values(self) -> set[float]:
        return {entry.value for entry in self._entries}

    def in_order(self) -> list[Entry]:
        """What will run, in this order as things stand."""
        left = list(self._entries)
        order = []
        while (entry := _first(left, left)) is not None:
            left.remove(entry)
            order.append(entry)
        return [entry for entry in order if entry.is_live]

    def _first_of(self, value: float) -> Entry | None:
        return _first([entry for entry in self._entries if entry.value == value], self._entries)

    def _callbacks(self) -> frozenset[Entry]:
        return frozenset(e for e in self._entries if e.is_live and e.value == 0.0 and isinstance(e.what, Call))


def _first(entries: list[Entry], queue: list[Entry]) -> Entry | None:
    """The lowest value, and the one that came first; but before it, the callbacks and what stands before them."""
    first = min(entries, key=lambda entry: entry.value, default=None)
    if first is not None and not first.after.isdisjoint(queue):
        return next(entry for entry in queue if entry.value == 0.0)
    return first


class Model:
    """What is to happen. A task is a generator that yields what it waits for: a place, the end of the queue, a wait."""

    def __init__(self, programs: list[Program], *, by_priority: bool, detect_deadlock: bool = True) -> None:
        self.log: list[str] = []
        self.ready = ReadyList(by_priority=by_priority)
        self._detect_deadlock = detect_deadlock
        self._by_priority = by_priority
        self._programs = programs
        self._workers: dict[int, Worker] = {}
        self._calls: list[Entry] = []
        self._locks = [Lock() for _ in LOCKS]
        self._owners: list[Worker | None] = [None for _ in LOCKS]
        self._condition: list[Place] = []
        self._permits = 1
        self._semaphore: list[Place] = []
        self._is_set = [False for _ in EVENTS]
        self._events: list[list[Wait]] = [[] for _ in EVENTS]
        self._futures = [Wait() for _ in FUTURES]
        self._numbers = count()

    def begin(self) -> None:
        for name in FROM_THE_START:
            self._create(name)

    def run(self) -> None:
        """Run all that is ready."""
        while (entry := self.ready.first()) is not None:
            self.run_one(entry)

    def run_one(self, entry: Entry) -> None:
        self.ready.take(entry)
        if not entry.is_live:
            return
        if isinstance(entry.what, Call):
            entry.what.action()
        else:
            self._step(entry.what)

    def cancel_all(self) -> bool:
        """Cancel whoever is left; False if there is nobody."""
        left = [worker for _, worker in sorted(self._workers.items()) if not worker.is_done]
        for worker in left:
            self._cancel(worker)
        return bool(left)

    # Tasks.

    def _create(self, name: int) -> Worker | None:
        if name in self._workers:
            return None
        program = self._programs[name]
        own = program.value if program.has_priority else 0.0
        worker = self._workers[name] = Worker(name, program, own, own)
        worker.body = self._body(worker)
        self.ready.add(worker)
        return worker

    def _step(self, worker: Worker, thrown: Exception | None = None) -> None:
        if thrown is None and (worker.must_cancel or (worker.waits_for is not None and worker.waits_for.is_cancelled)):
            thrown = Cancelled()
        worker.waits_for = None
        worker.must_cancel = False
        if thrown is not None and not worker.has_begun:
            worker.is_done = True
            return
        worker.has_begun = worker.is_running = True
        try:
            wanted = next(worker.body) if thrown is None else worker.body.throw(thrown)
        except StopIteration:
            worker.is_done = True
            return
        finally:
            worker.is_running = False
        if wanted is None:
            self.ready.add(worker)
        elif isinstance(wanted, Wait):
            worker.waits_for = wanted
            wanted.sleepers.append(worker)
            if worker.must_cancel:
                worker.must_cancel = False
                self._finish(wanted, cancelled=True)
        else:
            self.ready.insert(wanted, worker)

    def _finish(self, wait: Wait, *, cancelled: bool = False) -> None:
        wait.is_done = True
        wait.is_cancelled = cancelled
        for worker in wait.sleepers:
            self.ready.add(worker)

    def _cancel(self, worker: Worker) -> None:
        if worker.is_done:
            return
        if worker.waits_for is not None and not worker.waits_for.is_done:
            self._finish(worker.waits_for, cancelled=True)
        else:
            worker.must_cancel = True

    def _throw(self, worker: Worker) -> None:
        self._require_interruptible(worker)
        entry = self.ready.find(worker)
        if entry is not None:
            self.ready.take(entry)
            self.ready.add(Call("nothing", lambda: None)).is_live = False  # which stands in for it
        else:
            assert worker.waits_for is not None
            worker.waits_for.sleepers.remove(worker)
        self._step(worker, Interrupted())

    def _require_interruptible(self, worker: Worker) -> None:
        is_cancelled = worker.must_cancel or (worker.waits_for is not None and worker.waits_for.is_cancelled)
        if worker.is_done or worker.is_running or is_cancelled:
            raise Refused

    # Priorities.

    def value_of(self, worker: Worker) -> float:
        """A task is as urgent as whoever waits for a lock that it holds, and whoever waits for one that those hold."""
        waiting = [worker]
        for holder in waiting:
            held = [lock for lock in self._locks if lock.holder is holder]
            waiting += [place.worker for lock in held for place in lock.line if place.worker not in waiting]
        return min(worker.own for worker in waiting)

    def _in_line(self, line: list[Place]) -> list[Place]:
        return sorted(line, key=lambda place: (self.value_of(place.worker), place.number))

    def _priorities_may_have_changed(self) -> None:
        """Move whoever is more or less urgent now to the end of its new equals; who waits before whom it waits for.

        In a circle, where each waits for each, who began to wait first comes first.
        """
        changed = [worker for worker in self._workers.values() if self.value_of(worker) != worker.value]
        for worker in sorted(changed, key=lambda each: (-self._length_of_chain(each), each.began_to_wait)):
            worker.value = self.value_of(worker)
            entry = self.ready.find(worker)
            if entry is not None and worker.program.has_priority and self._by_priority:
                self.ready.take(entry)
                self.ready.add(worker)

    def _length_of_chain(self, worker: Worker) -> int:
        """How many tasks it waits for, one for the other."""
        chain = [worker]
        for waiting in chain:
            locks = [lock for lock in self._locks if any(place.worker is waiting for place in lock.line)]
            chain += [lock.holder for lock in locks if lock.holder is not None and lock.holder not in chain]
        return len(chain)

    # Locks.

    def _acquire(self, worker: Worker, lock: Lock, *, again: bool = False) -> Generator[Any, None, None]:
        if not lock.is_locked and lock.handed_to is None:
            lock.is_locked = True
            lock.last_holder = worker
            self._priorities_may_have_changed()
            return
        if self._detect_deadlock and not again and self._would_wait_for_itself(worker, lock):
            raise Refused
        place = Place(worker, next(self._numbers), needs=lock, for_good=again)
        lock.line.append(place)
        worker.stands_at.append(place)
        self._priorities_may_have_changed()
        try:
            yield place.wait
        except (Cancelled, Interrupted):
            if lock.handed_to is place:
                self._hand_over(lock)
            else:
                lock.line.remove(place)
                worker.stands_at.remove(place)
                self._priorities_may_have_changed()
            raise
        lock.is_locked = True
        lock.handed_to = None
        lock.last_holder = worker

    def _hand_over(self, lock: Lock) -> None:
        lock.is_locked = False
        lock.handed_to = None
        self._priorities_may_have_changed()
        for place in self._in_line(lock.line):
            if not place.wait.is_done:
                lock.line.remove(place)
                place.worker.stands_at.remove(place)
                lock.handed_to = place
                self._priorities_may_have_changed()
                self._finish(place.wait)
                return

    def _would_wait_for_itself(self, worker: Worker, lock: Lock) -> bool:
        seen: set[Worker] = set()
        wanted: Lock | None = lock
        while wanted is not None:
            holder = wanted.holder
            if holder is worker:
                return True
            if holder is None or holder in seen:
                return False
            seen.add(holder)
            place = holder.stands_at[-1] if holder.stands_at else None
            wanted = place.needs if place is not None and (place.for_good or not place.wait.is_done) else None
        return False

    # The condition of the first lock.

    def _wait_for_condition(self, worker: Worker) -> Generator[Any, None, None]:
        lock = self._locks[0]
        place = Place(worker, next(self._numbers), needs=lock, for_good=True)
        self._hand_over(lock)
        self._condition.append(place)
        worker.stands_at.append(place)
        errors: list[Exception] = []
        try:
            yield place.wait
        except (Cancelled, Interrupted) as error:
            errors.append(error)
        self._condition.remove(place)
        while True:
            try:
                yield from self._acquire(worker, lock, again=True)
            except (Cancelled, Interrupted) as error:
                errors.append(error)
            else:
                break
        worker.stands_at.remove(place)
        if errors:
            if place.wait.is_done and not place.wait.is_cancelled:
                self._notify(1)
            raise next((error for error in errors if isinstance(error, Cancelled)), errors[-1])

    def _notify(self, number: int) -> None:
        asleep = [place for place in self._in_line(self._condition) if not place.wait.is_done]
        for place in asleep[:number]:
            self._finish(place.wait)

    # The semaphore.

    def _take_permit(self, worker: Worker) -> Generator[Any, None, None]:
        ahead = [place for place in self._semaphore if not place.wait.is_cancelled]
        if self._permits and all(self.value_of(worker) < self.value_of(place.worker) for place in ahead):
            self._permits -= 1
            return
        place = Place(worker, next(self._numbers))
        self._semaphore.append(place)
        worker.stands_at.append(place)
        try:
            yield place.wait
        except (Cancelled, Interrupted):
            if place.wait.is_done and not place.wait.is_cancelled:
                self._permits += 1
            raise
        finally:
            self._semaphore.remove(place)
            worker.stands_at.remove(place)
            self._hand_out_permits()

    def _hand_out_permits(self) -> None:
        for place in self._in_line(self._semaphore):
            if self._permits and not place.wait.is_done:
                self._permits -= 1
                self._finish(place.wait)

    # Events.

    def _wait_for_event(self, event: int) -> Generator[Any, None, None]:
        wait = Wait()
        self._events[event].append(wait)
        try:
            yield wait
        finally:
            self._events[event].remove(wait)

    def _set(self, event: int) -> None:
        self._is_set[event] = True
        for wait in self._events[event]:
            if not wait.is_done:
                self._finish(wait)

    # What tasks do.

    def _body(self, me: Worker) -> Generator[Any, None, None]:
        for step in me.program.steps:
            outcome = ""
            try:
                yield from self._do(me, step)
            except (Cancelled, Interrupted, Refused) as error:
                outcome = OUTCOMES[type(error)]
            self._note(me, step, outcome)
        for lock, owner in enumerate(self._owners):
            if owner is me:
                self._unlock(lock)
        self._note(me, "ends")

    def _note(self, me: Worker, *what: object) -> None:
        queue = [e.what.name for e in self.ready.in_order()]
        values = [self.value_of(worker) for _, worker in sorted(self._workers.items())]
        self.log.append(f"{me.name} {what} {queue} {values}")

    def _do(self, me: Worker, step: Step) -> Generator[Any, None, None]:
        match step:
            case ["sleep"]:
                yield
            case ["sleep_insert", pos]:
                yield pos
            case ["switch", other, pos]:
                self._move(other, 0)
                yield pos
            case ["reinsert", other, pos]:
                self._move(other, pos)
            case ["call_pos", pos, event]:
                self._calls.append(self.ready.insert(pos, self._new_call(event)))
            case ["call_soon", event]:
                self._calls.append(self.ready.add(self._new_call(event)))
            case ["cancel_call", index] if index < len(self._calls):
                self._calls[index].is_live = False
            case ["priority", other, value] if other in self._workers and self._workers[other].program.has_priority:
                self._workers[other].own = value
                self._priorities_may_have_changed()
            case ["lock", lock]:
                yield from self._acquire(me, self._locks[lock])
                self._owners[lock] = me
            case ["hold", lock]:
                yield from self._do(me, ("lock", lock))
                yield
            case ["unlock", lock]:
                self._unlock(lock)
            case ["wait_for_condition"]:
                if self._owners[0] is not me:
                    yield from self._do(me, ("lock", 0))
                self._owners[0] = None
                try:
                    yield from self._wait_for_condition(me)
                finally:
                    self._owners[0] = me
            case ["notify", number] if self._locks[0].is_locked:
                self._notify(number)
            case ["take_permit"]:
                yield from self._take_permit(me)
            case ["give_permit"]:
                self._permits += 1
                self._hand_out_permits()
            case ["wait_for_event", event] if not self._is_set[event]:
                yield from self._wait_for_event(event)
            case ["set", event]:
                self._set(event)
            case ["clear", event]:
                self._is_set[event] = False
            case ["wait_for_future", future]:
                if self._futures[future].is_done:
                    self._futures[future] = Wait()
                yield self._futures[future]
            case ["set_result", future] if not self._futures[future].is_done:
                self._finish(self._futures[future])
            case ["create", other]:
                self._create(other)
            case ["start" | "descend" as how, other] if other not in self._workers:
                yield from self._create_and_give_way(other, descend=how == "descend")
            case ["throw", other] if other in self._workers:
                self._throw(self._workers[other])
            case ["interrupt", other] if other in self._workers:
                yield from self._interrupt(self._workers[other])
            case ["cancel", other] if other in self._workers:
                self._cancel(self._workers[other])

    def _create_and_give_way(self, name: int, *, descend: bool) -> Generator[Any, None, None]:
        child = self._create(name)
        assert child is not None
        if descend:
            self._move(name, 0)
        try:
            yield 1 if descend else None
        except (Cancelled, Interrupted):
            self._cancel(child)
            raise

    def _interrupt(self, worker: Worker) -> Generator[Any, None, None]:
        self._require_interruptible(worker)
        refusals = []

        def throw() -> None:
            try:
                self._throw(worker)
            except Refused as refusal:
                refusals.append(refusal)

        self.ready.insert(0, Call("interrupt", throw))
        yield
        if refusals:
            raise Refused

    def _move(self, name: int, pos: int) -> None:
        entry = self.ready.find(self._workers[name]) if name in self._workers else None
        if entry is None:
            raise Refused
        self.ready.take(entry)
        self.ready.insert(pos, entry.what)

    def _unlock(self, lock: int) -> None:
        if self._locks[lock].is_locked:
            self._owners[lock] = None
            self._hand_over(self._locks[lock])

    def _new_call(self, event: int | None) -> Call:
        name = f"call {len(self._calls)}"

        def act() -> None:
            self.log.append(name)
            if event is not None:
                self._set(event)

        return Call(name, act)


# --- The loops ---


class SelectorThatStops(selectors.DefaultSelector):
    """Stops the loop where it would sleep."""

    loop: asyncio.AbstractEventLoop

    def select(self, timeout: float | None = None) -> Any:
        if timeout != 0:
            self.loop.stop()
        return super().select(0)


class Reality:
    """The same programs on a loop. Written as programs are; what is asked of the loop is its queue, for the log."""

    def __init__(self, make_loop: Callable[..., Any], programs: list[Program], *, detect_deadlock: bool = True) -> None:
        self.log: list[str] = []
        selector = SelectorThatStops()
        self.loop = selector.loop = make_loop(selector)
        self._programs = programs
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._calls: list[asyncio.Handle] = []
        self._next_name = 0
        self._locks = [aio_sched.PriorityLock(detect_deadlock=detect_deadlock) for _ in LOCKS]
        self._owners: list[int | None] = [None for _ in LOCKS]
        self._condition = aio_sched.PriorityCondition(self._locks[0])
        self._semaphore = aio_sched.PrioritySemaphore(1)
        self._events = [asyncio.Event() for _ in EVENTS]
        self._futures = [self.loop.create_future() for _ in FUTURES]

    def begin(self) -> None:
        make_task: Any = self._make_task
        self.loop.set_task_factory(make_task)
        for name in FROM_THE_START:
            self._create(name)

    def run(self) -> None:
        self.loop.run_forever()

    def cancel_all(self) -> bool:
        left = [task for _, task in sorted(self._tasks.items()) if not task.done()]
        for task in left:
            task.cancel()
        return bool(left)

    def _create(self, name: int) -> None:
        if name not in self._tasks:
            self._next_name = name
            self.loop.create_task(self._coroutine(name))

    def _make_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[None]:
        """The task factory, which knows a task before anything else runs."""
        program = self._programs[self._next_name]
        if program.has_priority:
            options["priority"] = program.value
        task: asyncio.Task[None] = program.kind(coro, loop=loop, **options)
        self._tasks[self._next_name] = task
        return task

    def _coroutine(self, name: int) -> Coroutine[Any, Any, None]:
        return self._body(name)

    async def _body(self, me: int) -> None:
        for step in self._programs[me].steps:
            outcome = ""
            try:
                await self._do(me, step)
            except aio_sched.InterruptException:
                outcome = OUTCOMES[Interrupted]
            except asyncio.CancelledError:
                outcome = OUTCOMES[Cancelled]
            except (RuntimeError, ValueError):
                outcome = OUTCOMES[Refused]
            self._note(me, step, outcome)
            self._check_the_identity()
        for lock, owner in enumerate(self._owners):
            if owner == me:
                self._unlock(lock)
        self._note(me, "ends")

    def _note(self, me: int, *what: object) -> None:
        names = {task: name for name, task in self._tasks.items()}
        calls: Any = dict(zip(self._calls, (f"call {index}" for index in range(len(self._calls))), strict=True))
        handles = aio_sched.get_scheduling_loop(self.loop).queue_items()
        tasks = [(handle, internals.task_of(handle)) for handle in handles]
        queue = [calls.get(handle, "interrupt") if task is None else names[task] for handle, task in tasks]
        values = [bearer_of(task).effective_priority() for _, task in sorted(self._tasks.items())]
        self.log.append(f"{me} {what} {queue} {values}")

    def _check_the_identity(self) -> None:
        current = asyncio.current_task()
        running = set() if current is None else {current}
        assert asyncio.all_tasks() == aio_sched.runnable_tasks() | aio_sched.blocked_tasks() | running

    async def _do(self, me: int, step: Step) -> None:
        match step:
            case ["sleep"]:
                await asyncio.sleep(0)
            case ["sleep_insert", pos]:
                await aio_sched.sleep_insert(pos)
            case ["switch", other, pos]:
                await aio_sched.task_switch(self._task(other), insert_pos=pos)
            case ["reinsert", other, pos]:
                aio_sched.task_reinsert(self._task(other), pos)
            case ["call_pos", pos, event]:
                self._calls.append(aio_sched.call_pos(pos, self._act, len(self._calls), event))
            case ["call_soon", event]:
                self._calls.append(self.loop.call_soon(self._act, len(self._calls), event))
            case ["cancel_call", index] if index < len(self._calls):
                self._calls[index].cancel()
            case ["priority", other, value] if other in self._tasks and self._programs[other].has_priority:
                task: Any = self._tasks[other]
                task.priority_value = value
            case ["lock", lock]:
                await self._locks[lock].acquire()
                self._owners[lock] = me
            case ["hold", lock]:
                await self._do(me, ("lock", lock))
                await asyncio.sleep(0)
            case ["unlock", lock]:
                self._unlock(lock)
            case ["wait_for_condition"]:
                if self._owners[0] != me:
                    await self._do(me, ("lock", 0))
                self._owners[0] = None
                try:
                    await self._condition.wait()
                finally:
                    self._owners[0] = me
            case ["notify", number] if self._locks[0].locked():
                self._condition.notify(number)
            case ["take_permit"]:
                await self._semaphore.acquire()
            case ["give_permit"]:
                self._semaphore.release()
            case ["wait_for_event", event]:
                await self._events[event].wait()
            case ["set", event]:
                self._events[event].set()
            case ["clear", event]:
                self._events[event].clear()
            case ["wait_for_future", future]:
                if self._futures[future].done():
                    self._futures[future] = self.loop.create_future()
                await self._futures[future]
            case ["set_result", future] if not self._futures[future].done():
                self._futures[future].set_result(None)
            case ["create", other]:
                self._create(other)
            case ["start" | "descend" as how, other] if other not in self._tasks:
                self._next_name = other
                create = aio_sched.create_task_start if how == "start" else aio_sched.create_task_descend
                await create(self._coroutine(other))
            case ["throw", other] if other in self._tasks:
                aio_sched.task_throw(self._tasks[other], aio_sched.InterruptException())
            case ["interrupt", other] if other in self._tasks:
                await aio_sched.task_interrupt(self._tasks[other], aio_sched.InterruptException())
            case ["cancel", other] if other in self._tasks:
                self._tasks[other].cancel()

    def _task(self, name: int) -> asyncio.Task[None]:
        if name not in self._tasks:
            raise ValueError("there is no such task yet")
        return self._tasks[name]

    def _unlock(self, lock: int) -> None:
        if self._locks[lock].locked():
            self._owners[lock] = None
            self._locks[lock].release()

    def _act(self, number: int, event: int | None) -> None:
        self.log.append(f"call {number}")
        if event is not None:
            self._events[event].set()


class WatchedReality(Reality):
    """Notes which handles the loop runs; the steps of tasks that are interrupted on top of another are none."""

    def __init__(self, make_loop: Callable[..., Any], programs: list[Program]) -> None:
        super().__init__(make_loop, programs)
        self.ran: deque[int | str] = deque()
        self._depth = 0

    def _coroutine(self, name: int) -> Coroutine[Any, Any, None]:
        return Watched(super()._coroutine(name), partial(self._step, name))

    def _act(self, number: int, event: int | None) -> None:
        self.ran.append(f"call {number}")
        super()._act(number, event)

    @contextmanager
    def _step(self, name: int) -> Iterator[None]:
        if not self._depth:
            self.ran.append(name)
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1


class Watched(Coroutine[Any, Any, None]):
    """A coroutine, each step of which runs in a context."""

    def __init__(self, coro: Any, step: Callable[[], AbstractContextManager[None]]) -> None:
        self._coro = coro
        self._step = step

    def send(self, value: Any) -> Any:
        with self._step():
            return self._coro.send(value)

    def throw(self, *args: Any) -> Any:
        with self._step():
            return self._coro.throw(*args)

    def close(self) -> None:
        self._coro.close()

    def __await__(self) -> Any:
        return self._coro.__await__()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coro, name)


def log_of(run: Model | Reality) -> list[str]:
    run.begin()
    run.run()
    while run.cancel_all():
        run.log.append("all are cancelled")
        run.run()
    return run.log


def in_debug_mode(selector: selectors.BaseSelector) -> asyncio.AbstractEventLoop:
    loop = aio_sched.PrioritySelectorEventLoop(selector, starvation_bound=10**6)
    loop.set_debug(True)
    loop.slow_callback_duration = 60
    return loop


MAKE_LOOPS: dict[str, tuple[Callable[..., Any], bool]] = {
    "priority": (partial(aio_sched.PrioritySelectorEventLoop, starvation_bound=10**6), True),
    "priority in debug mode": (in_debug_mode, True),
    "scheduling": (aio_sched.SchedulingSelectorEventLoop, False),
    "asyncio": (asyncio.SelectorEventLoop, False),
}


@pytest.mark.parametrize("loop", MAKE_LOOPS.values(), ids=MAKE_LOOPS)
@given(programs=programs_of(INTERRUPT))
def test_programs_run_in_the_order_of_the_model(loop: tuple[Any, bool], programs: list[Program]) -> None:
    make_loop, by_priority = loop
    assert_same(make_loop, programs, by_priority=by_priority)


@given(programs=programs_of(INTERRUPT))
def test_so_they_do_on_a_python_that_was_not_checked(programs: list[Program]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(internals, "version_is_checked", lambda: False)
        patch.setattr(fast_loop, "_has_warned", True)
        assert_same(MAKE_LOOPS["priority"][0], programs, by_priority=True)


@pytest.mark.parametrize("loop", MAKE_LOOPS.values(), ids=MAKE_LOOPS)
@given(programs=_programs_of(st.one_of(*LOCKING, *ENDS, step("sleep"))))
def test_so_they_do_where_tasks_wait_for_each_other_in_circles(loop: tuple[Any, bool], programs: list[Program]) -> None:
    make_loop, by_priority = loop
    assert_same(make_loop, programs, by_priority=by_priority, detect_deadlock=False)


def assert_same(
    make_loop: Callable[..., Any], programs: list[Program], *, by_priority: bool, detect_deadlock: bool = True
) -> None:
    expected = log_of(Model(programs, by_priority=by_priority, detect_deadlock=detect_deadlock))
    reality = Reality(make_loop, programs, detect_deadlock=detect_deadlock)
    try:
        observed = log_of(reality)
    finally:
        reality.loop.close()
    assert observed == expected


BOUND = st.integers(1, 4)


@given(programs=programs_of(), bound=BOUND)
def test_turns_are_given_away_within_the_bound_and_else_the_order_is_the_models(
    programs: list[Program], bound: int
) -> None:
    model = Model(programs, by_priority=True)
    reality = WatchedReality(partial(aio_sched.PrioritySelectorEventLoop, starvation_bound=bound), programs)
    try:
        model.begin()
        reality.begin()
        while True:
            reality.run()
            follow(model, reality.ran, bound)
            assert model.log == reality.log
            assert model.cancel_all() == reality.cancel_all()
            if not model.ready.used_values:
                break
    finally:
        reality.loop.close()


def follow(model: Model, ran: deque[int | str], bound: int) -> None:
    """Let the model run what the loop ran, if it may: what is next, or at times the first of another value."""
    since_a_turn = bound
    skipped = 0  # what the loop counts too, if not always at the same time
    waits: dict[Entry, int] = {}
    levels = len({*VALUES, 0.0, FRONT})
    while (entry := model.ready.first()) is not None:
        name = ran.popleft() if entry.is_live else None
        if name is None:
            skipped += 1
        elif entry.what.name == name:
            since_a_turn += 1
        else:
            skipped -= max(0, bound - since_a_turn)
            assert skipped >= 0, "turns are given away too often"
            since_a_turn = 0
            entry = next(first for first in model.ready.firsts() if first.what.name == name)
        model.run_one(entry)
        firsts = filter(None, map(model.ready.first_alone, model.ready.used_values))
        waits = {first: waits.get(first, -1) + 1 for first in firsts}
        assert max(waits.values(), default=0) <= levels * (bound + 1), "a task waits for too long"
    assert not ran
