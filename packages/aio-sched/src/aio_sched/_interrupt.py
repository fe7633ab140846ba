"""Raising exceptions in other tasks, at once."""

from __future__ import annotations

import asyncio
import gc
import operator
from contextvars import ContextVar
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, NoReturn

from aio_sched._asyncio_internals import (
    callback_of,
    current_task,
    is_being_cancelled,
    is_running,
    last_waited_for,
    must_cancel,
    no_current_task,
    no_longer_awaited_by,
    retrieve_cancellation,
    step_raising,
    wakeup_in,
    was_cancelled,
)
from aio_sched._interrupt_errors import CancellationPendingError, OutOfReachError
from aio_sched._ready_queue import queue_shown_by
from aio_sched._task_state import require_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from typing import TypeAlias

    #: How a step that was found is taken from where it stands.
    Take: TypeAlias = Callable[[], object]
    #: A step or wake-up of a task, its arguments and its context.
    Step: TypeAlias = tuple[Callable[..., object], tuple[object, ...], Context]


def task_throw(task: asyncio.Task[Any], exc: BaseException) -> None:
    """Raise an exception in another task, now: it has been raised when this returns.

    The task runs on top of the caller, until it waits for the next thing or ends. So the exception is never pending,
    and cannot meet another one. In a coroutine, prefer `task_interrupt`: it lets the loop run the task, so that
    nothing of the caller is on the stack then.

    Other than by `task.cancel()`, what the task waits for is left alone: a task, a `gather`, a future of yours goes on
    and can be awaited again. Only a future that a coroutine of asyncio or anyio made for itself (in a lock, a queue,
    a stream) is cancelled, as `task.cancel()` would do, since some of them cannot cope otherwise.

    Args:
        task: A task of the running loop: new, in `sleep(0)`, waiting, or about to go on since what it waited for is
            done. A C or a Python task, made by whatever.
        exc: The exception. Use an `InterruptException` unless you know the code that is interrupted: asyncio's locks
            lose count with others.

    Raises:
        TypeError: `task` is not a task, or `exc` not an exception that can be thrown into one.
        RuntimeError: Nothing was changed. The task is done, the current one, or one that runs further up the stack (it
            has called this one); it belongs to another loop; a cancellation of it, or of what it waits for, is on its
            way to it, which must not be lost; or it cannot be reached: it waits for something that only looks like a
            future, or is about to run on a loop that shows no ready queue (uvloop).

    What the task does with the exception is its own affair. If that ends it with `SystemExit` or `KeyboardInterrupt`,
    the loop raises it in its next pass, and not the caller here.

    Cost: constant for a task that waits; else proportional to the length of the ready queue.
    """
    loop = _require_interruptible(task, exc)
    try:
        throw_into(task, exc)
    except (SystemExit, KeyboardInterrupt) as error:
        loop.call_soon(_raise, error)
    finally:
        del task, exc  # see throw_into()


async def task_interrupt(task: asyncio.Task[Any], exc: BaseException) -> None:
    """Raise an exception in another task next, before anything else runs; returns after that.

    On a loop with priorities, a turn that is due to a less urgent task may come between (see `starvation_bound`).

    The same as `task_throw`, but the loop runs the task, and the caller gives way to it and goes behind what is ready.
    The exceptions that the caller is handling are not those of the task then, and the task can do what it likes with
    the caller, that is suspended like any other task.

    Args:
        task: As for `task_throw`.
        exc: As for `task_throw`.

    Raises:
        TypeError, RuntimeError: As for `task_throw`. Nothing was changed, and this did not give way.

    Cancellation: raised when the caller goes on; the exception has been raised in the task by then.

    Cost: as for `task_throw`.
    """
    loop = _require_interruptible(task, exc)
    _find_step(task)
    queue = queue_shown_by(loop)
    if queue is None:
        task_throw(task, exc)
        del task, exc  # see throw_into()
        await asyncio.sleep(0)
        return
    refusals: list[RuntimeError] = []
    queue.call_pos(0, _throw_from_loop, task, exc, refusals)
    await asyncio.sleep(0)
    for refusal in refusals:  # somebody came between after all
        raise refusal


def throw_into(
    task: asyncio.Task[Any], exc: BaseException, *, cancel_awaited: bool = False, delivered: int = 0
) -> None:
    """Step a task with an exception.

    Args:
        task: A task of the running loop.
        exc: The exception.
        cancel_awaited: Cancel what the task waits for, whatever it is.
        delivered: How many of the cancellations that `cancelling()` counts are known to have been raised in it.

    Raises:
        RuntimeError: As for `task_throw`.
        SystemExit, KeyboardInterrupt: From the task.
    """
    (callback, args, context), take = _find_step(task, delivered)
    run = _way_into(context, task)
    future = last_waited_for(task)
    take()
    if future is not None and cancel_awaited:
        future.cancel()
        future.add_done_callback(retrieve_cancellation)
    elif future is not None and _is_private(future, task):
        future.cancel()
    try:
        with no_current_task(task.get_loop()):
            step_raising(task, exc, callback, args, run)
    finally:
        # What is on the stack now stays alive with the exception's traceback, so nothing there may keep the exception.
        del task, exc, callback, args, take, future


def _throw_from_loop(task: asyncio.Task[Any], exc: BaseException, refusals: list[RuntimeError]) -> None:
    try:
        throw_into(task, exc)
    except RuntimeError as refusal:
        refusals.append(refusal)
    finally:
        del task, exc  # see throw_into()


