"""The documented examples of trio-util for what aio-trio-util adds to the shared classes, with our names.

Where the original only says what happens in a comment, the comment is an assertion. `MultiError` is an exception group.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing
from aio_trio_util import (
    AsyncBool,
    AsyncDictionary,
    AsyncValue,
    MailboxRepeatedEvent,
    TaskStats,
    UnqueuedRepeatedEvent,
    azip,
    azip_longest,
    defer_to_cancelled,
    move_on_when,
    multi_error_defer_to,
    periodic,
    run_and_cancelling,
    trio_async_generator,
    wait_all,
    wait_any,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

pytestmark = pytest.mark.trio


class Obstacle(Exception):
    pass


class MyException(Exception):
    pass


class MyBaseException(Exception):
    pass


class MyDerivedException(MyBaseException):
    pass


class MyImportantException(MyBaseException):
    pass


async def cancelled() -> trio.Cancelled:
    """A real Cancelled, as a scope makes it: on today's trio, no two of them have the same `repr`."""
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as error:
            return error
    raise AssertionError("not cancelled")


def multi_error(*errors: BaseException) -> BaseExceptionGroup[BaseException]:
    return BaseExceptionGroup("several", errors)


# nursery utilities


async def test_wait_until_either_event_is_set() -> None:
    a, b = trio.Event(), trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_any, a.wait, b.wait)
        await trio.testing.wait_all_tasks_blocked()
        b.set()
    assert not a.is_set()


async def test_wait_until_both_events_are_set() -> None:
    a, b = trio.Event(), trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_all, a.wait, b.wait)
        await trio.testing.wait_all_tasks_blocked()
        a.set()
        await trio.testing.wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 1
        b.set()


async def test_partial_holds_arguments() -> None:
    async def foo(greeting: str) -> str:
        await trio.lowlevel.checkpoint()
        return greeting

    async def bar(*, debug: bool) -> None:
        assert debug
        await trio.sleep_forever()

    assert await wait_any(partial(foo, "hello"), partial(bar, debug=True)) == "hello"


# value wrappers, collections


async def test_synopsis_of_async_value() -> None:
    a = AsyncValue(0)
    a.value = 5
    transitions = []

    async def transition() -> None:
        transitions.append(await a.wait_transition(lambda v, old: v > 10 and old < 0))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.wait_value, lambda v: v > 10)
        nursery.start_soon(transition)
        await trio.testing.wait_all_tasks_blocked()
        a.value = -1
        a.value = 11
    assert transitions == [(11, -1)]


async def test_synopsis_of_async_bool() -> None:
    a = AsyncBool()
    a.value = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.wait_value, False)
        nursery.start_soon(a.wait_transition)
        await trio.testing.wait_all_tasks_blocked()
        a.value = False


async def test_dictionary_waits_for_its_keys() -> None:
    replies: AsyncDictionary[int, str] = AsyncDictionary()
    got = []

    async def ask(key: int) -> None:
        got.append(await replies.pop_wait(key))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, 1)
        await trio.testing.wait_all_tasks_blocked()
        assert replies.is_waiting(1)
        replies[1] = "one"
    assert got == ["one"]
    replies[2] = "two"
    assert await replies.get_wait(2) == "two"


# repeated events


async def test_unqueued_repeated_event(autojump_clock: trio.testing.MockClock) -> None:
    event = UnqueuedRepeatedEvent()
    began = []

    async def listen() -> None:
        async for _ in event:
            began.append(trio.current_time())
            # do blocking work
            await trio.sleep(1)

    async with run_and_cancelling(listen):
        await trio.testing.wait_all_tasks_blocked()
        event.set()  # trigger event
        await trio.testing.wait_all_tasks_blocked()  # event processing starts
        event.set()  # ignored, because previous event is still being processed
        await trio.sleep(2)
        event.set()  # trigger event
        await trio.sleep(2)
    assert began == [0, 2]


async def test_mailbox_repeated_event(autojump_clock: trio.testing.MockClock) -> None:
    event = MailboxRepeatedEvent()
    data = None
    processed: list[str | None] = []

    async def listen() -> None:
        async for _ in event:
            # process data
            processed.append(data)
            await trio.sleep(1)

    async with run_and_cancelling(listen):
        data = "foo"
        event.set()  # trigger event
        await trio.testing.wait_all_tasks_blocked()  # event processing starts
        data = "bar"
        event.set()  # trigger event (queued since previous event is being processed)
        await trio.sleep(2)
    assert processed == ["foo", "bar"]


# generators, iterators


async def test_a_loop_with_a_period_of_one_second(autojump_clock: trio.testing.MockClock) -> None:
    ticks = []
    async for elapsed, delta in periodic(1):
        ticks.append((elapsed, delta))
        await trio.sleep(0.25)
        if len(ticks) == 3:
            break
    assert ticks == [(0, None), (1, 1), (2, 1)]


