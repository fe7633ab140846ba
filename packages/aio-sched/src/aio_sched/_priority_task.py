"""`PriorityTask`: a task that says how urgent it is."""

from __future__ import annotations

import asyncio
import math
import sys
from enum import Enum
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar

from aio_sched._asyncio_internals import levels_of, require_free, running_loop, start_captured, waits_for
from aio_sched._inheritance import priority_changed
from aio_sched._ready_queue import require_own_thread

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator
    from contextvars import Context
    from typing import TypeAlias

    from aio_sched._levels import Level

T = TypeVar("T")

# Without `super()`, which takes time on Python 3.11.
_init_task: Any = asyncio.Task.__init__

if TYPE_CHECKING:
    # What asyncio's tasks take.
    if sys.version_info >= (3, 12):
        TaskCoroutine: TypeAlias = Coroutine[Any, Any, T]
    else:
        TaskCoroutine: TypeAlias = Generator[Any, None, T] | Coroutine[Any, Any, T]


class Priority(float, Enum):
    """Names for three priorities. Any other real number will do as well; the lower one runs first."""

    HIGH = -10.0
    NORMAL = 0.0
    LOW = 10.0


class PriorityTask(asyncio.Task[T]):
    """A task with a priority: on a loop of this package it runs before those of a higher value.

    It is what `loop.create_task(coro, priority=...)` of a loop with priorities makes, and can be made by itself. On
    other loops it is a plain task there, whose priority still counts in the queues of `PriorityLock` and its kin.

    A task that holds a `PriorityLock` is at least as urgent as the most urgent one that waits for it, for as long as
    that waits.

    Args:
        coro: The coroutine.
        loop: The loop; the running one by default.
        name: The task's name.
        context: The context that the coroutine runs in; a copy of the current one by default.
        eager_start: Run the coroutine up to its first suspension before this returns, if the loop runs in this thread.
            On every Python, though asyncio's own tasks have it from 3.12 on.
        priority: Any real number; lower runs first. 0.0, where plain tasks and callbacks are, by default.

    Raises:
        TypeError: `coro` is not a coroutine, or `priority` not a real number. The coroutine is left as it was.
        ValueError: `priority` is NaN.
        RuntimeError: `eager_start`, and `context` is entered already.
    """

    __slots__ = ("_blocked_on", "_held", "_inherited", "_level", "_own_priority")

    def __init__(
        self,
        coro: TaskCoroutine[T],
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        name: str | None = None,
        context: Context | None = None,
        eager_start: bool = False,
        priority: float = 0.0,
    ) -> None:
        if loop is None:
            loop = asyncio.get_event_loop()
        if type(priority) is not float or priority != priority:
            priority = real_number(priority)
        self._own_priority = priority
        #: The most urgent value of those that wait for a lock that this task holds.
        self._inherited = math.inf
        #: The lock or condition that this task waits for, and the locks that it holds: kept by these.
        self._blocked_on: object | None = None
        self._held: set[Any] | None = None
        # The task's first step is queued by `Task.__init__`, to where this says.
        self._level: Level | None = None
        if priority != 0.0 and (levels := getattr(loop, "_priority_levels", None)) is not None:
            # As `level_of`, without the call if it is known.
            known = levels.by_value.get(priority)
            level = None if known is None else known()
            self._level = levels.level_of(priority) if level is None else level
        if not eager_start or running_loop() is not loop:
            if name is None and context is None:
                _init_task(self, coro, loop=loop)
            else:
                _init_task(self, coro, loop=loop, name=name, context=context)
            return
        require_free(context)
        if sys.version_info >= (3, 12):
            super().__init__(coro, loop=loop, name=name, context=context, eager_start=True)
        else:
            start_captured(loop, self, lambda: asyncio.Task.__init__(self, coro, loop=loop, name=name, context=context))

    @classmethod
    def factory(cls, loop: asyncio.AbstractEventLoop, coro: TaskCoroutine[T], **options: Any) -> PriorityTask[T]:
        """Make a task as a task factory does: `loop.set_task_factory(PriorityTask.factory)`.

        Args:
            loop: The loop.
            coro: The coroutine.
            **options: Of `PriorityTask`: `name`, `context`, `eager_start`, `priority`.
        """
        return cls(coro, loop=loop, **options)

    @property
    def priority_value(self) -> float:
        """The task's own priority. A new value counts at once: queued, waiting for a lock, or holding one.

        Among those of the same value, the task goes behind the ones that are there.

        Raises:
            TypeError: The value is not a real number.
            ValueError: The value is NaN.
            RuntimeError: The task's loop runs in another thread. In all cases the priority is as it was.

        Cost: constant for a task that runs or waits for a future; else proportional to the length of the task's queue.
        """
        return self._own_priority

    @priority_value.setter
    def priority_value(self, value: float) -> None:
        value = real_number(value)
        require_own_thread(self.get_loop())
        self._change(value, self._inherited)
        if self._blocked_on is not None:
            priority_changed(self)

    def effective_priority(self) -> float:
        """The priority that counts: the task's own, or one that it inherits for a lock that it holds."""
        return min(self._own_priority, self._inherited)

    def _set_inherited(self, value: float) -> None:
        """For the locks: take the priority of a waiter, `math.inf` for none."""
        self._change(self._own_priority, value)

    def _change(self, own: float, inherited: float) -> None:
        before = self.effective_priority()
        self._own_priority = own
        self._inherited = inherited
        after = min(own, inherited)
        if after == before or self.done():
            return
        levels = levels_of(self.get_loop())
        if levels is None:
            return
        self._level = levels.level_of(after)
        if waits_for(self) is None:
            levels.move_task(self, self._level)


def real_number(value: float) -> float:
    """Refuse what is no priority."""
    if type(value) is not float:
        # The abstract class takes long to answer.
        if type(value) is not int and not isinstance(value, Real):
            raise TypeError(f"a priority is a real number, such as -10 or 0.5, not {value!r}")
        try:
            value = float(value)
        except OverflowError:
            raise ValueError(f"a priority is a number that a float can hold, not {value!r}") from None
    if value != value:
        raise ValueError("a priority is a number to compare with others, which NaN is not")
    return value
