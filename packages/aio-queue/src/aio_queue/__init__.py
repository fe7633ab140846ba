"""Queues for asyncio that close, iterate and batch; a drop-in for asyncio.Queue."""

from aio_queue._errors import QueueClosedError, QueueEmptyError, QueueFullError
from aio_queue._ordered import LifoQueue, PriorityQueue
from aio_queue._queue import Queue
from aio_queue._version import __version__

__all__ = [  # noqa: RUF022 - in the order of the README's table
    "Queue",
    "LifoQueue",
    "PriorityQueue",
    "QueueClosedError",
    "QueueEmptyError",
    "QueueFullError",
    "__version__",
]
