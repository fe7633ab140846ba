"""The append-only file: every change, in the form of a command; and how it is made short again."""

import os
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path

from aio_events import periodic
from aio_group import Executor, Group, Resource
from aio_queue import Queue, QueueClosedError
from aio_sched import Priority, PriorityTask
from aio_values import AsyncBool, AsyncValue

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
            whole = len(content) - len(parser.unread)
    except ReplyError as error:
        raise SystemExit(f"{path}: the record at byte {whole} makes no sense: {error}") from error
    state.database.now = now
    if whole < len(content):
        os.truncate(path, whole)


def tell(database: Database, key: bytes) -> bytes:
    """Put what `key` holds as commands."""
    if not database.has(key):
        return b""
    value, deadline = database.values[key], database.deadlines.get(key)
    told = command(b"RPUSH", key, *value) if isinstance(value, deque) else command(b"SET", key, value)
    return told if deadline is None else told + command(b"PEXPIREAT", key, b"%d" % deadline)


def write(file: FileIO, data: bytes) -> None:
    """Write all of `data`."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


class Log(Resource):
    """Writes what is recorded, in a thread; what comes meanwhile shares the next turn and the price of its `fsync`.

    `written` tells how many records are as safe as `fsync` asks: `always` on the disk, else with the operating system.
    To rewrite it is to write a new file as well: one key after the other as it stands then, and every change of those
    that were told. So at the end both files tell the same, and one can take the other's place.
    """

    def __init__(self, path: Path, fsync: str, database: Database) -> None:
        self._path, self._always, self._database = path, fsync == "always", database
        self._file = path.open("ab", buffering=0)
        self._new: FileIO | None = None
        self._untold: dict[bytes, None] | None = None  # keys, while the file is rewritten
        self._queue: Queue[tuple[bytes, bytes]] = Queue()  # for the file, for the new one
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
        """Note a change; also for the new file, unless what it changed will still be told there."""
        if self._untold and words[0] == b"FLUSHALL":
            self._untold.clear()
        is_told = self._untold is not None and self._untold.keys().isdisjoint(words[1:2])
        record = command(*words)
        self._queue.put_nowait((record, record if is_told else b""))
        self.recorded += 1

    def rewrite(self) -> None:
        """Begin to make the file as short as it can be; not while that is going on."""
        self.is_rewriting.value = True
        self._background.wrap(PriorityTask(self._rewrite(), priority=Priority.LOW))

    async def wait_written(self, count: int) -> None:
        """Wait until `count` records are safe."""
        await self.written.wait_value(lambda written: written >= count)

    async def async_close(self) -> None:
        """Write what is left and close the file."""
        await self._background.async_close()
        self._queue.close()
        await self._group.async_close(cancel=False)
        await self._executor.async_close()
        self._abandon()
        self._file.close()

    async def _write(self) -> None:
        try:
            with suppress(QueueClosedError):
                while items := await self._queue.get_many(_AT_ONCE):
                    await self._executor.spawn(self._append, items)
                    self.written.value += len(items)
            await self._executor.spawn(self._sync)
        finally:
            self.close()  # a server that cannot write its log must not go on

    async def _sync_every_second(self) -> None:
        try:
            async for _ in periodic(1):
                await self._executor.spawn(self._sync)
        finally:
            self.close()

    async def _rewrite(self) -> None:
        self._untold = dict.fromkeys(self._database.values)
        self._try(self._begin)
        while self._untold and self._new:
            until, told = time.perf_counter() + _SLICE, bytearray()
            while self._untold:
                told += tell(self._database, self._untold.popitem()[0])
                if time.perf_counter() >= until:
                    break
            await self._executor.spawn(self._append, [(b"", bytes(told))])
        await self.wait_written(self.recorded)  # what the new file knows from a key that was told later
        await self._executor.spawn(self._try, self._replace)
        self._untold = None
        await self.wait_written(self.recorded)  # what was meant for two files
        self.is_rewriting.value = False

    # What follows runs in the thread.

    def _append(self, items: list[tuple[bytes, bytes]]) -> None:
        write(self._file, b"".join([record for record, _told in items]))
        if self._always:
            self._sync()
        if self._new:
            self._try(write, self._new, b"".join([told for _record, told in items]))

    def _sync(self) -> None:
        os.fsync(self._file)

    def _try(self, step: Callable[..., object], *args: object) -> None:
        """Take a step of rewriting; if that fails, the file stays as it is."""
        try:
            step(*args)
        except OSError as error:
            print(f"The append-only file was not rewritten: {error}", file=sys.stderr, flush=True)
            self._abandon()

    def _begin(self) -> None:
        self._new = self._path.with_name(self._path.name + ".rewrite").open("wb", buffering=0)

    def _replace(self) -> None:
        if self._new:
            os.fsync(self._new)
            Path(self._new.name).replace(self._path)
            self._file.close()
            self._file, self._new = self._new, None
            if os.name == "posix":  # where the names of files are written separately
                directory = os.open(self._path.parent, os.O_RDONLY)
                os.fsync(directory)
                os.close(directory)

    def _abandon(self) -> None:
        if self._new:
            self._new.close()
            Path(self._new.name).unlink(missing_ok=True)
            self._new = None
