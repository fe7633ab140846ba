"""What type checkers infer: these functions are checked by mypy, and run to see that the types are true."""

import asyncio
from typing import assert_type

import pytest
from aio_group import (
    AsyncCallable,
    Executor,
    Group,
    call,
    call_on_cancel,
    call_on_done,
    create_executor,
    make_async,
    uncancellable,
    wait_for,
)

pytestmark = pytest.mark.asyncio


async def later(value: int) -> str:
    await asyncio.sleep(0)
    return str(value)


def now(value: int) -> str:
    return str(value)


async def test_groups_keep_the_types_of_results() -> None:
    async with Group() as group:
        assert_type(group, Group)
        task = group.spawn(later, 5)
        assert_type(task, asyncio.Future[str])
        assert_type(await group.wrap(later(5)), str)
        assert isinstance(await task, str)


async def test_calls_keep_the_types_of_results() -> None:
    either: AsyncCallable[[int], str] = now
    assert_type(await call(later, 5), str)
    assert_type(await call(now, 5), str)
    assert_type(await call(either, 5), str)
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    assert_type(await call_on_done(done, later, 5), str)
    assert_type(await call_on_done(done, now, 5), str)
    async with Group() as group:
        cancelled = group.spawn(call_on_cancel, later, 5)
    assert isinstance(await cancelled, str)


async def test_waiting_keeps_the_types_of_results() -> None:
    assert_type(await uncancellable(later(5)), str)
    assert_type(await wait_for(later(5), 10), str)
    assert isinstance(await wait_for(later(5), None), str)


async def test_executors_keep_the_types_of_results() -> None:
    async with Executor(1) as executor:
        assert_type(await executor.spawn(now, 5), str)
    assert_type(await create_executor(1)(now, 5), str)
    assert_type(await make_async(now)(5), str)
    assert_type(await make_async(later)(5), str)
    assert isinstance(await make_async(now)(5), str)
