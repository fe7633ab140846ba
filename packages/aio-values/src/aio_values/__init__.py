"""Waitable values, composed values, a waitable dictionary and accessors for asyncio and trio."""

from aio_values._accessor import accessor
from aio_values._dictionary import AsyncDictionary
from aio_values._predicate import awaitable_predicate
from aio_values._property import condition_property
from aio_values._version import __version__

__all__ = ["AsyncDictionary", "accessor", "condition_property", "awaitable_predicate", "__version__"]
