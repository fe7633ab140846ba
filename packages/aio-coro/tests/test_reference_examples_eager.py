"""The examples that asynkit 0.12 documents for eager starts and anyio, with our names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple

import aio_coro
import pytest
from aio_coro.anyio import create_eager_task_group
from anyio import run, sleep

if TYPE_CHECKING:
    from anyio.abc import TaskStatus


class Result(NamedTuple):
    important_data: str


def test_the_request_is_in_flight_while_the_caller_computes() -> None:
    log: list[str] = []

    async def execute_remote_request() -> Result:
        log.append("request sent")
        await asyncio.sleep(0.01)
        log.append("response received")
        return Result("data")

    async def some_local_computation() -> str:
        log.append("computing")
        return "local"

    def compute_result(intermediate: str, data: str) -> str:
        return f"{intermediate} {data}"

    @aio_coro.eager
    async def get_slow_remote_data() -> str:
        result = await execute_remote_request()
        return result.important_data

    async def my_complex_thing() -> str:
        # kick off the request as soon as possible
        future = get_slow_remote_data()
        # The remote execution may now already be in flight. Do some work taking time
        intermediate_result = await some_local_computation()
        # wait for the result of the request
        return compute_result(intermediate_result, await future)

    assert asyncio.run(my_complex_thing()) == "local data"
    assert log == ["request sent", "computing", "response received"]


Convert = Callable[[Coroutine[Any, Any, None]], Awaitable[None]]


@pytest.mark.parametrize(
    ("convert", "order"),
    [
        pytest.param(lambda coro: coro, ["a", "b", "c", 1, 2], id="do nothing"),
        pytest.param(asyncio.create_task, ["a", "b", 1, "c", 2], id="create a task"),
        pytest.param(aio_coro.eager, ["a", 1, "b", "c", 2], id="eager"),
        pytest.param(aio_coro.coro_eager, ["a", 1, "b", "c", 2], id="coro_eager"),
    ],
)
def test_the_order_of_execution(convert: Convert, order: list[object]) -> None:
    log: list[object] = []

    async def test() -> None:
        log.append(1)
        await asyncio.sleep(0.02)  # some long IO
        log.append(2)

    async def caller(convert: Convert) -> None:
        log.append("a")
        future = convert(test())
        log.append("b")
        await asyncio.sleep(0.01)  # some other IO
        log.append("c")
        await future

    asyncio.run(caller(convert))
    assert log == order


def test_func_eager_applies_coro_eager() -> None:
    @aio_coro.func_eager
    async def function(value: int) -> int:
        return value

    async def main() -> tuple[int, int]:
        return await asyncio.gather(function(1), function(2))

    assert list(asyncio.run(main())) == [1, 2]


def test_the_eager_anyio_task_group() -> None:
    log: list[str] = []

    async def func(task_status: TaskStatus[str]) -> None:
        log.append("hello")
        task_status.started("world")
        await sleep(0.01)
        log.append("goodbye")

    async def main() -> None:
        async with create_eager_task_group() as tg:
            start = tg.start(func)
            log.append("fine")
            log.append(await start)
        log.append("world")

    run(main, backend="asyncio")
    assert log == ["hello", "fine", "world", "goodbye", "world"]
