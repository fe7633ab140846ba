"""Runs one file of CPython's own asyncio tests with a loop of aio-sched in place of the stock one.

    python run_asyncio_tests.py LOOP MODULE [TEST ...]

LOOP is "scheduling", "priority", or "urgent": with priorities, and every task that is made without one has -10.0.
The last line says what came out, as JSON: how many tests ran, and the names of those that failed.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import unittest
import warnings
from asyncio import base_events
from typing import Any

from aio_sched import PrioritySchedulingMixin, SchedulingMixin
from aio_sched._fast_loop import FastLoopMixin


class Scheduling(SchedulingMixin, FastLoopMixin):
    pass


class Priority(PrioritySchedulingMixin):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # As if a task had a priority: everything goes the way by the levels.
        self.kept = self._levels.level_of(-1.0)
        assert self.kept is not None
        self._levels.enlist(self.kept)


class Urgent(Priority):
    def create_task(self, coro: Any, *, priority: float | None = None, **options: Any) -> Any:
        if priority is None and self.get_task_factory() is None and not self.is_closed():
            priority = -10.0
        return super().create_task(coro, priority=priority, **options)


MIXINS = {"scheduling": Scheduling, "priority": Priority, "urgent": Urgent}


def install(mixin: type) -> None:
    """Put classes with the mixin where the tests look for asyncio's."""
    base: Any = type("BaseEventLoop", (mixin, base_events.BaseEventLoop), {})
    selector: Any = type("SelectorEventLoop", (mixin, asyncio.SelectorEventLoop), {})
    events: Any = importlib.import_module(
        "asyncio.windows_events" if sys.platform == "win32" else "asyncio.unix_events"
    )
    policy = vars(events).get("_DefaultEventLoopPolicy") or vars(events)["DefaultEventLoopPolicy"]
    policy._loop_factory = selector
    for module in (asyncio, events):
        for name in ("SelectorEventLoop", "EventLoop"):
            if name in vars(module):
                setattr(module, name, selector)
    vars(base_events)["BaseEventLoop"] = base


def failed(result: unittest.TestResult) -> list[str]:
    return [str(test.id()).removeprefix("test.test_asyncio.") for test, _ in result.failures + result.errors]


def main() -> None:
    kind, module, *names = sys.argv[1:]
    install(MIXINS[kind])
    warnings.simplefilter("ignore")
    tests = importlib.import_module(f"test.test_asyncio.{module}")
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(names, tests) if names else loader.loadTestsFromModule(tests)
    result = unittest.TextTestRunner(verbosity=0).run(suite)
    print(json.dumps({"run": result.testsRun, "failed": failed(result)}))


if __name__ == "__main__":
    main()
