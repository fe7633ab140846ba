"""The methods of a scheduling loop: looking into the ready queue, taking out, putting in."""

from __future__ import annotations

import asyncio
import logging
import sys
from asyncio import tasks as asyncio_tasks
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import AbstractSchedulingLoop, SchedulingMixin, call_pos, get_scheduling_loop, sleep_insert
from aio_sched._asyncio_internals import task_of
from aio_sched._ready_queue import snapshot, snapshot_by_index

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "scheduling", "priority"])


async def drain() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_scheduling_loop_is_returned_as_it_is() -> None:
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop()
    assert isinstance(queue, AbstractSchedulingLoop)
    is_the_loop: Any = loop
    assert (queue is is_the_loop) is isinstance(loop, AbstractSchedulingLoop)
    assert repr(loop) in repr(queue)
    assert get_scheduling_loop(loop).queue_items() == queue.queue_items()


async def test_the_mixin_makes_a_scheduling_loop() -> None:
    class Loop(SchedulingMixin, asyncio.SelectorEventLoop):
        pass

    loop = Loop()
    try:
        assert isinstance(loop, AbstractSchedulingLoop)
        assert loop.queue_len() == 0
        handle = loop.call_pos(3, print)
        assert loop.queue_items() == [handle]
    finally:
        loop.close()


def other_queues(queue: AbstractSchedulingLoop) -> Any:
    """The same queue, by nothing but the methods that a loop of another kind has to have."""

    class Other(AbstractSchedulingLoop):
        queue_len = staticmethod(queue.queue_len)
        queue_items = staticmethod(queue.queue_items)
        queue_find = staticmethod(queue.queue_find)
        queue_insert_pos = staticmethod(queue.queue_insert_pos)
        queue_remove = staticmethod(queue.queue_remove)
        call_pos = staticmethod(queue.call_pos)

    return Other()


@pytest.mark.parametrize("start", range(4))
@pytest.mark.parametrize("pos", range(6))
async def test_a_handle_is_moved_to_the_place_asked_for(start: int, pos: int) -> None:
    loop = asyncio.get_running_loop()
    own = get_scheduling_loop()
    for queue in (own, other_queues(own)):
        log: list[str] = []
        handles = [loop.call_soon(log.append, name) for name in "abcd"]
        queue.queue_move(pos, handles[start])
        expected = list("abcd")
        expected.insert(pos, expected.pop(start))
        await drain()
        assert log == expected


async def test_a_handle_is_found_in_the_order_of_the_queue() -> None:
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop()
    asked: list[asyncio.Handle] = []
    handles = [loop.call_soon(print, "unseen") for _ in range(4)]
    handles[0].cancel()

    def key(handle: asyncio.Handle) -> bool:
        asked.append(handle)
        return handle is handles[2]

    assert queue.queue_find(key) is handles[2]
    assert asked == handles[1:3]
    assert queue.queue_find(lambda handle: False) is None
    assert queue.queue_find(lambda handle: False, remove=True) is None
    assert queue.queue_items() == handles[1:]
    for handle in handles:
        handle.cancel()


async def test_a_removed_handle_does_not_run_until_it_is_put_in_again() -> None:
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop()
    log: list[str] = []
    handles = [loop.call_soon(log.append, name) for name in "abcd"]
    assert queue.queue_find(lambda handle: handle is handles[1], remove=True) is handles[1]
    queue.queue_remove(handles[3])
    assert queue.queue_items() == [handles[0], handles[2]]
    assert queue.queue_len() == 2
    await drain()
    assert log == ["a", "c"]
    loop.call_soon(log.append, "e")
    queue.queue_insert_pos(0, handles[3])
    queue.queue_insert_pos(5, handles[1])
    await drain()
    assert log == ["a", "c", "d", "e", "b"]


