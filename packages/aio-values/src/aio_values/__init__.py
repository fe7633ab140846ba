"""Waitable values, composed values, a waitable dictionary and accessors for asyncio and trio."""

from aio_values._version import __version__

__all__ = ["__version__"]
