"""The event loops of asyncio that programs of several distributions run on, by name, each also in debug mode."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def loop_classes() -> dict[str, type[Any]]:
    """The classes of loops that are installed: asyncio's, ours and uvloop's."""
    classes: dict[str, type[Any]] = {"asyncio": asyncio.SelectorEventLoop}
    if importlib.util.find_spec("aio_sched") is not None:
        import aio_sched

        classes["scheduling"] = aio_sched.SchedulingSelectorEventLoop
        classes["priority"] = aio_sched.PrioritySelectorEventLoop
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop

        classes["uvloop"] = uvloop.Loop
    return classes


def every_loop() -> Mapping[str, LoopFactory]:
    """All of them, and of each one that is in debug mode whatever its runner says: "priority", "priority debug"."""
    classes = loop_classes()
    return classes | {f"{name} debug": debugging(loop_class) for name, loop_class in classes.items()}


def loops_that_show_their_queue() -> Mapping[str, LoopFactory]:
    """Those on which a task can be reached in the ready queue: all but uvloop's."""
    return {name: make for name, make in every_loop().items() if not name.startswith("uvloop")}


def priority_loops() -> Mapping[str, LoopFactory]:
    """Those on which urgent tasks run first."""
    return {name: make for name, make in every_loop().items() if name.startswith("priority")}


def debugging(loop_class: type[Any]) -> LoopFactory:
    """A loop of that class which stays in debug mode: a `Runner` may be told otherwise by who makes it."""

    class Debugging(loop_class):  # type: ignore[misc]
        def set_debug(self, _: bool) -> None:
            super().set_debug(True)

    Debugging.__name__ = Debugging.__qualname__ = f"Debugging{loop_class.__name__}"

    def make() -> asyncio.AbstractEventLoop:
        loop: asyncio.AbstractEventLoop = Debugging()
        loop.set_debug(True)
        return loop

    return make
