"""Whatever is cancelled when: no item is lost, doubled or reordered, and nobody waits for what is there.

A state machine starts gets and puts of every kind as tasks, lets the loop make some passes, and cancels tasks before,
at and after their wakeup. A plain container says what each get must return.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aio_queue import LifoQueue, PriorityQueue, Queue, QueueClosedError, QueueEmptyError, QueueFullError
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from suite_support.interleaving import passes, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator


class _AnyQueue(RuleBasedStateMachine):
    """What holds for every order; a subclass says which queue, and what comes out of it next."""

    make: Callable[[int], Queue[int]]
    # Whether batches may be larger than maxsize, of which some items can be out before the put is done.
    in_pieces = False

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.tasks: list[asyncio.Task[None]] = []
        self.getting: set[asyncio.Task[None]] = set()
        self.putting: set[asyncio.Task[None]] = set()
        self.next_item = 0
        # The order in which puts were called, of those that have succeeded, and what gets have returned.
        self.called: list[int] = []
        self.succeeded: set[int] = set()
        self.putting_now: set[int] = set()
        self.taken: list[int] = []
        self.done = 0
        self.dropped = False
        # How each get and put stands, in the order in which they began: None while it waits, then whether it succeeded.
        self.gets: list[bool | None] = []
        self.puts: list[bool | None] = []

    @initialize(maxsize=st.integers(0, 3))
    def begin(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self.queue = type(self).make(maxsize)

    def new_items(self, count: int) -> list[int]:
        # Not in rising order, so that a priority queue has something to sort; still each only once.
        items = [(number * 37) % 1009 for number in range(self.next_item, self.next_item + count)]
        self.next_item += count
        self.called += items
        return items

    def start(self, coroutine: Coroutine[Any, Any, None], kind: set[asyncio.Task[None]]) -> None:
        task = self.loop.create_task(coroutine)
        self.tasks.append(task)
        kind.add(task)

    @contextmanager
    def putting_these(self, items: list[int]) -> Iterator[None]:
        place = len(self.puts)
        self.puts.append(None if items else False)
        self.putting_now.update(items)
        try:
            yield
        except BaseException as error:
            self.puts[place] = False
            # Of a batch that does not fit as a whole, the pieces before the exception are in, as its note tells.
            for note in getattr(error, "__notes__", []):
                self.succeeded.update(items[: int(note.split()[3])])
            if not isinstance(error, QueueClosedError):
                raise
            assert self.queue.is_closed
        else:
            self.puts[place] = bool(items)
            self.succeeded.update(items)
        finally:
            self.putting_now.difference_update(items)

    @contextmanager
    def getting_one(self) -> Iterator[None]:
        place = len(self.gets)
        self.gets.append(None)
        try:
            yield
        except BaseException as error:
            self.gets[place] = False
            if not isinstance(error, QueueClosedError):
                raise
            assert self.queue.is_closed
        else:
            self.gets[place] = True

    def note_taken(self, item: int) -> None:
        self.taken.append(item)

    @rule(yields=st.booleans())
    def start_put(self, yields: bool) -> None:
        async def put() -> None:
            (item,) = self.new_items(1)
            with self.putting_these([item]):
                await self.queue.put(item)

        self.start(put(), self.putting)
        if yields:
            self.run(1)

    @rule(count=st.integers(0, 7))
    def start_put_many(self, count: int) -> None:
        async def put_many() -> None:
            items = self.new_items(count if self.in_pieces else min(count, self.maxsize or count))
            with self.putting_these(items):
                await self.queue.put_many(items)

        self.start(put_many(), self.putting)
        self.run(1)

    @rule()
    def put_nowait(self) -> None:
        was_full = self.queue.full()
        (item,) = self.new_items(1)
        try:
            self.queue.put_nowait(item)
        except QueueFullError:
            assert was_full
            assert self.maxsize
        except QueueClosedError:
            assert self.queue.is_closed
        else:
            assert not was_full
            self.puts.append(True)
            self.succeeded.add(item)

    @rule(yields=st.booleans())
    def start_get(self, yields: bool) -> None:
        async def get() -> None:
            with self.getting_one():
                self.note_taken(await self.queue.get())

        self.start(get(), self.getting)
        if yields:
            self.run(1)

    @rule(max_items=st.integers(1, 3))
    def start_get_many(self, max_items: int) -> None:
        async def get_many() -> None:
            with self.getting_one():
                items = await self.queue.get_many(max_items)
                assert 1 <= len(items) <= max_items
                for item in items:
                    self.note_taken(item)

        self.start(get_many(), self.getting)

    @rule()
    def start_iterating_once(self) -> None:
        async def iterate() -> None:
            with self.getting_one():
                async for item in self.queue:
                    self.note_taken(item)
                    return
                raise QueueClosedError

        self.start(iterate(), self.getting)

    @rule()
    def get_nowait(self) -> None:
        was_empty = self.queue.empty()
        try:
            self.note_taken(self.queue.get_nowait())
        except QueueEmptyError:
            assert was_empty
        except QueueClosedError:
            assert was_empty
            assert self.queue.is_closed
        else:
            assert not was_empty

    @precondition(lambda self: self.tasks)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.tasks)).cancel()

    @rule(count=st.integers(1, 3))
    def step(self, count: int) -> None:
        self.run(count)

    @rule()
    def deal_with_one(self) -> None:
        if self.done < len(self.taken):
            self.queue.task_done()
            self.done += 1

    @rule()
    def come_to_rest(self) -> None:
        """With nothing left to run, nobody waits for what is there."""
        self.loop.run_until_complete(settle())
        self.drop_finished()
        assert not (self.getting and not self.queue.empty())
        assert not (self.putting and self.queue.is_closed)
        if self.putting:
            assert self.queue.full() or self.queue.qsize() > 0
        if self.getting:
            assert not self.queue.is_closed
        for line in (self.gets, self.puts):
            if None in line:
                # Who waits came later than all that were served.
                assert True not in line[line.index(None) :]
        in_it = self.queue.qsize()
        assert len(self.queue) == in_it
        assert self.queue.empty() == (in_it == 0)
        if self.dropped:
            assert in_it == 0
        else:
            sure = len(self.succeeded.difference(self.taken))
            assert sure <= in_it <= sure + (len(self.putting_now) if self.in_pieces else 0)
        if self.maxsize:
            assert self.queue.full() == (in_it >= self.maxsize or bool(self.putting))

    @precondition(lambda self: self.next_item > 8)
    @rule()
    def close(self) -> None:
        self.queue.close()
        self.come_to_rest()

    @precondition(lambda self: self.next_item > 12)
    @rule()
    def shut_down_at_once(self) -> None:
        self.queue.shutdown(immediate=True)
        self.dropped = True
        self.come_to_rest()

    def run(self, count: int) -> None:
        self.loop.run_until_complete(passes(count))
        self.drop_finished()

    def drop_finished(self) -> None:
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.remove(task)
            self.getting.discard(task)
            self.putting.discard(task)
            if not task.cancelled():
                task.result()

    @invariant()
    def nothing_is_taken_that_was_not_put_or_twice(self) -> None:
        assert len(self.taken) == len(set(self.taken))
        assert self.succeeded.union(self.putting_now).issuperset(self.taken)

    def teardown(self) -> None:
        try:
            if hasattr(self, "queue"):
                self.come_to_rest()
                self.empty_it()
                self.check_order()
        finally:
            self.loop.close()

    def empty_it(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.loop.run_until_complete(settle())
        self.drop_finished()
        while not self.queue.empty():
            self.note_taken(self.queue.get_nowait())
        assert self.dropped or sorted(self.taken) == sorted(self.succeeded)
        assert self.succeeded.issuperset(self.taken)
        while self.done < len(self.taken):
            self.queue.task_done()
            self.done += 1
        self.loop.run_until_complete(self.queue.join())
        with pytest.raises(ValueError, match="task_done"):
            self.queue.task_done()

    def check_order(self) -> None:
        """What came out over the whole run stands in the order that this queue promises."""


class _Fifo(_AnyQueue):
    make = Queue
    in_pieces = True

    def check_order(self) -> None:
        taken = set(self.taken)
        assert self.taken == [item for item in self.called if item in taken]


class _InAnOrder(_AnyQueue):
    """A queue whose next item depends on what is in it at that moment.

    Puts take effect in the order of their calls: what was put while an earlier put was on its way stands behind it, and
    may be out of reach until that has arrived.
    """

    def note_taken(self, item: int) -> None:
        there = [item for item in self.called if item in self.succeeded and item not in self.taken]
        under_way = (
            self.called.index(min(self.putting_now, key=self.called.index)) if self.putting_now else len(self.called)
        )
        reachable = [item for item in there if self.called.index(item) < under_way]
        super().note_taken(item)
        assert item in {self.best(some) for some in (there, reachable) if some}

    def best(self, items: list[int]) -> int:
        raise NotImplementedError


class _Lifo(_InAnOrder):
    make = LifoQueue

    def best(self, items: list[int]) -> int:
        return items[-1]


class _Priority(_InAnOrder):
    make = PriorityQueue

    def best(self, items: list[int]) -> int:
        return min(items)


TestFifo = _Fifo.TestCase
TestLifo = _Lifo.TestCase
TestPriority = _Priority.TestCase
