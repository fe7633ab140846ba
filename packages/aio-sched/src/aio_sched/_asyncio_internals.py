"""The private parts of asyncio that this distribution uses: every one of them is named here, and nowhere else.

| part                                 | used on | for                                                              |
|--------------------------------------|---------|------------------------------------------------------------------|
| `BaseEventLoop._ready`               | all     | the deque of handles that are ready to run                       |
| `Handle._callback`                   | all     | which task a handle will step                                    |
| `Handle._loop`                       | all     | refusing a handle of another loop                                |
| `Handle._source_traceback`           | all     | leaving this package's frames out of it, as asyncio does its own |
| `TaskStepMethWrapper`, `task_wakeup` | all     | telling a C task's step and wake-up from other callbacks         |
| `_PyTask`, its `__step`, `__wakeup`  | all     | the same for Python tasks                                        |
| `Task._fut_waiter`                   | all     | what a task waits for                                            |
| `_asyncio_future_blocking`           | all     | the mark by which a task knows what it can wait for              |
| `asyncio._get_running_loop`          | all     | which loop runs in this thread, if any                           |

Checked on CPython 3.11.7, 3.12.1, 3.13.0, 3.14.10 and 3.15.2.
"""

from __future__ import annotations

import asyncio
from asyncio import tasks
from collections import deque
from types import BuiltinMethodType, MethodType
from typing import Any, cast

# --- The ready queue and the tasks in it ---

_PyTask = vars(tasks)["_PyTask"]
#: What counts as a task: a `_PyTask` is no `asyncio.Task`, which is the one in C.
TASK_TYPES: tuple[type[asyncio.Task[Any]], ...] = (asyncio.Task, _PyTask)
_PYTHON_STEPS = (_PyTask._Task__step, _PyTask._Task__wakeup)
#: The loop that runs in this thread, or None.
running_loop = asyncio._get_running_loop


def task_of(handle: asyncio.Handle) -> asyncio.Task[Any] | None:
    """The task that a handle will step; None for any other callback, a task's own methods among them."""
    callback: Any = handle._callback  # type: ignore[attr-defined]  # see the table
    kind = type(callback)
    if kind is BuiltinMethodType:
        if callback.__name__ != "task_wakeup":
            return None
    elif kind is MethodType:
        if callback.__func__ not in _PYTHON_STEPS:
            return None
    elif kind.__name__ != "TaskStepMethWrapper":
        return None
    task = callback.__self__
    return task if isinstance(task, TASK_TYPES) else None


def waits_for(task: asyncio.Task[Any]) -> asyncio.Future[Any] | None:
    """The future (or what the task takes for one) that a task waits for and that is not done; None if there is none.

    A task keeps what it waited for until its next step, so a waiter that is done says that the step is on its way.
    """
    waiter = cast("asyncio.Future[Any] | None", task._fut_waiter)  # type: ignore[attr-defined]  # see the table
    return None if waiter is None or waiter.done() else waiter


def is_running(task: asyncio.Task[Any]) -> bool:
    """Whether the code of a task that is not done is on the stack: it runs, or starts another task that does."""
    return bool(getattr(task.get_coro(), "cr_running", False))


def ready_deque(loop: asyncio.AbstractEventLoop) -> deque[asyncio.Handle] | None:
    """The deque from which a loop takes its handles one by one; None if it has none, or none that is known."""
    if not isinstance(loop, asyncio.BaseEventLoop):
        return None
    ready = getattr(loop, "_ready", None)
    return ready if isinstance(ready, deque) else None


def is_handle_of(handle: asyncio.Handle, loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a handle was made for this loop."""
    return cast("Any", handle)._loop is loop


def make_handle(
    loop: asyncio.AbstractEventLoop, callback: Any, args: tuple[Any, ...], context: Any = None
) -> asyncio.Handle:
    """A handle such as `call_soon` makes, in no queue yet.

    In debug mode a handle keeps the stack of where it was made: the frame of this function and that of its caller, a
    method of a loop, are taken off, as asyncio's `call_soon` takes off its own.
    """
    handle = asyncio.Handle(callback, args, loop, context)
    traceback: list[Any] | None = handle._source_traceback  # type: ignore[attr-defined]  # see the table
    if traceback:
        del traceback[-2:]
    return handle


class DoneFuture:
    """Base of what a task takes for a future when it is yielded to it, and that has nothing to wait for.

    The task calls `get_loop` and `add_done_callback` when it is yielded, and `result` in its next step. Cancelling the
    task meanwhile calls `cancel`; since this one cannot be cancelled, the task remembers the cancellation until then.
    """

    __slots__ = ("_asyncio_future_blocking",)

    def __init__(self) -> None:
        self._asyncio_future_blocking = True

    def done(self) -> bool:
        return True

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002  # the task passes its message
        return False

    def cancelled(self) -> bool:
        return False

    def exception(self) -> None:
        return None

    def result(self) -> None:
        return None
