"""The future that stands for a task of a group."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from aio_group._latch import wake

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextvars import Context

    from aio_group._group import Group

_T = TypeVar("_T")

# What the future underneath says, of itself: the methods of the same names ask the task as well. (And found sooner than
# by super().)
_is_settled = asyncio.Future.done
_is_cancelled = asyncio.Future.cancelled
_result = asyncio.Future.result
_exception = asyncio.Future.exception
_set_result = asyncio.Future.set_result
_add_done_callback = asyncio.Future.add_done_callback

# Asyncio's call graph (3.14+) learns by these who waits for whom.
_add_to_awaited_by: Callable[..., None] | None = getattr(asyncio, "future_add_to_awaited_by", None)
_discard_from_awaited_by: Callable[..., None] | None = getattr(asyncio, "future_discard_from_awaited_by", None)


class _Listeners:
    """Who wants to know the end of a task: tasks that await it, and callbacks."""

    __slots__ = ("callbacks", "untaken", "waiters")

    def __init__(self) -> None:
        self.waiters: set[asyncio.Future[None]] | None = None
        self.callbacks = 0
        # The task failed and left its error to the tasks that await it; none of them has it yet.
        self.untaken = False

    def __bool__(self) -> bool:
        return bool(self.waiters) or self.callbacks > 0


class ShieldedTask(asyncio.Future[_T]):
    """What a group gives out for one of its tasks: the outcome, but not the power to cancel it.

    Cancelling this future cancels this future alone. Each task that awaits it waits on a future of its own, so that the
    cancellation of one is not seen by the others either, and the outcome can still be awaited afterwards (what
    `asyncio.shield` returns is dead after the first of these).

    Nearly all of these are dropped at once, so one costs next to nothing until somebody listens: the task does not know
    of it. While somebody awaits it or has a callback on it, it is entered with the group, which tells it the outcome;
    without listeners it asks the task when it is asked itself.
    """

    __slots__ = ("_group", "_listeners", "_source")

    # Set right after construction: an __init__ in Python would cost as much as all the rest.
    _group: Group
    # None while the task waits for its turn in a limited group.
    _source: asyncio.Future[_T] | None
    _listeners: _Listeners | None

    def done(self) -> bool:
        """Whether the task is done, or this future was cancelled."""
        return _is_settled(self) or (self._source is not None and self._source.done())

    def cancelled(self) -> bool:
        """Whether the task, or this future, was cancelled."""
        if _is_settled(self):
            return _is_cancelled(self)
        return self._source is not None and self._source.cancelled()

    def result(self) -> _T:
        """The task's result; raises what the task raised."""
        if self._listeners is not None or not _is_settled(self):
            self._take()
        try:
            return _result(self)
        finally:
            # An error's traceback leads to this frame, which must not lead back to the error.
            del self

    def exception(self) -> BaseException | None:
        """The exception that the task raised, or None."""
        if self._listeners is not None or not _is_settled(self):
            self._take()
        return _exception(self)

    def set_result(self, _result: _T, /) -> NoReturn:
        """Not for callers: the task alone determines the outcome."""
        raise RuntimeError("the outcome of a group's task is the task's to set")

    def set_exception(self, _exception: type | BaseException, /) -> NoReturn:
        """Not for callers: the task alone determines the outcome."""
        raise RuntimeError("the outcome of a group's task is the task's to set")

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel this future, and with it those who await it. The task goes on."""
        if self.done():
            return False
        super().cancel(msg)
        self._wake_waiters()
        self._stop_listening()
        return True

    def add_done_callback(self, fn: Callable[[ShieldedTask[_T]], object], /, *, context: Context | None = None) -> None:
        """Call `fn` with this future soon after the task is done, or this future cancelled."""
        if not self._is_over():
            self._listen().callbacks += 1
        _add_done_callback(self, fn, context=copy_context() if context is None else context)

    def remove_done_callback(self, fn: Callable[[ShieldedTask[_T]], object], /) -> int:
        """Remove the callback, and return how often it was there."""
        removed = super().remove_done_callback(fn)
        if removed and self._listeners is not None:
            self._listeners.callbacks -= removed
            self._stop_listening_if_alone()
        return removed

    def __await__(self) -> Generator[Any, None, _T]:
        if not self._is_over():
            yield from self._wait()
            if self._listeners is not None:
                self._listeners.untaken = False
        try:
            return _result(self)
        finally:
            # As in `result`.
            del self

    __iter__ = __await__

    def __repr__(self) -> str:
        if _is_cancelled(self):
            return f"<ShieldedTask cancelled, of {self._source!r}>"
        if self._source is None:
            return "<ShieldedTask waiting for its turn>"
        return f"<ShieldedTask of {self._source!r}>"

    # For the group

    def _started(self, started: ShieldedTask[_T]) -> None:
        """The task's turn has come in a limited group."""
        self._source = started._source
        if self._listeners and not _is_settled(self):
            self._listen()

    def _tell_result(self, result: _T) -> None:
        if not _is_settled(self):
            _set_result(self, result)
            self._wake_waiters()
        self._listeners = None

    def _tell_outcome(self) -> None:
        """The task is done, and whoever listens takes care of an error."""
        if not _is_settled(self):
            self._copy_outcome()
        listeners = self._listeners
        if listeners is not None:
            listeners.untaken = bool(listeners.waiters) and not listeners.callbacks
        self._wake_waiters()

    # For itself

    def _is_over(self) -> bool:
        """Whether the outcome is here, and an error reported or handed over: there is nothing to listen for."""
        if _is_settled(self):
            return True
        source = self._source
        if source is None or source in self._group._tasks:
            return False
        self._copy_outcome()
        if not _is_cancelled(self):
            # The group has reported an error already: asyncio, too, must not complain that nobody looked at it.
            _exception(self)
        return True

    def _take(self) -> None:
        """The outcome goes to a caller: if it is an error, nobody else needs to report it."""
        if self._listeners is not None:
            self._listeners.untaken = False
        if _is_settled(self):
            return
        source = self._source
        if source is not None and source.done():
            self._copy_outcome()
            if source in self._group._tasks:
                # The group has not heard of the end yet: this entry says that somebody cared.
                self._group._listened[source] = self

    def _copy_outcome(self) -> None:
        source = self._source
        assert source is not None
        if source.cancelled():
            try:
                source.result()
            except asyncio.CancelledError as cancelled:
                super().cancel(*cancelled.args[:1])
        elif (error := source.exception()) is not None:
            super().set_exception(error)
        else:
            _set_result(self, source.result())

    def _wait(self) -> Generator[Any, None, None]:
        waiter = self.get_loop().create_future()
        listeners = self._listen()
        if listeners.waiters is None:
            listeners.waiters = set()
        listeners.waiters.add(waiter)
        source = self._source
        if _add_to_awaited_by is not None:
            _add_to_awaited_by(source, waiter)
        try:
            yield from waiter
        except BaseException:
            listeners.waiters.discard(waiter)
            self._leave_untaken(listeners)
            raise
        finally:
            listeners.waiters.discard(waiter)
            if _discard_from_awaited_by is not None:
                _discard_from_awaited_by(source, waiter)

    def _listen(self) -> _Listeners:
        if self._listeners is None:
            self._listeners = _Listeners()
        if self._source is not None:
            self._group._listened[self._source] = self
        return self._listeners

    def _stop_listening(self) -> None:
        if self._source is not None:
            self._group._listened.pop(self._source, None)

    def _stop_listening_if_alone(self) -> None:
        if not self._listeners and not _is_settled(self):
            self._stop_listening()

    def _wake_waiters(self) -> None:
        if self._listeners is not None and self._listeners.waiters:
            for waiter in self._listeners.waiters:
                wake(waiter)

    def _leave_untaken(self, listeners: _Listeners) -> None:
        """A task that awaited this was cancelled: the last to leave reports an error that nobody took."""
        if listeners.untaken and not listeners.waiters:
            assert self._source is not None
            self._group._report(self._source)
            self.exception()
        self._stop_listening_if_alone()
