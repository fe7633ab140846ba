"""The line in which tasks wait: first come, first served, and nothing left of those who went away."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum
from typing import TypeAlias


class Outcome(Enum):
    """What a waiter is woken with."""

    PROMISED = "promised"
    CLOSED = "closed"


PROMISED = Outcome.PROMISED
CLOSED = Outcome.CLOSED

Waiter: TypeAlias = "asyncio.Future[Outcome]"


def holds_promise(waiter: Waiter) -> bool:
    """Whether the waiter was promised what it waits for, perhaps without having noticed yet."""
    return waiter.done() and not waiter.cancelled() and waiter.result() is PROMISED


class Waiters(deque[Waiter]):
    """The waiters of one kind, in the order they came.

    A cancelled waiter is done before its task runs and withdraws it, so whoever takes waiters from the front skips
    those that are done. Taking one out of the middle of a deque costs as much as the deque is long; cancelled waiters
    therefore stay until they are as many as half the line, and go all at once: constant time each, and the line never
    grows beyond twice the number of those that wait.
    """

    __slots__ = ("_withdrawn",)

    def __init__(self) -> None:
        super().__init__()
        self._withdrawn = 0

    def withdraw(self, waiter: Waiter) -> None:
        """Forget a waiter that was promised nothing and whose task goes away."""
        if not waiter.done():
            # Not cancelled through its task: an exception was thrown in, or the coroutine is closed. Nothing marks
            # this one as gone, and cancelling it now would call back into a task, or a loop, that may be no more.
            self.remove(waiter)
            return
        self._withdrawn += 1
        if 2 * self._withdrawn >= len(self):
            waiting = [other for other in self if not other.done()]
            self.clear()
            self.extend(waiting)
            self._withdrawn = 0

    def first(self) -> Waiter | None:
        """Who is next, after dropping the cancelled ones that stand before."""
        while self:
            if not self[0].done():
                return self[0]
            self.popleft()
        return None

    def release(self) -> None:
        """Send everybody away: the queue is closed."""
        while self:
            waiter = self.popleft()
            if not waiter.done():
                waiter.set_result(CLOSED)

    def waiting(self) -> int:
        """How many really wait: the cancelled ones that still stand in line are left out."""
        return sum(not waiter.done() for waiter in self)
