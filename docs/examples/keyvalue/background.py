"""Work that must not hold up clients."""

from collections.abc import Callable, Coroutine
from typing import Any

from aio_sched import Priority, PriorityTask


async def at_low_priority(function: Callable[..., Coroutine[Any, Any, object]], *args: object) -> None:
    """Run an async function in a task that has its turn when no client needs one, on a loop that knows priorities."""
    await PriorityTask(function(*args), priority=Priority.LOW)
