"""What the iterators of this distribution share."""

from __future__ import annotations

import enum
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import NoReturn, TypeVar

from aio_values.lowlevel import checkpoint

T = TypeVar("T")


class State(enum.Enum):
    """What an iterator is doing."""

    READY = "ready"
    WAITING = "waiting for its next item"
    ENDED = "at its end"
    CLOSED = "closed"


# Looked up for every item.
_READY, _WAITING, _ENDED, _CLOSED = State


class ClosableIterator(AsyncIterator[T]):
    """An asynchronous iterator that is no generator: dropping it ends it at once, a cancelled wait does not end it.

    One task at a time may wait for its next item. `aclose()` ends it, so that `contextlib.aclosing` works.
    """

    __slots__ = ("__weakref__", "_state")

    def __init__(self) -> None:
        self._state = _READY

    def __repr__(self) -> str:
        return f"<{type(self).__name__}{self._details()}: {self._state.value}>"

    def _details(self) -> str:
        return ""

    async def _refuse(self) -> NoReturn:
        """Say why there is no next item; called unless the iterator is ready."""
        if self._state is _WAITING:
            raise RuntimeError(
                f"another task waits for the next item of this {type(self).__name__}: give each task one of its own"
            )
        await checkpoint()
        raise StopAsyncIteration

    async def _release(self) -> None:
        """Give up what the iterator holds; called by the first `aclose`."""
        await checkpoint()

    async def aclose(self) -> None:
        """End the iteration: from now on there are no more items. Closing it again does nothing.

        Raises:
            RuntimeError: A task waits for the next item just now: cancel that task instead.
        """
        if self._state is _WAITING:
            raise RuntimeError(f"this {type(self).__name__} cannot be closed while a task waits for its next item")
        if self._state is _CLOSED:
            await checkpoint()
            return
        self._state = _CLOSED
        await self._release()


class EndingIterator(ClosableIterator[T]):
    """A closable iterator whose items may come to an end."""

    __slots__ = ()

    @abstractmethod
    async def _next(self) -> T:
        """The next item; StopAsyncIteration ends the iteration, other errors and cancellations do not."""

    async def __anext__(self) -> T:
        """The next item.

        Raises:
            StopAsyncIteration: There are no more, or the iterator was closed.
            RuntimeError: Another task waits for its next item.
        """
        if self._state is not _READY:
            await self._refuse()
        self._state = _WAITING
        after = _READY
        try:
            return await self._next()
        except StopAsyncIteration:
            after = _ENDED
            raise
        finally:
            self._state = after
