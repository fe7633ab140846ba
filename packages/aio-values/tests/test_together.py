"""Functions side by side: what ends them, and what comes out where several things happen in one moment."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aio_values.lowlevel import create_waiter, raise_failures, run_for_each, run_together

if TYPE_CHECKING:
    from collections.abc import Callable

    from aio_values.lowlevel import Waiter
    from suite_support.runtimes import Runtime

every_runtime = pytest.mark.every_runtime


@every_runtime
async def test_a_call_may_end_the_others(runtime: Runtime) -> None:
    log: list[str] = []

    async def run(name: str, end: Callable[[], object]) -> None:
        try:
            if name == "ends":
                await runtime.sleep(1)
                end()
                end()
            await runtime.sleep(2)
        finally:
            log.append(name)

    start = runtime.time()
    await run_for_each(run, ["waits", "ends", "waits"])
    assert sorted(log) == ["ends", "waits", "waits"]
    assert runtime.time() == pytest.approx(start + 1)


@every_runtime
async def test_each_call_takes_its_first_step_though_another_ends_them_all(runtime: Runtime) -> None:
    begun: list[int] = []

    async def run(number: int, end: Callable[[], object]) -> None:
        begun.append(number)
        end()
        await runtime.sleep(1)

    await run_for_each(run, range(3))
    assert sorted(begun) == [0, 1, 2]


@every_runtime
async def test_an_end_in_the_moment_of_a_cancellation_does_not_swallow_it(runtime: Runtime) -> None:
    waiters: list[Waiter[None]] = []

    async def run(ends: bool, end: Callable[[], object]) -> None:
        if ends:
            waiters.append(create_waiter())
            await waiters[-1]
            end()
        else:
            await runtime.sleep(9)

    async with runtime.tasks() as tasks:
        running = await tasks.block(run_for_each, run, [True, False])
        waiters.pop().set_result(None)
        running.cancel()
        await running.wait()
        assert running.cancelled


@every_runtime
async def test_an_error_in_the_moment_of_a_cancellation_comes_as_itself(runtime: Runtime) -> None:
    waiters: list[Waiter[None]] = []
    caught: list[str] = []

    async def fail() -> None:
        waiters.append(create_waiter())
        await waiters[-1]
        raise KeyError("mine")

    async def run() -> None:
        try:
            await run_together(fail, partial(runtime.sleep, 9))
        except KeyError:
            caught.append("error")
        await runtime.sleep(9)

    async with runtime.tasks() as tasks:
        running = await tasks.block(run)
        waiters.pop().set_result(None)
        running.cancel()
        await runtime.settle()
        assert caught == ["error"]
        # Earlier, asyncio would leave it to a time limit's next wait as well: see `raise_failures`.
        if runtime.name in {"trio", "anyio-trio"} or sys.version_info >= (3, 13):
            assert running.cancelled


@every_runtime
async def test_cleaning_up_is_not_cancelled_by_the_failures_of_others(runtime: Runtime) -> None:
    log: list[str] = []

    async def clean_up(seconds: float) -> None:
        try:
            await runtime.sleep(9)
        except BaseException:
            try:
                if runtime.library == "asyncio":
                    await runtime.sleep(seconds)
                log.append("cleaned up")
            finally:
                log.append("ended")
            raise KeyError(seconds) from None

    async def fail() -> None:
        await runtime.sleep(1)
        raise ValueError("first")

    with pytest.raises(ExceptionGroup) as caught:
        await run_together(partial(clean_up, 1), partial(clean_up, 2), fail)
    assert log == ["cleaned up", "ended"] * 2
    assert len(caught.value.exceptions) == 3


@pytest.mark.asyncio
@pytest.mark.skipif(sys.version_info < (3, 12), reason="starts no task eagerly")
async def test_with_eager_tasks_functions_that_end_at_once_leave_the_others_as_they_are() -> None:

    # asyncio's own of 3.13.0 does not take what uvloop hands it.
    def start_eagerly(loop: Any, coroutine: Any, *, eager_start: bool = True, **options: Any) -> Any:
        make_task: Any = asyncio.Task
        return make_task(coroutine, loop=loop, eager_start=True, **options)

    asyncio.get_running_loop().set_task_factory(start_eagerly)
    ended: list[int] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(9)
        finally:
            ended.append(1)

    async def fail(error: Exception) -> None:
        raise error

    async def run(ends: bool, end: Callable[[], object]) -> None:
        if ends:
            end()
        else:
            await wait()

    with pytest.raises(KeyError, match="mine"):
        await run_together(partial(fail, KeyError("mine")), wait, wait)
    with pytest.raises(ExceptionGroup) as caught:
        await run_together(partial(fail, KeyError("mine")), partial(fail, ValueError()), wait)
    assert [type(error) for error in caught.value.exceptions] == [KeyError, ValueError]
    await run_for_each(run, [True, False, True, False])
    assert len(ended) == 5
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
    # No cancellation is on its way.
    await asyncio.sleep(0)


@pytest.mark.asyncio
@pytest.mark.skipif(sys.version_info < (3, 14), reason="has no call graph")
async def test_the_call_graph_shows_who_waits_for_the_functions() -> None:
    async def tell() -> list[asyncio.Future[Any]]:
        await asyncio.sleep(0)
        graph: Any = getattr(asyncio, "capture_call_graph")()  # noqa: B009  # not before 3.14
        return [awaiting.future for awaiting in graph.awaited_by]

    task = asyncio.current_task()
    assert await run_together(tell, tell) == [[task], [task]]


@pytest.mark.asyncio
async def test_a_function_that_cannot_be_called_ends_those_that_were_started() -> None:
    before = asyncio.all_tasks()

    def run(number: int, end: Callable[[], object]) -> Any:
        if number == 2:
            raise ValueError(number)
        return asyncio.sleep(9)

    with pytest.raises(ValueError, match="2"):
        await run_for_each(run, range(3))
    assert asyncio.all_tasks() == before


@every_runtime
async def test_errors_leave_nothing_to_the_garbage_collector(runtime: Runtime) -> None:
    class Mine(Exception):
        pass

    async def fail() -> None:
        raise Mine

    gc.collect()
    gc.disable()
    try:
        error: BaseException | None = None
        try:
            await run_together(fail)
        except Mine as caught:
            error = caught
        assert error is not None
        reference = weakref.ref(error)
        del error
        # The runtime drops the task that failed a turn later.
        await runtime.yield_once()
        assert reference() is None
    finally:
        gc.enable()


@every_runtime
async def test_what_fails_without_a_task_is_raised_in_the_same_way(runtime: Runtime) -> None:
    failures: list[BaseException] = [KeyError(), ValueError()]
    with pytest.raises(ExceptionGroup, match="both") as caught:
        raise_failures("both", failures)
    assert [type(error) for error in caught.value.exceptions] == [KeyError, ValueError]
    assert failures == []

    raised: list[BaseException] = []

    async def wait() -> None:
        try:
            await runtime.sleep(9)
        except BaseException as cancellation:
            for errors in ([], [KeyError("mine")]):
                try:
                    raise_failures("no group", [*errors, cancellation])
                except BaseException as failure:
                    raised.append(failure)
            raise

    async with runtime.tasks() as tasks:
        waiting = await tasks.block(wait)
        waiting.cancel()
        await waiting.wait()
    assert not isinstance(raised[0], Exception)
    assert repr(raised[1]) == "KeyError('mine')"
