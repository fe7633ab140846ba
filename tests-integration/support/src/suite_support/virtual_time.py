"""An asyncio loop whose clock jumps to the next timer when nothing else is left to do."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import SelectorEventLoop as _Loop
    from collections.abc import Mapping
else:
    _Loop = object


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that, where it would wait for a timer, moves the clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            # No timer at all: only real I/O (a thread's wake-up, a signal) can go on from here.
            return list(super().select(None))
        self.now += timeout
        return []


class VirtualTimeMixin(_Loop):
    """Put before a selector loop, it brings virtual time: starts at 0.0, never sleeps, keeps the order of timers.

    Do not wait for threads and timers at once: the timer fires first, since time passes in no time.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        # A timer is due at once when the clock stands on it: the stock resolution would fire it a little early.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._jumping.now

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        # Runner passes five minutes, which are over at once here: wait for the threads themselves.
        await super().shutdown_default_executor()


class VirtualTimeLoop(VirtualTimeMixin, asyncio.SelectorEventLoop):
    """asyncio's selector loop in virtual time."""


def asyncio_loops_in_virtual_time() -> Mapping[str, type[VirtualTimeLoop]]:
    """The value for a conftest's `pytest_asyncio_loop_factories` where tests need time."""
    return {"virtual": VirtualTimeLoop}
