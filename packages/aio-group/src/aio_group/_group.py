"""Tasks that live and end together."""

from __future__ import annotations

import asyncio
import enum
import functools
import inspect
import logging
from asyncio import _get_running_loop, current_task
from collections import deque
from contextvars import Context, copy_context
from dataclasses import dataclass
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from aio_group._argument import refuse_other_than_loop, seconds_of
from aio_group._async_function import refuse_other_than_functions
from aio_group._asyncio_internals import runs_here
from aio_group._awaitable import as_future, close_coroutine
from aio_group._body import Body
from aio_group._cancellation import foremost
from aio_group._latch import Latch
from aio_group._resource import Resource
from aio_group._shielded import ShieldedTask
from aio_group._standing import where_they_stand

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator
    from types import TracebackType
    from typing import Self

_P = ParamSpec("_P")
_T = TypeVar("_T")

_logger = logging.getLogger("aio_group")


class GroupClosedError(Exception):
    """The group is closing or closed: it takes no more tasks and no subgroups."""


class _State(enum.Enum):
    OPEN = "open"
    # No more tasks are taken; those that there are end by themselves.
    FINISHING = "finishing"
    # No more tasks are taken; those that there are will be cancelled in the loop's next pass.
    CANCELLING = "cancelling"
    # They have been cancelled, and wind up.
    CANCELLED = "cancelled"
    CLOSED = "closed"


# The one state that every spawn asks for: a global is found sooner than a member of the enum.
_OPEN = _State.OPEN


@dataclass(slots=True)
class _Queued:
    """A task that waits for its turn in a limited group."""

    coroutine: Coroutine[Any, Any, Any]
    handle: ShieldedTask[Any]
    context: Context


class _Primed:
    """Stops a coroutine once, right at its beginning."""

    # An iterator without Python code: this is on the way of every task.
    __await__ = (None,).__iter__


_PRIMED = cast("Awaitable[None]", _Primed())


