"""Running async functions side by side: until the first, or until the last."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from aio_group._async_function import coroutine_of, name_of, refuse_other_than_functions
from aio_group._failures import Trouble
from aio_group._latch import Latch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

_T = TypeVar("_T")
_T1 = TypeVar("_T1")
_T2 = TypeVar("_T2")
_T3 = TypeVar("_T3")
_T4 = TypeVar("_T4")
_T5 = TypeVar("_T5")
_T6 = TypeVar("_T6")


class _Siblings(Generic[_T]):
    """Tasks that run side by side on behalf of one caller, and never outlive its wait.

    The caller is woken by its children, may be cancelled before, at and after that wake-up, and is still there when the
    last child has ended: only then does it look at what came out.
    """

    def __init__(self, caller: str, fns: Sequence[Callable[[], Awaitable[_T]]]) -> None:
        self._caller = caller
        self._over = Latch()
        self._all_ended = Latch()
        self._tasks: list[asyncio.Task[_T]] = []
        self._ended: list[asyncio.Task[_T]] = []
        self._told: set[asyncio.Task[_T]] = set()
        self._start(fns)

    def _start(self, fns: Sequence[Callable[[], Awaitable[_T]]]) -> None:
        coroutines = _call_all(self._caller, fns)
        loop = asyncio.get_running_loop()
        try:
            for fn, coroutine in zip(fns, coroutines, strict=True):
                self._tasks.append(loop.create_task(coroutine, name=f"{self._caller}: {name_of(fn)}"))
        except BaseException:
            # The loop's task factory failed. What it made is cancelled before its first step.
            for task in self._tasks:
                task.cancel()
            for coroutine in coroutines[len(self._tasks) :]:
                coroutine.close()
            raise

    async def first(self) -> _T:
        """The result of the task that ended first."""
        try:
            await self._run(lambda _: True)
            return self._ended[0].result()
        finally:
            self._forget()

    async def all(self) -> tuple[_T, ...]:
        """The results of all tasks; the first failure ends the others."""
        try:
            await self._run(_came_to_nothing)
            self._raise_gap()
            return tuple(task.result() for task in self._tasks)
        finally:
            self._forget()

    async def _run(self, ends_it: Callable[[asyncio.Task[_T]], bool]) -> None:
        trouble = Trouble()
        self._listen(ends_it)
        try:
            await self._over.wait()
        except asyncio.CancelledError as cancelled:
            trouble.note(cancelled)
        self._stop()
        trouble.note(*await self._all_ended.outlast())
        trouble.note(*map(_error_of, self._ended))
        trouble.raise_all(f"functions failed in {self._caller}()")

    def _raise_gap(self) -> None:
        """A task that was cancelled by somebody else has no result to give: its CancelledError is the caller's."""
        for task in self._ended:
            if task.cancelled() and task not in self._told:
                task.result()

    def _forget(self) -> None:
        """The tasks hold their errors, whose tracebacks lead here: let the caller's frame be the end of the chain."""
        self._tasks.clear()
        self._ended.clear()
        self._told.clear()

    def _listen(self, ends_it: Callable[[asyncio.Task[_T]], bool]) -> None:
        for task in self._tasks:
            task.add_done_callback(lambda task: self._note_end(task, ends_it))

    def _note_end(self, task: asyncio.Task[_T], ends_it: Callable[[asyncio.Task[_T]], bool]) -> None:
        self._ended.append(task)
        everything = len(self._ended) == len(self._tasks)
        if everything or ends_it(task):
            self._over.open()
        if everything:
            self._all_ended.open()

    def _stop(self) -> None:
        for task in self._tasks:
            if not task.done():
                self._told.add(task)
                task.cancel()


def _call_all(caller: str, fns: Sequence[Callable[[], Awaitable[_T]]]) -> list[Coroutine[Any, Any, _T]]:
    """Call all of them, or none: what the first ones returned is closed if a later one cannot be called."""
    refuse_other_than_functions(caller, fns)
    coroutines: list[Coroutine[Any, Any, _T]] = []
    try:
        coroutines.extend(coroutine_of(caller, fn) for fn in fns)
    except BaseException:
        for coroutine in coroutines:
            coroutine.close()
        raise
    return coroutines


def _came_to_nothing(task: asyncio.Task[Any]) -> bool:
    return task.cancelled() or task.exception() is not None


def _error_of(task: asyncio.Task[Any]) -> BaseException | None:
    return None if task.cancelled() else task.exception()


