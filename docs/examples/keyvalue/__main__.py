"""The command line of the server."""

import argparse
import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from aio_group import run_asyncio
from aio_sched import priority_loop_factory

from .log import Log, replay
from .protocol import BULK_LIMIT
from .server import Server
from .state import State

_LOOPS = {"priority": priority_loop_factory, "stock": asyncio.new_event_loop}


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser("keyvalue", description="A small server that Redis clients can talk to.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=6379, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--appendonly", type=Path, metavar="FILE", help="keep the data in this file (default: nowhere)")
    parser.add_argument("--appendfsync", choices=["always", "everysec", "no"], default="everysec")
    parser.add_argument("--bulk-limit", type=int, default=BULK_LIMIT, help="of bytes in a word (default: %(default)s)")
    parser.add_argument("--loop", choices=_LOOPS, default="priority", help="of asyncio (default: %(default)s)")
    options = parser.parse_args()
    with suppress(asyncio.CancelledError):  # by SIGINT or SIGTERM
        run_asyncio(serve(options), loop_factory=_LOOPS[options.loop])


async def serve(options: argparse.Namespace) -> None:
    """Run a server; when cancelled, close its connections first and its log last."""
    is_kept, limit = b"yes" if options.appendonly else b"no", b"%d" % options.bulk_limit
    config = {b"appendfsync": options.appendfsync.encode(), b"appendonly": is_kept, b"save": b""}
    state = State(config | {b"proto-max-bulk-len": limit})
    async with AsyncExitStack() as stack:
        if options.appendonly:
            replay(options.appendonly, state)
            state.log = await stack.enter_async_context(Log(options.appendonly, options.appendfsync, state.database))
        server = await stack.enter_async_context(Server(state, options.bulk_limit))
        port = await server.listen(options.host, options.port)
        print(f"Ready to accept connections on {options.host}:{port}", flush=True)
        await (state.log or server).wait_closing()
    raise SystemExit("the append-only file could not be written")


if __name__ == "__main__":
    main()
