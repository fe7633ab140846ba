"""Work that must not hold up clients."""

from collections.abc import Callable, Coroutine
from itertools import islice
from typing import Any

from aio_events import periodic
from aio_sched import Priority, PriorityTask

from .database import Database

_PERIOD = 0.1  # seconds from one look at keys to the next
_SAMPLE = 200  # keys


async def at_low_priority(function: Callable[..., Coroutine[Any, Any, object]], *args: object) -> None:
    """Run an async function in a task that has its turn when no client needs one, on a loop that knows priorities."""
    await PriorityTask(function(*args), priority=Priority.LOW)


async def sweep(database: Database) -> None:
    """Look at some keys that may have expired and that nobody asks for, again and again, so that all get their turn."""
    async for _ in periodic(_PERIOD):
        if database.deadlines:
            await at_low_priority(_look_at_some, database)


async def _look_at_some(database: Database) -> None:
    for key in [*islice(database.deadlines, _SAMPLE)]:
        database.deadlines.move_to_end(key)
        database.has(key)
