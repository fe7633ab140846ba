"""Task groups, resources, nurseries, shielding, executors and running an asyncio application."""

from aio_group._beside import move_on_when, run_and_cancelling
from aio_group._call import AsyncCallable, call, call_on_cancel, call_on_done
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
from aio_group._wait_for import CancelledWithResultError, wait_for

__all__ = [
    "AsyncCallable",
    "CancelledWithResultError",
    "Executor",
    "Group",
    "GroupClosedError",
    "Registry",
    "RegistryMeta",
    "Resource",
    "TaskNursery",
    "__version__",
    "async_exit_on_exc",
    "call",
    "call_on_cancel",
    "call_on_done",
    "create_executor",
    "init_asyncio",
    "make_async",
    "move_on_when",
    "run_and_cancelling",
    "run_asyncio",
    "uncancellable",
    "wait_all",
    "wait_any",
    "wait_for",
]
