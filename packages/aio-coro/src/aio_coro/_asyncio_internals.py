"""The private parts of asyncio that this distribution uses: every one of them is named here, and nowhere else.

| part                              | used on | for                                                               |
|-----------------------------------|---------|-------------------------------------------------------------------|
| `asyncio.tasks._current_tasks`    | all     | which task is current, by loop; from 3.14 on, of tasks in Python  |
| `asyncio.tasks._swap_current_task`| 3.12+   | setting the current task aside and back                           |
| `TaskStepMethWrapper`, `__step`   | all     | telling a task's step from other callbacks (C task, Python task)  |
| `Task._log_destroy_pending`       | all     | dropping a task that was made and could not be started, silently  |
| closure of the eager task factory | all     | the constructor inside a factory (anyio reads it in the same way) |
| `_asyncio_future_blocking`        | all     | the mark by which a task knows what it can wait for               |
| `Future._callbacks`, `_exception` | all     | shown by what stands in for a future, to who interrupts its task  |

Checked on CPython 3.11.7, 3.12.1, 3.13.0, 3.14.10 and 3.15.2, with the stock loop and uvloop 0.23.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import tasks
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType
    from typing import TypeAlias

    CurrentTasks: TypeAlias = tuple[asyncio.Task[Any] | None, asyncio.Task[Any] | None]
    #: What makes a task: `asyncio.Task`, a subclass, or a function that is called like it.
    TaskConstructor: TypeAlias = Callable[..., asyncio.Task[Any]]
    #: What `loop.set_task_factory()` takes.
    TaskFactory: TypeAlias = Callable[..., asyncio.Task[Any]]

#: The task that is current on each loop: what `asyncio.current_task()` reads, and from 3.14 on an account of their own
#: that tasks in Python keep.
current_tasks = cast("dict[asyncio.AbstractEventLoop, asyncio.Task[Any]]", vars(tasks)["_current_tasks"])

if sys.version_info >= (3, 12):
    _swap_current_task = cast(
        "Callable[[asyncio.AbstractEventLoop, asyncio.Task[Any] | None], object]", vars(tasks)["_swap_current_task"]
    )

else:

    def _swap_current_task(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any] | None) -> None:
        if task is None:
            del current_tasks[loop]
        else:
            current_tasks[loop] = task


if sys.version_info >= (3, 14):
    make_eager_task_factory = asyncio.create_eager_task_factory

else:

    def make_eager_task_factory(constructor: TaskConstructor) -> TaskFactory:
        """What `asyncio.create_eager_task_factory` is from 3.14 on; uvloop asks its factories for `eager_start`."""

        def factory(loop: asyncio.AbstractEventLoop, coro: Any, *, eager_start: bool = True, **options: Any) -> Any:
            return constructor(coro, loop=loop, eager_start=eager_start, **options)

        return factory


def set_current_task_aside(loop: asyncio.AbstractEventLoop) -> CurrentTasks:
    """Make no task the current one; returns what was (in C, in Python), for `restore_current_task`."""
    task = asyncio.current_task(loop)
    if task is not None:  # removing what is not there is a KeyError
        _swap_current_task(loop, None)
    return task, current_tasks.pop(loop, None)


def restore_current_task(loop: asyncio.AbstractEventLoop, aside: CurrentTasks) -> None:
    """Make the task that was set aside the current one again."""
    task, of_python = aside
    if of_python is not None:
        current_tasks[loop] = of_python
    if task is not None:
        _swap_current_task(loop, task)


_EAGER_FACTORIES = {
    cast("FunctionType", factory).__code__
    for factory in (make_eager_task_factory(asyncio.Task), getattr(asyncio, "eager_task_factory", None))
    if factory is not None
}
_PyTask = vars(tasks)["_PyTask"]
_PYTHON_STEP = _PyTask._Task__step
#: What counts as a task: a `_PyTask` is no `asyncio.Task`, which is the one in C.
TASK_TYPES: tuple[type[asyncio.Task[Any]], ...] = (asyncio.Task, _PyTask)


def constructor_in(factory: object) -> TaskConstructor | None:
    """The constructor that an eager task factory calls; None for any other task factory."""
    if getattr(factory, "__code__", None) not in _EAGER_FACTORIES:
        return None
    return cast("TaskConstructor", cast("Any", factory).__closure__[0].cell_contents)


def is_task_step(callback: object) -> bool:
    """Whether a callback given to `call_soon` is a task's step, and not a wake-up or one of the task's methods."""
    return type(callback).__name__ == "TaskStepMethWrapper" or getattr(callback, "__func__", None) is _PYTHON_STEP


def drop_unstarted(task: asyncio.Task[Any]) -> None:
    """Let a task that will never run go without the "destroyed but pending" that asyncio would log."""
    cast("Any", task)._log_destroy_pending = False


class TaskAwaitable:
    """Base of what a task takes for a future when it is yielded to it: one to wait for, always.

    The task calls `get_loop`, `add_done_callback`, `cancel` and, when its callback is called, `result`.
    """

    __slots__ = ()

    @property
    def _asyncio_future_blocking(self) -> bool:
        return True

    @_asyncio_future_blocking.setter
    def _asyncio_future_blocking(self, blocking: bool) -> None:
        """The task takes the mark off when it begins to wait; nothing here ever looks at that."""
