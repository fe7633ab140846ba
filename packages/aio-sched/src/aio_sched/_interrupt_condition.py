"""A condition whose waiters can be interrupted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aio_sched._asyncio_internals import loop_of
from aio_sched._interrupt_errors import InterruptException

if TYPE_CHECKING:
    from typing import Literal


class InterruptCondition(asyncio.Condition):
    """An `asyncio.Condition` that can be interrupted, on every Python version.

    On Python 3.11 and 3.12, `asyncio.Condition.wait()` turns an interrupt that comes while it waits for its lock into
    a plain `CancelledError`, and whoever is interrupted or cancelled after it was notified takes the notification
    away: another waiter, that could have used it, sleeps on. Here the exception that was raised comes out, the lock is
    held again by then, and a notification is handed on. The latter can wake a waiter for nothing: check what you wait
    for in a loop, or use `wait_for()`.

    Args:
        lock: The lock, if it is shared with other conditions; an `asyncio.Lock` of its own by default.

    Raises:
        TypeError: `lock` is no lock.
    """

    def __init__(self, lock: asyncio.Lock | None = None) -> None:
        if lock is not None:
            require_lock(lock)
        super().__init__(lock)

    async def wait(self) -> Literal[True]:
        """Release the lock, wait until notified, and acquire the lock again.

        Returns:
            True.

        Raises:
            RuntimeError: The lock is not held.

        Cancellation and interrupts: raised when the lock is held again. If several come meanwhile, the last is raised,
        but a cancellation always before an interrupt.
        """
        if not self.locked():
            raise RuntimeError("the lock of a condition must be held to wait for the condition")
        waiter = loop_of(self).create_future()
        self.release()
        error: BaseException | None = None
        try:
            error = await self._notified(waiter)
            error = await self._acquire_again(error)
            if error is not None:
                raise error
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self._hand_on()
            raise
        finally:
            del error  # it would keep itself alive by the frame of its traceback
        return True

    async def _notified(self, waiter: asyncio.Future[bool]) -> BaseException | None:
        """Wait to be notified; returns what came instead."""
        self._waiters.append(waiter)
        try:
            await waiter
        except BaseException as exc:
            return exc
        else:
            return None
        finally:
            self._waiters.remove(waiter)

    async def _acquire_again(self, error: BaseException | None) -> BaseException | None:
        """Acquire the lock, whatever comes meanwhile; returns what is to be raised then."""
        while True:
            try:
                await self.acquire()
            except asyncio.CancelledError as exc:  # anything else is a fault of the lock, and would come for ever
                error = outranking(error, exc)
            else:
                return error

    def _hand_on(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(False)
                return


def require_lock(lock: object) -> None:
    """Refuse what cannot be the lock of a condition."""
    if not all(hasattr(lock, method) for method in ("acquire", "release", "locked")):
        raise TypeError(f"lock must be a lock such as asyncio.Lock(), not {lock!r}")


def outranking(earlier: BaseException | None, later: asyncio.CancelledError) -> BaseException:
    """Which of two exceptions comes out; the other is kept as its context."""
    if earlier is None:
        return later
    first, second = (earlier, later) if _outranks(earlier, later) else (later, earlier)
    if first.__context__ is None:
        first.__context__ = second
    return first


def _outranks(earlier: BaseException, later: asyncio.CancelledError) -> bool:
    return isinstance(later, InterruptException) and not isinstance(earlier, InterruptException)
