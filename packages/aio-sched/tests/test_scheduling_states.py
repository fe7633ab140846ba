"""Every task is runnable, blocked, current or done, and only one of these."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from asyncio import tasks as asyncio_tasks
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import (
    blocked_tasks,
    get_scheduling_loop,
    runnable_tasks,
    sleep_insert,
    task_is_blocked,
    task_is_runnable,
    task_switch,
)
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

pytestmark = pytest.mark.asyncio
on_loops_with_a_queue = pytest.mark.asyncio(loop_factories=["asyncio", "scheduling", "priority"])


def check_the_identity() -> None:
    """`all_tasks() == runnable_tasks() | blocked_tasks() | {current_task()}`, each task once."""
    current = asyncio.current_task()
    running = set() if current is None else {current}
    runnable, blocked = runnable_tasks(), blocked_tasks()
    assert asyncio.all_tasks() == runnable | blocked | running
    assert len(asyncio.all_tasks()) == len(runnable) + len(blocked) + len(running)
    assert all(task_is_runnable(task) and not task_is_blocked(task) for task in runnable)
    assert all(task_is_blocked(task) and not task_is_runnable(task) for task in blocked)
    assert not any(task_is_blocked(task) or task_is_runnable(task) for task in running)


async def forever() -> None:
    await asyncio.Event().wait()


async def finish(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def is_shown(task: asyncio.Task[Any]) -> bool:
    """From 3.14 on, `asyncio.all_tasks` does not show Python tasks."""
    return task in asyncio.all_tasks()


async def test_a_new_task_is_runnable(spawn: Spawn) -> None:
    task = spawn(forever())
    assert task_is_runnable(task)
    assert not task_is_blocked(task)
    check_the_identity()
    assert runnable_tasks() == ({task} if is_shown(task) else set())
    await finish(task)


async def test_a_task_in_sleep_zero_is_runnable(spawn: Spawn) -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    task = spawn(spin())
    for _ in range(3):
        await asyncio.sleep(0)
        assert task_is_runnable(task)
        check_the_identity()
    await finish(task)


@pytest.mark.parametrize("kind", ["future", "task", "lock", "queue", "sleep", "gather"])
async def test_a_task_that_waits_is_blocked_and_runnable_once_woken(kind: str, spawn: Spawn) -> None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    lock = asyncio.Lock()
    await lock.acquire()
    queue: asyncio.Queue[None] = asyncio.Queue()
    other = asyncio.ensure_future(forever())
    waits: dict[str, Callable[[], Any]] = {
        "future": lambda: future,
        "task": lambda: other,
        "lock": lock.acquire,
        "queue": queue.get,
        "sleep": lambda: asyncio.sleep(3600),
        "gather": lambda: asyncio.gather(other, future),
    }

    async def wait() -> None:
        await waits[kind]()

    task = spawn(wait())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert task_is_blocked(task)
    assert not task_is_runnable(task)
    check_the_identity()
    assert not is_shown(task) or task in blocked_tasks()
    {"future": lambda: future.set_result(None), "lock": lock.release, "queue": lambda: queue.put_nowait(None)}.get(
        kind, task.cancel
    )()
    if kind in {"future", "lock", "queue", "sleep"}:  # the others hand the cancellation on first
        assert task_is_runnable(task)
    check_the_identity()
    await finish(task, other)


async def test_the_current_task_is_neither_runnable_nor_blocked(spawn: Spawn) -> None:
    async def look() -> tuple[bool, bool]:
        task = asyncio.current_task() or vars(asyncio_tasks)["_py_current_task"]()
        check_the_identity()
        return task_is_runnable(task), task_is_blocked(task)

    assert await spawn(look()) == (False, False)
    check_the_identity()


async def test_a_task_that_is_done_is_neither_runnable_nor_blocked(spawn: Spawn) -> None:
    async def fails() -> None:
        raise ValueError

    task = spawn(fails())
    await asyncio.wait([task])
    assert (task_is_runnable(task), task_is_blocked(task)) == (False, False)
    assert task not in runnable_tasks() | blocked_tasks()
    assert isinstance(task.exception(), ValueError)


async def test_from_a_callback_no_task_is_current() -> None:
    loop = asyncio.get_running_loop()
    me = asyncio.current_task()
    assert me is not None
    done = loop.create_future()

    def look() -> None:
        try:
            check_the_identity()
            done.set_result((task_is_blocked(me), blocked_tasks()))
        except BaseException as error:
            done.set_exception(error)

    loop.call_soon(look)
    assert await done == (True, {me})


async def test_methods_of_tasks_in_the_queue_are_not_taken_for_their_steps(spawn: Spawn) -> None:
    loop = asyncio.get_running_loop()
    task = spawn(forever())
    await settle()
    for method in (task.cancelled, task.done, task.get_name):
        loop.call_soon(method)
    assert task_is_blocked(task)
    check_the_identity()
    await finish(task)


@on_loops_with_a_queue
async def test_a_task_at_a_chosen_place_is_runnable(spawn: Spawn) -> None:
    async def sleeper() -> None:
        await sleep_insert(5)

    async def switcher() -> None:
        await task_switch(third, insert_pos=3)

    first, second, third = spawn(sleeper()), spawn(switcher()), spawn(sleeper())
    await sleep_insert(2)
    for task in (first, second, third):
        assert task_is_runnable(task)
        check_the_identity()
    await asyncio.wait([first, second, third])


async def test_a_task_beneath_one_that_starts_eagerly_is_blocked() -> None:
    """It stands on the stack: it goes on when the other has given back control, and the loop has no part in that."""
    if sys.version_info < (3, 12):
        pytest.skip("tasks start eagerly from Python 3.12 on")
    outer = asyncio.current_task()
    assert outer is not None

    async def inner() -> None:
        check_the_identity()
        assert asyncio.current_task() is not outer
        assert task_is_blocked(outer)
        assert blocked_tasks() == {outer}
        await asyncio.sleep(0)
        check_the_identity()

    await asyncio.Task(inner(), loop=asyncio.get_running_loop(), eager_start=True)


@on_loops_with_a_queue
async def test_a_task_whose_step_was_taken_away_is_blocked() -> None:
    queue = get_scheduling_loop()
    task = asyncio.get_running_loop().create_task(forever())
    handle = queue.queue_find_task(task)
    assert handle is not None
    queue.queue_remove(handle)
    assert task_is_blocked(task)
    check_the_identity()
    queue.queue_insert_pos(0, handle)
    assert task_is_runnable(task)
    check_the_identity()
    await finish(task)


async def test_what_is_not_a_task_is_refused() -> None:
    coro = forever()
    future = asyncio.get_running_loop().create_future()
    for wrong in (coro, future, None, 5, asyncio.Task):
        for function in (task_is_blocked, task_is_runnable):
            with pytest.raises(TypeError, match="a task is needed"):
                function(wrong)  # type: ignore[arg-type]
    coro.close()


async def test_asking_keeps_no_task_alive() -> None:
    async def nothing() -> None:
        pass

    task = asyncio.create_task(nothing())
    task_is_runnable(task)
    runnable_tasks()
    await task
    blocked_tasks()
    await asyncio.sleep(0)  # the handle that runs refers to what this task waited for
    gone = weakref.ref(task)
    del task
    gc.collect()
    assert gone() is None
