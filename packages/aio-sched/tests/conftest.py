"""The loops that this distribution's asyncio tests run on, and the kinds of tasks.

A module takes fewer of the loops by `pytestmark = pytest.mark.asyncio(loop_factories=[...])`.
"""

from __future__ import annotations

import asyncio
from asyncio import tasks
from typing import TYPE_CHECKING, Any

import aio_sched
import pytest
from suite_support.plugin import loop_factories

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class _SchedulingLoop(aio_sched.SchedulingMixin, asyncio.SelectorEventLoop):
    pass


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    factories = loop_factories()
    factories["scheduling"] = getattr(aio_sched, "SchedulingSelectorEventLoop", _SchedulingLoop)
    if hasattr(aio_sched, "PrioritySelectorEventLoop"):
        factories["priority"] = aio_sched.PrioritySelectorEventLoop
    return factories


@pytest.fixture(params=["C tasks", "Python tasks"])
def spawn(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]:
    """Makes a task of each kind on the running loop."""
    kind: Any = asyncio.Task if request.param == "C tasks" else vars(tasks)["_PyTask"]

    def make(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = kind(coro, loop=asyncio.get_running_loop())
        return task

    return make
