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

__all__ = [
    "BoundMonitor",
    "CoroStart",
    "CoroutineWrapper",
    "GeneratorObject",
    "GeneratorObjectIterator",
    "Monitor",
    "OOBData",
    "SynchronousAbort",
    "SynchronousError",
    "__version__",
    "aiter_sync",
    "asyncfunction",
    "await_sync",
    "awaitmethod",
    "awaitmethod_iter",
    "cancelling",
    "coro_await",
    "coro_drive",
    "coro_eager",
    "coro_get_frame",
    "coro_is_done",
    "coro_is_finished",
    "coro_is_new",
    "coro_is_suspended",
    "coro_iter",
    "create_eager_task_factory",
    "create_task",
    "eager",
    "eager_ctx",
    "eager_task_factory",
    "func_eager",
    "syncfunction",
]
