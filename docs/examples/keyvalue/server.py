"""The server: what listens, and whatever runs in the background."""

import asyncio
from itertools import count

from aio_group import Group, Resource, call_on_cancel

from .background import at_low_priority, sweep
from .connection import Connection
from .state import State


class Server(Resource):
    """Accepts clients; when it closes, so do their connections."""

    def __init__(self, state: State, bulk_limit: int, output_limit: int) -> None:
        self.state, self.bulk_limit, self.output_limit = state, bulk_limit, output_limit
        self._numbers = count(1)
        self._group = Group()

    @property
    def async_group(self) -> Group:
        """The group that controls the lifetime: connections are its subgroups."""
        return self._group

    async def listen(self, host: str, port: int) -> int:
        """Begin to accept clients, and return the port."""
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: Connection(self, next(self._numbers)), host, port, backlog=511)
        self._group.spawn(call_on_cancel, listener.close)
        self._group.spawn(at_low_priority, sweep, self.state.database)
        chosen: int = listener.sockets[0].getsockname()[1]
        return chosen
