"""The loops' own `call_soon` and `_run_once`: what asyncio's do, in fewer steps, and by priority where there is one.

What makes it fast, and what keeps it safe:

- `call_soon` is one frame, and fills in a handle without calling its class. `_run_once` runs the handle in place, and
  without `*args` where there are none. Only the exact `asyncio.Handle` is treated so: a subclass runs itself.
- The handle of a task's step is given to nobody: when it has run, and nobody else refers to it, the next `call_soon`
  uses it again. It is emptied at once, so it keeps nothing alive, and forgotten at the end of the pass.
- Both are for Python versions on which they were checked. On another, asyncio's own are used: slower, and the same
  order; only which callbacks still run in the pass in which `stop()` is called may then depend on tasks that are ready.
  In debug mode, asyncio makes the handles, and each runs itself and is timed.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import sys
import warnings
from contextvars import Context, copy_context
from sys import getrefcount
from time import monotonic
from typing import TYPE_CHECKING, Any

from aio_sched import _asyncio_internals as internals
from aio_sched._asyncio_internals import STEP_TYPE, UNSHARED
from aio_sched._levels import KEPT_LEVELS, ReadyLevels
from aio_sched._priority_task import PriorityTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aio_sched._levels import Level

    class _Loop(asyncio.BaseEventLoop):
        _clock_resolution: float
        _closed: bool
        _current_handle: asyncio.Handle | None
        _debug: bool
        _ready: Any
        _scheduled: list[Any]
        _selector: Any
        _stopping: bool
        _task_factory: Any
        _timer_cancelled_count: int

        def _add_callback(self, handle: asyncio.Handle) -> None: ...
        def _process_events(self, events: Any) -> None: ...
        def _run_once(self) -> None: ...

else:
    _Loop = object

#: Handles in a row before a turn is given away, by default.
DEFAULT_BOUND = 64

#: Handles that run before the selector is asked, at most, if fewer were ready; and the seconds by which they get more
#: (while as many take less), or one (once they have taken longer).
MAX_PORTION = 64
SHORT_PASS = 50e-6
LONG_PASS = 200e-6

_Handle: Any = asyncio.Handle
_new_handle: Any = asyncio.Handle.__new__
# Without a type that is narrowed to: a handle's attributes are private, and a step's type is not known.
_STEP: Any = STEP_TYPE


class FastLoopMixin(_Loop):
    """A loop of asyncio with a faster `call_soon` and `_run_once`. Put it before the loop class."""

    # A loop has so many attributes that those in its dictionary are slow from 3.13 on.
    __slots__ = ("_append", "_by_value", "_is_checked", "_is_fast", "_levels", "_spare")

    def __init__(self, *args: Any, **options: Any) -> None:
        self._levels = ReadyLevels(DEFAULT_BOUND)
        self._is_checked = internals.version_is_checked()
        if not self._is_checked:
            _warn_once()
        self._is_fast = False
        self._spare: Any = None
        self._by_value = self._levels.by_value
        self._append = self._levels.base.append
        super().__init__(*args, **options)
        self._levels.base.extend(self._ready)
        self._ready = self._levels.base
        self._choose_way()

    def _choose_way(self) -> None:
        """Whether `call_soon` may take the fast way: nothing of what asyncio does on its own is wanted."""
        self._is_fast = self._is_checked and not self._debug and not self._closed

    def set_debug(self, enabled: bool) -> None:
        super().set_debug(enabled)
        self._choose_way()

    def close(self) -> None:
        super().close()
        self._choose_way()
        if self._closed:
            self._spare = None
            self._levels.clear()

    # --- Adding to the queue ---

    def call_soon(  # type: ignore[override]  # the type of the arguments is asyncio's to check
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> Any:
        if not self._is_fast:
            return internals.without_frame(super().call_soon(callback, *args, context=context))
        handle: Any = self._spare
        if handle is None:
            handle = _new_handle(_Handle)
            handle._loop = self
            handle._repr = handle._source_traceback = None
        else:
            self._spare = None
        handle._cancelled = False
        handle._callback = callback
        handle._args = args
        handle._context = copy_context() if context is None else context
        if self._by_value:
            levels = self._levels
            if type(callback) is _STEP:
                task = callback.__self__
                level = task._level if isinstance(task, PriorityTask) else None
            else:
                level = levels.level_of_woken(callback, handle)
            if level is not None:
                if not level.listed:
                    levels.enlist(level)
                if levels.may_hold_callbacks:
                    levels.set_fence(handle)
                level.append(handle)
                return handle
        self._append(handle)
        return handle

    def _call_soon(self, callback: Any, args: tuple[Any, ...], context: Context | None) -> asyncio.Handle:
        handle = internals.without_frame(asyncio.Handle(callback, args, self, context))
        self._levels.append(handle)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]  # the same
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = internals.without_frame(super().call_soon_threadsafe(callback, *args, context=context))
        self._levels.callback_came(handle)
        return handle

    def _add_callback(self, handle: asyncio.Handle) -> None:
        super()._add_callback(handle)
        self._levels.may_hold_callbacks = True

    # --- One pass ---

    def _run_once(self) -> None:
        levels = self._levels
        if not self._is_checked:
            super()._run_once()
            levels.first_of_next = None
            return
        order = levels.order
        ready = levels.base
        if self._scheduled:
            self._drop_cancelled_timers()
        if ready or self._stopping or any(order):
            timeout: float | None = 0
        elif self._scheduled:
            timeout = min(max(0, self._scheduled[0]._when - self.time()), internals.MAX_SELECT_TIMEOUT)
        else:
            timeout = None
        self._process_events(self._selector.select(timeout))
        if self._scheduled:
            self._add_due_timers()
        if order:
            self._run_by_priority()
        else:
            self._run(len(ready))
        # Keep no handle that has run.
        self._spare = levels.first_of_next = None

    def _run_by_priority(self) -> None:
        """Run what is ready, by priority, and no longer than I/O can wait.

        First as many handles as callbacks and what is no less urgent were ready. Then steps of tasks, in a portion that
        grows while they take little time, since asking the selector would take longer than they do; and not past a
        callback that one of them queues: with that, the same begins again. So `stop()` lets run the callbacks that
        were queued together with the one that calls it, and none that these have queued: as on the stock loop.
        """
        levels = self._levels
        began = monotonic()
        more = levels.portion
        while True:
            count = levels.begin_pass()
            if count:
                self._run(count)
                more -= count
            if more <= 0 or (count and (self._stopping or self._is_timer_near())):
                break
            if levels.has_only_steps():
                self._run(more, only_steps=True)
                more -= 1
            if levels.first_of_next is None or self._stopping or monotonic() - began > SHORT_PASS:
                break
        levels.forget_head()
        took = monotonic() - began
        if took > LONG_PASS:
            levels.portion = 1
        elif took < SHORT_PASS and levels.portion < MAX_PORTION:
            levels.portion *= 2

    def stop(self) -> None:
        super().stop()
        self._levels.countdown.clear()

    def _is_timer_near(self) -> bool:
        return bool(self._scheduled) and self._scheduled[0]._when - self.time() < LONG_PASS

    def _run(self, count: int, *, only_steps: bool = False) -> None:
        """Run so many handles, in the order of their levels; or until `stop()` is called, or a callback queued."""
        levels = self._levels
        order = levels.order
        fences = levels.fences
        ready = levels.base
        popleft = ready.popleft
        # What is run in place. In debug mode, that is nothing.
        in_place: Any = None if self._debug else _Handle
        handle: Any = None
        callback: Any = None
        args: Any = None
        unused = 0
        try:
            while count > 0:
                if levels.left > 0:
                    whose: Sequence[Level] = order
                    chunk = min(count, levels.left)
                    levels.left -= chunk
                else:
                    levels.left = levels.bound
                    whose = levels.next_turn()
                    if not whose:
                        continue
                    chunk = 1
                    if levels.is_extra(whose[0]):
                        count += 1
                count -= chunk
                turns: Any = range(1, chunk + 1)
                if only_steps:
                    turns = levels.countdown = list(turns)
                for turn in turns:
                    if not order:
                        handle = popleft()
                    elif fences:
                        handle = levels.pop_first(whose)
                        if handle is None:
                            if whose is order:
                                unused = chunk - turn + 1
                                return
                            break
                    else:
                        for level in whose:
                            if level:
                                handle = level.popleft()
                                break
                            if level is not ready and len(order) > KEPT_LEVELS:
                                if not (level := levels.first_of_many()):
                                    unused = chunk - turn + 1
                                    return
                                handle = level.popleft()
                                break
                        else:
                            unused = chunk - turn + 1
                            return
                    if handle._cancelled:
                        continue
                    if type(handle) is not in_place:
                        if in_place is None:
                            self._run_timed(handle)
                        else:
                            handle._run()
                        continue
                    callback = handle._callback
                    args = handle._args
                    try:
                        if args:
                            handle._context.run(callback, *args)
                        else:
                            handle._context.run(callback)
                    except (SystemExit, KeyboardInterrupt):
                        raise
                    except BaseException as exc:
                        internals.report_failure(self, handle, callback, args, exc)
                    if type(callback) is _STEP and getrefcount(handle) == UNSHARED:
                        handle._callback = handle._context = None
                        self._spare = handle
                if only_steps and not turns:
                    unused = chunk - turn
                    return
        finally:
            levels.left += unused
            # An exception's traceback may keep this frame, and what it refers to must not make a cycle of that.
            handle = callback = args = None

    def _run_timed(self, handle: asyncio.Handle) -> None:
        """Run a handle in debug mode: report it if it takes long."""
        try:
            self._current_handle = handle
            began = self.time()
            handle._run()
            seconds = self.time() - began
            if seconds >= self.slow_callback_duration:
                internals.report_slow(handle, seconds)
        finally:
            self._current_handle = None

    def _drop_cancelled_timers(self) -> None:
        """Take cancelled timers out of the heap: all if they are many, else those at its head."""
        timers = self._scheduled
        if (
            len(timers) > internals.MIN_SCHEDULED_TIMERS
            and self._timer_cancelled_count / len(timers) > internals.MIN_CANCELLED_FRACTION
        ):
            for timer in timers:
                if timer._cancelled:
                    timer._scheduled = False
            self._scheduled = [timer for timer in timers if not timer._cancelled]
            heapq.heapify(self._scheduled)
            self._timer_cancelled_count = 0
            return
        while timers and timers[0]._cancelled:
            self._timer_cancelled_count -= 1
            heapq.heappop(timers)._scheduled = False

    def _add_due_timers(self) -> None:
        """Queue the timers whose time has come."""
        timers = self._scheduled
        now = self.time()
        # Later than now even where the clock's resolution is less than a float can add.
        end = now + max(self._clock_resolution, math.ulp(now))
        while timers and timers[0]._when < end:
            timer = heapq.heappop(timers)
            timer._scheduled = False
            self._ready.append(timer)
            self._levels.may_hold_callbacks = True


_has_warned = False


def _warn_once() -> None:
    global _has_warned  # noqa: PLW0603  # said once in a process
    if _has_warned:
        return
    _has_warned = True
    warnings.warn(
        f"aio-sched was not checked with asyncio of Python {sys.version.split()[0]}: "
        "its loops use asyncio's own call_soon() and _run_once(), which is safe and slower",
        RuntimeWarning,
        stacklevel=4,
    )
