"""Waitable values, composed values, a waitable dictionary and accessors for asyncio and trio."""

from aio_values import lowlevel
from aio_values._accessor import accessor
from aio_values._bool import AsyncBool
from aio_values._compose import compose_values
from aio_values._dictionary import AsyncDictionary
from aio_values._matching import equals
from aio_values._predicate import awaitable_predicate
from aio_values._property import condition_property
from aio_values._value import AsyncValue
from aio_values._version import __version__

__all__ = [  # noqa: RUF022  # in the order of the README's table
    "AsyncValue",
    "AsyncBool",
    "compose_values",
    "equals",
    "AsyncDictionary",
    "accessor",
    "condition_property",
    "awaitable_predicate",
    "lowlevel",
    "__version__",
]
