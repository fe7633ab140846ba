"""Task groups, resources, nurseries, shielding, executors and running an asyncio application."""

from aio_group._beside import move_on_when, run_and_cancelling
from aio_group._call import AsyncCallable, call, call_on_cancel, call_on_done
from aio_group._cancellation import CancelledWithResultError
from aio_group._executor import Executor, create_executor, make_async
from aio_group._exit_on_exc import async_exit_on_exc
from aio_group._group import Group, GroupClosedError
from aio_group._nursery import TaskNursery
from aio_group._registry import Registry, RegistryMeta
from aio_group._resource import Resource
from aio_group._run import init_asyncio, run_asyncio
from aio_group._shield import uncancellable
from aio_group._together import wait_all, wait_any
from aio_group._version import __version__
from aio_group._wait_for import wait_for

__all__ = [  # noqa: RUF022  # in the order of the README's table
    "Group",
    "GroupClosedError",
    "Resource",
    "uncancellable",
    "wait_for",
    "CancelledWithResultError",
    "call",
    "call_on_cancel",
    "call_on_done",
    "AsyncCallable",
    "Executor",
    "create_executor",
    "make_async",
    "run_asyncio",
    "init_asyncio",
    "TaskNursery",
    "async_exit_on_exc",
    "Registry",
    "RegistryMeta",
    "wait_any",
    "wait_all",
    "move_on_when",
    "run_and_cancelling",
    "__version__",
]
