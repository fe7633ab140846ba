"""STATUS tells how things stand, as they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from keyvalue_service import Line, Peer, Service, encode

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def fresh() -> Iterator[Service]:
    """A server that nobody else talks to."""
    with Service() as service:
        yield service


class Watcher:
    """A client that has sent STATUS."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._rest = b""
        line.send(encode("STATUS"))
        line.expect(b"+OK\r\n")

    def next(self) -> dict[str, int]:
        while b"\r\n" not in self._rest:
            data = self._line.receive()
            assert data, "the server has closed the connection"
            self._rest += data
        told, _, self._rest = self._rest.partition(b"\r\n")
        assert told.startswith(b"+")
        return {name: int(figure) for name, figure in (each.split("=") for each in told[1:].decode().split())}

    def wait_for(self, **figures: int) -> None:
        while (now := self.next()) | figures != now:
            pass


def test_status_follows_clients_keys_and_commands(fresh: Service) -> None:
    with fresh.connect() as line, fresh.connect() as other:
        watcher = Watcher(line)
        watcher.wait_for(clients=2, blocked=0, keys=0, commands=1)
        other.send(encode("SET", "a", "1") + encode("SET", "b", "1"))
        watcher.wait_for(clients=2, blocked=0, keys=2, commands=3)
        other.send(encode("BLPOP", "queue", "0"))
        watcher.wait_for(clients=2, blocked=1, keys=2, commands=4)
        other.socket.close()
        watcher.wait_for(clients=1, blocked=0, keys=2, commands=4)


def test_one_who_watches_may_go_on_sending_commands(fresh: Service) -> None:
    with fresh.connect() as line:
        line.send(encode("STATUS") + encode("STATUS") + encode("PING"))
        line.expect(b"+OK\r\n+OK\r\n+PONG\r\n+clients=1 blocked=0 keys=0 commands=3\r\n")


def test_one_who_watches_may_say_goodbye(fresh: Service) -> None:
    with fresh.connect() as line:
        assert line.exchange(encode("STATUS") + encode("QUIT")) == b"+OK\r\n+OK\r\n"
    fresh.ask("SET", "a", "1")
    fresh.wait_for_figure("connected_clients", 1)


@pytest.mark.parametrize("peer", ["service", "real_redis"])
def test_a_blocked_subscriber_gets_what_came_first_first(peer: str, request: pytest.FixtureRequest) -> None:
    server: Peer = request.getfixturevalue(peer)
    with server.connect() as blocked, server.connect() as other:
        blocks_in_resp3(server, blocked)
        other.send(encode("RPUSH", "queue", "value") + encode("PUBLISH", "news", "message"))
        blocked.expect(b"*2\r\n$5\r\nqueue\r\n$5\r\nvalue\r\n>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$7\r\nmessage\r\n")


def blocks_in_resp3(peer: Peer, line: Line) -> None:
    line.send(encode("HELLO", "3"))
    assert line.receive_until(b"*0\r\n")
    line.send(encode("SUBSCRIBE", "news"))
    line.expect(b">3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n")
    before = peer.figure("blocked_clients")
    line.send(encode("BLPOP", "queue", "0"))
    peer.wait_for_figure("blocked_clients", before + 1)
