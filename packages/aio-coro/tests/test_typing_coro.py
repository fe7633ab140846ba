"""What a type checker infers for coroutines by hand, monitors and generators. Run as tests too: it all works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from typing import Any, assert_type

import pytest
from aio_coro import (
    BoundMonitor,
    CoroStart,
    CoroutineWrapper,
    GeneratorObject,
    GeneratorObjectIterator,
    Monitor,
    OOBData,
    aiter_sync,
    asyncfunction,
    await_sync,
    awaitmethod,
    coro_await,
    coro_drive,
    coro_iter,
    syncfunction,
)

pytestmark = pytest.mark.asyncio


async def number(value: int = 1, *, name: str = "") -> int:
    return value


async def numbers() -> AsyncIterator[int]:
    yield 1


async def test_coro_start_knows_its_result() -> None:
    start = CoroStart(number())
    assert_type(start, CoroStart[int])
    assert_type(start.result(), int)
    assert_type(start.as_future(), asyncio.Future[int])
    assert_type(await start, int)
    assert_type(await CoroStart(number()).athrow(KeyError()), int)
    assert_type(await CoroStart(number()).as_coroutine(), int)
    assert_type(await CoroStart(number()).as_awaitable(), int)
    assert_type(await coro_await(number()), int)


async def test_drivers_know_the_result() -> None:
    assert_type(await_sync(number()), int)
    assert_type(list(aiter_sync(numbers())), list[int])
    assert_type(coro_drive(number(), lambda _: None), int)
    assert_type(coro_iter(iterated := number()), Generator[Any, Any, int])
    iterated.close()
    assert_type(syncfunction(number)(2, name="n"), int)
    assert_type(await asyncfunction(len)("abc"), int)


async def test_awaitmethod_keeps_the_parameters_and_the_result() -> None:
    class Result:
        @awaitmethod
        async def __await__(self) -> int:
            return 1

    assert_type(await Result(), int)
    method: Callable[[Result], Generator[Any, Any, int]] = Result.__await__
    assert callable(method)


async def test_a_monitor_infers_the_result_of_each_coroutine() -> None:
    monitor = Monitor()
    assert_type(monitor, Monitor[Any])
    assert_type(await monitor.aawait(number()), int)
    assert_type(await monitor.try_await(number()), int | None)
    assert_type(await monitor.try_await(number(), None, "more"), int | str)
    assert_type(await monitor.try_await(number(), sentinel="more"), int | str)
    bound = monitor(number())
    assert_type(bound, BoundMonitor[int, Any])
    assert_type(await bound, int)


async def test_a_monitor_with_a_parameter_knows_what_is_sent() -> None:
    monitor: Monitor[bytes] = Monitor()

    async def asks() -> int:
        answer: str = await monitor.oob(b"question")
        return len(answer)

    bound = monitor(asks())
    assert_type(bound, BoundMonitor[int, bytes])
    assert_type(await bound.start(), bytes | None)
    assert_type(await bound.try_await("answer", False), int | bool)
    assert_type(OOBData().data, Any)


async def test_a_generator_object_knows_what_is_yielded_and_sent() -> None:
    generator_object: GeneratorObject[int, str] = GeneratorObject()

    async def body() -> None:
        assert_type(await generator_object.ayield(1), str)

    iterator = generator_object(body())
    assert_type(iterator, GeneratorObjectIterator[int, str])
    assert_type(await anext(iterator), int)
    async for value in iterator:
        assert_type(value, int)
    assert_type(GeneratorObject[int]()(body_of_nothing()), GeneratorObjectIterator[int, Any])
    assert_type(GeneratorObject(), GeneratorObject[Any, Any])


async def body_of_nothing() -> None:
    """Never started: its iterator closes it."""


async def test_a_coroutine_wrapper_is_a_typed_coroutine() -> None:
    class Job(CoroutineWrapper[Any, Any, int]):
        def __init__(self) -> None:
            super().__init__(coroutine=number())

    coro: Coroutine[Any, Any, int] = Job()
    assert_type(await coro, int)
    assert_type(await Job(), int)
    assert_type(await asyncio.create_task(Job()), int)
