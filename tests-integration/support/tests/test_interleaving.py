"""`settle` returns when nothing can go on, and not before."""

import asyncio

import pytest
from suite_support.interleaving import passes, settle

pytestmark = pytest.mark.asyncio


async def test_settle_waits_for_a_chain_of_wake_ups() -> None:
    links = [asyncio.get_running_loop().create_future() for _ in range(20)]

    async def link(number: int) -> None:
        await links[number]
        links[number + 1].set_result(None)

    tasks = [asyncio.create_task(link(number)) for number in range(19)]
    links[0].set_result(None)
    await settle()
    assert links[-1].done()
    await asyncio.gather(*tasks)


async def test_settle_waits_for_the_callbacks_of_finished_tasks() -> None:
    gathered = asyncio.gather(asyncio.sleep(0), asyncio.gather(asyncio.sleep(0), asyncio.sleep(0)))
    outer = asyncio.shield(asyncio.ensure_future(gathered))
    await settle()
    assert outer.done()


async def test_settle_leaves_blocked_tasks_blocked() -> None:
    never = asyncio.create_task(asyncio.Event().wait())
    await settle()
    assert not never.done()
    never.cancel()


async def test_settle_says_when_a_task_never_rests() -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    task = asyncio.create_task(spin())
    with pytest.raises(AssertionError, match="still busy"):
        await settle()
    task.cancel()


async def test_passes_lets_a_task_step_that_often() -> None:
    steps = 0

    async def step() -> None:
        nonlocal steps
        while True:
            steps += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(step())
    await passes(5)
    assert steps == 5
    task.cancel()