async def test_taking_out_what_the_loop_has_counted_does_not_end_the_loop() -> None:
    """The stock loop counts the handles of a pass when it begins it, and takes as many from the queue."""
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop()
    log: list[str] = []

    def take_out_all() -> None:
        for handle in queue.queue_items():
            queue.queue_remove(handle)
        log.append("all taken out")

    event = asyncio.Event()
    for _ in range(3):
        loop.call_soon(take_out_all)
        handles = [loop.call_soon(log.append, "never") for _ in range(5)]
        loop.call_later(0.001, event.set)
        await event.wait()
        event.clear()
        assert [handle.cancelled() for handle in handles] == [False] * 5
    assert log == ["all taken out"] * 3


async def test_a_handle_that_is_not_in_the_queue_cannot_be_taken_out_or_moved() -> None:
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop()
    cancelled, ran, timer = loop.call_soon(print), loop.call_soon(lambda: None), loop.call_later(3600, print)
    cancelled.cancel()
    await drain()
    fresh = loop.call_soon(lambda: None)
    queue.queue_remove(fresh)
    cancelled = loop.call_soon(print)
    cancelled.cancel()
    before = queue.queue_items()
    for handle in (cancelled, ran, timer, fresh):
        with pytest.raises(ValueError, match="is not in the ready queue"):
            queue.queue_remove(handle)
        with pytest.raises(ValueError, match="is not in the ready queue"):
            queue.queue_move(0, handle)
    assert queue.queue_items() == before
    timer.cancel()


async def test_what_cannot_stand_in_the_queue_is_not_put_in() -> None:
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop()
    other_loop = asyncio.new_event_loop()
    foreign = other_loop.call_soon(print)
    other_loop.close()
    queued = loop.call_soon(lambda: None)
    with pytest.raises(ValueError, match="belongs to another loop"):
        queue.queue_insert_pos(0, foreign)
    with pytest.raises(ValueError, match="is in the ready queue already"):
        queue.queue_insert_pos(0, queued)
    with pytest.raises(TypeError, match="a queue holds handles"):
        queue.queue_insert_pos(0, print)  # type: ignore[arg-type]
    assert queue.queue_items() == [queued]


async def test_timers_that_are_equal_are_told_apart() -> None:
    """`TimerHandle` compares by time, callback and arguments, so that two can be equal."""
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop()
    log: list[str] = []
    when = loop.time()
    first, second, third = [loop.call_at(when, log.append, "timer") for _ in range(3)]
    assert first == second == third

    def while_they_are_ready() -> None:
        assert queue.queue_items() == [first, second, third]
        queue.queue_move(0, third)
        queue.queue_remove(second)
        items = queue.queue_items()
        log.append(f"{[handle is item for handle, item in zip([third, first], items, strict=True)]}")

    loop.call_at(when - 1, while_they_are_ready)
    await asyncio.sleep(0.001)
    assert log == ["[True, True]", "timer", "timer"]


