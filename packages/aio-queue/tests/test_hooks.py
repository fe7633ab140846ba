"""Subclasses with `_init`, `_put` and `_get` of their own, as they are written for asyncio.Queue."""

import asyncio
from collections import OrderedDict

import pytest
from aio_queue import LifoQueue, PriorityQueue, Queue, QueueClosedError
from suite_support.interleaving import settle

pytestmark = pytest.mark.asyncio


class Unique(Queue[int]):
    """Holds each item once, in the order in which they first came."""

    def _init(self, maxsize: int) -> None:
        self._queue: OrderedDict[int, None] = OrderedDict()

    def _put(self, item: int) -> None:
        self._queue[item] = None

    def _get(self) -> int:
        return self._queue.popitem(last=False)[0]


class Picky(Queue[int]):
    """Puts and gets no odd number."""

    def _put(self, item: int) -> None:
        if item % 2:
            raise LookupError(item)
        super()._put(item)

    def _get(self) -> int:
        if self._queue[0] == 42:
            raise LookupError(42)
        return super()._get()


async def test_an_item_that_changes_nothing_wakes_nobody() -> None:
    queue = Unique()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await settle()
    queue.put_nowait(1)
    queue.put_nowait(1)
    assert await first == 1
    await settle()
    assert not second.done()
    await queue.put(2)
    assert await second == 2


async def test_a_getter_whose_item_is_gone_when_it_runs_waits_on_first_in_line() -> None:
    class Dropping(Unique):
        def _put(self, item: int) -> None:
            if item < 0:
                self._queue.clear()
            else:
                super()._put(item)

    queue = Dropping()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await settle()
    queue.put_nowait(1)
    queue.put_nowait(-1)
    await settle()
    assert queue.qsize() == 0
    queue.put_nowait(2)
    assert await first == 2
    queue.put_nowait(3)
    assert await second == 3


async def test_back_pressure_counts_what_the_container_holds() -> None:
    queue = Unique(2)
    await queue.put_many([1, 1])
    await queue.put(1)
    assert not queue.full()
    await queue.put(2)
    assert queue.full()
    waiting = asyncio.create_task(queue.put(3))
    await settle()
    assert not waiting.done()
    assert await queue.get() == 1
    await waiting
    assert await queue.get_many(5) == [2, 3]


@pytest.mark.parametrize("maxsize", [0, 3])
async def test_a_put_hook_that_raises_has_not_put(maxsize: int) -> None:
    queue = Picky(maxsize)
    getter = asyncio.create_task(queue.get())
    await settle()
    with pytest.raises(LookupError):
        await queue.put(1)
    with pytest.raises(LookupError):
        queue.put_nowait(1)
    assert not getter.done()
    with pytest.raises(ValueError, match="task_done"):
        queue.task_done()
    queue.put_nowait(2)
    assert await getter == 2


async def test_a_put_hook_that_raises_in_a_batch_leaves_the_items_before_it() -> None:
    queue = Picky()
    getter = asyncio.create_task(queue.get())
    await settle()
    with pytest.raises(LookupError):
        await queue.put_many([2, 4, 5, 6])
    assert await getter == 2
    assert queue.get_nowait() == 4
    assert queue.empty()
    queue.task_done()
    queue.task_done()
    await queue.join()


async def test_a_get_hook_that_raises_has_not_taken() -> None:
    queue = Picky()
    await queue.put_many([2, 42])
    assert await queue.get_until_empty() == 2
    with pytest.raises(LookupError):
        queue.get_nowait()
    assert queue.qsize() == 1


async def test_a_batch_that_the_hook_breaks_off_leaves_its_room_to_those_who_wait() -> None:
    class Stop(BaseException):
        pass

    class Stopping(Queue[int]):
        def _get(self) -> int:
            if self._queue[0] == 3:
                raise Stop
            return super()._get()

    queue = Stopping(3)
    await queue.put_many([1, 2, 3])
    putting = asyncio.create_task(queue.put_many([4, 5]))
    await settle()
    with pytest.raises(Stop):
        await queue.get_many(3)
    await settle()
    assert putting.done()


async def test_shutdown_drops_through_the_hook() -> None:
    dropped: list[int] = []

    class Noting(PriorityQueue[int]):
        def _put(self, item: int) -> None:
            super()._put(-item)

        def _get(self) -> int:
            item = super()._get()
            dropped.append(item)
            return item

    queue = Noting()
    await queue.put_many([1, 3, 2])
    queue.shutdown(immediate=True)
    assert dropped == [-3, -2, -1]
    await queue.join()


async def test_a_shutdown_stopped_by_the_hook_has_closed_and_counted_what_it_dropped() -> None:
    queue = Picky()
    await queue.put_many([2, 42])
    with pytest.raises(LookupError):
        queue.shutdown(immediate=True)
    assert queue.is_closed
    queue.task_done()
    await queue.join()
    with pytest.raises(QueueClosedError):
        queue.put_nowait(4)


async def test_hooks_of_a_stack_can_call_the_inherited_ones() -> None:
    class Loud(LifoQueue[str]):
        def _put(self, item: str) -> None:
            super()._put(item.upper())

    queue = Loud()
    await queue.put_many(["a", "b"])
    await queue.put("c")
    assert await queue.get_many(3) == ["C", "B", "A"]
