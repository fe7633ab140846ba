"""Replies that are written at once keep their place behind what waits to be written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from keyvalue.commands import Session
from keyvalue.server import Server, _Connection
from keyvalue.state import State
from keyvalue_service import encode
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio

PONG = b"+PONG\r\n"
MESSAGE = b">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n"


class Recorder(asyncio.Transport):
    """A transport that sends nothing, and tells what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.reading = True

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written.append(data)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.reading = False

    def abort(self) -> None:
        self.reading = False


class Line:
    """A connection without a socket."""

    def __init__(self, server: Server) -> None:
        self.connection, self.transport = _Connection(server), Recorder()
        self.connection.connection_made(self.transport)

    def send(self, *commands: bytes) -> None:
        self.connection.data_received(b"".join(commands))

    def take_written(self) -> bytes:
        """What was written since."""
        written = b"".join(self.transport.written)
        self.transport.written.clear()
        return written


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with Server(State({})) as server:
        yield server


@pytest_asyncio.fixture
async def line(server: Server) -> AsyncIterator[Line]:
    line = Line(server)
    await settle()
    yield line
    line.connection.connection_lost(None)


async def test_the_replies_to_what_came_at_once_are_written_at_once(line: Line) -> None:
    line.send(encode("PING"), encode("ECHO", "a"), encode("PING")[:5])
    assert line.transport.written == [PONG + b"$1\r\na\r\n"]
    line.send(encode("PING")[5:])
    assert line.take_written() == PONG + b"$1\r\na\r\n" + PONG


async def test_a_reply_does_not_overtake_a_message(server: Server, line: Line) -> None:
    line.send(encode("HELLO", "3"), encode("SUBSCRIBE", "news"))
    line.take_written()
    publisher = Session(server.state, 2, lambda _message: None)
    assert publisher.execute([b"PUBLISH", b"news", b"hello"]) == b":1\r\n"
    line.send(encode("PING"))
    assert line.take_written() == b""
    await settle()
    assert line.take_written() == MESSAGE + PONG
    line.send(encode("PING"))
    assert line.take_written() == PONG


async def test_a_reply_does_not_overtake_what_a_client_was_blocked_for(server: Server, line: Line) -> None:
    line.send(encode("BLPOP", "queue", "0"))
    pusher = Session(server.state, 2, lambda _message: None)
    pusher.execute([b"RPUSH", b"queue", b"a"])
    line.send(encode("PING"))
    await settle()
    assert line.take_written() == b"*2\r\n$5\r\nqueue\r\n$1\r\na\r\n" + PONG


async def test_replies_wait_while_the_client_does_not_read(line: Line) -> None:
    line.connection.pause_writing()
    line.send(encode("PING"))
    line.send(encode("ECHO", "a"))
    await settle()
    assert line.take_written() == b""
    line.connection.resume_writing()
    await settle()
    assert line.take_written() == PONG + b"$1\r\na\r\n"
    line.send(encode("PING"))
    assert line.take_written() == PONG


async def test_a_long_pipeline_gives_others_a_turn_and_is_not_read_ahead(server: Server, line: Line) -> None:
    line.send(encode("INCR", "n") * 200)
    assert not line.transport.reading
    assert server.state.database.values[b"n"] == b"64"
    other = Line(server)
    other.send(encode("PING"))
    assert other.take_written() == PONG
    await settle()
    assert line.take_written() == b"".join(b":%d\r\n" % n for n in range(1, 201))
    assert line.transport.reading
    other.connection.connection_lost(None)