async def test_zip_iterates_in_parallel(autojump_clock: trio.testing.MockClock) -> None:
    async def count(up_to: int) -> AsyncGenerator[int, None]:
        for number in range(up_to):
            await trio.sleep(1)
            yield number

    assert [pair async for pair in azip(count(2), count(2))] == [(0, 0), (1, 1)]
    assert trio.current_time() == 2
    assert [pair async for pair in azip_longest(count(1), count(2), fillvalue="-")] == [(0, 0), ("-", 1)]


async def test_my_generator_is_opened_as_a_context() -> None:
    @trio_async_generator
    async def my_generator() -> AsyncGenerator[int, None]:
        # yield values, possibly from a nursery or cancel scope
        async with trio.open_nursery():
            with trio.CancelScope():
                yield 1
                yield 2

    async with my_generator() as agen:
        expected = 1
        async for value in agen:
            assert value == expected
            expected += 1
    assert expected == 3


# scopes


async def test_move_on_when_an_event_is_set() -> None:
    my_event = trio.Event()
    async with move_on_when(my_event.wait) as cancel_scope:
        cancel_scope.shield = True
        my_event.set()
        await trio.sleep_forever()
    # by this point either the body exited, my_event was triggered, or both
    assert cancel_scope.cancelled_caught


async def test_run_and_cancel_a_function_in_the_background() -> None:
    ended = []

    async def my_background_fn(my_arg: int) -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append(my_arg)

    async with run_and_cancelling(my_background_fn, my_arg=10):
        await trio.testing.wait_all_tasks_blocked()
    # now the block exits, and my_background_fn is cancelled if still running
    assert ended == [10]


# miscellaneous


async def test_task_stats_are_logged_at_termination(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await trio.to_thread.run_sync(partial(trio.run, trio.sleep, 0, instruments=[TaskStats()]))
    assert "max task wait time" in caplog.text


async def test_an_obstacle_defers_to_cancelled(autojump_clock: trio.testing.MockClock) -> None:
    async def advance(speed: int) -> None:
        """Fails when the time is up."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise Obstacle(speed)

    with trio.move_on_after(1) as scope:
        # If MultiError([Cancelled, Obstacle]) occurs, propagate only Cancelled
        # to the parent cancel scope.
        with defer_to_cancelled(Obstacle):
            try:
                # async call which may raise exception as part of API
                await advance(3)
            except Obstacle:
                # handle API exception (unless Cancelled raised simultaneously)
                pytest.fail("Cancelled was raised simultaneously")
    assert scope.cancelled_caught


async def test_exceptions_are_consolidated_by_priority() -> None:
    """What the original's documentation of 0.1 has as a plan."""

    class WheelObstruction(Exception):
        pass

    class RangeObstruction(Exception):
        pass

    # Cancelled + RangeObstruction => Cancelled
    with pytest.raises(trio.Cancelled), multi_error_defer_to(trio.Cancelled, WheelObstruction, RangeObstruction):
        raise multi_error(await cancelled(), RangeObstruction())
    # WheelObstruction + RangeObstruction => WheelObstruction
    with pytest.raises(WheelObstruction), multi_error_defer_to(trio.Cancelled, WheelObstruction, RangeObstruction):
        raise multi_error(WheelObstruction(), RangeObstruction())


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda c: multi_error(c[0], MyException()), trio.Cancelled),
        (lambda c: multi_error(c[0], MyException(), multi_error(c[1], c[2])), trio.Cancelled),
        (lambda c: multi_error(c[0], MyException(), ValueError()), None),
        (lambda _: multi_error(MyException("foo"), MyException("foo")), MyException),
        (lambda _: multi_error(MyException("foo"), MyException("bar")), None),
    ],
)
async def test_multi_error_defers_to_cancelled_before_mine(
    make: Callable[[list[trio.Cancelled]], BaseExceptionGroup[BaseException]], expected: type[BaseException] | None
) -> None:
    error = make([await cancelled() for _ in range(3)])
    with pytest.raises(expected or BaseExceptionGroup) as caught, multi_error_defer_to(trio.Cancelled, MyException):
        raise error
    assert expected or caught.value is error


async def test_multi_error_defers_to_a_derived_type_by_the_first_that_fits() -> None:
    types = (MyImportantException, trio.Cancelled, MyBaseException)
    with pytest.raises(trio.Cancelled), multi_error_defer_to(*types):
        raise multi_error(await cancelled(), MyDerivedException())
    with pytest.raises(MyImportantException), multi_error_defer_to(*types):
        raise multi_error(MyImportantException(), await cancelled())


async def test_multi_error_is_a_runtime_error_where_it_would_leak() -> None:
    with pytest.raises(RuntimeError), multi_error_defer_to(MyException, propagate_multi_error=False):
        raise multi_error(MyException("foo"), MyException("bar"))
    with pytest.raises(MyException, match="foo"), multi_error_defer_to(MyException, strict=False):
        raise multi_error(MyException("foo"), MyException("bar"))
