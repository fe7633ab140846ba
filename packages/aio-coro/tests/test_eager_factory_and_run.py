"""An eager task factory over the life of a loop: before it runs, under `asyncio.run()`, at its shutdown."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aio_coro import eager_task_factory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

uvloop = pytest.importorskip("uvloop", reason="uvloop is not available for every Python")


def loop_with_the_factory() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_task_factory(eager_task_factory)
    return loop


def uvloop_with_the_factory() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    loop.set_task_factory(eager_task_factory)
    return loop


each_loop = pytest.mark.parametrize("new_loop", [loop_with_the_factory, uvloop_with_the_factory])


async def answer() -> int:
    return 42


@each_loop
def test_a_runner_works_with_the_factory(new_loop: Any) -> None:
    async def main() -> int:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(answer()) for _ in range(3)]
        return sum(task.result() for task in tasks)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(main()) == 126
        assert runner.run(main()) == 126


@each_loop
def test_unfinished_async_generators_are_closed_at_shutdown(new_loop: Any) -> None:
    log: list[str] = []
    kept: list[AsyncIterator[int]] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            log.append("closed")

    async def main() -> None:
        for _ in range(2):
            kept.append(numbers())
            await anext(kept[-1])

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
        assert log == []
    assert log == ["closed", "closed"]


@each_loop
def test_tasks_left_at_the_end_are_cancelled(new_loop: Any) -> None:
    log: list[str] = []

    async def child() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            log.append("cleaned up")

    async def main() -> None:
        tasks.append(asyncio.create_task(child()))

    tasks: list[asyncio.Task[None]] = []
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert log == ["cleaned up"]
    assert tasks[0].cancelled()


@each_loop
def test_a_task_made_before_the_loop_runs_starts_when_it_does(new_loop: Any) -> None:
    loop = new_loop()
    try:
        task = loop.create_task(answer())
        assert not task.done()
        assert loop.run_until_complete(task) == 42
    finally:
        loop.close()


@each_loop
def test_a_task_made_for_a_loop_that_does_not_run_waits_while_another_runs(new_loop: Any) -> None:
    waiting = new_loop()

    async def main() -> asyncio.Task[int]:
        task: asyncio.Task[int] = waiting.create_task(answer())
        assert not task.done()
        return task

    try:
        task = asyncio.run(main())
        assert waiting.run_until_complete(task) == 42
    finally:
        waiting.close()
