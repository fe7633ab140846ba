"""The append-only file: every change, in the form of a command."""

import asyncio
import math
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from aio_group import Executor, Group, Resource, uncancellable
from aio_queue import Queue, QueueClosedError
from aio_values import AsyncBool

from .background import at_low_priority
from .database import Database
from .protocol import Parser, ReplyError, command
from .rewrite import Rewrite, write

_AT_ONCE = 10_000


def replay(path: Path, execute: Callable[[list[bytes]], bytes | None]) -> None:
    """Do again what the file at `path` tells, and cut off what its last writer did not finish."""
    content = path.read_bytes() if path.exists() else b""
    parser, whole = Parser(Parser.command), 0
    parser.feed(content)
    try:
        while words := parser.next():
            if (reply := execute(words)) is None or reply.startswith(b"-"):
                raise ReplyError(reply or b"it blocks")
            whole = len(content) - parser.unread
    except ReplyError as error:
        raise SystemExit(f"{path}: the record at byte {whole} makes no sense: {error}") from error
    if whole < len(content):
        os.truncate(path, whole)


class Log(Resource):
    """Writes what is recorded, in a thread: while that takes its time, records gather for the next turn.

    So however many clients write, they share the price of an `fsync`. `written` tells how many records are as safe
    as `fsync` asks: `always` on the disk, otherwise with the operating system, which `everysec` has write to the disk.
    """

    def __init__(self, path: Path, fsync: str) -> None:
        self._path, self._fsync = path, fsync
        self._sync_at: float | None = None  # when what was written has to be on the disk
        self._file = path.open("ab", buffering=0)
        self._queue: Queue[bytes] = Queue()
        self._progress = asyncio.Event()
        self.recorded = self.written = 0
        self._executor = Executor(1)
        self._group = Group()
        self._group.spawn(self._write)
        self._background = self._group.create_subgroup()
        self._rewrite: Rewrite | None = None
        self._anew = 0  # how many records are in the file because they were told when it was rewritten
        self.is_rewriting = AsyncBool()

    @property
    def async_group(self) -> Group:
        """The group that controls the lifetime."""
        return self._group

    def record(self, *words: bytes) -> None:
        """Note a change."""
        if self._rewrite:
            self._rewrite.note(words)
        self._queue.put_nowait(command(*words))
        self.recorded += 1

    def rewrite(self, database: Database) -> bool:
        """Begin to make the file as short as it can be; tells whether that was not going on already."""
        if self.is_rewriting.value:
            return False
        self.is_rewriting.value = True
        self._background.spawn(at_low_priority, self._write_anew, database)
        return True

    async def _write_anew(self, database: Database) -> None:
        try:
            rewrite = self._rewrite = Rewrite(database, self._path)
            end: Callable[[], None] = rewrite.abandon
            try:
                await rewrite.tell_all(self._executor)
                end = partial(self._replace, rewrite, rewrite.take_rest(), self.recorded)
            finally:
                self._rewrite = None
                # What the thread is given before this belongs to the old file, what comes after it to the new one.
                await uncancellable(self._executor.spawn(end))
        except OSError as error:
            print(f"The append-only file was not rewritten: {error}", file=sys.stderr, flush=True)
        finally:
            self.is_rewriting.value = False

    async def wait_written(self, count: int) -> None:
        """Wait until `count` records are safe."""
        while self.written < count:
            await self._progress.wait()

    async def async_close(self) -> None:
        """Write what is left and close the file."""
        await self._background.async_close()
        self._queue.close()
        await self._group.async_close(cancel=False)
        await self._executor.async_close()
        self._file.close()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                records: list[bytes] = []
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(self._sync_at):
                        records = await self._queue.get_many(_AT_ONCE)
                sync = self._fsync == "always" or (self._sync_at or math.inf) <= loop.time()
                await self._executor.spawn(self._append, records, self.written, sync)
                if sync or self._fsync == "no":
                    self._sync_at = None
                elif self._sync_at is None:
                    self._sync_at = loop.time() + 1
                self.written += len(records)
                self._progress.set()
                self._progress.clear()
        except QueueClosedError:
            await self._executor.spawn(self._append, [], self.written, True)
        finally:
            self.close()  # a server that cannot write its log must not go on

    def _append(self, records: list[bytes], before: int, sync: bool) -> None:
        write(self._file, b"".join(records[max(self._anew - before, 0) :]))
        if sync:
            os.fsync(self._file.fileno())

    def _replace(self, rewrite: Rewrite, rest: bytearray, recorded: int) -> None:
        try:
            file = rewrite.end(rest)
        except OSError:
            rewrite.abandon()
            raise
        self._file.close()
        self._file, self._anew = file, recorded
