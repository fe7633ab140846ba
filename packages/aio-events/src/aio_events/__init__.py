"""Repeated events, drift-free ticks and stream helpers for asyncio and trio."""

from aio_events._version import __version__

__all__ = ["__version__"]
