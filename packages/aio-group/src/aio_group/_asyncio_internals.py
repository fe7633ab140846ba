"""The only place that touches what asyncio keeps to itself.

Each use: why, on which versions it was checked, and what happens where it is missing.
"""

from __future__ import annotations

import asyncio
import sys


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
