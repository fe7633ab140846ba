"""What an idle task of a group costs."""

import asyncio
import gc
import sys
import tracemalloc
from collections.abc import Callable

import pytest
from aio_group import Group

pytestmark = pytest.mark.asyncio

COUNT = 3000


async def idle() -> None:
    await asyncio.get_running_loop().create_future()


async def bytes_for_each(start_one: Callable[[], object]) -> float:
    # A tracer, such as that of coverage, makes the interpreter keep a frame object for each suspended coroutine.
    tracer = sys.gettrace()
    sys.settrace(None)
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(COUNT):
            start_one()
        await asyncio.sleep(0)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / COUNT
    finally:
        tracemalloc.stop()
        sys.settrace(tracer)


async def test_an_idle_task_takes_at_most_half_as_much_again_as_a_bare_one_in_a_set() -> None:
    loop = asyncio.get_running_loop()
    bare: set[asyncio.Task[None]] = set()
    group = Group()
    in_a_set = await bytes_for_each(lambda: bare.add(loop.create_task(idle())))
    in_a_group = await bytes_for_each(lambda: group.spawn(idle))
    for task in bare:
        task.cancel()
    await group.async_close()
    assert in_a_group <= 1.5 * in_a_set


async def test_nothing_is_left_of_tasks_that_ended() -> None:
    async def short() -> None:
        await asyncio.sleep(0)

    async with Group() as group:
        await group.spawn(short)

        async def run_some() -> None:
            for _ in range(200):
                await group.spawn(short)
                group.spawn(short)
                await asyncio.wait({group.spawn(short)}, timeout=10)
            await asyncio.sleep(0)

        await run_some()
        gc.collect()
        tracemalloc.start()
        try:
            await run_some()
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(3):
                await run_some()
            gc.collect()
            # A single leaked object for each of the tasks would be ten times as much.
            assert tracemalloc.get_traced_memory()[0] - before < 3 * 600 * 16
        finally:
            tracemalloc.stop()
