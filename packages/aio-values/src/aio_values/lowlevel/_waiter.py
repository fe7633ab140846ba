"""Futures of the running runtime: one task parks, whoever holds the waiter wakes it."""

from __future__ import annotations

import enum
import math
from asyncio import InvalidStateError
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, TypeVar

from aio_values.lowlevel._runtime import checkpoint, current_time, in_trio, running_loop

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType

    from aio_values.lowlevel._home import Home

T = TypeVar("T")


class Expired(enum.Enum):
    """The type of `EXPIRED`."""

    EXPIRED = "the deadline passed first"


EXPIRED: Final = Expired.EXPIRED
"""What `wait_until` answers when the deadline passed before anybody woke the waiter."""

_Expired: TypeAlias = Literal[Expired.EXPIRED]


class Waiter(Protocol[T]):
    """One parked task, from the side of whoever wakes it: the part of `asyncio.Future` that both worlds have.

    The task that made it awaits it, once. Waking it twice, or after the task was cancelled, is an error: ask `done()`
    first. A task whose wait was cancelled makes it done at once, even before that task has run again.
    """

    def done(self) -> bool:
        """Whether it was woken, or its task's wait was cancelled."""
        ...

    def cancelled(self) -> bool:
        """Whether its task's wait was cancelled before anybody woke it."""
        ...

    def result(self) -> T:
        """What it was woken with (raised, if it is an exception)."""
        ...

    def exception(self) -> BaseException | None:
        """The exception it was woken with, or None if it was woken with a result."""
        ...

    def set_result(self, result: T, /) -> None:
        """Wake the task: its `await` returns `result`. The task runs later, never inside this call."""
        ...

    def set_exception(self, exception: BaseException, /) -> None:
        """Wake the task: its `await` raises `exception`."""
        ...

    def __await__(self) -> Generator[Any, Any, T]: ...


# What waking a task raises that was cancelled meanwhile, or whose loop is closed with the task still pending. Nobody is
# left to be woken then, or to be told.
GONE: Final = (InvalidStateError, RuntimeError)

_on_trio: ModuleType | None = None


def on_trio() -> ModuleType:
    """The module of trio's side, imported when a trio task first waits, then at hand."""
    global _on_trio  # noqa: PLW0603  # an import at most once; the statement itself is not free
    if _on_trio is None:
        from aio_values.lowlevel import _trio_waiter

        _on_trio = _trio_waiter
    return _on_trio


def create_waiter() -> Waiter[Any]:
    """A waiter for the calling task, to be handed to whoever shall wake it, then awaited.

    On asyncio it is a plain future of the running loop, so parking and waking cost what a future costs. It must be
    used in one thread. On trio, a woken task is never cancelled as well; on asyncio it can be, in the moment between
    its wake-up and its next step: then `await` raises `CancelledError` although `set_result` was called, and the
    caller has to hand on what the wake-up stood for (`WaitQueue` does).

    Returns:
        The waiter; awaiting it is a cancellation point, unless it is done already.

    Raises:
        RuntimeError: No runtime is running in this thread.
    """
    if in_trio():
        waiter: Waiter[Any] = on_trio().TrioWaiter()
        return waiter
    return running_loop().create_future()


def waiter_at_home() -> tuple[Waiter[Any], Home]:
    """`create_waiter` and `current_home` in one, for the price of one question to the runtime."""
    if in_trio():
        waiter_at_home_on_trio: tuple[Waiter[Any], Home] = on_trio().waiter_at_home()
        return waiter_at_home_on_trio
    loop = running_loop()
    return loop.create_future(), loop


async def wait_until(waiter: Waiter[T], deadline: float) -> T | _Expired:
    """Await `waiter`, until the runtime's clock (`current_time`) shows `deadline` at most.

    The waiter and the clock compete for one wake-up: whichever comes first makes the waiter done, so a result is
    never lost to a timeout in the same instant.

    Args:
        waiter: A waiter of the running runtime that the calling task made.
        deadline: A time of `current_time()`; `math.inf` waits without limit, a time in the past expires at once.

    Returns:
        What the waiter was woken with, or `EXPIRED`.

    Raises:
        BaseException: What the waiter was woken with, or the runtime's cancellation.
    """
    if deadline == math.inf:
        return await waiter
    if in_trio():
        import trio

        with trio.CancelScope(deadline=deadline):
            return await waiter
        return EXPIRED
    timer = running_loop().call_at(deadline, _expire, waiter)
    try:
        return await waiter
    finally:
        timer.cancel()


def _expire(waiter: Waiter[Any]) -> None:
    if not waiter.done():
        waiter.set_result(EXPIRED)


async def sleep_until(deadline: float) -> None:
    """Sleep until the runtime's clock (`current_time`) shows `deadline`: no rounding adds up over many sleeps.

    A deadline that has passed lets the others run once on trio, and returns at once on asyncio.
    """
    if deadline <= current_time():
        await checkpoint()
    else:
        await wait_until(create_waiter(), deadline)
