"""RESP, the language that Redis clients speak: bytes to commands, replies to bytes, without any input or output."""

import re
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from aio_coro import Monitor, OOBData, await_sync

T = TypeVar("T")
Reply = bytes | str | int | None | Sequence["Reply"] | Mapping[bytes, "Reply"]

LINE_LIMIT = 64 * 1024
BULK_LIMIT = 512 * 1024 * 1024
INTEGERS = range(-(2**63), 2**63)
_NO_INTEGER = b"ERR value is not an integer or out of range"
_INTEGER = re.compile(rb"0|-?[1-9]\d{0,18}")
_SHORT = 1024  # bytes
_INLINE = re.compile(rb"([^\n\0]*)\n")  # a NUL keeps a line from ending, as in Redis
_SIZE = re.compile(rb"([^\r\0]*)\r(?s:.)")  # whatever it is that follows
_WORD = re.compile(
    rb"""([^ \n\r\t"']*+) (?: "((?:\\.|[^"\\])*+)" (?=\s|\Z) | '((?:\\'|[^'])*+)' (?=\s|\Z) | (?!["']) )""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_CONTROL = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}


class ReplyError(Exception):
    """A command that cannot be done; `reply` tells its client why."""

    def __init__(self, message: bytes) -> None:
        super().__init__(message.decode(errors="replace"))
        self.reply = b"-%b\r\n" % message.strip(b"\r\n").translate(bytes.maketrans(b"\r\n", b"  "))


class ProtocolError(ReplyError):
    """What came is not RESP: the client is told so, and its connection ends."""

    def __init__(self, message: bytes) -> None:
        super().__init__(b"ERR Protocol error: " + message)


class Parser(Generic[T]):
    """Cuts a stream of bytes, however it was split on its way, into what `read` reads.

    That is a coroutine, which asks its `Monitor` for more where the bytes end. It knows nothing of where they come
    from: no input or output, no event loop.
    """

    def __init__(self, read: Callable[["Parser[T]"], Coroutine[Any, Any, T]], bulk_limit: int = BULK_LIMIT) -> None:
        self._read, self.bulk_limit = read, bulk_limit
        self.monitor: Monitor[None] = Monitor()
        self._reading: Coroutine[Any, Any, T] | None = None  # what waits for more bytes
        self.unread = bytearray()

    def feed(self, data: bytes) -> None:
        """Take the next piece of the stream."""
        self.unread += data

    def next(self) -> T | None:
        """Return what stands next in the stream, or None until more is fed; raises ProtocolError."""
        if not self.unread:
            return None
        reading, self._reading = self._reading or self._read(self), None
        try:
            return await_sync(self.monitor.aawait(reading))
        except OOBData:
            self._reading = reading
            return None

    async def line(self, shape: re.Pattern[bytes], what: bytes) -> bytes:
        """Read a line of that shape."""
        while (found := shape.match(self.unread)) is None:
            if len(self.unread) > LINE_LIMIT:
                raise ProtocolError(b"too big " + what)
            await self.monitor.oob()
        line = found[1]
        del self.unread[: found.end()]
        return line

    async def string(self, length: int) -> bytes:
        """Read a string of that length, and the end of its line."""
        while len(self.unread) < length + 2:
            await self.monitor.oob()
        string = bytes(self.unread[:length])
        del self.unread[: length + 2]
        return string

    async def size(self, marker: bytes, what: bytes, allowed: range) -> int:
        """Read a line such as `*3` or `$5`."""
        line = await self.line(_SIZE, b"mbulk count string" if marker == b"*" else b"bulk count string")
        if not line.startswith(marker):
            raise ProtocolError(b"expected '%b', got '%b'" % (marker, line[:1] or b"\r"))
        return integer(line[1:], b"invalid %b length" % what, allowed, ProtocolError)


async def read_command(parser: Parser[list[bytes]]) -> list[bytes]:
    """Read a command: a list of words, or a line as a human types it."""
    # A short command that is all here is guessed, which spares coroutines: if it was simple, this spells it again.
    end = parser.unread.find(b"\r\n*", 0, _SHORT) + 2
    start = bytes(parser.unread[: end if end > 1 else _SHORT])
    words = start.split(b"\r\n")[2::2]
    if words and command(*words) == start and len(start) <= parser.bulk_limit:
        del parser.unread[: len(start)]
        return words
    words.clear()
    while not words:
        while not parser.unread:
            await parser.monitor.oob()
        if parser.unread.startswith(b"*"):
            for _ in range(await parser.size(b"*", b"multibulk", range(INTEGERS.start, 2**31))):
                words.append(await parser.string(await parser.size(b"$", b"bulk", range(parser.bulk_limit + 1))))
        else:
            words = [*_split(await parser.line(_INLINE, b"inline request"))]
    return words


def _split(line: bytes) -> Iterable[bytes]:
    while line := line.lstrip():
        word = _WORD.match(line)
        if word is None:
            raise ProtocolError(b"unbalanced quotes in request")
        plain, double, single = word.groups(b"")
        yield plain + _ESCAPE.sub(_unescape, double) + single.replace(rb"\'", b"'")
        line = line[word.end() :]


def _unescape(match: re.Match[bytes]) -> bytes:
    digits, character = match.groups()
    return bytes.fromhex(digits.decode()) if digits else _CONTROL.get(character, character)


def integer(
    text: bytes, message: bytes = _NO_INTEGER, allowed: range = INTEGERS, error: type[ReplyError] = ReplyError
) -> int:
    """Return the integer that `text` spells as Redis does: without a sign `+`, spaces and leading zeros."""
    if not _INTEGER.fullmatch(text) or (number := int(text)) not in allowed:
        raise error(message)
    return number


class Push(list[Reply]):
    """An array that a client of RESP3 can tell from the replies to its commands."""


def encode(reply: Reply, version: int = 2) -> bytes:
    """Put a reply into RESP: bytes are a string, str is a line as it stands, a tuple is several replies in a row."""
    match reply:
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
        case str():
            return b"%b\r\n" % reply.encode()
        case int():
            return b":%d\r\n" % reply
        case None:
            return b"$-1\r\n" if version == 2 else b"_\r\n"
        case dict():
            header = b"*%d\r\n" % (2 * len(reply)) if version == 2 else b"%%%d\r\n" % len(reply)
            reply = tuple(part for pair in reply.items() for part in pair)
        case list():
            header = (b">%d\r\n" if version == 3 and isinstance(reply, Push) else b"*%d\r\n") % len(reply)
        case _:
            header = b""
    return header + b"".join([encode(part, version) for part in reply])


def command(*words: bytes) -> bytes:
    """Put a command as a client sends it."""
    return b"*%d\r\n%b" % (len(words), b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words]))
