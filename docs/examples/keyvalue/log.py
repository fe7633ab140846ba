"""The append-only file: every change, in the form of a command; and how it is made short again."""

import os
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from io import FileIO
from pathlib import Path

from aio_events import periodic
from aio_group import Executor, Group, Resource
from aio_queue import Queue, QueueClosedError
from aio_values import AsyncBool, AsyncValue

from .background import at_low_priority
from .commands import Session
from .database import Database
from .protocol import Parser, ReplyError, command, read_command
from .state import State

_AT_ONCE = 10_000  # records
_SLICE = 0.001  # seconds of work in the background, then others have their turn


def replay(path: Path, state: State) -> None:
    """Do again what the file at `path` tells, and cut off what its last writer did not finish."""
    content = path.read_bytes() if path.exists() else b""
    session, parser, whole = Session(state, 0, print), Parser(read_command), 0
    parser.feed(content)
    now, state.database.now = state.database.now, lambda: 0  # nothing expires but what is told to
    try:
        while words := parser.next():
            if not (reply := session.execute(words)) or reply.startswith(b"-"):
                raise ReplyError(reply or b"it blocks")
            whole = len(content) - parser.unread
    except ReplyError as error:
        raise SystemExit(f"{path}: the record at byte {whole} makes no sense: {error}") from error
    state.database.now = now
    if whole < len(content):
        os.truncate(path, whole)


class Rewrite:
    """A new file in the making.

    One key after the other is told as it stands then. What changes a key that has not been told yet will be seen
    when its turn comes; what changes another one is told too, in the order of time.
    """

    def __init__(self, database: Database, path: Path) -> None:
        self._database, self._path, self._target = database, path.with_name(path.name + ".rewrite"), path
        self._pending = dict.fromkeys(database.values)
        self._told = bytearray()
        self._file = self._path.open("wb", buffering=0)

    def note(self, words: tuple[bytes, ...]) -> None:
        """Take a change into account, which was made a moment ago."""
        if words[0] == b"FLUSHALL":
            self._pending.clear()
        elif words[1] in self._pending:
            return
        self._told += command(*words)

    async def tell_all(self, executor: Executor) -> None:
        """Tell every key, a slice of work after the other."""
        while self._pending:
            until = time.perf_counter() + _SLICE
            while self._pending:
                key, _ = self._pending.popitem()
                self._told += tell(self._database, key)
                if time.perf_counter() >= until:
                    break
            told, self._told = self._told, bytearray()
            await executor.spawn(write, self._file, told)

    def finish(self) -> FileIO:
        """Put the new file in the place of the old one, and return it; to be called in a thread, like `abandon`."""
        write(self._file, self._told)
        os.fsync(self._file.fileno())
        self._path.replace(self._target)
        return self._file

    def abandon(self) -> None:
        """Forget the new file."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def tell(database: Database, key: bytes) -> bytes:
    """Put what `key` holds as commands."""
    if not database.has(key):
        return b""
    value, deadline = database.values[key], database.deadlines.get(key)
    told = command(b"RPUSH", key, *value) if isinstance(value, deque) else command(b"SET", key, value)
    return told if deadline is None else told + command(b"PEXPIREAT", key, b"%d" % deadline)


def write(file: FileIO, data: bytes | bytearray) -> None:
    """Write all of `data`."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def sync_directory(path: Path) -> None:
    """Let the names of files be on the disk, where these are written separately."""
    if os.name == "posix":
        directory = os.open(path, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)


def _complain(error: OSError) -> None:
    print(f"The append-only file was not rewritten: {error}", file=sys.stderr, flush=True)


class Log(Resource):
    """Writes what is recorded, in a thread: while that takes its time, records gather for the next turn.

    So however many clients write, they share the price of an `fsync`. `written` tells how many records are as safe
    as `fsync` asks: `always` on the disk, otherwise with the operating system, which `everysec` has write to the disk.
    Whatever else the thread has to do with the file stands between the records, and is done in its turn.
    """

    def __init__(self, path: Path, fsync: str, database: Database) -> None:
        self._path, self._always, self._database = path, fsync == "always", database
        self._file = path.open("ab", buffering=0)
        self._queue: Queue[bytes | Callable[[], None]] = Queue()
        self._rewrite: Rewrite | None = None
        self.is_rewriting = AsyncBool()
        self.recorded, self.written = 0, AsyncValue(0)
        self._executor, self._group = Executor(1), Group()
        self._group.spawn(self._write)
        self._background = self._group.create_subgroup()
        if fsync == "everysec":
            self._background.spawn(self._sync_every_second)
        database.record = self.record

    @property
    def async_group(self) -> Group:
        """The group that controls the lifetime."""
        return self._group

    def record(self, *words: bytes) -> None:
        """Note a change."""
        if self._rewrite:
            self._rewrite.note(words)
        self._put(command(*words))

    def rewrite(self) -> bool:
        """Begin to make the file as short as it can be; tells whether that was not going on already."""
        if self.is_rewriting.value:
            return False
        self.is_rewriting.value = True
        self._background.spawn(at_low_priority, self._write_anew)
        return True

    async def wait_written(self, count: int) -> None:
        """Wait until `count` records are safe."""
        await self.written.wait_value(lambda written: written >= count)

    async def async_close(self) -> None:
        """Write what is left and close the file."""
        await self._background.async_close()
        if not self._queue.is_closed:
            self._put(self._sync)
            self._queue.close()
        await self._group.async_close(cancel=False)
        await self._executor.async_close()
        self._file.close()

    def _put(self, item: bytes | Callable[[], None]) -> None:
        self._queue.put_nowait(item)
        self.recorded += 1

    async def _write(self) -> None:
        try:
            while True:
                items = await self._queue.get_many(_AT_ONCE)
                await self._executor.spawn(self._do, items)
                self.written.value += len(items)
        except QueueClosedError:
            return
        finally:
            self.close()  # a server that cannot write its log must not go on

    def _do(self, items: list[bytes | Callable[[], None]]) -> None:
        records = bytearray()
        for item in items:
            if isinstance(item, bytes):
                records += item
            else:
                write(self._file, records)
                records = bytearray()
                item()
        write(self._file, records)
        if self._always:
            self._sync()

    def _sync(self) -> None:
        os.fsync(self._file.fileno())

    async def _sync_every_second(self) -> None:
        async for _ in periodic(1):
            self._put(self._sync)

    async def _write_anew(self) -> None:
        try:
            rewrite = self._rewrite = Rewrite(self._database, self._path)
            end: Callable[[], None] = rewrite.abandon
            try:
                await rewrite.tell_all(self._executor)
                end = partial(self._replace, rewrite)
            finally:
                # What stands before this belongs to the old file, what comes after it to the new one.
                self._rewrite = None
                self._put(end)
        except OSError as error:
            _complain(error)
        await self.wait_written(self.recorded)
        self.is_rewriting.value = False

    def _replace(self, rewrite: Rewrite) -> None:
        try:
            file = rewrite.finish()
        except OSError as error:
            rewrite.abandon()
            _complain(error)
            return
        self._file.close()
        self._file = file
        sync_directory(self._path.parent)
