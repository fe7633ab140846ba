"""The keys: what they hold, and until when."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable

from .protocol import ReplyError

_WRONG_TYPE = b"WRONGTYPE Operation against a key holding the wrong kind of value"


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

    def get(self, key: bytes) -> bytes | deque[bytes] | None:
        """Return what `key` holds."""
        if key in self.deadlines and self.deadlines[key] <= self.now():
            self.delete(key)
        return self.values.get(key)

    def __contains__(self, key: bytes) -> bool:
        return self.get(key) is not None

    def string(self, key: bytes) -> bytes | None:
        """Return the string that `key` holds; raises ReplyError when that is a list."""
        value = self.get(key)
        if isinstance(value, deque):
            raise ReplyError(_WRONG_TYPE)
        return value

    def items(self, key: bytes) -> deque[bytes] | None:
        """Return the list that `key` holds; raises ReplyError when that is a string."""
        value = self.get(key)
        if isinstance(value, bytes):
            raise ReplyError(_WRONG_TYPE)
        return value

    def set(self, key: bytes, value: bytes, deadline: int | None = None) -> None:
        """Let `key` hold a string, for good or until `deadline`."""
        self.values[key] = value
        if deadline is not None:
            self.deadlines[key] = deadline
            self.record(b"SET", key, value, b"PXAT", b"%d" % deadline)
            return
        self.deadlines.pop(key, None)
        self.record(b"SET", key, value)

    def push(self, side: bytes, key: bytes, values: Iterable[bytes]) -> int:
        """Put values on the left (`L`) or right (`R`) end of a list, one after the other; return its length."""
        items = self.items(key)
        if items is None:
            items = self.values[key] = deque()
        (items.extendleft if side == b"L" else items.extend)(values)
        self.record(side + b"PUSH", key, *values)
        return len(items)

    def pop(self, side: bytes, key: bytes, count: int = 1) -> list[bytes]:
        """Take up to `count` values off the left (`L`) or right (`R`) end of a list."""
        items = self.items(key) or deque()
        take = items.popleft if side == b"L" else items.pop
        taken = [take() for _ in range(min(count, len(items)))]
        if taken:
            self.record(side + b"POP", key, b"%d" % len(taken))
            if not items:
                del self.values[key]
                self.deadlines.pop(key, None)
        return taken

    def expire(self, key: bytes, deadline: int) -> None:
        """Let `key` go at `deadline`, which may be past."""
        if deadline <= self.now():
            self.delete(key)
            return
        self.deadlines[key] = deadline
        self.record(b"PEXPIREAT", key, b"%d" % deadline)

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
