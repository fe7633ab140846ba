"""CPython's own tests of asyncio's locks, run on ours: a drop-in passes them, but for what is listed here."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

# Every difference: the message with which the interpreter refuses `await lock` names the class.
DIFFERENT = {"LockTests.test_lock", "SemaphoreTests.test_semaphore"}


@pytest.mark.skipif(
    importlib.util.find_spec("test") is None or importlib.util.find_spec("test.test_asyncio") is None,
    reason="this interpreter comes without the standard library's tests",
)
@pytest.mark.parametrize(
    "loop", ["asyncio:new_event_loop", "uvloop:new_event_loop", "aio_sched:PrioritySelectorEventLoop"]
)
def test_the_standard_librarys_tests_of_locks_pass(loop: str) -> None:
    if importlib.util.find_spec(loop.split(":", maxsplit=1)[0]) is None:
        pytest.skip(f"{loop} is not installed")
    program = Path(__file__).parent / "programs" / "cpython_locks.py"
    done = subprocess.run([sys.executable, program, loop], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["run"] >= 70
    assert set(outcome["failed"]) == DIFFERENT, outcome["failed"]
