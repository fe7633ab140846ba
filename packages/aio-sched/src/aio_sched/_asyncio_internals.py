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
| `_LoopBoundMixin._get_loop`          | all     | the loop of a lock, and the error where another one runs         |
| `Lock._locked`, `Semaphore._value`   | all     | kept by our subclasses as by theirs: `locked()`, `repr` go on    |
| `_waiters` of the three              | all     | the same; what stands in it are our waiters, not futures         |
| `Semaphore._wake_up_next`            | all     | overridden: what `release()` calls                               |
| `asyncio.tasks._current_tasks`       | all     | which task is current; from 3.14 on, for Python tasks            |
| `_register_task`, `_enter_task`, `_leave_task`, `__step_run_and_handle_result` | 3.14+ | the same for Python tasks |
| `asyncio.tasks._swap_current_task`   | 3.12+   | setting the current task aside and back                          |
| `Task._must_cancel`                  | all     | whether a cancellation is pending                                |
| `_GatheringFuture._cancel_requested` | all     | whether what `gather` returns was cancelled and is not done yet  |
| `Future._exception`                  | all     | looking at it without its counting as retrieved                  |
| `Future._callbacks`                  | all     | a waiting task's wake-up, and its context                        |
| `Handle._args`, `Handle._context`    | all     | running a task's step at once                                    |
| a C step calls `CancelledError`      | all     | stepping a C task with another exception                         |
| `Task._cancel_message`               | all     | keeping it as it was meanwhile                                   |
| `_run_once`, `call_soon`, `_call_soon` | all   | overridden in our loops; asyncio's own on versions not checked   |
| `_closed`, `_debug`, `_stopping`     | all     | our `_run_once` and `call_soon` do as asyncio's                  |
| `_selector`, `_process_events`       | all     | the same                                                         |
| `_add_callback`, `_task_factory`     | all     | the same                                                         |
| `_scheduled`, `_clock_resolution`    | all     | the same, for timers                                             |
| `_timer_cancelled_count`, its limits | all     | the same; `_MIN_SCHEDULED_TIMER_HANDLES` and two more            |
| `TimerHandle._scheduled`, `_when`    | all     | the same                                                         |
| `Handle`'s slots                     | all     | making a handle without its `__init__`, and running it in place  |
| `_current_handle`, `_format_handle`  | all     | reporting slow callbacks as asyncio does                         |
| `_DefaultEventLoopPolicy`             | 3.14+   | base of our policies; its `_loop_factory` is overridden on all   |
| `sys.getrefcount`                    | all     | whether nobody else holds a handle that has run                  |

Checked on CPython 3.11.7, 3.12.1, 3.13.0, 3.14.10 and 3.15.2.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from asyncio import base_events, format_helpers, tasks
from collections import deque
from contextlib import contextmanager
from contextvars import Context
from types import BuiltinMethodType, FrameType, MethodType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aio_sched._levels import ReadyLevels

# --- The ready queue and the tasks in it ---

_PyTask = vars(tasks)["_PyTask"]
#: What counts as a task: a `_PyTask` is no `asyncio.Task`, which is the one in C.
TASK_TYPES: tuple[type[asyncio.Task[Any]], ...] = (asyncio.Task, _PyTask)
PYTHON_STEPS = (_PyTask._Task__step, _PyTask._Task__wakeup)
#: The loop that runs in this thread, or None.
running_loop = asyncio._get_running_loop


def task_of(handle: asyncio.Handle) -> asyncio.Task[Any] | None:
    """The task that a handle will step; None for any other callback, a task's own methods among them."""
    return task_stepped_by(handle._callback)  # type: ignore[attr-defined]  # see the table


def task_stepped_by(callback: Any) -> asyncio.Task[Any] | None:
    """The task that a callback of a handle or of a future will step; None for any other callback."""
    kind = type(callback)
    if kind is BuiltinMethodType:
        if callback.__name__ != "task_wakeup":
            return None
    elif kind is MethodType:
        if callback.__func__ not in PYTHON_STEPS:
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


def current_task(loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any] | None:
    """The task that runs on a loop; from 3.14 on, `asyncio.current_task` knows nothing of a Python task."""
    return asyncio.current_task(loop) or _current_tasks_of_python.get(loop)


