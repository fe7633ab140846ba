"""Real signals in real processes: how programs on `run_asyncio` and `TaskNursery` end."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from suite_support.plugin import loop_factories

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOPS = {"asyncio": "asyncio.new_event_loop", "uvloop": "__import__('uvloop').new_event_loop"}
loops = pytest.mark.parametrize("new_loop", [LOOPS[name] for name in loop_factories()], ids=loop_factories().keys())

PROLOGUE = """
import asyncio, signal, sys, threading, time
from aio_group import TaskNursery, run_asyncio

# A shell may have started the tests with SIGINT ignored, which children inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

def say(*words):
    print(*words, flush=True)

"""

# What a Python program ends with that KeyboardInterrupt has ended: it lets the signal itself kill it.
INTERRUPTED = -signal.SIGINT


class Program:
    """A Python program that runs, and says what it does line by line."""

    def __init__(self, source: str, new_loop: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-X", "dev", "-c", PROLOGUE + source.replace("NEW_LOOP", new_loop)],
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
        """Wait for the end; return what it wrote to stderr."""
        rest, errors = self._process.communicate(timeout=30)
        assert rest == ""
        assert self._process.returncode == code, errors
        return errors

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    programs: list[Program] = []

    def start(source: str, new_loop: str) -> Program:
        programs.append(Program(textwrap.dedent(source), new_loop))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()
        program._process.communicate()


SERVICE = """
    async def background():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            say("background ended")

    async def main():
        task = asyncio.create_task(background())
        await asyncio.sleep(0)
        say("ready")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            say("main ended")

    try:
        run_asyncio(main(), loop_factory=NEW_LOOP)
    except asyncio.CancelledError:
        say("cancelled")
        sys.exit(3)
"""


@loops
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_one_signal_ends_a_service_in_order(
    start: Callable[..., Program], new_loop: str, signum: signal.Signals
) -> None:
    program = start(SERVICE, new_loop)
    program.says("ready")
    program.send(signum)
    program.says("main ended")
    program.says("background ended")
    program.says("cancelled")
    assert program.ends(3) == ""


STUCK_SERVICE = """
    async def main():
        say("ready")
        try:
            await asyncio.Event().wait()
        finally:
            say("shutting down")
            BLOCK

    try:
        run_asyncio(main(), loop_factory=NEW_LOOP)
    finally:
        say("end")
"""


@loops
@pytest.mark.parametrize(
    ("block", "signum", "code", "error"),
    [
        ("await asyncio.Event().wait()", signal.SIGINT, INTERRUPTED, "KeyboardInterrupt"),
        ("time.sleep(60)", signal.SIGTERM, 128 + signal.SIGTERM, ""),
    ],
    ids=["waiting-SIGINT", "blocking-SIGTERM"],
)
def test_a_second_signal_ends_a_service_that_hangs(
    start: Callable[..., Program], new_loop: str, block: str, signum: signal.Signals, code: int, error: str
) -> None:
    program = start(STUCK_SERVICE.replace("BLOCK", block), new_loop)
    program.says("ready")
    program.send(signal.SIGTERM)
    program.says("shutting down")
    program.send(signum)
    program.says("end")
    assert error in program.ends(code)


NURSERY = """
    async def background():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            say("task ended")

    async def main():
        try:
            async with TaskNursery() as nursery:
                nursery.callback(say, "context exited")
                nursery.create_task(background())
                await asyncio.sleep(0)
                say("ready")
                await nursery
            await asyncio.sleep(0.01)
        finally:
            await asyncio.sleep(0.01)
            say("main ended")
"""

RUNNERS: dict[str, Any] = {
    "asyncio.run": "with asyncio.Runner(loop_factory=NEW_LOOP) as runner: runner.run(main())",
    "run_asyncio": "run_asyncio(main(), loop_factory=NEW_LOOP)",
}


@pytest.mark.parametrize(
    ("runner", "signum", "code", "error"),
    [
        ("asyncio.run", signal.SIGINT, INTERRUPTED, "KeyboardInterrupt"),
        ("asyncio.run", signal.SIGTERM, 128 + signal.SIGTERM, ""),
        ("run_asyncio", signal.SIGINT, 1, "CancelledError"),
        ("run_asyncio", signal.SIGHUP, 128 + signal.SIGHUP, ""),
    ],
)
def test_a_signal_closes_the_nursery_before_the_program_ends(
    start: Callable[..., Program], runner: str, signum: signal.Signals, code: int, error: str
) -> None:
    program = start(NURSERY + "\n    " + RUNNERS[runner], LOOPS["asyncio"])
    program.says("ready")
    program.send(signum)
    program.says("context exited")
    program.says("task ended")
    program.says("main ended")
    errors = program.ends(code)
    assert error in errors
    assert bool(errors) == bool(error)
    assert "never retrieved" not in errors
    assert "destroyed" not in errors


def test_a_nursery_without_a_block_ends_a_loop_that_runs_for_ever(start: Callable[..., Program]) -> None:
    program = start(
        """
        async def background():
            say("ready")
            try:
                await asyncio.Event().wait()
            finally:
                say("task ended")

        loop = asyncio.new_event_loop()
        nursery = TaskNursery(loop=loop)
        nursery.callback(say, "context exited")
        nursery.create_task(background())
        try:
            loop.run_forever()
        finally:
            loop.close()
            say("loop closed", nursery.tasks)
        """,
        "",
    )
    program.says("ready")
    program.send(signal.SIGTERM)
    program.says("context exited")
    program.says("task ended")
    program.says("loop closed ()")
    assert program.ends(128 + signal.SIGTERM) == ""
