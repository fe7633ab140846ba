"""The whole aio-suite family: one install for all its pieces."""

from aio_suite._version import __version__

__all__ = ["__version__"]
