"""Random programs of tasks that move each other about run in the order of a model: a list, and nothing clever."""

from __future__ import annotations

import asyncio
from asyncio import tasks as asyncio_tasks
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeAlias

import aio_sched
import pytest
from aio_sched._asyncio_internals import task_of
from hypothesis import given, strategies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMES = range(6)
FROM_THE_START = range(4)
EVENTS = range(2)
Step: TypeAlias = "tuple[Any, ...]"

positions = strategies.integers(0, 5)
names = strategies.sampled_from(NAMES)
events = strategies.sampled_from(EVENTS)
steps = strategies.one_of(
    strategies.just(("sleep",)),
    strategies.tuples(strategies.just("sleep_insert"), positions),
    strategies.tuples(strategies.just("switch"), names, strategies.none() | positions),
    strategies.tuples(strategies.just("reinsert"), names, positions),
    strategies.tuples(strategies.just("call_pos"), positions),
    strategies.just(("call_soon",)),
    strategies.tuples(strategies.just("cancel_call"), positions),
    strategies.tuples(strategies.just("create"), names),
    strategies.tuples(strategies.just("descend"), names),
    strategies.tuples(strategies.just("start"), names),
    strategies.tuples(strategies.just("wait"), events),
    strategies.tuples(strategies.just("set"), events),
    strategies.tuples(strategies.just("clear"), events),
    strategies.tuples(strategies.just("cancel"), names),
)
programs = strategies.lists(strategies.lists(steps, min_size=3, max_size=9), min_size=len(NAMES), max_size=len(NAMES))


class Model:
    """What is to happen. A task is a generator that yields when it lets go, with its next place taken care of."""

    def __init__(self, programs: list[list[Step]]) -> None:
        self.log: list[str] = []
        self.queue: list[Any] = []  # numbers of tasks, texts of callbacks
        self._programs = programs
        self._tasks: dict[int, Iterator[None]] = {}
        self._begun: set[int] = set()
        self._done: set[int] = set()
        self._cancelling: set[int] = set()
        self._waiting: defaultdict[int, list[int]] = defaultdict(list)
        self._is_set: set[int] = set()
        self._calls: list[str] = []
        self._creating: dict[int, int] = {}  # by a task that is to be cancelled with its creator

    def run(self) -> None:
        for name in FROM_THE_START:
            self.create(name)
        while self.queue:
            item = self.queue.pop(0)
            if isinstance(item, str):
                self.log.append(item)
            else:
                self._step(item)

    def create(self, name: int) -> bool:
        if name in self._tasks:
            return False
        self._tasks[name] = self._body(name)
        self.queue.append(name)
        return True

    def _step(self, name: int) -> None:
        cancel = name in self._cancelling
        self._cancelling.discard(name)
        if cancel and name not in self._begun:
            self._done.add(name)
            return
        self._begun.add(name)
        try:
            if cancel:
                self._cancel(self._creating.get(name))
                self.log.append(f"{name} cancelled")
                self._done.add(name)
            else:
                next(self._tasks[name])
        except StopIteration:
            self._done.add(name)

    def _body(self, me: int) -> Iterator[None]:
        for step in self._programs[me]:
            match step:
                case ["sleep"]:
                    self.queue.append(me)
                    yield
                case ["sleep_insert", pos]:
                    self.queue.insert(pos, me)
                    yield
                case ["switch", other, pos]:
                    if self._move(other, 0):
                        self.queue.insert(len(self.queue) if pos is None else pos, me)
                        yield
                case ["reinsert", other, pos]:
                    self._move(other, pos)
                case ["call_pos", pos]:
                    self.queue.insert(pos, self._new_call())
                case ["call_soon"]:
                    self.queue.append(self._new_call())
                case ["cancel_call", index] if index < len(self._calls):
                    if self._calls[index] in self.queue:
                        self.queue.remove(self._calls[index])
                case ["create", other]:
                    self.create(other)
                case ["start", other] if self.create(other):
                    self.queue.append(me)
                    self._creating[me] = other
                    yield
                    del self._creating[me]
                case ["descend", other] if self.create(other):
                    self.queue.remove(other)
                    self.queue[:0] = [other, me]
                    self._creating[me] = other
                    yield
                    del self._creating[me]
                case ["wait", event] if event not in self._is_set:
                    if me in self._cancelling:  # it is woken by its cancellation at once
                        self.queue.append(me)
                    else:
                        self._waiting[event].append(me)
                    yield
                case ["set", event]:
                    self._is_set.add(event)
                    self.queue += self._waiting.pop(event, [])
                case ["clear", event]:
                    self._is_set.discard(event)
                case ["cancel", other]:
                    self._cancel(other)
            self.log.append(f"{me} {step} {self.queue}")

    def _cancel(self, name: int | None) -> None:
        if name is None or name not in self._tasks or name in self._done:
            return
        self._cancelling.add(name)
        for waiting in self._waiting.values():
            if name in waiting:
                waiting.remove(name)
                self.queue.append(name)

    def _move(self, name: int, pos: int) -> bool:
        if name not in self.queue:
            self.log.append(f"{name} refused")
            return False
        self.queue.remove(name)
        self.queue.insert(pos, name)
        return True

    def _new_call(self) -> str:
        self._calls.append(f"call {len(self._calls)}")
        return self._calls[-1]


