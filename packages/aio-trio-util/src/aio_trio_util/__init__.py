"""The trio-util API on today's trio."""

from aio_trio_util._version import __version__

__all__ = ["__version__"]
