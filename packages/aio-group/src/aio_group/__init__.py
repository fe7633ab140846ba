"""Task groups, resources, nurseries, shielding, executors and running an asyncio application."""

from aio_group._call import AsyncCallable, call, call_on_cancel, call_on_done
from aio_group._executor import Executor, create_executor, make_async
from aio_group._group import Group, GroupClosedError
from aio_group._resource import Resource
from aio_group._shield import uncancellable
from aio_group._version import __version__
from aio_group._wait_for import CancelledWithResultError, wait_for

__all__ = [
    "AsyncCallable",
    "CancelledWithResultError",
    "Executor",
    "Group",
    "GroupClosedError",
    "Resource",
    "__version__",
    "call",
    "call_on_cancel",
    "call_on_done",
    "create_executor",
    "make_async",
    "uncancellable",
    "wait_for",
]
