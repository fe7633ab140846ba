"""Synchronous functions in threads and processes."""

import asyncio
import concurrent.futures
import contextvars
import functools
import inspect
import os
import threading
from typing import Any

import pytest
from aio_group import Executor, GroupClosedError, create_executor, make_async
from suite_support.interleaving import settle

pytestmark = pytest.mark.asyncio

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="default")


class Blocking:
    """A function that runs until it is told to end."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, result: str = "result") -> str:
        self.started.set()
        assert self.go_on.wait(30)
        return result

    async def until_started(self) -> None:
        assert await asyncio.to_thread(self.started.wait, 30)


async def test_it_runs_functions_with_all_their_arguments_elsewhere() -> None:
    def work(*args: int, **kwargs: int) -> tuple[object, ...]:
        return threading.get_ident(), args, kwargs

    async with Executor() as executor:
        ident, args, kwargs = await executor.spawn(work, 1, fn=2, self=3)
        assert ident != threading.get_ident()
        assert (args, kwargs) == ((1,), {"fn": 2, "self": 3})


async def test_each_executor_has_its_own_threads() -> None:
    async with Executor(1) as one, Executor(1) as other:
        idents = await asyncio.gather(one.spawn(threading.get_ident), other.spawn(threading.get_ident))
        assert len(set(idents)) == 2


async def test_its_arguments_are_those_of_the_pool() -> None:
    async with Executor(1, "our-threads") as executor:
        assert (await executor.spawn(threading.current_thread)).name.startswith("our-threads")


async def test_threads_see_the_callers_context_and_do_not_change_it() -> None:
    def work() -> str:
        seen = variable.get()
        variable.set("changed in the thread")
        return seen

    variable.set("the caller's")
    async with Executor(1) as executor:
        assert await executor.spawn(work) == "the caller's"
        assert await executor.spawn(work) == "the caller's"
    in_executor = create_executor(1)
    assert await in_executor(work) == "the caller's"
    assert await make_async(work)() == "the caller's"
    assert variable.get() == "the caller's"


async def test_processes_take_functions_without_context() -> None:
    async with Executor(1, executor_cls=concurrent.futures.ProcessPoolExecutor) as executor:
        assert await executor.spawn(os.getpid) != os.getpid()
        assert await executor.spawn(divmod, 7, 3) == (2, 1)


@pytest.mark.skipif(not hasattr(concurrent.futures, "InterpreterPoolExecutor"), reason="it came with 3.14")
async def test_subinterpreters_take_functions_without_context() -> None:
    pool: Any = getattr(concurrent.futures, "InterpreterPoolExecutor")  # noqa: B009  # unknown to mypy for 3.11
    async with Executor(1, executor_cls=pool) as executor:
        assert await executor.spawn(divmod, 7, 3) == (2, 1)


async def test_an_error_goes_to_whoever_awaits_it() -> None:
    async with Executor() as executor:
        with pytest.raises(ZeroDivisionError):
            await executor.spawn(divmod, 1, 0)


@pytest.mark.parametrize("log_exceptions", [True, False])
async def test_an_error_that_nobody_awaits_is_logged_unless_told_otherwise(
    log_exceptions: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with Executor(log_exceptions=log_exceptions) as executor:
        executor.spawn(divmod, 1, 0)
    assert [record.name for record in caplog.records] == ["aio_group"] * int(log_exceptions)


async def test_closing_waits_for_all_that_was_spawned_and_for_the_threads() -> None:
    blocking = Blocking()
    executor = Executor(1)
    running, queued = executor.spawn(blocking), executor.spawn(threading.current_thread)
    await blocking.until_started()
    closing = asyncio.create_task(executor.async_close())
    await settle()
    # However impatient the caller is.
    closing.cancel()
    await settle()
    assert (executor.is_closing, executor.is_closed, closing.done()) == (True, False, False)
    with pytest.raises(GroupClosedError, match="the executor is closing"):
        executor.spawn(blocking)
    blocking.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert executor.is_closed
    assert await running == "result"
    assert not (await queued).is_alive()
    with pytest.raises(GroupClosedError, match="the executor is closed"):
        executor.spawn(blocking)


async def test_without_wait_futures_closing_leaves_what_runs_and_drops_what_waits() -> None:
    blocking = Blocking()
    called: list[bool] = []
    executor = Executor(1, wait_futures=False)
    running, queued = executor.spawn(blocking), executor.spawn(called.append, True)
    await blocking.until_started()
    await executor.async_close()
    assert running.cancelled()
    assert queued.cancelled()
    blocking.go_on.set()
    await asyncio.sleep(0.01)
    assert called == []


async def test_finishing_ends_it_too() -> None:
    executor = Executor(1)
    task = executor.spawn(divmod, 7, 3)
    await executor.async_group.async_close(cancel=False)
    assert executor.is_closed
    assert await task == (2, 1)


async def test_cancelling_a_call_does_not_stop_it() -> None:
    blocking = Blocking()
    async with Executor(1) as executor:
        task = executor.spawn(blocking)
        await blocking.until_started()
        task.cancel()
        assert not executor.async_group.is_closed
        blocking.go_on.set()


async def test_what_the_pool_refuses_is_raised_at_the_call() -> None:
    async with Executor(1) as executor:
        executor._pool.shutdown()
        with pytest.raises(RuntimeError, match="after shutdown"):
            executor.spawn(divmod, 7, 3)


async def test_a_call_from_another_thread_is_refused_and_runs_nothing() -> None:
    called: list[bool] = []
    async with Executor(1) as executor:

        def elsewhere() -> str:
            with pytest.raises(RuntimeError) as caught:
                executor.spawn(called.append, True)
            return str(caught.value)

        assert "call_soon_threadsafe" in await asyncio.to_thread(elsewhere)
    assert called == []


async def test_create_executor_passes_all_arguments() -> None:
    in_executor = create_executor(1, "our-threads")
    assert await in_executor(dict, fn=1, loop=2) == {"fn": 1, "loop": 2}
    assert (await in_executor(threading.current_thread)).name.startswith("our-threads")


async def test_create_executor_takes_processes_and_a_loop() -> None:
    loop = asyncio.get_running_loop()
    in_executor = create_executor(1, executor_cls=concurrent.futures.ProcessPoolExecutor, loop=loop)
    assert await in_executor(os.getpid) != os.getpid()


async def test_a_cancelled_call_that_no_thread_has_begun_is_never_run() -> None:
    blocking = Blocking()
    called: list[bool] = []
    in_executor = create_executor(1)
    running = asyncio.ensure_future(in_executor(blocking))
    await blocking.until_started()
    queued = asyncio.ensure_future(in_executor(called.append, True))
    await settle()
    queued.cancel()
    await settle()
    assert queued.cancelled()
    blocking.go_on.set()
    assert await running == "result"
    await in_executor(int)
    assert called == []


async def test_make_async_runs_functions_in_a_thread() -> None:
    @make_async
    def work(value: int, *, times: int = 1) -> tuple[int, int]:
        """Work hard."""
        return value * times, threading.get_ident()

    assert inspect.iscoroutinefunction(work)
    assert (work.__name__, work.__doc__) == ("work", "Work hard.")
    assert list(inspect.signature(work).parameters) == ["value", "times"]
    value, ident = await work(2, times=3)
    assert value == 6
    assert ident != threading.get_ident()


async def test_make_async_works_on_methods() -> None:
    class Store:
        def __init__(self, value: int) -> None:
            self.value = value

        @make_async
        def get(self) -> int:
            return self.value

        @staticmethod
        @make_async
        def double(value: int) -> int:
            return value * 2

        @classmethod
        @make_async
        def name(cls) -> str:
            return cls.__name__

    assert await Store(5).get() == 5
    assert await Store.double(5) == 10
    assert await Store.name() == "Store"


async def test_make_async_leaves_async_functions_as_they_are() -> None:
    async def work() -> str:
        return "result"

    assert make_async(work) is work


async def test_make_async_awaits_an_awaitable_result_in_the_callers_loop() -> None:
    async def on_loop(value: int) -> tuple[int, asyncio.AbstractEventLoop]:
        return value, asyncio.get_running_loop()

    assert await make_async(functools.partial(on_loop, 5))() == (5, asyncio.get_running_loop())
    assert await make_async(lambda: on_loop(6))() == (6, asyncio.get_running_loop())


async def test_make_async_hands_errors_on() -> None:
    with pytest.raises(ZeroDivisionError):
        await make_async(lambda: 1 / 0)()


async def test_make_async_refuses_what_is_no_function() -> None:
    with pytest.raises(TypeError, match="put it below staticmethod, classmethod or property"):
        make_async(property(lambda self: self))  # type: ignore[call-overload]  # the mistake under test


@pytest.mark.parametrize("pool", [concurrent.futures.ThreadPoolExecutor, concurrent.futures.ProcessPoolExecutor])
async def test_a_function_that_raises_stop_iteration_fails_as_a_coroutine_does(pool: Any) -> None:
    async with asyncio.timeout(30), Executor(1, executor_cls=pool) as executor:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await executor.spawn(next, iter([]))
        assert await executor.spawn(next, iter([1])) == 1


async def test_so_it_does_in_a_thread_of_its_other_siblings() -> None:
    in_executor = create_executor(1)
    in_thread = make_async(next)
    async with asyncio.timeout(30):
        with pytest.raises(RuntimeError, match=r"next.* raised StopIteration"):
            await in_executor(next, iter([]))
        with pytest.raises(RuntimeError, match=r"next.* raised StopIteration"):
            await in_thread(iter([]))
