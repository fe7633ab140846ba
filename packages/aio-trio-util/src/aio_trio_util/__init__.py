"""The trio-util API on today's trio."""

from aio_trio_util._concurrency import wait_all, wait_any
from aio_trio_util._exceptions import defer_to_cancelled, multi_error_defer_to
from aio_trio_util._generator import trio_async_generator
from aio_trio_util._scopes import move_on_when, run_and_cancelling
from aio_trio_util._stats import TaskReport, TaskStats
from aio_trio_util._version import __version__

__all__ = [
    "TaskReport",
    "TaskStats",
    "__version__",
    "defer_to_cancelled",
    "move_on_when",
    "multi_error_defer_to",
    "run_and_cancelling",
    "trio_async_generator",
    "wait_all",
    "wait_any",
]