@overload
async def wait_any(fn1: Callable[[], Awaitable[_T1]], /) -> _T1: ...
@overload
async def wait_any(fn1: Callable[[], Awaitable[_T1]], fn2: Callable[[], Awaitable[_T2]], /) -> _T1 | _T2: ...
@overload
async def wait_any(
    fn1: Callable[[], Awaitable[_T1]], fn2: Callable[[], Awaitable[_T2]], fn3: Callable[[], Awaitable[_T3]], /
) -> _T1 | _T2 | _T3: ...
@overload
async def wait_any(
    fn1: Callable[[], Awaitable[_T1]],
    fn2: Callable[[], Awaitable[_T2]],
    fn3: Callable[[], Awaitable[_T3]],
    fn4: Callable[[], Awaitable[_T4]],
    /,
) -> _T1 | _T2 | _T3 | _T4: ...
@overload
async def wait_any(
    fn1: Callable[[], Awaitable[_T1]],
    fn2: Callable[[], Awaitable[_T2]],
    fn3: Callable[[], Awaitable[_T3]],
    fn4: Callable[[], Awaitable[_T4]],
    fn5: Callable[[], Awaitable[_T5]],
    /,
) -> _T1 | _T2 | _T3 | _T4 | _T5: ...
@overload
async def wait_any(
    fn1: Callable[[], Awaitable[_T1]],
    fn2: Callable[[], Awaitable[_T2]],
    fn3: Callable[[], Awaitable[_T3]],
    fn4: Callable[[], Awaitable[_T4]],
    fn5: Callable[[], Awaitable[_T5]],
    fn6: Callable[[], Awaitable[_T6]],
    /,
) -> _T1 | _T2 | _T3 | _T4 | _T5 | _T6: ...
@overload
async def wait_any(*fns: Callable[[], Awaitable[_T]]) -> _T: ...
async def wait_any(*fns: Callable[[], Awaitable[Any]]) -> Any:
    """Run async functions side by side until the first of them is done, and return what that one returned.

    The others are then cancelled **and awaited**: when the call ends, however it ends, none of them still runs. For
    functions that wait, such as `wait_any(stop.wait, connection.wait_closed)`. What a function had to give when
    another one won is dropped: do not let two `queue.get` race.

    Args:
        *fns: Async functions without parameters; `functools.partial` holds arguments. Each runs in a task of its own.

    Returns:
        The result of the function that was done first. Of two that are done in the same pass of the loop: the earlier.

    Raises:
        ValueError: No function was given.
        TypeError: Something else than an async function was given. Nothing was started.
        asyncio.CancelledError: The caller was cancelled, also when that coincides with a result; or the first function
            ended by a cancellation that did not come from here.
        BaseException: Whatever the function raised that was done first. An error is never dropped, so one that another
            function raised meanwhile, or when it was cancelled, is raised too, even in place of a result.
        BaseExceptionGroup: Several functions failed. Errors go before a cancellation of the caller, which then arrives
            at its next wait.

    A cancellation is passed on to the functions, and they are awaited; one that does not end is waited for without end.
    Further cancellations do not cut this short. The idea is trio-util's.
    """
    if not fns:
        raise ValueError("wait_any() needs at least one async function: none of none can be the first")
    return await _Siblings("wait_any", fns).first()


@overload
async def wait_all() -> tuple[()]: ...
@overload
async def wait_all(fn1: Callable[[], Awaitable[_T1]], /) -> tuple[_T1]: ...
@overload
async def wait_all(fn1: Callable[[], Awaitable[_T1]], fn2: Callable[[], Awaitable[_T2]], /) -> tuple[_T1, _T2]: ...
@overload
async def wait_all(
    fn1: Callable[[], Awaitable[_T1]], fn2: Callable[[], Awaitable[_T2]], fn3: Callable[[], Awaitable[_T3]], /
) -> tuple[_T1, _T2, _T3]: ...
@overload
async def wait_all(
    fn1: Callable[[], Awaitable[_T1]],
    fn2: Callable[[], Awaitable[_T2]],
    fn3: Callable[[], Awaitable[_T3]],
    fn4: Callable[[], Awaitable[_T4]],
    /,
) -> tuple[_T1, _T2, _T3, _T4]: ...
@overload
async def wait_all(
    fn1: Callable[[], Awaitable[_T1]],
    fn2: Callable[[], Awaitable[_T2]],
    fn3: Callable[[], Awaitable[_T3]],
    fn4: Callable[[], Awaitable[_T4]],
    fn5: Callable[[], Awaitable[_T5]],
    /,
) -> tuple[_T1, _T2, _T3, _T4, _T5]: ...
@overload
async def wait_all(
    fn1: Callable[[], Awaitable[_T1]],
    fn2: Callable[[], Awaitable[_T2]],
    fn3: Callable[[], Awaitable[_T3]],
    fn4: Callable[[], Awaitable[_T4]],
    fn5: Callable[[], Awaitable[_T5]],
    fn6: Callable[[], Awaitable[_T6]],
    /,
) -> tuple[_T1, _T2, _T3, _T4, _T5, _T6]: ...
@overload
async def wait_all(*fns: Callable[[], Awaitable[_T]]) -> tuple[_T, ...]: ...
async def wait_all(*fns: Callable[[], Awaitable[Any]]) -> tuple[Any, ...]:
    """Run async functions side by side until all of them are done, and return what they returned.

    If one fails, the others are cancelled **and awaited**: when the call ends, however it ends, none of them still runs
    (`asyncio.gather` leaves them running).

    Args:
        *fns: Async functions without parameters; `functools.partial` holds arguments. Each runs in a task of its own.
            None at all is fine: there is nothing to wait for.

    Returns:
        Their results, in the order of the functions.

    Raises:
        TypeError: Something else than an async function was given. Nothing was started.
        asyncio.CancelledError: The caller was cancelled; or a function ended by a cancellation that did not come from
            here, which leaves a gap in the results.
        BaseException: What the one function raised that failed.
        BaseExceptionGroup: Several functions failed. Errors go before a cancellation of the caller, which then arrives
            at its next wait.

    A condition that one function waited for may no longer hold when the last one is done.

    A cancellation is passed on to the functions, and they are awaited; one that does not end is waited for without end.
    Further cancellations do not cut this short. The idea is trio-util's.
    """
    if not fns:
        return ()
    return await _Siblings("wait_all", fns).all()
