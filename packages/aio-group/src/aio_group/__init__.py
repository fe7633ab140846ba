"""Task groups, resources, nurseries, shielding, executors and running an asyncio application."""

from aio_group._version import __version__

__all__ = ["__version__"]
