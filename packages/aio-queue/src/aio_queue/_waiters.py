"""The line in which tasks wait: first come, first served, and nothing left of those who went away."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from asyncio import Future

Waiter: TypeAlias = "Future[None]"


def was_woken(waiter: Waiter) -> bool:
    """Whether the waiter was woken, even if its task was cancelled before it could run."""
    return waiter.done() and not waiter.cancelled()


class Waiters:
    """The waiters of one kind, in the order they came.

    A cancelled waiter is done before its task runs and withdraws it, so whoever takes waiters from the front skips
    those that are done. Taking one out of the middle of a deque costs as much as the deque is long; cancelled waiters
    therefore stay until they may be half of the line, and then go all at once: constant time each, and the line never
    grows beyond twice the number of those that wait. So it is empty when nobody waits, but for those whose tasks have
    been cancelled and have not run yet.
    """

    __slots__ = ("_withdrawn", "waiters")

    def __init__(self) -> None:
        self.waiters: deque[Waiter] = deque()
        self._withdrawn = 0

    def somebody_waits(self) -> bool:
        """Whether anybody waits; drops the cancelled ones that stand at the front."""
        waiters = self.waiters
        while waiters and waiters[0].done():
            waiters.popleft()
        return bool(waiters)

    def withdraw(self, waiter: Waiter) -> None:
        """Forget a waiter that was not woken and whose task goes away."""
        if not waiter.done():
            # Not cancelled through its task: an exception was thrown in, or the coroutine is closed. Nothing marks
            # this one as gone, and cancelling it now would call back into a task, or a loop, that may be no more.
            self.waiters.remove(waiter)
            return
        self._withdrawn += 1
        self.tidy()

    def tidy(self) -> None:
        """Drop those that went away, if they may be half of the line; due whenever one was taken from the front."""
        if self._withdrawn and 2 * self._withdrawn >= len(self.waiters):
            waiting = [other for other in self.waiters if not other.done()]
            self.waiters.clear()
            self.waiters.extend(waiting)
            self._withdrawn = 0

    def wake_all(self) -> int:
        """Wake everybody, and say how many that were."""
        woken = 0
        while self.somebody_waits():
            self.waiters.popleft().set_result(None)
            woken += 1
        return woken

    def waiting(self) -> int:
        """How many wait: the cancelled ones that still stand in line are left out."""
        return sum(not waiter.done() for waiter in self.waiters)
