"""`move_on_when` and `run_and_cancelling`: who ends whom, what is raised; no cancellation is lost or invented."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aio_group import move_on_when, run_and_cancelling
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.asyncio

both = pytest.mark.parametrize("beside", [move_on_when, run_and_cancelling], ids=["move_on_when", "run_and_cancelling"])


async def forever() -> None:
    await asyncio.Event().wait()


async def failing(error: BaseException) -> None:
    raise error


async def failing_when_cancelled(error: BaseException) -> None:
    try:
        await forever()
    except asyncio.CancelledError:
        raise error from None


async def waiting_for(gate: asyncio.Future[None]) -> None:
    await gate


class Companion:
    """An async function that a test looks into, and lets go when it wants."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.events: list[str] = []

    async def __call__(self) -> None:
        self.events.append("started")
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.events.append("cancelled")
            raise
        finally:
            self.events.append("ended")


def requests_of_this_task() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def test_the_block_moves_on_when_the_function_returns() -> None:
    companion = Companion()

    async def block() -> str:
        async with move_on_when(companion) as scope:
            await forever()
            raise AssertionError("not moved on")
        assert scope.cancel_called
        assert scope.cancelled_caught
        assert requests_of_this_task() == 0
        return "moved on"

    running = asyncio.ensure_future(block())
    await settle()
    companion.gate.set()
    assert await running == "moved on"


async def test_the_function_is_ended_when_the_body_ends_first() -> None:
    companion = Companion()
    async with move_on_when(companion) as scope:
        await settle()
    assert companion.events == ["started", "cancelled", "ended"]
    assert not scope.cancel_called
    assert not scope.cancelled_caught


async def test_a_body_that_never_waits_is_not_cut_short() -> None:
    reached = False
    async with move_on_when(asyncio.sleep, 0) as scope:
        reached = True
    assert reached
    assert not scope.cancelled_caught
    assert requests_of_this_task() == 0


async def test_body_and_function_that_end_in_one_pass_both_count() -> None:
    gate = asyncio.Event()
    async with move_on_when(gate.wait) as scope:
        await settle()
        gate.set()
        # One pass wakes the function, which returns in it; its return would be noticed in the next.
        await asyncio.sleep(0)
    assert not scope.cancelled_caught
    await settle()
    assert requests_of_this_task() == 0


async def test_a_body_woken_in_the_pass_in_which_the_function_returns_is_cut_short() -> None:
    body_gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    function_gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    finished = False

    async def function() -> None:
        await function_gate

    async def block() -> bool:
        nonlocal finished
        async with move_on_when(function) as scope:
            await body_gate
            finished = True
        return scope.cancelled_caught

    running = asyncio.ensure_future(block())
    await settle()
    function_gate.set_result(None)
    await asyncio.sleep(0)
    # The function has returned; the body is woken before the scope hears of it.
    body_gate.set_result(None)
    caught = await running
    assert caught != finished, "either cut short, or finished"
    assert running.cancelling() == 0


async def test_run_and_cancelling_goes_on_when_the_function_returns() -> None:
    ended = []

    async def short() -> None:
        ended.append("function")

    async with run_and_cancelling(short) as nothing:
        await settle()
        ended.append("body")
    assert ended == ["function", "body"]
    assert nothing is None


async def test_run_and_cancelling_cancels_and_awaits_the_function_when_the_body_ends() -> None:
    companion = Companion()
    async with run_and_cancelling(companion):
        await settle()
        assert companion.events == ["started"]
    assert companion.events == ["started", "cancelled", "ended"]


@both
async def test_arguments_reach_the_function(beside: Callable[..., Any]) -> None:
    seen: list[Any] = []

    async def record(*args: Any, **kwargs: Any) -> None:
        seen.append((args, kwargs))

    async with beside(record, 1, 2, key="word"):
        await settle()
    assert seen == [((1, 2), {"key": "word"})]


