"""`from aio_suite import *` gives the same names to a program and to type checkers: mypy judges this file."""

# ruff: noqa: F403, F405  # the form of import that is tested

import queue
from asyncio import Task
from typing import assert_type

from aio_suite import *

# What it hides of the builtins and of what was imported above: nothing.
assert queue.__name__ == "queue"


async def use(current: Task[object]) -> None:
    assert_type(await Queue[int]().get(), int)
    assert_type(await AsyncValue("a").wait_value("b"), str)
    async for elapsed, delta in periodic(1.0):
        assert_type(elapsed, float)
        assert_type(delta, float | None)
    assert_type(await task_switch(current), None)


def test_names_have_their_types() -> None:
    assert_type(AsyncBool().value, bool)
    assert_type(__version__, str)
    assert lowlevel.__name__ == "aio_values.lowlevel"


def test_names_of_pieces_stay_where_they_are() -> None:
    # None of them is a flat name: a program's own `queue` or `events` is not hidden.
    assert {"values", "events", "group", "coro", "sched", "trio_util"}.isdisjoint(globals())
