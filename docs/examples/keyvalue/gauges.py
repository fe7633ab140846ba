"""The figures that INFO shows, and STATUS as they change."""

import asyncio
import time
from collections.abc import Callable

from aio_values import AsyncValue, compose_values

from .database import Database

_INTERVAL = 0.1  # seconds from one line of STATUS to the next, at least


class Gauges:
    """What the server counts: each figure is a value that can be waited for."""

    def __init__(self, database: Database, blocked: AsyncValue[int]) -> None:
        self._database, self._started = database, time.monotonic()
        self.clients, self.connections, self.too_slow = AsyncValue(0), AsyncValue(0), AsyncValue(0)
        self.commands, self.keys, self.blocked = AsyncValue(0), AsyncValue(0), blocked

    def count(self, commands: int) -> None:
        """Note that so many commands were run."""
        self.commands.value += commands
        self.keys.value = len(self._database.values)

    async def watch(self, tell: Callable[[bytes], None]) -> None:
        """Tell how things stand whenever that changes; what changes in quick succession, by its last state."""
        with compose_values(
            clients=self.clients, blocked=self.blocked, keys=self.keys, commands=self.commands
        ) as status:
            async for figures in status.eventual_values():
                tell(b"+%b\r\n" % " ".join(f"{name}={figure}" for name, figure in figures._asdict().items()).encode())
                await asyncio.sleep(_INTERVAL)

    def report(self, wanted: set[str], *, rewriting: bool) -> str:
        """Write the sections `wanted`, or all of them."""
        keys, expires = len(self._database.values), len(self._database.deadlines)
        sections: dict[str, dict[str, object]] = {
            "Server": {"redis_version": "7.0.15", "uptime_in_seconds": int(time.monotonic() - self._started)},
            "Clients": {"connected_clients": self.clients.value, "blocked_clients": self.blocked.value},
            "Persistence": {"aof_rewrite_in_progress": int(rewriting)},
            "Stats": {
                "total_connections_received": self.connections.value,
                "total_commands_processed": self.commands.value,
                "client_output_buffer_limit_disconnections": self.too_slow.value,
            },
            "Keyspace": {"db0": f"keys={keys},expires={expires}"} if keys else {},
        }
        return "\r\n".join(
            "".join([f"# {name}\r\n", *(f"{figure}:{value}\r\n" for figure, value in figures.items())])
            for name, figures in sections.items()
            if not wanted or wanted & {name.lower(), "all", "default", "everything"}
        )
