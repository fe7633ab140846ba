"""Eager coroutines, synchronous driving, Monitor and GeneratorObject for asyncio and beyond."""

from aio_coro._cancelling import cancelling
from aio_coro._drive import awaitmethod, awaitmethod_iter, coro_drive, coro_iter
from aio_coro._eager import coro_eager, eager, eager_ctx, func_eager
from aio_coro._factory import create_eager_task_factory, eager_task_factory
from aio_coro._generator import GeneratorObject, GeneratorObjectIterator
from aio_coro._inspect import coro_get_frame, coro_is_done, coro_is_finished, coro_is_new, coro_is_suspended
from aio_coro._monitor import BoundMonitor, Monitor, OOBData
from aio_coro._start import CoroStart, coro_await
from aio_coro._sync import SynchronousAbort, SynchronousError, aiter_sync, asyncfunction, await_sync, syncfunction
from aio_coro._task import create_task
from aio_coro._version import __version__
from aio_coro._wrapper import CoroutineWrapper

__all__ = [  # noqa: RUF022  # in the order of the README's table
    "eager",
    "coro_eager",
    "func_eager",
    "eager_ctx",
    "cancelling",
    "create_task",
    "create_eager_task_factory",
    "eager_task_factory",
    "CoroStart",
    "coro_await",
    "coro_drive",
    "coro_iter",
    "awaitmethod",
    "awaitmethod_iter",
    "CoroutineWrapper",
    "coro_is_new",
    "coro_is_suspended",
    "coro_is_done",
    "coro_is_finished",
    "coro_get_frame",
    "await_sync",
    "syncfunction",
    "aiter_sync",
    "asyncfunction",
    "SynchronousError",
    "SynchronousAbort",
    "Monitor",
    "BoundMonitor",
    "OOBData",
    "GeneratorObject",
    "GeneratorObjectIterator",
    "__version__",
]