def running_task() -> asyncio.Task[Any] | None:
    """The task that runs in this thread; None if no loop runs, or what runs is no task."""
    loop = asyncio._get_running_loop()
    return None if loop is None else current_task(loop)


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

    In debug mode a handle keeps the stack of where it was made: what stands at its end of this package is taken off, as
    asyncio's `call_soon` takes off itself.
    """
    handle = asyncio.Handle(callback, args, loop, context)
    traceback: list[Any] = handle._source_traceback or []  # type: ignore[attr-defined]  # see the table
    while traceback and traceback[-1].filename.startswith(_PACKAGE):
        traceback.pop()
    return handle


_PACKAGE = make_handle.__code__.co_filename.removesuffix("_asyncio_internals.py")


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


# --- Locks ---


def loop_of(primitive: Any) -> asyncio.AbstractEventLoop:
    """The running loop, which from the first wait on is the only one that may wait for this lock, or what it is.

    Raises:
        RuntimeError: Another loop is running, or none.
    """
    loop: asyncio.AbstractEventLoop = primitive._get_loop()
    return loop


# --- Interrupts ---

# Whom a task is current for: from 3.14 on, Python tasks keep an account of their own.
_current_tasks_of_python = cast("dict[asyncio.AbstractEventLoop, asyncio.Task[Any]]", vars(tasks)["_current_tasks"])

if sys.version_info >= (3, 12):
    _swap_current_task: Callable[[asyncio.AbstractEventLoop, asyncio.Task[Any] | None], object]
    _swap_current_task = vars(tasks)["_swap_current_task"]

else:

    def _swap_current_task(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any] | None) -> None:
        if task is None:
            del _current_tasks_of_python[loop]
        else:
            _current_tasks_of_python[loop] = task


@contextmanager
def no_current_task(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Set the current task aside for as long as another one is stepped on top of it."""
    current = asyncio.current_task(loop)
    if current is not None:  # removing what is not there is a KeyError
        _swap_current_task(loop, None)
    of_python = _current_tasks_of_python.pop(loop, None)
    try:
        yield
    finally:
        if of_python is not None:
            _current_tasks_of_python[loop] = of_python
        if current is not None:
            _swap_current_task(loop, current)


if sys.version_info >= (3, 14):

    class Task(_PyTask):  # type: ignore[misc, valid-type]  # see the table
        """A Python task that `asyncio.current_task()` and `all_tasks()` know too: they ask the C tasks' account.

        Named like its base, so that its private method is that of the base.
        """

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            tasks._register_task(self)

        def __step_run_and_handle_result(self, exc: BaseException | None) -> None:
            loop = self.get_loop()
            tasks._enter_task(loop, self)
            try:
                super().__step_run_and_handle_result(exc)
            finally:
                tasks._leave_task(loop, self)
                del self, exc  # see step_raising()

    PythonTask = Task

else:
    PythonTask = _PyTask


def last_waited_for(task: asyncio.Task[Any]) -> asyncio.Future[Any] | None:
    """What a task waits for, or, if that is done, waited for until its next step; None in `sleep(0)` or when new."""
    return cast("asyncio.Future[Any] | None", task._fut_waiter)  # type: ignore[attr-defined]  # see the table


def must_cancel(task: asyncio.Task[Any]) -> bool:
    """Whether the next step of a task will raise a cancellation that nothing it waited for has taken."""
    return cast("bool", task._must_cancel)  # type: ignore[attr-defined]  # see the table


def is_being_cancelled(future: asyncio.Future[Any]) -> bool:
    """Whether a future that is not done was cancelled, and takes its time: a task, or what `gather` returns."""
    cancelling = getattr(future, "cancelling", None)
    return bool(cancelling()) if cancelling is not None else bool(getattr(future, "_cancel_requested", False))


def was_cancelled(future: asyncio.Future[Any]) -> bool:
    """Whether a done future will raise a cancellation: for what `gather` returns, that is an exception like others."""
    return future.cancelled() or isinstance(getattr(future, "_exception", None), asyncio.CancelledError)


def retrieve_cancellation(future: asyncio.Future[Any]) -> None:
    """Let a done future not log that it was cancelled, if it takes that for an exception."""
    if was_cancelled(future) and not future.cancelled():
        future.exception()


def wakeup_in(future: asyncio.Future[Any], task: asyncio.Task[Any]) -> tuple[Any, Context] | None:
    """The callback by which a future wakes a task, and the context that it runs in; None if the future shows none."""
    callbacks: list[tuple[Any, Context]] = getattr(future, "_callbacks", None) or []
    return next((entry for entry in callbacks if task_stepped_by(entry[0]) is task), None)


#: Asyncio's call graph learns by this who waits for whom no longer.
no_longer_awaited_by: Callable[[asyncio.Future[Any], asyncio.Task[Any]], None] | None
no_longer_awaited_by = getattr(asyncio, "future_discard_from_awaited_by", None)


def callback_of(handle: asyncio.Handle) -> tuple[Any, tuple[Any, ...], Context]:
    """What a handle calls, with which arguments and in which context."""
    parts: Any = handle
    return parts._callback, parts._args, parts._context


