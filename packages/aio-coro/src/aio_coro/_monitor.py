"""`Monitor`: talk with a coroutine while awaiting it."""

from __future__ import annotations

import enum
import types
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Generic, overload

from aio_coro._innermost import RaiseHere, cancel_private, carried, require_exception
from aio_coro._inspect import coro_is_done, coro_is_new, require_coroutine

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from typing_extensions import TypeVar

    D = TypeVar("D", default=Any)
    T_co = TypeVar("T_co", covariant=True)
    D_co = TypeVar("D_co", covariant=True, default=Any)
    R = TypeVar("R")
    S = TypeVar("S")
else:
    from typing import TypeVar

    D = TypeVar("D")
    T_co = TypeVar("T_co", covariant=True)
    D_co = TypeVar("D_co", covariant=True)


class OOBData(Exception):  # noqa: N818  (a message, not an error)
    """Raised to whoever awaits a monitored coroutine: the coroutine has sent a message and waits for the answer.

    Attributes:
        data: What was passed to `Monitor.oob`.
    """

    __slots__ = ("_monitor", "data")

    data: Any
    _monitor: object

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.data = data


_new_exception = Exception.__new__


def _message(monitor: object, data: object) -> OOBData:
    """Make a message without running `OOBData.__init__`, which takes longer than everything else here."""
    message = _new_exception(OOBData, data)
    message.data = data
    message._monitor = monitor
    return message


@types.coroutine
def _hand_up(monitor: object, data: object) -> Generator[OOBData, Any, Any]:
    """Yield a message through all that await each other, up to the monitor that knows it as its own."""
    try:
        # Not kept in a variable here: once raised, its traceback leads to frames that refer to this coroutine.
        return (yield _message(monitor, data))
    except RaiseHere as order:
        exception = order.exception
    except RuntimeError as refusal:
        if not str(refusal).startswith("Task got bad yield"):
            raise
        raise RuntimeError(
            "Monitor.oob() was awaited in a task of its own; only what the monitored coroutine itself awaits can send"
        ) from None
    try:
        raise exception
    finally:
        del exception


class _State(enum.Enum):
    IDLE = "idle"
    RUNNING = "running its coroutine"
    WAITING = "waiting with its coroutine"


_IDLE, _RUNNING, _WAITING = _State


