"""A client for the command line, without an event loop: `aiter_sync` runs the code that it shares with others."""

import argparse
import os
import socket
import sys
from contextlib import closing, suppress
from functools import partial

from aio_coro import aiter_sync, asyncfunction

from .client import replies, shown
from .protocol import command

_ENDLESS = {"status", "subscribe"}


def main() -> None:
    """Send one command and show its reply; of a command that has many replies, each as it comes."""
    parser = argparse.ArgumentParser("keyvalue.cli", description="Send a command to a server that is running.")
    parser.add_argument("--host", default="127.0.0.1", help="the address of the server (default: %(default)s)")
    parser.add_argument("--port", type=int, default=6379, help="(default: %(default)s)")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="WORD", help="the command, such as: SET a 1")
    options = parser.parse_args()
    if not options.words:
        parser.error("which command?")
    try:
        with socket.create_connection((options.host, options.port)) as connection, suppress(KeyboardInterrupt):
            connection.sendall(command(*map(os.fsencode, options.words)))
            sys.exit(show(connection, endless=options.words[0].lower() in _ENDLESS))
    except OSError as error:
        sys.exit(f"{options.host}:{options.port}: {error}")


def show(connection: socket.socket, *, endless: bool) -> int:
    """Print what comes; returns the exit code."""
    receive = asyncfunction(partial(connection.recv, 65536))
    with closing(aiter_sync(replies(receive))) as came:
        for reply in came:
            print(shown(reply), flush=True)
            if not endless or reply.kind == b"-":
                return int(reply.kind == b"-")
    return 1


if __name__ == "__main__":
    main()
