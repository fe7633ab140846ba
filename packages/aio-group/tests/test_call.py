"""`call`, `call_on_cancel`, `call_on_done` and the type they take."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aio_group import AsyncCallable, Group, call, call_on_cancel, call_on_done
from suite_support.interleaving import passes, settle

pytestmark = pytest.mark.asyncio


def plain(*args: object, **kwargs: object) -> tuple[object, object]:
    return args, kwargs


async def asynchronous(*args: object, **kwargs: object) -> tuple[object, object]:
    await asyncio.sleep(0)
    return args, kwargs


def giving_a_future(*args: object, **kwargs: object) -> "asyncio.Future[tuple[object, object]]":
    future: asyncio.Future[tuple[object, object]] = asyncio.get_running_loop().create_future()
    future.set_result((args, kwargs))
    return future


every_kind = pytest.mark.parametrize("fn", [plain, asynchronous, giving_a_future])
Fn = Callable[..., Any]


@every_kind
async def test_call_passes_all_arguments_and_gives_the_result(fn: Fn) -> None:
    assert await call(fn, 1, fn=2, f=3) == ((1,), {"fn": 2, "f": 3})


async def test_call_of_a_synchronous_function_does_not_yield() -> None:
    coroutine = call(plain, 1)
    with pytest.raises(StopIteration) as caught:
        coroutine.send(None)
    assert caught.value.value == ((1,), {})


async def test_a_cancellation_reaches_what_call_awaits() -> None:
    cancelled = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    task = asyncio.create_task(call(work))
    await settle()
    task.cancel()
    await settle()
    assert task.cancelled()
    assert cancelled == [True]


async def test_async_callable_is_a_type_with_parameters() -> None:
    async def apply(fn: AsyncCallable[[int], str], value: int) -> str:
        return await call(fn, value)

    async def later(value: int) -> str:
        return str(value)

    assert await apply(str, 5) == await apply(later, 5) == "5"
    # At run time, too: annotations are evaluated by those who read them.
    parametrized: Any = AsyncCallable
    assert "int" in str(parametrized[[int], str])
    assert "str" in str(parametrized[..., str])


@every_kind
async def test_call_on_cancel_passes_all_arguments_when_it_is_cancelled(fn: Fn) -> None:
    async with Group() as group:
        task = group.spawn(call_on_cancel, fn, 1, fn=2, f=3)
        await settle()
        assert not task.done()
    assert await task == ((1,), {"fn": 2, "f": 3})


async def test_call_on_cancel_takes_the_cancellation_back() -> None:
    """A function that uses a task group would otherwise take the old request for a new one."""

    async def clean_up() -> int:
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.sleep(0))
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    task = asyncio.create_task(call_on_cancel(clean_up))
    await settle()
    task.cancel()
    task.cancel()
    assert await task == 0


async def test_a_second_cancellation_reaches_the_function() -> None:
    started = asyncio.Event()

    async def clean_up() -> None:
        started.set()
        await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(call_on_cancel(clean_up))
    await settle()
    task.cancel()
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_the_function_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("in clean-up")

    task = asyncio.create_task(call_on_cancel(fail))
    await settle()
    task.cancel()
    with pytest.raises(ValueError, match="in clean-up"):
        await task


@every_kind
async def test_call_on_done_passes_all_arguments_when_the_other_is_done(fn: Fn) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(call_on_done(future, fn, 1, fn=2, f=3))
    await settle()
    assert not task.done()
    future.set_result(None)
    assert await task == ((1,), {"fn": 2, "f": 3})


async def test_call_on_done_calls_after_an_error_and_leaves_that_to_the_future() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_exception(ValueError("seen by its owner"))
    assert await call_on_done(future, plain) == ((), {})
    with pytest.raises(ValueError, match="seen by its owner"):
        future.result()


@pytest.mark.asyncio_logs_errors
async def test_an_error_that_nobody_looks_at_is_reported_by_asyncio() -> None:
    messages: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: messages.append(context["message"]))

    async def fail() -> None:
        raise ValueError("dropped")

    assert await call_on_done(fail(), plain) == ((), {})
    await settle()
    assert messages == ["Task exception was never retrieved"]


async def test_call_on_done_calls_after_the_future_was_cancelled() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(call_on_done(future, plain))
    await settle()
    future.cancel()
    assert await task == ((), {})


async def test_cancelled_before_the_other_is_done_it_cancels_that_and_calls_nothing() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    called: list[object] = []
    task = asyncio.create_task(call_on_done(future, called.append, 1))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert future.cancelled()
    assert called == []


@pytest.mark.parametrize("times", [1, 3])
async def test_cancelled_it_waits_for_a_task_that_takes_its_time(times: int) -> None:
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    called: list[object] = []

    async def slow_to_go() -> str:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            await gate
        return "result"

    task = asyncio.create_task(call_on_done(slow_to_go(), called.append, 1))
    for _ in range(times):
        await settle()
        task.cancel()
    await settle()
    assert not task.done()
    gate.set_result(None)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert called == []


@pytest.mark.parametrize("pause", range(4))
async def test_cancelled_around_the_end_of_the_other_it_either_calls_or_is_cancelled(pause: int) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    called: list[object] = []
    task = asyncio.create_task(call_on_done(future, called.append, 1))
    await settle()
    future.set_result(None)
    await passes(pause)
    task.cancel()
    await settle()
    assert task.done()
    assert called == ([] if task.cancelled() else [1])


async def test_call_on_done_refuses_what_cannot_be_awaited() -> None:
    not_awaitable: Awaitable[object] = asynchronous  # type: ignore[assignment]  # the mistake under test
    with pytest.raises(TypeError, match="give what calling it returns"):
        await call_on_done(not_awaitable, plain)