class Monitor(Generic[D]):
    """Awaits a coroutine that can send messages to the awaiter and suspend itself until it is answered.

    Anything that the coroutine awaits, however deep, may call `oob(data)`. Whoever awaits the coroutine through
    `aawait` then gets an `OOBData` exception with the data, does what it wants, and awaits the coroutine again with
    the answer. So a parser, say, can ask for bytes in the middle of nested calls without knowing where they come
    from. No task, queue or future takes part; it works on asyncio, on trio and with no loop at all under
    `await_sync`.

    What the coroutine awaits otherwise passes through to the event loop. Monitors can be nested in one chain of
    awaits: each message reaches the monitor it was sent with.

    The type parameter is the type of the data that is sent; results are inferred from the coroutines.

    A monitor may serve several coroutines in turn, one at a time. An exchange costs a small part of a microsecond
    over raising and catching an exception.
    """

    __slots__ = ("__weakref__", "_state")

    def __init__(self) -> None:
        self._state = _IDLE

    def __call__(self, coro: Coroutine[Any, Any, R], /) -> BoundMonitor[R, D]:
        """Bind a coroutine, so that it need not be passed along with every call.

        Raises:
            TypeError: `coro` is not a coroutine.
        """
        return BoundMonitor(self, coro)

    async def aawait(self, coro: Coroutine[Any, Any, R], /, data: Any = None) -> R:
        """Await a coroutine until it returns or sends a message.

        A cancellation that arrives while the coroutine waits is raised in the coroutine, as with a plain `await`.

        Args:
            coro: The coroutine; after an `OOBData`, the same one again.
            data: The answer to its last message, returned there by `oob`. None at the first time.

        Returns:
            What the coroutine returns.

        Raises:
            OOBData: The coroutine has sent a message.
            RuntimeError: The monitor is in use, the coroutine has ended before, or it lets an `OOBData` of another
                monitor escape.
            TypeError: `coro` is not a coroutine, or data is sent to one that has not asked yet.
            BaseException: What the coroutine raises.
        """
        if self._state is not _IDLE or coro.__class__ is not CoroutineType:
            self._check_usable(coro, "aawait")
        self._state = _RUNNING
        try:
            yielded = coro.send(data)
        except StopIteration as stop:
            result: R = stop.value
            return result
        except OOBData as escaped:
            raise RuntimeError("coroutine raised OOBData") from escaped
        except RaiseHere as order:  # as in `athrow`: the coroutine has sent a message in its clean-up
            raise order.unpack() from None
        finally:
            self._state = _IDLE
        if yielded.__class__ is OOBData and yielded._monitor is self:
            try:
                raise yielded
            finally:
                # The exception's traceback refers to this frame.
                del yielded
        return await self._await_rest(coro, yielded)

    async def athrow(self, coro: Coroutine[Any, Any, R], exc: BaseException | type[BaseException], /) -> R:
        """Answer a message with an exception: raise it out of `oob`, and await the coroutine as `aawait` does.

        A coroutine that has not begun ends with the exception at once.

        Args:
            coro: The coroutine.
            exc: The exception, or its class.

        Returns:
            What the coroutine returns.

        Raises:
            OOBData: The coroutine has sent a message.
            RuntimeError: The monitor is in use, the coroutine has ended before, or it lets an `OOBData` of another
                monitor escape.
            TypeError: `coro` is not a coroutine, or `exc` no exception.
            BaseException: What the coroutine raises.
        """
        self._check_usable(coro, "athrow")
        require_exception(exc)
        thrown = exc if coro_is_new(coro) else carried(exc)
        self._state = _RUNNING
        try:
            yielded = coro.throw(thrown)
        except StopIteration as stop:
            result: R = stop.value
            return result
        except OOBData as escaped:
            raise RuntimeError("coroutine raised OOBData") from escaped
        except RaiseHere as order:  # thrown into something else than an `oob`, which would have unpacked it
            raise order.unpack() from None
        finally:
            self._state = _IDLE
            del thrown, exc
        return await self._await_rest(coro, yielded)

    @types.coroutine
    def _await_rest(self, coro: Coroutine[Any, Any, R], yielded: Any) -> Generator[Any, Any, R]:
        """Hand what the coroutine yields on to the event loop, until it returns or sends a message to this monitor."""
        argument: Any = None
        try:
            while True:
                if yielded.__class__ is OOBData and yielded._monitor is self:
                    raise yielded
                self._state = _WAITING
                try:
                    argument = yield yielded
                except GeneratorExit:
                    coro.close()
                    raise
                except BaseException as error:
                    cancel_private(yielded, coro)
                    # Thrown in outside of this handler, so that the coroutine does not see it as being handled.
                    argument = error
                    resume: Callable[[Any], Any] = coro.throw
                else:
                    resume = coro.send
                self._state = _RUNNING
                try:
                    yielded = resume(argument)
                except OOBData as escaped:
                    raise RuntimeError("coroutine raised OOBData") from escaped
        except StopIteration as stop:
            result: R = stop.value
            return result
        except RaiseHere as order:  # as in `athrow`
            raise order.unpack() from None
        finally:
            self._state = _IDLE
            del argument, yielded

    async def oob(self, data: D | None = None) -> Any:
        """Send a message to whoever awaits the coroutine through this monitor, and wait for the answer.

        To be called by the monitored coroutine, or by anything that it awaits.

        Args:
            data: Becomes `OOBData.data`.

        Returns:
            The `data` of the call of `aawait` that goes on.

        Raises:
            RuntimeError: This is not running under `aawait` or `athrow` of this monitor, or is in a task of its own.
            BaseException: What was passed to `athrow`.
        """
        if self._state is not _RUNNING:
            raise RuntimeError(
                f"Monitor.oob() was called from outside of what this monitor awaits: the monitor is {self._state.value}"
            )
        return await _hand_up(self, data)

    async def aclose(self, coro: Coroutine[Any, Any, object], /) -> None:
        """Make a coroutine end: raise GeneratorExit out of the `oob` in which it is suspended.

        Everything on the way out may await in its clean-up. Does nothing if the coroutine has ended; closes it if it
        has not begun.

        Args:
            coro: The coroutine.

        Raises:
            RuntimeError: The coroutine sends another message instead of ending, or the monitor is in use.
            TypeError: `coro` is not a coroutine.
            BaseException: What the coroutine raises while it cleans up.
        """
        self._check_usable(coro, "aclose")
        if coro_is_done(coro):
            return
        if coro_is_new(coro):
            coro.close()
            return
        try:
            await self.athrow(coro, GeneratorExit())
        except GeneratorExit:
            return
        except OOBData as message:
            raise RuntimeError(f"coroutine ignored GeneratorExit: it sent {message.data!r}") from None

    async def start(self, coro: Coroutine[Any, Any, object], /) -> D | None:
        """Run a coroutine to its first message.

        Args:
            coro: The coroutine.

        Returns:
            The data of the message.

        Raises:
            RuntimeError: The coroutine ended without sending one, or as for `aawait`.
            BaseException: What the coroutine raises.
        """
        try:
            result = await self.aawait(coro)
        except OOBData as message:
            data: D | None = message.data
            return data
        raise RuntimeError(f"coroutine did not call Monitor.oob(), it returned {result!r}")

    @overload
    async def try_await(self, coro: Coroutine[Any, Any, R], /, data: Any = None) -> R | None: ...
    @overload
    async def try_await(self, coro: Coroutine[Any, Any, R], /, data: Any, sentinel: S) -> R | S: ...
    @overload
    async def try_await(self, coro: Coroutine[Any, Any, R], /, data: Any = None, *, sentinel: S) -> R | S: ...
    async def try_await(self, coro: Coroutine[Any, Any, R], /, data: Any = None, sentinel: object = None) -> object:
        """Await a coroutine as `aawait` does, for when a message only means that there is no result yet.

        Args:
            coro: The coroutine.
            data: The answer to its last message. None at the first time.
            sentinel: Returned if the coroutine sends a message; the message's data is dropped.

        Returns:
            What the coroutine returns, or `sentinel`.

        Raises:
            BaseException: As for `aawait`, but no `OOBData`.
        """
        try:
            return await self.aawait(coro, data)
        except OOBData:
            return sentinel

    def _check_usable(self, coro: object, method: str) -> None:
        require_coroutine(coro, f"Monitor.{method}()")
        if self._state is not _IDLE:
            raise RuntimeError(f"Monitor.{method}() cannot be re-entered: this monitor is {self._state.value}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._state.value}>"


class BoundMonitor(Generic[T_co, D_co]):
    """A `Monitor` with the coroutine that it awaits; what calling a monitor returns.

    `await bound` is `await bound.aawait()`. The methods are those of the monitor, without the coroutine.

    Args:
        monitor: The monitor.
        coro: The coroutine.

    Raises:
        TypeError: `coro` is not a coroutine.
    """

    __slots__ = ("__weakref__", "_coro", "_monitor")

    def __init__(self, monitor: Monitor[D_co], coro: Coroutine[Any, Any, T_co], /) -> None:
        require_coroutine(coro, "Monitor()")
        self._monitor = monitor
        self._coro = coro

    def __await__(self) -> Generator[Any, Any, T_co]:
        """Await the coroutine: `aawait` without data."""
        return self._monitor.aawait(self._coro).__await__()

    # These return the monitor's coroutine instead of awaiting it: one frame less in every step.

    def aawait(self, data: Any = None) -> Coroutine[Any, Any, T_co]:
        """Await the coroutine until it returns or sends a message: see `Monitor.aawait`."""
        return self._monitor.aawait(self._coro, data)

    def athrow(self, exc: BaseException | type[BaseException], /) -> Coroutine[Any, Any, T_co]:
        """Answer a message with an exception: see `Monitor.athrow`."""
        return self._monitor.athrow(self._coro, exc)

    def aclose(self) -> Coroutine[Any, Any, None]:
        """Make the coroutine end: see `Monitor.aclose`."""
        return self._monitor.aclose(self._coro)

    def start(self) -> Coroutine[Any, Any, D_co | None]:
        """Run the coroutine to its first message and return its data: see `Monitor.start`."""
        return self._monitor.start(self._coro)

    @overload
    def try_await(self, data: Any = None) -> Coroutine[Any, Any, T_co | None]: ...
    @overload
    def try_await(self, data: Any, sentinel: S) -> Coroutine[Any, Any, T_co | S]: ...
    @overload
    def try_await(self, data: Any = None, *, sentinel: S) -> Coroutine[Any, Any, T_co | S]: ...
    def try_await(self, data: Any = None, sentinel: Any = None) -> Coroutine[Any, Any, Any]:
        """Await the coroutine, or return `sentinel` if it sends a message: see `Monitor.try_await`."""
        return self._monitor.try_await(self._coro, data, sentinel)

    # Two parameters of which the second has a default: `typing` knows that from Python 3.13 on only.
    if not TYPE_CHECKING:
        __class_getitem__ = classmethod(types.GenericAlias)

    def __repr__(self) -> str:
        name = getattr(self._coro, "__qualname__", None) or repr(self._coro)
        return f"<{type(self).__name__} of {name}, {self._monitor!r}>"
