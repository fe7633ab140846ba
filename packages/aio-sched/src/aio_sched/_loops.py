"""The loop classes, and the factories that make them."""

from __future__ import annotations

import asyncio
import sys
from typing import TypeAlias

from aio_sched._fast_loop import DEFAULT_BOUND, FastLoopMixin
from aio_sched._priority_loop import PrioritySchedulingMixin
from aio_sched._scheduling import SchedulingMixin


class _SchedulingLoop(SchedulingMixin, FastLoopMixin):
    """What the scheduling loops of all platforms are."""


class SchedulingSelectorEventLoop(_SchedulingLoop, asyncio.SelectorEventLoop):
    """asyncio's selector loop, faster at switching tasks, with its ready queue shown: see `SchedulingMixin`."""


class PrioritySelectorEventLoop(PrioritySchedulingMixin, asyncio.SelectorEventLoop):
    """asyncio's selector loop with priorities: see `PrioritySchedulingMixin`."""


if sys.platform == "win32":

    class SchedulingProactorEventLoop(_SchedulingLoop, asyncio.ProactorEventLoop):
        """asyncio's proactor loop, faster at switching tasks, with its ready queue shown. On Windows only."""

    class PriorityProactorEventLoop(PrioritySchedulingMixin, asyncio.ProactorEventLoop):
        """asyncio's proactor loop with priorities: see `PrioritySchedulingMixin`. On Windows only."""

    DefaultSchedulingEventLoop: TypeAlias = SchedulingProactorEventLoop
    DefaultPriorityEventLoop: TypeAlias = PriorityProactorEventLoop
else:
    DefaultSchedulingEventLoop: TypeAlias = SchedulingSelectorEventLoop
    DefaultPriorityEventLoop: TypeAlias = PrioritySelectorEventLoop


def scheduling_loop_factory() -> _SchedulingLoop:
    """Make a loop that shows its ready queue: `asyncio.Runner(loop_factory=scheduling_loop_factory)`.

    Returns:
        A new loop of the kind that asyncio uses on this platform, as a `SchedulingMixin`.
    """
    return DefaultSchedulingEventLoop()


def priority_loop_factory(*, starvation_bound: int = DEFAULT_BOUND) -> PrioritySchedulingMixin:
    """Make a loop with priorities: `asyncio.Runner(loop_factory=priority_loop_factory)`.

    Args:
        starvation_bound: How many handles may run before a turn is given to what is less urgent; at least 1.

    Returns:
        A new loop of the kind that asyncio uses on this platform, as a `PrioritySchedulingMixin`.

    Raises:
        TypeError: `starvation_bound` is not an integer.
        ValueError: `starvation_bound` is less than 1.
    """
    return DefaultPriorityEventLoop(starvation_bound=starvation_bound)
