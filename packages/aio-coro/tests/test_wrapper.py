"""`CoroutineWrapper`: its instances are coroutines to everything that takes one."""

from __future__ import annotations

import asyncio
import collections.abc
import inspect
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import trio
from aio_coro import CoroStart, CoroutineWrapper, await_sync

if TYPE_CHECKING:
    from collections.abc import Generator


class Wait:
    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield self)


class Job(CoroutineWrapper[Any, Any, int]):
    def __init__(self, value: int, times: int = 0) -> None:
        self.value = value
        self.times = times
        super().__init__(coroutine=self.work())

    async def work(self) -> int:
        for _ in range(self.times):
            await Wait()
        return self.value


class Sleeps(CoroutineWrapper[Any, Any, str]):
    def __init__(self, log: list[str]) -> None:
        self.log = log
        super().__init__(coroutine=self.work())

    async def work(self) -> str:
        try:
            await asyncio.sleep(3600)
        finally:
            self.log.append("finally")
        return "slept"


@pytest.mark.asyncio
async def test_all_of_asyncio_takes_it_for_a_coroutine() -> None:
    assert await Job(1) == 1
    assert await asyncio.create_task(Job(2)) == 2
    assert list(await asyncio.gather(Job(3), Job(4))) == [3, 4]
    assert await asyncio.wait_for(Job(5), 10) == 5
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Job(6))
    assert task.result() == 6
    assert asyncio.iscoroutine(job := Job(7))
    assert await CoroStart(job) == 7


def test_asyncio_run_await_sync_and_trio_take_it() -> None:
    assert asyncio.run(Job(1)) == 1
    assert await_sync(Job(2)) == 2
    assert trio.run(lambda: Job(3)) == 3


@pytest.mark.asyncio
async def test_cancelling_its_task_reaches_the_work() -> None:
    log: list[str] = []
    task = asyncio.create_task(Sleeps(log))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["finally"]


def test_it_is_a_coroutine_to_inspect() -> None:
    job = Job(1, times=1)
    assert isinstance(job, collections.abc.Coroutine)
    assert inspect.isawaitable(job)
    native: Any = job
    assert inspect.getcoroutinestate(native) == inspect.CORO_CREATED
    assert (job.cr_running, job.cr_suspended, job.cr_await) == (False, False, None)
    assert job.cr_code is Job.work.__code__
    assert job.cr_frame is not None
    assert inspect.getcoroutinelocals(native)["self"] is job
    job.send(None)
    assert inspect.getcoroutinestate(native) == inspect.CORO_SUSPENDED
    assert job.cr_await is not None
    assert (job.__name__, job.__qualname__) == ("work", "Job.work")
    with pytest.raises(StopIteration) as stop:
        job.send(None)
    assert stop.value.value == 1
    assert inspect.getcoroutinestate(native) == inspect.CORO_CLOSED
    assert job.cr_frame is None
    assert job.cr_origin is None
    if sys.version_info >= (3, 15):
        assert native.cr_state == "CORO_CLOSED"
    with pytest.raises(AttributeError, match="'Job' object has no attribute 'missing'"):
        native.missing


def test_send_throw_and_close_reach_the_work() -> None:
    job = Job(1, times=2)
    assert isinstance(job.send(None), Wait)
    with pytest.raises(KeyError, match="thrown"):
        job.throw(KeyError("thrown"))
    closed = Job(1, times=1)
    closed.send(None)
    closed.close()
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        closed.send(None)


def test_throw_takes_the_arguments_of_a_coroutine() -> None:
    job: Any = Job(1, times=1)
    job.send(None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(KeyError, match="text"):
            job.throw(KeyError, "text", None)
    assert [warning.category for warning in caught] == ([DeprecationWarning] if sys.version_info >= (3, 12) else [])


@pytest.mark.asyncio
async def test_awaiting_it_twice_is_an_error() -> None:
    job = Job(1)
    await job
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        await job


def test_what_is_no_coroutine_is_refused() -> None:
    with pytest.raises(TypeError, match=r"CoroutineWrapper\(\) takes a coroutine, not 5"):
        CoroutineWrapper(coroutine=5)  # type: ignore[arg-type]


def test_a_subclass_that_forgets_its_base_is_told_so_and_can_be_shown() -> None:
    class Forgets(CoroutineWrapper[Any, Any, int]):
        def __init__(self) -> None:
            pass

    with pytest.raises(AttributeError, match=r"Forgets\.__init__\(\) has not called super\(\)\.__init__\(coroutine="):
        Forgets().send(None)
    assert repr(Forgets()) == "<Forgets of None>"


def test_it_works_with_further_base_classes() -> None:
    class Named:
        def __init__(self, *, name: str) -> None:
            self.name = name

    class Both(CoroutineWrapper[Any, Any, int], Named):
        pass

    async def work() -> int:
        return 3

    both = Both(coroutine=work(), name="both")
    assert both.name == "both"
    assert "<Both of <coroutine object" in repr(both)
    assert await_sync(both) == 3
