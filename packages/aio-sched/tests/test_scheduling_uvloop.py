"""On a loop that shows no ready queue: a clear error for what needs one, and the rest works."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import (
    call_pos,
    create_task_descend,
    create_task_start,
    get_scheduling_loop,
    sleep_insert,
    task_reinsert,
    task_switch,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine

pytest.importorskip("uvloop", reason="uvloop does not install here")
pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])

EXPLAINED = r"uvloop\.Loop shows no ready queue.*aio_sched\.scheduling_loop_factory\(\)"


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def test_what_needs_a_ready_queue_names_the_loop_and_what_to_use() -> None:
    with pytest.raises(RuntimeError, match=EXPLAINED):
        get_scheduling_loop()
    with pytest.raises(RuntimeError, match=EXPLAINED):
        call_pos(0, print)
    with pytest.raises(RuntimeError, match=EXPLAINED):
        await sleep_insert(0)
    task = asyncio.create_task(answer())
    with pytest.raises(RuntimeError, match=EXPLAINED):
        task_reinsert(task, 0)
    with pytest.raises(RuntimeError, match=EXPLAINED):
        await task_switch(task)
    assert await task == 42


async def test_a_task_that_cannot_be_descended_to_is_not_made() -> None:
    coro: Coroutine[Any, Any, int] = answer()
    before = asyncio.all_tasks()
    with pytest.raises(RuntimeError, match=EXPLAINED):
        await create_task_descend(coro)
    assert asyncio.all_tasks() == before
    assert await coro == 42


async def test_a_task_is_started_in_its_turn() -> None:
    task = await create_task_start(answer())
    assert not task.done()
    assert await task == 42
