"""`move_on_when` and `run_and_cancelling`: a block and a function that end each other."""

from typing import Any

import pytest
import trio
import trio.testing
from aio_trio_util import move_on_when, run_and_cancelling

pytestmark = pytest.mark.trio


async def test_the_function_ends_the_block(autojump_clock: trio.testing.MockClock) -> None:
    async with move_on_when(trio.sleep, 1) as scope:
        await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() == 1


async def test_the_block_ends_first(autojump_clock: trio.testing.MockClock) -> None:
    async with move_on_when(trio.sleep_forever) as scope:
        await trio.sleep(1)
    assert not scope.cancelled_caught
    assert trio.current_time() == 1


async def test_keyword_arguments_are_passed_on() -> None:
    given: dict[str, object] = {}

    async def watch(*args: object, **kwargs: object) -> None:
        given.update(args=args, **kwargs)

    async with move_on_when(watch, 1, key=2):
        await trio.sleep_forever()
    assert given == {"args": (1,), "key": 2}


async def test_a_shielded_block_is_not_cut_short(autojump_clock: trio.testing.MockClock) -> None:
    async with move_on_when(trio.sleep, 1) as scope:
        with trio.CancelScope(shield=True):
            await trio.sleep(3)
    assert trio.current_time() == 3
    assert not scope.cancelled_caught


@pytest.mark.parametrize("beside", [move_on_when, run_and_cancelling])
async def test_an_error_of_the_block_propagates_as_itself(beside: type) -> None:
    error = ValueError("block")
    with pytest.raises(ValueError, match="block") as caught:
        async with beside(trio.sleep_forever):
            raise error
    assert caught.value is error


@pytest.mark.parametrize("beside", [move_on_when, run_and_cancelling])
async def test_an_error_of_the_function_cancels_the_block_and_propagates_as_itself(beside: type) -> None:
    error = ValueError("function")

    async def fail() -> None:
        raise error

    with pytest.raises(ValueError, match="function") as caught:
        async with beside(fail):
            await trio.sleep_forever()
    assert caught.value is error


@pytest.mark.parametrize("beside", [move_on_when, run_and_cancelling])
async def test_both_errors_come_as_a_group(beside: type) -> None:
    async def fail() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise KeyError("function")

    with pytest.raises(ExceptionGroup) as caught:
        async with beside(fail):
            await trio.testing.wait_all_tasks_blocked()
            raise ValueError("block")
    assert {type(error) for error in caught.value.exceptions} == {ValueError, KeyError}


@pytest.mark.parametrize("beside", [move_on_when, run_and_cancelling])
async def test_a_single_error_is_grouped_on_request(beside: type) -> None:
    with pytest.raises(ExceptionGroup):
        async with beside(trio.sleep_forever, strict_exception_groups=True):
            raise ValueError("block")


@pytest.mark.parametrize("beside", [move_on_when, run_and_cancelling])
async def test_a_cancellation_from_outside_reaches_its_own_scope(
    beside: type, autojump_clock: trio.testing.MockClock
) -> None:
    with trio.move_on_after(1) as outer:
        async with beside(trio.sleep_forever) as inner:
            await trio.sleep_forever()
    assert outer.cancelled_caught
    assert inner is None or not inner.cancelled_caught


@pytest.mark.parametrize("beside", [move_on_when, run_and_cancelling])
async def test_what_is_no_function_is_refused_where_the_block_begins(beside: Any) -> None:
    with pytest.raises(TypeError, match="takes async functions, not None"):
        async with beside(None):
            pytest.fail("began")
    with pytest.raises(TypeError, match="leave out the"):
        async with beside(trio.sleep(1)):
            pytest.fail("began")


async def test_run_and_cancelling_cancels_at_the_end_of_the_block(autojump_clock: trio.testing.MockClock) -> None:
    log = []

    async def beside() -> None:
        try:
            await trio.sleep_forever()
        finally:
            log.append("cancelled")

    async with run_and_cancelling(beside):
        await trio.sleep(1)
        assert log == []
    assert log == ["cancelled"]


async def test_the_block_goes_on_when_the_function_returns(autojump_clock: trio.testing.MockClock) -> None:
    async with run_and_cancelling(trio.sleep, 1):
        await trio.sleep(2)
    assert trio.current_time() == 2
