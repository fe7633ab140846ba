"""The queues that hand out their items in another order than they came in."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, TypeVar

from aio_queue import _heap
from aio_queue._queue import Queue

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class LifoQueue(Queue[T]):
    """A queue whose latest item comes out first: a stack that tasks can wait for.

    All else is as in `Queue`. Which item a woken getter takes is settled when it runs: the latest then.
    """

    def _init(self, maxsize: int) -> None:  # noqa: ARG002 - the signature of asyncio.Queue's hook
        self._queue: list[T] = []

    def _get(self) -> T:
        return self._queue.pop()


class PriorityQueue(Queue[T]):
    """A queue whose smallest item comes out first; of equal items, any.

    All else is as in `Queue`. Which item a woken getter takes is settled when it runs: the smallest then.

    Items must be comparable with `<`. Where a comparison raises, the put or get that needed it raises what the
    comparison raised, and the queue is as it was before: a failed put has not put (nor has a `put_many`, in full), a
    failed get has not taken. Only an object that is in the queue more than once, itself and not its equal, may make a
    failed get leave the items out of order; none is lost. So that items are never compared by what they carry, put a
    counter before that: `(priority, next(counter), payload)`.

    Cost: a put or get takes time proportional to the logarithm of the size.
    """

    def _init(self, maxsize: int) -> None:  # noqa: ARG002 - the signature of asyncio.Queue's hook
        self._queue: list[T] = []

    def _put(self, item: T) -> None:
        try:
            heappush(self._queue, item)  # type: ignore[type-var]  # whether it can be compared shows when it is
        except BaseException:
            _heap.undo_push(self._queue, item)
            raise

    def _get(self) -> T:
        heap = self._queue
        smallest, last = heap[0], heap[-1]
        try:
            return heappop(heap)  # type: ignore[type-var]  # see above
        except BaseException:
            _heap.undo_pop(heap, smallest, last)
            raise

    def _put_each(self, items: Sequence[T]) -> None:
        if type(self)._put is PriorityQueue._put:
            _heap.push_all(self._queue, items)
        else:
            super()._put_each(items)

    def _drop(self) -> None:
        if type(self)._get is PriorityQueue._get:
            # Dropping needs no order, and so no comparison that could raise.
            self._queue.clear()
        else:
            super()._drop()
