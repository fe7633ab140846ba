"""The same bytes are sent to the example and to a real Redis: the same bytes come back.

What differs, and is left out here or made equal:

- the contents of INFO and COMMAND, and the connection's number in CLIENT ID and HELLO;
- CLIENT SETINFO, which Redis has since 7.2;
- commands and options that the example has not: Redis would do them;
- the order in which KEYS, and UNSUBSCRIBE without a channel, name what they found: that of a hash table;
- timeouts of BLPOP in hexadecimal, or beyond what a double can tell;
- ranges in patterns from ASCII to other bytes: in Redis they depend on the machine.
"""

from __future__ import annotations

import re
import select
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyvalue_service import Peer, Service, encode

if TYPE_CHECKING:
    from collections.abc import Sequence

SENTINEL = b"the end of this"
KEYS = [b"a", b"b", b"c", b"", b"\xff\r\n", b"a" * 1500]
VALUES = [
    b"",
    b"1",
    b"-5",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"hello",
    b"x\r\n$1\r\n",
    b"\0",
    b"v" * 3000,
]
NUMBERS = [
    *(b"0", b"1", b"2", b"3", b"-1", b"-2", b"10", b"+1", b" 1", b"1 ", b"01", b"-0", b"1.5", b"", b"nan", b"0x10"),
    *(b"1_0", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"-9223372036854775809"),
]
EXPIRIES = [b"100", b"1000", b"500000", b"0", b"-1", b"9223372036854775", b"-9223372036854775", *NUMBERS[6:]]
WORDS = [*KEYS, *VALUES, *NUMBERS, b"NX", b"foo\r\nbar", b"foo\0bar", b"q" * 130, b"*", b"save", b"SETNAME", b"3"]

key, value, number, word = (st.sampled_from(each) for each in (KEYS, VALUES, NUMBERS, WORDS))
anything = st.one_of(word, st.binary(max_size=12))
channel = st.sampled_from([b"one", b""])


