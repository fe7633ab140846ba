"""A semaphore whose permits go to the most urgent waiter first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from aio_sched._asyncio_internals import loop_of
from aio_sched._waiters import Waiter

if TYPE_CHECKING:
    from aio_sched._waiters import Line


class PrioritySemaphore(asyncio.Semaphore):
    """An `asyncio.Semaphore` for tasks of different priority: a permit goes to the most urgent waiter.

    A task that is more urgent than all who wait takes a free permit at once; one that is not stands in line behind
    those who were woken and have not run since, as with asyncio's. A waiter whose priority changes, or that inherits
    one through a `PriorityLock`, moves at once.

    Nobody inherits through a semaphore: its permits have no holders, since any task may release one. To guard something
    that one task uses at a time, take a `PriorityLock`.

    Args:
        value: How many permits there are; 0 or more.

    Raises:
        TypeError: `value` is not an integer.
        ValueError: `value` is less than 0.
    """

    _waiters: Line  # type: ignore[assignment]  # asyncio has a deque of futures there

    def __init__(self, value: int = 1) -> None:
        if not isinstance(value, int):
            raise TypeError(f"value must be a number of permits, not {value!r}")
        super().__init__(value)
        self._waiters = []

    async def acquire(self) -> Literal[True]:
        """Take a permit, after a wait if there is none.

        Cancellation: a wait that is cancelled leaves no trace; a permit that it was given already goes to the next
        waiter.

        Returns:
            True.

        Raises:
            RuntimeError: The running loop is not that of the waits before.
            ValueError: The task's `effective_priority()` returned a NaN.
        """
        if self._value > 0 and not self._waiters:
            self._value -= 1
            return True
        waiter = Waiter(self._waiters, loop_of(self))
        if self._value > 0 and self._is_next(waiter):
            self._value -= 1
            return True
        waiter.enter()
        try:
            await waiter.future
        except BaseException:
            if waiter.was_woken():
                self._value += 1
            raise
        finally:
            waiter.leave_line()
            waiter.end()
            # Who came while this task was woken and had not run stood in line, even if there were permits.
            while self._value > 0 and self._wake_next():
                pass
        return True

    def _is_next(self, waiter: Waiter) -> bool:
        """Whether all who wait are less urgent, those who were woken and have not run among them."""
        first = next((other for other in self._waiters if not other.cancelled()), None)
        return first is None or waiter < first

    def _wake_up_next(self) -> None:
        # What asyncio's release() calls after it has added the permit.
        self._wake_next()

    def _wake_next(self) -> bool:
        for waiter in self._waiters:
            if waiter.wake():
                self._value -= 1
                return True
        return False
