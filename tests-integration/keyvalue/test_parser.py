"""The parser sees a stream, however it was split, and refuses what is not RESP."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyvalue.protocol import LINE_LIMIT, Parser, ProtocolError, command, read_command

Outcome = tuple[list[list[bytes]], str | None]


def parse(pieces: Sequence[bytes], bulk_limit: int = 4096) -> Outcome:
    parser, commands = Parser(read_command, bulk_limit), []
    for piece in pieces:
        parser.feed(piece)
        try:
            while (words := parser.next()) is not None:
                commands.append(words)
        except ProtocolError as error:
            return commands, str(error)
    return commands, None


def split(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


words = st.lists(st.binary(max_size=40), min_size=1, max_size=5)
anything = st.one_of(
    words.map(lambda each: command(*each)),
    st.binary(max_size=20),
    st.text(alphabet="*$0123456789-\r\n\"'\\x aP\0", max_size=30).map(str.encode),
)


@given(st.lists(anything, max_size=6).map(b"".join), st.lists(st.integers(0, 1000), max_size=8))
def test_any_split_gives_the_same_commands_or_the_same_error(stream: bytes, cuts: list[int]) -> None:
    assert parse(split(stream, cuts)) == parse([stream])
    assert parse([stream[at : at + 1] for at in range(len(stream))]) == parse([stream])


@given(st.lists(words), st.lists(st.integers(0, 10_000), max_size=8))
def test_commands_survive_encoding(commands: list[list[bytes]], cuts: list[int]) -> None:
    stream = b"".join(command(*each) for each in commands)
    assert parse(split(stream, cuts)) == (commands, None)


def test_a_long_word_in_many_pieces_is_joined_once() -> None:
    word = bytes(range(256)) * 4096
    stream = command(b"SET", b"key", word)
    parser = Parser(read_command)
    for at in range(0, len(stream) - 1, 1000):
        parser.feed(stream[at : min(at + 1000, len(stream) - 1)])
        assert parser.next() is None
    assert len(parser.unread) > len(word)
    parser.feed(stream[-1:])
    assert parser.next() == [b"SET", b"key", word]
    assert not parser.unread


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4097\r\n", "invalid bulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$01\r\n", "invalid bulk length"),
        (b"*1\r\n$18446744073709551617\r\n", "invalid bulk length"),
        (b"*2147483648\r\n", "invalid multibulk length"),
        (b"*+1\r\n", "invalid multibulk length"),
        (b"*1\r\n:1\r\n", "expected '$', got ':'"),
        (b"PING 'a\r\n", "unbalanced quotes in request"),
        (b'PING "a"b\r\n', "unbalanced quotes in request"),
        (b"P" * (LINE_LIMIT + 1), "too big inline request"),
        (b"*" + b"1" * LINE_LIMIT, "too big mbulk count string"),
        (b"*1\r\n$" + b"1" * LINE_LIMIT, "too big bulk count string"),
    ],
)
def test_what_is_not_resp_is_refused(stream: bytes, message: str) -> None:
    assert parse([command(b"PING") + stream]) == ([[b"PING"]], f"ERR Protocol error: {message}")


def test_a_refused_length_is_refused_before_what_follows_is_kept() -> None:
    parser = Parser(read_command, 1024)
    parser.feed(b"*1\r\n$1025\r\n")
    with pytest.raises(ProtocolError, match="invalid bulk length"):
        parser.next()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"  PING  ", [b"PING"]),
        (b"SET a\tb", [b"SET", b"a", b"b"]),
        (rb'ECHO "a\"b\\\n\x41\x4z"', [b"ECHO", b'a"b\\\nAx4z']),
        (rb"ECHO 'a\'b\n'", [b"ECHO", rb"a'b\n"]),
        (b"ECHO a'b' \"\"", [b"ECHO", b"ab", b""]),
        (b"ECHO a\x0bb", [b"ECHO", b"a\x0bb"]),
    ],
)
def test_inline_commands_are_split_into_words(line: bytes, expected: list[bytes]) -> None:
    assert parse([line + b"\r\n"]) == ([expected], None)
    assert parse([line + b"\n"]) == ([expected], None)
