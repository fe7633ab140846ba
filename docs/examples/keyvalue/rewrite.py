"""Writing the append-only file anew, as short as it can be, while the server goes on."""

import os
import time
from collections import deque
from io import FileIO
from pathlib import Path

from aio_group import Executor

from .database import Database
from .protocol import command

_SLICE = 0.001  # seconds of work, then others have their turn


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
