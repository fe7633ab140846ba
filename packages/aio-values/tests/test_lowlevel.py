"""The seam between asyncio and trio, from one body on every runtime."""

from __future__ import annotations

import asyncio
import math
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
from aio_values import lowlevel

if TYPE_CHECKING:
    from suite_support.runtimes import Runtime

every_runtime = pytest.mark.every_runtime


@every_runtime
async def test_current_runtime_names_the_library_that_runs_the_body(runtime: Runtime) -> None:
    assert lowlevel.current_runtime() == runtime.library


@every_runtime
async def test_sleep_takes_its_time_by_the_runtimes_clock(runtime: Runtime) -> None:
    start = lowlevel.current_time()
    assert start == runtime.time()
    await lowlevel.sleep(3)
    await lowlevel.sleep_until(start + 10)
    assert lowlevel.current_time() == pytest.approx(start + 10)
    await lowlevel.sleep_until(start)
    await lowlevel.sleep(-1)
    assert lowlevel.current_time() == pytest.approx(start + 10)


@every_runtime
async def test_checkpoint_yields_on_trio_only_and_yield_now_everywhere(runtime: Runtime) -> None:
    turns: list[str] = []

    async def other() -> None:
        turns.append("other")

    async with runtime.tasks() as tasks:
        tasks.start(other)
        # trio runs the tasks of one turn in any order: after two turns, every other task has had one.
        for _ in range(2):
            await lowlevel.checkpoint()
        assert turns == (["other"] if runtime.library == "trio" else [])
        tasks.start(other)
        for _ in range(2):
            await lowlevel.yield_now()
        assert turns == ["other", "other"]


# --- waiters -------------------------------------------------------------------------------------------------------


@every_runtime
async def test_waiter_parks_a_task_until_woken(runtime: Runtime) -> None:
    waiters: list[lowlevel.Waiter[Any]] = []

    async def park() -> Any:
        waiters.append(lowlevel.create_waiter())
        return await waiters[-1]

    async with runtime.tasks() as tasks:
        woken, failed, cancelled = [await tasks.block(park) for _ in range(3)]
        assert not any(waiter.done() for waiter in waiters)
        waiters[0].set_result("result")
        waiters[1].set_exception(KeyError("error"))
        cancelled.cancel()
        # Before the tasks have run again.
        assert waiters[0].done()
        assert waiters[0].result() == "result"
        assert waiters[0].exception() is None
        assert isinstance(waiters[1].exception(), KeyError)
        with pytest.raises(KeyError):
            waiters[1].result()
        await runtime.settle()
        assert waiters[2].cancelled()
        assert not waiters[0].cancelled()
        assert await woken.result() == "result"
        with pytest.raises(KeyError):
            await failed.result()
        for waiter in waiters:
            # asyncio.InvalidStateError on asyncio, RuntimeError on trio.
            with pytest.raises(Exception, match=r"invalid state|is done|CANCELLED|FINISHED"):
                waiter.set_result(1)


@every_runtime
async def test_waiter_that_is_done_returns_at_once(runtime: Runtime) -> None:
    waiter: lowlevel.Waiter[int] = lowlevel.create_waiter()
    waiter.set_result(5)
    assert await waiter == 5
    assert await lowlevel.wait_until(waiter, math.inf) == 5
    failed: lowlevel.Waiter[int] = lowlevel.create_waiter()
    failed.set_exception(KeyError())
    with pytest.raises(KeyError):
        await failed


@every_runtime
async def test_wait_until_ends_at_the_deadline(runtime: Runtime) -> None:
    start = runtime.time()
    waiter: lowlevel.Waiter[int] = lowlevel.create_waiter()
    assert await lowlevel.wait_until(waiter, start + 3) is lowlevel.EXPIRED
    assert waiter.done()
    assert runtime.time() == pytest.approx(start + 3)
    assert await lowlevel.wait_until(lowlevel.create_waiter(), start) is lowlevel.EXPIRED
    assert runtime.time() == pytest.approx(start + 3)
    woken: lowlevel.Waiter[int] = lowlevel.create_waiter()
    async with runtime.tasks() as tasks:
        wait = await tasks.block(lowlevel.wait_until, woken, runtime.time() + 3)
        woken.set_result(1)
        assert await wait.result() == 1


