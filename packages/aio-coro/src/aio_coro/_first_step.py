"""Running a task's first step at once, with the task as the current one.

From 3.12 on, `asyncio.Task(..., eager_start=True)` does it. Where it does not (3.11, and a task that a factory, a
constructor or a task group makes in its own way), the task is made while the loop's `call_soon` is replaced on the
loop *instance*, so that the step which the new task schedules is held instead of queued; then that step is run as the
loop would run it: in the task's context, with no other task current. The task is a real one from the first line on.
Held are only tasks' steps. What else is scheduled meanwhile (by a finalizer that the garbage collector runs, by a
signal handler) goes to the loop as ever; the step of another task goes there right after.
"""

from __future__ import annotations

import asyncio
import sys
import warnings
from asyncio import Task
from functools import partial
from types import CoroutineType, MethodType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from aio_coro._asyncio_internals import (
    TASK_TYPES,
    drop_unstarted,
    is_task_step,
    restore_current_task,
    set_current_task_aside,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context

    from aio_coro._asyncio_internals import TaskConstructor

R = TypeVar("R")

#: Before, an eager Task that is not told its loop fails: it asks the loop whether it runs before it has one.
TASKS_FIND_THEIR_LOOP = sys.version_info >= (3, 14)


class _FirstStep(NamedTuple):
    step: Callable[[], object]
    context: Context

    @property
    def task(self) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = cast("Any", self.step).__self__
        return task


def start_what_makes(loop: asyncio.AbstractEventLoop, make: Callable[[], R]) -> R:
    """Call `make` and run the first step of the task that it makes.

    That is the task which `make` returns or, where it returns something else (a handle), the last one it made. A task
    that has started by itself is left alone, and so is every other one.

    Args:
        loop: The running loop.
        make: Makes a task on that loop.

    Returns:
        What `make` returned.

    Raises:
        BaseException: What `make` raised, or KeyboardInterrupt or SystemExit from the first step.
    """
    caller = asyncio.current_task(loop)
    schedule = loop.call_soon
    held: list[_FirstStep] = []

    def hold(callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle | None:
        if args or not is_task_step(callback) or asyncio.current_task(loop) is not caller:
            return schedule(callback, *args, context=context)
        held.append(_FirstStep(callback, cast("Context", context)))  # a task always gives its own
        return None  # no task looks at the handle of its first step

    attributes = _attributes(loop)
    if attributes is None:
        _warn_not_at_once(loop)
        return make()
    earlier = attributes.get("call_soon")
    attributes["call_soon"] = hold
    try:
        made = make()
        first = next((step for step in held if step.task is made), None)
        if first is None and held and not isinstance(made, TASK_TYPES):
            first = held[-1]
        if first is not None:
            held.remove(first)
    finally:
        if earlier is None:
            attributes.pop("call_soon", None)  # one that `make` put there may have been taken out again
        else:
            attributes["call_soon"] = earlier
        for other in held:
            schedule(other.step, context=other.context)
    if first is not None:
        _run(loop, first)
    return made


def _run(loop: asyncio.AbstractEventLoop, first: _FirstStep) -> None:
    aside = set_current_task_aside(loop)
    try:
        first.context.run(first.step)
    except (KeyboardInterrupt, SystemExit):
        _note_as_retrieved(first.task)
        raise
    except BaseException:
        # A step keeps whatever else its coroutine raises, so this one has not begun (no stack left, as a rule). The
        # task has an owner by now (a group, a factory's registry), so it gets its turn from the loop.
        loop.call_soon(first.step, context=first.context)
        raise
    finally:
        restore_current_task(loop, aside)


def _note_as_retrieved(task: asyncio.Task[Any]) -> None:
    """Let asyncio not report what ended the task: it reaches the caller.

    The task goes on if a signal handler has raised it, behind the coroutine's suspension.
    """
    if task.done() and not task.cancelled():
        task.exception()


def _attributes(loop: asyncio.AbstractEventLoop) -> dict[str, Any] | None:
    """The loop's own attributes; None where replacing `call_soon` among them would have no effect."""
    if hasattr(getattr(type(loop), "call_soon", None), "__set__"):
        return None
    return getattr(loop, "__dict__", None)


def _warn_not_at_once(loop: asyncio.AbstractEventLoop) -> None:
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("aio_coro."):
        frame, level = frame.f_back, level + 1
    warnings.warn(
        f"{type(loop).__qualname__} lets nobody replace its call_soon, so on Python {sys.version_info[0]}."
        f"{sys.version_info[1]} this task does not start at once but in the loop's next pass",
        RuntimeWarning,
        stacklevel=level,
    )


# Where a RecursionError is handled below, no function in Python may be needed to do it: there is no stack for one. A
# coroutine that was not started is closed, since its caller is unwinding; a suspended one has a task that goes on.

if sys.version_info >= (3, 12):
    HAS_EAGER_TASKS = True

    def construct_eagerly(
        constructor: TaskConstructor, coro: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop, **options: Any
    ) -> asyncio.Task[Any]:
        """Make a task with a constructor that takes `eager_start`, and start it at once."""
        return constructor(coro, loop=loop, eager_start=True, **options)

    def start_plain_task(coro: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any]:
        """Start the coroutine at once in a new `asyncio.Task` of the running loop.

        A coroutine that could not be started for want of stack is closed.
        """
        try:
            return asyncio.Task(coro, loop=loop, eager_start=True)
        except RecursionError:
            if isinstance(coro, CoroutineType) and not coro.cr_suspended:
                coro.close()
            raise

else:
    from aio_coro._asyncio_internals import current_tasks

    HAS_EAGER_TASKS = False
    # Not an imported name: of those, 3.11 calls methods through bound methods, a twentieth of `start_plain_task`.
    _current_tasks = current_tasks

    # Put in by a task's constructor, taken out right after it; by task, since loops run in several threads.
    _first_steps: dict[asyncio.Task[Any], tuple[Context, Callable[[], object]]] = {}

    # The type of a C task's steps, once one was seen: nearly every step that is held, and told at a glance.
    _step_types: set[type] = set()

    def _hold(step: Any, *args: Any, context: Any = None) -> Any:
        if step.__class__ not in _step_types:
            if args or not is_task_step(step):
                loop = asyncio.get_running_loop()
                return type(loop).call_soon(loop, step, *args, context=context)
            if step.__class__ is not MethodType:
                _step_types.add(step.__class__)
        _first_steps[step.__self__] = context, step
        return None

    def construct_eagerly(
        constructor: TaskConstructor, coro: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop, **options: Any
    ) -> asyncio.Task[Any]:
        """Make a task with a constructor that knows no `eager_start`, and start it at once."""
        return start_what_makes(loop, partial(constructor, coro, loop=loop, **options))

    def start_plain_task(coro: Any, loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any]:
        """Start the coroutine at once in a new `asyncio.Task` of the running loop.

        What `start_what_makes` does, for the one constructor that is known to schedule a first step and nothing else,
        in two thirds of the time. The task is named for its coroutine: numbering it would take a tenth of the whole.
        """
        own = loop.__dict__
        if "call_soon" in own:
            return construct_eagerly(asyncio.Task, coro, loop)
        own["call_soon"] = _hold
        try:
            try:
                task = Task(coro, loop=loop, name=coro.__qualname__)
            except AttributeError:  # coroutines of other make have no name
                task = Task(coro, loop=loop)
        except BaseException as error:
            if isinstance(error, RecursionError) and isinstance(coro, CoroutineType):
                coro.close()
            for held in list(_first_steps):  # not empty only if there was stack enough for it
                if held.get_coro() is coro:  # it failed to become a task after that: no stack left to register it
                    drop_unstarted(held)
                    del _first_steps[held]
            if _first_steps:
                _give_back(loop)
            raise
        finally:
            del own["call_soon"]
        try:
            context, step = _first_steps.pop(task)
        except KeyError:
            _warn_not_at_once(loop)
            return task
        if _first_steps:
            _give_back(loop)
        caller = _current_tasks.pop(loop, None)
        try:
            context.run(step)
        except (KeyboardInterrupt, SystemExit):
            _note_as_retrieved(task)
            raise
        except RecursionError:
            coro.close()
            drop_unstarted(task)
            raise
        finally:
            if caller is not None:
                _current_tasks[loop] = caller
        return task

    def _give_back(loop: asyncio.AbstractEventLoop) -> None:
        """Schedule the first steps that were held and are those of other tasks (which a finalizer made, say)."""
        for task in list(_first_steps):
            if task.get_loop() is loop:
                context, step = _first_steps.pop(task)
                type(loop).call_soon(loop, step, context=context)
