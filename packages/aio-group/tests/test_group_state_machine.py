"""Groups against a plain model: whatever happens in whatever order, tasks end as told and nothing is left."""

from __future__ import annotations

import asyncio
import enum
import functools
from dataclasses import dataclass, field
from typing import Any

from aio_group import Group
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from suite_support.interleaving import passes, settle


class Phase(enum.Enum):
    QUEUED = enum.auto()
    WAITING = enum.auto()
    CLEANING = enum.auto()
    ENDED = enum.auto()


class OnCancel(enum.Enum):
    GO = enum.auto()
    CLEAN_UP = enum.auto()
    IGNORE = enum.auto()


class OurError(Exception):
    pass


class Worker:
    """A task's function: waits for its gate, and does on its first cancellation what it was made for."""

    def __init__(self, on_cancel: OnCancel) -> None:
        self.gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.cleanup: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.error = OurError()
        self.fails = False
        self.raised = False
        self.cancellations = 0
        self.phase = Phase.QUEUED
        self._on_cancel = on_cancel

    async def __call__(self) -> None:
        self.phase = Phase.WAITING
        try:
            while True:
                try:
                    await asyncio.shield(self.gate)
                except asyncio.CancelledError:
                    self.cancellations += 1
                    if self._on_cancel is OnCancel.IGNORE and self.cancellations == 1:
                        continue
                    if self._on_cancel is OnCancel.CLEAN_UP:
                        self.phase = Phase.CLEANING
                        await asyncio.shield(self.cleanup)
                    raise
                break
            if self.fails:
                self.raised = True
                raise self.error
        finally:
            self.phase = Phase.ENDED


@dataclass(eq=False)
class ModelTask:
    worker: Worker
    handle: asyncio.Future[None]
    group: ModelGroup
    on_cancel: OnCancel
    phase: Phase
    cancellations: int = 0
    heard: bool = False

    def cancel(self) -> None:
        self.cancellations += 1
        if self.on_cancel is OnCancel.GO or (self.on_cancel is OnCancel.IGNORE and self.cancellations > 1):
            self.group.end(self)
        elif self.on_cancel is OnCancel.CLEAN_UP:
            self.phase = Phase.CLEANING


@dataclass(eq=False)
class ModelGroup:
    real: Group
    limit: int | None
    parent: ModelGroup | None = None
    subgroups: list[ModelGroup] = field(default_factory=list)
    tasks: list[ModelTask] = field(default_factory=list)
    queue: list[ModelTask] = field(default_factory=list)
    closing: bool = False
    cancelled: bool = False

    @property
    def closed(self) -> bool:
        return self.closing and not self.tasks and not self.queue and all(group.closed for group in self.subgroups)

    def add(self, task: ModelTask) -> None:
        if self.limit is not None and len(self.tasks) >= self.limit:
            self.queue.append(task)
        else:
            task.phase = Phase.WAITING
            self.tasks.append(task)

    def end(self, task: ModelTask) -> None:
        task.phase = Phase.ENDED
        self.tasks.remove(task)
        if self.queue:
            self.add(self.queue.pop(0))

    def close(self, cancel: bool) -> None:
        for group in self.subgroups:
            group.close(cancel)
        self.closing = True
        if cancel and not self.cancelled:
            self.cancelled = True
            self.queue.clear()
            for task in list(self.tasks):
                task.cancel()


