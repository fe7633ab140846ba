"""The queues that hand out their items in another order than they came in."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TypeVar

from aio_queue._queue import Queue

T = TypeVar("T")


class LifoQueue(Queue[T]):
    """A queue whose last item comes out first."""

    def _init(self, maxsize: int) -> None:  # noqa: ARG002 - the signature of asyncio.Queue's hook
        self._queue: list[T] = []

    def _get(self) -> T:
        return self._queue.pop()


class PriorityQueue(Queue[T]):
    """A queue whose smallest item comes out first."""

    def _init(self, maxsize: int) -> None:  # noqa: ARG002 - the signature of asyncio.Queue's hook
        self._queue: list[T] = []

    def _put(self, item: T) -> None:
        heappush(self._queue, item)  # type: ignore[misc]

    def _get(self) -> T:
        return heappop(self._queue)  # type: ignore[misc]
