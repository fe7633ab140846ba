"""Only what is used is loaded: each test runs in a Python of its own, which has loaded nothing."""

import json
import subprocess
import sys

import pytest

PIECES = {"aio_values", "aio_events", "aio_group", "aio_queue", "aio_coro", "aio_sched"}


def loaded_by(code: str) -> set[str]:
    """The packages of the family, asyncio and trio among what this code has loaded."""
    code = f"import sys, json\n{code}\nprint(json.dumps(sorted(name.partition('.')[0] for name in sys.modules)))"
    command = [sys.executable, "-I", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    interesting = {*PIECES, "aio_trio_util", "asyncio", "trio", "anyio", "typing"}
    return interesting.intersection(json.loads(done.stdout))


# Some installations load `typing` on start-up.
BARE = loaded_by("")


@pytest.mark.parametrize(
    "code",
    [
        "import aio_suite",
        "import aio_suite; dir(aio_suite); aio_suite.__all__; aio_suite.__version__",
        "import aio_suite; assert not hasattr(aio_suite, 'nobody_has_this')",
        "from aio_suite import __version__",
    ],
)
def test_the_suite_alone_loads_nothing(code: str) -> None:
    assert loaded_by(code) == BARE


@pytest.mark.parametrize(
    ("code", "loaded"),
    [
        ("import aio_suite; aio_suite.Queue", {"aio_queue"}),
        ("from aio_suite import Group, Resource", {"aio_group"}),
        ("from aio_suite import AsyncValue", {"aio_values"}),
        ("import aio_suite; aio_suite.RepeatedEvent", {"aio_events", "aio_values"}),
        ("import aio_suite; aio_suite.coro.eager", {"aio_coro"}),
        ("from aio_suite import sched", {"aio_sched"}),
        ("import aio_suite.values", {"aio_values"}),
        ("from aio_suite.queue import Queue", {"aio_queue"}),
        ("from aio_suite import *; Queue, AsyncValue, Group, eager, task_switch, periodic, __version__", PIECES),
        ("import aio_suite; aio_suite.trio_util", {"aio_trio_util", "aio_values", "aio_events", "trio"}),
    ],
)
def test_a_use_loads_its_piece_and_no_other(code: str, loaded: set[str]) -> None:
    assert loaded_by(code) - {"asyncio", "typing"} == loaded


def test_import_star_leaves_the_standard_librarys_names_alone() -> None:
    assert "trio" not in loaded_by("import queue; mine = queue\nfrom aio_suite import *\nassert queue is mine")


def test_a_name_is_looked_up_once() -> None:
    code = """
        import aio_suite
        assert "Queue" not in vars(aio_suite)
        first = aio_suite.Queue
        assert vars(aio_suite)["Queue"] is first
    """
    assert loaded_by("\n".join(line.strip() for line in code.splitlines())) >= {"aio_queue"}


def test_threads_that_load_at_once_get_the_same() -> None:
    code = """
import threading
import aio_suite
barrier, found = threading.Barrier(8), []
def look(number):
    barrier.wait()
    found.append((aio_suite.Queue, aio_suite.queue, aio_suite.RepeatedEvent, aio_suite.events, aio_suite.values))
threads = [threading.Thread(target=look, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(found) == 8 and len({tuple(map(id, row)) for row in found}) == 1
"""
    assert loaded_by(code) >= {"aio_queue", "aio_events", "aio_values"}
