"""How the tasks of a trio run share their thread."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    _TaskHook = Callable[[trio.lowlevel.Task], None]

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
        ValueError: a threshold is negative or NaN.
        TypeError: a threshold is no number, or `current_time` is not callable.

    An instance serves one run at a time; what it gathers adds up over several. Memory grows by one number for each slow
    step. A switch between tasks costs about 1.4 to 1.5 times what it costs without, for the most part since trio calls
    hooks; a program that does anything between its switches sees less of it.

    The idea is trio-util's.
    """

    # The scheduler calls two hooks for every step, and calling a Python method costs as much as what is done here. So a
    # hook resumes a generator that has what it needs in variables, and a step only notes when it began. What follows
    # from that is left for later, and is not looked at where a glance at the clock tells that it holds no news: while
    # less time has passed than a slow step takes, or than the longest wait took.

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
            try:
                valid = threshold >= 0
            except TypeError:
                raise TypeError(f"{name} must be a number, not {threshold!r}") from None
            if not valid:
                raise ValueError(f"{name} must be a number of at least 0, not {threshold!r}")
        if not callable(current_time):
            raise TypeError(f"current_time must be callable without arguments, not {current_time!r}")
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

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        """Note since when a task is ready to run: called by trio."""

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Note when a task's step begins, and so when the step before it ended: called by trio."""

    def before_io_wait(self, timeout: float) -> None:
        """Note the end of the last step before the scheduler rests: called by trio."""

    def after_run(self) -> None:
        """Log the report at level INFO, to the logger `aio_trio_util`: called by trio."""
        self._finish()
        self._begin()
        logger.info("%s", self.report())

    def _begin(self) -> None:
        # Trio looks the hooks up on the instance.
        scheduled, step, rest, self._finish = self._hooks()
        self.task_scheduled = scheduled  # type: ignore[method-assign, assignment]
        self.before_task_step = step  # type: ignore[method-assign, assignment]
        self.before_io_wait = rest  # type: ignore[method-assign, assignment]

    def _hooks(self) -> tuple[_TaskHook, _TaskHook, Callable[[float], None], Callable[[], None]]:
        now, slow = self.current_time, self.slow_task_threshold
        # Trio runs tasks in batches, each of them once in a batch. The tasks of this batch, and when their steps began:
        # a step ends where the next one begins, or with its batch. The same of the batch before.
        tasks: list[trio.lowlevel.Task] = []
        began: list[float] = []
        tasks_before: list[trio.lowlevel.Task] = []
        began_before: list[float] = []
        ended = now()
        # When the steps of the batch before ended, by task: made where it is needed.
        step_ends: dict[trio.lowlevel.Task, float] | None = {}
        # When tasks were made ready by others for the last time.
        ready: dict[trio.lowlevel.Task, float] = {}
        running: trio.lowlevel.Task | None = None
        # No task of this batch became ready before the one moment, and no step that has not been looked at began before
        # the other. So there is nothing to find until the alarm.
        earliest = unseen = ended
        alarm = -math.inf
        longest = self._max_wait
        rates = _Rates(self._high_rates, self.high_rate_task_threshold, ended)
        count, period_ends = rates.ran.extend, rates.ends

        def scheduled() -> Generator[None, trio.lowlevel.Task]:
            while True:
                task = yield
                # A task cannot make itself ready inside its step. If it is this one, its step has just ended, and the
                # next step's beginning tells when.
                if task is not running:
                    ready[task] = now()

        def step() -> Generator[None, trio.lowlevel.Task]:
            nonlocal running
            while True:
                running = yield
                tasks.append(running)
                moment = now()
                began.append(moment)
                if moment > alarm:
                    look(running, moment)

        def look(task: trio.lowlevel.Task, moment: float) -> None:
            nonlocal earliest, unseen, alarm, longest, period_ends
            if alarm == -math.inf:
                # The scheduler has rested, without a task that was ready: here is the first.
                earliest = next(iter(ready.values()), moment)
            if moment >= period_ends:
                # What has run before a rest ran until that rest.
                rates.close_period(ended)
                period_ends = rates.begin_period(moment)
                forget_those_that_ran()
            note_slow_steps(moment)
            unseen = moment
            # A task that was ready before this instrument was added is not known.
            self._max_wait = longest = max(longest, moment - ready_since(task, moment))
            alarm = min(unseen + slow, earliest + longest, period_ends)

        def ready_since(task: trio.lowlevel.Task, unknown: float) -> float:
            nonlocal step_ends
            if step_ends is None:
                step_ends = dict(zip(tasks_before, [*began_before[1:], ended], strict=True))
            if task not in step_ends:
                return ready.get(task, unknown)
            # Whatever came last: its step ended and it let the others run, or one of them woke it.
            return max(step_ends[task], ready.get(task, -math.inf))

        def note_slow_steps(end: float) -> None:
            found = []
            for task, start in zip(reversed(tasks), reversed(began), strict=True):
                if start < unseen:
                    break
                if end - start > slow:
                    found.append((task.name, end - start))
                end = start
            for name, seconds in reversed(found):
                self._slow_steps.setdefault(name, []).append(seconds)

        def forget_those_that_ran() -> None:
            for task in [task for task, moment in ready.items() if moment < earliest]:
                del ready[task]

        def rest(timeout: float) -> None:
            nonlocal tasks, began, tasks_before, began_before, ended, step_ends, running, earliest, unseen, alarm
            # The scheduler may rest several times before a step.
            if running is not None:
                moment = now()
                if moment > alarm:
                    note_slow_steps(moment)
                count(tasks)
                tasks_before.clear()
                began_before.clear()
                tasks, tasks_before = tasks_before, tasks
                began, began_before = began_before, began
                step_ends = running = None
                # Who was ready before this batch has run in it.
                earliest, ended = ended, moment
                unseen = moment
                alarm = moment + slow
                if earliest + longest < alarm:
                    alarm = earliest + longest
                if period_ends < alarm:
                    alarm = period_ends
            if timeout:
                # No task is ready.
                tasks_before.clear()
                step_ends = {}
                ready.clear()
                rates.let_go_of_tasks()
                alarm = -math.inf

        def finish() -> None:
            rest(0)
            rates.close_period(ended)

        return _started(scheduled()), _started(step()), rest, finish


def _started(hook: Generator[None, trio.lowlevel.Task]) -> _TaskHook:
    next(hook)
    return hook.send


class _Rates:
    """How often tasks run, counted by their names over one period after the other."""

    def __init__(self, highest: dict[str, float], threshold: float, moment: float) -> None:
        self.ran: list[trio.lowlevel.Task] = []
        self._counts: Counter[str] = Counter()
        self._highest = highest
        self._threshold = threshold
        self.ends = self.begin_period(moment)

    def begin_period(self, moment: float) -> float:
        self._began = moment
        return moment + _RATE_PERIOD

    def let_go_of_tasks(self) -> None:
        for task, times in Counter(self.ran).items():
            self._counts[task.name] += times
        self.ran.clear()

    def close_period(self, moment: float) -> None:
        self.let_go_of_tasks()
        seconds = max(moment - self._began, _RATE_PERIOD)
        for name, times in self._counts.items():
            rate = times / seconds
            if rate >= self._threshold and rate > self._highest.get(name, 0.0):
                self._highest[name] = rate
        self._counts.clear()
