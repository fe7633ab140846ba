"""The examples of hat.aio's documentation, with the imports renamed (its Queue and `first` have homes of their own)."""

import asyncio
import threading
from typing import Any

import pytest
from aio_group import Group, Resource, call, call_on_cancel, call_on_done, create_executor, uncancellable

pytestmark = pytest.mark.asyncio


async def test_uncancellable() -> None:
    log = []

    async def create_resource() -> str:
        return "resource"

    async def consume_resource(resource: str) -> None:
        log.append(f"consume {resource}")
        await asyncio.get_running_loop().create_future()

    async def free_resource(resource: str) -> None:
        await asyncio.sleep(0)
        log.append(f"free {resource}")

    async def run() -> None:
        resource = await create_resource()
        try:
            await consume_resource(resource)
        finally:
            await uncancellable(free_resource(resource))

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["consume resource", "free resource"]


async def test_call() -> None:
    def f1(x: int) -> int:
        return x

    async def f2(x: int) -> int:
        await asyncio.sleep(0)
        return x

    result = await call(f1, 123)
    assert result == 123

    result = await call(f2, 123)
    assert result == 123


async def test_call_on_cancel() -> None:
    f: asyncio.Future[int] = asyncio.Future()
    group = Group()
    group.spawn(call_on_cancel, f.set_result, 123)
    await group.async_close()
    assert f.result() == 123


async def test_call_on_done() -> None:
    f: asyncio.Future[None] = asyncio.Future()
    group = Group()
    group.spawn(call_on_done, f, group.close)
    f.set_result(None)
    await group.wait_closed()


async def test_create_executor() -> None:
    executor1 = create_executor()
    executor2 = create_executor()
    tid1 = await executor1(threading.get_ident)
    tid2 = await executor2(threading.get_ident)
    assert tid1 != tid2


async def test_group() -> None:
    async def f1(x: str) -> str:
        try:
            await asyncio.Future()
        except asyncio.CancelledError:
            return x
        raise AssertionError("the future has no result")

    async def f2(x: str) -> str:
        await asyncio.sleep(0)
        return x

    async with Group() as group:
        f = group.spawn(f1, "f1")
        assert await group.spawn(f2, "f2") == "f2"
    assert await f == "f1"


async def test_subgroups() -> None:
    group = Group()
    subgroup1 = group.create_subgroup()
    subgroup2 = group.create_subgroup()

    f1: asyncio.Future[Any] = subgroup1.spawn(asyncio.Future)
    f2: asyncio.Future[Any] = subgroup2.spawn(asyncio.Future)

    assert not f1.done()
    assert not f2.done()

    await group.async_close()

    assert f1.done()
    assert f2.done()


async def test_resource() -> None:
    class Connection(Resource):
        def __init__(self) -> None:
            self._group = Group()

        @property
        def async_group(self) -> Group:
            return self._group

    connection = Connection()
    assert (connection.is_open, connection.is_closing, connection.is_closed) == (True, False, False)
    connection.close()
    await connection.wait_closing()
    await connection.wait_closed()
    assert (connection.is_open, connection.is_closing, connection.is_closed) == (False, True, True)
    await connection.async_close()
