"""`trio_async_generator`: a body that holds nurseries and scopes, in a task of its own."""

import gc
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from aio_trio_util import trio_async_generator

pytestmark = pytest.mark.trio

log: list[object] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    log.clear()


@trio_async_generator
async def counting(limit: int = 5) -> AsyncGenerator[int, None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        try:
            for number in range(limit):
                yield number
        finally:
            log.append("closed")
        nursery.cancel_scope.cancel()


async def test_items_arrive_in_order_and_the_end_is_clean() -> None:
    async with counting(3) as numbers:
        assert [number async for number in numbers] == [0, 1, 2]
        with pytest.raises(StopAsyncIteration):
            await anext(numbers)
    assert log == ["closed"]


async def test_break_closes_the_body_before_the_block_is_left() -> None:
    async with counting() as numbers:
        async for number in numbers:
            if number == 2:
                break
    assert log == ["closed"]


async def test_an_error_of_the_consumer_propagates_as_itself_and_closes_the_body() -> None:
    error = ValueError("consumer")
    with pytest.raises(ValueError, match="consumer") as caught:
        async with counting() as numbers:
            async for _ in numbers:
                raise error
    assert caught.value is error
    assert log == ["closed"]


async def test_an_unused_generator_never_starts() -> None:
    async with counting():
        pass
    assert log == []


async def test_the_body_advances_only_when_asked() -> None:
    @trio_async_generator
    async def steps() -> AsyncGenerator[int, None]:
        for number in range(3):
            log.append(number)
            yield number

    async with steps() as numbers:
        await trio.testing.wait_all_tasks_blocked()
        assert log == []
        await anext(numbers)
        await trio.testing.wait_all_tasks_blocked()
        assert log == [0]


async def test_an_error_of_the_body_reaches_the_waiting_consumer_as_itself() -> None:
    error = ValueError("body")

    @trio_async_generator
    async def failing() -> AsyncGenerator[int, None]:
        yield 1
        raise error

    async with failing() as numbers:
        assert await anext(numbers) == 1
        with pytest.raises(ValueError, match="body") as caught:
            await anext(numbers)
        assert caught.value is error
        with pytest.raises(StopAsyncIteration):
            await anext(numbers)


async def test_an_error_of_the_body_cancels_a_consumer_that_is_busy_elsewhere() -> None:
    @trio_async_generator
    async def failing() -> AsyncGenerator[int, None]:
        async def fail() -> None:
            await trio.testing.wait_all_tasks_blocked()
            raise ValueError("background")

        # Asked for by name: before trio 0.25, groups were not the rule.
        async with trio.open_nursery(strict_exception_groups=True) as nursery:
            nursery.start_soon(fail)
            yield 1
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        async with failing() as numbers:
            await anext(numbers)
            await trio.sleep_forever()
    # The group is that of the body's own nursery: nothing is wrapped around it.
    assert [repr(error) for error in caught.value.exceptions] == ["ValueError('background')"]


async def test_a_scope_around_the_yield_works_as_written(autojump_clock: trio.testing.MockClock) -> None:
    @trio_async_generator
    async def timed() -> AsyncGenerator[str, None]:
        with trio.move_on_after(1) as scope:
            while True:
                yield "early"
        assert scope.cancelled_caught
        yield "late"

    async with timed() as values:
        assert await anext(values) == "early"
        await trio.sleep(2)
        assert [value async for value in values] == ["late"]


async def test_asend_and_athrow_reach_the_body() -> None:
    @trio_async_generator
    async def echo() -> AsyncGenerator[object, object]:
        received: object = None
        while True:
            try:
                received = yield received
            except KeyError as error:
                received = error

    async with echo() as values:
        await anext(values)
        assert await values.asend("sent") == "sent"
        error = KeyError("thrown")
        assert await values.athrow(error) is error
        assert isinstance(await values.athrow(KeyError), KeyError)
        with pytest.raises(TypeError, match="takes an exception"):
            await values.athrow(1)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("args", "thrown"),
    [
        ((ValueError,), "ValueError()"),
        ((ValueError, "message"), "ValueError('message')"),
        ((ValueError, ("several", 1)), "ValueError('several', 1)"),
        ((ValueError, UnicodeError("of a subclass")), "UnicodeError('of a subclass')"),
        ((OSError("instance"), None), "OSError('instance')"),
    ],
)
@pytest.mark.filterwarnings("ignore:the .* signature of athrow:DeprecationWarning")
async def test_athrow_makes_the_exception_as_a_native_generator_does(args: tuple[Any, ...], thrown: str) -> None:
    async def echo() -> AsyncGenerator[object, None]:
        try:
            yield "start"
        except Exception as error:
            yield repr(error)

    async with trio_async_generator(echo)() as values, aclosing(echo()) as native:
        for generator in (values, native):
            await anext(generator)
            assert await generator.athrow(*args) == thrown


