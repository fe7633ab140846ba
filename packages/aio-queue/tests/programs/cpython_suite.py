"""Run the interpreter's own tests of asyncio's queues with ours in their place; print what does not pass as JSON."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import unittest

import aio_queue


def main() -> None:
    for name in ("Queue", "LifoQueue", "PriorityQueue"):
        setattr(asyncio, name, getattr(aio_queue, name))
    test_queues = importlib.import_module("test.test_asyncio.test_queues")

    for case in (test_queues.QueueJoinTests, test_queues.LifoQueueJoinTests, test_queues.PriorityQueueJoinTests):
        # Class attributes were taken from asyncio when the module was imported, which is after the exchange.
        assert case.q_class.__module__.startswith("aio_queue")
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromModule(test_queues).run(result)
    failed = [test.id().split(".", 3)[-1] for test, _ in result.failures + result.errors]
    sys.stdout.write(json.dumps({"run": result.testsRun, "failed": sorted(failed)}))


if __name__ == "__main__":
    main()
