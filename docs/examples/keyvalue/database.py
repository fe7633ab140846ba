"""The keys: what they hold, and until when."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from aio_events import periodic

from .protocol import ReplyError

T = TypeVar("T", bytes, "deque[bytes]")
_PERIOD = 0.1  # seconds from one look at keys to the next
_SAMPLE = 200  # keys


class Database:
    """Strings and lists by key. An expired key is gone as soon as anybody looks.

    `record` is called with every change, put as a command: the same commands in the same order make the same
    database, if `now` lets nothing expire meanwhile.
    """

    def __init__(self) -> None:
        self.values: dict[bytes, bytes | deque[bytes]] = {}
        self.deadlines: OrderedDict[bytes, int] = OrderedDict()  # in milliseconds since 1970
        self.record: Callable[..., None] = lambda *command: None  # noqa: ARG005 - takes what a log would take
        self.now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def has(self, key: bytes) -> bool:
        """Tell whether `key` is there."""
        if key in self.deadlines and self.deadlines[key] <= self.now():
            self.delete(key)
        return key in self.values

    def get(self, key: bytes, kind: type[T]) -> T | None:
        """Return what `key` holds, if that is there; raises ReplyError if it is of another kind."""
        value = self.values[key] if self.has(key) else None
        if value is None or isinstance(value, kind):
            return value
        raise ReplyError(b"WRONGTYPE Operation against a key holding the wrong kind of value")

    def set(self, key: bytes, value: bytes, deadline: int | None = None) -> None:
        """Let `key` hold a string, for good or until `deadline`."""
        self.values[key] = value
        if deadline is None:
            self.deadlines.pop(key, None)
            self.record(b"SET", key, value)
        else:
            self.deadlines[key] = deadline
            self.record(b"SET", key, value, b"PXAT", b"%d" % deadline)

    def push(self, side: bytes, key: bytes, values: Iterable[bytes]) -> int:
        """Put values on the left (`L`) or right (`R`) end of a list, one after the other; return its length."""
        if (items := self.get(key, deque)) is None:
            items = self.values[key] = deque()
        (items.extendleft if side == b"L" else items.extend)(values)
        self.record(side + b"PUSH", key, *values)
        return len(items)

    def pop(self, side: bytes, key: bytes, count: int = 1) -> list[bytes]:
        """Take up to `count` values off the left (`L`) or right (`R`) end of a list."""
        items = self.get(key, deque) or deque()
        take = items.popleft if side == b"L" else items.pop
        taken = [take() for _ in range(min(count, len(items)))]
        if taken:
            self.record(side + b"POP", key, b"%d" % len(taken))
        if taken and not items:
            del self.values[key]
            self.deadlines.pop(key, None)
        return taken

    def expire(self, key: bytes, deadline: int) -> bool:
        """Let `key` go at `deadline`, which may be past; tell whether it was there."""
        if not self.has(key) or deadline <= self.now():
            return self.delete(key)
        self.deadlines[key] = deadline
        self.record(b"PEXPIREAT", key, b"%d" % deadline)
        return True

    def delete(self, key: bytes) -> bool:
        """Forget `key`; tell whether it was there."""
        self.deadlines.pop(key, None)
        if self.values.pop(key, None) is None:
            return False
        self.record(b"DEL", key)
        return True

    def clear(self) -> None:
        """Forget everything."""
        self.values.clear()
        self.deadlines.clear()
        self.record(b"FLUSHALL")


async def sweep(database: Database) -> None:
    """Look at some keys that may have expired and that nobody asks for, again and again, so that all get their turn."""
    async for _ in periodic(_PERIOD):
        for key in [*islice(database.deadlines, _SAMPLE)]:
            database.deadlines.move_to_end(key)
            database.has(key)
