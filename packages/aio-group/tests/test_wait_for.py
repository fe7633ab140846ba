"""`wait_for` loses no result, and knows a timeout from a cancellation."""

import asyncio
import gc
import pickle
import weakref

import pytest
from aio_group import CancelledWithResultError, Group, wait_for
from suite_support.interleaving import passes, settle

pytestmark = pytest.mark.asyncio


class OurError(Exception):
    pass


def new_future() -> "asyncio.Future[str]":
    return asyncio.get_running_loop().create_future()


async def finishing_although_cancelled(
    outcome: "str | BaseException", gate: "asyncio.Future[None] | None" = None
) -> str:
    try:
        await new_future()
    except asyncio.CancelledError:
        if gate is not None:
            await gate
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


@pytest.mark.parametrize("timeout", [10, None])
async def test_it_returns_the_result(timeout: float | None) -> None:
    assert await wait_for(asyncio.sleep(0, "result"), timeout) == "result"


async def test_it_raises_the_error() -> None:
    future = new_future()
    future.set_exception(OurError())
    with pytest.raises(OurError):
        await wait_for(future, 10)


@pytest.mark.parametrize("timeout", [0.001, 0, -1])
async def test_after_the_time_it_cancels_and_raises_timeout_error(timeout: float) -> None:
    future = new_future()
    with pytest.raises(TimeoutError, match=f"was not done within {timeout} seconds") as caught:
        await wait_for(future, timeout)
    assert isinstance(caught.value, asyncio.TimeoutError)
    assert future.cancelled()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("timeout", [0, -1])
async def test_with_no_time_at_all_what_is_done_gives_its_result(timeout: float) -> None:
    future = new_future()
    future.set_result("result")
    assert await wait_for(future, timeout) == "result"


async def test_a_coroutine_that_had_no_time_to_begin_makes_no_noise() -> None:
    with pytest.raises(TimeoutError):
        await wait_for(asyncio.sleep(10), 0)


async def test_it_waits_for_the_end_of_what_it_cancelled() -> None:
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(wait_for(finishing_although_cancelled("late", gate), 0.001))
    await asyncio.sleep(0.01)
    assert not task.done()
    gate.set_result(None)
    assert await task == "late"


async def test_an_error_after_the_timeout_is_raised() -> None:
    with pytest.raises(OurError):
        await wait_for(finishing_although_cancelled(OurError()), 0.001)


async def test_an_awaitable_that_cancels_itself_is_not_taken_for_a_timeout() -> None:
    async def cancel_itself() -> None:
        await asyncio.sleep(0)
        raise asyncio.CancelledError("by itself")

    with pytest.raises(asyncio.CancelledError, match="by itself"):
        await wait_for(cancel_itself(), 10)


async def test_a_future_cancelled_by_somebody_else_is_not_taken_for_a_timeout() -> None:
    future = new_future()
    future.get_loop().call_soon(future.cancel)
    with pytest.raises(asyncio.CancelledError):
        await wait_for(future, 10)


async def test_a_timeout_error_of_the_awaitable_is_its_own() -> None:
    error = TimeoutError("mine")

    async def fail() -> None:
        raise error

    with pytest.raises(TimeoutError) as caught:
        await wait_for(fail(), 10)
    assert caught.value is error


@pytest.mark.parametrize("times", [1, 3])
async def test_cancelled_it_cancels_and_waits_for_the_end(times: int) -> None:
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    ended: list[bool] = []

    async def clean_up() -> None:
        try:
            await new_future()
        finally:
            await gate
            ended.append(True)

    task = asyncio.create_task(wait_for(clean_up(), 10))
    for number in range(times):
        await settle()
        task.cancel(f"number {number}")
    await settle()
    assert not task.done()
    gate.set_result(None)
    with pytest.raises(asyncio.CancelledError, match=f"number {times - 1}") as caught:
        await task
    assert type(caught.value) is asyncio.CancelledError
    assert ended == [True]


async def outcome_of(task: "asyncio.Task[str]") -> BaseException:
    """What the task raised inside: asking the task from outside gives its cancellation."""
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    return caught.value


async def test_a_result_that_arrives_with_a_cancellation_is_in_the_error() -> None:
    future = new_future()
    task = asyncio.create_task(wait_for(future, 10))
    await settle()
    future.set_result("result")
    task.cancel()
    error = await outcome_of(task)
    assert isinstance(error, CancelledWithResultError)
    assert error.result == "result"
    assert error.exception is None
    assert isinstance(error.__cause__, asyncio.CancelledError)
    assert str(error) == "cancelled, while what was waited for returned 'result'"


async def test_so_is_a_result_in_spite_of_the_cancellation() -> None:
    task = asyncio.create_task(wait_for(finishing_although_cancelled("result"), 10))
    await settle()
    task.cancel()
    error = await outcome_of(task)
    assert isinstance(error, CancelledWithResultError)
    assert error.result == "result"


async def test_and_so_is_an_error() -> None:
    inner = OurError()
    task = asyncio.create_task(wait_for(finishing_although_cancelled(inner), 10))
    await settle()
    task.cancel()
    error = await outcome_of(task)
    assert isinstance(error, CancelledWithResultError)
    assert error.result is None
    assert error.exception is inner
    assert error.__cause__ is inner
    assert str(error) == "cancelled, while what was waited for raised OurError()"


@pytest.mark.parametrize("pause", range(5))
async def test_at_every_moment_around_the_end_the_result_is_there(pause: int) -> None:
    future = new_future()
    task = asyncio.create_task(wait_for(future, 10))
    await settle()
    future.set_result("result")
    await passes(pause)
    task.cancel()
    await settle()
    if task.cancelled():
        error = await outcome_of(task)
        assert isinstance(error, CancelledWithResultError)
        assert error.result == "result"
    else:
        assert task.result() == "result"


async def test_a_cancellation_while_it_winds_up_after_the_timeout_goes_first() -> None:
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(wait_for(finishing_although_cancelled(asyncio.CancelledError(), gate), 0.001))
    await asyncio.sleep(0.01)
    task.cancel("from outside")
    await settle()
    gate.set_result(None)
    with pytest.raises(asyncio.CancelledError, match="from outside"):
        await task


async def test_an_outer_timeout_is_told_from_the_inner_one() -> None:
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.001):
            await wait_for(new_future(), 10)
    assert "was not done within" not in str(caught.value)


async def test_the_task_of_a_group_is_left_running() -> None:
    async with Group() as group:
        with pytest.raises(TimeoutError):
            await wait_for(group.wrap(new_future()), 0.001)
        assert repr(group) == "<Group open, 1 task>"


async def test_what_cannot_be_awaited_is_refused() -> None:
    with pytest.raises(TypeError, match="is needed, not 5"):
        await wait_for(5, 10)  # type: ignore[arg-type]  # the mistake under test


async def test_the_error_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(CancelledWithResultError("result", None)))
    assert isinstance(error, CancelledWithResultError)
    assert (error.result, error.exception) == ("result", None)


async def test_it_leaves_no_reference_cycle() -> None:
    async def fail() -> None:
        raise OurError

    async def error_of_wait_for() -> "weakref.ref[OurError]":
        try:
            await wait_for(fail(), 10)
        except OurError as error:
            return weakref.ref(error)
        raise AssertionError("it did not fail")

    gc.collect()
    gc.disable()
    try:
        error = await asyncio.create_task(error_of_wait_for())
        await settle()
        assert error() is None
    finally:
        gc.enable()
