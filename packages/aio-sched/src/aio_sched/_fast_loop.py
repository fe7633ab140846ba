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
from operator import length_hint
from sys import getrefcount
from time import monotonic
from types import BuiltinMethodType, MethodType
from typing import TYPE_CHECKING, Any

from aio_sched import _asyncio_internals as internals
from aio_sched._asyncio_internals import PYTHON_STEPS, STEP_TYPE, UNSHARED
from aio_sched._levels import KEPT_LEVELS, TIDY_PASSES, Fence, ReadyLevels
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
MAX_PORTION = 128
SHORT_PASS = 100e-6
LONG_PASS = 200e-6
#: So many short passes in a row tell that the long one was an exception.
SHORT_PASSES = 16
#: Handles that run before empty levels are dropped, where there are many levels.
TIDIED = 16

_COUNTDOWN = list(range(MAX_PORTION - 1, -1, -1))
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
            kind = type(callback)
            if kind is _STEP or (kind is BuiltinMethodType and callback.__name__ == "task_wakeup"):
                task = callback.__self__
            else:
                task = None
                if kind is not MethodType or callback.__func__ not in PYTHON_STEPS:
                    self._levels.last_callback = handle
            if isinstance(task, PriorityTask) and (level := task._level) is not None:
                levels = self._levels
                if not level.listed:
                    levels.enlist(level)
                if levels.last_callback is not None or levels.posted:
                    levels.set_fence(level)
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
        # After it was appended: whoever sees this unset must see the handle.
        self._levels.posted = True
        return handle

    def _add_callback(self, handle: asyncio.Handle) -> None:
        if not handle._cancelled:
            self._append(handle)
            if self._by_value:
                self._levels.last_callback = handle

    # --- One pass ---

    def _run_once(self) -> None:
        if not self._is_checked:
            super()._run_once()
            return
        levels = self._levels
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
            levels.passes += 1
            if levels.passes > TIDY_PASSES:
                levels.tidy()
        if order:
            try:
                self._run_portion()
            except BaseException:
                # It ended in the middle of the pass, which would never be over.
                levels.forget_callbacks()
                raise
            finally:
                self._spare = None
            return
        # As on the stock loop: what is ready now, one after the other.
        popleft = ready.popleft
        in_place: Any = None if self._debug else _Handle
        handle: Any = None
        callback: Any = None
        args: Any = None
        turns = iter(range(len(ready)))
        try:
            for _ in turns:
                if order:
                    left = length_hint(turns) + 1
                    levels.last_in_pass = levels.last_of_first(left)
                    levels.pass_end = ready[min(left, len(ready)) - 1] if ready else None
                    self._run(left)
                    break
                if not ready:  # one of them was taken out of the queue
                    break
                handle = popleft()
                if handle._cancelled:
                    if type(handle) is Fence:
                        levels.met(handle, ready)
                    continue
                if type(handle) is not in_place:
                    self._run_otherwise(handle)
                    continue
                callback = handle._callback
                args = handle._args
                try:
                    if not args:
                        handle._context.run(callback)
                    elif len(args) == 1:  # as for each wake-up; `*` costs
                        handle._context.run(callback, args[0])
                    else:
                        handle._context.run(callback, *args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as exc:
                    internals.report_failure(self, handle, callback, args, exc)
                else:
                    # Here, and not behind: there, Python 3.14 would hold a reference more.
                    if type(callback) is _STEP and getrefcount(handle) == UNSHARED:
                        handle._callback = handle._context = None
                        self._spare = handle
        finally:
            # An exception's traceback may keep this frame, and what it refers to must not make a cycle of that.
            handle = callback = args = None
            # Keep no handle that has run.
            self._spare = None
            if self._by_value:
                levels.forget_callbacks()

    def _run_portion(self) -> None:
        """Run what is ready, by priority, and no longer than I/O can wait.

        As many handles as callbacks and what is no less urgent were ready, or else a portion that grows while it takes
        little time, since asking the selector would take longer than they do.
        """
        levels = self._levels
        ready = levels.base
        urgent = levels.count_urgent()
        if self._stopping or levels.last_in_pass is None:
            levels.pass_end = ready[-1] if ready else None
            if self._stopping:
                levels.last_in_pass = levels.last_of_first(len(ready))
            else:
                levels.last_in_pass = levels.find_last_callback() if levels.posted else levels.last_callback
        count = 1 if self._scheduled and self._is_timer_near() else levels.portion
        began = monotonic()
        self._run(max(urgent, count))
        took = monotonic() - began
        if took > LONG_PASS:
            levels.portion = max(1, min(MAX_PORTION, int(urgent * SHORT_PASS / took)))
            levels.short_passes = 0
        elif took < SHORT_PASS and levels.portion < MAX_PORTION:
            # After handles that took long, what is urgent tells little of what is not, and still waits.
            if levels.portion > 1 or count > urgent or levels.short_passes > SHORT_PASSES or not any(levels.order):
                levels.portion *= 2
            else:
                levels.short_passes += 1
        if levels.last_in_pass is None:
            levels.pass_end = None  # keep no handle that has run
        if levels.waiting is not None:
            levels.forget_head()

    def stop(self) -> None:
        super().stop()
        self._levels.countdown.clear()

    def _is_timer_near(self) -> bool:
        return bool(self._scheduled[0]._when - self.time() < LONG_PASS)

    def _run(self, count: int) -> None:
        """Run so many handles, in the order of their levels.

        A pass has a last callback. When that has run, the pass is over, and with the next callback another one begins:
        with those that are in the queue then. If `stop()` is called, the callbacks of the pass run, and none that these
        have queued: as on the stock loop.
        """
        levels = self._levels
        order = levels.order
        ready = levels.base
        # What is run in place. In debug mode, that is nothing.
        in_place: Any = None if self._debug else _Handle
        handle: Any = None
        callback: Any = None
        args: Any = None
        try:
            while count > 0:
                whose: Sequence[Level] = order
                if levels.left > 0:
                    longest = MAX_PORTION
                    if len(order) > KEPT_LEVELS:
                        levels.drop_empty()
                        longest = TIDIED
                    chunk = min(count, levels.left, longest)
                    levels.left -= chunk
                else:
                    levels.left = levels.bound
                    whose = levels.next_turn()
                    if not whose:
                        continue
                    chunk = 1
                count -= chunk
                # Counted down, so that is known how many are left; those that pass a fence take one more, below 0.
                turns = levels.countdown = _COUNTDOWN[MAX_PORTION - chunk :]
                extra = 0
                for turn in turns:
                    for level in whose:
                        if level:
                            handle = level.popleft()
                            break
                    else:
                        levels.left += turn + extra + 1
                        return
                    kind = type(handle)
                    if kind is in_place:
                        callback = handle._callback
                        if type(callback) is _STEP:
                            try:
                                handle._context.run(callback)
                            except (SystemExit, KeyboardInterrupt):
                                raise
                            except BaseException as exc:
                                internals.report_failure(self, handle, callback, (), exc)
                            else:
                                # Here, as in `_run_once`.
                                if getrefcount(handle) == UNSHARED:
                                    handle._callback = handle._context = None
                                    self._spare = handle
                            continue
                    elif kind is Fence:
                        handle = None if handle.behind is None else levels.met(handle, level)
                        if handle is None:
                            extra += 1
                            turns.append(-extra)
                            continue
                        level = ready
                        kind = type(handle)
                    callback = handle._callback
                    if levels.last_in_pass is None and type(callback) is not _STEP:
                        if not self._stopping:
                            levels.last_in_pass = levels.find_last_callback() if levels.posted else levels.last_callback
                            levels.pass_end = ready[-1] if ready else None
                        elif level is ready:
                            level.appendleft(handle)
                            if levels.is_pass_over():
                                levels.left += turn + extra + 1
                                return
                            level.popleft()
                    if levels.last_callback is handle:
                        levels.last_callback = None
                    if handle._cancelled:
                        pass
                    elif kind is in_place:
                        args = handle._args
                        try:
                            if not args:
                                handle._context.run(callback)
                            elif len(args) == 1:
                                handle._context.run(callback, args[0])
                            else:
                                handle._context.run(callback, *args)
                        except (SystemExit, KeyboardInterrupt):
                            raise
                        except BaseException as exc:
                            internals.report_failure(self, handle, callback, args, exc)
                        args = None
                    else:
                        self._run_otherwise(handle)
                    if handle is levels.last_in_pass:
                        levels.last_in_pass = None
                if not turns:
                    levels.left += turn + extra
                if self._stopping and (count <= 0 or not turns):
                    if levels.last_in_pass is None and levels.is_pass_over():
                        return
                    # The rest of the pass, one by one.
                    count = 1
        finally:
            # An exception's traceback may keep this frame, and what it refers to must not make a cycle of that.
            handle = callback = args = None

    def _run_otherwise(self, handle: asyncio.Handle) -> None:
        """Run a handle of another kind, which knows how to; or one in debug mode: report it if it takes long."""
        if not self._debug:
            handle._run()
            return
        try:
            self._current_handle = handle
            began = self.time()
            handle._run()
            seconds = self.time() - began
            if seconds >= self.slow_callback_duration:
                internals.report_slow(handle, seconds)
        finally:
            self._current_handle = None
            del handle  # as at the end of `_run`

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
            self._add_callback(timer)


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
