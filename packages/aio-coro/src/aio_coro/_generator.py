"""`GeneratorObject`: an asynchronous generator into which anything can yield."""

from __future__ import annotations

import asyncio
import enum
import sys
import types
import warnings
import weakref
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, Generic, cast, overload

from aio_coro._innermost import RaiseHere, cancel_private, carried, require_exception
from aio_coro._inspect import require_coroutine
from aio_coro._monitor import OOBData
from aio_coro._relay import InterruptibleWait, Relay, Yielded

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from types import CodeType, FrameType, TracebackType

    from typing_extensions import TypeVar

    T = TypeVar("T", default=Any)
    V = TypeVar("V", default=Any)
    T_co = TypeVar("T_co", covariant=True, default=Any)
    V_contra = TypeVar("V_contra", contravariant=True, default=Any)
else:
    from typing import TypeVar

    T = TypeVar("T")
    V = TypeVar("V")
    T_co = TypeVar("T_co", covariant=True)
    V_contra = TypeVar("V_contra", contravariant=True)


@types.coroutine
def _hand_up(owner: GeneratorObject[Any, Any], value: object) -> Generator[Yielded, Any, Any]:
    """Yield a value up to the iterator, or to the asyncio task if this is a task of its own."""
    yielded = Yielded()
    yielded.owner = owner
    yielded.value = value
    yielded.crossing = None
    try:
        answer = yield yielded
    except RaiseHere as order:
        exception = order.exception
    else:
        return answer if yielded.crossing is None else yielded.result()
    try:
        raise exception
    finally:
        del exception


class _Object(enum.Enum):
    IDLE = "not iterating now"
    RUNNING = "running its coroutine"
    WAITING = "waiting with its coroutine"


_IDLE, _RUNNING, _WAITING = _Object


class GeneratorObject(Generic[T, V]):
    """An asynchronous generator whose values come from a method call instead of the `yield` keyword.

    Called with a coroutine, it returns an iterator that runs it. Whatever the coroutine awaits, however deep, can
    deliver the next value by `await obj.ayield(value)`; a native generator can yield from its own body only.

    No task or queue takes part, so it works on asyncio, on trio, and without a loop under `aiter_sync`. On asyncio,
    tasks besides the iterating one may yield too, at any time while the iteration is on: the value waits, first come
    first served, until the iterating task asks for one, and the yielding task waits for the answer. If the iteration
    ends first, its wait is cancelled. On trio, only what the coroutine itself awaits can yield; a yield from another
    task raises RuntimeError.

    Type parameters: what is yielded, and what is sent (`asend`) and so returned by `ayield`.
    """

    __slots__ = ("__weakref__", "_consumer", "_iterations", "_relay", "_state")

    def __init__(self) -> None:
        self._state = _IDLE
        self._iterations = 0
        self._relay: Relay | None = None
        self._consumer: weakref.ref[asyncio.Task[Any]] | None = None

    def __call__(self, coro: Coroutine[Any, Any, object], /) -> GeneratorObjectIterator[T, V]:
        """Return an iterator over what is yielded into this object while `coro` runs.

        Raises:
            TypeError: `coro` is not a coroutine.
        """
        return GeneratorObjectIterator(self, coro)

    async def ayield(self, value: T, /) -> V:
        """Deliver a value to whoever iterates, and wait until the next one is asked for.

        A cancelled call from another task withdraws the value if it is not taken yet.

        Args:
            value: The value.

        Returns:
            What is sent with `asend`; None for a plain iteration.

        Raises:
            RuntimeError: This runs neither in what the iterated coroutine awaits nor in another asyncio task of the
                iterating loop.
            asyncio.CancelledError: In another task: the iteration ended before the value was answered.
            BaseException: What was passed to `athrow`; GeneratorExit from `aclose`.
        """
        if self._state is not _RUNNING:
            objection = self._objection_to_current_task()
            if objection is not None:
                raise RuntimeError(objection)
        answer: V = await _hand_up(self, value)
        return answer

    def _objection_to_current_task(self) -> str | None:
        """Why the current task, which is not running the iterated coroutine, must not yield; None if it may."""
        if self._iterations == 0:
            return "GeneratorObject.ayield() was called while nothing iterates: no iterator has begun, or it has ended"
        task = _current_task()
        if task is None or self._consumer is None:
            return (
                "GeneratorObject.ayield() was called from outside of what the iterated coroutine awaits;"
                " only on asyncio can other tasks yield into it"
            )
        wait = None if self._relay is None else self._relay.waiting
        if wait is not None and wait.is_awaited():
            loop = wait.get_loop()
        else:
            consumer = self._consumer()
            if consumer is None:  # it made one call and is done; the next one may come from another task
                return None
            if task is consumer:
                return "GeneratorObject.ayield() was called by the iterating task itself, which would wait for itself"
            loop = consumer.get_loop()
        if task.get_loop() is not loop:
            return "GeneratorObject.ayield() was called on another event loop than the one that iterates"
        return None

    def _relay_of_tasks(self) -> Relay:
        relay = self._relay
        if relay is None:
            relay = self._relay = Relay()
        return relay

    def _begin_iteration(self) -> None:
        self._iterations += 1

    def _note_consumer(self) -> None:
        task = _current_task()
        self._consumer = None if task is None else weakref.ref(task)

    def _end_iteration(self) -> None:
        self._iterations -= 1
        if self._iterations == 0 and self._relay is not None:
            self._relay.cancel_all()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._state.value}>"

    # Two parameters with defaults: `typing` knows that from Python 3.13 on only.
    if not TYPE_CHECKING:
        __class_getitem__ = classmethod(types.GenericAlias)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


