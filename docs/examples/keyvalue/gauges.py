"""The figures that INFO shows."""

import time

from .blocking import WaitingRoom
from .database import Database


class Gauges:
    """What the server counts, and what is looked up when somebody asks."""

    def __init__(self, database: Database, waiting: WaitingRoom) -> None:
        self._database, self._waiting, self._started = database, waiting, time.monotonic()
        self.clients = self.connections = self.commands = self.too_slow = 0

    def report(self, wanted: set[str]) -> str:
        """Write the sections `wanted`, or all of them."""
        keys, expires = len(self._database.values), len(self._database.deadlines)
        sections: dict[str, dict[str, object]] = {
            "Server": {"redis_version": "7.0.15", "uptime_in_seconds": int(time.monotonic() - self._started)},
            "Clients": {"connected_clients": self.clients, "blocked_clients": len(self._waiting)},
            "Stats": {
                "total_connections_received": self.connections,
                "total_commands_processed": self.commands,
                "client_output_buffer_limit_disconnections": self.too_slow,
            },
            "Keyspace": {"db0": f"keys={keys},expires={expires}"} if keys else {},
        }
        return "\r\n".join(
            "".join([f"# {name}\r\n", *(f"{figure}:{value}\r\n" for figure, value in figures.items())])
            for name, figures in sections.items()
            if not wanted or wanted & {name.lower(), "all", "default", "everything"}
        )
