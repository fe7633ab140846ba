"""The only place that touches what asyncio keeps to itself.

Each use: why, on which versions it was checked, and what happens where it is missing.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from asyncio import _get_running_loop
from threading import get_ident


def current_event_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that `asyncio.set_event_loop` made current in this thread, None if none is. Never makes one.

    Up to 3.13, `asyncio.get_event_loop` may create a loop where none is current (on 3.11 without a word), which then
    belongs to nobody. So the default policy's `_local._loop` is read instead: checked on 3.11.7, 3.12.1 and 3.13.0,
    with uvloop's policy too. A policy that has none is taken to have no current loop. From 3.14 on the public function
    does what is needed.
    """
    if sys.version_info >= (3, 14):
        try:
            return asyncio.get_event_loop()
        except RuntimeError:
            return None
    local = getattr(asyncio.get_event_loop_policy(), "_local", None)
    loop: asyncio.AbstractEventLoop | None = getattr(local, "_loop", None)
    return loop


if sys.version_info >= (3, 12):

    def runs_here(loop: asyncio.AbstractEventLoop) -> bool:
        """Whether the loop is running, in this thread."""
        return _get_running_loop() is loop

else:

    def runs_here(loop: asyncio.AbstractEventLoop) -> bool:
        """Whether the loop is running, in this thread.

        To ask for the running loop costs a system call before 3.12. Asyncio's own loops have noted the thread they run
        in, as `_thread_id`: checked on 3.11.7. A loop that has none, as uvloop's, is compared with the running one.
        """
        return getattr(loop, "_thread_id", None) == get_ident() or _get_running_loop() is loop


def is_of_ended_runner(handler: object) -> bool:
    """Whether a handler of SIGINT is that of an `asyncio.Runner` (of `asyncio.run`, too) whose main task has ended.

    The runner sets it in place of `signal.default_int_handler`, which it puts back at the end, but only if its own is
    still set: a handler that was set meanwhile, and is taken away later, must not bring the runner's back. The handler
    is a `functools.partial` of `Runner._on_sigint` with a `main_task`: checked on 3.11.7, 3.12.1, 3.13.0, 3.14.10 and
    3.15.2. Were it something else, it would come back, and still raise KeyboardInterrupt.
    """
    if not isinstance(handler, functools.partial) or not isinstance(
        getattr(handler.func, "__self__", None), asyncio.Runner
    ):
        return False
    main_task = handler.keywords.get("main_task")
    return isinstance(main_task, asyncio.Task) and main_task.done()