_CLOSED = "the generator is closed"


class _Phase(enum.Enum):
    NEW = "new"
    RUNNING = "running"
    AT_YIELD = "suspended"
    ASIDE = "suspended, with a value from another task"
    ENDED = "closed"


# ASIDE: the last value came from another task, so that the answer goes there, and the coroutine still waits.
_NEW, _ADVANCING, _AT_YIELD, _ASIDE, _ENDED = _Phase


class GeneratorObjectIterator(AsyncGenerator[T_co, V_contra]):
    """The asynchronous generator that calling a `GeneratorObject` returns.

    It behaves as a native one: `asend`, `athrow`, `aclose`, `ag_running` and its like, the errors for concurrent use
    and for StopIteration and StopAsyncIteration, and the hooks of `sys.set_asyncgen_hooks`, by which an event loop
    closes it when it is dropped unfinished and at shutdown.

    On `aclose`, everything on the way out of the `ayield` may await in its clean-up.

    Args:
        owner: The object into which values are yielded.
        coro: The coroutine to run.

    Raises:
        TypeError: `coro` is not a coroutine.

    A value costs several times what a native generator needs for it, and no task switch.
    """

    __slots__ = ("__weakref__", "_answered", "_coro", "_finalizer", "_hooked", "_owner", "_phase", "_waits_for")

    def __init__(self, owner: GeneratorObject[Any, Any], coro: Coroutine[Any, Any, object], /) -> None:
        self._phase = _ENDED
        require_coroutine(coro, "GeneratorObject()")
        self._owner = owner
        self._coro = coro
        self._phase = _NEW
        self._hooked = False
        self._finalizer: Callable[[Any], object] | None = None
        # In the phase ASIDE: the value whose task gets the answer, and what the coroutine has yielded and waits for.
        self._answered: Yielded | None = None
        self._waits_for: object = None

    def __aiter__(self) -> GeneratorObjectIterator[T_co, V_contra]:
        """Return itself."""
        return self

    # As for a native generator, the hooks are called by the call, and all else is done by the await.

    def __anext__(self) -> Coroutine[Any, Any, T_co]:
        """Get the next value.

        Raises:
            StopAsyncIteration: The coroutine has ended.
            RuntimeError: Another call is going on.
            BaseException: What the coroutine raises.
        """
        if not self._hooked:
            self._call_hooks()
        return self._asend(None)

    def asend(self, value: V_contra, /) -> Coroutine[Any, Any, T_co]:
        """Get the next value, and let the last `ayield` return `value`.

        Args:
            value: What to send; None if the iteration has not begun.

        Raises:
            StopAsyncIteration: The coroutine has ended.
            RuntimeError: Another call is going on.
            TypeError: A value other than None is sent before the first.
            BaseException: What the coroutine raises.
        """
        if not self._hooked:
            self._call_hooks()
        return self._asend(value)

    @overload
    def athrow(
        self, typ: type[BaseException], val: object = None, tb: TracebackType | None = None, /
    ) -> Coroutine[Any, Any, T_co]: ...
    @overload
    def athrow(
        self, typ: BaseException, val: None = None, tb: TracebackType | None = None, /
    ) -> Coroutine[Any, Any, T_co]: ...
    def athrow(self, typ: type[BaseException] | BaseException, /, *val_tb: Any) -> Coroutine[Any, Any, T_co]:
        """Raise an exception out of the last `ayield`, and get the next value.

        Args:
            typ: The exception, or its class.
            *val_tb: Deprecated: the value or arguments of the exception, and a traceback.

        Raises:
            StopAsyncIteration: The coroutine has ended by itself.
            RuntimeError: Another call is going on.
            BaseException: What the coroutine raises.
        """
        if not self._hooked:
            self._call_hooks()
        if not val_tb:
            return self._athrow(typ)
        if sys.version_info >= (3, 12):
            message = "the (type, exc, tb) signature of athrow() is deprecated, use the single-arg signature instead."
            warnings.warn(message, DeprecationWarning, stacklevel=2)
        return self._athrow(_exception_of(typ, *val_tb))

    def aclose(self) -> Coroutine[Any, Any, None]:
        """Raise GeneratorExit out of the last `ayield`, and wait until the coroutine has ended.

        If the last value came from another task, the coroutine is in no `ayield` but waits for something: that is
        cancelled then, and raises `asyncio.CancelledError` in the coroutine. If it goes on all the same, its next
        `ayield` raises GeneratorExit.

        Raises:
            RuntimeError: Another call is going on, or the coroutine yields a value instead of ending.
            BaseException: What the coroutine raises.
        """
        if not self._hooked:
            self._call_hooks()
        return self._aclose()

    def _call_hooks(self) -> None:
        self._hooked = True
        firstiter, self._finalizer = sys.get_asyncgen_hooks()
        if firstiter is not None:
            firstiter(cast("Any", self))

    async def _asend(self, value: Any) -> T_co:
        owner = self._owner
        if self._phase is not _AT_YIELD or owner._state is not _IDLE:
            self._require_idle("anext")  # natively too, whatever is sent
            if self._phase is _ENDED:
                raise StopAsyncIteration
            if self._phase is _ASIDE:
                return self._next_value(await self._answer_aside(answer=value))
            if value is not None:
                raise TypeError("can't send non-None value to a just-started async generator")
            self._begin()
        # What `_exchange` does, without its coroutine: nearly every step is this one.
        self._phase = _ADVANCING
        owner._state = _RUNNING
        try:
            yielded = self._coro.send(value)
            if (
                yielded.__class__ is Yielded
                and yielded.owner is owner
                and (owner._relay is None or not owner._relay.queue)
            ):
                self._phase = _AT_YIELD
                result: T_co = yielded.value
                return result
            yielded = await self._until_value(yielded)
        except StopIteration:
            yielded = None
        except BaseException as error:
            self._after_error(error)
            raise
        finally:
            owner._state = _IDLE
        return self._next_value(yielded)

    def _next_value(self, yielded: Yielded | None) -> T_co:
        if yielded is None:
            self._end()
            raise StopAsyncIteration
        result: T_co = yielded.value
        return result

    async def _athrow(self, exc: BaseException | type[BaseException]) -> T_co:
        self._require_idle("athrow")
        if self._phase is _ENDED:
            return cast("T_co", None)  # as a native generator does, against its type
        require_exception(exc)
        if self._phase is _ASIDE:
            return self._next_value(await self._answer_aside(error=exc() if isinstance(exc, type) else exc))
        if self._phase is _NEW:
            if sys.version_info >= (3, 12) and _is_stop(exc):
                return self._stop_new(exc)
            self._begin()
            return self._next_value(await self._exchange(self._coro.throw, exc))
        return self._next_value(await self._exchange(self._coro.throw, carried(exc)))

    def _stop_new(self, exc: BaseException | type[BaseException]) -> T_co:
        """End by a StopIteration or StopAsyncIteration before the coroutine has begun: no code of its own sees it.

        From Python 3.12 on, a native generator lets these out as they are; to `await`, the first is a result.
        """
        self._coro.close()
        self._phase = _ENDED
        error = exc() if isinstance(exc, type) else exc
        try:
            if isinstance(error, StopIteration):
                return cast("T_co", error.value)
            raise error
        finally:
            del error, exc

    async def _aclose(self) -> None:
        self._require_idle("aclose")
        if self._phase is _ENDED:
            return
        if self._phase is _NEW:
            self._coro.close()
            self._phase = _ENDED
            return
        # No task's value can be taken any more, and the clean-up may be waiting for such a task.
        relay = self._owner._relay_of_tasks()
        relay.closing = True
        relay.cancel_all()
        self._cancel_answered()
        try:
            aside = self._phase is _ASIDE and not isinstance(self._waits_for, (Yielded, OOBData))
            if aside and await self._cancel_aside() is None:
                yielded = None
            else:
                # In an `ayield`: from the first, or since it has swallowed the cancellation, as a timeout of its own
                # that expired meanwhile does.
                yielded = await self._exchange(self._coro.throw, RaiseHere(GeneratorExit()))
        except GeneratorExit:
            return
        finally:
            relay.closing = False
        if yielded is not None:
            raise RuntimeError("async generator ignored GeneratorExit")
        if self._phase is not _ENDED:
            self._end()

    async def _cancel_aside(self) -> Yielded | None:
        """Make the coroutine end when it is in no `ayield`, but waits for something while a task's value is out.

        What it waits for is cancelled, as when a task is cancelled. GeneratorExit would be wrong there: it must not
        be answered by awaiting, so that a TaskGroup would leave its tasks behind.
        """
        task = _current_task()
        requests = 0 if task is None else task.cancelling()
        cancel = getattr(self._waits_for, "cancel", None)
        try:
            if cancel is not None and cancel(_CLOSED):
                return await self._exchange(self._still_waits, None)
            return await self._exchange(self._coro.throw, asyncio.CancelledError(_CLOSED))
        except asyncio.CancelledError:
            if task is not None and task.cancelling() > requests:
                raise  # this was, or was also, the cancellation of the task that closes
            return None

    async def _exchange(self, resume: Callable[[Any], Any], argument: object) -> Yielded | None:
        """Let the coroutine run until there is a value, which is returned, or it ends, for which None is returned."""
        self._phase = _ADVANCING
        self._owner._state = _RUNNING
        try:
            return await self._until_value(resume(argument))
        except StopIteration:
            return None
        except BaseException as error:
            self._after_error(error)
            raise
        finally:
            self._owner._state = _IDLE
            del argument

    async def _answer_aside(self, answer: object = None, error: BaseException | None = None) -> Yielded | None:
        """Answer the task whose value was the last one, and wait on with the coroutine."""
        answered, self._answered = self._answered, None
        try:
            if answered is not None and answered.crossing is not None:
                answered.crossing.end(answer, error)
        finally:
            del error
        self._owner._note_consumer()
        return await self._exchange(self._still_waits, None)

    def _still_waits(self, _: object) -> object:
        return self._waits_for

    @types.coroutine
    def _until_value(self, yielded: Any) -> Generator[Any, Any, Yielded | None]:
        """Wait for what the coroutine waits for, and resume it, until there is a value for the consumer.

        Called with what the coroutine has yielded. Returns None when the coroutine has returned.
        """
        owner = self._owner
        coro = self._coro
        error: BaseException | None = None
        try:
            while True:
                own = yielded.__class__ is Yielded and yielded.owner is owner
                relay = owner._relay
                # A value of the coroutine's own lets one from a task go first, once.
                if relay is not None and relay.queue and not (own and yielded is self._waits_for):
                    self._phase = _ASIDE
                    self._waits_for = yielded
                    self._answered = relay.queue.popleft()
                    return self._answered
                if own:
                    self._phase = _AT_YIELD
                    self._waits_for = None
                    value: Yielded = yielded
                    return value
                wait = None
                owner._state = _WAITING
                try:
                    if isinstance(yielded, asyncio.Future) or _is_foreign_future(yielded):
                        if relay is None:
                            relay = owner._relay_of_tasks()
                        wait = relay.waiting = InterruptibleWait.for_(yielded)
                        # The first step of awaiting it marks it as being awaited, and gives it back.
                        answer = yield next(iter(wait))
                        relay.waiting = None
                        if wait.interrupted:
                            wait.forget_handle()
                            continue
                    else:
                        answer = yield yielded
                except BaseException as thrown:
                    error = thrown
                owner._state = _RUNNING
                if error is None:
                    yielded = coro.send(answer)
                    continue
                if wait is not None:
                    owner._relay_of_tasks().waiting = None
                    wait.abandon()
                if isinstance(error, GeneratorExit):
                    coro.close()
                    raise error
                cancel_private(yielded, coro)
                # Thrown in outside of the handler, so that the coroutine does not see it as being handled.
                yielded = coro.throw(error)
                error = None
        except StopIteration:
            return None
        finally:
            del error

    def _is_own(self, yielded: object) -> bool:
        return isinstance(yielded, Yielded) and yielded.owner is self._owner

    def _require_idle(self, called: str) -> None:
        if self._phase is _ADVANCING:
            raise RuntimeError(f"{called}(): asynchronous generator is already running")
        if self._phase is not _ENDED and self._owner._state is not _IDLE:
            raise RuntimeError(
                f"{called}(): the GeneratorObject cannot be re-entered: another of its iterators is running"
            )

    def _begin(self) -> None:
        self._owner._begin_iteration()
        self._owner._note_consumer()

    def _end(self) -> None:
        self._phase = _ENDED
        self._waits_for = None
        self._cancel_answered()
        self._owner._end_iteration()

    def _cancel_answered(self) -> None:
        answered, self._answered = self._answered, None
        if answered is not None and answered.crossing is not None:
            answered.crossing.end(error=asyncio.CancelledError(_CLOSED))

    def _after_error(self, error: BaseException) -> None:
        """Note that the iteration has ended, and raise what a native generator turns some errors into."""
        self._end()
        if isinstance(error, StopAsyncIteration):
            raise RuntimeError("async generator raised StopAsyncIteration") from error  # noqa: TRY004  (PEP 525)
        if isinstance(error.__cause__, StopIteration) and _is_raised_by_the_interpreter(error):
            error.args = ("async generator raised StopIteration",)

    def __del__(self) -> None:
        if self._phase is _ENDED:
            return
        if self._finalizer is not None:
            self._finalizer(self)
            return
        try:
            self._coro.close()
        finally:
            if self._phase is _NEW:
                self._phase = _ENDED
            else:
                self._end()

    @property
    def ag_running(self) -> bool:
        """Whether a call is going on, be it only waiting."""
        return self._phase is _ADVANCING

    @property
    def ag_suspended(self) -> bool:
        """Whether the coroutine has begun, has not ended, and is not executing at this moment."""
        return self._phase is not _NEW and bool(getattr(self._coro, "cr_suspended", False))

    @property
    def ag_frame(self) -> FrameType | None:
        """The coroutine's frame; None once it has ended."""
        return cast("FrameType | None", self._coro_attribute("frame"))

    @property
    def ag_code(self) -> CodeType:
        """The coroutine's code."""
        return cast("CodeType", self._coro_attribute("code"))

    @property
    def ag_await(self) -> object:
        """What the coroutine awaits; None while it is suspended in an `ayield`."""
        return getattr(self._coro, "cr_await", None) if self._phase in {_ADVANCING, _ASIDE} else None

    def _coro_attribute(self, name: str) -> Any:
        return getattr(self._coro, "gi_" + name if isinstance(self._coro, types.GeneratorType) else "cr_" + name)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            if name == "__qualname__":  # which a class body cannot define for its instances
                return self._coro.__qualname__
            if name == "ag_state" and hasattr(self._coro, "cr_state"):  # from Python 3.15 on
                return self._coro.cr_state.replace("CORO", "AGEN")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

        @property
        def __name__(self) -> str:
            return self._coro.__name__

        __class_getitem__ = classmethod(types.GenericAlias)

    def __repr__(self) -> str:
        name = getattr(self._coro, "__qualname__", None) or repr(self._coro)
        return f"<{type(self).__name__} of {name}, {self._phase.value}, at {id(self):#x}>"