def call(name: str, *arguments: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    spelling = st.sampled_from([name.upper(), name.lower(), name.title()]).map(lambda each: each.encode().split(b" "))
    return st.builds(lambda words, rest: [*words, *rest], spelling, st.tuples(*arguments))


def then(start: st.SearchStrategy[list[bytes]], more: st.SearchStrategy[list[bytes]]) -> st.SearchStrategy[list[bytes]]:
    return st.builds(lambda first, rest: first + rest, start, more)


option = st.sampled_from([[b"NX"], [b"XX"], [b"nx"], [b"EX"], [b"XX\0"], [b"bogus"], [b""]])
expiry = st.tuples(st.sampled_from([b"EX", b"ex", b"EX\0"]), st.sampled_from(EXPIRIES)).map(list)
expiry_in_milliseconds = st.tuples(st.just(b"PX"), st.sampled_from([b"100000", b"0", b"-1", *NUMBERS[7:]])).map(list)
set_options = st.lists(st.one_of(option, expiry, expiry_in_milliseconds), max_size=3).map(
    lambda options: [each for option in options for each in option]
)
well_formed = st.one_of(
    call("ping"),
    call("ping", anything),
    call("echo", anything),
    call("get", key),
    then(call("set", key, value), set_options),
    call("set", key, value),
    then(call("mget", key), st.lists(key, max_size=3)),
    then(call("mset", key, value), st.lists(value, max_size=4)),
    then(call("del", key), st.lists(key, max_size=2)),
    then(call("exists", key), st.lists(key, max_size=3)),
    call("incr", key),
    call("incrby", key, number),
    call("expire", key, st.sampled_from(EXPIRIES)),
    call("expire", key, number, st.sampled_from([b"bogus", b"\0", b"odd\r\none"])),
    call("ttl", key),
    call("keys", st.sampled_from([b"a", b"[b]", b"\\c", b"x*", b"", b"[^a-z]??", b"aa*a"])),
    call("dbsize"),
    call("flushall"),
    call("flushall", st.sampled_from([b"ASYNC", b"sync", b"now"])),
    then(call("lpush", key, value), st.lists(value, max_size=3)),
    then(call("rpush", key, value), st.lists(value, max_size=3)),
    call("lpop", key),
    call("rpop", key),
    call("lpop", key, number),
    call("rpop", key, number),
    call("llen", key),
    call("lrange", key, number, number),
    then(call("blpop", key), st.lists(key, max_size=2)).map(lambda words: [*words, b"0.001"]),
    call("blpop", key, st.sampled_from([b"-1", b"abc", b"", b" 1", b"nan", b"1e30", b"-inf", b"1_0", b"1e"])),
    call("subscribe", channel),
    then(call("unsubscribe"), st.lists(channel, min_size=1, max_size=2)),
    call("publish", channel, value),
    call("hello", st.sampled_from([b"2", b"3", b"3", b"1", b"4", b"x"])),
    call("hello", st.just(b"3"), st.sampled_from([b"SETNAME", b"bogus", b"a\r\nb"])),
    call("hello", st.just(b"2"), st.just(b"setname"), anything),
    call("client setname", anything),
    call("config get", st.sampled_from([b"save", b"appendonly", b"nosuch", b"append[o]nly"])),
)
# Names that may be given any number of any words.
QUIET = """
    ping echo get incr incrby ttl dbsize flushall llen lrange lpush rpush lpop rpop mget mset del exists subscribe
    publish hello client client+setname config config+get command bogus + QU\0IT
"""
wrong = st.builds(
    lambda name, rest: [*name.encode().split(b"+"), *rest],
    st.sampled_from(QUIET.split()),
    st.lists(anything, max_size=4),
).filter(lambda words: not may_differ(words))
inline = st.one_of(
    st.sampled_from([b"PING\r\n", b"\r\n", b"  \r\n", b"get  a\n", b'set a "x\\x41\\n"\r\n', b"ECHO 'it\\'s'\r\n"]),
    st.text(alphabet="ab'\"\\x41 \t", max_size=12).map(lambda text: b"ECHO " + text.encode() + b"\r\n"),
)
frame = st.one_of(
    well_formed.map(lambda words: encode(*words)),
    well_formed.map(lambda words: encode(*words)),
    wrong.map(lambda words: encode(*words)),
    inline,
    st.sampled_from([b"*0\r\n", b"*-1\r\n", b"*1\rx$4\rxPINGxx", b"QUIT\r\n"]),
)
broken = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.sampled_from(
        [b"*1\r\n$-1\r\n", b"*x\r\n", b"*1\r\n:1\r\n", b"*2\r\n$4\r\nECHO\r\n$536870913\r\n", b"PING 'x\r\n"]
    ),
    st.sampled_from(
        [b"*3\r\n$3\r\nSET", b"*1\r\n$4\r\nPI", b"\0\r\nPING\r\n", b"*1\r\n\r\n", b"*2147483648\r\n", b"*01\r\n"]
    ),
)
cuts = st.lists(st.integers(0, 5000), max_size=4)


def may_differ(words: Sequence[bytes]) -> bool:
    """Whether these are words that only Redis knows, or whose reply tells of the server itself."""
    name, *rest = (each.lower() for each in words)
    match name:
        case b"config" if b"*" in rest:
            return True
        case b"command" if not rest:
            return True
        case b"command" | b"client" | b"config":
            return bool(rest) and rest[0] not in {b"", b"1", b"0", b"foo\0bar", b"foo\r\nbar", b"setname", b"get"}
        case b"expire" | b"set":
            return True
    return False


def same(reply: bytes) -> bytes:
    """A reply without the number of the connection."""
    return re.sub(rb"\$2\r\nid\r\n:\d+\r\n", b"", reply)


