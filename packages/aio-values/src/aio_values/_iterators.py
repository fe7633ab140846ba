"""Following a value: iterators that register only while they wait."""

from __future__ import annotations

import enum
import math
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from aio_values import lowlevel
from aio_values._matching import describe, matches
from aio_values._value import BROKEN, EndedError
from aio_values.lowlevel._runtime import in_trio

if TYPE_CHECKING:
    from aio_values._value import AsyncValue

T = TypeVar("T")

_NOTHING: Final[Any] = object()


class _State(enum.Enum):
    READY = "ready"
    WAITING = "waiting for the next item"
    CLOSED = "closed"


class _Following(Generic[T]):
    """What the iterators over a value share: one task at a time, an end, no trace."""

    __slots__ = ("__weakref__", "_source", "_state", "_target")

    def __init__(self, source: AsyncValue[T], target: object) -> None:
        self._source = source
        self._target = target
        self._state = _State.READY

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({describe(self._target)}) of {self._source!r}: {self._state.value}>"

    def _start_waiting(self) -> None:
        if self._state is _State.CLOSED:
            raise StopAsyncIteration
        if self._state is _State.WAITING:
            raise RuntimeError(
                f"{type(self).__name__} is waited for by another task already: give each task an iterator of its own"
            )
        self._state = _State.WAITING

    async def aclose(self) -> None:
        """End the iteration: from now on the iterator is exhausted. A checkpoint on trio.

        Raises:
            RuntimeError: A task is waiting for the next item just now: cancel that one instead.
        """
        if self._state is _State.WAITING:
            raise RuntimeError(f"{type(self).__name__} cannot be closed while a task waits for its next item")
        self._state = _State.CLOSED
        await lowlevel.checkpoint()


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
        self._start_waiting()
        try:
            value = await (self._next_held() if self._held_for else self._next())
        except EndedError:
            raise StopAsyncIteration from None
        finally:
            self._state = _State.READY
        self._last = value
        if self._source._value is value:
            self._seen = self._source._version
        return value

    async def _next(self) -> T:
        """The news if there is any, or else the next value that matches."""
        source = self._source
        while True:
            value = self._news()
            if value is not _NOTHING:
                if in_trio():
                    await lowlevel.checkpoint()
                return value
            waiter = source._create_waiter()
            # As in AsyncValue: nothing may have happened between the look and the waiter.
            if source._version == self._seen:
                break
        try:
            return cast("T", await source._park(source._waiting_for_values(), self._target, waiter))
        except Exception as error:
            if source._failure is not None and source._failure.error is error:
                self._seen = source._version
            raise

    async def _next_held(self) -> T:
        while True:
            await self._next()
            value = await self._source._stay(self._target, self._held_for, math.inf)
            if value is not BROKEN:
                return cast("T", value)

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
        self._start_waiting()
        source = self._source
        try:
            waiter = source._create_waiter()
            return cast("tuple[T, T]", await source._park(source._waiting_for_transitions(), self._target, waiter))
        except EndedError:
            raise StopAsyncIteration from None
        finally:
            self._state = _State.READY
