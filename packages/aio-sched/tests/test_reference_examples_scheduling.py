"""The examples of asynkit's documentation for what this package offers of scheduling, as tests."""

from __future__ import annotations

import asyncio

import aio_sched
import pytest

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "scheduling", "priority"])


async def test_all_tasks_are_runnable_blocked_or_current() -> None:
    async def new() -> None:
        pass

    tasks = [asyncio.create_task(coro) for coro in (new(), asyncio.sleep(0), asyncio.sleep(0.001))]
    for _ in range(4):
        current = asyncio.current_task()
        assert current is not None
        assert asyncio.all_tasks() == aio_sched.runnable_tasks() | aio_sched.blocked_tasks() | {current}
        await asyncio.sleep(0)
    await asyncio.wait(tasks)


@pytest.mark.parametrize(
    ("insert_pos", "expected"),
    [(None, ["target", "other", "current"]), (1, ["target", "current", "other"]), (0, ["current", "target", "other"])],
)
async def test_switching_as_documented(insert_pos: int | None, expected: list[str]) -> None:
    """Without a position the current task goes to the end, at 1 right after the target, at 0 before it."""
    log: list[str] = []

    async def note(name: str) -> None:
        log.append(name)

    tasks = [asyncio.create_task(note(name)) for name in ("other", "target")]
    await aio_sched.task_switch(tasks[1], insert_pos=insert_pos)
    log.append("current")
    await asyncio.wait(tasks)
    assert log == expected


async def test_the_methods_of_the_mixin_as_documented() -> None:
    loop = aio_sched.get_scheduling_loop()
    log: list[str] = []
    first = asyncio.get_running_loop().call_soon(log.append, "first")
    assert loop.queue_len() == 1
    assert loop.queue_find(lambda handle: handle is first, remove=True) is first
    assert loop.queue_len() == 0
    loop.call_pos(0, log.append, "second")
    loop.queue_insert_pos(1, first)
    await asyncio.sleep(0)
    assert log == ["second", "first"]