class Group(Resource):
    """Tasks that live and end together.

    A task that is started with `asyncio.create_task` belongs to nobody: it may be collected while it runs, its error is
    seen when it is too late, and nothing ends it. A group holds its tasks, reports their errors at once, and when it is
    closed, cancels them and is closed only when the last of them has ended:

    ```python
    async with Group() as group:
        group.spawn(serve, connection)
        await group.spawn(greet, connection)
    # here both are over
    ```

    Unlike `asyncio.TaskGroup`, a group outlives the failure of a task, can be closed from anywhere, and can have
    subgroups, which are closed with it. It is a `Resource`: the same names ask for its state and wait for its end.

    **An error of a task is reported once.** If somebody awaits what `spawn` returned (or has a callback on it) when the
    task fails, the error is theirs, and nobody else hears of it. Otherwise it is reported at once: to `exception_cb` if
    there is one, else to the log. One that is no `Exception` goes to the log in any case. An error that its only
    listeners did not take, since they were cancelled in the same moment, is reported like one without listeners. A
    task's `KeyboardInterrupt` and `SystemExit` leave the loop at once, as asyncio has it, and are not reported again.

    Args:
        exception_cb: A synchronous function, called in the loop with each `Exception` that nobody awaits. If it
            raises, the loop's exception handler is told.
        log_exceptions: Whether errors that nobody awaits, and `exception_cb` does not get, are logged (logger
            "aio_group", level ERROR).
        limit: How many of the group's tasks run at a time; further ones wait for their turn, in order, without a task
            being made for them. Subgroups' tasks do not count, nor does one that waits for the end of its own group. A
            task that awaits another of the same limited group may wait for ever.
        loop: The loop that the tasks run on. Without it, the running loop; if none is running, that of the first use.

    A group belongs to one loop and its thread: use from another is refused.
    """

    def __init__(
        self,
        exception_cb: Callable[[Exception], object] | None = None,
        *,
        log_exceptions: bool = True,
        limit: int | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if exception_cb is not None and not callable(exception_cb):
            raise TypeError(f"exception_cb must be a function or None, not {exception_cb!r}")
        if inspect.iscoroutinefunction(exception_cb):
            raise TypeError(f"exception_cb must not be async, since nobody awaits it: {exception_cb!r}")
        if limit is not None and not isinstance(limit, int):
            raise TypeError(f"limit must be a whole number or None, not {limit!r}")
        if limit is not None and limit < 1:
            raise ValueError(f"limit must be at least 1, or None for no limit, not {limit!r}")
        refuse_other_than_loop(loop)
        self._exception_cb = exception_cb
        self._log_exceptions = log_exceptions
        self._limit = limit
        self._bind(loop if loop is not None else _get_running_loop())
        self._state = _OPEN
        self._closing = Latch()
        self._closed = Latch()
        self._tasks: set[asyncio.Future[Any]] = set()
        # What becomes tasks just now: the first step may run while they are made, before they are entered in `_tasks`.
        self._starting: list[Awaitable[Any]] = []
        self._queue: deque[_Queued] = deque()
        self._listened: dict[asyncio.Future[Any], ShieldedTask[Any]] = {}
        self._parent: Group | None = None
        self._subgroups: set[Group] = set()
        self._bodies: list[Body] = []
        self._cancel_called = False
        # Own tasks that wait for the end of this group or of one above it.
        self._resting = 0
        # What tasks of this group or of its subgroups wait for when they wait for the end of this group.
        self._only_resting: set[Latch] = set()

    @property
    def async_group(self) -> Group:
        """The group itself."""
        return self

    @property
    def is_open(self) -> bool:
        """Whether the group takes tasks: it is neither closing nor closed."""
        return self._state is _OPEN

    @property
    def is_closing(self) -> bool:
        """Whether the group is closing or closed."""
        return self._state is not _OPEN

    @property
    def is_closed(self) -> bool:
        """Whether the group is closed: it and its subgroups have no tasks any more, and take none."""
        return self._state is _State.CLOSED

    async def wait_closing(self) -> None:
        """Wait until the group is closing or closed. A cancellation ends the wait, and nothing else."""
        self._check_loop()
        await self._closing.wait()

    async def wait_closed(self) -> None:
        """Wait until the group is closed. A cancellation ends the wait, and nothing else.

        In a task of the group or of a subgroup, which would wait for itself, it returns when all the other tasks have
        ended, or wait like this one.
        """
        self._check_loop()
        owner = self._owner_of_current_task()
        if owner is None:
            await self._closed.wait()
        else:
            await self._rest(owner, None)

    def create_subgroup(self, log_exceptions: bool | None = None, *, limit: int | None = None) -> Group:
        """Make a group that is closed together with this one; closing it does not concern this one.

        It inherits `exception_cb`, and stays known to this group until it is closed: close it when it is done with.

        Args:
            log_exceptions: As for `Group`; None takes over what holds for this group.
            limit: As for `Group`; it is not inherited.

        Raises:
            GroupClosedError: This group is closing or closed.
            RuntimeError: Called from another loop or thread than the group's.
        """
        self._check_loop()
        if self._state is not _OPEN:
            raise GroupClosedError(f"cannot create a subgroup: {self!r}")
        subgroup = Group(
            self._exception_cb,
            log_exceptions=self._log_exceptions if log_exceptions is None else log_exceptions,
            limit=limit,
            loop=self._loop,
        )
        subgroup._parent = self
        self._subgroups.add(subgroup)
        return subgroup

    def spawn(self, fn: Callable[_P, Awaitable[_T]], /, *args: _P.args, **kwargs: _P.kwargs) -> asyncio.Future[_T]:
        """Call an async function and run what it returns in a task of the group.

        Args:
            fn: The async function, or any function that returns an awaitable.
            *args: Its positional arguments.
            **kwargs: Its keyword arguments.

        Returns:
            A future of the task's outcome, as from `wrap`. It can be dropped: the group holds the task.

        Raises:
            GroupClosedError: The group is closing or closed; `fn` is not called.
            TypeError: `fn` is not callable, or returned something that cannot be awaited.
            RuntimeError: Called from another loop or thread than the group's.

        The task runs until its first wait even if the group is closed right after. If `fn` is not async, and has to
        wait for its turn in a limited group, it is called then: what the call raises comes through the future.
        """
        if self._state is not _OPEN or not callable(fn):
            refuse_other_than_functions("spawn", [fn])
            raise GroupClosedError(f"cannot spawn {fn!r}: {self!r}")
        if self._limit is None:
            return self._launch(fn(*args, **kwargs))
        if self._has_to_wait() and not _is_async(fn):
            # The call itself may begin the work: it too waits for its turn.
            return self._enqueue(_call_in_turn(fn, args, kwargs))
        return self.wrap(fn(*args, **kwargs))

    def wrap(self, obj: Awaitable[_T], /) -> asyncio.Future[_T]:
        """Run an awaitable in a task of the group.

        Args:
            obj: A coroutine, a future (it becomes the group's: cancelled and waited for like a task) or another
                awaitable.

        Returns:
            A shielded future of the outcome: cancelling it, or a task that awaits it, does not cancel the group's task,
            nor does it disturb others that await the same future. Only the group cancels its tasks.

        Raises:
            GroupClosedError: The group is closing or closed. A coroutine is closed, so that no warning follows; a
                future is left as it is.
            TypeError: `obj` cannot be awaited.
            RuntimeError: Called from another loop or thread than the group's; a coroutine is closed.
        """
        if self._state is not _OPEN:
            close_coroutine(obj)
            raise GroupClosedError(f"cannot run {obj!r}: {self!r}")
        if self._limit is not None and self._has_to_wait() and inspect.isawaitable(obj) and not asyncio.isfuture(obj):
            return self._enqueue(obj)
        return self._launch(obj)

    def close(self, cancel: bool = True) -> None:
        """Begin to close the group and its subgroups: no more tasks are taken, and those that there are end.

        Args:
            cancel: True cancels the tasks, in the loop's next pass, so that each has run until its first wait. Those
                that still wait for their turn are dropped. Each task is cancelled once, and has all the time it needs.
                False lets the tasks end by themselves, also those that wait for their turn.

        A group that was closed with `cancel=False` can be closed again with `cancel=True`; otherwise repeated calls
        change nothing. Takes time in proportion to the number of tasks. A group's own task can call it: it is
        cancelled like the others, at its next wait.
        """
        self._check_loop()
        tree = list(self._tree())
        for group in tree:
            group._begin_closing(cancel)
        # Subgroups stand after their parents: in reverse, each is closed before the parent is asked.
        for group in reversed(tree):
            group._advance_closing()

    async def async_close(self, cancel: bool = True, *, timeout: float | None = None) -> None:
        """Close the group, and wait until it is closed.

        Args:
            cancel: As for `close`.
            timeout: Seconds to wait at most, for tasks that ignore their cancellation. None waits without limit.

        Raises:
            TimeoutError: Tasks still ran when the time was over; the message names them and the lines they stand in.
                The group stays closing, and is closed when they end.
            TypeError: `timeout` is not a number; the group is not closed.
            ValueError: `timeout` is NaN, or too large for a float; the group is not closed.
            asyncio.CancelledError: The caller was cancelled while it waited. The call still waits until the group is
                closed (or the time is over) before it raises, however often it is cancelled, so that it never leaves
                tasks behind.

        In a task of the group or of a subgroup, which would wait for itself, it returns when all the other tasks have
        ended, or wait like this one; there, a cancellation (with `cancel=True`, the group's own) ends the wait at once.
        """
        timeout = seconds_of(timeout)
        self.close(cancel)
        owner = self._owner_of_current_task()
        if owner is not None:
            await self._rest(owner, timeout)
            return
        cancellations = await self._closed.outlast(timeout)
        late = None if self._state is _State.CLOSED else self._too_late(timeout)
        try:
            if cancellations:
                if late is not None:
                    foremost(cancellations).__cause__ = late
                raise foremost(cancellations)
            if late is not None:
                raise late
        finally:
            # The errors' tracebacks lead to this frame: without this, only the collector could free them.
            cancellations.clear()
            del late

    def cancel(self) -> None:
        """End the group early, without an error: close it, and leave the bodies of `async with group` too.

        The tasks and subgroups are closed as with `close`. A body of `async with group` is cancelled at its next wait,
        and the `async with` ends without an error (the idea is that of `asyncio.TaskGroup.cancel` in Python 3.15). If
        the body is cancelled by somebody else as well, that cancellation goes on. Repeated calls change nothing; a
        group that was cancelled before it is entered cancels the body when that first waits.
        """
        self.close()
        self._cancel_called = True
        for body in self._bodies:
            body.cancel()

    async def __aenter__(self) -> Self:
        body = Body()
        self._bodies.append(body)
        if self._cancel_called:
            body.cancel()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> bool:
        ended_by_cancel = self._leave_body().end(exc)
        await self.async_close()
        return ended_by_cancel

    def __repr__(self) -> str:
        parts = [f"{self._state.value}", _counted(len(self._tasks), "task")]
        if self._queue:
            parts.append(f"{len(self._queue)} waiting")
        if self._subgroups:
            parts.append(_counted(len(self._subgroups), "subgroup"))
        return f"<{type(self).__name__} {', '.join(parts)}>"

    # Tasks: start, run, end

    def _launch(self, obj: Awaitable[_T]) -> ShieldedTask[_T]:
        """Start a task, at once. All in one piece, since this is the cost of a spawn."""
        loop = self._loop
        if loop is None or not runs_here(loop):
            loop = self._check_loop_for(obj)
        handle: ShieldedTask[_T] = ShieldedTask(loop=loop)
        handle._group = self
        handle._listeners = None
        if type(obj) is CoroutineType and loop.get_task_factory() is None:
            run = self._run(obj)
            # From here on it stands inside its `try`: a cancellation before the task's first step goes through there.
            run.send(None)
            run.__qualname__ = obj.__qualname__  # type: ignore[attr-defined]  # typed as a Coroutine, which lacks it
            try:
                handle._source = task = self._make_task(run)
            except BaseException:
                run.close()
                raise
            self._tasks.add(task)
        else:
            handle._source = self._adopt(obj)
        return handle

    async def _run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Run a task's coroutine and enter its end.

        A done callback would cost a pass of the loop, and half as much again as all of a short task; so a success, the
        usual end, is entered here, in the task's last step. All else needs a callback, which finds the task done.
        """
        try:
            await _PRIMED
            result = await coroutine
        except BaseException:
            if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
                coroutine.close()
            self._heed_end()
            raise
        task = current_task(self._loop)
        if TYPE_CHECKING:
            assert task is not None
        if task.cancelling():
            # If that was asked for in this last step, asyncio makes the task a cancelled one, whatever it returns.
            task.add_done_callback(self._task_ended)
            return result
        self._tasks.discard(task)
        if self._listened or self._queue or self._state is not _OPEN:
            handle = self._listened.pop(task, None)
            if handle is not None:
                handle._tell_result(result)
            if self._queue:
                # One pass later, this task is done, and code that an eager factory runs at once finds it so.
                task.get_loop().call_soon(self._after_end)
            else:
                self._advance_closing()
        return result

    def _heed_end(self) -> None:
        """Ask to be told when the running task is done; not in `_run`, whose frame must not lead from error to task."""
        task = current_task(self._loop)
        # When a coroutine is closed instead of run to its end, this is some other task, or none: `_task_ended` knows
        # its own.
        if task is not None:
            task.add_done_callback(self._task_ended)

    def _adopt(self, obj: Awaitable[_T]) -> asyncio.Future[_T]:
        """Start what `_run` does not fit: futures, other awaitables, and tasks of a factory, which may run at once."""
        if obj in self._tasks if asyncio.isfuture(obj) else _is_other_awaitable(obj):
            obj = _await_again(obj)
        self._starting.append(obj)
        try:
            source = as_future(obj, loop=self._loop)
        except BaseException:
            close_coroutine(obj)
            raise
        else:
            self._tasks.add(source)
        finally:
            self._starting.remove(obj)
            self._advance_closing()
        source.add_done_callback(self._task_ended)
        return source

    def _task_ended(self, task: asyncio.Future[Any]) -> None:
        if task not in self._tasks:
            return
        self._tasks.discard(task)
        handle = self._listened.pop(task, None)
        try:
            if handle is None:
                self._report(task)
            else:
                handle._tell_outcome()
        finally:
            self._after_end()

    def _after_end(self) -> None:
        self._fill_places()
        self._advance_closing()

    def _report(self, task: asyncio.Future[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None or (isinstance(error, (KeyboardInterrupt, SystemExit)) and isinstance(task, asyncio.Task)):
            return
        if self._exception_cb is not None and isinstance(error, Exception):
            try:
                self._exception_cb(error)
            except Exception as raised:
                context = {"message": f"exception_cb raised, given {error!r}", "exception": raised, "future": task}
                task.get_loop().call_exception_handler(context)
        elif self._log_exceptions:
            _logger.error("a task of a group failed: %r", task, exc_info=error)

    # Tasks that wait for their turn

    def _is_full(self) -> bool:
        return self._limit is not None and len(self._tasks) + len(self._starting) - self._resting >= self._limit

    def _has_to_wait(self) -> bool:
        """Whether a new task has to wait for its turn: there is no room, or others were there before it."""
        return bool(self._queue) or self._is_full()

    def _fill_places(self) -> None:
        while self._queue and not self._is_full():
            self._start_queued(self._queue.popleft())

    def _enqueue(self, obj: Awaitable[_T]) -> ShieldedTask[_T]:
        self._check_loop_for(obj)
        handle: ShieldedTask[_T] = ShieldedTask(loop=self._loop)
        handle._group = self
        handle._listeners = None
        handle._source = None
        coroutine = obj if asyncio.iscoroutine(obj) else _await_again(obj)
        self._queue.append(_Queued(coroutine, handle, copy_context()))
        # There may be room for those before it, which are about to be started.
        self._fill_places()
        return handle

    def _start_queued(self, queued: _Queued) -> None:
        try:
            started = queued.context.run(self._launch, queued.coroutine)
        except Exception as error:
            failed = queued.handle.get_loop().create_future()
            failed.set_exception(error)
            started = self._launch(failed)
        queued.handle._started(started)

    def _drop(self, queued: _Queued) -> None:
        queued.handle.cancel()
        try:
            queued.coroutine.close()
        except Exception as raised:
            context = {"message": f"closing failed, of what had not begun: {queued.coroutine!r}", "exception": raised}
            queued.handle.get_loop().call_exception_handler(context)

    # Closing

    def _begin_closing(self, cancel: bool) -> None:
        if self._state not in (_OPEN, _State.FINISHING) or (self._state is _State.FINISHING and not cancel):
            return
        if cancel:
            if self._tasks or self._starting:
                assert self._loop is not None
                # One pass later, a task that was just spawned has reached its first wait: what it does when it is
                # cancelled, as with `call_on_cancel`, is done.
                self._loop.call_soon(self._cancel_tasks)
                self._state = _State.CANCELLING
            else:
                self._state = _State.CANCELLED
            self._closing.open()
            while self._queue:
                self._drop(self._queue.pop())
        else:
            self._state = _State.FINISHING
            self._closing.open()

    def _cancel_tasks(self) -> None:
        if self._state is not _State.CANCELLING:
            return
        self._state = _State.CANCELLED
        for task in list(self._tasks):
            task.cancel()
        self._wake_resting()

    def _advance_closing(self) -> None:
        """Something ended: see whether that closes this group, and then perhaps those above it."""
        group: Group | None = self
        while group is not None and group._state is not _OPEN and group._state is not _State.CLOSED:
            if group._tasks or group._starting or group._queue or group._subgroups:
                group._wake_resting()
                return
            group._state = _State.CLOSED
            group._closed.open()
            parent, group._parent = group._parent, None
            if parent is not None:
                parent._subgroups.discard(group)
            group = parent

    def _tree(self) -> Iterator[Group]:
        """This group and all below it, each before its subgroups. No further than is asked for: there may be many."""
        levels: list[Iterator[Group]] = [iter((self,))]
        while levels:
            group = next(levels[-1], None)
            if group is None:
                levels.pop()
            else:
                yield group
                levels.append(iter(group._subgroups))

    def _owner_of_current_task(self) -> Group | None:
        """The group of the tree that the running task belongs to; None for a task from outside."""
        task = _current_task()
        return None if task is None else next((group for group in self._tree() if group._owns(task)), None)

    def _owns(self, task: asyncio.Task[Any]) -> bool:
        return task in self._tasks or any(task.get_coro() is started for started in self._starting)

    async def _rest(self, owner: Group, timeout: float | None) -> None:
        """Wait, in a task of `owner`, until all tasks of this tree have ended or wait like this."""
        only_resting = Latch()
        self._only_resting.add(only_resting)
        owner._resting += 1
        # Those that wait for their turn are waited for too: they need the place.
        owner._fill_places()
        owner._wake_resting()
        try:
            if not await only_resting.wait(timeout):
                raise self._too_late(timeout)
        finally:
            owner._resting -= 1
            self._only_resting.discard(only_resting)

    def _wake_resting(self) -> None:
        group: Group | None = self
        while group is not None:
            if group._only_resting and group._state is not _OPEN and group._has_only_resting():
                for latch in group._only_resting:
                    latch.open()
            group = group._parent

    def _has_only_resting(self) -> bool:
        return all(
            # Before they have been cancelled, they would go on only to be cancelled a little later.
            group._state is not _State.CANCELLING
            and len(group._tasks) + len(group._starting) + len(group._queue) == group._resting
            for group in self._tree()
        )

    def _too_late(self, timeout: float | None) -> TimeoutError:
        tasks = [task for group in self._tree() for task in group._tasks if task is not _current_task()]
        standing = where_they_stand(tasks, frozenset({Group._run.__code__}))
        return TimeoutError(
            f"after {timeout} seconds the group is not closed, {_counted(len(tasks), 'task')} left:\n{standing}"
        )

    # Where it is used

    def _bind(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop
        if loop is not None:
            self._make_task = _task_maker(loop)

    def _check_loop(self) -> None:
        running = _get_running_loop()
        if self._loop is None:
            self._bind(running)
        if running is self._loop:
            return
        if running is not None:
            raise RuntimeError(
                f"the group belongs to {self._loop!r}, but {running!r} is running: make a group for each loop"
            )
        if self._loop is not None and self._loop.is_running():
            raise RuntimeError("the group's loop runs in another thread: call it by loop.call_soon_threadsafe")

    def _check_loop_for(self, obj: Awaitable[Any]) -> asyncio.AbstractEventLoop:
        """As `_check_loop`, for a call that needs a loop; a coroutine is closed when there is none it can run on."""
        try:
            self._check_loop()
            if self._loop is None:
                raise RuntimeError("no running event loop: call it in a coroutine, or make the group with loop=")
            if self._loop.is_closed():
                raise RuntimeError(f"the group's loop is closed: {self._loop!r}")
        except RuntimeError:
            close_coroutine(obj)
            raise
        return self._loop

    def _leave_body(self) -> Body:
        for index in reversed(range(len(self._bodies))):
            if self._bodies[index].is_current:
                return self._bodies.pop(index)
        raise RuntimeError("async with group must be left by the task that entered it")


def _task_maker(loop: asyncio.AbstractEventLoop) -> Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]:
    """What makes tasks on that loop while it has no task factory."""
    if type(loop).create_task is asyncio.BaseEventLoop.create_task:
        # The stock method would do just this, after asking for the factory again: a tenth of the cost of a short task.
        return functools.partial(asyncio.Task, loop=loop)
    return loop.create_task


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _is_async(fn: Callable[..., Any]) -> bool:
    """Whether a call only makes a coroutine, which begins nothing."""
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(type(fn).__call__)


def _is_other_awaitable(obj: object) -> bool:
    return inspect.isawaitable(obj) and not asyncio.iscoroutine(obj)


async def _call_in_turn(fn: Callable[..., Awaitable[_T]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _T:
    return await fn(*args, **kwargs)


async def _await_again(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
