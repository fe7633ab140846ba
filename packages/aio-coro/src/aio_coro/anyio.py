"""anyio task groups whose tasks start at once. Needs the extra: `pip install aio-coro[anyio]`."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

try:
    import anyio
    from anyio.abc import TaskGroup
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError("aio_coro.anyio needs anyio: pip install aio-coro[anyio]", name=_error.name) from _error

from aio_coro._first_step import start_what_makes
from aio_coro._start import CoroStart
from aio_coro._task import require_free_context

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context
    from types import TracebackType
    from typing import Self

    from anyio import CancelScope, TaskHandle

__all__ = ["EagerTaskGroup", "create_eager_task_group"]

T = TypeVar("T")
R = TypeVar("R")


def create_eager_task_group() -> EagerTaskGroup:
    """Make a task group whose tasks start at once; what `anyio.create_task_group()` is for ordinary ones.

    Returns:
        The group, to be entered with `async with`.
    """
    return EagerTaskGroup()


class EagerTaskGroup(TaskGroup):
    """An anyio task group that runs the first part of each task before the call that starts it returns.

    On anyio's asyncio backend, `start_soon()`, `create_task()` and `start()` make the task in a group of anyio's own
    and then run it up to where it first suspends. It is the current task in that part, and a child of the group:
    cancel scopes, task groups and timeouts inside belong to it, and what it raises reaches the group, not the caller.
    All else (cancellation, handles, names, the group's end) is anyio's.

    trio lets nobody run a part of a task outside of its scheduler. On the trio backend the tasks start as in any
    other group, and `starts_at_once` is False.
    """

    def __init__(self) -> None:
        self._group = anyio.create_task_group()
        self._on_asyncio = anyio.get_cancelled_exc_class() is asyncio.CancelledError
        # What `start()` has begun and nobody has awaited yet. Dropped, anyio's code in there would take it for a
        # broken wait, and open a scope in whatever task happens to be current; so it stays until the group ends.
        self._begun: set[CoroStart[Any]] = set()

    @property
    def starts_at_once(self) -> bool:
        """Whether tasks start at once: True on asyncio, False on trio."""
        return self._on_asyncio

    @property
    def cancel_scope(self) -> CancelScope:  # type: ignore[override]  # a plain attribute there
        """The cancel scope of the group, around all its tasks."""
        return self._group.cancel_scope

    def create_task(
        self, coro: Coroutine[Any, Any, T], *, name: object = None, context: Context | None = None
    ) -> TaskHandle[T]:
        """Make a task of a coroutine and run its first part.

        Args:
            coro: The coroutine.
            name: The task's name; that of the coroutine by default.
            context: The task gets a copy of this context instead of the caller's.

        Returns:
            The task's handle; it is finished already if the coroutine did not suspend.

        Raises:
            TypeError: `coro` is not a coroutine, or `context` not a context.
            RuntimeError: The group is not active, or the context is entered already.
            KeyboardInterrupt, SystemExit: Raised by the first part.
        """
        require_free_context(context)
        return self._started(partial(self._group.create_task, coro, name=name, context=context))

    @overload
    def start(
        self,
        func: Callable[..., Coroutine[Any, Any, T]],
        *args: object,
        name: object = None,
        return_handle: Literal[False] = ...,
    ) -> Coroutine[Any, Any, Any]: ...
    @overload
    def start(
        self,
        func: Callable[..., Coroutine[Any, Any, T]],
        *args: object,
        name: object = None,
        return_handle: Literal[True],
    ) -> Coroutine[Any, Any, TaskHandle[T, Any]]: ...
    def start(
        self,
        func: Callable[..., Coroutine[Any, Any, Any]],
        *args: object,
        name: object = None,
        return_handle: Literal[False, True] = False,
    ) -> Coroutine[Any, Any, Any]:
        """Start a task and, when awaited, wait until it calls `task_status.started()`.

        The first part of the task runs in this call, not when its result is awaited. The result has to be awaited,
        in the task that made the call. If that wait is cancelled, so is the task, unless it has reported its start.

        Args:
            func: Called with `args` and the keyword argument `task_status`; returns the coroutine.
            args: Positional arguments for `func`.
            name: The task's name; that of `func` by default.
            return_handle: Return the task's handle, with the value in `start_value`.

        Returns:
            When awaited, the value given to `task_status.started()`, or the handle.

        Raises:
            TypeError: `func` did not return a coroutine.
            RuntimeError: The group is not active. When awaited: the task ended without calling
                `task_status.started()`.
            KeyboardInterrupt, SystemExit: Raised by the first part.
        """
        waiting: Coroutine[Any, Any, Any] = self._group.start(func, *args, name=name, return_handle=return_handle)
        if not self._on_asyncio:
            return waiting
        begun = self._started(partial(CoroStart, waiting))
        if begun.done():
            begun.result()  # it raised: a start that succeeds has to wait for the task
        self._begun.add(begun)
        return self._wait(begun)

    async def _wait(self, begun: CoroStart[T]) -> T:
        self._begun.remove(begun)
        return await begun

    def _end_unawaited(self) -> None:
        """End the waits that nobody awaited. All tasks are done by now, so none of them has anything to wait for."""
        for begun in self._begun:
            rest = begun.as_coroutine()
            try:
                while True:
                    rest.send(None)
            except StopIteration:
                continue
            except Exception as error:
                message = "A task failed before it reported its start, and nobody awaited that"
                asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})
        self._begun.clear()

    def _started(self, make: Callable[[], R]) -> R:
        return start_what_makes(asyncio.get_running_loop(), make) if self._on_asyncio else make()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> bool:
        try:
            return bool(await self._group.__aexit__(exc_type, exc_val, exc_tb))
        finally:
            self._end_unawaited()

    def __repr__(self) -> str:
        how = "starts tasks at once" if self._on_asyncio else "on trio, starts tasks as usual"
        return f"<{type(self).__qualname__} {how}, {self._group!r}>"
