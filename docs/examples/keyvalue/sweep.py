"""Expired keys that nobody asks for."""

import asyncio
from itertools import islice

from .database import Database

PERIOD = 0.1
SAMPLE = 200


async def sweep(database: Database) -> None:
    """Look at some keys that may have expired, again and again, so that all get their turn."""
    while True:
        for key in [*islice(database.deadlines, SAMPLE)]:
            database.deadlines.move_to_end(key)
            database.get(key)
        await asyncio.sleep(PERIOD)
