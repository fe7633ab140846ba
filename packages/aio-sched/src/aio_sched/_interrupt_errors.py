"""What interrupts raise, and the errors that refuse one."""

from __future__ import annotations

import asyncio


class InterruptException(asyncio.CancelledError):
    """Base of the exceptions to interrupt tasks with, by `task_throw` and `task_interrupt`.

    It is a `CancelledError`, since that is the one exception that asyncio's locks, queues and task groups expect out
    of an `await`: with this they stay consistent when they are interrupted. It is none that `task.cancel()` raises:
    `task.cancelling()` does not count it.

    A task that does not catch it ends as cancelled. Whoever awaits the task gets asyncio's `CancelledError`.
    """


#: The same, by the name that such classes usually have.
InterruptError = InterruptException


class TimeoutInterrupt(InterruptException):
    """What `task_timeout` interrupts its block with. Outside of the block it is a `TimeoutError`."""


class CancellationPendingError(RuntimeError):
    """A task is about to get a cancellation, which an interrupt would take the place of."""


class OutOfReachError(RuntimeError):
    """A task is in a state in which nothing but a cancellation reaches it, on this loop."""
