"""The command line client: the parser of replies, a plain socket, and no event loop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyvalue.client import Reply, read_reply, shown
from keyvalue.protocol import Parser, ProtocolError
from keyvalue_service import EXAMPLES, Service

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO


def start(port: int, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "keyvalue.cli", "--port", str(port), *words],
        cwd=EXAMPLES,
        env={**os.environ, "PYTHONPATH": "."},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(port: int, *words: str) -> tuple[int, str, str]:
    process = start(port, *words)
    output, errors = process.communicate(timeout=30)
    return process.returncode, output, errors


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (["SET", "a", "1"], "OK\n"),
        (["GET", "a"], '"1"\n'),
        (["GET", "missing"], "(nil)\n"),
        (["INCRBY", "a", "-2"], "(integer) -1\n"),
        (["RPUSH", "list", "x", ""], "(integer) 2\n"),
        (["LRANGE", "letters", "0", "-1"], '1) "x"\n2) ""\n'),
        (["LRANGE", "none", "0", "-1"], "(empty)\n"),
    ],
)
def test_a_command_and_its_reply(service: Service, words: list[str], output: str) -> None:
    service.ask("SET", "a", "1")
    service.ask("RPUSH", "letters", "x", "")
    assert run(service.port, *words) == (0, output, "")


def test_an_error_is_shown_and_told_by_the_exit_code(service: Service) -> None:
    assert run(service.port, "GET") == (1, "(error) ERR wrong number of arguments for 'get' command\n", "")


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code, output, errors = run(port, "PING")
    assert (code, output) == (1, "")
    assert errors.startswith(f"127.0.0.1:{port}: ")


def test_no_command_is_an_error_of_usage(service: Service) -> None:
    code, output, errors = run(service.port)
    assert (code, output) == (2, "")
    assert "which command?" in errors


def test_status_is_shown_until_it_is_interrupted(service: Service) -> None:
    process = start(service.port, "STATUS")
    output = cast("IO[str]", process.stdout)
    assert output.readline() == "OK\n"
    assert output.readline().startswith("clients=")
    with service.connect():
        assert output.readline().startswith("clients=")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


def parse(pieces: Sequence[bytes]) -> tuple[list[Reply], str | None]:
    parser, replies = Parser(read_reply), []
    for piece in pieces:
        parser.feed(piece)
        try:
            while (reply := parser.next()) is not None:
                replies.append(reply)
        except ProtocolError as error:
            return replies, str(error)
    return replies, None


simple = st.sampled_from(
    [b"+OK\r\n", b"-ERR no\r\n", b":42\r\n", b"$-1\r\n", b"*-1\r\n", b"_\r\n", b"#t\r\n", b",1.5\r\n"]
)
strings = st.binary(max_size=20).map(lambda data: b"$%d\r\n%b\r\n" % (len(data), data))
values = st.recursive(
    simple | strings,
    lambda each: st.lists(each, max_size=4).map(lambda parts: b"*%d\r\n%b" % (len(parts), b"".join(parts))),
    max_leaves=8,
)
junk = st.text(alphabet="*$+-:>%_0123456789\r\nx", max_size=12).map(str.encode)


@given(st.lists(values | junk, max_size=5).map(b"".join), st.lists(st.integers(0, 1000), max_size=6))
def test_any_split_gives_the_same_replies_or_the_same_error(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    whole = parse([stream])
    assert parse([stream[start:end] for start, end in pairwise(edges)]) == whole
    assert parse([stream[at : at + 1] for at in range(len(stream))]) == whole


def test_replies_within_replies() -> None:
    stream = b"%1\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n~1\r\n=5\r\ntxt:b\r\n>1\r\n(123\r\n!3\r\nERR\r\n"
    replies, error = parse([stream])
    assert error is None
    pair = [Reply(b"$", b"a"), Reply(b"*", [Reply(b":", b"1"), Reply(b"*", [])])]
    assert replies == [
        Reply(b"%", pair),
        Reply(b"~", [Reply(b"=", b"txt:b")]),
        Reply(b">", [Reply(b"(", b"123")]),
        Reply(b"!", b"ERR"),
    ]
    assert shown(replies[0]) == '1) "a"\n2) 1) (integer) 1\n   2) (empty)'
    assert shown(replies[3]) == "(error) ERR"


@pytest.mark.parametrize("stream", [b"?\r\n", b"$x\r\n", b"*-2\r\n", b"$\r\n", b"=-1\r\n", b"%-1\r\n"])
def test_what_is_no_reply_is_refused(stream: bytes) -> None:
    assert parse([b"+OK\r\n" + stream]) == ([Reply(b"+", b"OK")], "ERR Protocol error: invalid reply")
