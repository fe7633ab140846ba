"""The server: what listens, and the connections."""

import asyncio
from itertools import count

from aio_group import Group, Resource, call_on_cancel, uncancellable
from aio_queue import Queue, QueueClosedError
from aio_sched import Priority, PriorityTask

from .commands import Session
from .database import sweep
from .protocol import BULK_LIMIT, Parser, ProtocolError, read_command
from .state import State

_QUEUED = 4096  # messages that may wait for a client, or
_UNSENT_BYTES = 32 * 1024 * 1024  # of them
_TURN = 64  # commands, or
_TURN_BYTES = 64 * 1024  # of replies, then others have their turn
_AHEAD_BYTES = 1024 * 1024  # that a client may send while it is blocked


class _Connection(asyncio.Protocol, Resource):
    """One client's connection; it lives as long as its group, which is part of the server's.

    Replies go out at once if nothing else waits to. Otherwise they go, like what others publish, through one bounded
    queue to a task that writes it, in order, as fast as the client reads, and not before the log has what it tells of.
    While replies wait there, no further command runs; a subscriber whose queue is full of messages is disconnected.
    """

    def __init__(self, server: "Server") -> None:
        self._state = server.state
        self._group = server.async_group.create_subgroup() if server.is_open else server.async_group
        self._session = Session(server.state, next(server.numbers), self._send, self._group.spawn)
        self._parser = Parser(read_command, server.bulk_limit)
        self._outgoing: Queue[tuple[bytes, int]] = Queue(_QUEUED)  # with what the log must have recorded
        self._unsent = 0  # bytes that are in the queue, or were and are not written yet
        self._running: bytearray | None = None  # replies, while commands run
        self._behind = False  # whether there may be commands left that have come
        self._writable, self._lost = asyncio.Event(), asyncio.Event()
        self._writable.set()

    @property
    def async_group(self) -> Group:
        return self._group

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._state.clients.value += 1
        if self.is_open:
            self._group.spawn(self._write)
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        self._run()

    def eof_received(self) -> bool:
        self._leave()
        return True  # what is left to send is sent

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._state.clients.value -= 1
        self._lost.set()
        self._leave()
        self.close()

    def _run(self) -> None:
        session, waits, commands, replies = self._session, self._session.waits_for, 0, bytearray()
        was_behind, self._running, self._behind = self._behind, replies, True
        may_run = not self._unsent or (self._unsent < _TURN_BYTES and not self._outgoing.full())
        try:
            while may_run and commands < _TURN and len(replies) < _TURN_BYTES and not (session.has_left or waits.value):
                if (words := self._parser.next()) is None:
                    self._behind = False
                    break
                commands += 1
                replies += session.execute(words)
        except ProtocolError as error:
            replies += error.reply
            session.leave()
        self._running = None
        self._state.commands.value += commands
        self._state.keys.value = len(self._state.database.values)
        if replies:
            self._reply(bytes(replies))
        if session.has_left:
            self._leave()
        elif self._behind and (not waits.value or len(self._parser.unread) > _AHEAD_BYTES):
            self._transport.pause_reading()
        elif was_behind:
            self._transport.resume_reading()

    def _reply(self, data: bytes) -> None:
        log = self._state.log
        is_safe = log is None or log.written.value >= log.recorded
        if self._behind or self._unsent or not is_safe or not self._writable.is_set():
            self._put(data)  # whoever writes it will also let the commands run that are left
        else:
            self._transport.write(data)

    def _send(self, message: bytes) -> None:
        """Send what is no reply to a command that runs now."""
        if self._running is not None:
            self._running += message
        elif self._outgoing.is_closed:
            return  # nothing is sent after the last reply
        elif self._unsent < _UNSENT_BYTES and not self._outgoing.full():
            self._put(message)
        else:
            self._state.too_slow.value += 1
            self._leave()
            self.close()

    def _put(self, data: bytes) -> None:
        self._outgoing.put_nowait((data, self._state.log.recorded if self._state.log else 0))
        self._unsent += len(data)

    def _leave(self) -> None:
        self._outgoing.close()
        self._session.leave()
        self._transport.pause_reading()

    async def _write(self) -> None:
        try:
            while True:
                batch = await self._outgoing.get_many(_TURN)
                if self._state.log:
                    await self._state.log.wait_written(batch[-1][1])
                await self._writable.wait()
                data = b"".join([data for data, _recorded in batch])
                self._unsent -= len(data)
                self._transport.write(data)
                if self._behind:
                    await asyncio.sleep(0)  # the turn of others
                    self._run()
        except QueueClosedError:
            self._transport.close()
            await self._lost.wait()
        finally:
            self._transport.abort()
            await uncancellable(self._lost.wait())


class Server(Resource):
    """Accepts clients; when it closes, so do their connections."""

    def __init__(self, state: State, bulk_limit: int = BULK_LIMIT) -> None:
        self.state, self.bulk_limit = state, bulk_limit
        self.numbers, self._group = count(1), Group()  # of clients

    @property
    def async_group(self) -> Group:
        """The group that controls the lifetime: connections are its subgroups."""
        return self._group

    async def listen(self, host: str, port: int) -> int:
        """Begin to accept clients, and return the port."""
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: _Connection(self), host, port, backlog=511)
        self._group.spawn(call_on_cancel, listener.close)
        self._group.wrap(PriorityTask(sweep(self.state.database), priority=Priority.LOW))
        return int(listener.sockets[0].getsockname()[1])
