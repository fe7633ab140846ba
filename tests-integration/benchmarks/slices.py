"""What eats the loop in the measurements of latency: work in slices, and others' turns between them."""

from __future__ import annotations

import asyncio
import time

SLICE = 0.001


async def work() -> None:
    """Work without end, a millisecond at a time."""
    while True:
        until = time.perf_counter() + SLICE
        while time.perf_counter() < until:
            pass
        await asyncio.sleep(0)
