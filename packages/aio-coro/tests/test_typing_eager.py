"""What type checkers infer for eager starts: mypy checks each `assert_type`, the tests run the same lines."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, assert_type

import pytest
from aio_coro import (
    cancelling,
    coro_eager,
    create_eager_task_factory,
    create_task,
    eager,
    eager_ctx,
    eager_task_factory,
    func_eager,
)
from aio_coro.anyio import create_eager_task_group
from anyio import TaskHandle

if TYPE_CHECKING:
    from anyio.abc import TaskStatus

pytestmark = pytest.mark.asyncio


class Mine(asyncio.Future[int]):
    pass


async def number(value: int = 1, *, negative: bool = False) -> int:
    return -value if negative else value


def make(coro: Coroutine[Any, Any, int]) -> Mine:
    coro.close()
    return Mine()


class Service:
    @eager
    async def method(self, value: str) -> str:
        return value

    @func_eager
    async def other(self) -> None: ...


async def test_a_coroutine_gives_a_task_of_its_result() -> None:
    assert_type(eager(number()), asyncio.Task[int])
    assert_type(coro_eager(number()), asyncio.Task[int])
    assert_type(create_task(number(), eager_start=True), asyncio.Task[int])
    assert_type(await eager(number()), int)


async def test_a_custom_create_task_gives_what_it_returns() -> None:
    assert_type(eager(number(), create_task=make), Mine)
    assert_type(coro_eager(number(), create_task=make), Mine)
    assert_type(eager(number, create_task=make)(), Mine)
    assert_type(func_eager(number, create_task=make)(), Mine)
    async with asyncio.TaskGroup() as group:
        assert_type(eager(number(), create_task=group.create_task), asyncio.Task[int])
        assert_type(coro_eager(number(), create_task=group.create_task), asyncio.Task[int])
        context = contextvars.copy_context()
        assert_type(coro_eager(number(), create_task=group.create_task, context=context), asyncio.Task[int])


async def test_a_decorated_function_keeps_its_parameters() -> None:
    decorated = eager(number)
    assert_type(decorated(1, negative=True), asyncio.Task[int])
    with pytest.raises(TypeError):
        decorated("1", positive=True)  # type: ignore[call-arg, arg-type]
    assert_type(Service().method("value"), asyncio.Task[str])
    assert_type(Service().other(), asyncio.Task[None])


async def test_context_managers_give_what_they_cancel() -> None:
    assert_type(eager_ctx(number()), AbstractContextManager[asyncio.Task[int]])
    with eager_ctx(number()) as task:
        assert_type(task, asyncio.Task[int])
    with eager_ctx(number(), create_task=make) as mine:
        assert_type(mine, Mine)
    with cancelling(Mine()) as future:
        assert_type(future, Mine)


async def test_factories_are_task_factories() -> None:
    asyncio.get_running_loop().set_task_factory(eager_task_factory)
    asyncio.get_running_loop().set_task_factory(create_eager_task_factory(asyncio.Task))
    assert_type(create_eager_task_factory(asyncio.Task), Callable[..., asyncio.Task[Any]])
    asyncio.get_running_loop().set_task_factory(None)


async def test_an_eager_anyio_group_gives_what_anyios_does() -> None:
    async def starting(*, task_status: TaskStatus[int]) -> str:
        task_status.started(3)
        return "done"

    async with create_eager_task_group() as group:
        assert_type(group.start_soon(number, 1), TaskHandle[int])
        assert_type(group.create_task(number()), TaskHandle[int])
        assert_type(await group.start(starting), Any)
        assert_type(await group.start(starting, return_handle=True), TaskHandle[str, Any])