def step_raising(
    task: asyncio.Task[Any],
    exc: BaseException,
    callback: Callable[..., object],
    args: tuple[object, ...],
    run: Callable[..., object],
) -> None:
    """Step a task with an exception, by the callback (its step or its wake-up) that was to step it without one.

    `run(function, *args)` has to be written in C and to call the function in the task's context. No task may be
    current.
    """
    try:
        if isinstance(task, _PyTask):
            run(cast("Any", task)._Task__step, exc)
        elif type(callback) is BuiltinMethodType:
            run(callback, _Failed(exc))
        else:
            _step_c_task_raising(task, exc, callback, args, run)
    finally:
        # The frames of the exception's traceback lead to those that called them, and these must not lead back.
        del task, exc, callback, args


class _Failed:
    """What a task's wake-up takes for the future that the task waited for."""

    __slots__ = ("_exc",)

    def __init__(self, exc: BaseException) -> None:
        self._exc = exc

    def result(self) -> None:
        try:
            raise self._exc
        finally:
            del self._exc


# A C task that is new or in `sleep(0)` has no wake-up, and its step takes no exception. There is one that it makes
# itself, though: it calls `asyncio.CancelledError` when it begins a step with a cancellation pending. So the task is
# cancelled, and its step is called with a `__new__` on that class that answers this one call with another exception.
# The call is recognised by the frame that it comes from, the one below, so that no other call of the class, in this or
# another thread, in a finalizer or a signal handler, is ever taken for it. The `__new__` is gone before the task's code
# goes on. What stays is that Python looks `__new__` up when the class is called, which takes it some ten nanoseconds.

# Reentrant, since a finalizer or a signal handler may call the class while this thread holds it.
_hook_lock = threading.RLock()
_thrown: dict[FrameType, tuple[asyncio.Task[Any], BaseException]] = {}


def _step_c_task_raising(
    task: asyncio.Task[Any],
    exc: BaseException,
    step: Callable[..., object],
    args: tuple[object, ...],
    run: Callable[..., object],
) -> None:
    frame = sys._getframe()
    asyncio.Task.cancel(task, task._cancel_message)  # type: ignore[attr-defined]  # see the table
    _hang_hook(frame, task, exc)
    try:
        run(step, *args)
    finally:
        _unhang_hook(frame)
        del frame, task, exc, step, args


def _hang_hook(frame: FrameType, task: asyncio.Task[Any], exc: BaseException) -> None:
    with _hook_lock:
        if not _thrown:
            asyncio.CancelledError.__new__ = _exception_to_throw  # type: ignore[method-assign, assignment]  # see above
        _thrown[frame] = task, exc


def _unhang_hook(frame: FrameType) -> tuple[asyncio.Task[Any], BaseException] | None:
    if frame not in _thrown:
        return None
    with _hook_lock:
        thrown = _thrown.pop(frame)
        if not _thrown:
            del asyncio.CancelledError.__new__
        return thrown


def _exception_to_throw(cls: type[BaseException], *args: object, **_: object) -> BaseException:
    thrown = _unhang_hook(sys._getframe(1))
    if thrown is None:
        return BaseException.__new__(cls, *args)
    task, exc = thrown
    asyncio.Task.uncancel(task)
    if isinstance(exc, asyncio.CancelledError):
        _make_uninitialisable(exc)
    return exc


_OWN_CLASS = "_aio_sched_own_class"


def _take_own_class(self: BaseException, *_: object) -> None:
    self.__class__ = self.__dict__.pop(_OWN_CLASS)


class _Uninitialised(asyncio.CancelledError):
    __init__ = _take_own_class


def _make_uninitialisable(exc: asyncio.CancelledError) -> None:
    """Let the `__init__` that follows `__new__` leave the exception as it is: it was made long ago."""
    own: Any = type(exc)
    exc.__dict__[_OWN_CLASS] = own
    try:
        exc.__class__ = _Uninitialised
    except TypeError:  # it is made otherwise, as what is an OSError as well
        exc.__class__ = type(own)(own.__name__, (own,), {"__slots__": (), "__init__": _take_own_class})


# --- Our loops and priority tasks ---

#: The versions on which the loops' own `_run_once` was checked against asyncio's; elsewhere theirs is used.
CHECKED_VERSIONS = frozenset({(3, 11), (3, 12), (3, 13), (3, 14), (3, 15)})
#: How many cancelled timers there may be before they are taken out of the heap, and how long a wait may be.
MIN_SCHEDULED_TIMERS: int = vars(base_events)["_MIN_SCHEDULED_TIMER_HANDLES"]
MIN_CANCELLED_FRACTION: float = vars(base_events)["_MIN_CANCELLED_TIMER_HANDLES_FRACTION"]
MAX_SELECT_TIMEOUT: float = vars(base_events)["MAXIMUM_SELECT_TIMEOUT"]
format_callback = cast("Callable[..., str]", vars(format_helpers)["_format_callback_source"])


