"""CPython's own asyncio tests, with our loops in place of the stock one: nothing but what is named here differs.

`run_asyncio_tests.py` runs one file in a process of its own. Of the two longest files, CI takes the classes that test
C tasks and the platform's selector; all of them: `ASYNCIO_TESTS=all pytest tests-integration/sched`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).with_name("run_asyncio_tests.py")

#: The files, and the classes of the long ones that CI runs.
FILES: dict[str, list[str]] = {
    "test_base_events": [],
    "test_events": ["SelectEventLoopTests"] if sys.platform == "win32" else ["EPollEventLoopTests"],
    "test_tasks": ["CTask_CFuture_Tests", "CTask_CFuture_SubclassTests", "CoroutineGatherTests", "FutureGatherTests"],
    "test_locks": [],
    "test_taskgroups": [],
    "test_timeouts": [],
    "test_streams": [],
    "test_queues": [],
}

#: Tests that end otherwise where every task that names no priority has -10.0, and why. On our loops with plain tasks,
#: there are none.
DIFFERENCES = {
    "test_log_slow_callbacks": "the report names a PriorityTask, not a Task",
    "test_wait_concurrent_complete": "of two timers that are due together, the urgent task's first step sets one first",
    "test_call_soon_threadsafe_handle_cancel_same_thread": "a thread that posts stop() late ends the "
    "next run by it, before the urgent task's first step",
    "test_one_exception": "the test looks into loop._ready, which holds only what has 0.0",
    "test_result_exception_success": "the same",
    "test_return_exceptions": "the same",
    "test_success": "the same",
}


def failures(loop: str, module: str, names: list[str]) -> tuple[int, set[str]]:
    # Some of these tests look at what is logged, and that is more in debug mode, on the stock loop too.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONASYNCIODEBUG"}
    done = subprocess.run(
        [sys.executable, str(RUNNER), loop, module, *names],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env=environment,
    )
    lines = done.stdout.splitlines()
    assert lines, done.stderr[-3000:]
    outcome = json.loads(lines[-1])
    print(done.stderr[-6000:])
    return outcome["run"], set(outcome["failed"])


def classes_of(module: str) -> list[str]:
    return [] if os.environ.get("ASYNCIO_TESTS") == "all" else FILES[module]


@pytest.mark.skipif(
    importlib.util.find_spec("test.test_asyncio") is None, reason="this Python comes without asyncio's tests"
)
@pytest.mark.parametrize("module", FILES)
@pytest.mark.parametrize("loop", ["scheduling", "priority"])
def test_asyncio_behaves_on_our_loops_as_on_its_own(loop: str, module: str) -> None:
    count, failed = failures(loop, module, classes_of(module))
    assert count > 10
    assert failed == set()


@pytest.mark.skipif(
    importlib.util.find_spec("test.test_asyncio") is None, reason="this Python comes without asyncio's tests"
)
@pytest.mark.parametrize("module", ["test_base_events", "test_events", "test_streams", "test_tasks"])
def test_urgent_tasks_can_use_every_part_of_asyncio(module: str) -> None:
    count, failed = failures("urgent", module, FILES[module])
    assert count > 10
    assert {name for name in failed if name.rpartition(".")[2] not in DIFFERENCES} == set()