@pytest.mark.parametrize("method", ["result", "set_result"])
def test_trio_waiter_is_for_one_task_and_one_wakeup(method: str) -> None:
    import trio

    async def main() -> None:
        waiter: Any = lowlevel.create_waiter()
        assert "not awaited yet" in repr(waiter)
        with pytest.raises(RuntimeError, match="no result: not awaited yet"):
            waiter.result()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lowlevel.wait_until, waiter, math.inf)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(RuntimeError, match="a waiter parks one task"):
                await waiter
            waiter.set_result(1)
            with pytest.raises(RuntimeError, match="this waiter is done: woken with a result"):
                waiter.set_result(1)

    import trio.testing

    trio.run(main)


# --- wait queue ----------------------------------------------------------------------------------------------------


@every_runtime
async def test_parked_tasks_wake_in_order_of_arrival(runtime: Runtime) -> None:
    queue = lowlevel.WaitQueue[int]()
    async with runtime.tasks() as tasks:
        first, second, third = [await tasks.block(queue.park) for _ in range(3)]
        assert repr(queue) == "<WaitQueue: 3 waiting>"
        assert queue
        assert queue.wake_one(1)
        assert queue.wake_all(2) == 2
        assert [await first.result(), await second.result(), await third.result()] == [1, 2, 2]
    assert not queue
    assert not queue.wake_one(3)
    assert queue.wake_all(3) == queue.fail_all(KeyError()) == 0


@every_runtime
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


@every_runtime
async def test_wakeup_of_all_that_meets_a_cancellation_goes_to_nobody_else(runtime: Runtime) -> None:
    queue = lowlevel.WaitQueue[str]()
    async with runtime.tasks() as tasks:
        first = await tasks.block(queue.park)
        queue.wake_all("news")
        late = tasks.start(queue.park)
        first.cancel()
        await runtime.settle()
        assert not late.done


@every_runtime
async def test_lost_wakeup_is_given_back_where_it_is_asked_for(runtime: Runtime) -> None:
    queue = lowlevel.WaitQueue[str]()
    lost: list[str] = []
    async with runtime.tasks() as tasks:
        first, second = [await tasks.block(partial(queue.park, lost=lost.append)) for _ in range(2)]
        queue.wake_one("the item")
        first.cancel()
        await runtime.settle()
        assert lost == (["the item"] if first.cancelled else [])
        assert not second.done


@every_runtime
async def test_failure_of_all_reaches_each_and_is_never_unretrieved(runtime: Runtime) -> None:
    queue = lowlevel.WaitQueue[str]()
    async with runtime.tasks() as tasks:
        first, second = await tasks.block(queue.park), await tasks.block(queue.park)
        assert queue.fail_all(KeyError("broken")) == 2
        second.cancel()
        await runtime.settle()
        for wait in (first, second):
            if not wait.cancelled:
                with pytest.raises(KeyError, match="broken"):
                    wait.outcome()


@every_runtime
async def test_cancelled_tasks_are_passed_over_before_they_have_run(runtime: Runtime) -> None:
    queue = lowlevel.WaitQueue[int]()
    async with runtime.tasks() as tasks:
        first, second = await tasks.block(queue.park), await tasks.block(queue.park)
        first.cancel()
        assert len(queue) == 1
        assert queue.wake_one(1)
        assert await second.result() == 1


# --- time limits ---------------------------------------------------------------------------------------------------


@every_runtime
async def test_a_seat_serves_one_wait_after_the_other_woken_failed_or_cancelled(runtime: Runtime) -> None:
    seat = lowlevel.Seat()
    waiting: dict[lowlevel.Waiter[Any], None] = {}

    async def wait() -> str:
        waiter, woken = seat.sit_down()
        waiting[waiter] = None
        try:
            return cast("str", await woken)
        finally:
            del waiting[waiter]

    async with runtime.tasks() as tasks:
        for word in ("once", "again"):
            woken = await tasks.block(wait)
            next(iter(waiting)).set_result(word)
            assert await woken.result() == word
        cancelled = await tasks.block(wait)
        cancelled.cancel()
        await cancelled.wait()
        assert cancelled.cancelled
        failed = await tasks.block(wait)
        next(iter(waiting)).set_exception(KeyError("gone"))
        with pytest.raises(KeyError, match="gone"):
            await failed.result()
        assert not waiting


