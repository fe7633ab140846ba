"""RESP, the language that Redis clients speak: bytes to commands, replies to bytes, without any input or output."""

import re
from collections.abc import Sequence

LINE_LIMIT = 64 * 1024
BULK_LIMIT = 512 * 1024 * 1024
_ARGUMENTS_LIMIT = 2**31 - 1
_INTEGER = re.compile(rb"-?[1-9][0-9]{0,18}|0")
_SHORT_HEADERS = {b"%b%d" % (marker, n): (marker, n) for marker in (b"*", b"$") for n in range(1024)}
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


class Parser:
    """Cuts a stream of bytes, however it was split on its way, into commands.

    A length is checked when its header is read: an argument over `bulk_limit` is refused before any of it is kept.
    """

    def __init__(self, bulk_limit: int = BULK_LIMIT) -> None:
        self._bulk_limit = bulk_limit
        self._buffer, self._position = b"", 0
        self._later: list[bytes] = []  # what came since, joined to the buffer once `_missing` bytes have come
        self._missing = 0
        self._args: list[bytes] = []
        self._expected = 0  # arguments of this command that are still to come
        self._length = -1  # of the next argument; -1 until its header is read

    @property
    def unread(self) -> int:
        """How many bytes have come that belong to no command yet."""
        return len(self._buffer) - self._position + sum(map(len, self._later))

    def feed(self, data: bytes) -> None:
        """Take the next piece of the stream."""
        if self._position == len(self._buffer) and not self._later:
            self._buffer, self._position, self._missing = data, 0, max(self._missing - len(data), 0)
            return
        self._later.append(data)
        self._missing -= len(data)
        if self._missing <= 0:
            self._buffer = b"".join((self._buffer[self._position :], *self._later))
            self._position = self._missing = 0
            self._later.clear()

    def next_command(self) -> list[bytes] | None:
        """Return the next command, its name first, or None until more is fed; raises ProtocolError."""
        if self._missing:
            return None
        while not self._expected:
            if self._position == len(self._buffer):
                return None
            if not self._buffer.startswith(b"*", self._position):
                words = self._inline()
                if words is None or words:
                    return words
                continue
            count = self._header(b"*", b"multibulk", _ARGUMENTS_LIMIT)
            if count is None:
                return None
            self._expected, self._args = max(count, 0), []
        buffer = self._buffer
        while self._expected:
            length = self._length
            if length < 0:
                found = self._header(b"$", b"bulk", self._bulk_limit)
                if found is None:
                    return None
                length = found
            start = self._position
            end = start + length
            if end + 2 > len(buffer):
                self._length, self._missing = length, end + 2 - len(buffer)
                return None
            self._args.append(buffer[start:end])
            self._position, self._length = end + 2, -1
            self._expected -= 1
        return self._args

    def _header(self, marker: bytes, what: bytes, limit: int) -> int | None:
        """Read a line such as `*3` or `$5`; None while it is incomplete."""
        stop = self._buffer.find(b"\r", self._position)
        known = _SHORT_HEADERS.get(self._buffer[self._position : stop])
        if known is not None and known[0] == marker and 0 <= stop <= len(self._buffer) - 2:
            self._position = stop + 2
            return known[1]
        line = self._line(b"\r", b"mbulk count string" if marker == b"*" else b"bulk count string")
        if line is None or self._position + len(line) + 2 > len(self._buffer):
            return None
        if not self._buffer.startswith(marker, self._position):
            raise ProtocolError(b"expected '%b', got '%b'" % (marker, self._buffer[self._position :][:1]))
        count = integer_in(line[1:])
        if count is None or count > limit or (count < 0 and marker == b"$"):
            raise ProtocolError(b"invalid %b length" % what)
        self._position += len(line) + 2
        return count

    def _line(self, end: bytes, what: bytes) -> bytes | None:
        """Look at the line that stands next; None while it is incomplete, which (as in Redis) a NUL keeps it."""
        stop = self._buffer.find(end, self._position)
        if stop >= 0 and b"\0" not in (line := self._buffer[self._position : stop]):
            return line
        if len(self._buffer) - self._position > LINE_LIMIT:
            raise ProtocolError(b"too big " + what)
        return None

    def _inline(self) -> list[bytes] | None:
        """Read a command as a human types it: words on a line, quoted where need be; None while incomplete."""
        line = self._line(b"\n", b"inline request")
        if line is None:
            return None
        self._position += len(line) + 1
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