@both
async def test_an_error_of_the_function_ends_the_block_and_is_raised_as_itself(beside: Callable[..., Any]) -> None:
    error = ValueError("function")
    with pytest.raises(ValueError, match="function") as caught:
        async with beside(failing, error):
            await forever()
    assert caught.value is error
    assert error.__context__ is None, "the body's own cancellation is no news"
    assert requests_of_this_task() == 0


@both
async def test_an_error_of_the_function_is_raised_if_the_body_just_ends(beside: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="function"):
        async with beside(failing, ValueError("function")):
            await asyncio.sleep(0)


@both
async def test_an_error_of_the_function_when_it_is_cancelled_is_raised(beside: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="late"):
        async with beside(failing_when_cancelled, ValueError("late")):
            await settle()


@both
async def test_an_error_of_the_body_ends_the_function_and_is_raised_as_itself(beside: Callable[..., Any]) -> None:
    companion = Companion()
    error = ValueError("body")
    with pytest.raises(ValueError, match="body") as caught:
        async with beside(companion):
            await settle()
            raise error
    assert caught.value is error
    assert companion.events == ["started", "cancelled", "ended"]


@both
async def test_errors_of_body_and_function_are_raised_in_a_group(beside: Callable[..., Any]) -> None:
    errors = [ValueError("body"), KeyError("function")]
    with pytest.raises(ExceptionGroup) as caught:
        async with beside(failing_when_cancelled, errors[1]):
            await settle()
            raise errors[0]
    assert list(caught.value.exceptions) == errors


@both
async def test_an_error_of_a_body_that_was_cut_short_is_kept(beside: Callable[..., Any]) -> None:
    errors = [KeyError("body's clean-up"), ValueError("function")]
    with pytest.raises(ExceptionGroup) as caught:
        async with beside(failing, errors[1]):
            try:
                await forever()
            finally:
                raise errors[0]
    assert list(caught.value.exceptions) == errors
    assert requests_of_this_task() == 0


async def test_an_error_of_a_body_that_was_moved_on_is_raised_and_nothing_caught() -> None:
    scope = move_on_when(asyncio.sleep, 0)
    with pytest.raises(ValueError, match="clean-up"):
        async with scope:
            try:
                await forever()
            finally:
                raise ValueError("clean-up")
    assert scope.cancel_called
    assert not scope.cancelled_caught
    assert requests_of_this_task() == 0


async def test_a_body_that_swallows_being_moved_on_is_not_caught() -> None:
    async with move_on_when(asyncio.sleep, 0) as scope:
        with contextlib.suppress(asyncio.CancelledError):
            await forever()
    assert scope.cancel_called
    assert not scope.cancelled_caught
    assert requests_of_this_task() == 0


@both
async def test_a_cancellation_from_outside_passes_through_and_takes_the_function_along(
    beside: Callable[..., Any],
) -> None:
    companion = Companion()

    async def block() -> None:
        async with beside(companion):
            await forever()

    running = asyncio.ensure_future(block())
    await settle()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert companion.events == ["started", "cancelled", "ended"]


async def test_a_cancellation_from_outside_is_not_taken_for_the_return_at_the_same_time() -> None:
    for outside_first in True, False:
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        scope = move_on_when(waiting_for, gate)

        async def block(scope: Any = scope) -> None:
            async with scope:
                await forever()

        running = asyncio.ensure_future(block())
        await settle()
        gate.set_result(None)
        if outside_first:
            running.cancel()
        else:
            # The function returns one pass after its gate opens, and is heard of in the next.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            running.cancel()
        await settle()
        assert running.cancelled()
        assert not scope.cancelled_caught


async def test_a_timeout_around_the_block_stays_a_timeout_when_the_function_returns_then() -> None:
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(None) as limit:
            async with move_on_when(gate.wait):
                await settle()
                gate.set()
                limit.reschedule(loop.time())
                # Both are cancelled in what follows, whichever comes first.
                await asyncio.sleep(0.01)
                await forever()
            await forever()
    assert requests_of_this_task() == 0


