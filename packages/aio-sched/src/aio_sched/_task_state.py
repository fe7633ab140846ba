"""Which tasks can run and which are blocked."""

from __future__ import annotations

import asyncio
import enum
from typing import Any

from aio_sched._asyncio_internals import TASK_TYPES, current_task, is_running, task_of, waits_for
from aio_sched._ready_queue import queue_shown_by


class TaskState(enum.Enum):
    """What a task does at this moment. Each task is in exactly one of these states."""

    CURRENT = "runs"
    RUNNABLE = "stands in the ready queue"
    BLOCKED = "waits for something to happen"
    DONE = "has ended"


def task_is_blocked(task: asyncio.Task[Any]) -> bool:
    """Whether a task waits for something to happen: it is neither done, nor running, nor in the ready queue.

    Args:
        task: A task of any loop.

    Returns:
        True for a task that waits for a future or another task that is not done. Also for one that nothing will run as
        things stand: its code starts another task eagerly and goes on after that, its step was cancelled or taken out
        of the queue, or its loop is closed.

    Raises:
        TypeError: `task` is not a task.

    Cost: constant for a task that waits for a future, else proportional to the length of the ready queue. On a loop
    that shows no ready queue (uvloop), a task that waits for no future and does not run is taken to be runnable.
    """
    return state_of(task) is TaskState.BLOCKED


def task_is_runnable(task: asyncio.Task[Any]) -> bool:
    """Whether a task stands in the ready queue: new, in `sleep(0)`, or what it waited for is done.

    Args:
        task: A task of any loop.

    Returns:
        True for a task that the loop will run without anything else happening. False for the current task, which runs.

    Raises:
        TypeError: `task` is not a task.

    Cost: as for `task_is_blocked`.
    """
    return state_of(task) is TaskState.RUNNABLE


def runnable_tasks(loop: asyncio.AbstractEventLoop | None = None) -> set[asyncio.Task[Any]]:
    """The tasks of a loop that stand in its ready queue.

    At any moment each task that is not done is in `runnable_tasks()`, or in `blocked_tasks()`, or is the current one,
    and in one of these only.

    Args:
        loop: The loop; the running one by default.

    Returns:
        A new set.

    Raises:
        TypeError: `loop` is no event loop.
        RuntimeError: No loop is given, and none is running.

    Cost: proportional to the number of tasks and the length of the ready queue.
    """
    loop = _loop_or_running(loop)
    tasks = asyncio.all_tasks(loop) - _current(loop)
    queue = queue_shown_by(loop)
    if queue is None:
        return {task for task in tasks if _state_of_waiting(task) is TaskState.RUNNABLE}
    queued = {task_of(handle) for handle in queue.queue_items()}
    return {task for task in tasks if task in queued and waits_for(task) is None}


def blocked_tasks(loop: asyncio.AbstractEventLoop | None = None) -> set[asyncio.Task[Any]]:
    """The tasks of a loop that wait for something to happen.

    Args:
        loop: The loop; the running one by default.

    Returns:
        A new set: all tasks without the runnable ones and the current one.

    Raises:
        TypeError: `loop` is no event loop.
        RuntimeError: No loop is given, and none is running.

    Cost: as for `runnable_tasks`.
    """
    loop = _loop_or_running(loop)
    return asyncio.all_tasks(loop) - runnable_tasks(loop) - _current(loop)


def state_of(task: asyncio.Task[Any]) -> TaskState:
    """Tell what a task does at this moment."""
    require_task(task)
    if task.done():
        return TaskState.DONE
    loop = task.get_loop()
    if current_task(loop) is task:
        return TaskState.CURRENT
    if waits_for(task) is not None:
        return TaskState.BLOCKED
    queue = queue_shown_by(loop)
    if queue is None:
        return _state_of_waiting(task)
    return TaskState.BLOCKED if queue.queue_find_task(task) is None else TaskState.RUNNABLE


def require_task(task: object) -> None:
    """Refuse what is not a task."""
    if not isinstance(task, TASK_TYPES):
        raise TypeError(f"a task is needed, such as asyncio.create_task() returns, not {task!r}")


def _state_of_waiting(task: asyncio.Task[Any]) -> TaskState:
    """Tell what a task that is not done and not the current one does, without looking into the queue."""
    blocked = waits_for(task) is not None or is_running(task)
    return TaskState.BLOCKED if blocked else TaskState.RUNNABLE


def _loop_or_running(loop: asyncio.AbstractEventLoop | None) -> asyncio.AbstractEventLoop:
    if loop is None:
        return asyncio.get_running_loop()
    if not isinstance(loop, asyncio.AbstractEventLoop):
        raise TypeError(f"loop must be an asyncio event loop or None, not {loop!r}")
    return loop


def _current(loop: asyncio.AbstractEventLoop) -> set[asyncio.Task[Any]]:
    task = current_task(loop)
    return set() if task is None else {task}
