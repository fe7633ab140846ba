"""A nursery: tasks and contexts that live and end together."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import enum
import inspect
import itertools
import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from aio_group import _registry, _watch
from aio_group._argument import refuse_other_than_loop
from aio_group._async_function import awaiting, name_of
from aio_group._body import Body
from aio_group._cancellation import is_cancellation
from aio_group._failures import Trouble, redeliver_cancellation
from aio_group._heard_cancellation import HeardCancellation
from aio_group._latch import Latch, latch_of
from aio_group._registry import Registry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from contextvars import Context
    from types import TracebackType
    from typing import Self

_P = ParamSpec("_P")
_T = TypeVar("_T")
_SyncExit = TypeVar("_SyncExit", bound="AbstractContextManager[Any, Any] | Callable[..., bool | None]")
_AsyncExit = TypeVar(
    "_AsyncExit", bound="AbstractAsyncContextManager[Any, Any] | Callable[..., Awaitable[bool | None]]"
)

_numbers = itertools.count(1)

# AsyncExitStack.pop_all() makes the new stack without arguments: this is the loop of the nursery that comes of it.
_loop_of_pop_all: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("_loop_of_pop_all", default=None)


class _State(enum.Enum):
    OPEN = "open"
    ASKED = "asked to close"
    CLOSING = "closing"
    STOPPING = "stopping"
    CLOSED = "closed"


_STILL_OPEN = frozenset({_State.OPEN, _State.ASKED})
_EXITED = frozenset({_State.STOPPING, _State.CLOSED})

# Seconds between two looks at a body that is being cancelled from elsewhere, and for how long.
_LOOK_AGAIN = 0.02
_PATIENCE = 5.0


class TaskNursery(contextlib.AsyncExitStack, Registry):
    """An `AsyncExitStack` that also starts tasks: contexts and tasks live and end together.

    ```python
    async with TaskNursery(name="service") as nursery:
        connection = await nursery.enter_async_context(connect())
        nursery.create_task(receive(connection))
        nursery.create_task(send(connection))
        await nursery
    ```

    A task that fails closes the nursery: the body of the block is cancelled, the contexts are exited, with the error,
    as a `with` statement would do, and the other tasks are cancelled and awaited. The error is then raised by the
    block, and by whatever else awaits the nursery (`await nursery`, `aclose()`). Several errors, of tasks, contexts
    and the body, are raised as a group. Nothing that the nursery started is left when it has closed.

    It closes when its block ends; by `aclose()`; by a failed task; when its `sentinel_task` is cancelled, without an
    error; and by a signal. Without `async with` around it, the sentinel task does the work; an error that nobody
    awaits is then reported by asyncio, through the loop's exception handler.

    The contexts are exited first, the last one entered before the others, then the tasks are cancelled: as if the
    contexts stood inside an `asyncio.TaskGroup`. While they exit, tasks still run (and may be waited for by a
    callback that was pushed). For tasks that must end before a context does, open a nursery inside it.

    **Signals and errors of the loop.** While a nursery is open in a loop of the main thread, SIGINT, SIGTERM and
    SIGHUP (on Windows SIGINT and SIGBREAK) close all nurseries first, whose blocks end without an error. When the
    last one has closed, the signal does what it would have done without them: it is given to the previous handler
    (that of `asyncio.run` or `run_asyncio`, say); where there is none, KeyboardInterrupt (SIGINT) or SystemExit (the
    others) is raised. A second signal does that at once. An error that would only have been logged by the loop (of a
    callback, or of a task that nobody awaited) closes the nurseries of the loop too, and is raised by them, unless
    the application has set an exception handler of its own. When the last nursery of the loop has closed, the
    previous handlers are back. Off the main thread, signals are left alone.

    A nursery is a `Registry`: `TaskNursery.registry` maps the names of those not closed to them, and no two of them
    have the same name. The idea, and most names, are codestare's.

    Args:
        name: A name that no other open nursery has, or a function that returns it, whenever it is needed.
            `TaskNursery-1` and so on by default.
        loop: The event loop, which need not run yet; the running one by default.

    Raises:
        ValueError: An open nursery has that name; or the loop is closed.
        TypeError: `loop` is not an event loop.
        RuntimeError: No loop was given, and none is running.

    Attributes:
        loop: The event loop that the tasks run in.
    """

    __unique_key_attr__ = "name"

    def __init__(
        self, name: str | Callable[[], str] | None = None, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        refuse_other_than_loop(loop)
        super().__init__()
        self._state = _State.OPEN
        self._name = f"TaskNursery-{next(_numbers)}" if name is None else name
        self.loop: asyncio.AbstractEventLoop = loop or _loop_of_pop_all.get() or _running_loop()
        if self.loop.is_closed():
            raise ValueError(f"a nursery cannot be made for a closed loop: {self.loop!r}")
        self._crew = _Crew(self)
        self._body: Body | None = None
        self._failures: list[BaseException] = []
        self._error: BaseException | None = None
        self._asked = Latch()
        self._closed = Latch()
        self._awaiting = 0
        self._sentinel: asyncio.Task[None] | None = None
        # Before anything is started: it refuses a name that is taken.
        _registry.enter(self)
        if self.loop.is_running():
            self._open_here()
        else:
            self.loop.call_soon(_open_in_running_loop, weakref.ref(self))

    @staticmethod
    def add_shutdown_handling(loop: asyncio.AbstractEventLoop) -> None:
        """Set the handlers for signals and errors of the loop, if they are not set; making a nursery does it too.

        They go back when the last nursery of the loop closes.
        """
        _watch.watch(loop)

    @property
    def name(self) -> str:
        """The unique name: the key in the registry. Asked from the function anew if one was given."""
        return str(self._name() if callable(self._name) else self._name)

    @property
    def tasks(self) -> tuple[asyncio.Task[Any], ...]:
        """The tasks that are not done, in the order in which they were created."""
        return tuple(self._crew.tasks)

    @property
    def sentinel_task(self) -> asyncio.Task[None] | None:
        """A task that only waits for the end: cancelling it closes the nursery. None once that is closed."""
        if self._state is not _State.CLOSED:
            self._ensure_sentinel()
        return self._sentinel

    def create_task(
        self,
        coro: Awaitable[_T] | Generator[Any, None, _T],
        *,
        name: str | None = None,
        context: Context | None = None,
        **kwargs: Any,
    ) -> asyncio.Task[_T]:
        """Start a task that ends with the nursery at the latest, and closes the nursery if it fails.

        Args:
            coro: A coroutine, or another awaitable, which the task awaits.
            name: The task's name; by default that of the coroutine and of the nursery.
            context: The `contextvars.Context` to run in, a copy of the current one by default.
            **kwargs: Passed on to `loop.create_task` (from 3.14 on, `eager_start`).

        Returns:
            The task. Awaiting it gives its outcome; its failure closes the nursery all the same.

        Raises:
            RuntimeError: The nursery is closed, or its tasks are being cancelled. A coroutine is closed then.
            TypeError: `coro` cannot be awaited.
        """
        coroutine = _as_coroutine(coro)
        try:
            if self._state in _EXITED:
                raise RuntimeError(f"no task can be started in a nursery that is {self._state.value}: {self!r}")
            self._ensure_sentinel()
            task = self.loop.create_task(
                coroutine, name=name or f"{name_of(coro)}:{self.name}", context=context, **kwargs
            )
        except BaseException:
            coroutine.close()
            raise
        self._crew.add(task)
        return task

    async def stop_task(self, task: asyncio.Task[_T]) -> _T | BaseException:
        """Cancel a task of this nursery, wait for its end, and return its outcome.

        Args:
            task: A task that `create_task` of this nursery returned; or the sentinel task, which closes the nursery.

        Returns:
            What the task returned or raised, as a rule `asyncio.CancelledError`. An error that is returned here does
            not close the nursery.

        Raises:
            ValueError: The task is not a running task of this nursery, or the one that calls this.
            asyncio.CancelledError: The caller was cancelled while it waited. The task then ends without it.
        """
        if task is asyncio.current_task():
            raise ValueError(f"a task cannot stop itself and wait for it: {task!r}")
        if task is not self._sentinel and task not in self._crew.tasks:
            raise ValueError(f"not a running task of {self!r}: {task!r}")
        return await self._crew.stop(task)

    def pop_all(self) -> Self:
        """Move the contexts and tasks to a new nursery, which stays open when this one closes.

        Returns:
            A nursery of the same class and loop. Its class is called without arguments: it has a name of its own.

        Raises:
            RuntimeError: The contexts are being exited already.
        """
        if self._state not in _STILL_OPEN:
            raise RuntimeError(f"nothing can be taken from a nursery that is {self._state.value}: {self!r}")
        token = _loop_of_pop_all.set(self.loop)
        try:
            new = super().pop_all()
        finally:
            _loop_of_pop_all.reset(token)
        self._crew, new._crew = new._crew, self._crew
        self._crew.nursery, new._crew.nursery = self, new
        return new

    async def aclose(self) -> None:
        """Close the nursery, and wait until it is closed. Ends the body of its block, if that runs in another task.

        Raises:
            BaseException: The error that closed the nursery, or came up when it closed; also if it was closed before.
            BaseExceptionGroup: Several such errors.
            asyncio.CancelledError: The caller was cancelled. If it was closing the nursery, this goes to the context
                that is being exited; the rest is exited, and the tasks awaited, all the same.
        """
        if self._state in _STILL_OPEN and (self._body is None or self._body.is_current):
            await self._close(None)
        else:
            self._ask_to_close()
            await self._wait_closed()

    def __await__(self) -> Generator[Any, None, None]:
        """Wait until the nursery is closed: by a failure, a signal, or another task.

        Raises:
            BaseException: The error that closed the nursery, or came up when it closed.
            BaseExceptionGroup: Several such errors.
        """
        return self._wait_closed().__await__()

    def enter_context(self, cm: AbstractContextManager[_T, Any]) -> _T:
        """As in `AsyncExitStack`; RuntimeError if the contexts were exited already."""
        self._refuse_if_exited()
        return super().enter_context(cm)

    async def enter_async_context(self, cm: AbstractAsyncContextManager[_T, Any]) -> _T:
        """As in `AsyncExitStack`; RuntimeError if the contexts were exited already, before or while it was entered."""
        self._refuse_if_exited()
        result = await super().enter_async_context(cm)
        if self._state in _EXITED:
            # Nobody else will exit it.
            await super().__aexit__(None, None, None)
        self._refuse_if_exited()
        return result

    def push(self, exit: _SyncExit) -> _SyncExit:  # noqa: A002 - the base class calls it so
        """As in `AsyncExitStack`; RuntimeError if the contexts were exited already."""
        self._refuse_if_exited()
        return super().push(exit)

    def push_async_exit(self, exit: _AsyncExit) -> _AsyncExit:  # noqa: A002 - the base class calls it so
        """As in `AsyncExitStack`; RuntimeError if the contexts were exited already."""
        self._refuse_if_exited()
        return super().push_async_exit(exit)

    def callback(self, callback: Callable[_P, _T], /, *args: _P.args, **kwds: _P.kwargs) -> Callable[_P, _T]:
        """As in `AsyncExitStack`; RuntimeError if the contexts were exited already."""
        self._refuse_if_exited()
        return super().callback(callback, *args, **kwds)

    def push_async_callback(
        self, callback: Callable[_P, Awaitable[_T]], /, *args: _P.args, **kwds: _P.kwargs
    ) -> Callable[_P, Awaitable[_T]]:
        """As in `AsyncExitStack`; RuntimeError if the contexts were exited already."""
        self._refuse_if_exited()
        return super().push_async_callback(callback, *args, **kwds)

    def _refuse_if_exited(self) -> None:
        if self._state in _EXITED:
            raise RuntimeError(f"no context can be added to a nursery that is {self._state.value}: {self!r}")

    async def __aenter__(self) -> Self:
        if self._state is not _State.OPEN:
            raise RuntimeError(f"a nursery that is {self._state.value} cannot be entered: {self!r}")
        if self._body is not None:
            raise RuntimeError(f"a nursery can be entered once: {self!r}")
        self._ensure_sentinel()
        self._body = Body()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> bool:
        if self._state in _STILL_OPEN:
            return await self._close(exc)
        # The body closed its nursery itself, by aclose().
        return False

    def __repr__(self) -> str:
        cls = type(self)
        where = f"{cls.__module__.partition('._')[0]}.{cls.__qualname__}"
        return (
            f"{where}(name={self._shown_name}, loop={self.loop!r}, "
            f"tasks={len(self._crew.tasks)}, state=<{self._state.value}>)"
        )

    def _open_here(self) -> None:
        if self._state is _State.OPEN:
            _watch.open_in(self.loop, self)
            self._ensure_sentinel()

    def _ask_to_close(self) -> None:
        if self._state is _State.OPEN:
            self._state = _State.ASKED
            if self._body is not None:
                self._body.cancel()
            self._ensure_sentinel()
            self._asked.open()

    def _fail(self, error: BaseException) -> None:
        if self._state is _State.CLOSED:
            # A task that closed its own nursery lives on for a while.
            self.loop.call_exception_handler(
                {"message": f"a task failed after its nursery was closed: {self!r}", "exception": error}
            )
        else:
            self._failures.append(error)
            self._ask_to_close()

    def _ensure_sentinel(self) -> None:
        if self._sentinel is None:
            sentinel = HeardCancellation(self._stand_by())
            self._sentinel = self.loop.create_task(sentinel, name=f"sentinel:{self.name}")

    async def _stand_by(self) -> None:
        if self._state is not _State.CLOSED:
            _watch.open_in(self.loop, self)
        try:
            await self._asked.wait()
        except asyncio.CancelledError:
            _uncancel_current_task()
            await self._pass_on_cancellation()
        if self._state is _State.ASKED and self._body is None:
            try:
                await self._close(None)
            except Exception:
                # Those who await the nursery raise it.
                if not self._awaiting:
                    raise
            except (KeyboardInterrupt, SystemExit):
                # These have left the loop already, out of the task that raised them.
                pass
        else:
            (await self._closed.outlast()).clear()

    async def _pass_on_cancellation(self) -> None:
        """The sentinel was cancelled: close, but do not cancel a body a second time that is being cancelled already.

        At a program's end all tasks are cancelled, this one and that of the body: the body's clean-up must get through.
        But a body that is being cancelled may also go on, when that is only an `asyncio.timeout` in it. No callback
        tells which, so this rare case looks every now and then; for a while, since a body may also have swallowed a
        cancellation without `uncancel`, and look like that for ever.
        """
        deadline = self.loop.time() + _PATIENCE
        while (
            self._state is _State.OPEN
            and self._body is not None
            and self._body.is_cancelled_from_elsewhere
            and self.loop.time() < deadline
        ):
            with contextlib.suppress(asyncio.CancelledError):
                await self._closed.wait(_LOOK_AGAIN)
        self._ask_to_close()

    async def _close(self, exc: BaseException | None) -> bool:
        """Exit the contexts, stop the tasks, raise what went wrong; tell whether that deals with `exc`."""
        cut_short = self._body is not None and self._body.end(exc)
        body_error = None if cut_short else exc
        self._state = _State.CLOSING
        trouble = Trouble()
        sentinel = self._sentinel
        rest: Callable[[], None] | None = None
        try:
            suppressed = await self._exit_contexts(body_error, trouble)
            self._state = _State.STOPPING
            trouble.note(*await self._crew.stop_all())
            trouble.note(*self._failures)
            self._error = trouble.merged(self._group_message)
        finally:
            self._state = _State.CLOSED
            # None is left, unless an exit raised KeyboardInterrupt or the like: then nobody waits for them any more.
            self._crew.cancel_all()
            self._failures.clear()
            self._sentinel = None
            _registry.leave(self)
            rest = _watch.closed_in(self.loop, self)
            self._asked.open()
            self._closed.open()
        await self._finish(sentinel, rest, trouble)
        # The error's traceback, which the nursery keeps, leads to this frame: it must not keep the task that asyncio is
        # to report when nobody asked for its error.
        del sentinel
        if body_error is not None and trouble.is_nothing_but(body_error):
            trouble.give_way()
            return False
        trouble.raise_all(self._group_message)
        return cut_short or suppressed

    async def _exit_contexts(self, body_error: BaseException | None, trouble: Trouble) -> bool:
        """Exit the contexts with the errors so far, as a `with` statement would; tell whether one suppressed them."""
        so_far = Trouble()
        so_far.note(body_error, *self._failures)
        self._failures.clear()
        pending = so_far.merged(self._group_message) or body_error
        replaced = False
        try:
            if await super().__aexit__(type(pending) if pending else None, pending, _traceback_of(pending)):
                return True
        except asyncio.CancelledError as cancelled:
            trouble.note(cancelled)
        except (Exception, BaseExceptionGroup) as error:
            replaced = error is not pending
            if replaced:
                trouble.note(error)
        trouble.take(so_far, only_cancellations=replaced)
        return False

    async def _finish(
        self, sentinel: asyncio.Task[None] | None, rest: Callable[[], None] | None, trouble: Trouble
    ) -> None:
        """Wait for the end of the sentinel, and let a signal have its way."""
        if sentinel is asyncio.current_task():
            if rest is not None:
                # KeyboardInterrupt and the like shall end the loop, not this task, which nobody may ask for them.
                self.loop.call_soon(rest)
            return
        if sentinel is not None:
            trouble.note(*await latch_of(sentinel).outlast())
        if rest is not None:
            try:
                rest()
            except BaseException as end:
                trouble.note(end)

    async def _wait_closed(self) -> None:
        self._awaiting += 1
        try:
            await self._closed.wait()
        except asyncio.CancelledError as cancelled:
            # At the same moment, both: nobody else may be there to raise the error.
            if self._error is None:
                raise
            if is_cancellation(cancelled):
                redeliver_cancellation()
        finally:
            self._awaiting -= 1
        if self._error is not None:
            raise self._error

    @property
    def _group_message(self) -> str:
        return f"several errors in nursery {self._shown_name}"

    @property
    def _shown_name(self) -> str:
        """The name, as messages show it: whatever the function does that gives it, the nursery can close."""
        try:
            return repr(self.name)
        except Exception:
            return "<no name: its function failed>"


class _Crew:
    """The tasks of a nursery. `pop_all` gives a crew another nursery, to which its failures then belong."""

    def __init__(self, nursery: TaskNursery) -> None:
        self.nursery = nursery
        self.tasks: dict[asyncio.Task[Any], None] = {}
        # Told to stop by `stop`; and as often as callers of `stop` wait to return the outcome.
        self._told: set[asyncio.Task[Any]] = set()
        self._claims: list[asyncio.Task[Any]] = []

    def add(self, task: asyncio.Task[Any]) -> None:
        self.tasks[task] = None
        task.add_done_callback(self._settle)

    async def stop(self, task: asyncio.Task[_T]) -> _T | BaseException:
        if task not in self._told:
            self._told.add(task)
            task.cancel()
        self._claims.append(task)
        try:
            await latch_of(task).wait()
        except asyncio.CancelledError:
            self._claims.remove(task)
            if task.done() and task not in self.tasks:
                # It ended at the same moment, and was left to this caller.
                self._report(task)
            raise
        # Its callback may be still to come, if it was done before: the error is this caller's.
        self._settle(task)
        self._claims.remove(task)
        try:
            return task.result()
        except BaseException as error:
            return error

    async def stop_all(self) -> list[asyncio.CancelledError]:
        """Cancel all tasks but the current one, and outlast them; return the cancellations that came meanwhile."""
        others = self._others()
        self.cancel_all()
        cancellations: list[asyncio.CancelledError] = []
        for task in others:
            cancellations += await latch_of(task).outlast()
            # Its callback may be still to come, if it was done before.
            self._settle(task)
        return cancellations

    def cancel_all(self) -> None:
        for task in self._others():
            if task not in self._told:
                task.cancel()

    def _others(self) -> list[asyncio.Task[Any]]:
        return [task for task in self.tasks if task is not asyncio.current_task()]

    def _settle(self, task: asyncio.Task[Any]) -> None:
        if task in self.tasks:
            del self.tasks[task]
            self._told.discard(task)
            self._report(task)

    def _report(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and task not in self._claims and (error := task.exception()) is not None:
            self.nursery._fail(error)


def _as_coroutine(coro: Awaitable[_T] | Generator[Any, None, _T]) -> Coroutine[Any, Any, _T]:
    if isinstance(coro, collections.abc.Coroutine):
        return coro
    if inspect.isawaitable(coro):
        return awaiting(coro)
    if callable(coro):
        raise TypeError(f"a coroutine is needed, not the function {coro!r}: call it")
    raise TypeError(f"a coroutine or another awaitable is needed, not {coro!r}")


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError("no event loop is running: make the nursery in a coroutine, or give it a loop") from None


def _open_in_running_loop(reference: weakref.ref[TaskNursery]) -> None:
    """Runs as soon as the loop does, if the nursery still lives."""
    nursery = reference()
    if nursery is not None:
        nursery._open_here()


def _uncancel_current_task() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()


def _traceback_of(error: BaseException | None) -> TracebackType | None:
    return None if error is None else error.__traceback__
