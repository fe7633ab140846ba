"""Tasks that nobody waits for: clean-up that needs to await, after an object that was dropped."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from aio_values.lowlevel._home import post

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from aio_values.lowlevel._home import Home

_log = logging.getLogger("aio_values")

# A loop holds its tasks weakly.
_running: set[asyncio.Task[None]] = set()


def start_detached(home: Home, function: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Have `home` run an async function in a task that nobody waits for; callable from any thread, and from `__del__`.

    It is meant for clean-up only: whatever else runs in the background belongs into a task group. An error is logged
    by the logger `aio_values`. When `home` ends first, the task is cancelled, or never started.

    Args:
        home: Where to run it, from `current_home`.
        function: Called without arguments.
    """
    try:
        post(home, _start, home, function)
    except RuntimeError:
        # The loop is closed, or the run has finished: nothing can be awaited there any more.
        return


def _start(home: Home, function: Callable[[], Coroutine[Any, Any, object]]) -> None:
    if isinstance(home, asyncio.AbstractEventLoop):
        task = home.create_task(_run(function))
        _running.add(task)
        task.add_done_callback(_running.discard)
        return
    import trio

    try:
        trio.lowlevel.spawn_system_task(_run, function)
    except RuntimeError:
        # The run takes no new tasks: it is about to end.
        return


async def _run(function: Callable[[], Coroutine[Any, Any, object]]) -> None:
    try:
        await function()
    except Exception:
        _log.exception("clean-up after a dropped object failed")