@both
async def test_a_timeout_inside_the_body_is_its_own_affair(beside: Callable[..., Any]) -> None:
    async with beside(forever):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await forever()
    assert requests_of_this_task() == 0


async def test_nested_blocks_that_move_on_together_end_at_the_outer_one() -> None:
    gate = asyncio.Event()
    async with move_on_when(gate.wait) as outer:
        async with move_on_when(gate.wait) as inner:
            asyncio.get_running_loop().call_soon(gate.set)
            await forever()
        raise AssertionError("the outer block was to end too")
    assert outer.cancelled_caught
    assert not inner.cancelled_caught
    assert requests_of_this_task() == 0


async def test_an_inner_block_that_moves_on_leaves_the_outer_one_alone() -> None:
    async with move_on_when(forever) as outer:
        async with move_on_when(asyncio.sleep, 0) as inner:
            await forever()
        await settle()
    assert inner.cancelled_caught
    assert not outer.cancelled_caught


@both
async def test_a_second_cancellation_does_not_leave_the_function_behind(beside: Callable[..., Any]) -> None:
    cleanup = asyncio.Event()
    ended = False

    async def slow_to_end() -> None:
        nonlocal ended
        try:
            await forever()
        finally:
            await cleanup.wait()
            ended = True

    async def block() -> None:
        async with beside(slow_to_end):
            await forever()

    running = asyncio.ensure_future(block())
    await settle()
    for _ in range(3):
        running.cancel()
        await settle()
    assert not running.done()
    cleanup.set()
    await settle()
    assert running.cancelled()
    assert ended


@both
async def test_a_cancellation_while_the_function_ends_is_raised(beside: Callable[..., Any]) -> None:
    cleanup = asyncio.Event()

    async def slow_to_end() -> None:
        try:
            await forever()
        finally:
            await cleanup.wait()

    async def block() -> None:
        async with beside(slow_to_end):
            await asyncio.sleep(0)
        raise AssertionError("the cancellation was lost")

    running = asyncio.ensure_future(block())
    await settle()
    running.cancel()
    await settle()
    cleanup.set()
    await settle()
    assert running.cancelled()


@both
async def test_an_error_goes_before_a_cancellation_which_arrives_at_the_next_wait(beside: Callable[..., Any]) -> None:
    reached = []

    async def caller() -> None:
        with pytest.raises(ValueError, match="while cancelled"):
            async with beside(failing_when_cancelled, ValueError("while cancelled")):
                await forever()
        reached.append("error")
        await forever()

    calling = asyncio.ensure_future(caller())
    await settle()
    calling.cancel()
    await settle()
    assert calling.cancelled()
    assert reached == ["error"]


@both
async def test_a_function_cancelled_from_elsewhere_ends_the_block_as_cancelled(beside: Callable[..., Any]) -> None:
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    scope = beside(lambda: gate)

    async def block() -> None:
        async with scope:
            await forever()

    running = asyncio.ensure_future(block())
    await settle()
    gate.cancel()
    with pytest.raises(asyncio.CancelledError, match="from elsewhere"):
        await running
    assert running.cancelling() == 0


async def test_a_body_that_ends_by_a_cancelled_future_gives_way_to_an_error_and_nothing_follows() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    with pytest.raises(ValueError, match="when cancelled"):
        async with run_and_cancelling(failing_when_cancelled, ValueError("when cancelled")):
            await settle()
            await future
    # Nobody had asked to cancel this task.
    await settle()


@both
async def test_outside_a_task_a_block_is_refused(beside: Callable[..., Any]) -> None:
    refused: list[str] = []

    def enter() -> None:
        with pytest.raises(RuntimeError, match="no task is running") as caught:
            beside(forever).__aenter__().send(None)
        refused.append(str(caught.value))

    asyncio.get_running_loop().call_soon(enter)
    await settle()
    assert len(refused) == 1


