"""Connections: pipelines, clients that block, that do not read, that go, and the server's own end."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

import pytest
from keyvalue_service import Line, Service, encode

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def lines(service: Service) -> Iterator[list[Line]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(service.connect()) for _ in range(4)]


def block(service: Service, line: Line, *words: str) -> None:
    """Send a command that blocks, and wait until the server has seen that."""
    before = service.figure("blocked_clients")
    line.send(encode(*words))
    service.wait_for_figure("blocked_clients", before + 1)


def test_blocked_clients_are_served_first_come_first_served(service: Service, lines: list[Line]) -> None:
    *waiting, pusher = lines
    for line in waiting:
        block(service, line, "BLPOP", "queue", "0")
    for value in ("a", "b"):
        pusher.send(encode("RPUSH", "queue", value))
        pusher.expect(b":1\r\n")
    pusher.send(encode("RPUSH", "queue", "c", "d"))
    pusher.expect(b":2\r\n")
    for line, reply in zip(waiting, (b"a", b"b", b"c"), strict=True):
        line.expect(b"*2\r\n$5\r\nqueue\r\n$1\r\n%b\r\n" % reply)
    assert service.ask("LRANGE", "queue", "0", "-1") == b"*1\r\n$1\r\nd\r\n"


def test_a_blocked_client_waits_for_several_keys_and_is_served_once(service: Service, lines: list[Line]) -> None:
    block(service, lines[0], "BLPOP", "one", "two", "two", "0")
    assert service.ask("RPUSH", "two", "x") == b":1\r\n"
    lines[0].expect(b"*2\r\n$3\r\ntwo\r\n$1\r\nx\r\n")
    assert service.ask("RPUSH", "one", "y") == b":1\r\n"
    assert service.ask("LLEN", "one") == b":1\r\n"


def test_a_client_that_has_gone_takes_nothing(service: Service, lines: list[Line]) -> None:
    block(service, lines[0], "BLPOP", "queue", "0")
    block(service, lines[1], "BLPOP", "queue", "0")
    lines[0].socket.close()
    service.wait_for_figure("blocked_clients", 1)
    assert service.ask("RPUSH", "queue", "x") == b":1\r\n"
    lines[1].expect(b"*2\r\n$5\r\nqueue\r\n$1\r\nx\r\n")


def test_a_client_whose_time_is_up_takes_nothing(service: Service, lines: list[Line]) -> None:
    lines[0].send(encode("BLPOP", "queue", "0.01"))
    lines[0].expect(b"*-1\r\n")
    assert service.figure("blocked_clients") == 0
    assert service.ask("RPUSH", "queue", "x") == b":1\r\n"
    assert service.ask("LLEN", "queue") == b":1\r\n"


def test_what_follows_a_blocking_pop_waits_and_others_do_not(service: Service, lines: list[Line]) -> None:
    block(service, lines[0], "BLPOP", "queue", "0")
    lines[0].send(encode("SET", "after", "1") + encode("BLPOP", "queue", "0") + encode("GET", "after"))
    assert service.ask("GET", "after") == b"$-1\r\n"
    assert service.ask("RPUSH", "queue", "x") == b":1\r\n"
    lines[0].expect(b"*2\r\n$5\r\nqueue\r\n$1\r\nx\r\n+OK\r\n")
    service.wait_for_figure("blocked_clients", 1)
    assert service.ask("RPUSH", "queue", "y") == b":1\r\n"
    lines[0].expect(b"*2\r\n$5\r\nqueue\r\n$1\r\ny\r\n$1\r\n1\r\n")


def test_a_blocked_client_may_send_ahead_and_not_without_end(service: Service, lines: list[Line]) -> None:
    block(service, lines[0], "BLPOP", "queue", "0")
    lines[0].socket.settimeout(1)
    ahead = encode("SET", "x", "y" * 10_000) * 100
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 100_000_000:
            sent += lines[0].socket.send(ahead)
    assert sent < 100_000_000, "the server takes all that a blocked client sends"
    assert service.ask("RPUSH", "queue", "x") == b":1\r\n"
    lines[0].expect(b"*2\r\n$5\r\nqueue\r\n$1\r\nx\r\n+OK\r\n")


def test_a_subscriber_that_does_not_read_is_disconnected_and_others_are_not(service: Service) -> None:
    text = "x" * 20_000
    message = encode("message", "news", text)
    before = service.figure("client_output_buffer_limit_disconnections")
    with service.connect() as slow, service.connect() as fast, service.connect() as publisher:
        for line in (slow, fast):
            line.send(encode("SUBSCRIBE", "news"))
            line.expect(b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n")
        for _ in range(10_000):
            publisher.send(encode("PUBLISH", "news", text))
            fast.expect(message)
            if publisher.receive_until(b"\n") == b":1\r\n":
                break
        else:
            pytest.fail("the server keeps all messages for a subscriber that does not read")
        assert service.figure("client_output_buffer_limit_disconnections") == before + 1
        received = slow.receive_all()
        assert received.startswith(message[: len(received)])
        publisher.send(encode("PUBLISH", "news", text))
        fast.expect(message)


def test_replies_wait_for_a_client_that_does_not_read(service: Service) -> None:
    value = b"x" * 1_000_000
    assert service.ask("SET", "big", value) == b"+OK\r\n"
    before = service.memory()
    with service.connect() as line:
        line.send(encode("GET", "big") * 200)
        service.wait_until_quiet()
        assert service.memory() - before < 50_000_000
        for _ in range(200):
            line.expect(b"$1000000\r\n" + value + b"\r\n")


def test_a_word_over_the_limit_is_refused_before_it_is_sent() -> None:
    with Service("--bulk-limit", "2000") as service, service.connect() as line:
        line.send(encode("SET", "a", "x" * 2000))
        line.expect(b"+OK\r\n")
        line.send(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2001\r\n")
        assert line.receive_all() == b"-ERR Protocol error: invalid bulk length\r\n"
        assert service.ask("CONFIG", "GET", "proto-max-bulk-len").endswith(b"$4\r\n2000\r\n")


def test_a_pipeline_gets_all_its_replies_although_the_client_ends_its_side(service: Service) -> None:
    with service.connect() as line:
        assert line.exchange(encode("INCR", "n") * 5000) == b"".join(b":%d\r\n" % n for n in range(1, 5001))


def test_quit_is_answered_and_what_follows_is_not(service: Service) -> None:
    with service.connect() as line:
        line.send(encode("PING") + encode("QUIT") + encode("SET", "a", "1"))
        assert line.receive_all() == b"+PONG\r\n+OK\r\n"
    assert service.ask("GET", "a") == b"$-1\r\n"


def test_messages_reach_a_client_that_publishes_to_itself_in_order(service: Service) -> None:
    with service.connect() as line:
        line.send(encode("HELLO", "3") + encode("SUBSCRIBE", "me") + encode("PUBLISH", "me", "x") + encode("PING"))
        received = line.receive_until(b"+PONG\r\n")
    expected = b">3\r\n$7\r\nmessage\r\n$2\r\nme\r\n$1\r\nx\r\n:1\r\n+PONG\r\n"
    assert received.endswith(b">3\r\n$9\r\nsubscribe\r\n$2\r\nme\r\n:1\r\n" + expected)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_its_connections(number: int) -> None:
    with Service() as service, contextlib.ExitStack() as stack:
        idle, subscribed, blocked, stuck = [stack.enter_context(service.connect()) for _ in range(4)]
        subscribed.send(encode("SUBSCRIBE", "news"))
        subscribed.expect(b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n")
        block(service, blocked, "BLPOP", "queue", "0")
        stuck.send(encode("SET", "big", "x" * 1_000_000) + encode("GET", "big") * 100)
        service.wait_until_quiet()
        assert service.stop(number) == 0
        assert [idle.receive_all(), subscribed.receive_all(), blocked.receive_all()] == [b"", b"", b""]
        assert service.errors() == ""


def test_a_port_in_use_is_a_clear_error(service: Service) -> None:
    with Service("--port", str(service.port)) as second:
        assert second.process.wait(20) != 0
        assert "address already in use" in second.errors()
        assert second.greeting == ""
