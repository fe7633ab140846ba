"""The trio-util API on today's trio."""

from aio_events import (
    MailboxRepeatedEvent,
    RepeatedEvent,
    UnqueuedRepeatedEvent,
    azip,
    azip_longest,
    iter_fail_after,
    iter_move_on_after,
    periodic,
)
from aio_values import AsyncBool, AsyncDictionary, AsyncValue, compose_values

from aio_trio_util._concurrency import wait_all, wait_any
from aio_trio_util._exceptions import defer_to_cancelled, multi_error_defer_to
from aio_trio_util._generator import trio_async_generator
from aio_trio_util._scopes import move_on_when, run_and_cancelling
from aio_trio_util._stats import TaskReport, TaskStats
from aio_trio_util._version import __version__

__all__ = [  # noqa: RUF022  # in the order of the README's table
    "wait_any",
    "wait_all",
    "AsyncValue",
    "AsyncBool",
    "AsyncDictionary",
    "compose_values",
    "UnqueuedRepeatedEvent",
    "MailboxRepeatedEvent",
    "RepeatedEvent",
    "periodic",
    "azip",
    "azip_longest",
    "iter_move_on_after",
    "iter_fail_after",
    "move_on_when",
    "run_and_cancelling",
    "trio_async_generator",
    "TaskStats",
    "TaskReport",
    "defer_to_cancelled",
    "multi_error_defer_to",
    "__version__",
]
