"""A post of another thread between any two bytecodes of this distribution: at each of them, and at many in one run.

What a thread does to a loop is one append to its queue, and it can come between any two bytecodes. A trace function is
called there too, so posting from it tries every such moment, without threads and without luck.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aio_sched
import pytest
from aio_sched import (
    blocked_tasks,
    call_pos,
    create_task_descend,
    get_scheduling_loop,
    runnable_tasks,
    sleep_insert,
    task_is_blocked,
    task_is_runnable,
    task_reinsert,
    task_switch,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType

# Not at all of them: what walks through the queue then walks through what is posted meanwhile the next time.
MANY = 50
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
PACKAGE = str(Path(aio_sched.__file__).parent)


class Run:
    """One run of a scenario, in which the bytecodes are counted and `post_at(number)` tells where a post comes."""

    def __init__(self, make_loop: Callable[[], asyncio.AbstractEventLoop], post_at: Callable[[int], bool]) -> None:
        self.loop = make_loop()
        self.log: list[Any] = []
        self.errors: list[dict[str, Any]] = []
        self.is_prepared = False  # what is posted before takes a place itself
        self.bytecodes = 0
        self._post_at = post_at
        self._posts = 0
        self.loop.set_exception_handler(lambda loop, context: self.errors.append(context))

    def of(self, scenario: Callable[[Run], Awaitable[None]]) -> list[Any]:
        async def main() -> None:
            await scenario(self)
            for number in range(8):
                self.is_prepared &= number < 2  # what comes when the loop is to stop does not run
                await asyncio.sleep(0)

        previous = sys.gettrace()
        sys.settrace(self._trace)
        try:
            self.loop.run_until_complete(main())
        finally:
            sys.settrace(previous)
            self.loop.close()
        assert self.errors == []
        posts = [entry for entry in self.log if isinstance(entry, int)]
        assert posts == list(range(self._posts)), "posts were lost or ran out of order"
        return [entry for entry in self.log if not isinstance(entry, int)]

    def _trace(self, frame: FrameType, event: str, arg: object) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes = True
        return self._trace_bytecodes

    def _trace_bytecodes(self, frame: FrameType, event: str, arg: object) -> Any:
        if event == "opcode" and self.is_prepared:
            if self._post_at(self.bytecodes) and not self.loop.is_closed():
                self.loop.call_soon_threadsafe(self.log.append, self._posts)
                self._posts += 1
            self.bytecodes += 1
        return self._trace_bytecodes


async def step(run: Run, name: str) -> None:
    run.log.append(name)
    await asyncio.sleep(0)
    run.log.append(name + "'")


def some_callbacks(run: Run, names: str = "abc") -> list[asyncio.Handle]:
    return [run.loop.call_soon(run.log.append, name) for name in names]


async def calling_at_places(run: Run) -> None:
    some_callbacks(run)
    run.is_prepared = True
    call_pos(1, run.log.append, "at 1")
    call_pos(0, run.log.append, "at 0")
    call_pos(4, run.log.append, "at 4")


async def sleeping_at_places(run: Run) -> None:
    for pos in range(2):
        some_callbacks(run)
        run.is_prepared = True
        await sleep_insert(pos)
        run.log.append(f"slept {pos}")


async def moving_a_task(run: Run) -> None:
    tasks = [run.loop.create_task(step(run, name)) for name in "abc"]
    run.is_prepared = True
    task_reinsert(tasks[2], 1)
    task_reinsert(tasks[0], 2)
    await asyncio.wait(tasks)


async def switching(run: Run) -> None:
    tasks = [run.loop.create_task(step(run, name)) for name in "ab"]
    run.is_prepared = True
    await task_switch(tasks[1], insert_pos=1)
    run.log.append("back")
    await task_switch(tasks[1])
    run.log.append("back again")
    await asyncio.wait(tasks)


async def descending(run: Run) -> None:
    some_callbacks(run)
    run.is_prepared = True
    task = await create_task_descend(step(run, "child"))
    run.log.append("back")
    await task


async def taking_out_and_putting_in(run: Run) -> None:
    handles = some_callbacks(run, "abcd")
    run.is_prepared = True
    queue = get_scheduling_loop()
    queue.queue_remove(handles[0])
    assert queue.queue_find(lambda handle: handle is handles[2], remove=True) is handles[2]
    queue.queue_insert_pos(1, handles[0])
    queue.queue_move(0, handles[3])


async def looking(run: Run) -> None:
    run.is_prepared = True
    queue = get_scheduling_loop()
    event = asyncio.Event()
    blocked = run.loop.create_task(event.wait())
    await asyncio.sleep(0)
    runnable = run.loop.create_task(step(run, "a"))
    assert runnable_tasks() == {runnable}
    assert blocked_tasks() == {blocked}
    assert (task_is_blocked(blocked), task_is_runnable(runnable)) == (True, True)
    assert [handle for handle in queue.queue_items() if handle is queue.queue_find_task(runnable)]
    assert queue.queue_len() >= 1
    event.set()
    await asyncio.wait([blocked, runnable])


def some_of(moments: range, number: int) -> range:
    """All of them in the thorough profile, else about so many, evenly spread."""
    return moments if THOROUGH else moments[:: -(-len(moments) // number)]


SCENARIOS = [
    calling_at_places,
    sleeping_at_places,
    moving_a_task,
    switching,
    descending,
    taking_out_and_putting_in,
    looking,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_post_at_any_moment_disturbs_nothing(
    scenario: Callable[[Run], Awaitable[None]], make_scheduling_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    Run(make_scheduling_loop, lambda number: False).of(scenario)  # 3.12 traces no bytecodes of code that it sees first
    undisturbed = Run(make_scheduling_loop, lambda number: False)
    expected = undisturbed.of(scenario)
    assert undisturbed.bytecodes > 100, "nothing was traced"
    for start in some_of(range(0, undisturbed.bytecodes, MANY), 10):
        burst = range(start, start + MANY)
        assert Run(make_scheduling_loop, burst.__contains__).of(scenario) == expected, burst
    for moment in some_of(range(undisturbed.bytecodes), 250):
        assert Run(make_scheduling_loop, range(moment, moment + 1).__contains__).of(scenario) == expected, moment
