"""`wait_any` and `wait_all`: results, plain errors, cancellation."""

from functools import partial
from typing import Any

import pytest
import trio
import trio.testing
from aio_trio_util import wait_all, wait_any

pytestmark = pytest.mark.trio


async def value_after(seconds: float, value: object) -> object:
    await trio.sleep(seconds)
    return value


async def fail_after(seconds: float, error: BaseException) -> None:
    await trio.sleep(seconds)
    raise error


async def fail_on_cancel(error: Exception) -> None:
    try:
        await trio.sleep_forever()
    finally:
        raise error


async def test_wait_any_returns_the_result_of_the_first(autojump_clock: trio.testing.MockClock) -> None:
    assert await wait_any(partial(value_after, 2, "slow"), partial(value_after, 1, "fast")) == "fast"
    assert trio.current_time() == 1


async def test_wait_any_cancels_the_rest_and_waits_for_their_end(autojump_clock: trio.testing.MockClock) -> None:
    ended = []

    async def slow() -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(5)
            ended.append(True)

    await wait_any(slow, partial(trio.sleep, 1))
    assert ended == [True]
    assert trio.current_time() == 6


async def test_wait_any_without_functions_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one async function"):
        await wait_any()


@pytest.mark.parametrize("wait", [wait_any, wait_all])
async def test_what_is_no_function_is_refused_before_anything_starts(wait: Any) -> None:
    started = []

    async def start() -> None:
        started.append(True)

    with pytest.raises(TypeError, match="takes async functions, not 42"):
        await wait(start, 42)
    # No warning of a coroutine that was never awaited either.
    with pytest.raises(TypeError, match="leave out the"):
        await wait(start, start())
    assert started == []


async def test_wait_all_returns_results_in_order(autojump_clock: trio.testing.MockClock) -> None:
    assert await wait_all(partial(value_after, 2, "a"), partial(value_after, 1, "b")) == ("a", "b")
    assert trio.current_time() == 2


async def test_wait_all_without_functions_is_done_at_once() -> None:
    assert await wait_all() == ()


@pytest.mark.parametrize("wait", [wait_any, wait_all])
async def test_one_error_propagates_as_itself(wait: object, autojump_clock: trio.testing.MockClock) -> None:
    error = ValueError("one")
    error.__context__ = context = KeyError("before")
    with pytest.raises(ValueError, match="one") as caught:
        await wait(partial(fail_after, 1, error), trio.sleep_forever)  # type: ignore[operator]
    assert caught.value is error
    assert error.__context__ is context


@pytest.mark.parametrize("wait", [wait_any, wait_all])
async def test_one_error_is_grouped_on_request(wait: object, autojump_clock: trio.testing.MockClock) -> None:
    error = ValueError("one")
    with pytest.raises(ExceptionGroup) as caught:
        await wait(partial(fail_after, 1, error), trio.sleep_forever, strict_exception_groups=True)  # type: ignore[operator]
    assert caught.value.exceptions == (error,)


@pytest.mark.parametrize("wait", [wait_any, wait_all])
async def test_a_group_raised_by_a_function_stays_as_it_is(
    wait: object, autojump_clock: trio.testing.MockClock
) -> None:
    member = ValueError("one")
    with pytest.raises(ExceptionGroup, match="its own") as caught:
        await wait(partial(fail_after, 1, ExceptionGroup("its own", [member])), trio.sleep_forever)  # type: ignore[operator]
    # Not the same object: the nursery's scope takes groups apart, to look for cancellations in them.
    assert caught.value.exceptions == (member,)


@pytest.mark.parametrize("wait", [wait_any, wait_all])
async def test_several_errors_come_as_a_group(wait: object, autojump_clock: trio.testing.MockClock) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await wait(partial(fail_after, 1, ValueError("one")), partial(fail_on_cancel, KeyError("two")))  # type: ignore[operator]
    assert {type(error) for error in caught.value.exceptions} == {ValueError, KeyError}


@pytest.mark.parametrize("wait", [wait_any, wait_all])
async def test_cancelling_the_caller_is_caught_by_its_scope(
    wait: object, autojump_clock: trio.testing.MockClock
) -> None:
    with trio.move_on_after(1) as scope:
        await wait(trio.sleep_forever, trio.sleep_forever)  # type: ignore[operator]
    assert scope.cancelled_caught
    assert trio.current_time() == 1


@pytest.mark.parametrize("wait", [wait_any, wait_all])
async def test_an_error_beside_a_cancellation_is_not_lost(wait: object, autojump_clock: trio.testing.MockClock) -> None:
    with pytest.raises(KeyError), trio.move_on_after(1):
        await wait(trio.sleep_forever, partial(fail_on_cancel, KeyError("two")))  # type: ignore[operator]


async def test_tasks_bear_the_names_of_the_functions() -> None:
    names = []

    async def named() -> None:
        names.append(trio.lowlevel.current_task().name)

    await wait_all(named)
    assert names[0].endswith("named")
