"""`TaskStats` looks only where there may be something to find; compared with an instrument that looks everywhere."""

from __future__ import annotations

import random

import pytest
import trio
import trio.testing
from aio_trio_util import TaskStats

THRESHOLD = 0.01


class Everywhere(trio.abc.Instrument):
    """The statistics, gathered in the plainest way."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.ready: dict[trio.lowlevel.Task, float] = {}
        self.began = 0.0
        self.max_wait = 0.0
        self.slow_steps: dict[str, list[float]] = {}

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        self.ready[task] = self.clock()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.began = self.clock()
        self.max_wait = max(self.max_wait, self.began - self.ready.pop(task, self.began))

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        seconds = self.clock() - self.began
        if seconds > THRESHOLD:
            self.slow_steps.setdefault(task.name, []).append(seconds)


class Clock:
    """Moves only where a task computes."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Program:
    """Tasks that compute, spin, sleep, and wake, cancel and spawn each other, as chance will have it."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.random = random.Random(seed)
        self.clock = clock
        self.events = [trio.Event() for _ in range(5)]
        self.scopes: list[trio.CancelScope] = []
        # Programs with short steps, with some long ones, and those in which nearly every step is long.
        self.length = self.random.choice([0.0001, 0.004, 0.05])

    async def main(self) -> None:
        with trio.move_on_after(3600):
            async with trio.open_nursery() as nursery:
                for number in range(self.random.choice([1, 2, 30])):
                    nursery.start_soon(self.task, nursery, name=f"task {number}")

    def compute(self) -> None:
        self.clock.now += self.random.choice([0.0, 0.25, 1.0]) * self.random.random() * self.length

    async def task(self, nursery: trio.Nursery) -> None:
        for _ in range(self.random.randrange(30)):
            self.compute()
            with trio.CancelScope() as scope:
                self.scopes.append(scope)
                await self.random.choice([self.spin, self.spin, self.sleep, self.wait, self.wake, self.cancel])()
            self.scopes.remove(scope)
            self.compute()
            if self.random.random() < 0.02:
                nursery.start_soon(self.task, nursery, name="spawned")
                self.compute()

    async def spin(self) -> None:
        await trio.lowlevel.checkpoint()

    async def sleep(self) -> None:
        await trio.sleep(self.random.choice([0.001, 0.1, 1]))

    async def wait(self) -> None:
        await self.random.choice(self.events).wait()

    async def wake(self) -> None:
        place = self.random.randrange(len(self.events))
        self.events[place].set()
        self.events[place] = trio.Event()
        self.compute()

    async def cancel(self) -> None:
        self.random.choice(self.scopes).cancel()
        self.compute()
        await trio.lowlevel.checkpoint()


# With 0, the scheduler never rests: it looks for I/O and goes on.
@pytest.mark.parametrize("autojump_threshold", [0, 1e-6])
@pytest.mark.parametrize("seed", range(40))
def test_what_it_finds_is_what_looking_at_every_step_finds(seed: int, autojump_threshold: float) -> None:
    clock = Clock()
    stats, everywhere = TaskStats(current_time=clock, slow_task_threshold=THRESHOLD), Everywhere(clock)
    program = Program(seed, clock)
    mock = trio.testing.MockClock(autojump_threshold=autojump_threshold)
    trio.run(program.main, clock=mock, instruments=[stats, everywhere])
    report = stats.report()
    assert report.max_wait == everywhere.max_wait
    assert report.slow_steps == {name: tuple(steps) for name, steps in everywhere.slow_steps.items()}
