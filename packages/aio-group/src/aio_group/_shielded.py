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

# Asyncio's call graph (3.14+) learns by these who waits for whom.
_add_to_awaited_by: Callable[..., None] | None = getattr(asyncio, "future_add_to_awaited_by", None)
_discard_from_awaited_by: Callable[..., None] | None = getattr(asyncio, "future_discard_from_awaited_by", None)


class _Listeners:
    """Who wants to know the end of a task: tasks that await it, and callbacks."""

    __slots__ = ("callbacks", "taken", "untaken", "waiters")

    def __init__(self) -> None:
        self.waiters: set[asyncio.Future[None]] = set()
        self.callbacks = 0
        # The task failed, and left its error to those who await it; none of them has it yet.
        self.untaken = False
        # Somebody looked at the outcome before the group heard of the end.
        self.taken = False

    def __bool__(self) -> bool:
        return bool(self.waiters) or self.callbacks > 0


class ShieldedTask(asyncio.Future[_T]):
    """What a group gives out for one of its tasks: the outcome, but not the power to cancel it.

    Cancelling this future cancels this future alone. Each task that awaits it waits on a future of its own, so that the
    cancellation of one is not seen by the others either, and the outcome can still be awaited afterwards (what
    `asyncio.shield` returns is dead after the first of these).

    Nearly all of these are dropped at once, so one costs next to nothing until somebody listens: the task does not know
    of it. Only while somebody awaits it or has a callback on it is it entered with the group, which tells it the end.

    The state of the future underneath only says "the end was told" or "cancelled"; the outcome stays with the task.
    """

    __slots__ = ("_group", "_listeners", "_source")

    # Set right after construction: an __init__ in Python would cost as much as all the rest.
    _group: Group
    # None while the task waits for its turn in a limited group.
    _source: asyncio.Future[_T] | None
    _listeners: _Listeners | None

    def done(self) -> bool:
        """Whether the task is done, or this future was cancelled."""
        return super().done() or (self._source is not None and self._source.done())

    def cancelled(self) -> bool:
        """Whether the task, or this future, was cancelled."""
        return super().cancelled() or (self._source is not None and self._source.cancelled())

    def result(self) -> _T:
        """The task's result; raises what the task raised."""
        source = self._source
        if source is None or super().cancelled():
            return super().result()
        self._take(source)
        return source.result()

    def exception(self) -> BaseException | None:
        """The exception that the task raised, or None."""
        source = self._source
        if source is None or super().cancelled():
            return super().exception()
        self._take(source)
        return source.exception()

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
        if self.done():
            self._tell_end()
        else:
            self._listen().callbacks += 1
        super().add_done_callback(fn, context=copy_context() if context is None else context)

    def remove_done_callback(self, fn: Callable[[ShieldedTask[_T]], object], /) -> int:
        """Remove the callback, and return how often it was there."""
        removed = super().remove_done_callback(fn)
        if self._listeners is not None:
            self._listeners.callbacks -= removed
            self._stop_listening_if_alone()
        return removed

    def __await__(self) -> Generator[Any, None, _T]:
        if not self.done():
            waiter = self.get_loop().create_future()
            listeners = self._listen()
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
        return self.result()

    __iter__ = __await__

    def __repr__(self) -> str:
        if super().cancelled():
            return f"<ShieldedTask cancelled, of {self._source!r}>"
        if self._source is None:
            return "<ShieldedTask waiting for its turn>"
        return f"<ShieldedTask of {self._source!r}>"

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
        if not self._listeners and not self.done():
            self._stop_listening()

    def _wake_waiters(self) -> None:
        if self._listeners is not None:
            for waiter in self._listeners.waiters:
                wake(waiter)

    def _started(self, source: asyncio.Future[_T]) -> None:
        """The task's turn has come in a limited group."""
        self._source = source
        if self._listeners and not super().done():
            self._group._listened[source] = self

    def _tell_end(self) -> None:
        """The task is done: let those know who listen."""
        if not super().done():
            super().set_result(None)  # type: ignore[arg-type]  # the outcome is never read from here
        self._wake_waiters()

    def _tell_failure(self) -> bool:
        """The task failed: let those know who listen, and tell whether somebody does who can take the error."""
        self._tell_end()
        listeners = self._listen()
        listeners.untaken = bool(listeners.waiters) and not listeners.callbacks
        return listeners.taken or bool(listeners)

    def _take(self, source: asyncio.Future[_T]) -> None:
        """The outcome reaches a caller: nobody else needs to report an error."""
        if self._listeners is not None:
            self._listeners.untaken = False
        if source.done() and source in self._group._tasks:
            self._listen().taken = True

    def _leave_untaken(self, listeners: _Listeners) -> None:
        """A task that awaited this was cancelled: the last to leave reports an error that nobody took."""
        if listeners.untaken and not listeners.waiters:
            listeners.untaken = False
            assert self._source is not None
            self._group._report(self._source)
        self._stop_listening_if_alone()