async def test_athrow_refuses_what_is_no_exception() -> None:
    async with counting() as numbers:
        await anext(numbers)
        for args in ((int,), (KeyError("instance"), "value")):
            with pytest.raises(TypeError, match="takes an exception"):
                await numbers.athrow(*args)
        assert await anext(numbers) == 1


async def test_aclose_runs_clean_up_that_awaits_and_can_be_repeated(autojump_clock: trio.testing.MockClock) -> None:
    @trio_async_generator
    async def careful() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await trio.sleep(1)
            log.append("clean")

    async with careful() as values:
        await anext(values)
        await values.aclose()
        assert log == ["clean"]
        await values.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(values)


async def test_an_error_while_closing_is_raised_where_it_is_closed() -> None:
    @trio_async_generator
    async def spiteful() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            raise KeyError("closing")

    async with spiteful() as values:
        await anext(values)
        with pytest.raises(KeyError):
            await values.aclose()
    with pytest.raises(KeyError):
        async with spiteful() as values:
            await anext(values)
    with pytest.raises(ExceptionGroup) as caught:
        async with spiteful() as values:
            await anext(values)
            raise ValueError("consumer")
    assert {type(error) for error in caught.value.exceptions} == {KeyError, ValueError}


async def test_a_body_that_ignores_its_closing_is_an_error() -> None:
    @trio_async_generator
    async def stubborn() -> AsyncGenerator[int, None]:
        try:
            yield 1
        except GeneratorExit:
            yield 2

    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        async with stubborn() as values:
            await anext(values)


async def test_a_cancelled_wait_for_an_item_loses_nothing(autojump_clock: trio.testing.MockClock) -> None:
    @trio_async_generator
    async def slow() -> AsyncGenerator[int, None]:
        for number in range(3):
            await trio.sleep(10)
            yield number

    async with slow() as values:
        with trio.move_on_after(1) as scope:
            await anext(values)
        assert scope.cancelled_caught
        with pytest.raises(trio.BusyResourceError, match="not fetched"):
            await values.athrow(ValueError)
        await trio.sleep(20)
        assert [value async for value in values] == [0, 1, 2]


async def test_a_wait_cancelled_as_its_item_arrives_leaves_the_item_for_the_next_call() -> None:
    gate = trio.Event()

    @trio_async_generator
    async def gated() -> AsyncGenerator[int, None]:
        await gate.wait()
        yield 1

    async with gated() as values:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(anext, values)
                await trio.testing.wait_all_tasks_blocked()
                gate.set()
                scope.cancel()
        assert [value async for value in values] == [1]


@pytest.mark.parametrize("strict", [False, True])
async def test_an_error_that_nobody_fetched_does_not_replace_that_of_the_block(strict: bool) -> None:
    scope = trio.CancelScope()

    @trio_async_generator(strict_exception_groups=strict)
    async def failing() -> AsyncGenerator[int, None]:
        # In this moment the consumer still waits, and is not reached any more.
        scope.cancel()
        raise ValueError("body")
        yield

    async def consume(error: Exception | None) -> None:
        nonlocal scope
        scope = trio.CancelScope()
        async with failing() as values:
            with scope:
                await anext(values)
            if error is not None:
                raise error

    with pytest.raises(ExceptionGroup) as both:
        await consume(KeyError("block"))
    assert sorted(map(repr, both.value.exceptions)) == ["KeyError('block')", "ValueError('body')"]
    with pytest.raises(ExceptionGroup if strict else ValueError) as alone:
        await consume(None)
    assert [repr(error) for error in getattr(alone.value, "exceptions", [alone.value])] == ["ValueError('body')"]


