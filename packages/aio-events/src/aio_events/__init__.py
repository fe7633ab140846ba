"""Repeated events, drift-free ticks and stream helpers for asyncio and trio."""

from aio_events._first import first
from aio_events._periodic import periodic
from aio_events._repeated_event import RepeatedEvent
from aio_events._single_listener import MailboxRepeatedEvent, UnqueuedRepeatedEvent
from aio_events._time_limits import iter_fail_after, iter_move_on_after
from aio_events._version import __version__
from aio_events._zip import azip, azip_longest

__all__ = [  # noqa: RUF022  # in the order of the README's table
    "UnqueuedRepeatedEvent",
    "MailboxRepeatedEvent",
    "RepeatedEvent",
    "periodic",
    "azip",
    "azip_longest",
    "first",
    "iter_move_on_after",
    "iter_fail_after",
    "__version__",
]
