"""Places in the queue of a loop with priorities: what runs next, runs next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import (
    InterruptException,
    call_pos,
    create_task_descend,
    priority_loop_factory,
    sleep_insert,
    task_interrupt,
    task_reinsert,
    task_switch,
)
from aio_sched._asyncio_internals import task_of

if TYPE_CHECKING:
    from collections.abc import Callable

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"priority": priority_loop_factory}

pytestmark = pytest.mark.asyncio


class Tasks:
    """Makes tasks that note their turns."""

    def __init__(self) -> None:
        self.loop: Any = asyncio.get_running_loop()
        self.log: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    def make(self, name: str, priority: float, turns: int = 2) -> asyncio.Task[None]:
        task: asyncio.Task[None] = self.loop.create_task(self.turns(name, turns), priority=priority)
        self.tasks.append(task)
        return task

    async def turns(self, name: str, turns: int) -> None:
        for _ in range(turns):
            self.log.append(name)
            try:
                await asyncio.sleep(0)
            except InterruptException:
                self.log.append(f"{name} interrupted")

    async def run(self, body: Any, priority: float) -> list[str]:
        await self.loop.create_task(body, priority=priority)
        log = list(self.log)
        await asyncio.gather(*self.tasks)
        return log


@pytest.mark.parametrize("own", [-10.0, 0.0, 5.0, 10.0])
@pytest.mark.parametrize("insert_pos", [None, 1])
async def test_a_task_switches_to_one_that_is_as_urgent_or_less(own: float, insert_pos: int | None) -> None:
    tasks = Tasks()

    async def switch() -> None:
        tasks.make("other", 10)
        await task_switch(tasks.make("target", 10), insert_pos=insert_pos)

    assert await tasks.run(switch(), own) == ["target"] + ["other"] * (own == 10 and insert_pos is None)


@pytest.mark.parametrize("own", [-10.0, 0.0, 5.0, 10.0])
async def test_an_interrupt_of_a_less_urgent_task_is_raised_before_the_caller_goes_on(own: float) -> None:
    tasks = Tasks()

    async def interrupt() -> None:
        target = tasks.make("target", 10)
        tasks.make("other", 10)
        await task_switch(target)
        del tasks.log[:]
        await task_interrupt(target, InterruptException())
        assert "target interrupted" in tasks.log

    await tasks.run(interrupt(), own)


async def test_what_is_called_next_is_not_overtaken_by_what_becomes_ready_meanwhile() -> None:
    tasks = Tasks()

    async def call() -> None:
        tasks.make("low", 10)
        call_pos(0, tasks.log.append, "called")
        await tasks.make("urgent", -10, turns=1)

    assert await tasks.run(call(), 0) == ["called", "urgent"]


async def test_a_task_that_is_reinserted_at_the_front_is_not_overtaken_either() -> None:
    tasks = Tasks()

    async def reinsert() -> None:
        task_reinsert(tasks.make("low", 10), 0)
        await tasks.make("urgent", -10, turns=1)

    assert await tasks.run(reinsert(), 0) == ["low", "urgent"]


async def test_a_new_task_and_its_creator_run_one_after_the_other_when_it_descends() -> None:
    tasks = Tasks()

    async def child() -> None:
        tasks.log.append("child")
        tasks.make("urgent", -10, turns=1)
        await asyncio.sleep(0)

    async def descend() -> None:
        tasks.make("other", 10)
        await create_task_descend(child())
        tasks.log.append("creator")

    log = await tasks.run(descend(), 10)
    assert log[:2] == ["child", "creator"]


async def test_a_task_that_changes_its_priority_gives_up_its_place_at_the_front() -> None:
    tasks = Tasks()

    async def reinsert() -> None:
        target: Any = tasks.make("target", -1)
        task_reinsert(target, 0)
        target.priority_value = 10
        await sleep_insert(0)
        assert tasks.log == []
        await tasks.make("low", 5, turns=1)

    assert await tasks.run(reinsert(), 0) == ["low"]


async def test_a_task_whose_priority_is_raised_and_lowered_still_stands_behind_the_callbacks_before_it() -> None:
    tasks = Tasks()
    target: Any = tasks.make("target", -1, turns=1)
    call = tasks.loop.call_soon(tasks.log.append, "called")
    target.priority_value = -2
    target.priority_value = -1
    assert [task_of(handle) for handle in tasks.loop.queue_items()] == [None, target]
    assert tasks.loop.queue_items()[0] is call
    await target
    assert tasks.log == ["called", "target"]


async def test_what_is_put_behind_a_callback_lets_no_urgent_task_wait_that_comes_later() -> None:
    tasks = Tasks()
    last = asyncio.create_task(tasks.turns("last", 1))
    tasks.loop.call_soon(tasks.log.append, "called")
    # Its priority makes it wait for the callback, and then no longer.
    fenced: Any = tasks.make("fenced", -1, turns=1)
    fenced.priority_value = 0
    task_reinsert(fenced, 5)
    task_reinsert(last, 1)
    urgent = tasks.make("urgent", -1, turns=1)
    await asyncio.gather(last, fenced, urgent)
    assert tasks.log[:2] == ["called", "urgent"]
