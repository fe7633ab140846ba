"""What clients need to read a server, whether they wait for it in an event loop or not."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import NamedTuple

from .protocol import Parser, ProtocolError, integer

_LINE = re.compile(rb"((?:[^\r]|\r(?!\n))*)\r\n")
_SIMPLE_KINDS, _KINDS_OF_MANY = {b"+", b"-", b":", b"#", b",", b"("}, {b"*", b">", b"~", b"%"}
_SIZED_KINDS = {b"$", b"=", b"!", *_KINDS_OF_MANY}


class Reply(NamedTuple):
    """What a server says: the first byte of it, which tells the kind, and what that kind holds."""

    kind: bytes
    value: bytes | list["Reply"] | None


async def read_reply(parser: Parser[Reply]) -> Reply:
    """Read a reply, with all that it is made of."""
    line = await parser.line(_LINE, b"reply")
    kind, rest = line[:1], line[1:]
    if kind in _SIMPLE_KINDS:
        return Reply(kind, rest)
    if kind == b"_" or (kind in {b"$", b"*"} and rest == b"-1"):
        return Reply(b"_", None)
    if kind not in _SIZED_KINDS:
        raise ProtocolError(b"invalid reply")
    size = integer(rest, b"invalid reply", range(2**63), ProtocolError)
    if kind in _KINDS_OF_MANY:
        return Reply(kind, [await read_reply(parser) for _ in range(size * (2 if kind == b"%" else 1))])
    return Reply(kind, await parser.string(size))


async def replies(receive: Callable[[], Awaitable[bytes]]) -> AsyncGenerator[Reply]:
    """Yield what a server says, until it says no more; `receive` returns the next bytes, none at the end."""
    parser = Parser(read_reply)
    while data := await receive():
        parser.feed(data)
        while (reply := parser.next()) is not None:
            yield reply


def shown(reply: Reply, indent: str = "") -> str:
    """Write a reply for a human to read."""
    kind, value = reply
    if value is None:
        return "(nil)"
    if isinstance(value, list):
        lines = [f"{number}) {shown(each, indent + '   ')}" for number, each in enumerate(value, 1)]
        return f"\n{indent}".join(lines) or "(empty)"
    text = value.decode(errors="backslashreplace")
    if kind in {b"-", b"!"}:
        return f"(error) {text}"
    return f'"{text}"' if kind == b"$" else f"(integer) {text}" if kind == b":" else text