def _is_foreign_future(yielded: object) -> bool:
    """Whether this is to asyncio what a future is, and not an `asyncio.Future`, nor a value for another iterator."""
    return yielded is not None and yielded.__class__ is not Yielded and asyncio.isfuture(yielded)


def _is_stop(exc: BaseException | type[BaseException]) -> bool:
    stops = (StopIteration, StopAsyncIteration)
    return issubclass(exc, stops) if isinstance(exc, type) else isinstance(exc, stops)


def _exception_of(
    typ: type[BaseException] | BaseException, val: object = None, tb: TracebackType | None = None, /
) -> BaseException | type[BaseException]:
    """The exception that the three arguments of `generator.throw` stand for."""
    if not isinstance(typ, type):
        if val is not None:
            raise TypeError("instance exception may not have a separate value")
        return typ.with_traceback(tb)
    if isinstance(val, typ):
        exception = val
    elif isinstance(val, tuple):
        exception = typ(*val)
    else:
        exception = typ() if val is None else typ(val)
    return exception.with_traceback(tb)


def _is_raised_by_the_interpreter(error: BaseException) -> bool:
    """Whether an error came out of the coroutine's own frame and not from one that it awaits.

    PEP 479 turns a StopIteration into a RuntimeError on leaving the frame, which is then not in the traceback.
    """
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and traceback.tb_frame.f_code.co_filename == __file__
