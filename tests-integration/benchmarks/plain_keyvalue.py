"""The example service as one writes it with asyncio alone: streams, a parser by hand, the stock loop, no priorities.

It runs the same commands on the same database, so that what differs is what the example shows. It knows nothing of
slow subscribers, and stops as it stands. Its file can be rewritten as in the example, by a task that works for a
millisecond at a time, or in a thread, from a copy of the database; and there can be more such tasks.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).parents[2] / "docs" / "examples"))

from keyvalue.commands import Session
from keyvalue.database import Database, sweep
from keyvalue.log import Log, tell
from keyvalue.state import State
from slices import work

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK = 256 * 1024


class Parser:
    """Cuts a stream into commands by keeping its state between calls; arrays of bulk strings only."""

    def __init__(self) -> None:
        self._buffer = b""
        self._position = 0
        self._words: list[bytes] = []
        self._expected = 0
        self._length = -1

    def feed(self, data: bytes) -> None:
        self._buffer = self._buffer[self._position :] + data
        self._position = 0

    def next(self) -> list[bytes] | None:
        if not self._expected:
            size = self._header(b"*")
            if size is None:
                return None
            self._expected, self._words = size, []
        while self._expected:
            if self._length < 0:
                length = self._header(b"$")
                if length is None:
                    return None
                self._length = length
            end = self._position + self._length
            if end + 2 > len(self._buffer):
                return None
            self._words.append(self._buffer[self._position : end])
            self._position, self._length = end + 2, -1
            self._expected -= 1
        return self._words

    def _header(self, marker: bytes) -> int | None:
        stop = self._buffer.find(b"\r\n", self._position)
        if stop < 0:
            return None
        if not self._buffer.startswith(marker, self._position):
            raise ValueError(f"expected {marker!r}")
        number = int(self._buffer[self._position + 1 : stop])
        self._position = stop + 2
        return number


class ThreadLog(Log):
    """Leaves the rewriting to a thread."""

    def rewrite(self) -> None:
        self.is_rewriting.value = True
        self._background.spawn(self._rewrite_in_thread, self._database)

    async def _rewrite_in_thread(self, database: Database) -> None:
        copy = Database()
        copy.values = {
            key: value if isinstance(value, bytes) else value.copy() for key, value in database.values.items()
        }
        copy.deadlines = database.deadlines.copy()
        copy.now = lambda: 0

        def write_all() -> None:
            with self._path.with_suffix(".copy").open("wb") as file:
                for key in copy.values:
                    file.write(tell(copy, key))

        await asyncio.to_thread(write_all)
        self.is_rewriting.value = False


async def serve(options: argparse.Namespace) -> None:
    state = State({})
    numbers = count(1)
    tasks: set[asyncio.Task[None]] = set()

    def spawn(function: Callable[..., object], *args: object) -> None:
        task: asyncio.Task[None] = asyncio.create_task(function(*args))  # type: ignore[arg-type]
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(state, next(numbers), writer.write, spawn)
        parser = Parser()
        state.clients.value += 1
        try:
            while not session.has_left and (data := await reader.read(_CHUNK)):
                parser.feed(data)
                while (words := parser.next()) is not None:
                    reply = session.execute(words)
                    state.commands.value += 1
                    state.keys.value = len(state.database.values)
                    if reply:
                        writer.write(reply)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            state.clients.value -= 1
            session.leave()
            writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", options.port, backlog=511)
    spawn(sweep, state.database)
    for _ in range(options.tasks):
        spawn(work)
    if options.appendonly:
        state.log = (ThreadLog if options.thread else Log)(options.appendonly, "no", state.database)
    print(f"Ready to accept connections on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--appendonly", type=Path)
    arguments.add_argument("--tasks", type=int, default=0, help="how many tasks work without end, a slice at a time")
    arguments.add_argument("--thread", action="store_true", help="rewrite the file in a thread")
    asyncio.run(serve(arguments.parse_args()))