def test_a_seat_needs_a_runtime() -> None:
    with pytest.raises(RuntimeError, match="needs a running asyncio event loop or a trio task"):
        lowlevel.Seat().sit_down()


@every_runtime
async def test_time_limit_swallows_its_own_expiry(runtime: Runtime) -> None:
    start = runtime.time()
    with lowlevel.move_on_after(2) as limit:
        assert limit.deadline == start + 2
        await runtime.sleep(5)
    assert limit.expired
    assert repr(limit).endswith(" expired>")
    assert runtime.time() == pytest.approx(start + 2)
    with lowlevel.move_on_after(2) as limit:
        await runtime.sleep(1)
    assert not limit.expired
    await runtime.sleep(5)


@every_runtime
async def test_a_time_limit_serves_one_block(runtime: Runtime) -> None:
    block = lowlevel.move_on_after(1)
    with block as limit:
        await runtime.sleep(5)
    assert limit.expired
    with pytest.raises(RuntimeError, match=r"entered before|single 'with' block"):
        block.__enter__()
    assert limit.expired


@every_runtime
@pytest.mark.parametrize("forever", [None, math.inf])
async def test_no_time_limit_never_expires(runtime: Runtime, forever: float | None) -> None:
    with lowlevel.move_on_after(forever) as limit:
        await runtime.sleep(1e6)
    assert not limit.expired


@every_runtime
async def test_zero_time_limit_ends_the_body_where_it_blocks(runtime: Runtime) -> None:
    reached = []
    with lowlevel.move_on_after(0) as limit:
        reached.append("body")
        await runtime.sleep(1)
        reached.append("too far")
    assert limit.expired
    assert reached == ["body"]
    for bad in (-1, math.nan):
        with pytest.raises(ValueError, match="seconds must be zero or more"):
            lowlevel.move_on_after(bad)
    with pytest.raises(TypeError, match="seconds must be a number"):
        lowlevel.move_on_after("1")  # type: ignore[arg-type]


@every_runtime
async def test_time_limits_nest(runtime: Runtime) -> None:
    start = runtime.time()
    with lowlevel.move_on_after(1) as outer:
        with lowlevel.move_on_after(5) as inner:
            await runtime.sleep(9)
        raise AssertionError
    assert outer.expired
    assert not inner.expired
    with lowlevel.move_on_after(5) as outer:
        with lowlevel.move_on_after(1) as inner:
            await runtime.sleep(9)
        await runtime.sleep(1)
    assert inner.expired
    assert not outer.expired
    assert runtime.time() == pytest.approx(start + 3)


@every_runtime
async def test_errors_pass_through_a_time_limit(runtime: Runtime) -> None:
    with pytest.raises(KeyError), lowlevel.move_on_after(5) as limit:
        raise KeyError
    with pytest.raises(KeyError), lowlevel.move_on_after(1) as limit:
        try:
            await runtime.sleep(5)
        finally:
            raise KeyError
    assert not limit.expired
    # The task is whole again: it can be cancelled and limited as ever.
    with lowlevel.move_on_after(1) as limit:
        await runtime.sleep(5)
    assert limit.expired


@every_runtime
async def test_cancellation_from_outside_passes_through_a_time_limit(runtime: Runtime) -> None:
    passed: list[bool] = []

    async def body() -> None:
        with lowlevel.move_on_after(5) as limit:
            await runtime.sleep(9)
        passed.append(limit.expired)

    async with runtime.tasks() as tasks:
        early = await tasks.block(body)
        at_once = await tasks.block(body)
        early.cancel()
        await runtime.settle()
        assert early.cancelled
        # In the instant of the expiry, after it.
        await runtime.sleep(5)
        at_once.cancel()
        await runtime.settle()
        assert at_once.done
    assert passed in ([], [True])


