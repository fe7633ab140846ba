"""`CoroStart`: a coroutine that runs to its first suspension now and is awaited later."""

from __future__ import annotations

import asyncio
import enum
import types
from contextvars import Context
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aio_coro._innermost import cancel_private, require_exception
from aio_coro._inspect import coro_is_done, require_coroutine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator
T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class _State(enum.Enum):
    NEW = "not started"
    RUNNING = "running"
    SUSPENDED = "suspended"
    RETURNED = "done, with a result"
    RAISED = "done, with an exception"
    AWAITED = "already awaited"
    CLOSED = "closed"


# Looking a member up in its class costs more than all the rest of a test.
_NEW, _RUNNING, _SUSPENDED, _RETURNED, _RAISED, _AWAITED, _CLOSED = _State


def _require(coro: object, context: object) -> None:
    require_coroutine(coro, "CoroStart()")
    if context is not None and not isinstance(context, Context):
        raise TypeError(f"context must be a contextvars.Context, not {type(context).__qualname__}")


def _go_on(coro: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """The rest of a native coroutine that has been suspended.

    The interpreter resumes a coroutine that is awaited in Python code without a call, and one behind its `__await__()`
    by a call, with a StopIteration at its end. Only what `types.coroutine` marks may await one without `await`.
    """
    return (yield from coro)  # type: ignore[misc, no-any-return]  # in an unmarked generator, it is an error


if not TYPE_CHECKING:  # for which it would no longer be a generator
    _go_on = types.coroutine(_go_on)


class CoroStart(Generic[T_co]):
    """A coroutine that has begun to run: up to its first suspension, its result or its exception.

    A coroutine does nothing before it is awaited, and a task does nothing before the loop's next pass. A `CoroStart`
    runs the coroutine at once, in the caller's own task, and stops where the coroutine would wait for something. If
    it did not have to wait, the result is there, with no task and no loop. If it had to, the rest runs when the
    `CoroStart` is awaited, in whichever task awaits it.

    On trio, and for asyncio code that looks at its task (`asyncio.timeout()`, a `TaskGroup`), start and rest have to
    run in the same task; `aio_coro.eager` gives the started part the task that it will go on in.

    A `CoroStart` that is neither done nor awaited has to be closed: `contextlib.aclosing` does that.

    Args:
        coro: The coroutine to start.
        context: Run all of the coroutine in this context instead of the caller's.
        autostart: Start at once; with False, `start` or awaiting starts it.

    Raises:
        TypeError: `coro` is not a coroutine, or `context` not a context.
        RuntimeError: `context` is entered already. The coroutine is left as it was.
        KeyboardInterrupt, SystemExit: Raised by the coroutine: these are not kept for later.

    After a start without a context, the rest of a native coroutine is resumed by the interpreter itself from its
    second resumption on, as fast as one that is awaited plainly.
    """

    __slots__ = ("__weakref__", "_context", "_coro", "_state", "_traceback", "_value")

    _value: Any

    def __init__(
        self, coro: Coroutine[Any, Any, T_co], *, context: Context | None = None, autostart: bool = True
    ) -> None:
        self._coro = coro
        self._context = context
        if not autostart:
            _require(coro, context)
            self._state = _NEW
            return
        self._state = _RUNNING
        # What `_resume` does, without its call: the speed of this step is what the class is for.
        try:
            self._value = coro.send(None) if context is None else context.run(coro.send, None)
            self._state = _SUSPENDED
        except StopIteration as stop:
            self._value = stop.value
            self._state = _RETURNED
        except BaseException as error:
            _require(coro, context)
            self._keep_exception(error)

    def start(self) -> bool:
        """Run the coroutine to its first suspension or its end; only for `autostart=False`.

        Returns:
            Whether the coroutine is done.

        Raises:
            RuntimeError: It has been started already, or closed.
            KeyboardInterrupt, SystemExit: Raised by the coroutine.
        """
        if self._state is not _NEW:
            raise RuntimeError(f"cannot start this CoroStart: it is {self._state.value}")
        self._resume(self._coro.send, None)
        return self.done()

    def _resume(self, method: Callable[[Any], Any], argument: object) -> None:
        """Let the coroutine run until it yields or ends, and keep what comes of it."""
        before = self._state
        self._state = _RUNNING
        try:
            self._value = method(argument) if self._context is None else self._context.run(method, argument)
            self._state = _SUSPENDED
        except StopIteration as stop:
            if before is _NEW and argument in (stop, stop.__class__):
                self._keep_exception(
                    stop
                )  # from Python 3.12 on, what is thrown before the first step comes out as it is
                return
            self._value = stop.value
            self._state = _RETURNED
        except BaseException as error:
            self._state = before
            self._keep_exception(error)
        finally:
            # On 3.12 and 3.13, the frames of a traceback go on referring to those that threw the exception into them.
            del self, argument

    def _keep_exception(self, error: BaseException) -> None:
        """Keep what the coroutine raised; called by the handler, and raises again what is not to be kept."""
        if not coro_is_done(self._coro):
            # Not the coroutine's error: its context is entered, or it runs elsewhere, or this cannot be thrown.
            raise error
        # The frame that caught it refers to the exception through `self`: in the traceback it would close a cycle.
        self._traceback = error.__traceback__ and error.__traceback__.tb_next
        self._value = error.with_traceback(self._traceback)
        self._state = _RAISED
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error

    def done(self) -> bool:
        """Tell whether the coroutine ended without having to be awaited."""
        state = self._state
        return state is _RETURNED or state is _RAISED

    def result(self) -> T_co:
        """Return what the coroutine returned, or raise what it raised.

        Raises:
            asyncio.InvalidStateError: The coroutine is not done.
        """
        if self._state is _RETURNED:
            result: T_co = self._value
            return result
        error = self.exception()
        assert error is not None
        try:
            raise error.with_traceback(self._traceback)
        finally:
            # This frame is in the traceback now, and must not refer to the exception.
            del error, self

    def exception(self) -> BaseException | None:
        """Return what the coroutine raised, or None if it returned.

        Raises:
            asyncio.InvalidStateError: The coroutine is not done.
        """
        if self._state is _RETURNED:
            return None
        if self._state is _RAISED:
            error: BaseException = self._value
            return error
        raise asyncio.InvalidStateError(f"the coroutine of this CoroStart has no result: it is {self._state.value}")

    def __await__(self) -> Generator[Any, Any, T_co]:
        """Run the rest of the coroutine; can be done once.

        Raises:
            RuntimeError: It has been awaited already, or closed.
        """
        if self._state is _NEW:
            self.start()
        state = self._state
        if state is _RETURNED:
            self._state = _AWAITED
            return self._value  # type: ignore[no-any-return]  # a variable of its own would cost more than the rest
        if state is not _SUSPENDED:
            return self._raise_exception()
        self._state = _AWAITED
        coro = self._coro
        try:
            argument: Any = yield self._value
        except GeneratorExit:
            self._run(coro.close)
            raise
        except BaseException as error:
            cancel_private(self._value, coro)
            # Thrown in outside of this handler, so that the coroutine does not see it as being handled.
            argument = error
            resume: Callable[[Any], Any] = coro.throw
        else:
            if argument is None and self._context is None and self._coro.__class__ is CoroutineType:
                self._value = None
                return (yield from _go_on(coro))
            resume = coro.send
        self._value = None
        try:
            return (yield from self._resume_by_hand(resume, argument))
        finally:
            # An exception held by this frame, which stands in its traceback, would be a reference cycle.
            del argument

    def _resume_by_hand(self, resume: Callable[[Any], Any], argument: Any) -> Generator[Any, Any, T_co]:
        """Resume the coroutine through its methods, in the context, whatever it is and whatever it is sent."""
        coro = self._coro
        context = self._context
        try:
            while True:
                yielded = resume(argument) if context is None else context.run(resume, argument)
                try:
                    argument = yield yielded
                except GeneratorExit:
                    self._run(coro.close)
                    raise
                except BaseException as error:
                    cancel_private(yielded, coro)
                    argument = error
                    resume = coro.throw
                else:
                    if argument is None and context is None and self._coro.__class__ is CoroutineType:
                        yielded = None
                        return (yield from _go_on(coro))
                    resume = coro.send
        except StopIteration as stop:
            result: T_co = stop.value
            return result
        finally:
            del argument

    def _raise_exception(self) -> T_co:
        if self._state is not _RAISED:
            raise RuntimeError(f"cannot await this CoroStart: it is {self._state.value}")
        self._state = _AWAITED
        try:
            error: BaseException = self._value
            raise error.with_traceback(self._traceback)
        finally:
            self._value = self._traceback = None
            del error, self

    def _run(self, function: Callable[[], T]) -> T:
        return function() if self._context is None else self._context.run(function)

    async def as_coroutine(self) -> T_co:
        """Await this in a coroutine, for what takes nothing else, such as `asyncio.create_task`."""
        return await self

    def as_future(self) -> asyncio.Future[T_co]:
        """Return a future of the running loop that holds the outcome.

        A coroutine that was cancelled gives a future that is cancelled.

        Raises:
            RuntimeError: The coroutine is not done, or no asyncio loop is running.
        """
        if not self.done():
            raise RuntimeError(f"cannot make a future of this CoroStart: it is {self._state.value}, not done")
        error = self.exception()
        future: asyncio.Future[T_co] = asyncio.get_running_loop().create_future()
        if error is None:
            future.set_result(self._value)
        elif isinstance(error, asyncio.CancelledError):
            future.cancel(*error.args[:1])
        else:
            future.set_exception(error)
        return future

    def as_awaitable(self) -> Awaitable[T_co]:
        """Return `as_future()` if done, else this object.

        For `asyncio.gather` and its like, which would make a task of it even if there is nothing left to run.

        Raises:
            RuntimeError: The coroutine is done, and no asyncio loop is running.
        """
        return self.as_future() if self.done() else self

    async def athrow(self, exc: BaseException | type[BaseException], /) -> T_co:
        """Raise an exception in the coroutine where it is suspended, and await what it makes of it.

        A coroutine that has not started ends with the exception; one that is done is left alone.

        Args:
            exc: The exception, or its class.

        Returns:
            What the coroutine returns, or has returned.

        Raises:
            RuntimeError: The coroutine has been awaited or closed.
            BaseException: What the coroutine raises, or has raised.
        """
        if not self.done():
            self._throw(exc)
        del exc  # this frame may come to stand in its traceback
        return await self

    def throw(self, exc: BaseException | type[BaseException], /, tries: int = 1) -> T_co:
        """Raise an exception in the coroutine where it is suspended; it has to end at once.

        A coroutine that has not started ends with the exception; one that is done is left alone.

        Args:
            exc: The exception, or its class.
            tries: How often to raise it while the coroutine goes on waiting.

        Returns:
            What the coroutine returns, or has returned.

        Raises:
            RuntimeError: The coroutine waits again; it is suspended there and can be awaited. Or it has been awaited
                or closed.
            ValueError: `tries` is less than 1.
            BaseException: What the coroutine raises, or has raised.
        """
        if tries < 1:
            raise ValueError(f"CoroStart.throw(): tries must be at least 1, not {tries!r}")
        for _ in range(tries):
            if not self.done():
                self._throw(exc)
        if self._state is _SUSPENDED:
            name = exc.__name__ if isinstance(exc, type) else type(exc).__name__
            raise RuntimeError(f"coroutine ignored {name}: it waits for {self._value!r}")
        try:
            return self.result()
        finally:
            del exc, self

    def _throw(self, exc: BaseException | type[BaseException]) -> None:
        if self._state is not _SUSPENDED and self._state is not _NEW:
            raise RuntimeError(f"cannot throw into this CoroStart: it is {self._state.value}")
        require_exception(exc)
        try:
            self._resume(self._coro.throw, exc)
        finally:
            del self, exc  # as in `_resume`

    async def aclose(self) -> None:
        """Make the coroutine end: raise GeneratorExit where it is suspended, and wait while it cleans up.

        Does nothing if it is done, has been awaited to its end, or is closed. The outermost async function may await
        in its clean-up; the interpreter does not let those which it awaits do so.

        Raises:
            RuntimeError: The coroutine is running, or another task is awaiting it.
            BaseException: What the coroutine raises while it cleans up.
        """
        if self._state is not _SUSPENDED:
            self.close()
            return
        try:
            await self.athrow(GeneratorExit())
        except GeneratorExit:
            pass
        finally:
            if coro_is_done(self._coro):
                self._state = _CLOSED

    def close(self) -> None:
        """Make the coroutine end: raise GeneratorExit where it is suspended; it has to end at once.

        Does nothing if it is done, has been awaited to its end, or is closed.

        Raises:
            RuntimeError: The coroutine is running, or another task is awaiting it, or it ignored GeneratorExit.
            BaseException: What the coroutine raises while it cleans up.
        """
        if coro_is_done(self._coro):
            if self._state is not _RETURNED and self._state is not _RAISED:
                self._state = _CLOSED
            return
        if self._state is _AWAITED:
            raise RuntimeError("cannot close this CoroStart: it is being awaited; cancel the task that awaits it")
        if self._state is _RUNNING:
            raise RuntimeError("cannot close this CoroStart: it is running")
        self._run(self._coro.close)
        self._value = None
        self._state = _CLOSED

    def __repr__(self) -> str:
        name = getattr(self._coro, "__qualname__", None) or repr(self._coro)
        return f"<{type(self).__name__} of {name}, {self._state.value}>"


async def coro_await(coro: Coroutine[Any, Any, T], *, context: Context | None = None) -> T:
    """Await a coroutine, in a context of its own if one is given.

    It is to an async function what `contextvars.Context.run` is to a function: what the coroutine sets is set in
    `context` and not for the caller. No task is made.

    Args:
        coro: The coroutine.
        context: The context to run it in; None for the caller's.

    Returns:
        What the coroutine returns.

    Raises:
        TypeError: `coro` is not a coroutine, or `context` not a context.
        RuntimeError: `context` is entered already.
        BaseException: What the coroutine raises.
    """
    return await CoroStart(coro, context=context)
