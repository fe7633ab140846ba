"""Eager starts, one inside the other until the stack ends.

Each runs in an interpreter of its own: where the stack ends, tracing for coverage ends as well.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROLOGUE = """
import asyncio, gc, logging, sys
from aio_coro import eager
logging.basicConfig()

if sys.argv[1] == "uvloop":
    from uvloop import new_event_loop
else:
    from asyncio import new_event_loop

def by_create_task(coro):
    return eager(coro, asyncio.create_task)

def through_a_factory(coro):
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, coro, **options: asyncio.Task(coro, loop=loop, **options))
    try:
        return eager(coro)
    finally:
        loop.set_task_factory(None)

start = globals()[sys.argv[2]]

async def answer():
    return 42
"""

END_OF_THE_STACK = """
async def main():
    caller = asyncio.current_task()

    async def descend():
        me = asyncio.current_task()
        try:
            task = start(descend())
        finally:
            if asyncio.current_task() is not me:
                print("the wrong task is current")
        return await task

    def after(padding):
        return after(padding - 1) if padding else start(descend())

    for padding in range(30):  # so that the stack ends in every line once
        task = after(padding)
        assert asyncio.current_task() is caller
        assert isinstance(task.exception(), RecursionError)
    assert await start(answer()) == 42
    del task
    gc.collect()
    print("restored")

with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main())
"""

THOUSANDS = """
async def main():
    caller = asyncio.current_task()

    async def count(depth):
        me = asyncio.current_task()
        if depth == 0:
            return 0
        task = start(count(depth - 1))
        assert asyncio.current_task() is me
        return 1 + await task

    sys.setrecursionlimit(20_000)
    task = start(count(2000))
    assert asyncio.current_task() is caller
    try:
        print(await task)
    except RecursionError:
        print("RecursionError")

with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main())
"""

each_loop = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


def run(code: str, loop: str, start: str) -> tuple[str, str]:
    command = [sys.executable, "-W", "always", "-c", PROLOGUE + code, loop, start]
    # Debug mode notes the stack of each task, which takes minutes here, and then reports how slow that was.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONASYNCIODEBUG"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
    return done.stdout.strip(), done.stderr


@each_loop
def test_a_stack_that_ends_is_a_recursion_error_and_leaves_nothing_behind(loop: str) -> None:
    assert run(END_OF_THE_STACK, loop, "eager") == ("restored", "")


@each_loop
@pytest.mark.parametrize("start", ["by_create_task", "through_a_factory"])
def test_a_stack_that_ends_while_others_make_the_task_leaves_the_current_task_in_place(loop: str, start: str) -> None:
    assert run(END_OF_THE_STACK, loop, start)[0] == "restored"


@each_loop
@pytest.mark.parametrize("start", ["eager", "by_create_task", "through_a_factory"])
def test_starts_thousands_deep_give_the_right_answer_or_a_recursion_error(loop: str, start: str) -> None:
    # 3.12 counts C calls apart, and allows some hundred of them whatever the limit is.
    expected = "RecursionError" if sys.version_info[:2] == (3, 12) else "2000"
    assert run(THOUSANDS, loop, start)[0] == expected
