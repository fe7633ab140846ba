"""Blocking pops: who waits for which lists, first come, first served."""

import asyncio
from collections.abc import Callable, Iterable

from .database import Database

Answer = Callable[[tuple[bytes, bytes] | None], None]


class WaitingRoom:
    """Who is blocked: a function each, called with the key and the value that came, or with None when time is up.

    A value is handed over in the moment of the push: nobody can take it in between, and it never goes to one who has
    just left.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lines: dict[bytes, dict[Answer, None]] = {}
        self._waiting: dict[Answer, tuple[Iterable[bytes], asyncio.TimerHandle | None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self, answer: Answer, keys: Iterable[bytes], timeout: float) -> None:
        """Stand in line for `keys`, for `timeout` seconds or, with 0, for ever."""
        timer = asyncio.get_running_loop().call_later(timeout, self._give, answer, None) if timeout else None
        self._waiting[answer] = keys, timer
        for key in keys:
            self._lines.setdefault(key, {})[answer] = None

    def leave(self, answer: Answer) -> None:
        """Wait no longer."""
        keys, timer = self._waiting.pop(answer)
        if timer is not None:
            timer.cancel()
        for key in dict.fromkeys(keys):
            del self._lines[key][answer]
            if not self._lines[key]:
                del self._lines[key]

    def serve(self, key: bytes) -> None:
        """Hand over what was pushed to `key`."""
        while key in self._lines and self._database.items(key):
            [value] = self._database.pop(b"L", key)
            self._give(next(iter(self._lines[key])), (key, value))

    def _give(self, answer: Answer, found: tuple[bytes, bytes] | None) -> None:
        self.leave(answer)
        answer(found)
