"""CPython's own tests of `asyncio.Queue`, run on ours: a drop-in passes them, but for what is listed here."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

# Every deliberate difference. None concerns what a queue does.
DIFFERENT = {
    # `repr` and `str` tell the same in other words; `_format` was never public.
    "QueueBasicTests.test_repr": "the words of repr()",
    "QueueBasicTests.test_str": "the words of str()",
    "QueueJoinTests.test_format": "the private _format()",
    "LifoQueueJoinTests.test_format": "the private _format()",
    "PriorityQueueJoinTests.test_format": "the private _format()",
    "QueueShutdownTests.test_format": "the private _format()",
    "LifoQueueShutdownTests.test_format": "the private _format()",
    "PriorityQueueShutdownTests.test_format": "the private _format()",
    # Queue[int] is made by typing.Generic, so that type checkers and subclasses know the parameter.
    "QueueBasicTests.test_generic_alias": "Queue[int] is no types.GenericAlias",
    # Puts a future of its own into the private _putters.
    "QueueGetTests.test_get_with_putters": "the private _putters",
}


@pytest.mark.skipif(
    importlib.util.find_spec("test") is None or importlib.util.find_spec("test.test_asyncio") is None,
    reason="this interpreter comes without the standard library's tests",
)
def test_the_standard_librarys_tests_pass() -> None:
    program = Path(__file__).parent / "programs" / "cpython_suite.py"
    done = subprocess.run([sys.executable, program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["run"] >= 44
    assert set(outcome["failed"]) == {
        name for name in DIFFERENT if "Shutdown" not in name or sys.version_info >= (3, 13)
    }