async def test_cancel_ends_the_block_by_hand() -> None:
    async with move_on_when(forever) as scope:
        scope.cancel()
        scope.cancel()
        await forever()
    assert scope.cancelled_caught
    assert requests_of_this_task() == 0


async def test_cancel_in_a_body_that_does_not_wait_any_more_leaves_no_stray_cancellation() -> None:
    async with move_on_when(forever) as scope:
        scope.cancel()
    assert scope.cancel_called
    assert not scope.cancelled_caught
    await settle()
    assert requests_of_this_task() == 0


async def test_cancel_before_the_block_ends_it_at_its_first_wait() -> None:
    scope = move_on_when(forever)
    scope.cancel()
    reached: list[bool] = []
    async with scope:
        reached.append(True)
        await forever()
    assert reached
    assert scope.cancelled_caught
    assert requests_of_this_task() == 0


async def test_cancel_after_the_block_does_nothing() -> None:
    scope = move_on_when(forever)
    async with scope:
        await settle()
    scope.cancel()
    assert not scope.cancel_called
    await settle()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
@pytest.mark.parametrize("waits", [True, False])
async def test_cancel_by_a_function_that_starts_eagerly_ends_the_block(waits: bool) -> None:
    async def cancel_the_block() -> None:
        scope.cancel()
        await forever()

    def eager(loop: asyncio.AbstractEventLoop, coro: Any, **_: Any) -> Any:
        make: Any = asyncio.Task
        return make(coro, loop=loop, eager_start=True)

    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(eager)
    scope = move_on_when(cancel_the_block)
    try:
        async with scope:
            if waits:
                await forever()
    finally:
        loop.set_task_factory(before)
    assert scope.cancel_called
    assert scope.cancelled_caught is waits
    await settle()
    assert requests_of_this_task() == 0


async def test_a_task_cancelled_long_before_can_use_a_block() -> None:
    async def cleaning_up() -> bool:
        try:
            await forever()
        except asyncio.CancelledError:
            # cancelling() stays 1 from here on.
            async with move_on_when(asyncio.sleep, 0) as scope:
                await forever()
        return scope.cancelled_caught

    running = asyncio.ensure_future(cleaning_up())
    await settle()
    running.cancel()
    assert await running


@both
async def test_a_coroutine_in_place_of_a_function_is_refused_and_closed(beside: Callable[..., Any]) -> None:
    coroutine = forever()
    with pytest.raises(TypeError, match="give the function"):
        beside(coroutine)
    with pytest.raises(RuntimeError, match="cannot reuse"):
        await coroutine


@both
async def test_a_function_that_is_not_async_is_refused_where_the_block_begins(beside: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="returned None"):
        async with beside(lambda: None):
            raise AssertionError("the body was entered")


@both
async def test_a_block_can_be_entered_once(beside: Callable[..., Any]) -> None:
    block = beside(forever)
    async with block:
        with pytest.raises(RuntimeError, match="entered before"):
            async with block:
                raise AssertionError("the body was entered")


@both
async def test_a_task_factory_that_fails_leaves_nothing_behind(beside: Callable[..., Any]) -> None:
    def failing_factory(loop: asyncio.AbstractEventLoop, coro: Any, **_: Any) -> Any:
        raise MemoryError

    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    companion = Companion()
    loop.set_task_factory(failing_factory)
    try:
        with pytest.raises(MemoryError):
            async with beside(companion):
                raise AssertionError("the body was entered")
    finally:
        loop.set_task_factory(before)
    assert companion.events == []


async def test_the_repr_tells_the_state() -> None:
    scope = move_on_when(functools.partial(forever))
    assert "move_on_when(forever) not entered" in repr(scope)
    async with scope:
        assert "open" in repr(scope)
        scope.cancel()
        await forever()
    assert "ended" in repr(scope)
    assert "cancelled_caught=True" in repr(scope)
