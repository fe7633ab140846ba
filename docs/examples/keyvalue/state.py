"""What all clients share: the keys, who waits for what, and the figures that tell how things stand."""

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aio_values import AsyncValue

from .database import Database

if TYPE_CHECKING:
    from .log import Log


class Lines(defaultdict[bytes, dict[Any, None]]):
    """Which sessions stand in line for what, first come, first served."""

    def leave(self, name: bytes, session: object) -> None:
        """Let one go that stands in line."""
        del self[name][session]
        if not self[name]:
            del self[name]


class State:
    """The state of a server; its figures are values that can be waited for."""

    def __init__(self, config: Mapping[bytes, bytes]) -> None:
        self.config, self.database = config, Database()
        self.log: Log | None = None
        self.subscribers, self.blocked = Lines(dict), Lines(dict)  # by channel, by key
        self.clients, self.blocked_clients, self.too_slow = AsyncValue(0), AsyncValue(0), AsyncValue(0)
        self.commands, self.keys = AsyncValue(0), AsyncValue(0)
