"""The loop runs programs of tasks in the order of a model: a plain list, sorted by value and by arrival."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from aio_sched import PrioritySelectorEventLoop, priority_loop_factory
from aio_sched import _asyncio_internals as internals
from aio_sched import _fast_loop as fast_loop
from hypothesis import given, strategies

TASKS = 5
values = strategies.sampled_from([-3.0, -1.0, 0.0, 0.0, 1.0, 2.5])
operations = strategies.one_of(
    strategies.just(("sleep",)),
    strategies.just(("sleep",)),
    strategies.tuples(strategies.just("set"), strategies.integers(0, TASKS - 1), values),
)
programs = strategies.lists(
    strategies.tuples(values, strategies.lists(operations, max_size=8)), min_size=TASKS, max_size=TASKS
)
Program = list[tuple[float, list[tuple[Any, ...]]]]


def expected(program: Program) -> list[int]:
    """What the model runs, step by step."""
    priorities = [value for value, _ in program]
    left = [list(operations) for _, operations in program]
    queue = list(range(len(program)))  # in the order of arrival
    log = []
    while queue:
        task = min(queue, key=lambda number: (priorities[number], queue.index(number)))
        queue.remove(task)
        log.append(task)
        while left[task]:
            kind, *arguments = left[task].pop(0)
            if kind == "sleep":
                queue.append(task)
                break
            other, value = arguments
            if other in queue and value != priorities[other]:
                queue.remove(other)
                queue.append(other)
            priorities[other] = value
    return log


def observed(program: Program, make_loop: Any) -> list[int]:
    log: list[int] = []

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        all_done = loop.create_future()
        running = len(program)

        async def run(number: int, operations: list[tuple[Any, ...]]) -> None:
            nonlocal running
            log.append(number)
            for kind, *arguments in operations:
                if kind == "sleep":
                    await asyncio.sleep(0)
                    log.append(number)
                else:
                    other, value = arguments
                    tasks[other].priority_value = value
            running -= 1
            if not running:
                all_done.set_result(None)

        tasks = [
            loop.create_task(run(number, operations), priority=value)
            for number, (value, operations) in enumerate(program)
        ]
        await all_done

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(main())
    return log


@given(programs)
def test_the_loop_runs_what_the_model_runs(program: Program) -> None:
    assert observed(program, partial(priority_loop_factory, starvation_bound=10**6)) == expected(program)


@given(programs)
def test_so_it_does_in_debug_mode(program: Program) -> None:
    def make() -> PrioritySelectorEventLoop:
        loop = PrioritySelectorEventLoop(starvation_bound=10**6)
        loop.set_debug(True)
        loop.slow_callback_duration = 60
        return loop

    assert observed(program, make) == expected(program)


@given(programs)
def test_so_it_does_on_a_python_that_was_not_checked(program: Program) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(internals, "version_is_checked", lambda: False)
        patch.setattr(fast_loop, "_has_warned", True)
        assert observed(program, partial(priority_loop_factory, starvation_bound=10**6)) == expected(program)
