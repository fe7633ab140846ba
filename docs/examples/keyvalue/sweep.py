"""Expired keys that nobody asks for."""

from itertools import islice

from aio_events import periodic

from .database import Database

PERIOD = 0.1
SAMPLE = 200


async def sweep(database: Database) -> None:
    """Look at some keys that may have expired, again and again, so that all get their turn."""
    async for _ in periodic(PERIOD):
        for key in [*islice(database.deadlines, SAMPLE)]:
            database.deadlines.move_to_end(key)
            database.get(key)
