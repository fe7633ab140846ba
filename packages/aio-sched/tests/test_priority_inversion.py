"""On a loop with priorities, the holder of a lock runs as early as the one that waits for it needs it to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import PriorityLock, PriorityTask, sleep_insert
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Coroutine

ON_PRIORITY_LOOPS = pytest.mark.asyncio(loop_factories=["priority"])


def start(coro: Coroutine[Any, Any, Any], priority: float = 0.0, **options: Any) -> PriorityTask[Any]:
    return PriorityTask(coro, priority=priority, **options)


class Program:
    """A low task that holds locks while it has steps to make, urgent ones that want them, and work in between."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.working = True
        self.go_on = asyncio.Event()

    async def work(self, name: str) -> None:
        while self.working:
            self.steps.append(name)
            await asyncio.sleep(0)

    async def hold(self, lock: asyncio.Lock) -> None:
        await lock.acquire()
        await self.go_on.wait()
        for _ in range(3):
            self.steps.append("low")
            await asyncio.sleep(0)
        lock.release()
        self.steps.append("released")
        await asyncio.sleep(0)
        self.steps.append("low again")

    async def want(self, lock: asyncio.Lock) -> None:
        self.steps.append("high wants")
        async with lock:
            self.steps.append("high has")


@ON_PRIORITY_LOOPS
@pytest.mark.parametrize("links", [0, 1, 4])
async def test_nothing_in_between_runs_while_an_urgent_task_waits(links: int) -> None:
    program = Program()
    locks = [PriorityLock() for _ in range(links + 1)]

    async def pass_on(held: PriorityLock, wanted: PriorityLock) -> None:
        async with held, wanted:
            pass

    tasks = [start(program.hold(locks[0]), 10)]
    await settle()
    for held, wanted in zip(locks[1:], locks, strict=False):
        tasks.append(start(pass_on(held, wanted), 5))
        await settle()
    program.go_on.set()
    tasks += [start(program.work(f"work {number}"), -1) for number in range(3)]
    tasks.append(start(program.want(locks[-1]), -10))
    while "high has" not in program.steps:
        await asyncio.sleep(0)
    between = program.steps[program.steps.index("high wants") + 1 : program.steps.index("high has")]
    assert [step for step in between if step.startswith("work")] == []
    assert "released" in between
    program.working = False
    await asyncio.gather(*tasks)
    assert program.steps.index("low again") > program.steps.index("high has")


@ON_PRIORITY_LOOPS
async def test_without_inheritance_the_work_in_between_would_run() -> None:
    """That the test above tests something."""
    program, lock = Program(), asyncio.Lock()
    tasks = [start(program.hold(lock), 10)]
    await settle()
    program.go_on.set()
    tasks += [start(program.work("work"), -1), start(program.want(lock), -10)]
    while "high has" not in program.steps:
        await asyncio.sleep(0)
    assert program.steps.index("high has") - program.steps.index("high wants") > 50
    program.working = False
    await asyncio.gather(*tasks)


@pytest.mark.asyncio
async def test_a_task_that_starts_eagerly_waits_and_lends_like_any_other() -> None:
    lock = PriorityLock()
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def hold() -> None:
        async with lock:
            await gate

    holder = start(hold(), 10, eager_start=True)
    assert lock.locked()
    waiter = start(lock.acquire(), -10, eager_start=True)
    assert holder.effective_priority() == -10
    waiter.cancel()
    await settle()
    assert holder.effective_priority() == 10
    gate.set_result(None)
    await holder


@pytest.mark.asyncio(loop_factories=["asyncio", "scheduling", "priority"])
async def test_scheduling_functions_and_locks_go_together() -> None:
    program, lock = Program(), PriorityLock()

    async def hold() -> None:
        async with lock:
            for _ in range(5):
                await sleep_insert(1)
            program.steps.append("held")

    tasks = [start(hold(), 10), start(program.want(lock), -10)]
    await asyncio.gather(*tasks)
    assert set(program.steps) == {"high wants", "high has", "held"}
