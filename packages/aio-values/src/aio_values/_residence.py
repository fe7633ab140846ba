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
"""Held while a value moves to another home, and while it is assigned from elsewhere because it has none."""


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
