"""A window on a running server, written for trio: how things stand, and how many commands a second that took."""

import argparse
import sys
from contextlib import suppress
from functools import partial

import trio
from aio_trio_util import AsyncValue, move_on_when, periodic

from .client import replies, shown
from .protocol import command


def main() -> None:
    """Show a line a second, until a signal comes or the server ends."""
    parser = argparse.ArgumentParser("keyvalue.watch", description="Watch a server that is running.")
    parser.add_argument("--host", default="127.0.0.1", help="the address of the server (default: %(default)s)")
    parser.add_argument("--port", type=int, default=6379, help="(default: %(default)s)")
    parser.add_argument("--lines", type=int, help="to show (default: no limit)")
    options = parser.parse_args()
    try:
        with suppress(KeyboardInterrupt):
            trio.run(watch, options.host, options.port, options.lines)
    except OSError as error:
        sys.exit(f"{options.host}:{options.port}: {error}")


async def watch(host: str, port: int, lines: int | None) -> None:
    """Print a line a second; `lines` of them, if not None."""
    status: AsyncValue[dict[str, int]] = AsyncValue({})
    async with await trio.open_tcp_stream(host, port) as stream, move_on_when(follow, stream, status):
        done = (await status.wait_value(bool))["commands"]
        async for _, delta in periodic(1):
            figures = status.value
            rate = (figures["commands"] - done) / (delta or 1)
            done = figures["commands"]
            print(*(f"{name}={figure}" for name, figure in figures.items()), f"rate={rate:.0f}/s", flush=True)
            if lines is not None and (lines := lines - 1) <= 0:
                return


async def follow(stream: trio.SocketStream, status: AsyncValue[dict[str, int]]) -> None:
    """Keep `status` at what the server says of itself, until it says no more."""
    await stream.send_all(command(b"STATUS"))
    async for reply in replies(partial(stream.receive_some, 65536)):
        figures = (each.split("=") for each in shown(reply).split() if "=" in each)
        status.value = {name: int(figure) for name, figure in figures}


if __name__ == "__main__":
    main()
