"""The loops that this distribution's asyncio tests run on, and the kinds of tasks.

A module takes fewer of the loops by `pytestmark = pytest.mark.asyncio(loop_factories=[...])`.
A module brings loops of its own, and takes none of these, by a dictionary `LOOPS`.
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


#: The loops that show a ready queue.
_LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "scheduling": aio_sched.scheduling_loop_factory,
    "priority": aio_sched.priority_loop_factory,
}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return getattr(item.module, "LOOPS", None) or loop_factories() | _LOOPS  # type: ignore[attr-defined]


@pytest.fixture(scope="module", params=list(_LOOPS.values()), ids=list(_LOOPS))
def make_scheduling_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """Makes a loop that shows its ready queue; for tests that run it themselves."""
    make: Callable[[], asyncio.AbstractEventLoop] = request.param
    return make


@pytest.fixture(params=["C tasks", "Python tasks"])
def spawn(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]:
    """Makes a task of each kind on the running loop."""
    kind: Any = asyncio.Task if request.param == "C tasks" else vars(tasks)["_PyTask"]

    def make(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = kind(coro, loop=asyncio.get_running_loop())
        return task

    return make
