"""Deterministic interleavings on asyncio: no sleeping, no guessing how many loop passes something takes."""

from __future__ import annotations

import asyncio

# More passes than any chain of wake-ups in the tests is long; a test that needs more is stuck, and says so.
_PASSES = 1000
# Callbacks of finished tasks (gather, shield, a group's bookkeeping) take a pass each, and no task shows them.
_QUIET = 10


async def settle() -> None:
    """Return when every other task of the running loop is blocked or done: nothing but I/O or a timer can go on.

    A pass of the loop in which no task moved is recognised by what the tasks wait for: a task that is about to run
    waits for nothing, or for a future that is done.
    """
    loop = asyncio.get_running_loop()
    me = asyncio.current_task()
    quiet = 0
    for _ in range(_PASSES):
        await asyncio.sleep(0)
        others = (task for task in asyncio.all_tasks(loop) if task is not me)
        quiet = 0 if any(map(_may_run, others)) else quiet + 1
        if quiet == _QUIET:
            return
    msg = f"still busy after {_PASSES} passes of the loop: {asyncio.all_tasks(loop)}"
    raise AssertionError(msg)


def _may_run(task: asyncio.Task[object]) -> bool:
    waits_for = getattr(task, "_fut_waiter", None)
    return waits_for is None or waits_for.done()


async def passes(count: int) -> None:
    """Let the loop make exactly `count` passes."""
    for _ in range(count):
        await asyncio.sleep(0)
