"""How the tasks of a trio run share their thread."""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

logger = logging.getLogger("aio_trio_util")

# Rates are counted over at least this many seconds each.
_RATE_PERIOD = 0.25


@dataclass(frozen=True)
class TaskReport:
    """What a `TaskStats` has gathered so far. Times in seconds, rates in schedulings a second, tasks by name."""

    max_wait: float
    slow_steps: Mapping[str, Sequence[float]]
    high_rates: Mapping[str, float]
    slow_task_threshold: float
    high_rate_task_threshold: float

    def __str__(self) -> str:
        lines = [f"max task wait time: {self.max_wait * 1000:.2f} ms"]
        if self.slow_steps:
            lines.append(f"slow task steps (> {self.slow_task_threshold * 1000:g} ms):")
            by_slowest = sorted(self.slow_steps.items(), key=lambda item: max(item[1]), reverse=True)
            for name, steps in by_slowest:
                lines.append(f"  {name}: " + ", ".join(f"{step * 1000:.0f} ms" for step in sorted(steps, reverse=True)))
        if self.high_rates:
            lines.append(f"high task schedule rates (>= {self.high_rate_task_threshold:g} Hz):")
            by_rate = sorted(self.high_rates.items(), key=lambda item: item[1], reverse=True)
            lines += [f"  {name}: {rate:.0f} Hz" for name, rate in by_rate]
        return "\n".join(lines)


class TaskStats(trio.abc.Instrument):
    """Gather how long tasks wait for their turn, which steps are slow, and which tasks are scheduled too often.

    In a cooperative scheduler one task that computes, or spins, delays all others, and nothing in a traceback tells.
    Give this instrument to `trio.run`, read `report()` at any time, and find it logged when the run ends:

        stats = TaskStats()
        trio.run(main, instruments=[stats])
        print(stats.report().max_wait)

    Args:
        slow_task_threshold: steps that take longer than this many seconds are recorded; what the scheduler does between
            two steps, some microseconds, counts for the first.
        high_rate_task_threshold: tasks scheduled at least this often, in 1/s over a quarter of a second or more, are
            recorded with their highest rate.
        current_time: the function that tells the time in seconds. The default is a real clock, since under a mock
            clock steps take no time.

    Raises:
        ValueError: a threshold is negative or not a number.

    An instance serves one run at a time; what it gathers adds up over several. Memory grows by one number for each slow
    step. The cost is that of the hooks, see the benchmarks.

    The idea is trio-util's.
    """

    # The scheduler calls two hooks for every step, and a call of a Python method costs more than the bookkeeping in it.
    # So one hook is a method of a dict, which stores the time by itself, and the other resumes a generator that has all
    # it needs in local variables.

    def __init__(
        self,
        *,
        slow_task_threshold: float = 0.01,
        high_rate_task_threshold: float = 100,
        current_time: Callable[[], float] = time.perf_counter,
    ) -> None:
        for name, threshold in (
            ("slow_task_threshold", slow_task_threshold),
            ("high_rate_task_threshold", high_rate_task_threshold),
        ):
            if not threshold >= 0:
                raise ValueError(f"{name} must be a number of at least 0, not {threshold!r}")
        self.slow_task_threshold = slow_task_threshold
        self.high_rate_task_threshold = high_rate_task_threshold
        self.current_time = current_time
        self._max_wait = 0.0
        self._slow_steps: dict[str, list[float]] = {}
        self._high_rates: dict[str, float] = {}
        self._begin()

    def __repr__(self) -> str:
        return f"<TaskStats: max wait {self._max_wait * 1000:.2f} ms, {len(self._slow_steps)} tasks with slow steps>"

    def report(self) -> TaskReport:
        """Return what was gathered so far, as data; `str()` of it is the text that is logged."""
        return TaskReport(
            self._max_wait,
            {name: tuple(steps) for name, steps in self._slow_steps.items()},
            dict(self._high_rates),
            self.slow_task_threshold,
            self.high_rate_task_threshold,
        )

    def _begin(self) -> None:
        ready: dict[trio.lowlevel.Task, float] = defaultdict(self.current_time)
        steps = self._follow(ready)
        next(steps)
        self._step, self._end = steps.send, steps.close
        # Trio looks the hooks up on the instance.
        self.task_scheduled = ready.__getitem__  # type: ignore[method-assign, assignment]
        self.before_task_step = steps.send  # type: ignore[method-assign, assignment]

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        """Note since when a task is ready to run: called by trio."""

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Note when a task's step begins, and so when the step before it ended: called by trio."""

    def before_io_wait(self, timeout: float) -> None:  # noqa: ARG002 - the hook's signature
        """Note the end of the last step before the scheduler rests: called by trio."""
        self._step(None)

    def after_run(self) -> None:
        """Log the report at level INFO, to the logger `aio_trio_util`: called by trio."""
        self._step(None)
        self._end()
        self._begin()
        logger.info("%s", self.report())

    def _follow(self, ready: dict[trio.lowlevel.Task, float]) -> Generator[None, trio.lowlevel.Task | None]:
        """Take each task as its step begins, and None when the scheduler rests; note the rates when closed."""
        now, since_ready = self.current_time, ready.pop
        slow, longest = self.slow_task_threshold, self._max_wait
        began = counting_since = counting_until = now()
        running: trio.lowlevel.Task | None = None
        ran: list[trio.lowlevel.Task] = []
        count = ran.append
        while True:
            try:
                task = yield
            except GeneratorExit:
                self._note_rates(ran, now() - counting_since)
                return
            moment = now()
            if moment - began > slow and running is not None:
                self._slow_steps.setdefault(running.name, []).append(moment - began)
            if moment >= counting_until:
                self._note_rates(ran, moment - counting_since)
                ran.clear()
                counting_since, counting_until = moment, moment + _RATE_PERIOD
            began, running = moment, task
            if task is not None:
                count(task)
                # A task that was ready before this instrument was added is not known.
                wait = moment - since_ready(task, moment)
                if wait > longest:
                    self._max_wait = longest = wait

    def _note_rates(self, ran: list[trio.lowlevel.Task], seconds: float) -> None:
        seconds = max(seconds, _RATE_PERIOD)
        for name, times in Counter(task.name for task in ran).items():
            rate = times / seconds
            if rate >= self.high_rate_task_threshold and rate > self._high_rates.get(name, 0.0):
                self._high_rates[name] = rate
