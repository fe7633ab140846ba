"""RESP, the language that Redis clients speak: bytes to commands, replies to bytes, without any input or output."""

import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from aio_coro import Monitor, OOBData, await_sync

T = TypeVar("T")

LINE_LIMIT = 64 * 1024
BULK_LIMIT = 512 * 1024 * 1024
_ARGUMENTS_LIMIT = 2**31 - 1
_INTEGER = re.compile(rb"-?[1-9][0-9]{0,18}|0")
_SHORT_COUNTS = {marker: {b"%b%d\r\n" % (marker, n): n for n in range(1, 1024)} for marker in (b"*", b"$")}
_WORD = re.compile(
    rb"""([^ \n\r\t"']*+) (?: "((?:\\.|[^"\\])*+)" (?=\s|\Z) | '((?:\\'|[^'])*+)' (?=\s|\Z) | (?!["']) )""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_CONTROL = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}


_SIMPLE_KINDS, _KINDS_OF_MANY = {b"+", b"-", b":", b"#", b",", b"("}, {b"*", b">", b"~", b"%"}
_SIZED_KINDS = {b"$", b"=", b"!", *_KINDS_OF_MANY}


class ReplyError(Exception):
    """A command that cannot be done; `reply` tells its client why."""

    def __init__(self, message: bytes) -> None:
        super().__init__(message.decode(errors="replace"))
        self.reply = b"-%b\r\n" % message.strip(b"\r\n").translate(bytes.maketrans(b"\r\n", b"  "))


class ProtocolError(ReplyError):
    """What came is not RESP: the client is told so, and its connection ends."""

    def __init__(self, message: bytes) -> None:
        super().__init__(b"ERR Protocol error: " + message)


class Reply(NamedTuple):
    """What a server says: the first byte of it, which tells the kind, and what that kind holds."""

    kind: bytes
    value: bytes | list["Reply"] | None


class Parser(Generic[T]):
    """Cuts a stream of bytes, however it was split on its way: for a server into commands, for a client into replies.

    What reads is a coroutine, which asks its `Monitor` for more where the bytes end. It knows nothing of where they
    come from: no input or output, no event loop.
    """

    def __init__(self, read: Callable[["Parser[T]"], Coroutine[Any, Any, T]], bulk_limit: int = BULK_LIMIT) -> None:
        self._read, self._bulk_limit = read, bulk_limit
        self._monitor: Monitor[None] = Monitor()
        self._reading: Coroutine[Any, Any, T] | None = None  # what waits for more bytes
        self._buffer, self._position = b"", 0
        self._later: list[bytes] = []  # what came since, joined to the buffer once `_missing` bytes have come
        self._missing = 0

    @property
    def unread(self) -> int:
        """How many bytes have come that are not read yet."""
        return len(self._buffer) - self._position + sum(map(len, self._later))

    def feed(self, data: bytes) -> None:
        """Take the next piece of the stream."""
        self._missing -= len(data)
        if self._position == len(self._buffer) and not self._later:
            self._buffer, self._position = data, 0
            return
        self._later.append(data)
        if self._missing <= 0:
            self._buffer = b"".join((self._buffer[self._position :], *self._later))
            self._position = 0
            self._later.clear()

    def next(self) -> T | None:
        """Return what stands next in the stream, or None until more is fed; raises ProtocolError."""
        if self._missing > 0 or self._position == len(self._buffer):
            return None
        reading, self._reading = self._reading or self._read(self), None
        try:
            return await_sync(self._monitor.aawait(reading))
        except OOBData:
            self._reading = reading
            return None

    async def command(self) -> list[bytes]:
        """Read a command, its name first."""
        words: list[bytes] = []
        while not words:
            while self._position == len(self._buffer):
                await self._monitor.oob()
            if not self._buffer.startswith(b"*", self._position):
                words = _words(await self._line(b"\n", b"inline request"))
                continue
            for _ in range(self._short_count(b"*") or await self._count(b"*", b"multibulk", _ARGUMENTS_LIMIT)):
                length = self._short_count(b"$") or await self._count(b"$", b"bulk", self._bulk_limit)
                while (word := self._word(length)) is None:
                    await self._monitor.oob()
                words.append(word)
        return words

    async def reply(self) -> Reply:
        """Read a reply, with all that it is made of."""
        line = await self._line(b"\r\n", b"reply")
        kind, rest = line[:1], line[1:]
        if kind in _SIMPLE_KINDS:
            return Reply(kind, rest)
        if kind == b"_" or (kind in {b"$", b"*"} and rest == b"-1"):
            return Reply(b"_", None)
        size = integer_in(rest)
        if kind not in _SIZED_KINDS or size is None or size < 0:
            raise ProtocolError(b"invalid reply")
        if kind in _KINDS_OF_MANY:
            return Reply(kind, [await self.reply() for _ in range(size * (2 if kind == b"%" else 1))])
        while (word := self._word(size)) is None:
            await self._monitor.oob()
        return Reply(kind, word)

    def _short_count(self, marker: bytes) -> int | None:
        """Read a line such as `*3` or `$5`, if it is here, and one of the usual ones."""
        end = self._buffer.find(b"\n", self._position) + 1
        count = _SHORT_COUNTS[marker].get(self._buffer[self._position : end])
        if count is not None:
            self._position = end
        return count

    async def _count(self, marker: bytes, what: bytes, limit: int) -> int:
        """Read any line such as `*3` or `$5`."""
        line = await self._line(b"\r", b"mbulk count string" if marker == b"*" else b"bulk count string")
        while self._position == len(self._buffer):
            await self._monitor.oob()
        self._position += 1  # whatever it is that follows
        if not line.startswith(marker):
            raise ProtocolError(b"expected '%b', got '%b'" % (marker, line[:1] or b"\r"))
        count = integer_in(line[1:])
        if count is None or count > limit or (count < 0 and marker == b"$"):
            raise ProtocolError(b"invalid %b length" % what)
        return count

    async def _line(self, end: bytes, what: bytes) -> bytes:
        """Read a line, which (as in Redis) a NUL in it keeps from ending."""
        start = self._position
        while (stop := self._buffer.find(end, start)) < 0 or b"\0" in self._buffer[start:stop]:
            if len(self._buffer) - start > LINE_LIMIT:
                raise ProtocolError(b"too big " + what)
            self._missing = 1
            await self._monitor.oob()
            start = self._position
        self._position = stop + len(end)
        return self._buffer[start:stop]

    def _word(self, length: int) -> bytes | None:
        """Read a string of that length and the end of its line, if all that is here."""
        start, end = self._position, self._position + length
        if (missing := end + 2 - len(self._buffer)) > 0:
            self._missing = missing
            return None
        self._position = end + 2
        return self._buffer[start:end]


def _words(line: bytes) -> list[bytes]:
    """Split a command as a human types it: words, quoted where need be."""
    words, rest = [], line.lstrip()
    while rest:
        word = _WORD.match(rest)
        if word is None:
            raise ProtocolError(b"unbalanced quotes in request")
        plain, double, single = word.groups(b"")
        words.append(plain + _ESCAPE.sub(_unescape, double) + single.replace(rb"\'", b"'"))
        rest = rest[word.end() :].lstrip()
    return words


def _unescape(match: re.Match[bytes]) -> bytes:
    digits, character = match.groups()
    return bytes.fromhex(digits.decode()) if digits else _CONTROL.get(character, character)


def integer_in(text: bytes) -> int | None:
    """Return the 64 bit integer that `text` spells, None where Redis sees none: no sign `+`, space or leading zero."""
    if not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


def bulk(value: bytes) -> bytes:
    """Encode a string."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


def integer(value: int) -> bytes:
    """Encode an integer."""
    return b":%d\r\n" % value


def array(replies: Sequence[bytes], kind: bytes = b"*") -> bytes:
    """Encode several replies as one; `kind` is `*` for an array, `>` for a push."""
    return b"%b%d\r\n%b" % (kind, len(replies), b"".join(replies))


def command(*args: bytes) -> bytes:
    """Encode a command as a client sends it."""
    return array([bulk(arg) for arg in args])
