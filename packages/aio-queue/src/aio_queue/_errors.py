"""The errors of the queues, each also the one that asyncio raises in its place."""

from __future__ import annotations

import asyncio
import sys

if sys.version_info >= (3, 13):
    _ShutDown = asyncio.QueueShutDown
else:
    _ShutDown = Exception


class QueueClosedError(_ShutDown):
    """The queue is closed: nothing can be put any more, or nothing is left to get.

    Where `asyncio.QueueShutDown` exists (Python 3.13 and later) this class derives from it, so that existing
    `except` clauses keep working.
    """


class QueueEmptyError(asyncio.QueueEmpty):
    """Nothing can be had without waiting. Derives from `asyncio.QueueEmpty`."""


class QueueFullError(asyncio.QueueFull):
    """Nothing can be put without waiting. Derives from `asyncio.QueueFull`."""