class GroupMachine(RuleBasedStateMachine):
    groups = Bundle("groups")
    tasks = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.reported: list[Exception] = []
        self.expected: list[Exception] = []
        self.listeners: list[asyncio.Future[Any]] = []
        self.closers: list[tuple[asyncio.Task[None], ModelGroup]] = []
        self.all_groups: list[ModelGroup] = []
        self.all_tasks: list[ModelTask] = []

    def run(self, *actions: Any) -> None:
        """Do something in the loop, and let everything that follows from it happen."""

        async def act() -> None:
            for action in actions:
                action()
            await settle()

        self.loop.run_until_complete(act())

    @initialize(target=groups, limit=st.sampled_from([None, 1, 2]))
    def make_group(self, limit: int | None) -> ModelGroup:
        async def make() -> Group:
            return Group(self.reported.append, limit=limit)

        self.all_groups.append(ModelGroup(self.loop.run_until_complete(make()), limit))
        return self.all_groups[0]

    @rule(target=groups, parent=groups, limit=st.sampled_from([None, None, 1, 2]))
    def make_subgroup(self, parent: ModelGroup, limit: int | None) -> Any:
        if parent.closing:
            return multiple()
        group = ModelGroup(parent.real.create_subgroup(limit=limit), limit, parent)
        parent.subgroups.append(group)
        self.all_groups.append(group)
        return group

    @rule(target=tasks, group=groups, kinds=st.lists(st.tuples(st.sampled_from(OnCancel), st.booleans()), max_size=4))
    def spawn(self, group: ModelGroup, kinds: list[tuple[OnCancel, bool]]) -> Any:
        if group.closing:
            return multiple()
        spawned: list[ModelTask] = []

        def act() -> None:
            for on_cancel, heard in kinds:
                worker = Worker(on_cancel)
                handle = group.real.spawn(worker)
                spawned.append(ModelTask(worker, handle, group, on_cancel, Phase.QUEUED, heard=heard))
                if heard:
                    self.listeners.append(asyncio.gather(handle, return_exceptions=True))

        self.run(act)
        for task in spawned:
            group.add(task)
        self.all_tasks += spawned
        return multiple(*spawned)

    @rule(task=tasks)
    def finish(self, task: ModelTask) -> None:
        if task.phase is Phase.WAITING:
            task.group.end(task)
            self.run(lambda: task.worker.gate.set_result(None))

    @rule(task=tasks)
    def fail(self, task: ModelTask) -> None:
        if task.phase is Phase.WAITING:
            task.worker.fails = True
            if not task.heard:
                self.expected.append(task.worker.error)
            task.group.end(task)
            self.run(lambda: task.worker.gate.set_result(None))

    @rule(task=tasks)
    def clean_up(self, task: ModelTask) -> None:
        if task.phase is Phase.CLEANING:
            task.group.end(task)
            self.run(lambda: task.worker.cleanup.set_result(None))

    @rule(task=tasks)
    def cancel_the_future(self, task: ModelTask) -> None:
        if not task.handle.done():
            task.heard = False
            self.run(task.handle.cancel)

    def may_close(self, group: ModelGroup) -> bool:
        """Not so early that nothing is left to do."""
        return len(self.all_tasks) > 3 * len(group.subgroups) + (0 if group.parent else 8)

    @rule(group=groups, cancel=st.booleans())
    def close(self, group: ModelGroup, cancel: bool) -> None:
        if not self.may_close(group):
            return
        group.close(cancel)
        self.run(lambda: group.real.close(cancel))

    @rule(group=groups, cancel=st.booleans())
    def async_close(self, group: ModelGroup, cancel: bool) -> None:
        if not self.may_close(group):
            return
        group.close(cancel)
        self.run(lambda: self.closers.append((asyncio.ensure_future(group.real.async_close(cancel)), group)))

    @precondition(lambda self: self.closers)
    @rule(data=st.data())
    def cancel_a_closer(self, data: st.DataObject) -> None:
        closer, _ = data.draw(st.sampled_from(self.closers))
        self.run(closer.cancel)

    @invariant()
    def groups_are_as_the_model_says(self) -> None:
        for group in self.all_groups:
            assert (group.real.is_closing, group.real.is_closed) == (group.closing, group.closed), group
            waiting = f", {len(group.queue)} waiting" if group.queue else ""
            count = "1 task" if len(group.tasks) == 1 else f"{len(group.tasks)} tasks"
            assert f", {count}{waiting}" in repr(group.real)

    @invariant()
    def tasks_are_as_the_model_says(self) -> None:
        for task in self.all_tasks:
            assert (task.worker.phase, task.worker.cancellations) == (task.phase, task.cancellations), task

    @invariant()
    def each_error_nobody_awaits_is_reported_once(self) -> None:
        assert self.reported == self.expected

    @invariant()
    def those_who_close_wait_until_it_is_closed(self) -> None:
        for closer, group in self.closers:
            assert closer.done() == group.closed

    def teardown(self) -> None:
        try:
            for task in self.all_tasks:
                task.worker.fails = False
            gates = [gate for task in self.all_tasks for gate in (task.worker.cleanup, task.worker.gate)]
            self.run(
                *(group.real.close for group in self.all_groups),
                *(functools.partial(gate.set_result, None) for gate in gates if not gate.done()),
            )
            assert all(group.real.is_closed for group in self.all_groups)
            assert all(task.handle.done() for task in self.all_tasks)
            assert all(closer.done() for closer, _ in self.closers)
            assert asyncio.all_tasks(self.loop) == set()
            for closer, _ in self.closers:
                assert closer.cancelled() or closer.exception() is None
        finally:
            self.loop.close()


TestGroupAgainstAModel = GroupMachine.TestCase


# Actions that meet in the same pass of the loop: no model says which comes first, but nothing may be lost.
KINDS = "spawn", "spawn", "spawn limited", "finish", "fail", "cancel future", "cancel task", "close", "finish group"
ACTIONS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 7), st.integers(0, 3)), max_size=25)


@given(ACTIONS)
def test_whatever_meets_in_one_pass_nothing_is_lost(actions: list[tuple[str, int, int]]) -> None:
    async def main() -> None:
        reported: list[Exception] = []
        group = Group(reported.append)
        subgroup = group.create_subgroup(limit=2)
        workers: list[Worker] = []
        handles: list[asyncio.Future[None]] = []
        awaited: list[asyncio.Future[Any]] = []
        before = asyncio.all_tasks()
        for action, number, pause in actions:
            worker = workers[number % len(workers)] if workers else None
            if action.startswith("spawn"):
                target = subgroup if "limited" in action else group
                if target.is_open:
                    workers.append(Worker(list(OnCancel)[number % 3]))
                    handles.append(target.spawn(workers[-1]))
                    if number > 3:
                        awaited.append(asyncio.gather(handles[-1], return_exceptions=True))
            elif action == "close":
                group.close()
            elif action == "finish group":
                group.close(cancel=False)
            elif worker is not None:
                if action == "cancel future":
                    handles[number % len(workers)].cancel()
                elif action == "cancel task":
                    running = sorted(asyncio.all_tasks() - before, key=id)
                    if running:
                        running[number % len(running)].cancel()
                elif not worker.gate.done():
                    worker.fails = action == "fail"
                    worker.gate.set_result(None)
            await passes(pause)
        for worker in workers:
            worker.cleanup.set_result(None)
        closing = asyncio.create_task(group.async_close())
        await settle()
        for worker in workers:
            if not worker.gate.done():
                worker.gate.set_result(None)
        await closing
        await settle()
        assert group.is_closed
        assert subgroup.is_closed
        assert asyncio.all_tasks() == before
        assert all(handle.done() for handle in handles)
        assert all(worker.phase in (Phase.ENDED, Phase.QUEUED) for worker in workers)
        outcomes = [outcome for each in awaited if not each.cancelled() for outcome in each.result()]
        seen = [outcome for outcome in outcomes if isinstance(outcome, OurError)]
        # Each error at one place, exactly.
        assert sorted(map(id, [*reported, *seen])) == sorted(id(worker.error) for worker in workers if worker.raised)

    asyncio.run(main())
