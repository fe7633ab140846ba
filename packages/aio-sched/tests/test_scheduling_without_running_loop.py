"""The scheduling functions before a loop runs, after it was closed, and with no loop at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aio_sched import (
    blocked_tasks,
    call_pos,
    create_task_descend,
    create_task_start,
    get_scheduling_loop,
    runnable_tasks,
    task_is_blocked,
    task_reinsert,
)


async def forever() -> None:
    await asyncio.Event().wait()


def test_the_tasks_of_no_loop_cannot_be_told() -> None:
    for function in (runnable_tasks, blocked_tasks):
        with pytest.raises(RuntimeError, match="no running event loop"):
            function()


def test_the_states_of_a_loop_that_does_not_run_are_told() -> None:
    loop = asyncio.new_event_loop()
    first, second = loop.create_task(asyncio.Event().wait()), loop.create_task(asyncio.sleep(0))
    assert runnable_tasks(loop) == {first, second}
    assert blocked_tasks(loop) == set()
    loop.run_until_complete(second)
    assert (runnable_tasks(loop), blocked_tasks(loop)) == (set(), {first})
    assert task_is_blocked(first)
    first.cancel()
    assert runnable_tasks(loop) == {first}
    loop.run_until_complete(asyncio.wait([first]))
    loop.close()


@pytest.mark.asyncio_logs_errors
def test_nothing_is_runnable_on_a_closed_loop() -> None:
    loop = asyncio.new_event_loop()
    task = loop.create_task(forever())
    loop.close()
    assert task_is_blocked(task)
    assert (runnable_tasks(loop), blocked_tasks(loop)) == (set(), {task})
    coro: Any = task.get_coro()
    coro.close()


def test_without_a_running_loop_one_has_to_be_given() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        call_pos(0, print)
    with pytest.raises(RuntimeError, match="no running event loop"):
        get_scheduling_loop()


def test_a_closed_loop_takes_nothing() -> None:
    loop = asyncio.new_event_loop()
    handle = loop.call_soon(print)
    handle.cancel()
    queue = get_scheduling_loop(loop)
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        call_pos(0, print, loop=loop)
    with pytest.raises(RuntimeError, match="closed"):
        queue.queue_insert_pos(0, handle)
    assert queue.queue_len() == 0


def test_what_is_not_a_loop_is_refused() -> None:
    for wrong in (5, "loop", asyncio):
        with pytest.raises(TypeError, match="event loop is needed"):
            get_scheduling_loop(wrong)  # type: ignore[arg-type]


def test_before_a_loop_runs_its_queue_can_be_arranged() -> None:
    loop = asyncio.new_event_loop()
    log: list[str] = []

    async def step(name: str) -> None:
        log.append(name)

    tasks = [loop.create_task(step(name)) for name in "abc"]
    task_reinsert(tasks[2], 0)
    call_pos(1, log.append, "callback", loop=loop)
    loop.run_until_complete(asyncio.wait(tasks))
    loop.close()
    assert log == ["c", "callback", "a", "b"]


@pytest.mark.parametrize("create", [create_task_descend, create_task_start])
def test_a_creation_that_outlives_its_loop_is_closed_in_peace(create: Any) -> None:
    loop = asyncio.new_event_loop()
    children: list[asyncio.Task[Any]] = []

    def leave() -> None:
        raise KeyboardInterrupt

    async def child() -> None:
        task = asyncio.current_task()
        assert task is not None
        children.append(task)
        call_pos(0, leave)
        await loop.create_future()

    creating = create(child())

    async def creator() -> None:
        await creating

    task = loop.create_task(creator())
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    loop.close()
    assert not task.done()
    creating.close()
    for left in (task, *children):
        coro: Any = left.get_coro()
        coro.close()
        left._log_destroy_pending = False  # type: ignore[attr-defined]  # there is no end to wait for
