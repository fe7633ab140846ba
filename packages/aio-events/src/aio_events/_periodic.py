"""Ticks that do not drift."""

from __future__ import annotations

import math
from numbers import Real
from typing import Literal, TypeAlias, get_args

from aio_values.lowlevel import checkpoint, current_time, sleep_until, yield_now

from aio_events._closable import ClosableIterator, State

Overrun: TypeAlias = Literal["skip", "catch_up", "restart"]


class periodic(ClosableIterator[tuple[float, float | None]]):  # noqa: N801  # the name that trio-util's users know
    """Iterate with an interval of `period` seconds, whatever time the loop's body takes.

        async for elapsed, delta in periodic(1):
            ...

    It gives `(elapsed, delta)`: the seconds since the first iteration began, and since the last one (None in the
    first iteration).

    The drift it prevents: a loop that sleeps `period` seconds after its work, or counts from the moment it woke, is
    later with every iteration. Here tick n starts at `start + n * period`, by the runtime's clock, always computed from
    the start.

    A body that takes longer than the period overruns: the next iteration begins at once, late, and other tasks get a
    turn before it does. What becomes of the ticks is up to `overrun`:

    - `"skip"`: the late iteration stands for all ticks that were missed, and the next is on time again;
    - `"catch_up"`: each missed tick has its iteration, one at once after the other, until the last is made up for;
    - `"restart"`: the late iteration is a new start: the next follows one period after it.

    A wait that is cancelled (by a time limit, say) leaves the ticks as they are: the iteration can go on. The first
    iteration begins at once, which is when the clock starts.

    The idea and the name come from trio-util.

    Args:
        period: Seconds from one tick to the next.
        overrun: What becomes of ticks that were missed.

    Raises:
        TypeError: `period` is not a number.
        ValueError: `period` is not finite and greater than zero, or `overrun` is none of the three.
    """

    __slots__ = ("_last", "_next_tick", "_overrun", "_period", "_phase", "_start")

    def __init__(self, period: float, *, overrun: Overrun = "skip") -> None:
        number: object = period
        if not isinstance(number, Real):
            raise TypeError(f"period must be a number of seconds, not {period!r}")
        if not 0 < period < math.inf:
            raise ValueError(f"period must be a finite number of seconds greater than zero, not {period!r}")
        if overrun not in get_args(Overrun):
            raise ValueError(f"overrun must be one of {', '.join(map(repr, get_args(Overrun)))}, not {overrun!r}")
        super().__init__()
        self._period = float(period)
        self._overrun: Overrun = overrun
        self._start: float | None = None
        self._last = math.nan
        # Tick n of the present phase is due at `_phase + n * _period`.
        self._phase = math.nan
        self._next_tick = 0

    def _details(self) -> str:
        return f" every {self._period} seconds"

    async def __anext__(self) -> tuple[float, float | None]:
        """Wait for the next tick."""
        if self._state is not State.READY:
            await self._refuse()
        self._state = State.WAITING
        try:
            return await self._next()
        finally:
            self._state = State.READY

    async def _next(self) -> tuple[float, float | None]:
        if self._start is None:
            await checkpoint()
            self._start = self._phase = self._last = current_time()
            self._next_tick = 1
            return 0.0, None
        due = self._phase + self._next_tick * self._period
        late = due <= current_time()
        if late:
            await yield_now()
        else:
            await sleep_until(due)
        now = current_time()
        self._plan(now, late)
        delta = now - self._last
        self._last = now
        return now - self._start, delta

    def _plan(self, now: float, late: bool) -> None:
        """Settle which tick comes next, for an iteration that begins now."""
        if late and self._overrun == "restart":
            self._phase, self._next_tick = now, 1
            return
        self._next_tick += 1
        if self._overrun == "skip" and self._phase + self._next_tick * self._period <= now:
            ticks = (now - self._phase) / self._period
            if ticks == math.inf:
                # No clock is fine enough to be on time for one: each is as good as any other.
                self._phase, self._next_tick = now, 1
                return
            self._next_tick = math.floor(ticks) + 1
            if self._phase + self._next_tick * self._period <= now:
                # The division was rounded down.
                self._next_tick += 1
