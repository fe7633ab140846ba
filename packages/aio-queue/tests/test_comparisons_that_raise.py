"""A priority queue whose items turn out not to be comparable is left as it was."""

import asyncio
from typing import Self

import pytest
from aio_queue import PriorityQueue, QueueClosedError
from hypothesis import given
from hypothesis import strategies as st
from suite_support.interleaving import settle


class Fuse:
    """Lets so many comparisons pass, and blows at the next."""

    def __init__(self) -> None:
        self.left: int | None = None

    def burn(self) -> None:
        if self.left is None:
            return
        if self.left == 0:
            raise TypeError("cannot be compared")
        self.left -= 1


class Item:
    def __init__(self, key: int, fuse: Fuse) -> None:
        self.key = key
        self.fuse = fuse

    def __lt__(self, other: Self) -> bool:
        self.fuse.burn()
        return self.key < other.key


def drained(queue: PriorityQueue[Item]) -> list[int]:
    return [queue.get_nowait().key for _ in range(queue.qsize())]


KEYS = st.lists(st.integers(0, 30), max_size=20)


@given(KEYS, st.integers(0, 30), st.integers(0, 6))
def test_a_put_that_raises_has_changed_nothing(keys: list[int], key: int, comparisons: int) -> None:
    fuse = Fuse()
    queue: PriorityQueue[Item] = PriorityQueue()
    for present in keys:
        queue.put_nowait(Item(present, fuse))
    fuse.left = comparisons
    try:
        queue.put_nowait(Item(key, fuse))
    except TypeError:
        assert queue.qsize() == len(keys)
    else:
        keys = [*keys, key]
    fuse.left = None
    assert drained(queue) == sorted(keys)


@given(KEYS, KEYS, st.integers(0, 40))
def test_a_batch_that_raises_has_changed_nothing(keys: list[int], batch: list[int], comparisons: int) -> None:
    fuse = Fuse()
    queue: PriorityQueue[Item] = PriorityQueue()
    for present in keys:
        queue.put_nowait(Item(present, fuse))
    fuse.left = comparisons
    try:
        asyncio.run(queue.put_many([Item(key, fuse) for key in batch]))
    except TypeError:
        assert queue.qsize() == len(keys)
    else:
        keys = [*keys, *batch]
    fuse.left = None
    assert drained(queue) == sorted(keys)
    for _ in keys:
        queue.task_done()
    with pytest.raises(ValueError, match="task_done"):
        queue.task_done()


@given(KEYS.filter(bool), st.integers(0, 12))
def test_a_get_that_raises_has_taken_nothing(keys: list[int], comparisons: int) -> None:
    fuse = Fuse()
    queue: PriorityQueue[Item] = PriorityQueue()
    for present in keys:
        queue.put_nowait(Item(present, fuse))
    fuse.left = comparisons
    taken = []
    try:
        taken.append(queue.get_nowait().key)
    except TypeError:
        assert queue.qsize() == len(keys)
    fuse.left = None
    assert taken + drained(queue) == sorted(keys)


@pytest.mark.asyncio
async def test_a_batch_ends_before_an_item_that_cannot_be_taken() -> None:
    queue: PriorityQueue[tuple[int, object]] = PriorityQueue()
    items: list[tuple[int, object]] = [(0, None), (1, None), (2, {}), (2, set())]
    for item in items:
        queue.put_nowait(item)
    # Taking the smallest compares the next two with each other.
    assert await queue.get_many(10) == items[:1]
    with pytest.raises(TypeError):
        await queue.get()
    with pytest.raises(TypeError):
        await queue.get_many(10)
    assert queue.qsize() == 3


@pytest.mark.asyncio
async def test_every_waiting_getter_learns_that_items_cannot_be_compared() -> None:
    queue: PriorityQueue[tuple[int, object]] = PriorityQueue()
    getters = [asyncio.create_task(queue.get()) for _ in range(5)]
    await settle()
    items: list[tuple[int, object]] = [(1, None), (2, {}), (2, set()), (3, None)]
    for item in items:
        queue.put_nowait(item)
    # There are items for four; the fifth is told as well, since the first has left what it could not take.
    outcomes = await asyncio.gather(*getters, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [TypeError] * 5
    assert queue.qsize() == 4


@pytest.mark.asyncio
async def test_a_waiting_put_that_raises_gives_its_room_to_the_next() -> None:
    queue: PriorityQueue[object] = PriorityQueue(2)
    await queue.put_many([1, 2])
    putters = [asyncio.create_task(queue.put(item)) for item in ("a", 3)]
    await settle()
    assert queue.get_nowait() == 1
    with pytest.raises(TypeError):
        await putters[0]
    await putters[1]
    assert await queue.get_many(2) == [2, 3]


@pytest.mark.asyncio
async def test_dropping_items_compares_none() -> None:
    queue: PriorityQueue[tuple[int, object]] = PriorityQueue()
    items: list[tuple[int, object]] = [(1, None), (2, {}), (2, set()), (3, None)]
    for item in items:
        queue.put_nowait(item)
    queue.shutdown(immediate=True)
    await queue.join()
    with pytest.raises(QueueClosedError):
        queue.get_nowait()
