"""Which thread a value belongs to, and how to reach it from another."""

from __future__ import annotations

import asyncio
import threading
import weakref
from typing import TYPE_CHECKING, Final

from aio_values.lowlevel import is_over

if TYPE_CHECKING:
    from aio_values.lowlevel import Home

moving: Final = threading.RLock()
"""Held for the moment in which a value moves to a home, or is taken by a thread that assigns it because it has none."""

assigning: Final = threading.RLock()
"""Held by the one thread that assigns such values just now, while functions of the user's run."""


class Residence:
    """The thread in which tasks wait for a value, and their loop or trio run.

    A value has none until a task waits for it, and loses it when that loop is closed or that run is over.
    """

    __slots__ = ("home_ref", "thread")

    def __init__(self, home: Home) -> None:
        self.thread = threading.get_ident()
        # Weakly: a value that outlives its loop must not keep it alive.
        self.home_ref = weakref.ref(home)

    def outlives(self, home: Home) -> bool:
        """Whether to stay although a task of the same thread waits at `home`: that is a guest of this running loop."""
        mine = self.home
        return isinstance(mine, asyncio.AbstractEventLoop) and mine.is_running() and mine is not home

    @property
    def home(self) -> Home | None:
        """The loop or the run, while it can still run something."""
        home = self.home_ref()
        return None if home is None or is_over(home) else home