class Reality:
    """The same programs, in tasks of a loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, kind: Any, programs: list[list[Step]]) -> None:
        self.log: list[str] = []
        self._loop = loop
        self._kind = kind
        self._next_name = 0  # of the task that the loop's factory is about to make
        self._programs = programs
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._events = [asyncio.Event() for _ in EVENTS]
        self._calls: list[asyncio.Handle] = []

    def run(self) -> None:
        make_task: Any = self._make_task
        self._loop.set_task_factory(make_task)
        for name in FROM_THE_START:
            self._create(name)
        self._run_all()
        log = list(self.log)
        left = [task for task in self._tasks.values() if not task.done()]
        assert all(map(aio_sched.task_is_blocked, left))
        for task in left:
            task.cancel()
        self._run_all()
        self.log = log

    def _run_all(self) -> None:
        queue = aio_sched.get_scheduling_loop(self._loop)
        while queue.queue_len():
            self._loop.stop()
            self._loop.run_forever()

    def _create(self, name: int) -> None:
        if name not in self._tasks:
            self._next_name = name
            self._loop.create_task(self._body(name))

    def _make_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[None]:
        """The task factory, which knows a task before anything else runs."""
        task: asyncio.Task[None] = self._kind(coro, loop=loop, **options)
        self._tasks[self._next_name] = task
        return task

    async def _body(self, me: int) -> None:
        try:
            for step in self._programs[me]:
                await self._do(step)
                self.log.append(f"{me} {step} {self._queue()}")
                self._check_the_identity()
        except asyncio.CancelledError:
            self.log.append(f"{me} cancelled")
            raise

    async def _do(self, step: Step) -> None:
        match step:
            case ["sleep"]:
                await asyncio.sleep(0)
            case ["sleep_insert", pos]:
                await aio_sched.sleep_insert(pos)
            case ["switch", other, pos]:
                if self._may_move(other):
                    await aio_sched.task_switch(self._tasks[other], insert_pos=pos)
            case ["reinsert", other, pos]:
                if self._may_move(other):
                    aio_sched.task_reinsert(self._tasks[other], pos)
            case ["call_pos", pos]:
                self._calls.append(aio_sched.call_pos(pos, self.log.append, f"call {len(self._calls)}"))
            case ["call_soon"]:
                self._calls.append(self._loop.call_soon(self.log.append, f"call {len(self._calls)}"))
            case ["cancel_call", index] if index < len(self._calls):
                self._calls[index].cancel()
            case ["create", other]:
                self._create(other)
            case ["start" | "descend" as how, other] if other not in self._tasks:
                self._next_name = other
                create = aio_sched.create_task_start if how == "start" else aio_sched.create_task_descend
                await create(self._body(other))
            case ["wait", event]:
                await self._events[event].wait()
            case ["set", event]:
                self._events[event].set()
            case ["clear", event]:
                self._events[event].clear()
            case ["cancel", other] if other in self._tasks:
                self._tasks[other].cancel()

    def _may_move(self, name: int) -> bool:
        """Whether a task can be moved; one that cannot is tried nevertheless, and changes nothing."""
        task = self._tasks.get(name)
        if task is not None and aio_sched.task_is_runnable(task):
            return True
        before = self._queue()
        with pytest.raises((ValueError, TypeError)):
            aio_sched.task_reinsert(task, 0)  # type: ignore[arg-type]
        assert self._queue() == before
        self.log.append(f"{name} refused")
        return False

    def _queue(self) -> list[Any]:
        names = {task: name for name, task in self._tasks.items()}
        queue = aio_sched.get_scheduling_loop().queue_items()
        return [
            f"call {self._calls.index(handle)}" if task is None else names[task]
            for handle, task in ((handle, task_of(handle)) for handle in queue)
        ]

    def _check_the_identity(self) -> None:
        current = asyncio.current_task()
        running = set() if current is None else {current}
        assert asyncio.all_tasks() == aio_sched.runnable_tasks() | aio_sched.blocked_tasks() | running


@pytest.mark.parametrize("kind", [asyncio.Task, vars(asyncio_tasks)["_PyTask"]], ids=["C tasks", "Python tasks"])
@given(programs=programs)
def test_programs_run_in_the_order_of_the_model(
    kind: Any, make_scheduling_loop: Callable[[], asyncio.AbstractEventLoop], programs: list[list[Step]]
) -> None:
    model = Model(programs)
    model.run()
    loop = make_scheduling_loop()
    try:
        reality = Reality(loop, kind, programs)
        reality.run()
    finally:
        loop.close()
    assert reality.log == model.log
