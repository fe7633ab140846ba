"""The one name of asyncio with a leading underscore that this distribution uses.

`asyncio._get_running_loop` is exported by `asyncio` and made for loops and for those who ask whether one is running:
unlike `asyncio.get_running_loop` it answers None instead of raising, which is what a trio task needs to ask cheaply.
Checked on 3.11.7, 3.12.1, 3.13.0, 3.14.10 and 3.15.2.
"""

from __future__ import annotations

from asyncio import _get_running_loop as running_loop_or_none

__all__ = ["running_loop_or_none"]
