"""What type checkers infer of the scheduling functions: mypy checks each `assert_type`, the tests run these lines."""

from __future__ import annotations

import asyncio
from typing import Any, assert_type

import pytest
from aio_sched import (
    AbstractSchedulingLoop,
    blocked_tasks,
    call_pos,
    create_task_descend,
    create_task_start,
    get_scheduling_loop,
    runnable_tasks,
    sleep_insert,
    task_is_blocked,
    task_switch,
)

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "scheduling", "priority"])


async def number() -> int:
    return 1


def take(value: int, text: str) -> None:
    assert (value, text) == (1, "one")


async def test_new_tasks_keep_the_type_of_their_result() -> None:
    assert_type(await create_task_descend(number()), asyncio.Task[int])
    assert_type(await create_task_start(number(), name="n"), asyncio.Task[int])
    assert_type(await (await create_task_descend(number())), int)


async def test_the_arguments_of_a_callback_are_checked() -> None:
    queue = get_scheduling_loop()
    assert_type(queue, AbstractSchedulingLoop)
    assert_type(call_pos(0, take, 1, "one"), asyncio.Handle)
    assert_type(queue.call_pos(0, take, 1, "one"), asyncio.Handle)
    call_pos(0, take, "one", 1).cancel()  # type: ignore[arg-type]
    queue.call_pos(0, take).cancel()  # type: ignore[arg-type]
    await asyncio.sleep(0)


async def test_the_rest_is_as_plain_as_it_looks() -> None:
    task = asyncio.create_task(number())
    assert_type(runnable_tasks(), set[asyncio.Task[Any]])
    assert_type(blocked_tasks(), set[asyncio.Task[Any]])
    assert_type(task_is_blocked(task), bool)
    assert_type(get_scheduling_loop().queue_items(), list[asyncio.Handle])
    assert_type(get_scheduling_loop().queue_find(lambda handle: handle.cancelled()), asyncio.Handle | None)
    assert await task_switch(task) is None  # type: ignore[func-returns-value]
    assert await sleep_insert(0) is None  # type: ignore[func-returns-value]
