"""Blocking pops: who waits for which lists, first come, first served."""

from collections.abc import Iterable

from aio_values import AsyncValue

from .database import Database


class Waiter:
    """One who waits in a line for each of some keys, for the key and the value that come first."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self.keys = dict.fromkeys(keys)
        self.found: AsyncValue[tuple[bytes, bytes] | None] = AsyncValue(None)


class WaitingRoom:
    """Who is blocked.

    A value is handed over in the moment of the push: nobody can take it in between, and it never goes to one who has
    just left.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lines: dict[bytes, dict[Waiter, None]] = {}
        self.size = AsyncValue(0)

    def enter(self, keys: Iterable[bytes]) -> Waiter:
        """Stand in line for `keys`."""
        waiter = Waiter(keys)
        for key in waiter.keys:
            self._lines.setdefault(key, {})[waiter] = None
        self.size.value += 1
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer."""
        for key in waiter.keys:
            del self._lines[key][waiter]
            if not self._lines[key]:
                del self._lines[key]
        self.size.value -= 1

    def serve(self, key: bytes) -> None:
        """Hand over what was pushed to `key`."""
        while key in self._lines and self._database.items(key):
            waiter = next(iter(self._lines[key]))
            self.leave(waiter)
            [value] = self._database.pop(b"L", key)
            waiter.found.value = key, value
