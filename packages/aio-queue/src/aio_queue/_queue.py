"""The first in, first out queue, and the waiting and promising that all orders share."""

from __future__ import annotations

import math
import operator
import sys
from asyncio import AbstractEventLoop, BaseEventLoop, Future, InvalidStateError, get_running_loop, sleep
from collections import deque
from functools import partial
from itertools import islice
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aio_queue._asyncio_internals import here, running_loop_or_none
from aio_queue._errors import QueueClosedError, QueueEmptyError, QueueFullError
from aio_queue._waiters import Waiter, Waiters, was_woken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Self

T = TypeVar("T")

# The capacity of an unbounded queue: more than memory holds.
_UNBOUNDED = sys.maxsize
# Puts that go ahead before the queue looks at itself again. Integers this small are never allocated.
_MOST_CREDIT = 256
# Items that repr shows.
_SHOWN = 6


class Queue(Generic[T]):
    """A first in, first out queue that closes, iterates and batches; in all else `asyncio.Queue`.

    The race that this class is made for: a task that waits is woken, and cancelled before it runs. Whoever woke it gave
    it something, and that must neither be lost nor jump the line. Here a wakeup carries a promise, never an item: a
    woken getter has *an* item set aside for it (which one is settled when it runs, so order is kept whatever happens),
    a woken putter has room set aside and puts its item itself. A task that is cancelled with a promise in hand hands
    the promise on to the next in line, or gives it up, and nothing has moved. So a put that raises has not put, and a
    get that raises has not taken.

    What is promised is out of reach for everybody else: `qsize`, `empty` and `full` tell what a get or a put that comes
    now can have. Items promised to getters do not count towards `maxsize`.

    A queue can be made anywhere, and belongs to the event loop on which a task first waits for it. It must be used from
    the thread of that loop alone. In another thread, whatever may have to wake a task of that loop raises RuntimeError
    and has changed nothing, since the loop would not hear of it and the task sleep on; other use is not noticed.

    Subclasses may override `_init(maxsize)`, `_put(item)` and `_get()` as they may with `asyncio.Queue`, keeping a
    container that knows its length in `self._queue`; their hooks make the queue somewhat slower. Public methods do not
    go through one another: overriding `put_nowait`, say, does not change `put`.

    Args:
        maxsize: How many items the queue holds at most; a put waits while there are so many. 0 or less: unbounded.

    Raises:
        TypeError: `maxsize` is not a number.
        ValueError: `maxsize` is not a number that can be compared (NaN).
    """

    def __init__(self, maxsize: int = 0) -> None:
        self._capacity = _capacity(maxsize)
        self._maxsize = maxsize
        self._closed = False
        # The loop on which tasks have waited, and how to make what they wait for.
        self._loop: AbstractEventLoop | None = None
        # What `here` told where that loop ran when it was seen last.
        self._home: object = None
        self._new_waiter: Callable[[], Waiter] = Future
        # Who waits for an item, and how many items are set aside for those that were woken and have not run yet.
        self._getter_line = Waiters()
        self._getters = self._getter_line.waiters
        self._promised_items = 0
        # Who waits for room, and how much each put_many among them needs (a put needs 1 and is not in here).
        self._putter_line = Waiters()
        self._putters = self._putter_line.waiters
        self._needs: dict[Waiter, int] = {}
        # Whose turn it is to put, in order: a putter that was woken and has not run yet, or the items of puts that
        # found room but came after such a putter. And the room set aside for them all.
        self._arriving: deque[Waiter | list[T]] = deque()
        self._promised_room = 0
        # Who waits until all items are dealt with.
        self._joiner_line = Waiters()
        self._joiners = self._joiner_line.waiters
        # What follows spares the common cases a look at all of the above.
        # Hooks that are not overridden need not be called. A closed queue puts nothing.
        self._puts_directly = type(self)._put is Queue._put
        self._gets_directly = type(self)._get is Queue._get
        # Puts that may go ahead: 0 as soon as anybody waits or room is running out. Unfinished items are counted with
        # this credit as if it were used up, so that such a put changes one number only.
        self._credit = 0
        self._owed = 0
        # Whether what is in the container is anybody's, and nobody waits for room.
        self._unclaimed = self._gets_directly
        # Whether a get that finds nothing, or a put that finds a getter, has to look around: nothing has waited yet, a
        # putter is arriving, the queue is closed, or has a `_put` of its own.
        self._unsettled = True
        self._init(maxsize)

    # The three hooks that subclasses of asyncio.Queue override.

    def _init(self, maxsize: int) -> None:  # noqa: ARG002 - the signature of asyncio.Queue's hook
        self._queue: Any = deque()

    def _put(self, item: T) -> None:
        self._queue.append(item)

    def _get(self) -> T:
        item: T = self._queue.popleft()
        return item

    # What can be had.

    @property
    def maxsize(self) -> int:
        """How many items the queue holds at most; it is unbounded if this is 0 or less."""
        return self._maxsize

    @property
    def is_closed(self) -> bool:
        """Whether the queue was closed or shut down: nothing can be put any more, what is in it can be got."""
        return self._closed

    def qsize(self) -> int:
        """How many items can be had without waiting: `len(queue)` is the same.

        Items that are promised to a getter which has been woken have left already. The item of a put that came right
        after a waiting put was given room is counted once that one has run, since it stands behind it.

        Returns:
            The number of items, which exceeds `maxsize` only for as long as items that were promised to cancelled
            getters have come back to a queue that had filled up meanwhile.
        """
        # Less than nothing only after a shutdown that dropped what was promised as well.
        return max(0, len(self._queue) - self._promised_items)

    def __len__(self) -> int:
        return self.qsize()

    def __bool__(self) -> bool:
        # An asyncio.Queue is always true, and `queue or Queue()` would lose an empty one if it were not.
        return True

    def empty(self) -> bool:
        """Tell whether a get would have to wait: `get_nowait` raises exactly if this is true.

        Returns:
            Whether no item can be had now.
        """
        return len(self._queue) <= self._promised_items

    def full(self) -> bool:
        """Tell whether a put would have to wait: while the queue is open, `put_nowait` raises exactly if this is true.

        Returns:
            Whether there is no room that is not promised to an earlier put. Never true for an unbounded queue.
        """
        return not self._has_room(1)

    # Putting.

    async def put(self, item: T) -> None:
        """Put an item; wait for room while the queue is full.

        Puts are served first come, first served. While there is room, this does not wait and does not yield.

        Cancellation: if this raises, whatever it raises, the item was not put.

        Args:
            item: The item.

        Raises:
            QueueClosedError: The queue is closed, or was closed while this waited.
            RuntimeError: The queue belongs to another event loop, and this has to wait, or to wake a task of that loop
                while it runs.
        """
        if self._credit:
            self._credit -= 1
            self._queue.append(item)
            return
        if getters := self._getters:
            if here() != self._home:
                self._check_thread()
            # A getter that waits for this very item: what back and forth is made of, therefore inline.
            if not self._unsettled:
                self._queue.append(item)
                self._owed += 1
                try:
                    getters.popleft().set_result(None)
                except InvalidStateError:
                    self._promise_items()
                else:
                    self._promised_items += 1
                    self._unclaimed = False
                    if getters:
                        self._getter_line.tidy()
                return
        if not self._put_at_once(item):
            putter = self._line_up(1)
            try:
                await putter
            except BaseException as error:
                self._leave_putters(putter, 1, error)
                raise
            if self._puts_directly and len(self._arriving) == 1:
                # The other common case, of a queue that was full: nobody stands before this item, or behind it.
                self._arriving.clear()
                self._promised_room -= 1
                self._unsettled = False
                self._queue.append(item)
                self._owed += 1
                if getters:
                    self._promise_items()
                if self._putters:
                    self._promise_room()
                elif not getters:
                    self._grant_credit()
                return
            try:
                self._arrive(putter, [item])
            finally:
                self._promise_room()

    def put_nowait(self, item: T) -> None:
        """Put an item if there is room now, without overtaking a put that waits.

        Args:
            item: The item.

        Raises:
            QueueFullError: There is no room, or none that is not promised to an earlier put.
            QueueClosedError: The queue is closed.
            RuntimeError: A get waits, and its event loop runs in another thread.
        """
        if self._credit:
            self._credit -= 1
            self._queue.append(item)
            return
        if self._getters:
            self._check_thread()
        if not self._put_at_once(item):
            raise QueueFullError(f"the queue is full (maxsize={self._maxsize}): `await put(item)` waits for room")

    async def put_many(self, items: Iterable[T]) -> None:
        """Put several items in their order, with one wait for room for all of them.

        No more than `maxsize` items are all put or none: this waits until there is room for all, and an exception
        means that none was put. More than `maxsize` items cannot wait for that, and are put in pieces of `maxsize`,
        each of which is put whole or not at all, and which later puts do not come between; an exception between two
        pieces carries a note that tells how many items were put. Put `maxsize` items at a time to know.

        Cancellation: as said above, what was not put as part of a whole piece was not put at all.

        Cost: that of the items; much less for each than `put`.

        Args:
            items: The items; all of them are taken before the first is put, so an iterable that raises puts nothing.

        Raises:
            QueueClosedError: The queue is closed, or was closed while this waited.
            RuntimeError: The queue belongs to another event loop, and this has to wait, or to wake a task of that loop
                while it runs.
        """
        batch = list(items)
        if self._closed:
            raise QueueClosedError("the queue is closed: nothing can be put any more")
        if self._getters:
            self._check_thread()
        put = 0
        try:
            while put < len(batch):
                piece = batch[put : put + self._capacity]
                # From the second piece on, those that wait by now came later.
                if self._has_room(len(piece)) or (put and self._room() >= len(piece)):
                    self._enter(piece)
                else:
                    putter = self._line_up(len(piece), ahead=put > 0)
                    try:
                        await putter
                    except BaseException as error:
                        self._leave_putters(putter, len(piece), error)
                        raise
                    self._arrive(putter, piece)
                put += len(piece)
        except BaseException as error:
            if put:
                error.add_note(f"put_many: the first {put} of {len(batch)} items were put, the others were not")
            raise
        finally:
            self._promise_room()

    def _put_at_once(self, item: T) -> bool:
        """Put the item if there is room for it."""
        if self._closed:
            raise QueueClosedError("the queue is closed: nothing can be put any more")
        # Items that are promised make room; mostly it is clear without them that there is some.
        scarce = self._putters or len(self._queue) + self._promised_room >= self._capacity
        if scarce and not self._has_room(1):
            return False
        if self._puts_directly:
            self._enter([item])
        else:
            self._put(item)
            self._owed += 1
            if self._getters:
                self._promise_items()
        return True

    def _has_room(self, need: int) -> bool:
        """Whether so many items can be put without overtaking a put that waits."""
        return not (self._putters and self._putter_line.somebody_waits()) and self._room() >= need

    def _room(self) -> int:
        """Room that is not promised to anybody; less than none where items came back from cancelled getters."""
        room = self._capacity - self._promised_room
        free_items = len(self._queue) - self._promised_items
        # Fewer than none: an item is promised that has yet to come, which makes no room.
        return room - free_items if free_items > 0 else room

    def _enter(self, items: list[T]) -> None:
        """Put items for which there is room, behind those whose turn it was before."""
        arriving = self._arriving
        if not arriving or not self._puts_directly:
            # With a `_put` of another kind, the order of the calls is not the order of the items.
            self._put_now(items)
            return
        if isinstance(arriving[-1], list):
            arriving[-1].extend(items)
        else:
            arriving.append(items)
        self._promised_room += len(items)
        self._owed += len(items)

    def _put_now(self, items: list[T]) -> None:
        if self._puts_directly:
            append = self._queue.append
            for item in items:
                append(item)
            self._owed += len(items)
        else:
            self._put_by_hook(items)
        if self._getters:
            self._promise_items()
        if self._puts_directly and not (self._getters or self._putters or self._arriving):
            self._grant_credit()

    def _put_by_hook(self, items: list[T]) -> None:
        before = len(self._queue)
        put = len(items)
        try:
            self._put_each(items)
        except BaseException:
            # What went in before it raised is in.
            put = max(0, len(self._queue) - before)
            self._promise_items()
            raise
        finally:
            self._owed += put

    def _put_each(self, items: Sequence[T]) -> None:
        for item in items:
            self._put(item)

    def _line_up(self, need: int, *, ahead: bool = False) -> Waiter:
        """A waiter that is woken when it is the turn of so many items; ahead of the others, or behind them."""
        # As `_waiter` does, here and in `get`, without the call: this is done for each item of a small queue.
        if self._loop is None:
            self._bind()
        putter = self._new_waiter()
        if putter.get_loop() is not self._loop:
            raise self._other_loop()
        if ahead:
            self._putters.appendleft(putter)
        else:
            self._putters.append(putter)
        if need > 1:
            self._needs[putter] = need
        if self._credit:
            self._revoke_credit()
        self._unclaimed = False
        return putter

    def _leave_putters(self, putter: Waiter, need: int, error: BaseException) -> None:
        """Go away without having put: what was set aside for this one goes to the next."""
        self._needs.pop(putter, None)
        if not was_woken(putter):
            self._putter_line.withdraw(putter)
        elif not self._closed:
            self._promised_room -= need
            self._arrive(putter, [])
        self._promise_room()
        self._explain_other_loop(error)

    def _arrive(self, putter: Waiter, items: list[T]) -> None:
        """Put what a woken putter comes with, and then what had to stand behind it."""
        if self._closed:
            raise QueueClosedError("the queue was closed while this put waited for room: nothing was put")
        arriving = self._arriving
        if arriving[0] is putter:
            arriving.popleft()
        elif self._puts_directly:
            # The loop has run a later one first. This one keeps its place, and is put when the earlier ones have come.
            arriving[arriving.index(putter)] = items
            self._owed += len(items)
            return
        else:
            arriving.remove(putter)
        self._promised_room -= len(items)
        try:
            self._put_now(items)
        finally:
            while arriving and isinstance(settled := arriving[0], list):
                arriving.popleft()
                self._promised_room -= len(settled)
                self._owed -= len(settled)
                self._put_now(settled)
            self._unsettled = bool(arriving) or not self._puts_directly

    def _promise_room(self) -> None:
        """Set the room there is aside for those who came first, and wake them."""
        putters = self._putters
        room = self._room()
        while room > 0 and putters:
            putter = putters[0]
            if not putter.done():
                need = self._needs.get(putter, 1) if self._needs else 1
                if room < need:
                    break
                if need > 1:
                    del self._needs[putter]
                room -= need
                self._promised_room += need
                self._arriving.append(putter)
                self._unsettled = True
                putter.set_result(None)
            putters.popleft()
        if putters:
            self._putter_line.tidy()

    def _grant_credit(self) -> None:
        """Let puts go ahead until the room is used up, or something comes up."""
        credit = self._room()
        if credit > _MOST_CREDIT:
            credit = _MOST_CREDIT
        elif credit < 0:
            credit = 0
        self._owed += credit - self._credit
        self._credit = credit

    def _revoke_credit(self) -> None:
        self._owed -= self._credit
        self._credit = 0

    # Getting.

    async def get(self) -> T:
        """Take the next item; wait for one while the queue is empty.

        Gets are served first come, first served. While there are items, this does not wait and does not yield.

        Cancellation: if this raises, whatever it raises, no item was taken: the one it was woken for goes to the next
        getter, or stays where it was.

        Returns:
            The item.

        Raises:
            QueueClosedError: The queue is closed and nothing is left in it.
            RuntimeError: The queue belongs to another event loop, and this has to wait, or to wake a task of that loop
                while it runs.
        """
        if self._unclaimed:
            if self._queue:
                item: T = self._queue.popleft()
                return item
        elif len(self._queue) > self._promised_items:
            return self._take()
        if self._unsettled:
            if self._closed and not self._queue:
                raise QueueClosedError("the queue is closed and nothing is left in it")
            if self._loop is None:
                self._bind()
            if self._arriving and not self._getters and len(self._queue) == self._promised_items:
                # A woken putter is about to bring the item: letting it run is cheaper than being woken by it.
                self._promised_items += 1
                self._unclaimed = False
                try:
                    await sleep(0)
                except BaseException:
                    self._give_back()
                    raise
                self._promised_items -= 1
                if len(self._queue) > self._promised_items:
                    return self._take()
                return await self._get_first_in_line()
        getter = self._new_waiter()
        if getter.get_loop() is not self._loop:
            raise self._other_loop()
        self._getters.append(getter)
        if self._credit:
            self._revoke_credit()
        try:
            await getter
        except BaseException as error:
            self._leave_getters(getter, error)
            raise
        self._promised_items = promised = self._promised_items - 1
        if promised or self._putters or not self._gets_directly:
            if self._queue:
                return self._take()
        else:
            self._unclaimed = True
            if self._queue:
                first: T = self._queue.popleft()
                return first
        return await self._get_first_in_line()

    async def _get_first_in_line(self) -> T:
        """Wait again, after being woken for nothing: a shutdown has dropped the item, or a put has been cancelled."""
        while True:
            if self._closed and not self._queue:
                raise QueueClosedError("the queue is closed and nothing is left in it")
            getter = self._waiter()
            self._getters.appendleft(getter)
            self._revoke_credit()
            try:
                await getter
            except BaseException as error:
                self._leave_getters(getter, error)
                raise
            self._promised_items -= 1
            if self._queue:
                return self._take()

    def _leave_getters(self, getter: Waiter, error: BaseException) -> None:
        """Go away without having taken: an item that was promised goes to the next."""
        if was_woken(getter):
            self._give_back()
        else:
            self._getter_line.withdraw(getter)
        self._explain_other_loop(error)

    def get_nowait(self) -> T:
        """Take the next item if there is one now.

        Returns:
            The item.

        Raises:
            QueueEmptyError: There is no item, or none that is not promised to an earlier get.
            QueueClosedError: The queue is closed and nothing is left in it.
            RuntimeError: A put waits, and its event loop runs in another thread.
        """
        if self._unclaimed and self._queue:
            item: T = self._queue.popleft()
            return item
        if len(self._queue) > self._promised_items:
            return self._take()
        if self._closed and not self._queue:
            raise QueueClosedError("the queue is closed and nothing is left in it")
        raise QueueEmptyError("the queue is empty: `await get()` waits for an item")

    async def get_many(self, max_items: int) -> list[T]:
        """Take up to `max_items` items with one wait: wait for the first, and take what is there with it.

        Waits in line with the gets, first come, first served. An item that cannot be taken, since a comparison or an
        overridden `_get` raises an Exception, ends the batch before it: the next get tells.

        Cancellation: if this raises, no item was taken; except where a comparison or an overridden `_get` raises what
        is no Exception, a KeyboardInterrupt say, which loses what was taken before it.

        Cost: that of the items; much less for each than `get`.

        Args:
            max_items: How many items to take at most, at least 1.

        Returns:
            The items in the order in which `get` would have returned them; at least one.

        Raises:
            QueueClosedError: The queue is closed and nothing is left in it.
            TypeError: `max_items` is not an integer.
            ValueError: `max_items` is less than 1.
            RuntimeError: The queue belongs to another event loop, and this has to wait, or to wake a task of that loop
                while it runs.
        """
        try:
            limit = operator.index(max_items)
        except TypeError:
            raise TypeError(f"max_items must be an integer, not {max_items!r}") from None
        if limit < 1:
            raise ValueError(f"max_items must be at least 1, not {limit}")
        items = [await self.get()]
        items += self._take_rest(limit - 1)
        return items

    async def get_until_empty(self) -> T:
        """Take all items, waiting for one while the queue is empty, and return the last: the news, not the history.

        The items that are passed over count as dealt with: one `task_done()` is due, for the item returned. An item
        that cannot be taken ends it as it ends `get_many`: the last before it is returned.

        Cancellation: as in `get_many`.

        Returns:
            The last item, in the order in which `get` would have returned them.

        Raises:
            QueueClosedError: The queue is closed and nothing is left in it.
            RuntimeError: The queue belongs to another event loop, and this has to wait, or to wake a task of that loop
                while it runs.
        """
        if self._joiners:
            self._check_thread()
        return self._last(await self.get())

    def get_nowait_until_empty(self) -> T:
        """Take all items there are now, and return the last.

        The items that are passed over count as dealt with: one `task_done()` is due, for the item returned. An item
        that cannot be taken ends it as it ends `get_many`: the last before it is returned.

        Returns:
            The last item, in the order in which `get_nowait` would have returned them.

        Raises:
            QueueEmptyError: There is no item, or none that is not promised to an earlier get.
            QueueClosedError: The queue is closed and nothing is left in it.
            RuntimeError: A put or a `join` waits, and its event loop runs in another thread.
        """
        if self._joiners:
            self._check_thread()
        return self._last(self.get_nowait())

    def _last(self, item: T) -> T:
        later = self._take_rest(self.qsize())
        if not later:
            return item
        # No more than there are: `task_done` may have been called for some of them already.
        self._finish(min(len(later), self._owed - self._credit))
        return later[-1]

    def _take(self) -> T:
        """Take an item that is not promised to anybody else."""
        if self._putters and here() != self._home:
            self._check_thread()
        if self._gets_directly:
            item: T = self._queue.popleft()
        else:
            try:
                item = self._get()
            except BaseException:
                # By a `_get` of a subclass, or items that cannot be compared: the next in line shall see it too.
                self._promise_items()
                raise
        if self._gets_directly or self._putters or self._closed:
            self._taken()
        return item

    def _take_rest(self, limit: int) -> list[T]:
        """Take what else can be had. An item that cannot be taken ends it: the next get will tell."""
        items: list[T] = []
        try:
            for _ in range(min(limit, self.qsize())):
                items.append(self._get())  # noqa: PERF401 - what was taken before an error is kept
        except Exception:
            pass
        finally:
            self._taken()
        return items

    def _taken(self) -> None:
        if self._putters:
            self._promise_room()
        if self._closed and not self._queue:
            self._promised_items += self._getter_line.wake_all()
        if not (self._putters or self._promised_items):
            self._unclaimed = self._gets_directly

    def _give_back(self) -> None:
        """Hand on the item that was promised to a getter which goes away."""
        self._promised_items -= 1
        self._revoke_credit()
        self._promise_items()

    def _promise_items(self) -> None:
        """Set the items there are aside for those who came first, and wake them."""
        getters = self._getters
        while getters and len(self._queue) > self._promised_items:
            getter = getters.popleft()
            if not getter.done():
                self._promised_items += 1
                self._unclaimed = False
                getter.set_result(None)
        if getters:
            self._getter_line.tidy()

    def __aiter__(self) -> Self:
        """Iterate over the items as `get` returns them, until the queue is closed and nothing is left in it.

        Several tasks may iterate over one queue: each item reaches exactly one of them, and all of them end.
        """
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except QueueClosedError:
            raise StopAsyncIteration from None

    # The end.

    def close(self) -> None:
        """Let nothing more in; what is in the queue can still be got.

        Puts that wait raise QueueClosedError and have not put. Gets that wait raise it once nothing is left, and so do
        all later gets; iteration ends. Closing again does nothing.

        Raises:
            RuntimeError: Somebody waits, and the event loop runs in another thread.
        """
        if self._closed:
            return
        if self._getters or self._putters:
            self._check_thread()
        self._closed = self._unsettled = True
        self._puts_directly = False
        if self._promised_items:
            # Then somebody may wait for what comes back, and whoever takes the last item has to tell them.
            self._gets_directly = False
        self._revoke_credit()
        # What had to stand behind a put that will not come any more has been put.
        for items in self._arriving:
            if isinstance(items, list):
                self._put_each(items)
        self._arriving.clear()
        self._promised_room = 0
        self._promise_items()
        self._putter_line.wake_all()
        self._needs.clear()
        if not self._queue:
            self._promised_items += self._getter_line.wake_all()

    def shutdown(self, immediate: bool = False) -> None:
        """Close the queue, as `asyncio.Queue.shutdown` of Python 3.13 does, on every Python.

        Args:
            immediate: Also drop what is in the queue, items promised to woken getters included: all gets raise
                QueueClosedError. The dropped items count as dealt with, which may be what `join` waits for.

        Raises:
            RuntimeError: Somebody waits, and the event loop runs in another thread.
        """
        if immediate and (self._getters or self._joiners):
            self._check_thread()
        self.close()
        if not immediate:
            return
        before = len(self._queue)
        try:
            self._drop()
        finally:
            dropped = before - len(self._queue)
            self._finish(min(dropped, self._owed))
            if not self._queue:
                self._promised_items += self._getter_line.wake_all()

    def _drop(self) -> None:
        while self._queue:
            self._get()

    def task_done(self) -> None:
        """Count one item that was got as dealt with.

        Raises:
            ValueError: Called more often than items were put.
            RuntimeError: A `join` waits, and its event loop runs in another thread.
        """
        if self._joiners:
            self._check_thread()
        if self._owed <= self._credit:
            raise ValueError("task_done() was called more often than items were put")
        self._finish(1)

    async def join(self) -> None:
        """Wait until every item that was put has been dealt with: got, and reported with `task_done()`.

        Raises:
            RuntimeError: The queue belongs to another event loop, and this has to wait.
        """
        if self._owed <= self._credit:
            return
        joiner = self._waiter()
        self._joiners.append(joiner)
        try:
            await joiner
        except BaseException as error:
            if not was_woken(joiner):
                self._joiner_line.withdraw(joiner)
            self._explain_other_loop(error)
            raise

    def _finish(self, count: int) -> None:
        self._owed -= count
        if self._joiners and self._owed == self._credit:
            self._joiner_line.wake_all()

    # The event loop.

    def _bind(self) -> None:
        loop = get_running_loop()
        self._loop = loop
        self._home = here()
        # A loop may make futures of a kind of its own; asking one that does not, each time, would only cost. From 3.12
        # on a future finds the running loop sooner than it takes one: who waits then sees whether it is this one.
        if type(loop).create_future is not BaseEventLoop.create_future:
            self._new_waiter = loop.create_future
        elif sys.version_info >= (3, 12):
            self._new_waiter = Future
        else:
            self._new_waiter = partial(Future, loop=loop)
        self._unsettled = bool(self._arriving) or not self._puts_directly

    def _waiter(self) -> Waiter:
        """What a task of this queue's loop can wait for."""
        if self._loop is None:
            self._bind()
        waiter = self._new_waiter()
        if waiter.get_loop() is not self._loop:
            raise self._other_loop()
        return waiter

    def _check_thread(self) -> None:
        """Refuse to wake a task of a loop that runs in another thread: the loop would not hear of it."""
        if here() == self._home or self._loop is None or not self._loop.is_running():
            return
        if running_loop_or_none() is not self._loop:
            raise RuntimeError(
                "a task waits for this queue, and its event loop runs in another thread: use "
                "loop.call_soon_threadsafe(queue.put_nowait, item), or asyncio.run_coroutine_threadsafe"
            )
        # The loop has moved here.
        self._home = here()

    def _explain_other_loop(self, error: BaseException) -> None:
        """Say clearly what a task's complaint about the future of another loop means."""
        if isinstance(error, RuntimeError) and get_running_loop() is not self._loop:
            raise self._other_loop() from error

    def _other_loop(self) -> RuntimeError:
        return RuntimeError(
            f"{self!r} belongs to {self._loop!r}, on which tasks have waited for it: make one queue for each loop"
        )

    # What it looks like.

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x} {self._state()}>"

    def __str__(self) -> str:
        return f"<{type(self).__name__} {self._state()}>"

    @recursive_repr("...")
    def _state(self) -> str:
        shown = [repr(item) for item in islice(self._queue, _SHOWN)]
        if len(self._queue) > _SHOWN:
            shown.append("...")
        return (
            f"{'closed' if self._closed else 'open'} size={self.qsize()} maxsize={self._maxsize}"
            f" items=[{', '.join(shown)}] getters={self._getter_line.waiting()} putters={self._putter_line.waiting()}"
            f" unfinished={self._owed - self._credit}"
        )


def _capacity(maxsize: float) -> int:
    """How many items fit: a fraction counts as one more, as in asyncio, which compares."""
    try:
        if maxsize <= 0 or maxsize == math.inf:
            return _UNBOUNDED
        return math.ceil(maxsize)
    except TypeError:
        raise TypeError(f"maxsize must be a number, not {maxsize!r}; 0 makes the queue unbounded") from None
    except ValueError:
        raise ValueError(f"maxsize must be a number that can be compared, not {maxsize!r}") from None
