"""The examples of asynkit's README for synchronous driving, `CoroStart` and `awaitmethod`, run with aio_coro.

Where an example could not run as printed, a comment says what was mended.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from contextlib import aclosing
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import aio_coro
import pytest
from aio_coro import CoroStart, aiter_sync

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


def process_data(data: str) -> str:
    return f"processed {data}"


async def async_get_processed_data(datagetter: Callable[[], Any]) -> str:
    data = datagetter()
    data = await data if isawaitable(data) else data
    return process_data(data)


def sync_get_processed_data(datagetter: Callable[[], Any]) -> str:
    return aio_coro.await_sync(async_get_processed_data(datagetter))


def test_one_body_for_sync_and_async_callers() -> None:
    async def quick() -> str:
        return "data"

    async def slow() -> str:
        await asyncio.sleep(0.001)
        return "data"

    assert sync_get_processed_data(lambda: "data") == "processed data"
    assert sync_get_processed_data(quick) == "processed data"
    assert asyncio.run(async_get_processed_data(slow)) == "processed data"

    async def in_a_loop() -> None:
        with pytest.raises(aio_coro.SynchronousError) as raised:
            sync_get_processed_data(slow)
        assert isinstance(raised.value.__cause__, aio_coro.SynchronousAbort)

    asyncio.run(in_a_loop())


def test_the_hybrid_that_it_replaces_gives_the_same_results() -> None:
    # Mended: the helper read `data` before it was assigned, and was returned without being called.
    def hybrid_get_processed_data(datagetter: Callable[[], Any]) -> Any:
        data = datagetter()
        if isawaitable(data):

            async def helper() -> str:
                return process_data(await data)

            return helper()
        return process_data(data)

    async def async_get(datagetter: Callable[[], Any]) -> str:
        result = hybrid_get_processed_data(datagetter)
        value: str = await result if isawaitable(result) else result
        return value

    async def quick() -> str:
        return "data"

    for getter in (lambda: "data", quick):
        assert asyncio.run(async_get(getter)) == sync_get_processed_data(getter)


def test_code_that_needs_the_loop_raises_runtime_error() -> None:
    async def makes_a_task() -> None:
        coro = asyncio.sleep(0)
        try:
            asyncio.create_task(coro)  # noqa: RUF006  (it cannot be made)
        finally:
            coro.close()

    with pytest.raises(RuntimeError, match="no running event loop"):
        aio_coro.await_sync(makes_a_task())


def test_syncfunction() -> None:
    @aio_coro.syncfunction
    async def sync_function() -> str:
        async def async_function() -> str:
            return "look, no async!"

        return await async_function()

    assert sync_function() == "look, no async!"


def test_asyncfunction_and_middleware() -> None:
    class AsyncMiddleware:
        def __init__(self, callback: Callable[[], Awaitable[str]]) -> None:
            self.callback = callback

        async def run(self) -> str:
            return f"middleware and {await self.callback()}"

    @aio_coro.syncfunction
    async def sync_client(sync_callback: Callable[[], str]) -> str:
        middleware = AsyncMiddleware(aio_coro.asyncfunction(sync_callback))
        return await middleware.run()

    assert sync_client(lambda: "callback") == "middleware and callback"


def test_aiter_sync() -> None:
    async def agen() -> AsyncIterator[int]:
        for v in range(3):
            yield v

    assert list(aiter_sync(agen())) == [0, 1, 2]  # mended: the example expected [1, 2, 3]


@pytest.mark.asyncio
async def test_aclosing_a_coro_start() -> None:
    closed: list[bool] = []

    async def foo() -> str:
        try:
            await asyncio.sleep(0)
            return "foo"
        finally:
            closed.append(True)

    async def use(error: Exception | None) -> str:
        async with aclosing(CoroStart(foo())) as coro:
            if error is not None:
                raise error
            return await coro

    assert await use(None) == "foo"
    with contextlib.suppress(KeyError):
        await use(KeyError())
    assert closed == [True, True]


@pytest.mark.asyncio
async def test_coro_await_with_a_context() -> None:
    var1: contextvars.ContextVar[str] = contextvars.ContextVar("myvar")

    async def my_method() -> None:
        var1.set("foo")

    context = contextvars.copy_context()
    var1.set("bar")
    await aio_coro.coro_await(my_method(), context=context)
    assert var1.get() == "bar"
    assert context.get(var1) == "foo"


@pytest.mark.parametrize("decorator", [aio_coro.awaitmethod, aio_coro.awaitmethod_iter])
def test_awaitmethod(decorator: Callable[[Any], Callable[..., Any]]) -> None:
    class AwaitableObject:
        def __init__(self, cofunc: Callable[[], Awaitable[None]]) -> None:
            self.cofunc = cofunc
            self.count = 0

        @decorator
        async def __await__(self) -> int:
            await self.cofunc()
            # Mended: the example counted after its return statement.
            self.count += 1
            return self.count - 1

    async def main() -> None:
        async def sleeper() -> None:
            await asyncio.sleep(0.001)

        a: Any = AwaitableObject(sleeper)
        assert (await a) == 0
        assert (await a) == 1

    asyncio.run(main())


@pytest.mark.asyncio
async def test_awaitmethod_on_a_static_method() -> None:
    class Constructor:
        @staticmethod
        @aio_coro.awaitmethod
        async def __await__() -> Constructor:
            await asyncio.sleep(0)
            return Constructor()

    # Mended: `await` looks the method up on the type, so that what is awaited is an instance, not the class.
    assert isinstance(await Constructor(), Constructor)
