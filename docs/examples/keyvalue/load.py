"""Load: many clients at once, and how long each of their commands took."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import randrange
from typing import Any

from aio_group import wait_all
from redis.asyncio import Redis


@dataclass
class Load:
    """How long each command took, in seconds."""

    durations: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many commands have been done."""
        return sum(map(len, self.durations.values()))

    def percentile(self, command: str, percent: float) -> float:
        """Return the time within which so many percent of the commands were done."""
        durations = sorted(self.durations[command])
        return durations[min(int(len(durations) * percent / 100), len(durations) - 1)]


def redis_client(port: int, **options: Any) -> Redis:
    """A client of the server on a port."""
    # No time limit: redis-py would keep it by `asyncio.wait_for`, which can lose a cancellation up to Python 3.11.
    return Redis(port=port, protocol=3, socket_timeout=None, **options)


async def put_load(
    port: int, clients: int, seconds: float, progress: Callable[[Load], None], pause: float = 0.0
) -> Load:
    """Let each of some clients send one command after the other for some seconds; `progress` is called now and then."""
    load, start = Load(), time.perf_counter()
    next_progress = 0.0

    async def work() -> None:
        nonlocal next_progress
        async with redis_client(port) as redis:
            while load.seconds < seconds:
                for name, words in commands():
                    began = time.perf_counter()
                    # redis-py does not declare the types of this method.
                    await redis.execute_command(name, *words)  # type: ignore[no-untyped-call]
                    ended = time.perf_counter()
                    load.durations.setdefault(name, []).append(ended - began)
                    if pause:
                        await asyncio.sleep(pause)
                load.seconds = ended - start
                if load.seconds >= next_progress:
                    next_progress += 0.1
                    progress(load)

    await wait_all(*[work] * clients)
    return load


def commands() -> list[tuple[str, tuple[str | int, ...]]]:
    """What a client does over and over."""
    number = randrange(1000)
    return [
        ("PING", ()),
        ("SET", (f"key:{number}", "x" * 100)),
        ("GET", (f"key:{number}",)),
        ("INCR", (f"counter:{number}",)),
        ("LPUSH", ("list", number)),
        ("RPOP", ("list",)),
        ("MGET", tuple(f"key:{number + more}" for more in range(10))),
    ]