def pieces(stream: bytes, cuts: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def replies_to(peer: Peer, stream: bytes, cuts: Sequence[int]) -> bytes:
    """All that comes back, up to a sentinel, or to the end of a connection that the server has closed."""
    with peer.connect() as line:
        line.send(encode("FLUSHALL"))
        for piece in pieces(stream, cuts):
            line.send(piece)
        line.send(encode("PING", SENTINEL))
        return same(line.receive_until(SENTINEL + b"\r\n"))


@given(st.lists(frame, min_size=1, max_size=12).map(b"".join), cuts)
def test_streams_of_commands(real_redis: Peer, shared_service: Service, stream: bytes, cuts: list[int]) -> None:
    assert replies_to(shared_service, stream, cuts) == replies_to(real_redis, stream, cuts)


def replies_to_broken(peer: Peer, stream: bytes, cuts: Sequence[int]) -> bytes:
    with peer.connect() as line:
        line.send(encode("FLUSHALL"))
        for piece in pieces(stream, cuts):
            line.send(piece)
        line.end()
        return same(line.receive_all())


# Nothing that blocks when the connection ends, and no words that are commands of Redis when they begin a line.
harmless = frame.filter(lambda data: not re.search(rb"blpop|sync|save|setname|command", data, re.IGNORECASE))


@given(st.lists(harmless, max_size=4).map(b"".join), broken, st.lists(harmless, max_size=2).map(b"".join), cuts)
def test_streams_with_damage(
    real_redis: Peer, shared_service: Service, before: bytes, damage: bytes, after: bytes, cuts: list[int]
) -> None:
    stream = before + damage + after
    assert replies_to_broken(shared_service, stream, cuts) == replies_to_broken(real_redis, stream, cuts)


@given(st.lists(harmless, min_size=1, max_size=4).map(b"".join), st.integers(0, 10_000), st.binary(max_size=3), cuts)
def test_streams_with_a_byte_changed(
    real_redis: Peer, shared_service: Service, stream: bytes, at: int, change: bytes, cuts: list[int]
) -> None:
    at %= len(stream)
    stream = stream[:at] + change + stream[at + 1 :]
    assert replies_to_broken(shared_service, stream, cuts) == replies_to_broken(real_redis, stream, cuts)


@pytest.mark.parametrize(
    "damage",
    [
        b"*1\r\n$-1\r\n",
        b"*1\r\n$536870913\r\n",
        b"*1\r\n+OK\r\n",
        b"*1\r\n\r\r",
        b"*2147483648\r\n",
        b"PING 'x\r\n",
        b"P" * 70_000,
        b"*" + b"1" * 70_000,
        b"*1\r\n$" + b"1" * 70_000,
    ],
    ids=lambda damage: damage[:12].decode(),
)
def test_a_protocol_error_is_told_and_ends_the_connection(
    real_redis: Peer, shared_service: Service, damage: bytes
) -> None:
    def outcome(peer: Peer) -> bytes:
        with peer.connect() as line:
            line.send(encode("PING") + damage)
            return line.receive_all()  # ends when the server has closed: nobody else does

    assert outcome(shared_service) == outcome(real_redis)
    assert outcome(shared_service).startswith(b"+PONG\r\n-ERR Protocol error: ")


@pytest.mark.parametrize("subscribes", [False, True], ids=["", "to a subscriber"])
def test_any_number_of_words(real_redis: Peer, shared_service: Service, subscribes: bool) -> None:
    start = encode("SUBSCRIBE", "one") if subscribes else b""
    for name in {*QUIET.split(), "quit", "set", "expire", "keys", "unsubscribe"} - {"command"}:
        for words in ([*name.split("+"), *["a"] * count] for count in range(6)):
            stream = encode("FLUSHALL") + start + encode(*words)
            assert same(shared_service.exchange(stream)) == same(real_redis.exchange(stream)), words


NAMES = [b"a", b"b", b"c", b"", b"\\", b"[", b"]", b"-", b"ax", b"^", b"a[", b"d", b"a]", b"abc", b"a\nc", b"\xff"]


@given(st.lists(st.sampled_from([bytes([each]) for each in b"abcdx*?[]^-\\\n"]), max_size=7).map(b"".join))
def test_patterns_of_keys(real_redis: Peer, shared_service: Service, pattern: bytes) -> None:
    def found(peer: Peer) -> list[bytes]:
        setting = encode("MSET", *(word for name in NAMES for word in (name, b"1")))
        with peer.connect() as line:
            reply = line.exchange(encode("FLUSHALL") + setting + encode("KEYS", pattern))
        count, *rest = reply.removeprefix(b"+OK\r\n+OK\r\n*").split(b"\r\n")
        assert len(rest) == 2 * int(count) + 1
        return sorted(rest[1::2])

    assert found(shared_service) == found(real_redis)


step = st.tuples(
    st.integers(0, 2),
    st.one_of(
        then(call("blpop", key), st.lists(key, max_size=2)).map(lambda words: [*words, b"0"]),
        then(call("blpop", key), st.lists(key, max_size=2)).map(lambda words: [*words, b"0"]),
        then(call("rpush", key, value), st.lists(value, max_size=2)),
        then(call("lpush", key, value), st.lists(value, max_size=2)),
        call("lpop", key),
        call("set", key, value),
        call("del", key),
        call("subscribe", st.sampled_from([b"one", b"two"])),
        call("unsubscribe", st.sampled_from([b"one", b"two"])),
        call("publish", st.sampled_from([b"one", b"two"]), value),
        call("hello", st.just(b"3")),
    ),
)


class Speaker:
    """One of several connections that speak in turns."""

    def __init__(self, peer: Peer) -> None:
        self.line = peer.connect()
        self.received = b""
        self.blocked = False

    def say(self, *words: bytes) -> None:
        """Send a command that cannot block, and wait for its reply and all that came before it."""
        self.line.send(encode(*words) + encode("PING", SENTINEL))
        self.received += self.line.receive_until(SENTINEL + b"\r\n")

    def hear(self) -> bool:
        """Take what has come; tell whether there was anything."""
        if not select.select([self.line.socket], [], [], 0.001)[0]:
            return False
        self.received += self.line.receive()
        return True

    def say_what_may_block(self, peer: Peer, words: Sequence[bytes]) -> None:
        """Send a command, and wait until its reply comes or the server says that it blocks."""
        self.say(b"PING")
        before = peer.figure("blocked_clients")
        self.line.send(encode(*words))
        while not self.hear():
            if peer.figure("blocked_clients") > before:
                self.blocked = True
                return


def conversation(peer: Peer, steps: Sequence[tuple[int, list[bytes]]]) -> list[bytes]:
    """What three connections receive that speak in turns, while those that are blocked are passed over."""
    peer.ask("FLUSHALL")
    speakers = [Speaker(peer) for _ in range(3)]
    for number, words in steps:
        if speakers[number].blocked:
            continue
        if words[0].lower() == b"blpop":
            speakers[number].say_what_may_block(peer, words)
        else:
            speakers[number].say(*words)
        blocked = peer.figure("blocked_clients")
        while sum(speaker.blocked for speaker in speakers) > blocked:
            for speaker in speakers:
                speaker.blocked = speaker.blocked and not speaker.hear()
    for speaker in speakers:
        if not speaker.blocked:
            speaker.say(b"PING")
        speaker.line.socket.close()
    peer.wait_for_figure("blocked_clients", 0)
    return [same(speaker.received) for speaker in speakers]


@given(st.lists(step, max_size=15))
def test_several_clients_in_turns(
    real_redis: Peer, shared_service: Service, steps: list[tuple[int, list[bytes]]]
) -> None:
    assert conversation(shared_service, steps) == conversation(real_redis, steps)
