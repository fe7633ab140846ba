"""Scheduling loops and functions, task priorities, interrupts and timeouts for asyncio."""

from aio_sched._version import __version__

__all__ = ["__version__"]
