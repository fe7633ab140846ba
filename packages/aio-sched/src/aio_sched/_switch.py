"""The scheduling functions: callbacks and tasks at chosen places of the ready queue."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from aio_sched._asyncio_internals import DoneFuture, current_task, running_loop, waits_for
from aio_sched._ready_queue import AbstractSchedulingLoop, get_scheduling_loop, require_own_thread, require_position
from aio_sched._task_state import require_task

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from contextvars import Context
    from typing import TypeVarTuple

    Ts = TypeVarTuple("Ts")

T = TypeVar("T")


def call_pos(
    pos: int,
    callback: Callable[[*Ts], object],
    *args: *Ts,
    context: Context | None = None,
    loop: asyncio.AbstractEventLoop | None = None,
) -> asyncio.Handle:
    """Call a function soon, when `pos` others of the ready queue have run: `loop.call_soon()` at a chosen place.

    Args:
        pos: 0 for what runs next.
        callback: The function.
        *args: What it is called with.
        context: The context that it runs in; a copy of the current one by default.
        loop: The loop that calls it; the running one by default.

    Returns:
        A handle, by which the call can be cancelled.

    Raises:
        TypeError: `pos` is not an integer, or `callback` cannot be called.
        ValueError: `pos` is negative.
        RuntimeError: The loop is closed, runs in another thread, or shows no ready queue (uvloop); or no loop is given,
            and none is running.

    Cost: proportional to `pos`.
    """
    return get_scheduling_loop(loop).call_pos(pos, callback, *args, context=context)


async def sleep_insert(pos: int) -> None:
    """Let `pos` others of the ready queue run before this task goes on.

    `asyncio.sleep(0)` goes to the end of the queue, which is fair; this one comes back sooner. The task takes its
    place in the moment in which it goes to sleep, so that nothing stands between it and those before it, unless they
    put it there. With fewer others in the queue it goes behind them all.

    Args:
        pos: 0 goes on at once, before anything else runs. On a loop with priorities, a turn that is due to a less
            urgent task may come between.

    Raises:
        TypeError: `pos` is not an integer.
        ValueError: `pos` is negative.
        RuntimeError: No task is running, or the loop shows no ready queue (uvloop).

    Cancellation: raised when the task has its turn, at the place that it took.

    Cost: proportional to `pos`.
    """
    pos = require_position(pos)
    scheduling = get_scheduling_loop()
    await _Place(scheduling, _current_task(), pos)


def task_reinsert(task: asyncio.Task[Any], pos: int) -> None:
    """Give a runnable task another place in the ready queue.

    Args:
        task: A task that stands in the ready queue: new, in `sleep(0)`, or what it waited for is done.
        pos: How many others of the queue run before it.

    Raises:
        TypeError: `task` is not a task, or `pos` not an integer.
        ValueError: `pos` is negative; the task is done, blocked, the current one, or belongs to another loop than the
            running one. Nothing was moved.
        RuntimeError: The task's loop runs in another thread, or shows no ready queue (uvloop).

    Cost: proportional to the length of the queue.
    """
    pos = require_position(pos)
    scheduling, handle = _runnable(task)
    scheduling.queue_move(pos, handle)


async def task_switch(task: asyncio.Task[Any], *, insert_pos: int | None = None) -> None:
    """Switch to a task: it runs next, and this one goes on later.

    On a loop with priorities, turns that are due to less urgent tasks may come between, as everywhere.

    Args:
        task: A task that stands in the ready queue: new, in `sleep(0)`, or what it waited for is done.
        insert_pos: Where this task goes meanwhile: 1 for right after the other's step, 0 before it, None for the end
            of the queue.

    Raises:
        TypeError: `task` is not a task, or `insert_pos` not an integer.
        ValueError: `insert_pos` is negative; the task is done, blocked, the current one, or belongs to another loop.
            Nothing was moved.
        RuntimeError: No task is running, or the loop shows no ready queue (uvloop).

    Cancellation: raised when this task has its turn again; the other one has been moved all the same.

    Cost: proportional to the length of the queue.
    """
    pos = None if insert_pos is None else require_position(insert_pos)
    current = _current_task()
    scheduling, handle = _runnable(task)
    scheduling.queue_move(0, handle)
    if pos is None:
        await asyncio.sleep(0)
    else:
        await _Place(scheduling, current, pos)


async def create_task_descend(
    coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
) -> asyncio.Task[T]:
    """Make a task that runs at once; go on right after its first step: depth first, by the ready queue alone.

    Args:
        coro: The coroutine.
        name: The task's name.
        context: The task's context; a copy of the current one by default.

    Returns:
        The task, made by the loop's task factory. A factory that starts tasks eagerly has run the first step itself,
        and nothing is switched.

    Raises:
        RuntimeError: No task is running, or the loop shows no ready queue (uvloop). The coroutine is left as it was.

    Cancellation: the new task is cancelled too, since nobody else could know of it.

    Cost: proportional to the length of the queue.
    """
    current = _current_task()
    scheduling = get_scheduling_loop()
    task = asyncio.create_task(coro, name=name, context=context)
    handle = None if _has_begun(task) else scheduling.queue_find_task(task)
    if handle is None:
        return task
    scheduling.queue_move(0, handle)
    await _first_step(task, _Place(scheduling, current, 1))
    return task


async def create_task_start(
    coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
) -> asyncio.Task[T]:
    """Make a task, and let everything that is ready have its turn, the new task at last: `sleep(0)` after it was made.

    Works on every loop. On one with priorities, those of the tasks decide who has a turn.

    Args:
        coro: The coroutine.
        name: The task's name.
        context: The task's context; a copy of the current one by default.

    Returns:
        The task, made by the loop's task factory.

    Raises:
        RuntimeError: No loop is running.

    Cancellation: the new task is cancelled too, since nobody else could know of it.
    """
    task = asyncio.create_task(coro, name=name, context=context)
    await _first_step(task, asyncio.sleep(0))
    return task


def _has_begun(task: asyncio.Task[Any]) -> bool:
    """Whether a task that was just made has run its first step already: its factory starts tasks eagerly."""
    return task.done() or bool(getattr(task.get_coro(), "cr_suspended", False))


async def _first_step(task: asyncio.Task[Any], turn: _Place | Coroutine[Any, Any, None]) -> None:
    try:
        await turn
    except BaseException:
        if not task.get_loop().is_closed():  # the coroutine may be closed after its loop, which can wake nobody then
            task.cancel()
        raise


class _Place(DoneFuture):
    """What a task waits for while it stands at a chosen place of the ready queue.

    The task hangs its wake-up on what it takes for a future as the last thing it does before it lets go. That is the
    moment to put the wake-up into the queue, where no other can come between.
    """

    __slots__ = ("_pos", "_scheduling", "_task")

    def __init__(self, scheduling: AbstractSchedulingLoop, task: asyncio.Task[Any], pos: int) -> None:
        super().__init__()
        self._scheduling = scheduling
        self._task = task
        self._pos = pos

    def __await__(self) -> Generator[_Place, None, None]:
        yield self

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._task.get_loop()

    def add_done_callback(self, wakeup: Callable[[_Place], object], *, context: Context | None = None) -> None:
        self._scheduling.call_pos(self._pos, wakeup, self, context=context)

    def __repr__(self) -> str:
        return f"<place {self._pos} in the ready queue>"


def _current_task() -> asyncio.Task[Any]:
    task = current_task(asyncio.get_running_loop())
    if task is None:
        raise RuntimeError("only a task has a place in the ready queue, and this is called from none")
    return task


def _runnable(task: asyncio.Task[Any]) -> tuple[AbstractSchedulingLoop, asyncio.Handle]:
    """The queue in which a task stands, and its handle in it; or why there is none."""
    require_task(task)
    loop = task.get_loop()
    here = running_loop()
    if here is not None and here is not loop:
        raise ValueError(f"{task!r} belongs to another loop, {loop!r}, and cannot be moved from {here!r}")
    require_own_thread(loop)
    scheduling = get_scheduling_loop(loop)
    handle = None if task.done() else scheduling.queue_find_task(task)
    if handle is None:
        raise ValueError(f"{task!r} is not in the ready queue: {_why_not_queued(task)}")
    return scheduling, handle


def _why_not_queued(task: asyncio.Task[Any]) -> str:
    if task.done():
        return "it is done"
    if current_task(task.get_loop()) is task:
        return "it is the current task, which runs"
    waiter = waits_for(task)
    if waiter is None:
        return "it is blocked"
    return f"it is blocked, and waits for {waiter!r}"
