"""Synchronous functions in threads and processes."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from concurrent.futures import Executor as Pool
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

from aio_group._group import Group, GroupClosedError
from aio_group._resource import Resource
from aio_group._shield import uncancellable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from concurrent.futures import Future

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Executor(Resource):
    """A pool of threads (or processes) with a lifetime: synchronous functions run in it, and end before it is closed.

    ```python
    async with Executor(4) as executor:
        digest = await executor.spawn(hash_file, path)
    ```

    In threads, a function sees the caller's context variables, as with `asyncio.to_thread`; what it sets is not seen by
    the caller. Processes and subinterpreters cannot take a context over: there a function sees none, and it, its
    arguments and its result must be picklable.

    A function that raises StopIteration fails with RuntimeError, as a coroutine does.

    Args:
        *args: For `executor_cls`: the number of workers, as a rule.
        executor_cls: The class of the pool.
        log_exceptions: Whether errors that nobody awaits are logged, see `Group`.
        wait_futures: Whether closing waits for the functions that were spawned, also those that no worker had time
            for yet, and for the workers to end. If not, those that have not begun are cancelled, and those that have
            run on in their threads, which nothing can stop, while their results are dropped.

    Raises:
        RuntimeError: No loop is running.
        TypeError: `executor_cls` made no executor. What it raises itself comes through.
    """

    def __init__(
        self,
        *args: Any,
        executor_cls: Callable[..., Pool] = ThreadPoolExecutor,
        log_exceptions: bool = True,
        wait_futures: bool = True,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._wait_futures = wait_futures
        self._pool = _make_pool(executor_cls, args)
        self._group = Group(log_exceptions=log_exceptions)
        # Not a subgroup: what becomes of the calls when the executor closes is for `_end` to say.
        self._calls = Group(log_exceptions=log_exceptions)
        self._group.spawn(self._end)

    @property
    def async_group(self) -> Group:
        """The group that controls the lifetime."""
        return self._group

    def spawn(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> asyncio.Future[_T]:
        """Run a function in the pool.

        Args:
            fn: The function. It begins as soon as a worker has time.
            *args: Its positional arguments.
            **kwargs: Its keyword arguments.

        Returns:
            A future of its outcome, shielded as those of `Group.spawn` are.

        Raises:
            GroupClosedError: The executor is closing or closed.
            RuntimeError: Called from another loop or thread than the executor's; `fn` is not run.
        """
        self._group._check_loop()
        if not self._group.is_open:
            raise GroupClosedError(f"cannot run {fn!r}: the executor is {'closed' if self.is_closed else 'closing'}")
        return self._calls.wrap(asyncio.wrap_future(_submit(self._pool, fn, *args, **kwargs), loop=self._loop))

    async def _end(self) -> None:
        try:
            await self._group.wait_closing()
        finally:
            # The task may also be cancelled from outside the group, at the end of asyncio.run.
            self._group.close()
            await uncancellable(self._shut_down())

    async def _shut_down(self) -> None:
        await self._calls.async_close(cancel=not self._wait_futures)
        if self._wait_futures:
            await _in_own_thread(self._pool.shutdown)
        else:
            self._pool.shutdown(wait=False, cancel_futures=True)


class _InExecutor(Protocol):
    def __call__(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Awaitable[_T]: ...


def create_executor(
    *args: Any,
    executor_cls: Callable[..., Pool] = ThreadPoolExecutor,
    loop: asyncio.AbstractEventLoop | None = None,
) -> _InExecutor:
    """Make a pool and return the async function that runs functions in it.

    The little sibling of `Executor`: without a lifetime. The workers end when the function that was returned is
    dropped and its calls have ended.

    Args:
        *args: For `executor_cls`: the number of workers, as a rule.
        executor_cls: The class of the pool.
        loop: The loop that results come back to; None takes the one that runs at each call.

    Returns:
        An async function of `(fn, *args, **kwargs)` that returns the result of `fn`. Context variables are carried into
        threads, see `Executor`. If the call is cancelled, a function that no worker has begun is never run; one that
        has begun runs on, and its outcome is dropped.
    """
    pool = _make_pool(executor_cls, args)

    async def in_executor(fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        future = asyncio.wrap_future(_submit(pool, fn, *args, **kwargs), loop=loop)
        try:
            return await future
        finally:
            # A task that is interrupted, not cancelled, leaves what it waits for pending: nobody would ask for it.
            future.cancel()
            # Its error's traceback leads to this frame, which must not lead back to it.
            del future

    return in_executor


@overload
def make_async(func: Callable[_P, Coroutine[Any, Any, _T]]) -> Callable[_P, Coroutine[Any, Any, _T]]: ...
@overload
def make_async(func: Callable[_P, Awaitable[_T]]) -> Callable[_P, Coroutine[Any, Any, _T]]: ...
@overload
def make_async(func: Callable[_P, _T]) -> Callable[_P, Coroutine[Any, Any, _T]]: ...
def make_async(func: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Make a synchronous function asynchronous, as a decorator: each call runs in the loop's default executor.

    Works for functions and methods; with `staticmethod`, `classmethod` or `property`, it stands below them.

    Args:
        func: The function. It runs in a thread, with the caller's context variables. If it returns an awaitable, that
            is awaited in the caller's loop. An async function is returned as it is.

    Returns:
        The async function, with the name, documentation and signature of `func`. If a call is cancelled, a function
        that no thread has begun is never run; one that has begun runs on, and its outcome is dropped.

    Raises:
        TypeError: `func` is not a function.
    """
    if inspect.iscoroutinefunction(func):
        return func
    if not callable(func):
        raise TypeError(
            f"make_async needs a function, not {func!r}: put it below staticmethod, classmethod or property"
        )

    @functools.wraps(func)
    async def in_thread(*args: Any, **kwargs: Any) -> Any:
        result = await asyncio.to_thread(_call, func, *args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    return in_thread


def _make_pool(executor_cls: Callable[..., Pool], args: tuple[Any, ...]) -> Pool:
    pool = executor_cls(*args)
    if not isinstance(pool, Pool):
        raise TypeError(f"executor_cls must make a concurrent.futures.Executor, not {pool!r}")
    return pool


def _submit(pool: Pool, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
    if _runs_in_this_interpreter(pool):
        return pool.submit(functools.partial(copy_context().run, _call, fn, *args, **kwargs))
    if sys.version_info < (3, 13):
        return pool.submit(_call, fn, *args, **kwargs)
    return pool.submit(fn, *args, **kwargs)


def _call(fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Call it. A StopIteration, as of `next`, fits no future: before 3.11.8 and 3.12.2 that would never be done."""
    try:
        return fn(*args, **kwargs)
    except StopIteration as stop:
        raise RuntimeError(f"{fn!r} raised StopIteration") from stop


def _runs_in_this_interpreter(pool: Pool) -> bool:
    """Whether a context can be carried there: only into threads that share the caller's objects."""
    # The pool of subinterpreters (3.14+) is a kind of thread pool, too, but pickles what it is given.
    kinds = {kind.__name__ for kind in type(pool).__mro__}
    return ThreadPoolExecutor.__name__ in kinds and "InterpreterPoolExecutor" not in kinds


async def _in_own_thread(fn: Callable[[], object]) -> None:
    """Run a function that blocks in a thread made for it, not in the default executor, which may be busy."""
    thread = ThreadPoolExecutor(1)
    try:
        await asyncio.wrap_future(thread.submit(fn))
    finally:
        thread.shutdown(wait=False)
