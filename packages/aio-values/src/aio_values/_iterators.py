"""Following a value: iterators that register only while they wait."""

from __future__ import annotations

import enum
import math
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar, cast

from aio_values import lowlevel
from aio_values._matching import ANY, describe, matches
from aio_values._value import BROKEN, EndedError
from aio_values.lowlevel._runtime import in_trio
from aio_values.lowlevel._waiter import on_trio

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from aio_values._residence import Residence
    from aio_values._value import AsyncValue
    from aio_values.lowlevel import Waiter

T = TypeVar("T")

_NOTHING: Final[Any] = object()


class _State(enum.Enum):
    READY = "ready"
    WAITING = "waiting for the next item"
    CLOSED = "closed"


_READY, _WAITING, _CLOSED = _State


class _Following(Generic[T]):
    """What the iterators over a value share: one task at a time, an end, no trace."""

    __slots__ = ("__weakref__", "_residence", "_seat", "_source", "_state", "_target")

    def __init__(self, source: AsyncValue[T], target: object) -> None:
        self._source = source
        self._target = target
        self._state = _READY
        # On trio: where to wait again and again, and where the source lived when that happened last.
        self._seat: Any = None
        self._residence: Residence | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({describe(self._target)}) of {self._source!r}: {self._state.value}>"

    async def _refuse(self) -> NoReturn:
        """Raise why the next item cannot be waited for."""
        if self._state is _CLOSED:
            await lowlevel.checkpoint()
            raise StopAsyncIteration
        raise RuntimeError(
            f"{type(self).__name__} is waited for by another task already: give each task an iterator of its own"
        )

    async def aclose(self) -> None:
        """End the iteration: from now on the iterator is exhausted. A checkpoint on trio.

        Raises:
            RuntimeError: A task is waiting for the next item just now: cancel that one instead.
        """
        if self._state is _WAITING:
            raise RuntimeError(f"{type(self).__name__} cannot be closed while a task waits for its next item")
        self._state = _CLOSED
        await lowlevel.checkpoint()

    def _sit_down(self) -> tuple[Waiter[Any], Awaitable[Any]]:
        """A waiter to register, and what to await for it."""
        source = self._source
        if not in_trio():
            waiter = source._create_waiter()
            return waiter, waiter
        if self._seat is None:
            self._seat = on_trio().Seat()
        seat = self._seat
        if not seat.renew() or source._residence is not self._residence or self._residence is None:
            source._live_at(lowlevel.current_home())
            self._residence = source._residence
        return seat.waiter, seat


class EventualValues(_Following[T], AsyncIterator[T]):
    """The iterator that `AsyncValue.eventual_values` returns."""

    __slots__ = ("_held_for", "_last", "_seen")

    def __init__(self, source: AsyncValue[T], target: object, held_for: float) -> None:
        super().__init__(source, target)
        self._held_for = held_for
        self._last: T = _NOTHING
        # The version of the source up to which nothing is left to look at.
        self._seen = -1

    async def __anext__(self) -> T:
        """The next value.

        Raises:
            StopAsyncIteration: The iterator was closed, or the context of the derived value has ended.
            RuntimeError: Another task waits for this iterator's next item.
            Exception: What the predicate raised, or what the transform of a derived value raised: that one once
                for each failure. The iterator can be asked again.
        """
        if self._state is not _READY:
            await self._refuse()
        self._state = _WAITING
        source = self._source
        try:
            while True:
                value = self._news() if source._version != self._seen else _NOTHING
                while value is _NOTHING:
                    waiter, awaitable = self._sit_down()
                    # As in AsyncValue: nothing may have happened between the look and the waiter.
                    if source._version != self._seen:
                        value = self._news()
                        continue
                    if self._target is ANY:
                        source._level.any[waiter] = None
                        source._watched = source._watched_closely = True
                    else:
                        source._register(source._level, self._target, waiter)
                    try:
                        value = await awaitable
                    except BaseException as error:
                        source._withdraw(source._level, self._target, waiter)
                        if source._failure is not None and source._failure.error is error:
                            self._seen = source._version
                        raise
                    break
                else:
                    if in_trio():
                        await lowlevel.checkpoint()
                if not self._held_for:
                    break
                held = await source._stay(self._target, self._held_for, math.inf)
                if held is not BROKEN:
                    value = held
                    break
        except EndedError:
            await lowlevel.checkpoint()
            raise StopAsyncIteration from None
        finally:
            self._state = _READY
        self._last = value
        if source._value is value:
            self._seen = source._version
        return value

    def _news(self) -> T:
        """The current value, if the loop should get it: it matches, and differs from the last one the loop got."""
        source = self._source
        while source._version != self._seen:
            version, value = source._version, source._value
            if source._failure is not None:
                self._seen = version
                raise source._failure.again()
            news = self._last is _NOTHING or source._touched_in > self._seen or source._changed(self._last, value)
            if news and matches(self._target, value):
                return value
            self._seen = version
        return cast("T", _NOTHING)


class Transitions(_Following[T], AsyncIterator[tuple[T, T]]):
    """The iterator that `AsyncValue.transitions` returns."""

    __slots__ = ()

    async def __anext__(self) -> tuple[T, T]:
        """The next change that happens from now on, as `(value, old)`.

        Raises:
            StopAsyncIteration: The iterator was closed, or the context of the derived value has ended.
            RuntimeError: Another task waits for this iterator's next item.
            Exception: What the predicate raised, or what the transform of a derived value raised. The iterator
                can be asked again.
        """
        if self._state is not _READY:
            await self._refuse()
        self._state = _WAITING
        source = self._source
        try:
            waiter, awaitable = self._sit_down()
            source._register(source._edge, self._target, waiter)
            try:
                return cast("tuple[T, T]", await awaitable)
            except BaseException:
                source._withdraw(source._edge, self._target, waiter)
                raise
        except EndedError:
            await lowlevel.checkpoint()
            raise StopAsyncIteration from None
        finally:
            self._state = _READY
