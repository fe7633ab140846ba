"""A condition that notifies the most urgent waiter first."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from aio_sched._asyncio_internals import loop_of
from aio_sched._interrupt_condition import outranking, require_lock
from aio_sched._priority_lock import PriorityLock
from aio_sched._waiters import Waiter

if TYPE_CHECKING:
    from aio_sched._waiters import Line


class PriorityCondition(asyncio.Condition):
    """An `asyncio.Condition` for tasks of different priority: `notify()` wakes the most urgent waiter.

    Its lock is a `PriorityLock` unless another is given, so that tasks also come out of `wait()` in the order of their
    priority, and lend it to the task that holds the lock meanwhile. A waiter whose priority changes, or that inherits
    one through another lock, moves at once. Give a `PriorityLock` to no other kind of condition: a deadlock would come
    to light there when the lock is taken again, and `wait()` would raise without it.

    A notification is not lost: if a task that was notified is cancelled before it comes out of `wait()`, the next
    waiter is notified instead. A task that was cancelled and not notified wakes nobody. As with asyncio's since
    3.13, and here on every version, the exception that comes out of `wait()` is the very one that was thrown in: the
    last if there were several, but a cancellation always before an interrupt.

    Args:
        lock: The lock, if it is shared with other conditions; a plain `asyncio.Lock` does, without inheritance.

    Raises:
        TypeError: `lock` is no lock.
    """

    _waiters: Line  # type: ignore[assignment]  # asyncio has a deque of futures there

    def __init__(self, lock: asyncio.Lock | None = None) -> None:
        if lock is None:
            lock = PriorityLock()
        require_lock(lock)
        super().__init__(lock)
        self._needed_lock = lock if isinstance(lock, PriorityLock) else None
        self._waiters = []

    async def wait(self) -> Literal[True]:
        """Release the lock, wait until notified, and take the lock again.

        Cancellation: the lock is taken again before the exception comes out, however often the task is cancelled
        meanwhile, as with asyncio's. A circle of tasks that wait for each other's locks, of which this wait is a part,
        is an error in the task that closes it, never here.

        Returns:
            True. What was waited for need not hold: look, and wait again.

        Raises:
            RuntimeError: The lock is not locked, or the running loop is not that of the waits before.
        """
        if not self.locked():
            raise RuntimeError("cannot wait on un-acquired lock")
        waiter = Waiter(self._waiters, loop_of(self), needs=self._needed_lock)
        self.release()
        waiter.enter()
        try:
            await self._wait_and_take_lock(waiter)
        except BaseException:
            if waiter.was_woken():
                self._notify(1)
            raise
        finally:
            waiter.end()
        return True

    async def _wait_and_take_lock(self, waiter: Waiter) -> None:
        error: BaseException | None = None
        try:
            try:
                await waiter.future
            finally:
                waiter.leave_line()
        except GeneratorExit:
            self._take_lock_if_free()
            raise
        except BaseException as exc:
            error = exc
        try:
            error = await self._take_lock(error)
            if error is not None:
                raise error
        finally:
            del error  # it would keep itself alive by the frame of its traceback

    async def _take_lock(self, error: BaseException | None) -> BaseException | None:
        """Take the lock, whatever comes meanwhile; returns what is to be raised then."""
        while True:
            try:
                await self.acquire()
            except asyncio.CancelledError as exc:
                error = outranking(error, exc)
            else:
                return error

    def _take_lock_if_free(self) -> None:
        """What can be done while the coroutine is closed, perhaps with its loop: it must not wait any more."""
        taking = self.acquire()
        # RuntimeError: no loop is running, or another one.
        with suppress(StopIteration, RuntimeError):
            taking.send(None)
        taking.close()

    def notify(self, n: int = 1) -> None:
        """Wake the `n` most urgent waiters, or all if there are fewer.

        Raises:
            RuntimeError: The lock is not locked.
        """
        if not self.locked():
            raise RuntimeError("cannot notify on un-acquired lock")
        self._notify(n)

    def _notify(self, n: int) -> None:
        for waiter in self._waiters:
            if n <= 0:
                return
            n -= waiter.wake()
