"""The one name of asyncio with a leading underscore that this distribution uses.

`asyncio._get_running_loop` is exported by `asyncio` and made for loops and for those who ask whether one is running:
unlike `asyncio.get_running_loop` it answers None instead of raising. Checked on 3.11.7, 3.12.1, 3.13.0, 3.14.10 and
3.15.2.
"""

from __future__ import annotations

import sys
from asyncio import _get_running_loop as running_loop_or_none
from threading import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["here", "running_loop_or_none"]

# What tells whether a loop runs here, at the least cost: the loop itself, or the thread, since up to 3.11 asking for
# the running loop takes a system call.
here: Callable[[], object] = running_loop_or_none if sys.version_info >= (3, 12) else get_ident
