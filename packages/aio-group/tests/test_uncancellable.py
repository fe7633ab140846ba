"""`uncancellable` waits to the end, and then says what it promises to say."""

import asyncio
import gc
import weakref
from collections.abc import Generator
from typing import Any

import pytest
from aio_group import uncancellable
from suite_support.interleaving import passes, settle

pytestmark = pytest.mark.asyncio


class OurError(Exception):
    pass


def new_future() -> "asyncio.Future[str]":
    return asyncio.get_running_loop().create_future()


async def returning(value: str) -> str:
    await asyncio.sleep(0)
    return value


async def test_it_returns_the_result_of_coroutines_futures_and_awaitables() -> None:
    class Later:
        def __await__(self) -> Generator[Any, Any, str]:
            return returning("awaitable").__await__()

    future = new_future()
    future.set_result("future")
    assert await uncancellable(returning("coroutine")) == "coroutine"
    assert await uncancellable(future) == "future"
    assert await uncancellable(asyncio.create_task(returning("task"))) == "task"
    assert await uncancellable(Later()) == "awaitable"


async def test_it_raises_the_error_itself() -> None:
    future = new_future()
    error = OurError()
    future.set_exception(error)
    with pytest.raises(OurError) as caught:
        await uncancellable(future)
    assert caught.value is error


@pytest.mark.parametrize("raise_cancel", [True, False])
async def test_what_cannot_be_awaited_is_refused(raise_cancel: bool) -> None:
    with pytest.raises(TypeError, match="give what calling it returns"):
        await uncancellable(returning, raise_cancel)  # type: ignore[arg-type]  # the mistake under test


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_cancellations_wait_until_it_is_done(times: int) -> None:
    future = new_future()
    task = asyncio.create_task(uncancellable(future))
    for number in range(times):
        await settle()
        task.cancel(f"number {number}")
    await settle()
    assert not task.done()
    assert not future.cancelled()
    future.set_result("result")
    with pytest.raises(asyncio.CancelledError, match=f"number {times - 1}"):
        await task


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_without_raise_cancel_they_are_ignored_and_taken_back(times: int) -> None:
    future = new_future()

    async def run() -> tuple[str, int]:
        result = await uncancellable(future, raise_cancel=False)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        return result, task.cancelling()

    task = asyncio.create_task(run())
    for _ in range(times):
        await settle()
        task.cancel()
        task.cancel()
    await settle()
    future.set_result("result")
    assert await task == ("result", 0)


async def test_one_requested_before_the_call_is_ignored_and_taken_back_too() -> None:
    future = new_future()

    async def run() -> tuple[str, int]:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        future.get_loop().call_soon(future.set_result, "result")
        return await uncancellable(future, raise_cancel=False), task.cancelling()

    assert await asyncio.create_task(run()) == ("result", 0)


async def test_requests_from_before_that_were_delivered_before_stay_counted() -> None:
    future = new_future()

    async def run() -> int:
        task = asyncio.current_task()
        assert task is not None
        try:
            await new_future()
        except asyncio.CancelledError:
            await uncancellable(future, raise_cancel=False)
        return task.cancelling()

    task = asyncio.create_task(run())
    await settle()
    task.cancel()
    await settle()
    task.cancel()
    await settle()
    future.set_result("result")
    assert await task == 1


@pytest.mark.parametrize("pause", range(5))
@pytest.mark.parametrize("raise_cancel", [True, False])
async def test_at_every_moment_around_the_end_the_outcome_is_one_of_the_two(pause: int, raise_cancel: bool) -> None:
    future = new_future()
    task = asyncio.create_task(uncancellable(future, raise_cancel))
    await settle()
    future.set_result("result")
    await passes(pause)
    task.cancel()
    await settle()
    assert task.done()
    assert not future.cancelled()
    if not task.cancelled():
        assert task.result() == "result"
    elif not raise_cancel:
        raise AssertionError("ignored cancellations must not be raised")


async def test_an_error_is_not_lost_behind_a_cancellation() -> None:
    future = new_future()
    error = OurError()
    raised: list[BaseException] = []

    async def run() -> None:
        try:
            await uncancellable(future)
        except asyncio.CancelledError as cancelled:
            raised.append(cancelled)
            raise

    task = asyncio.create_task(run())
    await settle()
    task.cancel()
    await settle()
    future.set_exception(error)
    await settle()
    assert task.cancelled()
    assert raised[0].__cause__ is error


async def test_without_raise_cancel_an_error_is_raised_itself() -> None:
    future = new_future()
    task = asyncio.create_task(uncancellable(future, raise_cancel=False))
    await settle()
    task.cancel()
    await settle()
    future.set_exception(OurError())
    with pytest.raises(OurError):
        await task


@pytest.mark.parametrize("raise_cancel", [True, False])
async def test_the_cancellation_of_what_is_waited_for_is_its_outcome(raise_cancel: bool) -> None:
    future = new_future()
    task = asyncio.create_task(uncancellable(future, raise_cancel))
    await settle()
    future.cancel("it was")
    with pytest.raises(asyncio.CancelledError, match="it was"):
        await task


async def test_both_cancelled_is_cancelled() -> None:
    future = new_future()
    task = asyncio.create_task(uncancellable(future))
    await settle()
    task.cancel("the waiting task")
    await settle()
    future.cancel("what it waits for")
    with pytest.raises(asyncio.CancelledError, match="the waiting task"):
        await task


async def test_a_timeout_around_it_is_noticed_at_the_end() -> None:
    future = new_future()
    future.get_loop().call_later(0.01, future.set_result, "result")
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await uncancellable(future)
    assert task.cancelling() == 0


async def test_a_task_group_around_it_waits_and_keeps_its_error() -> None:
    future = new_future()
    log: list[str] = []

    async def clean_up() -> None:
        await uncancellable(future)
        log.append("not reached")

    async def fail() -> None:
        future.get_loop().call_later(0.001, future.set_result, "result")
        raise OurError

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(clean_up())
            await asyncio.sleep(0)
            tasks.create_task(fail())
    assert [type(error) for error in caught.value.exceptions] == [OurError]
    assert future.done()
    assert log == []


async def test_after_ignored_cancellations_a_task_group_works() -> None:
    """With a stale request, it would take its own end for a cancellation."""
    future = new_future()

    async def fail() -> None:
        raise OurError

    async def run() -> None:
        await uncancellable(future, raise_cancel=False)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())
            await new_future()

    task = asyncio.create_task(run())
    await settle()
    task.cancel()
    await settle()
    future.set_result("result")
    with pytest.raises(ExceptionGroup):
        await task


async def test_it_leaves_no_reference_cycle() -> None:
    async def fail() -> None:
        raise OurError

    async def errors() -> list[weakref.ref[BaseException]]:
        found: list[weakref.ref[BaseException]] = []
        try:
            await uncancellable(fail())
        except OurError as error:
            found.append(weakref.ref(error))
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            await uncancellable(returning("result"))
        except asyncio.CancelledError as cancelled:
            found.append(weakref.ref(cancelled))
        return found

    gc.collect()
    gc.disable()
    try:
        found = await asyncio.create_task(errors())
        await settle()
        assert [error() for error in found] == [None, None]
    finally:
        gc.enable()
