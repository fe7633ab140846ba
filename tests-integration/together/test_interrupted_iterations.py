"""Interrupts at tasks that iterate over a `GeneratorObject`, or yield into one: as with a native generator."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aio_coro import GeneratorObject
from aio_sched import InterruptException, task_interrupt, task_throw, task_timeout
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.asyncio


def generator_object() -> GeneratorObject[Any, Any]:
    return GeneratorObject()


async def collect(iterator: Any) -> list[Any]:
    return [value async for value in iterator]


async def interrupt_at_once(task: asyncio.Task[Any], exc: BaseException) -> None:
    task_throw(task, exc)


each_interrupt = pytest.mark.parametrize("interrupt", [interrupt_at_once, task_interrupt])


# --- the iterating task ---------------------------------------------------------------------------------------------


@each_interrupt
@pytest.mark.parametrize("depth", [1, 2])
async def test_an_interrupt_is_raised_in_the_coroutine_and_leaves_alone_what_it_waits_for(
    interrupt: Callable[..., Awaitable[None]], depth: int
) -> None:
    end = asyncio.get_running_loop().create_future()
    child = asyncio.create_task(asyncio.wait_for(end, None))
    log: list[str] = []

    async def body(g: GeneratorObject[Any, Any], depth: int) -> None:
        if depth > 1:
            inner = generator_object()
            async for value in inner(body(inner, depth - 1)):
                await g.ayield(value)
            return
        try:
            await child
        except InterruptException:
            log.append("interrupted")
        await g.ayield(await child)

    g = generator_object()
    task = asyncio.create_task(collect(g(body(g, depth))))
    await settle()
    await interrupt(task, InterruptException())
    await settle()
    assert log == ["interrupted"]
    assert not child.done()
    end.set_result("data")
    assert await task == ["data"]


async def test_a_time_limit_leaves_alone_what_the_coroutine_waits_for() -> None:
    end = asyncio.get_running_loop().create_future()
    child = asyncio.create_task(asyncio.wait_for(end, None))
    g = generator_object()

    async def body() -> None:
        await g.ayield(await child)

    with pytest.raises(TimeoutError):
        async with task_timeout(0.001):
            await collect(g(body()))
    await settle()
    assert not child.done()
    end.set_result("data")
    assert await child == "data"


async def test_a_time_limit_that_cancels_what_is_waited_for_cancels_it_in_an_iteration_too() -> None:
    child = asyncio.create_task(asyncio.Event().wait())
    g = generator_object()

    async def body() -> None:
        await g.ayield(await child)

    with pytest.raises(TimeoutError):
        async with task_timeout(0.001, cancel_awaited=True):
            await collect(g(body()))
    await settle()
    assert child.cancelled()


async def test_a_future_of_the_program_is_left_alone() -> None:
    future = asyncio.get_running_loop().create_future()
    g = generator_object()

    async def body() -> None:
        await future

    task = asyncio.create_task(collect(g(body())))
    await settle()
    task_throw(task, InterruptException())
    await asyncio.wait([task])
    assert not future.done()


@each_interrupt
async def test_an_interrupt_does_not_take_a_cancellation_away(interrupt: Callable[..., Awaitable[None]]) -> None:
    g = generator_object()
    may_end = asyncio.Event()

    async def slow_to_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await may_end.wait()

    for awaited in (asyncio.create_task(slow_to_end()), asyncio.get_running_loop().create_future()):
        task = asyncio.create_task(collect(g(as_coroutine(awaited))))
        await settle()
        task.cancel("stop")
        with pytest.raises(RuntimeError, match="a cancellation is on its way"):
            await interrupt(task, InterruptException())
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task


async def as_coroutine(awaited: Awaitable[Any]) -> Any:
    return await awaited


# --- a task that yields ---------------------------------------------------------------------------------------------


@each_interrupt
@pytest.mark.parametrize("taken", [False, True])
async def test_an_interrupted_yield_withdraws_its_value_or_lets_nobody_answer_it(
    interrupt: Callable[..., Awaitable[None]], taken: bool
) -> None:
    g = generator_object()
    end = asyncio.Event()
    log: list[str] = []

    async def child() -> None:
        try:
            await g.ayield("of the child")
        except InterruptException:
            log.append("interrupted")
        await g.ayield("after that")

    async def body() -> None:
        children.append(asyncio.create_task(child()))
        await g.ayield("own")
        await end.wait()
        await children[0]

    children: list[asyncio.Task[None]] = []
    iterator = g(body())
    assert await anext(iterator) == "own"
    await settle()
    if taken:
        assert await anext(iterator) == "of the child"
    await interrupt(children[0], InterruptException())
    await settle()
    assert log == ["interrupted"]
    assert await anext(iterator) == "after that"
    end.set()
    assert await collect(iterator) == []


async def test_a_yield_that_has_its_answer_is_interrupted_before_it_goes_on() -> None:
    if not hasattr(asyncio.get_running_loop(), "_ready"):
        pytest.skip("a task that is about to run is out of reach on uvloop")
    g = generator_object()
    log: list[object] = []

    async def child() -> None:
        try:
            log.append(await g.ayield("of the child"))
        except InterruptException:
            log.append("interrupted")

    async def body() -> None:
        await task

    task = asyncio.create_task(child())
    iterator = g(body())
    assert await anext(iterator) == "of the child"
    answered = asyncio.create_task(iterator.asend("answer"))
    answered.add_done_callback(lambda _: None)
    while not (waits := task._fut_waiter) or not waits.done():  # type: ignore[attr-defined]
        await asyncio.sleep(0)
    task_throw(task, InterruptException())
    assert log == ["interrupted"]
    with pytest.raises(StopAsyncIteration):
        await answered


@pytest.mark.parametrize("cancel_awaited", [False, True])
async def test_a_time_limit_ends_a_yield_that_nobody_takes(cancel_awaited: bool) -> None:
    g = generator_object()
    end = asyncio.Event()

    async def child() -> None:
        with pytest.raises(TimeoutError):
            async with task_timeout(0.001, cancel_awaited=cancel_awaited):
                await g.ayield("too late")
        end.set()

    async def body() -> None:
        await g.ayield("own")

    iterator = g(body())
    assert await anext(iterator) == "own"
    task = asyncio.create_task(child())
    await end.wait()
    await task
    assert await collect(iterator) == []
