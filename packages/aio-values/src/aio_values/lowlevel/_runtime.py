"""Which runtime runs the calling task; its clock; taking turns."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final, Literal

from aio_values._asyncio_internals import running_loop_or_none

if TYPE_CHECKING:
    from types import FrameType


class _NoSign:
    """Stands in for sniffio's thread-local where that cannot be relied on: every question goes to trio itself."""

    name = "trio"


class TrioSign:
    """Where trio leaves its name while it runs something in this thread.

    `sign.local.name` that is not `"trio"` says no for certain, at the price of three look-ups.
    """

    __slots__ = ("local",)

    def __init__(self) -> None:
        self.local: Any = _NoSign


_modules: Final = sys.modules
sign: Final = TrioSign()


def in_trio() -> bool:
    """Whether the caller is a trio task."""
    if "trio" not in _modules:
        return False
    if sign.local is _NoSign:
        _look_for_sign()
    # trio's own answer is exact, but a "no" costs it a swallowed AttributeError. Its sign comes cheap, and where it is
    # missing trio does not run; where it stands, trio may still not be what runs this very code.
    if sign.local.name != "trio":
        return False
    if sign.local is not _NoSign and running_loop_or_none() is None:
        return True
    if not _trio_has_a_task():
        return False
    return running_loop_or_none() is None or not _asyncio_is_innermost()


def _trio_has_a_task() -> bool:
    """Trio's own answer to whether it runs a task in this thread."""
    lowlevel = getattr(_modules["trio"], "lowlevel", None)
    # A trio that another thread is still importing has no `lowlevel` yet, and runs no task either.
    current_task = getattr(lowlevel, "current_task", None)
    if current_task is None:
        return False
    # `in_trio_task` would say it more plainly, but older releases, trio 0.26 for one, do not have it.
    try:
        current_task()
    except RuntimeError:
        return False
    return True


def _look_for_sign() -> None:
    """Use sniffio's thread-local, if this trio sets it (0.23 to 0.35 do); a trio that does not is asked itself."""
    sniffio = _modules.get("sniffio")
    run = _modules.get("trio._core._run")
    if sniffio is not None and getattr(run, "sniffio_library", None) is sniffio.thread_local:
        sign.local = sniffio.thread_local


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
