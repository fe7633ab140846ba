"""`PrioritySchedulingMixin`: a loop of asyncio that runs urgent tasks first."""

from __future__ import annotations

import asyncio
from operator import index
from typing import TYPE_CHECKING, Any, TypeVar

from aio_sched._asyncio_internals import is_handle_of, make_handle
from aio_sched._fast_loop import DEFAULT_BOUND, FastLoopMixin
from aio_sched._levels import FRONT
from aio_sched._priority_task import PriorityTask
from aio_sched._ready_queue import (
    AbstractSchedulingLoop,
    require_callback,
    require_open,
    require_own_thread,
    require_position,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from typing import TypeVarTuple, Unpack

    from aio_sched._levels import Level
    from aio_sched._priority_task import TaskCoroutine

    Ts = TypeVarTuple("Ts")

T = TypeVar("T")


class PrioritySchedulingMixin(FastLoopMixin, AbstractSchedulingLoop):
    """Makes a loop with priorities of a loop of asyncio.

    Put it before the loop class:

        class PriorityLoop(PrioritySchedulingMixin, asyncio.SelectorEventLoop):
            pass

    `loop.create_task(coro, priority=...)` makes a `PriorityTask`. Of what is ready to run, the handle with the lowest
    value runs first, and among equals the one that came first; plain tasks, callbacks, timers, I/O and what other
    threads post have 0.0. A task that becomes ready in the middle of a pass runs before what is less urgent and was
    queued before.

    - **No callback is overtaken**: a task runs after every callback that was queued before it became ready, whatever
      its priority, and so after what stands before these at 0.0. What asyncio's transports rely on holds.
    - **Starvation is bounded**: of `starvation_bound + 1` handles that run in a row, one is a turn given to a less
      urgent level, to each in its turn. With n levels below the urgent one, the first handle of each runs within
      `(n + 1) * (starvation_bound + 1)` handles, and each one behind it within `n * (starvation_bound + 1)` more.
      Callbacks that a handle has to wait for stand before it in this.

    A position in the queue is counted in the order in which handles will run as things stand, turns given away not
    counted. What is put at a position runs there, whatever its priority. At position 0, and right behind what was put
    there, it stays even if something more urgent becomes ready; elsewhere it is as urgent as what it was put before.

    Args:
        *args: For the loop class.
        starvation_bound: How many handles may run before a turn is given away; at least 1.
        **options: For the loop class.

    Raises:
        TypeError: `starvation_bound` is not an integer.
        ValueError: `starvation_bound` is less than 1.
    """

    __slots__ = ("_priority_levels",)

    def __init__(self, *args: Any, starvation_bound: int = DEFAULT_BOUND, **options: Any) -> None:
        # Until it is made, the loop counts as closed: asyncio asks when the object goes, if this raises.
        self._closed = True
        bound = _require_bound(starvation_bound)
        super().__init__(*args, **options)
        self._levels.bound = self._levels.left = bound
        self._priority_levels = self._levels
        if not self._is_checked:
            # asyncio's own `_run_once` asks it for one handle after the other.
            self._ready = self._levels

    def create_task(self, coro: TaskCoroutine[T], *, priority: float | None = None, **options: Any) -> asyncio.Task[T]:
        """Make a task: a `PriorityTask` if a priority is given. A task factory, if one is set, gets all options.

        Args:
            coro: The coroutine.
            priority: A real number; lower runs first.
            **options: `name` and `context`; `eager_start` with a priority, or from Python 3.14 on.

        Raises:
            TypeError, ValueError: As for `PriorityTask`.
            RuntimeError: The loop is closed.
        """
        if priority is None:
            return super().create_task(coro, **options)
        require_open(self)
        factory = self._task_factory
        task: asyncio.Task[T]
        if factory is not None:
            task = factory(self, coro, priority=priority, **options)
        elif options:
            task = PriorityTask(coro, loop=self, priority=priority, **options)
        else:
            task = PriorityTask(coro, loop=self, priority=priority)
        try:
            return task
        finally:
            # An exception of the task has this frame in its traceback, which would keep the task alive.
            del task

    # --- The queue ---

    def queue_len(self) -> int:
        return len(self.queue_items())

    def queue_items(self) -> list[asyncio.Handle]:
        return [handle for _, handle in self._places()]

    def queue_find(self, key: Callable[[asyncio.Handle], bool], remove: bool = False) -> asyncio.Handle | None:
        if remove:
            require_own_thread(self)
        for handle in self.queue_items():
            if key(handle):
                if remove:
                    self.queue_remove(handle)
                return handle
        return None

    def queue_remove(self, handle: asyncio.Handle) -> None:
        require_own_thread(self)
        level, place = self._require_place(handle)
        self._levels.take_out(level, place)
        # The loop has counted the handles of this pass: what it skips stands in for the one that is taken out. Not in
        # its place, where it might let others wait.
        stand_in = make_handle(self, _nothing, ())
        stand_in.cancel()
        self._levels.base.append(stand_in)

    def queue_insert_pos(self, pos: int, handle: asyncio.Handle) -> None:
        pos = require_position(pos)
        if not isinstance(handle, asyncio.Handle):
            raise TypeError(f"a queue holds handles, such as call_soon() returns, not {handle!r}")
        if not is_handle_of(handle, self):
            raise ValueError(f"{handle!r} belongs to another loop than {self!r}")
        if any(queued is handle for _, queued in self._levels.in_order()):
            raise ValueError(f"{handle!r} is in the ready queue already: queue_move() gives it another place")
        require_open(self)
        require_own_thread(self)
        self._insert(pos, handle)

    def queue_move(self, pos: int, handle: asyncio.Handle) -> None:
        pos = require_position(pos)
        require_own_thread(self)
        self._levels.take_out(*self._require_place(handle))
        self._insert(pos, handle)

    def call_pos(
        self, pos: int, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        pos = require_position(pos)
        require_callback(callback)
        require_open(self)
        require_own_thread(self)
        handle = make_handle(self, callback, args, context)
        self._insert(pos, handle)
        return handle

    def _places(self) -> list[tuple[Level, asyncio.Handle]]:
        return [(level, handle) for level, handle in self._levels.in_order() if not handle.cancelled()]

    def _require_place(self, handle: asyncio.Handle) -> tuple[Level, int]:
        for level, queued in self._places():
            if queued is handle:
                return level, self._levels.index(level, handle)
        raise ValueError(f"{handle!r} is not in the ready queue")

    def _insert(self, pos: int, handle: asyncio.Handle) -> None:
        levels = self._levels
        places = self._places()
        # Counted from what was seen, and so before what threads have posted since.
        level, before = places[min(pos, len(places)) - 1] if pos and places else (None, None)
        if level is None or before is None:
            levels.put_in(levels.front(), 0, handle)
        elif pos < len(places) and level.value != FRONT:
            level, behind = places[pos]
            levels.put_in(level, levels.index(level, behind), handle)
        else:
            levels.put_in(level, levels.index(level, before) + 1, handle)


def _require_bound(value: int) -> int:
    try:
        bound = index(value)
    except TypeError:
        raise TypeError(f"starvation_bound is a number of handles, not {value!r}") from None
    if bound < 1:
        raise ValueError(f"starvation_bound is at least 1, not {bound}: a turn given away follows so many others")
    return bound


def _nothing() -> None:
    """What a handle that never runs would call."""
