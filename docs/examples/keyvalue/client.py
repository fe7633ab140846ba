"""What clients need to read a server, whether they wait for it in an event loop or not."""

from collections.abc import AsyncGenerator, Awaitable, Callable

from .protocol import Parser, Reply


async def replies(receive: Callable[[], Awaitable[bytes]]) -> AsyncGenerator[Reply]:
    """Yield what a server says, until it says no more; `receive` returns the next bytes, none at the end."""
    parser = Parser(Parser.reply)
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
