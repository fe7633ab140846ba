"""Which runtime runs the calling task; its clock; taking turns."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Literal

from aio_values._asyncio_internals import running_loop_or_none

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


# `trio.lowlevel.in_trio_task`, once the program has imported trio: asking must not cost a chain of look-ups.
_in_trio_task: Callable[[], bool] | None = None


def in_trio() -> bool:
    """Whether the caller is a trio task; where the program never imported trio, one dictionary look-up answers."""
    ask = _in_trio_task or _trio_is_here()
    return ask is not None and ask() and (running_loop_or_none() is None or not _asyncio_is_innermost())


def _trio_is_here() -> Callable[[], bool] | None:
    global _in_trio_task  # noqa: PLW0603  # a cache, filled once
    if "trio" in sys.modules:
        # A trio that another thread is still importing has no `lowlevel` yet, and runs no task either.
        lowlevel = getattr(sys.modules["trio"], "lowlevel", None)
        _in_trio_task = getattr(lowlevel, "in_trio_task", None)
    return _in_trio_task


def _asyncio_is_innermost() -> bool:
    """Whether the running code is a step of an asyncio task, where this thread has a loop and a trio task.

    A guest run's trio task is stepped by a callback of the loop: no asyncio task is current then. Where both have a
    current task, one runtime was started, blocking, inside the other (`trio.run` in a notebook's cell, `asyncio.run` in
    a trio test): the task whose frame is met first on the way out is the one that waits for an answer.
    """
    task = asyncio.current_task()
    if task is None:
        return False
    import trio

    asyncio_frame = getattr(task.get_coro(), "cr_frame", None)
    trio_frame = trio.lowlevel.current_task().coro.cr_frame
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame is not trio_frame:
        if frame is asyncio_frame:
            return True
        frame = frame.f_back
    return False


def running_loop() -> asyncio.AbstractEventLoop:
    """The running asyncio loop, or an error that says what this library needs."""
    loop = running_loop_or_none()
    if loop is None:
        raise RuntimeError("this call waits, and needs a running asyncio event loop or a trio task to wait in")
    return loop


def current_runtime() -> Literal["asyncio", "trio"]:
    """The runtime that runs the calling code.

    In guest mode, where both are active in one thread, it answers for the side that calls: `"trio"` in a trio task,
    `"asyncio"` in an asyncio task or callback.

    Returns:
        `"asyncio"` (any event loop, uvloop and anyio's asyncio back end included) or `"trio"`.

    Raises:
        RuntimeError: Neither is running in this thread.
    """
    if in_trio():
        return "trio"
    running_loop()
    return "asyncio"


def current_time() -> float:
    """The running runtime's clock, in seconds: the one that deadlines are compared with.

    Raises:
        RuntimeError: No runtime is running in this thread.
    """
    if in_trio():
        import trio

        return trio.current_time()
    return running_loop().time()


async def sleep(seconds: float) -> None:
    """Sleep for `seconds`; zero or less lets the others run once. Cancellation ends the sleep."""
    if in_trio():
        import trio

        await trio.sleep(max(seconds, 0))
    else:
        await asyncio.sleep(seconds)


async def checkpoint() -> None:
    """What an async function does when it need not block: a full checkpoint on trio, nothing at all on asyncio.

    trio's users rely on every async function being a place where cancellation arrives and others get a turn; asyncio's
    rely on a satisfied wait returning at once.
    """
    if in_trio():
        import trio

        await trio.lowlevel.checkpoint()


async def yield_now() -> None:
    """Let every other task that can run go first, on both runtimes; a pending cancellation arrives here."""
    if in_trio():
        import trio

        await trio.lowlevel.checkpoint()
    else:
        await asyncio.sleep(0)