def _require_interruptible(task: asyncio.Task[Any], exc: BaseException) -> asyncio.AbstractEventLoop:
    """Refuse what can never be; returns the running loop."""
    require_task(task)
    if not isinstance(exc, BaseException):
        hint = f": raise an instance, {exc.__name__}()" if isinstance(exc, type) else ""
        raise TypeError(f"a task is interrupted with an exception, not {exc!r}{hint}")
    if isinstance(exc, StopIteration | GeneratorExit):
        raise TypeError(f"{type(exc).__name__} means the end of a coroutine, and cannot be thrown into a task")
    loop = asyncio.get_running_loop()
    if task.get_loop() is not loop:
        raise RuntimeError(f"{task!r} belongs to another loop than the running one")
    if task is current_task(loop):
        raise RuntimeError("a task cannot interrupt itself: raise the exception instead")
    return loop


def _find_step(task: asyncio.Task[Any], delivered: int = 0) -> tuple[Step, Take]:
    """What will step the task, and how to take it from there, so that it will not."""
    if task.done():
        raise RuntimeError(f"{task!r} is done, and cannot be interrupted")
    if is_running(task):
        raise RuntimeError(f"{task!r} runs further up the stack, and cannot be interrupted before it gets control back")
    if is_cancellation_pending(task, delivered):
        raise CancellationPendingError(
            f"a cancellation is on its way to {task!r}, or to what it waits for, and an interrupt would take it away"
        )
    future = last_waited_for(task)
    if future is None or future.done():
        return _step_in_queue(task)
    return _wakeup_of(task, future)


def is_cancellation_pending(task: asyncio.Task[Any], delivered: int) -> bool:
    """Whether a cancellation of a task is on its way to it, or may be: nobody can tell whose what it waits for has."""
    future = last_waited_for(task)
    if must_cancel(task):
        return True
    if future is None:
        return False
    if future.done():
        return was_cancelled(future)
    return task.cancelling() > delivered and is_being_cancelled(future)


def _step_in_queue(task: asyncio.Task[Any]) -> tuple[Step, Take]:
    loop = task.get_loop()
    queue = queue_shown_by(loop)
    if queue is None:
        kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
        raise OutOfReachError(
            f"{task!r} is about to run, and {kind} shows no ready queue to interrupt it there; "
            "run on asyncio's own loop or on a loop made by aio_sched.scheduling_loop_factory()"
        )
    handle = queue.queue_find_task(task)
    if handle is None:
        raise OutOfReachError(f"nothing will run {task!r} as things stand: its step was cancelled or taken away")
    return callback_of(handle), lambda: queue.queue_remove(handle)


def _wakeup_of(task: asyncio.Task[Any], future: asyncio.Future[Any]) -> tuple[Step, Take]:
    found = wakeup_in(future, task)
    if found is None:
        raise OutOfReachError(f"{task!r} waits for {future!r}, which does not show what it will call")
    wakeup, context = found
    return (wakeup, (future,), context), lambda: _leave(future, task, wakeup)


def _leave(future: asyncio.Future[Any], task: asyncio.Task[Any], wakeup: Callable[..., object]) -> None:
    future.remove_done_callback(wakeup)
    if no_longer_awaited_by is not None:
        no_longer_awaited_by(future, task)


# --- The context of a step ---

_probe: ContextVar[object] = ContextVar("aio_sched_probe")


def _way_into(context: Context, task: asyncio.Task[Any]) -> Callable[..., object]:
    """What runs a function in a context: also in the one that the caller is in already."""
    try:
        context.run(_nothing)
    except RuntimeError:
        if _is_current(context):
            return operator.call
        raise RuntimeError(
            f"{task!r} shares its context with a task that runs further up the stack, and cannot run on top of that: "
            "use task_interrupt()"
        ) from None
    return context.run


def _is_current(context: Context) -> bool:
    mark = object()
    token = _probe.set(mark)
    try:
        return context.get(_probe) is mark
    finally:
        _probe.reset(token)


# --- Futures that coroutines of asyncio make for themselves ---

# anyio's locks on asyncio are built like asyncio's own.
_MAKERS = frozenset({"asyncio", "anyio"})


def _is_private(future: asyncio.Future[Any], task: asyncio.Task[Any]) -> bool:
    """Whether a coroutine of asyncio (or anyio) waits for a future that it made for that.

    Most of them clean up whatever comes. But the semaphores of 3.11 and 3.12 and anyio's locks take a future that was
    not cancelled for one that was granted, and `loop.sock_recv()` stops reading when its future is done, else it reads
    for nobody.
    """
    if type(future) is not asyncio.Future or future.done():
        return False
    frame = _innermost_frame(task.get_coro())
    return frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _MAKERS


# What the methods of async generators, `anext()` and a coroutine's `__await__()` return do not tell what they drive.
_UNTOLD = frozenset({"async_generator_asend", "async_generator_athrow", "anext_awaitable", "coroutine_wrapper"})


def _innermost_frame(awaited: Any) -> Any:
    """The frame that waits: at the end of the chain of coroutines and generators that await each other."""
    frame = None
    while awaited is not None:
        match awaited:
            case CoroutineType():
                frame, awaited = awaited.cr_frame, awaited.cr_await
            case GeneratorType():
                frame, awaited = awaited.gi_frame, awaited.gi_yieldfrom
            case AsyncGeneratorType():
                frame, awaited = awaited.ag_frame, awaited.ag_await
            case _ if type(awaited).__name__ in _UNTOLD:
                awaited = next(filter(_is_link, gc.get_referents(awaited)), None)
            case _:
                return frame
    return frame


def _is_link(candidate: object) -> bool:
    return isinstance(candidate, CoroutineType | GeneratorType | AsyncGeneratorType) or (
        type(candidate).__name__ in _UNTOLD
    )


def _nothing() -> None:
    """What shows whether a context can be entered."""


def _raise(error: BaseException) -> NoReturn:
    raise error
