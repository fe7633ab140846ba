"""`GeneratorObject`: yielding by call, from any depth, from other tasks, and misuse.

That its iterator behaves as a native one otherwise is shown in test_generator_as_native.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import sys
import weakref
from asyncio import futures as asyncio_futures
from asyncio import tasks as asyncio_tasks
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest
import trio
from aio_coro import (
    CoroStart,
    GeneratorObject,
    GeneratorObjectIterator,
    Monitor,
    OOBData,
    aiter_sync,
    await_sync,
    eager,
)
from hypothesis import given
from hypothesis import strategies as st
from suite_support.interleaving import settle

asyncio_test = pytest.mark.asyncio
Body = Callable[[], Coroutine[Any, Any, object]]


def generator_object() -> GeneratorObject[Any, Any]:
    return GeneratorObject()


async def collect(iterator: Any) -> list[Any]:
    return [value async for value in iterator]


async def deep(g: GeneratorObject[Any, Any], depth: int, value: object) -> Any:
    return await (g.ayield(value) if depth == 0 else deep(g, depth - 1, value))


# --- in one chain of awaits -----------------------------------------------------------------------------------------


async def counting(g: GeneratorObject[Any, Any]) -> None:
    await g.ayield(1)
    await deep(g, 30, 2)
    await asyncio.sleep(0)
    await g.ayield(None)


def test_anything_that_the_coroutine_awaits_can_yield_with_and_without_a_loop() -> None:
    g = generator_object()
    assert list(aiter_sync(g(counting(g)))) == [1, 2, None]
    assert asyncio.run(collect(g(counting(g)))) == [1, 2, None]


def test_it_works_on_trio() -> None:
    g = generator_object()

    async def body() -> None:
        await trio.sleep(0)
        await g.ayield(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 0)
            await deep(g, 5, 2)

    assert trio.run(collect, g(body())) == [1, 2]


def test_deep_clean_up_may_await_when_the_iterator_is_closed() -> None:
    g = generator_object()
    log: list[str] = []

    async def inner() -> None:
        try:
            await g.ayield(1)
        finally:
            await asyncio.sleep(0)
            log.append("inner")

    async def outer() -> None:
        try:
            await inner()
        finally:
            await asyncio.sleep(0)
            log.append("outer")

    async def main() -> None:
        iterator = g(outer())
        assert await anext(iterator) == 1
        await iterator.aclose()

    asyncio.run(main())
    assert log == ["inner", "outer"]


def test_generator_objects_and_monitors_can_be_nested_in_one_chain() -> None:
    outer, inner = generator_object(), generator_object()
    monitor = Monitor()

    async def innermost() -> None:
        await inner.ayield("inner")
        await outer.ayield("outer")
        await inner.ayield(await monitor.oob("message"))

    async def middle() -> None:
        async for value in inner(innermost()):
            await outer.ayield(f"passed on: {value}")

    async def main() -> list[Any]:
        return await collect(outer(middle()))

    bound = monitor(main())
    with pytest.raises(OOBData, match="message"):
        await_sync(bound)
    assert await_sync(bound.aawait("answer")) == ["passed on: inner", "outer", "passed on: answer"]


def test_two_iterators_of_one_object_can_take_turns_but_not_run_in_each_other() -> None:
    g = generator_object()

    async def letters(*values: str) -> None:
        for value in values:
            await g.ayield(value)

    first, second = g(letters("a", "b")), g(letters("c", "d"))
    assert [await_sync(anext(iterator)) for iterator in (first, second, first, second)] == ["a", "c", "b", "d"]

    async def nests() -> None:
        other = g(letters("x"))
        with pytest.raises(RuntimeError, match="cannot be re-entered: another of its iterators is running"):
            await anext(other)
        await g.ayield("own")

    assert list(aiter_sync(g(nests()))) == ["own"]


def test_values_of_started_coroutines_arrive_when_these_are_awaited() -> None:
    g = generator_object()

    async def body() -> None:
        first, second = CoroStart(g.ayield(1)), CoroStart(g.ayield(2))
        await second
        await first

    assert list(aiter_sync(g(body()))) == [2, 1]


def test_no_reference_cycle_keeps_what_is_iterated_alive() -> None:
    class Token:
        pass

    async def body(token: Token) -> None:
        await g.ayield(token)
        await g.ayield(token)

    gc.collect()
    gc.disable()
    try:
        g = generator_object()
        token = Token()
        reference = weakref.ref(token)
        iterator = g(body(token))
        await_sync(anext(iterator))
        del iterator, token
        assert reference() is None
    finally:
        gc.enable()


def test_an_iterator_that_is_never_used_goes_silently() -> None:
    g = generator_object()
    coro = counting(g)
    iterator = g(coro)
    del iterator
    assert inspect.getcoroutinestate(coro) == inspect.CORO_CLOSED


def test_repr_tells_the_state() -> None:
    g = generator_object()
    iterator = g(counting(g))
    assert repr(g) == "<GeneratorObject not iterating now>"
    assert repr(iterator).startswith("<GeneratorObjectIterator of counting, new, at 0x")
    await_sync(iterator.aclose())
    assert ", closed, at 0x" in repr(iterator)


def test_types_can_be_given_parameters() -> None:
    assert isinstance(GeneratorObject[int, str](), GeneratorObject)
    assert isinstance(GeneratorObject[int](), GeneratorObject)
    assert issubclass(GeneratorObjectIterator[int, str].__origin__, AsyncIterator)  # type: ignore[attr-defined]


def test_what_is_no_coroutine_is_refused() -> None:
    with pytest.raises(TypeError, match=r"GeneratorObject\(\) takes a coroutine, not <function counting.*call it"):
        generator_object()(counting)  # type: ignore[arg-type]


def test_attributes_that_a_native_generator_does_not_have_are_missing() -> None:
    g = generator_object()
    iterator: Any = g(counting(g))
    with pytest.raises(AttributeError, match="'GeneratorObjectIterator' object has no attribute 'missing'"):
        iterator.missing


# --- misuse of ayield -----------------------------------------------------------------------------------------------


@asyncio_test
async def test_yielding_while_nothing_iterates_is_an_error() -> None:
    g = generator_object()
    with pytest.raises(RuntimeError, match="while nothing iterates"):
        await g.ayield(1)
    iterator = g(counting(g))
    with pytest.raises(RuntimeError, match="while nothing iterates"):
        await g.ayield(1)
    assert await collect(iterator) == [1, 2, None]
    with pytest.raises(RuntimeError, match="while nothing iterates"):
        await g.ayield(1)


@asyncio_test
async def test_the_iterating_task_cannot_yield_to_itself() -> None:
    g = generator_object()
    values = []
    async for value in g(counting(g)):
        values.append(value)
        with pytest.raises(RuntimeError, match="by the iterating task itself"):
            await g.ayield("echo")
    assert values == [1, 2, None]


def test_without_asyncio_only_the_chain_of_the_coroutine_can_yield() -> None:
    g = generator_object()
    iterator = g(counting(g))
    await_sync(anext(iterator))
    with pytest.raises(RuntimeError, match="only on asyncio can other tasks yield into it"):
        await_sync(g.ayield(1))
    assert await_sync(anext(iterator)) == 2


def test_on_trio_another_task_gets_a_clear_error_and_the_iteration_goes_on() -> None:
    g = generator_object()
    errors: list[str] = []

    async def child() -> None:
        with pytest.raises(RuntimeError) as raised:
            await g.ayield("from a child")
        errors.append(str(raised.value))

    async def body() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)
            await trio.sleep(0.01)
            await g.ayield("own")

    assert trio.run(collect, g(body())) == ["own"]
    assert "only on asyncio can other tasks yield into it" in errors[0]


@asyncio_test
async def test_a_task_of_another_loop_cannot_yield() -> None:
    g = generator_object()
    iterator = g(counting(g))
    await anext(iterator)

    async def elsewhere() -> None:
        with pytest.raises(RuntimeError, match="on another event loop than the one that iterates"):
            await g.ayield(1)

    await asyncio.to_thread(asyncio.run, elsewhere())
    await iterator.aclose()


# --- from other tasks, on asyncio -----------------------------------------------------------------------------------


@asyncio_test
async def test_a_child_task_yields_into_the_iteration() -> None:
    g = generator_object()
    log: list[Any] = []

    async def helper() -> None:
        log.append(await g.ayield(2))
        await asyncio.sleep(0)
        log.append(await deep(g, 5, 3))

    async def body() -> None:
        await g.ayield(1)
        await asyncio.create_task(helper())
        await g.ayield(4)

    iterator = g(body())
    assert await collect(iterator) == [1, 2, 3, 4]
    assert log == [None, None]
    assert not iterator.ag_running


@asyncio_test
async def test_the_answer_goes_to_the_task_that_yielded() -> None:
    g = generator_object()
    answers: dict[str, Any] = {}

    async def helper(name: str) -> None:
        answers[name] = await g.ayield(name)

    async def body() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(helper("a"))
            group.create_task(helper("b"))
        await helper("own")

    iterator = g(body())
    value = await anext(iterator)
    seen = [value]
    with contextlib.suppress(StopAsyncIteration):
        while True:
            value = await iterator.asend(f"answer to {value}")
            seen.append(value)
    assert seen == ["a", "b", "own"]
    assert answers == {name: f"answer to {name}" for name in seen}


@asyncio_test
async def test_an_exception_goes_to_the_task_that_yielded() -> None:
    g = generator_object()

    async def helper() -> str:
        try:
            await g.ayield(1)
        except ValueError:
            return "recovered"
        raise AssertionError

    async def body() -> None:
        await g.ayield(await asyncio.create_task(helper()))
        await asyncio.create_task(helper())

    iterator = g(body())
    assert await anext(iterator) == 1
    assert await iterator.athrow(ValueError) == "recovered"
    assert await anext(iterator) == 1
    with pytest.raises(KeyError):
        await iterator.athrow(KeyError("into the child, and out through the coroutine"))


@asyncio_test
async def test_values_wait_in_order_while_the_consumer_does_something_else() -> None:
    g = generator_object()

    async def helper(name: str, times: int) -> None:
        for index in range(times):
            await g.ayield((name, index))

    async def body() -> None:
        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(helper(name, 2))
            await g.ayield("own")

    values = []
    async for value in g(body()):
        values.append(value)
        await settle()
    assert values == ["own", *[(name, index) for index in range(2) for name in "abc"]]


@asyncio_test
async def test_a_coroutine_that_yields_all_the_time_does_not_starve_other_tasks() -> None:
    g = generator_object()

    async def helper() -> None:
        await g.ayield("from the task")

    async def body() -> None:
        task = asyncio.create_task(helper())
        for index in range(4):
            await g.ayield(index)
        await task

    values = []
    async for value in g(body()):
        values.append(value)
        await asyncio.sleep(0)
    assert values == [0, "from the task", 1, 2, 3]


@asyncio_test
async def test_a_task_that_is_started_at_once_yields_too() -> None:
    g = generator_object()

    async def helper(value: int) -> None:
        await g.ayield(value)
        await asyncio.sleep(0)
        await g.ayield(value + 1)

    async def body() -> None:
        first = eager(helper(1))
        await g.ayield("own")
        await first

    assert await collect(g(body())) == [1, "own", 2]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="asyncio.current_task() knows no such tasks there")
@asyncio_test
async def test_tasks_written_in_python_work() -> None:
    g = generator_object()
    loop = asyncio.get_running_loop()
    python_task: Any = vars(asyncio_tasks)["_PyTask"]

    async def helper() -> None:
        await g.ayield(1)

    async def body() -> None:
        await asyncio.sleep(0)
        await python_task(helper(), loop=loop)
        await asyncio.create_task(helper())

    assert await python_task(collect(g(body())), loop=loop) == [1, 1]


@asyncio_test
async def test_a_wait_for_a_future_of_another_class_is_interrupted_too() -> None:
    g = generator_object()
    python_future: Any = vars(asyncio_futures)["_PyFuture"]

    async def helper(future: Any) -> None:
        await g.ayield(1)
        future.set_result(2)

    async def body() -> None:
        future = python_future(loop=asyncio.get_running_loop())
        task = asyncio.create_task(helper(future))
        await g.ayield(await future)
        await task

    assert await collect(g(body())) == [1, 2]


@asyncio_test
async def test_a_future_that_the_coroutine_awaits_can_be_awaited_by_others_meanwhile() -> None:
    g = generator_object()
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def body() -> None:
        await g.ayield(await future)

    async def other() -> int:
        return await future

    tasks = asyncio.create_task(collect(g(body()))), asyncio.create_task(other())
    await settle()
    future.set_result(1)
    assert await tasks[0] == [1]
    assert await tasks[1] == 1


@asyncio_test
async def test_an_iterator_of_an_iterator_is_interrupted_in_either() -> None:
    outer, inner = generator_object(), generator_object()

    async def yields(g: GeneratorObject[Any, Any], value: str) -> None:
        await g.ayield(value)

    async def innermost() -> None:
        await asyncio.gather(yields(inner, "inner"), yields(outer, "outer"), yields(inner, "inner again"))

    async def middle() -> None:
        async for value in inner(innermost()):
            await outer.ayield(f"passed on: {value}")

    values = await collect(outer(middle()))
    assert sorted(values) == ["outer", "passed on: inner", "passed on: inner again"]


@asyncio_test
async def test_closing_cancels_what_other_tasks_wait_to_deliver() -> None:
    g = generator_object()
    log: list[Any] = []

    async def helper(value: int) -> None:
        try:
            await g.ayield(value)
        except asyncio.CancelledError as error:
            log.append((value, str(error)))
            raise

    async def body() -> None:
        helpers = [asyncio.create_task(helper(value)) for value in range(3)]
        try:
            await asyncio.gather(*helpers)
        finally:
            # The clean-up waits for tasks that nobody will take anything from.
            await asyncio.wait(helpers)
            log.append("closed")

    iterator = g(body())
    assert await anext(iterator) == 0
    await iterator.aclose()
    assert log == [
        (1, "the generator has ended"),
        (2, "the generator has ended"),
        (0, "the generator is closed"),
        "closed",
    ]


@asyncio_test
async def test_yielding_into_an_iteration_that_is_being_closed_is_cancelled_at_once() -> None:
    g = generator_object()
    log: list[str] = []

    async def late() -> None:
        try:
            await g.ayield("late")
        except asyncio.CancelledError as error:
            log.append(str(error))

    async def body() -> None:
        try:
            await g.ayield(1)
        finally:
            await asyncio.create_task(late())

    iterator = g(body())
    await anext(iterator)
    await iterator.aclose()
    assert log == ["the generator is being closed"]


@asyncio_test
async def test_leaving_the_iteration_leaves_no_task_waiting() -> None:
    g = generator_object()
    helpers: list[asyncio.Task[None]] = []

    async def helper() -> None:
        await g.ayield(1)

    async def body() -> None:
        helpers.extend(asyncio.create_task(helper()) for _ in range(2))
        await asyncio.gather(*helpers)

    async for _ in g(body()):
        break
    await settle()
    assert [task.cancelled() for task in helpers] == [True, True]


@asyncio_test
async def test_the_end_of_the_coroutine_cancels_values_that_are_not_taken() -> None:
    g = generator_object()
    tasks: list[asyncio.Task[None]] = []

    async def helper() -> None:
        await g.ayield("too late")

    async def body() -> None:
        tasks.append(asyncio.create_task(helper()))
        await g.ayield(1)

    iterator = g(body())
    assert await anext(iterator) == 1
    await settle()
    # The value is first in line now; the coroutine ends when its own is answered, after that.
    assert await collect(iterator) == []
    await asyncio.wait(tasks)
    assert tasks[0].cancelled()


@asyncio_test
async def test_a_cancelled_task_withdraws_its_value() -> None:
    g = generator_object()
    tasks: list[asyncio.Task[None]] = []

    async def helper(value: str) -> None:
        await g.ayield(value)

    async def body() -> None:
        await g.ayield("first")
        tasks.extend(asyncio.create_task(helper(value)) for value in ("withdrawn", "kept"))
        await g.ayield("second")
        await asyncio.wait(tasks)

    iterator = g(body())
    assert [await anext(iterator), await anext(iterator)] == ["first", "second"]
    await settle()
    tasks[0].cancel("withdraw")
    assert await collect(iterator) == ["kept"]
    assert [task.cancelled() for task in tasks] == [True, False]


@asyncio_test
async def test_a_value_withdrawn_after_it_woke_the_consumer_lets_it_wait_on() -> None:
    g = generator_object()
    tasks: list[asyncio.Task[None]] = []

    async def helper() -> None:
        await g.ayield("withdrawn")

    async def cancels() -> None:
        # Runs in the pass in which the value arrives, before the consumer does.
        tasks[0].cancel()

    async def body() -> None:
        tasks.extend((asyncio.create_task(helper()), asyncio.create_task(cancels())))
        await asyncio.wait(tasks)
        await g.ayield("after")

    assert await collect(g(body())) == ["after"]
    assert tasks[0].cancelled()


@asyncio_test
async def test_a_task_cancelled_after_its_value_was_taken_does_not_disturb_the_iteration() -> None:
    g = generator_object()
    tasks: list[asyncio.Task[None]] = []

    async def helper() -> None:
        await g.ayield("taken")

    async def body() -> None:
        tasks.append(asyncio.create_task(helper()))
        await asyncio.wait(tasks)
        await g.ayield("after")

    iterator = g(body())
    assert await anext(iterator) == "taken"
    tasks[0].cancel()
    await settle()
    assert tasks[0].cancelled()
    assert await collect(iterator) == ["after"]


@asyncio_test
async def test_a_task_cancelled_between_the_answer_and_its_wake_up_is_cancelled() -> None:
    g = generator_object()
    tasks: list[asyncio.Task[None]] = []

    async def helper() -> None:
        await g.ayield("value")

    async def body() -> None:
        tasks.append(asyncio.create_task(helper()))
        await asyncio.wait(tasks)

    iterator = g(body())
    await anext(iterator)
    call = iterator.asend("answer").__await__()
    call.send(None)  # the answer is on its way, and the task has not run
    tasks[0].cancel()
    call.close()
    await settle()
    assert tasks[0].cancelled()


@asyncio_test
async def test_cancelling_the_consumer_cancels_what_the_coroutine_waits_for() -> None:
    g = generator_object()
    log: list[Any] = []

    async def helper() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError as error:
            log.append(("helper", str(error)))
            raise

    async def body() -> None:
        try:
            await asyncio.create_task(helper())
        except asyncio.CancelledError:
            log.append("body")
            raise

    task = asyncio.create_task(collect(g(body())))
    await settle()
    task.cancel("enough")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == [("helper", "enough"), "body"]


@pytest.mark.parametrize("waits_for", ["future", "task"])
@asyncio_test
async def test_a_cancellation_between_a_value_and_the_wake_up_is_not_lost(waits_for: str) -> None:
    g = generator_object()
    log: list[Any] = []
    children: list[asyncio.Task[Any]] = []
    consumer: asyncio.Task[list[Any]]

    async def helper() -> None:
        await g.ayield("value")

    async def cancels() -> None:
        # Runs in the pass in which the value interrupts the consumer's wait, before the consumer does.
        consumer.cancel("in between")

    async def body() -> None:
        children.append(asyncio.create_task(helper()))
        children.append(asyncio.create_task(cancels()))
        try:
            if waits_for == "future":
                await asyncio.get_running_loop().create_future()
            else:
                children.append(asyncio.create_task(asyncio.sleep(3600)))
                await children[2]
        except asyncio.CancelledError as error:
            log.append(str(error))
            raise

    consumer = asyncio.create_task(collect(g(body())))
    with pytest.raises(asyncio.CancelledError):
        await consumer
    assert log == ["in between"]
    await settle()
    assert children[0].cancelled()
    assert all(child.done() for child in children)


@asyncio_test
async def test_values_of_others_do_not_overtake_a_cancellation_that_is_on_its_way() -> None:
    g = generator_object()
    log: list[Any] = []
    children: list[asyncio.Task[Any]] = []

    async def slow_to_end() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            for _ in range(5):
                await asyncio.sleep(0)

    async def helper() -> None:
        while not children[0].cancelling():
            await asyncio.sleep(0)
        await g.ayield("too late")

    async def body() -> None:
        children.extend((asyncio.create_task(slow_to_end()), asyncio.create_task(helper())))
        try:
            await children[0]
        finally:
            log.append(children[0].done())

    consumer = asyncio.create_task(collect(g(body())))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    consumer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    assert log == [True]
    await settle()
    assert children[1].cancelled()


@asyncio_test
async def test_a_cancelled_child_that_yields_in_its_clean_up_does_not_deadlock() -> None:
    g = generator_object()
    log: list[str] = []

    async def helper() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            log.append("cleaning")
            with contextlib.suppress(asyncio.CancelledError):
                await g.ayield("last words")

    async def body() -> None:
        await asyncio.gather(asyncio.create_task(helper()))

    consumer = asyncio.create_task(collect(g(body())))
    await settle()
    consumer.cancel()
    consumer_again = asyncio.wait_for(consumer, 10)
    with pytest.raises(asyncio.CancelledError):
        await consumer_again
    await settle()
    assert log == ["cleaning"]


@asyncio_test
async def test_a_timeout_of_the_consumer_leaves_no_trace_in_what_it_waited_for() -> None:
    g = generator_object()
    future = asyncio.get_running_loop().create_future()

    async def body() -> None:
        while True:
            try:
                await asyncio.shield(future)
            except asyncio.CancelledError:
                await g.ayield("timed out")
            else:
                return

    iterator = g(body())
    async with asyncio.timeout(0):
        assert await anext(iterator) == "timed out"
    future.set_result(None)
    assert await collect(iterator) == []


@asyncio_test
async def test_what_is_awaited_completes_in_the_same_pass_as_a_value_arrives() -> None:
    g = generator_object()

    async def body() -> None:
        future = asyncio.get_running_loop().create_future()

        async def yields() -> None:
            future.set_result("result")
            await g.ayield("from the task")

        async def completes_after() -> None:
            await asyncio.sleep(0)

        task = asyncio.create_task(yields())
        await g.ayield(await future)
        other = asyncio.get_running_loop().create_future()

        async def yields_first() -> None:
            asyncio.get_running_loop().call_soon(other.set_result, "other")
            await g.ayield("from the task, first")

        second = asyncio.create_task(yields_first())
        await g.ayield(await other)
        await asyncio.gather(task, second, completes_after())

    assert sorted(await collect(g(body()))) == ["from the task", "from the task, first", "other", "result"]


@asyncio_test
async def test_the_iteration_can_move_to_another_task_while_a_value_of_a_third_is_answered() -> None:
    g = generator_object()

    async def helper() -> None:
        for index in range(4):
            await g.ayield(index)

    async def body() -> None:
        await asyncio.create_task(helper())

    iterator = g(body())
    values = [await asyncio.create_task(iterator.asend(None)) for _ in range(4)]
    assert values == [0, 1, 2, 3]
    assert await collect(iterator) == []


@asyncio_test
@pytest.mark.parametrize("start", [asyncio.create_task, eager])
async def test_other_tasks_yield_into_an_iteration_whose_every_value_is_taken_by_a_task_of_its_own(start: Any) -> None:
    """As `asyncio.wait_for(anext(iterator), ...)` does on Python 3.11."""
    g = generator_object()
    children: list[asyncio.Task[Any]] = []

    async def body() -> None:
        await g.ayield("own")
        children.append(start(g.ayield("of a child")))
        await children[0]
        children.append(start(g.ayield("between two calls")))
        await g.ayield("own again")
        await children[1]

    iterator = g(body())
    values = []
    for _ in range(4):
        values.append(await asyncio.create_task(iterator.asend(None)))
        gc.collect()
        await settle()
    assert sorted(values) == ["between two calls", "of a child", "own", "own again"]
    assert await collect(iterator) == []


@asyncio_test
async def test_a_task_that_has_iterated_yields_while_another_one_iterates() -> None:
    g = generator_object()
    end = asyncio.Event()

    async def body() -> None:
        await g.ayield("first")
        await end.wait()

    iterator = g(body())
    assert await anext(iterator) == "first"
    rest = asyncio.create_task(collect(iterator))
    await settle()
    await g.ayield("from the first one")
    end.set()
    assert await rest == ["from the first one"]


@asyncio_test
async def test_a_finished_loop_is_not_called_when_a_left_iterator_is_dropped() -> None:
    g = generator_object()
    kept: list[Any] = []

    async def helper() -> None:
        await g.ayield(1)

    async def body() -> None:
        await asyncio.create_task(helper())

    def run() -> None:
        loop = asyncio.new_event_loop()
        iterator = g(body())
        loop.run_until_complete(iterator.__anext__())
        kept.append(iterator)
        for task in asyncio.all_tasks(loop):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
        loop.close()

    await asyncio.to_thread(run)
    kept.clear()
    gc.collect()
    with pytest.raises(RuntimeError, match="while nothing iterates"):
        await g.ayield(1)


@asyncio_test
async def test_a_waiting_consumer_shows_what_it_waits_for() -> None:
    g = generator_object()
    future = asyncio.get_running_loop().create_future()

    async def waits() -> None:
        await future

    task = asyncio.create_task(collect(g(waits())))
    await settle()
    waiter: Any = vars(type(task)).get("_fut_waiter") and task._fut_waiter  # type: ignore[attr-defined]
    assert repr(future) in repr(task)
    assert isinstance(waiter, asyncio.Future)
    assert not waiter.done()
    future.set_result(None)
    assert waiter.done()
    assert waiter.result() is None
    await task


@asyncio_test
async def test_the_reading_of_a_child_task_shows_its_value() -> None:
    g = generator_object()
    tasks: list[asyncio.Task[None]] = []

    async def helper() -> None:
        await g.ayield("a value")

    async def body() -> None:
        tasks.append(asyncio.create_task(helper()))
        await asyncio.wait(tasks)

    iterator = g(body())
    await anext(iterator)
    assert "<value 'a value' yielded into <GeneratorObject" in repr(tasks[0])
    assert await collect(iterator) == []


@asyncio_test
async def test_closing_while_a_value_for_an_outer_iterator_waits_raises_generator_exit_there() -> None:
    outer, inner = generator_object(), generator_object()
    monitor = Monitor()
    log: list[str] = []

    async def helper() -> None:
        await inner.ayield("from a task")

    async def innermost(send: Callable[[], Awaitable[Any]]) -> None:
        task = asyncio.create_task(helper())
        await inner.ayield("first")
        try:
            await send()
        except GeneratorExit:
            log.append("exit")
            raise
        finally:
            await asyncio.wait([task])

    async def middle() -> None:
        for send in (lambda: outer.ayield("never delivered"), lambda: monitor.oob("never delivered")):
            iterator = inner(innermost(send))
            assert await anext(iterator) == "first"
            await settle()
            assert await anext(iterator) == "from a task"
            await iterator.aclose()

    assert await monitor.aawait(collect(outer(middle()))) == []
    assert log == ["exit", "exit"]


@asyncio_test
async def test_closing_while_a_future_that_is_done_is_waited_for_cancels_the_coroutine() -> None:
    g = generator_object()
    future = asyncio.get_running_loop().create_future()

    async def helper() -> None:
        await g.ayield("value")

    async def body() -> None:
        task = asyncio.create_task(helper())
        try:
            await future
        finally:
            await asyncio.wait([task])

    iterator = g(body())
    assert await anext(iterator) == "value"
    future.set_result(None)
    await iterator.aclose()
    assert iterator.ag_frame is None


@asyncio_test
@pytest.mark.parametrize("done", [False, True])
async def test_closing_what_swallows_its_cancellation_raises_generator_exit_where_it_yields_next(done: bool) -> None:
    # As a timeout in the coroutine does that expires while a task's value is out.
    g = generator_object()
    future = asyncio.get_running_loop().create_future()
    log: list[str] = []

    async def helper() -> None:
        await g.ayield("value")

    async def body() -> None:
        task = asyncio.create_task(helper())
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await future
            await g.ayield("never delivered")
        except GeneratorExit:
            log.append("exit")
            raise
        finally:
            await asyncio.wait([task])

    iterator = g(body())
    assert await anext(iterator) == "value"
    if done:
        future.set_result(None)
    await iterator.aclose()
    assert log == ["exit"]
    assert iterator.ag_frame is None


@asyncio_test
async def test_a_cancellation_of_the_closing_task_is_not_swallowed() -> None:
    g = generator_object()

    async def helper() -> None:
        await g.ayield("value")

    async def body() -> None:
        task = asyncio.create_task(helper())
        try:
            await asyncio.wait([task])
        finally:
            await asyncio.sleep(3600)

    iterator = g(body())
    assert await anext(iterator) == "value"
    closing = asyncio.create_task(iterator.aclose())
    await settle()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert iterator.ag_frame is None


def test_a_task_of_a_loop_inside_of_a_synchronous_iteration_gets_a_clear_error() -> None:
    g = generator_object()

    async def child() -> None:
        with pytest.raises(RuntimeError, match="only on asyncio can other tasks yield into it"):
            await g.ayield("lost")

    async def body() -> None:
        asyncio.run(child())
        await g.ayield("own")

    assert list(aiter_sync(g(body()))) == ["own"]


@pytest.mark.parametrize("interrupted", [False, True])
@asyncio_test
async def test_a_wait_that_is_closed_is_not_woken_later(interrupted: bool) -> None:
    g = generator_object()
    future = asyncio.get_running_loop().create_future()
    woken: list[Any] = []
    tasks: list[asyncio.Task[None]] = []

    async def helper() -> None:
        await g.ayield("value")

    async def body() -> None:
        tasks.append(asyncio.create_task(helper()))
        await future

    call = anext(g(body())).__await__()
    waits_for = call.send(None)
    waits_for.add_done_callback(woken.append)
    if interrupted:
        await asyncio.sleep(0)
    call.close()
    future.set_result(None)
    if not interrupted:
        with contextlib.suppress(RuntimeError):
            await tasks[0]
    await settle()
    assert woken == []
    assert tasks[0].done()
    assert not interrupted or tasks[0].cancelled()


@pytest.mark.asyncio_logs_errors  # a task is destroyed while it waits
def test_dropping_an_iterator_after_its_loop_was_closed_calls_nothing() -> None:
    g = generator_object()

    async def helper() -> None:
        await g.ayield("value")

    async def body() -> None:
        await asyncio.create_task(helper())

    loop = asyncio.new_event_loop()
    iterator = g(body())
    assert loop.run_until_complete(iterator.__anext__()) == "value"
    loop.close()
    del iterator
    gc.collect()


@given(
    st.lists(st.lists(st.integers(0, 2), max_size=4), min_size=1, max_size=4),
    st.lists(st.integers(0, 3), max_size=4),
    st.lists(st.integers(0, 2), max_size=6),
    st.booleans(),
)
def test_every_value_of_any_interleaving_is_delivered_once_and_answered(
    children: list[list[int]], own: list[int], consumer: list[int], at_once: bool
) -> None:
    """Each number is how many passes of the loop a party lets go by before its next step."""
    answers: dict[Any, Any] = {}

    async def party(g: GeneratorObject[Any, Any], name: object, pauses: list[int]) -> None:
        for index, pause in enumerate(pauses):
            for _ in range(pause):
                await asyncio.sleep(0)
            answers[name, index] = await g.ayield((name, index))

    async def body(g: GeneratorObject[Any, Any]) -> None:
        start: Any = eager if at_once else asyncio.create_task
        tasks = [start(party(g, number, pauses)) for number, pauses in enumerate(children)]
        await party(g, "own", own)
        await asyncio.gather(*tasks)

    async def main() -> list[Any]:
        g = generator_object()
        iterator = g(body(g))
        seen: list[Any] = []
        answer = None
        with contextlib.suppress(StopAsyncIteration):
            while True:
                seen.append(await iterator.asend(answer))
                answer = ("answer", seen[-1])
                for _ in range(consumer[len(seen) % len(consumer)] if consumer else 0):
                    await asyncio.sleep(0)
        return seen

    seen = asyncio.run(main())
    parties: dict[object, list[int]] = {**dict(enumerate(children)), "own": own}
    sent = {(name, index) for name, pauses in parties.items() for index in range(len(pauses))}
    assert len(seen) == len(sent)
    assert set(seen) == sent
    assert answers == {value: ("answer", value) for value in sent}
    for name, pauses in parties.items():
        assert [index for who, index in seen if who == name] == list(range(len(pauses)))


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
    st.integers(0, 12),
    st.sampled_from(["consumer", "child", "close"]),
)
def test_a_cancellation_at_any_moment_ends_everything_and_leaves_nothing(
    pauses: list[int], moment: int, whom: str
) -> None:
    """A party is cancelled, or the iteration closed, after some passes of the loop."""
    tasks: list[asyncio.Task[None]] = []

    async def helper(g: GeneratorObject[Any, Any], pause: int) -> None:
        for value in range(3):
            for _ in range(pause):
                await asyncio.sleep(0)
            await g.ayield(value)

    async def body(g: GeneratorObject[Any, Any]) -> None:
        async with asyncio.TaskGroup() as group:
            tasks.extend(group.create_task(helper(g, pause)) for pause in pauses)

    async def main() -> None:
        g = generator_object()
        iterator = g(body(g))

        async def consume() -> list[Any]:
            async with contextlib.aclosing(iterator):
                values = []
                async for value in iterator:
                    values.append(value)
                    if whom == "close" and len(values) > moment // 2:
                        break
                return values

        consumer = asyncio.create_task(consume())
        for _ in range(moment):
            await asyncio.sleep(0)
        if whom == "consumer":
            consumer.cancel()
        elif whom == "child" and tasks:
            tasks[0].cancel()
        await asyncio.wait([consumer])
        if not consumer.cancelled():
            assert consumer.exception() is None
        await settle()
        assert all(task.done() for task in tasks)
        assert not iterator.ag_running
        if moment:  # else the consumer was cancelled before it began
            assert iterator.ag_frame is None

    asyncio.run(main())


@asyncio_test
async def test_values_of_other_tasks_leave_no_reference_cycle() -> None:
    class Token:
        pass

    async def exchange() -> weakref.ref[Token]:
        g = generator_object()

        async def helper() -> None:
            await g.ayield(Token())

        async def body() -> None:
            await asyncio.create_task(helper())

        iterator = g(body())
        reference = weakref.ref(await anext(iterator))
        assert await collect(iterator) == []
        return reference

    gc.collect()
    gc.disable()
    try:
        reference = await exchange()
        await asyncio.sleep(0)  # the loop itself holds the last handle until the end of the pass
        assert reference() is None
    finally:
        gc.enable()


@asyncio_test
async def test_a_finished_wait_keeps_no_task_alive() -> None:
    g = generator_object()

    async def body() -> None:
        while True:
            future = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(future.set_result, None)
            await future
            await g.ayield(1)

    iterator = g(body())
    task: Awaitable[Any] = asyncio.create_task(iterator.asend(None))
    reference = weakref.ref(task)
    await task
    del task
    await asyncio.sleep(0)  # the loop itself holds it until the end of the pass
    gc.collect()
    assert reference() is None
    await iterator.aclose()
