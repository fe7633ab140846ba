"""Eager coroutines, synchronous driving, Monitor and GeneratorObject for asyncio and beyond."""

from aio_coro._version import __version__

__all__ = ["__version__"]
