"""Services of several pieces in real processes, ended by real signals, on each loop."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from suite_support.loops import loop_classes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends the signals of POSIX")

loops = pytest.mark.parametrize("loop", loop_classes())
debug = pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
signals = pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=lambda signum: signum.name)

PROLOGUE = """
import asyncio, signal, sys
from aio_group import Group, Resource, TaskNursery, call_on_cancel, run_asyncio
from aio_queue import Queue
from aio_sched import PriorityTask, task_interrupt, task_timeout
from aio_values import AsyncValue
from suite_support.loops import every_loop

# A shell may have started the tests with SIGINT ignored, which children inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
new_loop = every_loop()[sys.argv[1]]

def say(*words):
    print(*words, flush=True)

"""

# A service with a nursery: a task that never waits for anything but its turn, urgent requests, and a report that waits
# for a value; the connection that stands in the nursery is closed while the tasks still run.
SERVICE = """
import contextlib

requests = Queue(10)
served = AsyncValue(0)

async def grind():
    while True:
        await asyncio.sleep(0)

async def ask():
    try:
        while True:
            await requests.put("request")
            await asyncio.sleep(0.001)
    finally:
        requests.close()

async def serve():
    async for request in requests:
        served.value += 1

async def report():
    await served.wait_value(lambda count: count >= 10)
    say("serving")
    try:
        await served.wait_value(-1)
    finally:
        say("report ends")

@contextlib.asynccontextmanager
async def connection():
    try:
        yield
    finally:
        async with task_timeout(5):
            await asyncio.sleep(0.01)
        say("connection closed")

async def main():
    async with TaskNursery(name="service") as nursery:
        await nursery.enter_async_context(connection())
        for coro, priority in [(grind(), 10), (ask(), 5), (serve(), 0), (report(), -10)]:
            nursery.create_task(supervise(coro, priority))
        await nursery
    say("nursery closed", len(asyncio.all_tasks()), sum(served.statistics()))

async def supervise(coro, priority):
    task = PriorityTask(coro, priority=priority)
    try:
        await task
    finally:
        task.cancel()
        await asyncio.wait([task])
"""


class Program:
    """A Python program that runs, and says what it does line by line."""

    def __init__(self, source: str, loop: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROLOGUE + textwrap.dedent(source), loop],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def says(self, expected: str) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if line != expected:
            self.kill()
            raise AssertionError(f"it said {line!r}, not {expected!r}; errors:\n{self._process.communicate()[1]}")

    def send(self, signum: signal.Signals) -> None:
        self._process.send_signal(signum)

    def ends(self, code: int) -> str:
        rest, errors = self._process.communicate(timeout=60)
        assert rest == ""
        assert self._process.returncode == code, errors
        return errors

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()


@pytest.fixture
def start() -> Iterator[Callable[[str, str], Program]]:
    programs: list[Program] = []

    def start(source: str, loop: str) -> Program:
        programs.append(Program(source, loop))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()
        program._process.communicate()


@loops
@debug
@signals
def test_a_signal_closes_a_nursery_whose_tasks_have_priorities_and_never_rest(
    start: Callable[[str, str], Program], loop: str, debug: bool, signum: signal.Signals
) -> None:
    program = start(
        SERVICE
        + """
try:
    run_asyncio(main(), loop_factory=new_loop)
except asyncio.CancelledError:
    say("cancelled")
    sys.exit(3)
""",
        f"{loop} debug" if debug else loop,
    )
    program.says("serving")
    program.send(signum)
    program.says("connection closed")
    program.says("report ends")
    program.says("nursery closed 1 0")
    # The signal then does what it would have done: it cancels the main function, which has ended.
    assert program.ends(0) == ""


@loops
@signals
def test_a_signal_closes_groups_of_tasks_with_priorities_in_their_order(
    start: Callable[[str, str], Program], loop: str, signum: signal.Signals
) -> None:
    program = start(
        """
async def work(name):
    try:
        await asyncio.Event().wait()  # tasks that are ready get a turn now and then, however urgent others are
    finally:
        say(name, "ends")

async def main():
    asyncio.get_running_loop().set_task_factory(PriorityTask.factory)
    async with Group() as group:
        for name, priority in [("low", 10), ("high", -10)]:
            group.create_subgroup().wrap(PriorityTask(work(name), priority=priority))
        group.spawn(call_on_cancel, say, "cleaned up")
        await asyncio.sleep(0.01)
        say("running")
        await group.wait_closed()

try:
    run_asyncio(main(), loop_factory=new_loop)
except asyncio.CancelledError:
    say("cancelled")
""",
        loop,
    )
    program.says("running")
    program.send(signum)
    lines = [line.strip() for line in program._process.communicate(timeout=60)[0].splitlines()]
    assert sorted(lines) == ["cancelled", "cleaned up", "high ends", "low ends"]
    assert lines[-1] == "cancelled"
    if loop == "priority":
        assert lines.index("high ends") < lines.index("low ends")
    assert program._process.returncode == 0


@loops
def test_a_signal_arrives_while_tasks_interrupt_each_other(start: Callable[[str, str], Program], loop: str) -> None:
    program = start(
        """
from aio_sched import InterruptException

interrupted = AsyncValue(0)
never = AsyncValue(False)

async def endure():
    while True:
        try:
            await never.wait_value(True)
        except InterruptException:
            interrupted.value += 1

async def disturb(task):
    while True:
        try:
            await task_interrupt(task, InterruptException())
        except RuntimeError:
            pass  # it is about to run, where uvloop shows nobody
        await asyncio.sleep(0)

async def main():
    async with TaskNursery() as nursery:
        task = nursery.create_task(endure())
        nursery.create_task(disturb(task))
        await interrupted.wait_value(lambda count: count >= 100)
        say("disturbed")
        await nursery
    say("closed", never.statistics().waiting, interrupted.statistics().waiting)

try:
    run_asyncio(main(), loop_factory=new_loop)
except asyncio.CancelledError:
    say("cancelled")
""",
        loop,
    )
    program.says("disturbed")
    program.send(signal.SIGTERM)
    program.says("closed 0 0")
    assert program.ends(0) == ""