async def test_leaving_the_block_while_an_item_is_under_way_cancels_the_body() -> None:
    @trio_async_generator
    async def stuck() -> AsyncGenerator[int, None]:
        try:
            await trio.sleep_forever()
            yield 1
        finally:
            log.append("ended")

    async with stuck() as values:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(anext, values)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert log == []
    assert log == ["ended"]


async def test_a_request_cancelled_before_it_is_seen_may_never_start_the_body() -> None:
    async with counting() as numbers:
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(numbers)
        await numbers.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(numbers)


async def test_a_cancelled_block_cancels_the_body(autojump_clock: trio.testing.MockClock) -> None:
    with trio.move_on_after(1) as scope:
        async with counting() as numbers:
            await anext(numbers)
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert log == ["closed"]


async def test_a_second_task_that_asks_at_once_is_told() -> None:
    @trio_async_generator
    async def stuck() -> AsyncGenerator[int, None]:
        await trio.sleep_forever()
        yield 1

    async with stuck() as values, trio.open_nursery() as nursery:
        nursery.start_soon(anext, values)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError, match="another task"):
            await anext(values)
        with pytest.raises(trio.BusyResourceError, match="another task"):
            await values.aclose()
        nursery.cancel_scope.cancel()


async def test_asking_a_finished_generator_is_a_checkpoint() -> None:
    async with counting(0) as numbers:
        with pytest.raises(StopAsyncIteration):
            await anext(numbers)
        with trio.testing.assert_checkpoints(), pytest.raises(StopAsyncIteration):
            await anext(numbers)


async def test_single_errors_are_grouped_on_request() -> None:
    @trio_async_generator(strict_exception_groups=True)
    async def plain() -> AsyncGenerator[int, None]:
        yield 1

    with pytest.raises(ExceptionGroup):
        async with plain():
            raise ValueError


async def test_it_works_as_a_method_and_keeps_the_name() -> None:
    class Source:
        @trio_async_generator
        async def items(self) -> AsyncGenerator[type, None]:
            """Its own text."""
            yield type(self)

    async with Source().items() as items:
        assert [item async for item in items] == [Source]
    assert Source.items.__doc__ == "Its own text."


async def test_a_plain_function_is_refused() -> None:
    with pytest.raises(TypeError, match="async generator functions"):
        trio_async_generator(trio.sleep)  # type: ignore[arg-type]


async def test_nested_generators_close_from_the_inside() -> None:
    @trio_async_generator
    async def outer() -> AsyncGenerator[int, None]:
        async with counting() as numbers:
            try:
                async for number in numbers:
                    yield number
            finally:
                log.append("outer")

    async with outer() as numbers:
        async for _ in numbers:
            break
    assert log == ["outer", "closed"]


async def test_repr_tells_the_state() -> None:
    async with counting() as numbers:
        assert "counting" in repr(numbers)
        assert "not started" in repr(numbers)


async def test_stop_iteration_of_the_consumer_passes() -> None:
    @asynccontextmanager
    async def around() -> AsyncGenerator[None, None]:
        async with counting():
            yield

    with pytest.raises(StopAsyncIteration):
        async with around():
            raise StopAsyncIteration


async def test_a_cancelled_wait_leaves_no_more_to_the_garbage_collector_than_one_of_trios_own() -> None:
    @trio_async_generator
    async def stuck() -> AsyncGenerator[int, None]:
        await trio.sleep_forever()
        yield 1

    async def garbage_of(wait: Callable[[], Awaitable[object]]) -> int:
        gc.collect()
        gc.disable()
        try:
            for _ in range(10):
                with trio.move_on_after(0):
                    await wait()
            return gc.collect()
        finally:
            gc.enable()

    async with stuck() as values:
        assert await garbage_of(lambda: anext(values)) <= await garbage_of(trio.sleep_forever)