def version_is_checked() -> bool:
    """Whether the loops may use what they know of this Python's asyncio."""
    return sys.version_info[:2] in CHECKED_VERSIONS and STEP_TYPE.__name__ == "TaskStepMethWrapper"


def _type_of_steps() -> type:
    """The type of what a C task gives to `call_soon` for its next step; of something else if tasks are not in C."""

    class Catcher:
        caught: object = None

        def call_soon(self, callback: object, **_: object) -> None:
            self.caught = callback

        def get_debug(self) -> bool:
            return False

    async def nothing() -> None: ...

    catcher = Catcher()
    coroutine = nothing()
    task = asyncio.Task(coroutine, loop=cast("Any", catcher))
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # nobody is told that it never ran
    coroutine.close()
    return type(catcher.caught)


#: What the loops look for to know a C task's step.
STEP_TYPE = _type_of_steps()


def _references_of_a_local() -> int:
    handle = object()
    return sys.getrefcount(handle)


#: What `sys.getrefcount` says of an object that only a local variable refers to: 2, and 1 from 3.14 on.
UNSHARED = _references_of_a_local()


def without_frame(handle: asyncio.Handle) -> asyncio.Handle:
    """Leave the caller's frame out of where a handle was made, which debug mode keeps."""
    traceback: list[Any] | None = handle._source_traceback  # type: ignore[attr-defined]  # see the table
    if traceback:
        del traceback[-1]
    return handle


def report_failure(
    loop: asyncio.AbstractEventLoop, handle: asyncio.Handle, callback: Any, args: tuple[Any, ...], exc: BaseException
) -> None:
    """Tell the loop's exception handler what a callback raised, as `Handle._run` does."""
    debug = {"debug": loop.get_debug()} if sys.version_info >= (3, 13) else {}
    context = {
        "message": f"Exception in callback {format_callback(callback, args, **debug)}",
        "exception": exc,
        "handle": handle,
    }
    if handle._source_traceback:  # type: ignore[attr-defined]  # see the table
        context["source_traceback"] = handle._source_traceback  # type: ignore[attr-defined]
    loop.call_exception_handler(context)


def report_slow(handle: asyncio.Handle, seconds: float) -> None:
    """Log that a handle took long, as the stock loop does in debug mode."""
    shown = vars(base_events)["_format_handle"](handle)
    vars(base_events)["logger"].warning("Executing %s took %.3f seconds", shown, seconds)


def is_callback(handle: asyncio.Handle) -> bool:
    """Whether a handle will run something, and that is no step of a task."""
    callback = handle._callback  # type: ignore[attr-defined]  # see the table
    if type(callback) is STEP_TYPE:
        return False
    return callback is not None and task_stepped_by(callback) is None


def levels_of(loop: asyncio.AbstractEventLoop) -> ReadyLevels | None:
    """The levels of a loop with priorities; None for any other."""
    return getattr(loop, "_priority_levels", None)


def require_free(context: Context | None) -> None:
    """Refuse a context that is entered, in which no task can be started now: asyncio itself would go wrong half-way."""
    if context is None:
        return
    if not isinstance(context, Context):
        raise TypeError(f"context must be a contextvars.Context or None, not {context!r}")
    context.run(_nothing)


def _nothing() -> None: ...


def start_captured(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any], init: Callable[[], object]) -> None:
    """Initialise a task, and run its first step at once instead of queueing it: 3.11 has no `eager_start`.

    Others may call `call_soon` meanwhile, from a finalizer or a signal handler, and whoever makes the task may have put
    something in its place already.
    """
    call_soon = loop.call_soon
    attributes = vars(loop)
    before = attributes.get("call_soon")
    first: list[tuple[Callable[[], object], Context]] = []

    def capture(callback: Any, *args: Any, context: Any = None) -> Any:
        if first or task_stepped_by(callback) is not task:
            return call_soon(callback, *args, context=context)
        first.append((callback, context))
        return None

    loop.call_soon = capture  # type: ignore[assignment, method-assign]  # for the one call that the task makes
    try:
        init()
    finally:
        if before is None:
            del loop.call_soon
        else:
            loop.call_soon = before  # type: ignore[method-assign]
    for step, context in first:
        with no_current_task(loop):
            context.run(step)


def _default_policy() -> Any:
    """What `asyncio.DefaultEventLoopPolicy` is; from 3.14 on, merely naming that warns."""
    if sys.version_info < (3, 14):
        return asyncio.DefaultEventLoopPolicy
    if sys.platform == "win32":
        from asyncio import windows_events as events
    else:
        from asyncio import unix_events as events
    return vars(events)["_DefaultEventLoopPolicy"]


DefaultPolicy: Any = _default_policy()
