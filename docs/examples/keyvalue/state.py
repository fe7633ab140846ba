"""What all clients share: the keys, who waits for what, and the figures that tell how things stand."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aio_values import AsyncValue, compose_values

from .database import Database

if TYPE_CHECKING:
    from .log import Log

_INTERVAL = 0.1  # seconds from one line of STATUS to the next, at least


class Lines(dict[bytes, dict[Any, None]]):
    """Which sessions stand in line for what, first come, first served."""

    def join(self, name: bytes, session: object) -> None:
        """Let one stand in line, once."""
        self.setdefault(name, {})[session] = None

    def leave(self, name: bytes, session: object) -> None:
        """Let it go, if it stands there."""
        line = self.get(name, {})
        line.pop(session, None)
        if not line:
            self.pop(name, None)


class State:
    """The state of a server; its figures are values that can be waited for."""

    def __init__(self, config: Mapping[bytes, bytes]) -> None:
        self.config, self.database = config, Database()
        self.log: Log | None = None
        self.subscribers, self.blocked = Lines(), Lines()  # by channel, by key
        self.clients, self.blocked_clients, self.too_slow = AsyncValue(0), AsyncValue(0), AsyncValue(0)
        self.commands, self.keys = AsyncValue(0), AsyncValue(0)

    def count(self, commands: int) -> None:
        """Note that so many commands were run."""
        self.commands.value += commands
        self.keys.value = len(self.database.values)

    async def watch(self, tell: Callable[[str], None]) -> None:
        """Tell how things stand whenever that changes; what changes in quick succession, by its last state."""
        with compose_values(
            clients=self.clients, blocked=self.blocked_clients, keys=self.keys, commands=self.commands
        ) as status:
            async for figures in status.eventual_values():
                tell("+" + " ".join(f"{name}={figure}" for name, figure in figures._asdict().items()))
                await asyncio.sleep(_INTERVAL)

    def report(self) -> dict[str, object]:
        """Return what INFO tells, by the names that Redis uses."""
        return {
            "redis_version": "7.0.15",
            "connected_clients": self.clients.value,
            "blocked_clients": self.blocked_clients.value,
            "aof_rewrite_in_progress": int(self.log is not None and self.log.is_rewriting.value),
            "total_commands_processed": self.commands.value,
            "client_output_buffer_limit_disconnections": self.too_slow.value,
            "db0": f"keys={len(self.database.values)},expires={len(self.database.deadlines)}",
        }
