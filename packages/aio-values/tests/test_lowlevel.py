"""The seam between asyncio and trio, from one body on every runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aio_values import lowlevel

if TYPE_CHECKING:
    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


async def test_current_runtime_names_the_library_that_runs_the_body(runtime: Runtime) -> None:
    assert lowlevel.current_runtime() == runtime.library


async def test_sleep_takes_its_time_by_the_runtimes_clock(runtime: Runtime) -> None:
    start = lowlevel.current_time()
    assert start == runtime.time()
    await lowlevel.sleep(3)
    await lowlevel.sleep_until(start + 10)
    assert lowlevel.current_time() == pytest.approx(start + 10)


async def test_parked_tasks_wake_in_order_of_arrival(runtime: Runtime) -> None:
    queue = lowlevel.WaitQueue[int]()
    async with runtime.tasks() as tasks:
        first, second, third = [await tasks.block(queue.park) for _ in range(3)]
        assert len(queue) == 3
        assert queue.wake_one(1)
        assert queue.wake_all(2) == 2
        assert [await first.result(), await second.result(), await third.result()] == [1, 2, 2]
    assert not queue


async def test_wakeup_that_meets_a_cancellation_goes_to_the_next(runtime: Runtime) -> None:
    queue = lowlevel.WaitQueue[str]()
    async with runtime.tasks() as tasks:
        first, second = await tasks.block(queue.park), await tasks.block(queue.park)
        queue.wake_one("the item")
        first.cancel()
        await runtime.settle()
        # Only a plain asyncio task is cancelled once it was woken; trio and anyio leave it its wake-up.
        assert (second if first.cancelled else first).outcome() == "the item"
        assert first.cancelled == (runtime.name in {"asyncio", "uvloop"})


async def test_time_limit_swallows_its_own_expiry(runtime: Runtime) -> None:
    start = runtime.time()
    with lowlevel.move_on_after(2) as limit:
        await runtime.sleep(5)
    assert limit.expired
    assert runtime.time() == pytest.approx(start + 2)
    with lowlevel.move_on_after(2) as limit:
        await runtime.sleep(1)
    assert not limit.expired


async def test_one_failure_comes_as_itself_and_ends_the_others(runtime: Runtime) -> None:
    ended = []

    async def fail() -> None:
        await runtime.sleep(1)
        raise KeyError("mine")

    async def wait() -> None:
        try:
            await runtime.sleep(10)
        finally:
            ended.append(runtime.time())

    with pytest.raises(KeyError, match="mine"):
        await lowlevel.run_together(wait, fail, wait)
    assert len(ended) == 2
