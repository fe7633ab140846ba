"""On uvloop, which shows no ready queue: what waits is interrupted; what is about to run is refused with the reason."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import InterruptException, create_pytask, task_interrupt, task_is_blocked, task_throw, task_timeout
from suite_support.interleaving import passes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

pytest.importorskip("uvloop")
pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])


async def test_a_waiting_task_is_interrupted_at_once(spawn: Spawn) -> None:
    future = asyncio.get_running_loop().create_future()
    lock = asyncio.Lock()
    await lock.acquire()
    child = asyncio.create_task(asyncio.sleep(3600))

    async def run(awaitable: Any) -> None:
        await awaitable

    async def throw(task: asyncio.Task[Any], exc: BaseException) -> None:
        task_throw(task, exc)

    for interrupt in (throw, task_interrupt):
        for awaitable in (future, lock.acquire(), child, asyncio.sleep(3600)):
            task = spawn(run(awaitable))
            await passes(2)
            assert task_is_blocked(task)
            await interrupt(task, InterruptException())
            assert task.cancelled()
    assert not future.done()
    assert child.cancelling() == 0
    child.cancel()


@pytest.mark.parametrize("started", [False, True])
async def test_a_task_that_is_about_to_run_is_refused_and_undisturbed(spawn: Spawn, started: bool) -> None:
    task = spawn(asyncio.sleep(0, "done"))
    if started:
        task = spawn(passes(3))
        await passes(1)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"uvloop\.Loop shows no ready queue .*scheduling_loop_factory"):
            task_throw(task, InterruptException())
    with pytest.raises(RuntimeError, match=r"uvloop\.Loop shows no ready queue"):
        await task_interrupt(task, InterruptException())
    assert task.cancelling() == 0
    await task


async def test_a_woken_task_is_refused_and_keeps_what_woke_it(spawn: Spawn) -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run() -> int:
        return await future

    task = spawn(run())
    await passes(1)
    future.set_result(5)
    with pytest.raises(RuntimeError, match="shows no ready queue"):
        task_throw(task, InterruptException())
    assert await task == 5


async def test_timeouts_work_over_waits_and_over_loops_of_sleep_0() -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    async def run(body: Callable[[], Coroutine[Any, Any, Any]]) -> int:
        with pytest.raises(TimeoutError):
            async with task_timeout(0.01):
                with pytest.raises(TimeoutError):
                    async with task_timeout(0.001) as timeout:
                        await body()
                assert timeout.expired()
                await body()
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    for body in (spin, asyncio.Event().wait):
        assert await asyncio.create_task(run(body)) == 0
        assert await create_pytask(run(body)) == 0


async def test_a_cancellation_beside_a_timeout_is_not_swallowed() -> None:
    async def run() -> None:
        async with task_timeout(0):
            task = asyncio.current_task()
            assert task is not None
            asyncio.get_running_loop().call_soon(task.cancel)
            while True:
                await asyncio.sleep(0)

    task = asyncio.create_task(run())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelling() == 1