@pytest.mark.asyncio
async def test_cancellation_together_with_the_expiry_ends_the_task() -> None:
    async def body() -> None:
        with lowlevel.move_on_after(0):
            await asyncio.sleep(9)

    task = asyncio.create_task(body())
    await asyncio.sleep(0)
    # The timer of zero seconds is due in this pass; so is the cancellation.
    asyncio.get_running_loop().call_soon(task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


@pytest.mark.asyncio
async def test_time_limit_outside_a_task_is_an_error() -> None:
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            lowlevel.move_on_after(1).__enter__()
        except RuntimeError as error:
            errors.append(error)

    asyncio.get_running_loop().call_soon(enter)
    await asyncio.sleep(0)
    assert "enter it inside a task" in str(errors[0])


@every_runtime
async def test_timeout_error_is_what_the_runtimes_users_expect(runtime: Runtime) -> None:
    error = lowlevel.timeout_error("too long")
    assert isinstance(error, TimeoutError)
    assert str(error) == "too long"
    if runtime.library == "trio":
        import trio

        assert isinstance(error, trio.TooSlowError)


# --- side by side --------------------------------------------------------------------------------------------------


@every_runtime
async def test_functions_run_side_by_side_and_results_keep_their_order(runtime: Runtime) -> None:
    async def wait(seconds: float) -> float:
        await runtime.sleep(seconds)
        return seconds

    start = runtime.time()
    assert await lowlevel.run_together(*(partial(wait, seconds) for seconds in (3, 1, 2))) == [3, 1, 2]
    assert runtime.time() == pytest.approx(start + 3)
    assert await lowlevel.run_together() == []


@every_runtime
async def test_a_function_runs_for_each_argument_side_by_side(runtime: Runtime) -> None:
    done = []

    async def wait(seconds: float, _: object) -> None:
        await runtime.sleep(seconds)
        done.append(seconds)
        if seconds > 5:
            raise KeyError(seconds)

    start = runtime.time()
    await lowlevel.run_for_each(wait, (3, 1, 2))
    assert runtime.time() == pytest.approx(start + 3)
    assert done == [1, 2, 3]
    await lowlevel.run_for_each(wait, ())
    with pytest.raises(KeyError, match="6"):
        await lowlevel.run_for_each(wait, (9, 6))
    assert done == [1, 2, 3, 6]


@every_runtime
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

    with pytest.raises(KeyError, match="mine") as error:
        await lowlevel.run_together(wait, fail, wait)
    assert len(ended) == 2
    assert error.value.__context__ is None
    assert error.value.__cause__ is None


@every_runtime
async def test_several_failures_come_as_a_group(runtime: Runtime) -> None:
    async def fail(error: Exception) -> None:
        try:
            await runtime.sleep(1)
        finally:
            raise error

    with pytest.raises(ExceptionGroup) as errors:
        await lowlevel.run_together(partial(fail, KeyError()), partial(fail, ValueError()))
    assert {type(error) for error in errors.value.exceptions} == {KeyError, ValueError}


@every_runtime
async def test_cancelling_the_caller_cancels_all(runtime: Runtime) -> None:
    ended = []

    async def wait() -> None:
        try:
            await runtime.sleep(10)
        finally:
            ended.append(1)

    async with runtime.tasks() as tasks:
        together = await tasks.block(lowlevel.run_together, wait, wait)
        together.cancel()
        await runtime.settle()
        assert together.cancelled
    assert len(ended) == 2


@pytest.mark.asyncio
async def test_on_asyncio_a_function_that_awaited_what_was_cancelled_ends_the_others() -> None:
    cancelled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    cancelled.cancel()
    ended = []

    async def wait() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            ended.append(1)

    async def wait_for_cancelled() -> None:
        await asyncio.sleep(0)
        await cancelled

    with pytest.raises(asyncio.CancelledError):
        await lowlevel.run_together(wait, wait_for_cancelled, wait)
    assert len(ended) == 2


# --- homes ---------------------------------------------------------------------------------------------------------


@every_runtime
async def test_home_is_reached_from_another_thread(runtime: Runtime) -> None:
    from threading import Thread, get_ident

    home = lowlevel.current_home()
    assert lowlevel.current_home() is home
    assert not lowlevel.is_over(home)
    waiter: lowlevel.Waiter[int] = lowlevel.create_waiter()
    poster = Thread(target=lambda: lowlevel.post(home, lambda: waiter.set_result(get_ident())))
    poster.start()
    poster.join()
    assert await waiter == get_ident()


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_home_of_a_run_that_ended_is_over(library: str) -> None:
    import trio

    async def main() -> lowlevel.Home:
        return lowlevel.current_home()

    home = asyncio.run(main()) if library == "asyncio" else trio.run(main)
    assert lowlevel.is_over(home)
    with pytest.raises(RuntimeError):
        lowlevel.post(home, print)