async def test_a_key_that_raises_changes_nothing() -> None:
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop()
    handles = [loop.call_soon(lambda: None) for _ in range(3)]
    with pytest.raises(ZeroDivisionError):
        queue.queue_find(lambda handle: bool(1 // 0), remove=True)
    assert queue.queue_items() == handles


async def test_a_key_that_changes_the_queue_does_not_lead_to_another_handle() -> None:
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop()
    log: list[str] = []
    handles = [loop.call_soon(log.append, name) for name in "abc"]

    def key(handle: asyncio.Handle) -> bool:
        queue.call_pos(0, log.append, "new")
        loop.call_soon(log.append, "last")
        return handle is handles[1]

    assert queue.queue_find(key, remove=True) is handles[1]
    await drain()
    assert log == ["new", "new", "a", "c", "last", "last"]


async def test_the_task_of_each_handle_is_known(spawn: Spawn) -> None:
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop()
    future = loop.create_future()
    log: list[str] = []

    async def wait() -> None:
        await future

    async def place() -> None:
        await sleep_insert(9)

    woken, placed = spawn(wait()), spawn(place())
    await sleep_insert(2)
    future.set_result(None)
    new = spawn(forever())
    callbacks: list[Callable[[], object]] = [print, new.done, new.get_name, lambda: None, log.copy, int]
    others = [loop.call_soon(callback) for callback in callbacks]
    assert [task_of(handle) for handle in queue.queue_items()] == [placed, woken, new] + [None] * len(others)
    for task in (woken, placed, new):
        handle = queue.queue_find_task(task)
        assert handle is not None
        assert task_of(handle) is task
    current = asyncio.current_task()
    assert current is not None
    assert queue.queue_find_task(current) is None
    for handle in others:
        handle.cancel()
    new.cancel()
    await asyncio.wait([woken, placed, new])


async def test_cancelled_handles_have_no_task() -> None:
    task = asyncio.create_task(forever())
    queue = get_scheduling_loop()
    handle = queue.queue_find_task(task)
    assert handle is not None
    queue.queue_remove(handle)
    copy = asyncio.get_running_loop().call_soon(lambda: None)
    copy.cancel()
    assert task_of(copy) is None
    assert queue.queue_find_task(task) is None
    queue.queue_insert_pos(0, handle)
    task.cancel()
    await asyncio.wait([task])


async def test_copies_made_by_index_are_the_same() -> None:
    loop = asyncio.get_running_loop()
    ready = getattr(loop, "_ready")  # noqa: B009
    for _ in range(200):
        loop.call_soon(lambda: None)
    assert snapshot_by_index(ready) == snapshot(ready) == list(ready)
    assert len(snapshot_by_index(ready)) >= 200


async def test_debug_mode_shows_where_a_callback_was_scheduled() -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    handles = [call_pos(0, lambda: None), get_scheduling_loop().call_pos(0, lambda: None)]
    assert all(f"created at {__file__}:" in repr(handle) for handle in handles)


async def test_in_debug_mode_everything_works(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    queue = get_scheduling_loop()
    log: list[str] = []
    task = asyncio.create_task(forever())
    with caplog.at_level(logging.WARNING, "asyncio"):
        call_pos(0, log.append, "front")
        queue.queue_remove(loop.call_soon(log.append, "never"))
        await sleep_insert(1)
        assert log == ["front"]
        await drain()
    task.cancel()
    await asyncio.wait([task])
    slow = [record.getMessage() for record in caplog.records]
    assert any("took" in message and "append" in message for message in slow)


async def test_a_removed_handle_leaves_no_reference_behind() -> None:
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop()
    handle = loop.call_soon(print)
    before = sys.getrefcount(handle)
    queue.queue_remove(handle)
    assert sys.getrefcount(handle) == before - 1


async def test_python_tasks_and_c_tasks_are_both_tasks() -> None:
    loop = asyncio.get_running_loop()
    python_task = vars(asyncio_tasks)["_PyTask"](forever(), loop=loop)
    task = asyncio.Task(forever(), loop=loop)
    assert [task_of(handle) for handle in get_scheduling_loop().queue_items()] == [python_task, task]
    for each in (python_task, task):
        each.cancel()
    await asyncio.wait([task, python_task])


async def test_a_handle_that_was_looked_at_is_never_used_for_another_step() -> None:
    """Our loops use the handle of a task's step again; cancelling an old one that somebody kept must cancel nothing."""
    steps = 0

    async def spin() -> None:
        nonlocal steps
        while True:
            steps += 1
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(spin()) for _ in range(3)]
    queue = get_scheduling_loop()
    for _ in range(20):
        await asyncio.sleep(0)
        kept = [*queue.queue_items(), *(queue.queue_find_task(task) for task in tasks)]
        await asyncio.sleep(0)
        for handle in kept:
            assert handle is not None
            handle.cancel()
        before = steps
        await asyncio.sleep(0)
        assert steps == before + len(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
