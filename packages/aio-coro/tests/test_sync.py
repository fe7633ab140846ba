"""`await_sync`, `aiter_sync`, `syncfunction` and `asyncfunction`."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import gc
import inspect
import traceback
import types
from typing import TYPE_CHECKING, Any

import pytest
import trio
from aio_coro import (
    GeneratorObject,
    Monitor,
    OOBData,
    SynchronousAbort,
    SynchronousError,
    aiter_sync,
    asyncfunction,
    await_sync,
    awaitmethod,
    syncfunction,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")


class Never:
    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield self)

    def __repr__(self) -> str:
        return "<never>"


async def add(first: int, second: int) -> int:
    await asyncio.sleep(0)
    return first + second


async def waits_in_the_middle() -> None:
    await add(1, 2)
    await Never()  # the line that waits


def test_it_runs_async_code_to_its_end_without_a_loop() -> None:
    assert await_sync(add(1, 2)) == 3
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def test_it_takes_any_awaitable() -> None:
    class Result:
        @awaitmethod
        async def __await__(self) -> str:
            return "awaited"

    assert await_sync(Result()) == "awaited"
    with pytest.raises(TypeError, match=r"await_sync\(\) takes a coroutine or another awaitable, not 5"):
        await_sync(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"not <function .*; call it first: waits_in_the_middle\(\.\.\.\)"):
        await_sync(waits_in_the_middle)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="another awaitable, not <generator"):
        await_sync(number for number in range(2))  # type: ignore[arg-type]


def test_it_takes_classic_coroutines() -> None:
    @types.coroutine
    def classic() -> Generator[None, None, str]:
        yield
        return "classic"

    assert await_sync(classic()) == "classic"


def test_errors_of_the_code_are_raised_as_they_are() -> None:
    async def fails() -> None:
        raise KeyError("own")

    with pytest.raises(KeyError, match="own") as raised:
        await_sync(fails())
    assert raised.value.__cause__ is None


def test_code_that_waits_is_aborted_and_the_cause_leads_to_the_line_that_waits() -> None:
    with pytest.raises(SynchronousError, match="failed to complete synchronously: it waits for <never>") as raised:
        await_sync(waits_in_the_middle())
    abort = raised.value.__cause__
    assert isinstance(abort, SynchronousAbort)
    lines = [frame.line for frame in traceback.extract_tb(abort.__traceback__)]
    assert "await Never()  # the line that waits" in lines


def test_the_aborted_code_cleans_up_and_does_not_see_the_abort_as_an_exception() -> None:
    log: list[str] = []

    async def coro() -> None:
        try:
            await Never()
        except Exception:
            log.append("taken for an error")
        finally:
            await add(1, 2)
            log.append("cleaned up")

    with pytest.raises(SynchronousError):
        await_sync(coro())
    assert log == ["cleaned up"]


def test_clean_up_that_waits_is_aborted_too() -> None:
    log: list[str] = []

    async def coro() -> None:
        try:
            try:
                await Never()
            finally:
                log.append("inner")
                await Never()
                log.append("not reached")
        finally:
            log.append("outer")

    with pytest.raises(SynchronousError) as raised:
        await_sync(coro())
    assert log == ["inner", "outer"]
    assert isinstance(raised.value.__cause__, SynchronousAbort)


def test_an_error_of_the_clean_up_is_raised_with_the_abort_in_its_context() -> None:
    async def coro() -> None:
        try:
            await Never()
        finally:
            raise KeyError("clean-up")

    with pytest.raises(KeyError, match="clean-up") as raised:
        await_sync(coro())
    assert isinstance(raised.value.__context__, SynchronousAbort)


def test_code_that_swallows_the_abort_has_waited_all_the_same() -> None:
    async def swallows() -> str:
        with contextlib.suppress(SynchronousAbort):
            await Never()
        return "never mind"

    with pytest.raises(SynchronousError):
        await_sync(swallows())


def test_code_that_does_not_let_itself_be_ended_is_reported() -> None:
    ignores = True

    async def endless() -> None:
        while ignores:
            with contextlib.suppress(BaseException):
                await Never()

    coro = endless()
    with pytest.raises(RuntimeError, match="coroutine ignored GeneratorExit"):
        await_sync(coro)
    ignores = False
    coro.close()


def test_bare_yields_may_be_taken_for_waiting() -> None:
    assert await_sync(asyncio.sleep(0, "slept")) == "slept"
    with pytest.raises(SynchronousError, match="it waits for None"):
        await_sync(asyncio.sleep(0), ignore_nullsleep=False)


def test_it_may_be_nested() -> None:
    async def outer() -> int:
        return await_sync(add(1, 2)) + await add(3, 4)

    assert await_sync(outer()) == 10


def test_an_abort_of_another_call_is_not_taken_for_ones_own() -> None:
    other = SynchronousAbort()

    async def raises_another() -> None:
        try:
            await Never()
        finally:
            raise other

    with pytest.raises(SynchronousAbort) as raised:
        await_sync(raises_another())
    assert raised.value is other


@pytest.mark.asyncio
async def test_inside_of_a_running_loop_the_timer_of_an_aborted_sleep_is_cancelled() -> None:
    with pytest.raises(SynchronousError):
        await_sync(asyncio.sleep(3600))
    future = asyncio.get_running_loop().create_future()
    with pytest.raises(SynchronousError, match="Future pending"):
        await_sync(future)
    assert not future.done()


def test_async_context_managers_and_the_context_work() -> None:
    @contextlib.asynccontextmanager
    async def setting(value: str) -> AsyncIterator[str]:
        token = variable.set(value)
        try:
            yield value
        finally:
            variable.reset(token)

    async def coro() -> str:
        async with setting("inside") as value:
            return value + variable.get()

    assert await_sync(coro()) == "insideinside"


async def numbers(log: list[str]) -> AsyncIterator[int]:
    try:
        for number in range(3):
            await asyncio.sleep(0)
            yield number
    finally:
        await asyncio.sleep(0)
        log.append("closed")


def test_aiter_sync_gives_every_item_and_closes() -> None:
    log: list[str] = []
    assert list(aiter_sync(numbers(log))) == [0, 1, 2]
    assert log == ["closed"]


def test_aiter_sync_closes_when_it_is_closed_dropped_or_left_by_an_error() -> None:
    for leave in ("close", "drop", "error"):
        log: list[str] = []
        iterator = aiter_sync(numbers(log))
        assert next(iterator) == 0
        if leave == "close":
            iterator.close()
        elif leave == "drop":
            del iterator
            gc.collect()
        else:
            with pytest.raises(KeyError):
                iterator.throw(KeyError())
        assert log == ["closed"]


def test_aiter_sync_of_an_item_that_has_to_be_waited_for() -> None:
    log: list[str] = []

    async def waits() -> AsyncIterator[int]:
        try:
            yield 1
            await Never()
            yield 2
        finally:
            log.append("closed")

    iterator = aiter_sync(waits())
    assert next(iterator) == 1
    with pytest.raises(SynchronousError):
        next(iterator)
    assert log == ["closed"]
    with pytest.raises(StopIteration):
        next(iterator)


def test_aiter_sync_takes_any_async_iterable_and_nothing_else() -> None:
    class Countdown:
        def __init__(self) -> None:
            self.left = 2

        def __aiter__(self) -> Countdown:
            return self

        async def __anext__(self) -> int:
            if not self.left:
                raise StopAsyncIteration
            self.left -= 1
            return self.left

    assert list(aiter_sync(Countdown())) == [1, 0]
    with pytest.raises(TypeError, match=r"aiter_sync\(\) takes an asynchronous iterable, not \[1\]"):
        aiter_sync([1])  # type: ignore[arg-type]


def test_monitor_and_generator_object_work_without_a_loop() -> None:
    generator_object: GeneratorObject[int, Any] = GeneratorObject()

    async def generate() -> None:
        for number in range(3):
            await generator_object.ayield(number)

    assert list(aiter_sync(generator_object(generate()))) == [0, 1, 2]

    monitor = Monitor[str]()

    async def asks() -> str:
        answer: str = await monitor.oob("question")
        return answer.upper()

    bound = monitor(asks())
    with pytest.raises(OOBData) as message:
        await_sync(bound)
    assert message.value.data == "question"
    assert await_sync(bound.aawait("answer")) == "ANSWER"


def test_syncfunction_makes_functions_and_methods_sync() -> None:
    @syncfunction
    async def plain(first: int, *, second: int) -> int:
        """Adds."""
        return await add(first, second)

    class Adder:
        base = 10

        @syncfunction
        async def method(self, value: int) -> int:
            return await add(self.base, value)

        @classmethod
        @syncfunction
        async def of_class(cls, value: int) -> int:
            return await add(cls.base, value)

        @syncfunction
        @classmethod
        async def of_class_too(cls, value: int) -> int:
            return await add(cls.base, value)

        @syncfunction
        @staticmethod
        async def static(value: int) -> int:
            return value

    assert plain(1, second=2) == 3
    assert plain.__doc__ == "Adds."
    assert not inspect.iscoroutinefunction(plain)
    adder: Any = Adder()
    assert adder.method(1) == adder.of_class(1) == adder.of_class_too(1) == 11
    assert adder.static(4) == 4
    assert syncfunction(functools.partial(add, 1))(2) == 3
    with pytest.raises(SynchronousError):
        syncfunction(waits_in_the_middle)()
    with pytest.raises(TypeError, match=r"syncfunction\(\) takes an async function, not 5"):
        syncfunction(5)  # type: ignore[arg-type]


def test_asyncfunction_makes_callbacks_async() -> None:
    @asyncfunction
    def double(value: int) -> int:
        """Doubles."""
        return 2 * value

    class Doubler:
        @asyncfunction
        def method(self, value: int) -> int:
            return 2 * value

        @asyncfunction
        @staticmethod
        def static(value: int) -> int:
            return 2 * value

    assert inspect.iscoroutinefunction(double)
    assert double.__doc__ == "Doubles."
    doubler: Any = Doubler()
    assert [await_sync(call) for call in (double(1), doubler.method(2), doubler.static(3))] == [2, 4, 6]
    assert await_sync(asyncfunction(functools.partial(max, 5))(4)) == 5
    with pytest.raises(TypeError, match=r"asyncfunction\(\) takes a function, not 5"):
        asyncfunction(5)  # type: ignore[arg-type]


def test_an_asyncfunction_runs_when_it_is_awaited() -> None:
    calls: list[int] = []
    coro = asyncfunction(calls.append)(1)
    assert calls == []
    await_sync(coro)
    assert calls == [1]


def test_await_sync_of_code_for_trio_aborts_where_it_would_wait() -> None:
    async def main() -> None:
        log: list[str] = []

        async def waits() -> None:
            try:
                await trio.sleep_forever()
            finally:
                log.append("cleaned up")

        with pytest.raises(SynchronousError):
            await_sync(waits())
        assert log == ["cleaned up"]

    trio.run(main)
