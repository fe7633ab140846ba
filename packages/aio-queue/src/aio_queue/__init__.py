"""Queues for asyncio that close, iterate and batch; a drop-in for asyncio.Queue."""

from aio_queue._version import __version__

__all__ = ["__version__"]
