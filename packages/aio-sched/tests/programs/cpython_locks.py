"""Run the interpreter's own tests of asyncio's locks with ours in their place; print what does not pass as JSON.

The argument is what makes the loop on which they run, as MODULE:NAME.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import unittest
from typing import Any

import aio_sched


class BoundedSemaphore(aio_sched.PrioritySemaphore, asyncio.BoundedSemaphore):
    """How a bounded one is made of ours."""

    def __init__(self, value: int = 1) -> None:
        super().__init__(value)


def main() -> None:
    exchange(Lock=aio_sched.PriorityLock, Condition=aio_sched.PriorityCondition)
    exchange(Semaphore=aio_sched.PrioritySemaphore, BoundedSemaphore=BoundedSemaphore)
    module, name = sys.argv[1].split(":")
    new_event_loop = getattr(importlib.import_module(module), name)
    runner = asyncio.Runner

    def runner_of_that_loop(**arguments: Any) -> asyncio.Runner:
        return runner(**{**arguments, "loop_factory": new_event_loop})

    exchange(Runner=runner_of_that_loop)
    test_locks = importlib.import_module("test.test_asyncio.test_locks")
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromModule(test_locks).run(result)
    failed = {test.id().split(".", 3)[-1]: problem for test, problem in result.failures + result.errors}
    sys.stdout.write(json.dumps({"run": result.testsRun, "failed": failed}))


def exchange(**replacements: Any) -> None:
    for name, replacement in replacements.items():
        setattr(asyncio, name, replacement)


if __name__ == "__main__":
    main()
