"""The first in, first out queue, and all the waiting and promising that the other orders share."""

from __future__ import annotations

import asyncio
import math
import operator
import reprlib
from asyncio import Future, InvalidStateError
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aio_queue._errors import QueueClosedError, QueueEmptyError, QueueFullError
from aio_queue._waiters import CLOSED, PROMISED, Waiter, Waiters, holds_promise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Self

T = TypeVar("T")

# Puts that go ahead before the queue looks at itself again. Integers this small are never allocated.
_MOST_CREDIT = 256
# Items that repr shows.
_SHOWN = 6


class Queue(Generic[T]):
    """A first in, first out queue that closes, iterates and batches: `asyncio.Queue` and more."""

    def __init__(self, maxsize: int = 0) -> None:
        _check_maxsize(maxsize)
        self._maxsize = maxsize
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._finished: asyncio.Event | None = None
        # Who waits, and what was promised to those who have been woken and have not run yet.
        self._getters = Waiters()
        self._putters = Waiters()
        self._promised_items = 0
        self._promised_room = 0
        # The room that each waiting put_many needs; a waiting put needs 1 and is not in here.
        self._needs: dict[Waiter, int] = {}
        # Puts that may go ahead without a look at anything else: 0 as soon as there is something to look at.
        self._credit = 0
        # The unfinished items, with the credit counted as used up: so a put on credit has one number to change.
        self._owed = 0
        cls = type(self)
        self._puts_right = cls._put is Queue._put
        self._gets_left = cls._get is Queue._get
        # Whether a get may take what is there without a look at anything else.
        self._unclaimed = self._gets_left
        self._init(maxsize)

    # The three hooks that subclasses of asyncio.Queue override.

    def _init(self, maxsize: int) -> None:  # noqa: ARG002 - the signature of asyncio.Queue's hook
        self._queue: Any = deque()

    def _put(self, item: T) -> None:
        self._queue.append(item)

    def _get(self) -> T:
        item: T = self._queue.popleft()
        return item

    # What is in it.

    @property
    def maxsize(self) -> int:
        """How many items the queue holds at most; it is unbounded if this is 0 or less."""
        return self._maxsize

    @property
    def is_closed(self) -> bool:
        """Whether the queue was closed or shut down: nothing can be put any more."""
        return self._closed

    def qsize(self) -> int:
        """How many items can be had without waiting."""
        # Fewer than promised only after a shutdown that dropped the promised ones too.
        return max(0, len(self._queue) - self._promised_items)

    def __len__(self) -> int:
        return self.qsize()

    def __bool__(self) -> bool:
        return True

    def empty(self) -> bool:
        """Whether a get would have to wait."""
        return len(self._queue) <= self._promised_items

    def full(self) -> bool:
        """Whether a put would have to wait."""
        return self._maxsize > 0 and not self._has_room(1)

    # Put.

    async def put(self, item: T) -> None:
        """Put an item, and wait for room where the queue is full."""
        if self._credit:
            self._credit -= 1
            self._queue.append(item)
            return
        if not self._put_at_once(item):
            await self._wait_for_room(1)
            self._put_promised(item)

    def put_nowait(self, item: T) -> None:
        """Put an item without waiting."""
        if self._credit:
            self._credit -= 1
            self._queue.append(item)
            return
        if not self._put_at_once(item):
            raise QueueFullError(f"the queue is full (maxsize={self._maxsize}); `await put(item)` waits for room")

    async def put_many(self, items: Iterable[T]) -> None:
        """Put several items with one wait."""
        batch = list(items)
        if self._closed:
            raise QueueClosedError("the queue is closed: nothing was put")
        size = math.ceil(self._maxsize) if self._maxsize > 0 else max(1, len(batch))
        for start in range(0, len(batch), size):
            piece = batch[start : start + size]
            if self._maxsize > 0 and not self._has_room(len(piece)):
                try:
                    await self._wait_for_room(len(piece))
                except BaseException as error:
                    if start:
                        error.add_note(f"put_many: the first {start} of {len(batch)} items were put, the rest was not")
                    raise
            for item in piece:
                self._put_promised(item)

    def _put_at_once(self, item: T) -> bool:
        """Put the item if there is room and nobody came before."""
        if self._closed:
            raise QueueClosedError("the queue is closed: nothing can be put any more")
        if self._maxsize > 0 and not self._has_room(1):
            return False
        self._append(item)
        return True

    def _put_promised(self, item: T) -> None:
        try:
            self._append(item)
        finally:
            self._promise_room()

    def _append(self, item: T) -> None:
        self._put(item)
        self._owed += 1
        self._promise_items()
        self._grant_credit()

    def _grant_credit(self) -> None:
        if (
            self._puts_right
            and not self._closed
            and not self._getters
            and not self._putters
            and not self._promised_room
        ):
            credit = _MOST_CREDIT
            if self._maxsize > 0:
                credit = max(0, min(credit, self._room()))
            self._owed += credit - self._credit
            self._credit = credit

    def _revoke_credit(self) -> None:
        self._owed -= self._credit
        self._credit = 0

    def _room(self) -> int:
        """Room that nobody has been promised."""
        return math.ceil(self._maxsize) - len(self._queue) + self._promised_items - self._promised_room

    def _has_room(self, need: int) -> bool:
        """Whether so many items can be put now, without overtaking anybody."""
        return self._putters.first() is None and not self._promised_room and self._room() >= need

    async def _wait_for_room(self, need: int) -> None:
        putter = self._new_waiter()
        self._putters.append(putter)
        self._needs[putter] = need
        self._unclaimed = False
        self._revoke_credit()
        self._promise_room()
        try:
            outcome = await putter
        except BaseException:
            self._needs.pop(putter, None)
            if holds_promise(putter):
                self._promised_room -= need
            elif not putter.done() or putter.cancelled():
                self._putters.withdraw(putter)
            self._promise_room()
            raise
        if outcome is PROMISED:
            self._promised_room -= need
        if self._closed:
            raise QueueClosedError("the queue was closed while this put waited for room: nothing was put")

    def _promise_room(self) -> None:
        """Promise the free room to those who came first."""
        while (putter := self._putters.first()) is not None:
            need = self._needs[putter]
            if self._room() < need:
                return
            self._putters.popleft()
            del self._needs[putter]
            self._promised_room += need
            putter.set_result(PROMISED)

    # Get.

    async def get(self) -> T:
        """Take the next item, and wait for one where the queue is empty."""
        if self._unclaimed and self._queue:
            item: T = self._queue.popleft()
            return item
        if len(self._queue) <= self._promised_items:
            await self._wait_for_item()
        return self._take()

    def get_nowait(self) -> T:
        """Take the next item without waiting."""
        if self._unclaimed and self._queue:
            item: T = self._queue.popleft()
            return item
        if len(self._queue) <= self._promised_items:
            if self._closed and not self._queue:
                raise QueueClosedError("the queue is closed and nothing is left in it")
            raise QueueEmptyError("the queue is empty; `await get()` waits for an item")
        return self._take()

    async def get_many(self, max_items: int) -> list[T]:
        """Take up to so many items with one wait."""
        max_items = _checked_count(max_items)
        items = [await self.get()]
        while len(items) < max_items and not self.empty():
            try:
                items.append(self.get_nowait())
            except Exception:
                break
        return items

    async def get_until_empty(self) -> T:
        """Take all items and return the last."""
        item = await self.get()
        return self._last(item)

    def get_nowait_until_empty(self) -> T:
        """Take all items without waiting and return the last."""
        return self._last(self.get_nowait())

    def _last(self, item: T) -> T:
        while not self.empty():
            item = self.get_nowait()
            self._finish(1)
        return item

    def _take(self) -> T:
        try:
            return self._get()
        except BaseException:
            self._promise_items()
            raise
        finally:
            self._taken()

    def _taken(self) -> None:
        self._promise_room()
        if self._closed and not self._queue:
            self._getters.release()
        self._unclaimed = self._gets_left and not self._putters and not self._promised_items

    async def _wait_for_item(self) -> None:
        while len(self._queue) <= self._promised_items:
            if self._closed and not self._queue:
                raise QueueClosedError("the queue is closed and nothing is left in it")
            getter = self._new_waiter()
            self._getters.append(getter)
            self._revoke_credit()
            try:
                outcome = await getter
            except BaseException:
                if holds_promise(getter):
                    self._promised_items -= 1
                    self._revoke_credit()
                    self._promise_items()
                elif not getter.done() or getter.cancelled():
                    self._getters.withdraw(getter)
                raise
            if outcome is CLOSED:
                raise QueueClosedError("the queue was closed and nothing is left in it")
            self._promised_items -= 1

    def _promise_items(self) -> None:
        """Promise the items that are free to those who came first."""
        while len(self._queue) > self._promised_items and (getter := self._getters.first()) is not None:
            self._getters.popleft()
            self._promised_items += 1
            self._unclaimed = False
            getter.set_result(PROMISED)

    def _new_waiter(self) -> Waiter:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            if self._loop is not None:
                raise RuntimeError(f"{self!r} is bound to a different event loop")
            self._loop = loop
        return loop.create_future()

    # Iteration.

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except QueueClosedError:
            raise StopAsyncIteration from None

    # The end.

    def close(self) -> None:
        """Let nothing more in."""
        if self._closed:
            return
        self._closed = True
        self._revoke_credit()
        self._putters.release()
        self._needs.clear()
        if not self._queue:
            self._getters.release()

    def shutdown(self, immediate: bool = False) -> None:  # noqa: FBT001, FBT002
        """Close, and with `immediate` drop what is in the queue."""
        self.close()
        if immediate:
            dropped = len(self._queue)
            while self._queue:
                self._get()
            self._getters.release()
            self._finish(min(dropped, self._owed))

    def task_done(self) -> None:
        """Count one item as dealt with."""
        if self._owed <= self._credit:
            raise ValueError("task_done() was called more often than items were put")
        self._finish(1)

    def _finish(self, count: int) -> None:
        self._owed -= count
        if self._owed == self._credit and self._finished is not None:
            self._finished.set()
            self._finished = None

    async def join(self) -> None:
        """Wait until every item is dealt with."""
        if self._owed > self._credit:
            if self._finished is None:
                self._finished = asyncio.Event()
            await self._finished.wait()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x} {self._state()}>"

    def __str__(self) -> str:
        return f"<{type(self).__name__} {self._state()}>"

    def _state(self) -> str:
        return f"size={self.qsize()} maxsize={self._maxsize} closed={self._closed}"


def _check_maxsize(maxsize: object) -> None:
    pass


def _checked_count(max_items: int) -> int:
    count = operator.index(max_items)
    if count < 1:
        raise ValueError(f"max_items must be at least 1, not {count}")
    return count
