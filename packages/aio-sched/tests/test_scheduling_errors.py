"""What cannot be done is refused at the call, with the reason, and nothing is moved."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import (
    blocked_tasks,
    call_pos,
    create_task_descend,
    get_scheduling_loop,
    runnable_tasks,
    sleep_insert,
    task_reinsert,
    task_switch,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "scheduling", "priority"])


@contextlib.contextmanager
def refused(kind: type[BaseException], match: str) -> Iterator[None]:
    """The block raises this, and the ready queue is what it was."""
    queue = get_scheduling_loop()
    before = queue.queue_items()
    with pytest.raises(kind, match=match):
        yield
    assert queue.queue_items() == before


async def nothing() -> None:
    pass


async def refuses(task: Any, kind: type[BaseException], match: str) -> None:
    """A task that neither function will move."""
    bystanders = [asyncio.create_task(nothing()) for _ in range(2)]
    with refused(kind, match):
        task_reinsert(task, 0)
    for insert_pos in (None, 0, 1):
        with refused(kind, match):
            await task_switch(task, insert_pos=insert_pos)
    assert not any(task.done() for task in bystanders)
    await asyncio.wait(bystanders)


async def test_a_task_that_is_done_cannot_be_moved(spawn: Spawn) -> None:
    task = spawn(nothing())
    await task
    await refuses(task, ValueError, "is not in the ready queue: it is done")


async def test_a_blocked_task_cannot_be_moved_and_the_error_tells_what_it_waits_for(spawn: Spawn) -> None:
    future = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        await future

    task = spawn(wait())
    await asyncio.sleep(0)
    await refuses(task, ValueError, "is not in the ready queue: it is blocked, and waits for <Future pending")
    future.set_result(None)
    await task_switch(task)
    assert task.done()


async def test_a_task_whose_step_was_taken_out_of_the_queue_cannot_be_moved(spawn: Spawn) -> None:
    queue = get_scheduling_loop()
    task = spawn(nothing())
    handle = queue.queue_find_task(task)
    assert handle is not None
    queue.queue_remove(handle)
    await refuses(task, ValueError, "is not in the ready queue: it is blocked$")
    queue.queue_insert_pos(0, handle)
    await task


async def test_the_current_task_cannot_be_moved(spawn: Spawn) -> None:
    async def move_itself() -> None:
        await refuses(tasks[0], ValueError, "it is the current task")

    tasks: list[asyncio.Task[Any]] = []
    tasks.append(spawn(move_itself()))
    await tasks[0]
    await refuses(asyncio.current_task(), ValueError, "it is the current task")


async def test_a_task_of_a_loop_that_does_not_run_cannot_be_moved_from_here() -> None:
    loop = asyncio.new_event_loop()
    task = loop.create_task(nothing())
    await refuses(task, ValueError, "belongs to another loop")
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.to_thread(loop.run_until_complete, task)
    loop.close()


async def test_a_task_of_a_loop_in_another_thread_cannot_be_moved() -> None:
    made = threading.Event()
    tasks: list[asyncio.Task[None]] = []
    ends: list[Callable[[], object]] = []

    async def elsewhere() -> None:
        task = asyncio.current_task()
        assert task is not None
        end = asyncio.Event()
        loop = asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(end.set))
        tasks.append(task)
        made.set()
        await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(elsewhere()))
    thread.start()
    made.wait()
    try:
        await refuses(tasks[0], ValueError, "belongs to another loop")
    finally:
        ends[0]()
        thread.join()


@pytest.mark.parametrize("wrong", [None, 5, "task", nothing])
async def test_what_is_not_a_task_cannot_be_moved(wrong: Any) -> None:
    await refuses(wrong, TypeError, "a task is needed")


@pytest.mark.parametrize(
    ("pos", "kind", "match"),
    [
        (-1, ValueError, "so -1 is none"),
        ("1", TypeError, "is an integer, not '1'"),
        (1.0, TypeError, "is an integer, not 1.0"),
        (None, TypeError, "is an integer, not None"),
    ],
)
async def test_what_is_not_a_position_is_refused(pos: Any, kind: type[BaseException], match: str) -> None:
    task = asyncio.create_task(nothing())
    handle = asyncio.get_running_loop().call_soon(print)
    handle.cancel()
    queue = get_scheduling_loop()
    with refused(kind, match):
        call_pos(pos, print)
    with refused(kind, match):
        queue.call_pos(pos, print)
    with refused(kind, match):
        await sleep_insert(pos)
    with refused(kind, match):
        task_reinsert(task, pos)
    if pos is not None:
        with refused(kind, match):
            await task_switch(task, insert_pos=pos)
    queued = queue.queue_find_task(task)
    assert queued is not None
    with refused(kind, match):
        queue.queue_move(pos, queued)
    with refused(kind, match):
        queue.queue_insert_pos(pos, handle)
    await task


async def test_what_cannot_be_called_is_refused() -> None:
    coro = nothing()
    for wrong in (coro, None, 5):
        with refused(TypeError, "cannot call"):
            call_pos(0, wrong)  # type: ignore[arg-type]
    coro.close()


async def test_a_coroutine_function_is_refused() -> None:
    with refused(TypeError, "create_task"):
        call_pos(0, nothing)


async def test_outside_a_task_there_is_no_place_to_take() -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(nothing())
    new = nothing()
    errors: list[BaseException] = []

    def drive(coro: Coroutine[Any, Any, Any]) -> None:
        try:
            coro.send(None)
        except BaseException as error:
            errors.append(error)

    for coro in (sleep_insert(0), task_switch(task), task_switch(task, insert_pos=1), create_task_descend(new)):
        loop.call_soon(drive, coro)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [type(error) for error in errors] == [RuntimeError] * 4
    assert all("called from none" in str(error) for error in errors)
    await new  # as it was


async def test_another_thread_cannot_change_the_queue() -> None:
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop()
    handle = loop.call_soon(print)
    handle_of_task = queue.queue_find_task(asyncio.create_task(nothing()))
    assert handle_of_task is not None

    changes: list[Callable[[], object]] = [
        lambda: call_pos(0, print, loop=loop),
        lambda: queue.call_pos(0, print),
        lambda: queue.queue_remove(handle),
        lambda: queue.queue_move(0, handle),
        lambda: queue.queue_find(lambda handle: True, remove=True),
    ]
    errors: list[str] = []

    def try_all() -> None:
        for change in changes:
            try:
                change()
            except RuntimeError as error:
                errors.append(str(error))

    before = queue.queue_items()
    thread = threading.Thread(target=try_all)
    thread.start()
    thread.join()
    assert len(errors) == len(changes)
    assert all("runs in another thread" in error and "call_soon_threadsafe" in error for error in errors)
    assert queue.queue_items() == before
    handle.cancel()


async def test_what_is_wrong_at_a_creation_is_reported_there() -> None:
    with refused(TypeError, "coroutine"):
        await create_task_descend(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["loop", 0, asyncio.new_event_loop])
async def test_tasks_of_what_is_no_loop_are_none_to_ask_for(wrong: Any) -> None:
    for of_loop in (runnable_tasks, blocked_tasks):
        with pytest.raises(TypeError, match="loop must be an asyncio event loop or None, not"):
            of_loop(wrong)
