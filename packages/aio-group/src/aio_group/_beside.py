"""Running an async function beside the body of an `async with` block."""

from __future__ import annotations

import asyncio
import enum
from typing import TYPE_CHECKING, Any, ParamSpec

from aio_group._async_function import coroutine_of, name_of, refuse_other_than_functions
from aio_group._body import Body
from aio_group._failures import Trouble
from aio_group._latch import Latch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType
    from typing import Self

_P = ParamSpec("_P")


class _State(enum.Enum):
    NEW = "not entered"
    OPEN = "open"
    ENDED = "ended"


class _Beside:
    """A block with a companion: an async function that starts where the block begins, and never outlives it.

    Body and companion can fail or be cancelled in any order, together too; the block ends when both have ended.
    """

    def __init__(
        self, caller: str, fn: Callable[..., Awaitable[object]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        refuse_other_than_functions(caller, [fn])
        self._caller = caller
        self._call = (fn, args, kwargs)
        self._state = _State.NEW
        # These two only while the block is open: they lead to errors whose tracebacks lead here.
        self._body: Body | None = None
        self._companion: asyncio.Task[object] | None = None
        self._companion_ended = Latch()

    def _begin(self) -> None:
        if self._state is not _State.NEW:
            raise RuntimeError(f"this {self._caller}() was entered before: each block needs a call of its own")
        body = Body()
        fn, args, kwargs = self._call
        coroutine = coroutine_of(self._caller, fn, *args, **kwargs)
        try:
            companion = asyncio.get_running_loop().create_task(coroutine, name=f"{self._caller}: {name_of(fn)}")
        except BaseException:
            # The loop's task factory failed.
            coroutine.close()
            raise
        self._body = body
        self._companion = companion
        self._state = _State.OPEN
        companion.add_done_callback(self._note_end)

    def _note_end(self, companion: asyncio.Task[object]) -> None:
        self._companion_ended.open()
        if companion.cancelled() or companion.exception() is not None:
            # If the block asked for it, its body has ended, and this does nothing.
            self._cancel_body()
        else:
            self._note_return()

    def _note_return(self) -> None:
        """The function returned while the body still runs, or after."""

    def _cancel_body(self) -> None:
        if self._body is not None:
            self._body.cancel()

    async def _leave(self, exc: BaseException | None) -> bool:
        """Wait for the end of the function, raise what went wrong; tell whether that deals with `exc`."""
        body, companion, self._body, self._companion = self._body, self._companion, None, None
        assert body is not None, "a block is entered, and left once"
        assert companion is not None, "it came with the body"
        self._state = _State.ENDED
        caught = body.end(exc)
        del body
        self._note_body_end(caught)
        trouble = Trouble()
        trouble.note(None if caught else exc)
        told = not companion.done()
        companion.cancel()
        trouble.note(*await self._companion_ended.outlast())
        trouble.note(_failure_of(companion, told))
        del companion
        if exc is not None and trouble.is_nothing_but(exc):
            trouble.give_way()
            return False
        trouble.raise_all(f"body and function failed in {self._caller}()")
        return caught

    def _note_body_end(self, caught: bool) -> None:
        """The body ended; `caught` if by nothing but the cancellation made here."""


def _failure_of(companion: asyncio.Task[object], told: bool) -> BaseException | None:
    """What the block has to raise on behalf of its companion; `told` if the block cancelled it."""
    if not companion.cancelled():
        return companion.exception()
    return None if told else asyncio.CancelledError(f"{companion.get_name()} was cancelled from elsewhere")


class MoveOnScope(_Beside):
    """What `move_on_when` returns: the block, and how it ended.

    Attributes:
        cancel_called: Whether the block was told to end: the function returned in time, or `cancel` was called.
        cancelled_caught: Whether that is what ended it: its body was cut short, and went no further than the block.
    """

    cancel_called: bool = False
    cancelled_caught: bool = False

    async def __aenter__(self) -> Self:
        self._begin()
        if self.cancel_called:
            # Before, or by a function that an eager task factory started at once.
            self._cancel_body()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> bool:
        return await self._leave(exc)

    def cancel(self) -> None:
        """End the block as if the function had returned, at the body's next wait; at its first if it has yet to begin.

        Does nothing once the body ended.
        """
        if self._state is _State.ENDED:
            return
        self.cancel_called = True
        self._cancel_body()

    def _note_return(self) -> None:
        self.cancel()

    def _note_body_end(self, caught: bool) -> None:
        self.cancelled_caught = caught and self.cancel_called

    def __repr__(self) -> str:
        fn = name_of(self._call[0])
        return (
            f"<aio_group.move_on_when({fn}) {self._state.value} "
            f"cancel_called={self.cancel_called} cancelled_caught={self.cancelled_caught}>"
        )


def move_on_when(fn: Callable[_P, Awaitable[object]], /, *args: _P.args, **kwargs: _P.kwargs) -> MoveOnScope:
    """Run the body of an `async with` block until it ends, or until an async function returns.

    ```python
    async with move_on_when(stop.wait) as scope:
        await work()
    if scope.cancelled_caught:
        print("stopped before the work was done")
    ```

    The function runs in a task of its own, which has ended when the block ends, however it ends. If it returns first,
    the body is cancelled, at its next wait or where it waits, and the block ends without an error.

    Args:
        fn: An async function.
        *args: Its positional arguments.
        **kwargs: Its keyword arguments.

    Returns:
        The block's context manager. `as` gives the same object: `cancel_called` tells whether the function returned in
        time, `cancelled_caught` whether that cut the body short, and `cancel()` ends the block by hand.

    Raises:
        TypeError: `fn` is not an async function. At the call where that shows, else where the block begins.
        RuntimeError: The block was entered before, or outside a task.

    What the block raises: an error of the body; an error of the function, which ends the block at once; both, in a
    group; a cancellation of the task from outside, also when the function returns at the same time. An error goes
    before such a cancellation, which then arrives at the task's next wait. A function that ends by a cancellation from
    elsewhere ends the block with `asyncio.CancelledError`. Further cancellations do not cut short the wait for the
    function. Leave the block in the task that entered it. The idea is trio-util's.
    """
    return MoveOnScope("move_on_when", fn, args, kwargs)


class _RunAndCancelling(_Beside):
    async def __aenter__(self) -> None:
        self._begin()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        # A body that was cancelled here, because the function failed, ends with the function's error.
        await self._leave(exc)


def run_and_cancelling(
    fn: Callable[_P, Awaitable[object]], /, *args: _P.args, **kwargs: _P.kwargs
) -> AbstractAsyncContextManager[None, None]:
    """Run an async function beside the body of an `async with` block, and cancel it when the body ends.

    ```python
    async with run_and_cancelling(send_heartbeats, connection, interval=5):
        await converse(connection)
    ```

    The function runs in a task of its own, which has ended when the block ends, however it ends. If it returns first,
    the body goes on.

    Args:
        fn: An async function.
        *args: Its positional arguments.
        **kwargs: Its keyword arguments.

    Returns:
        The block's context manager; `as` gives None.

    Raises:
        TypeError: `fn` is not an async function. At the call where that shows, else where the block begins.
        RuntimeError: The block was entered before, or outside a task.

    What the block raises: an error of the body; an error of the function, which cancels the body at its next wait or
    where it waits; both, in a group; a cancellation of the task from outside. An error goes before such a cancellation,
    which then arrives at the task's next wait. A function that ends by a cancellation from elsewhere ends the block
    with `asyncio.CancelledError`. Further cancellations do not cut short the wait for the function. Leave the block in
    the task that entered it. The idea is trio-util's.
    """
    return _RunAndCancelling("run_and_cancelling", fn, args, kwargs)
