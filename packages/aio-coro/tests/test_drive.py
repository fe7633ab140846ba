"""`coro_drive`, `coro_iter`, `awaitmethod` and `awaitmethod_iter`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import types
import weakref
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from aio_coro import awaitmethod, awaitmethod_iter, coro_drive, coro_iter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Ask:
    """Awaiting it yields its question, and returns what is sent."""

    def __init__(self, question: object) -> None:
        self.question = question

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield self.question)


async def asks(*questions: object) -> list[Any]:
    return [await Ask(question) for question in questions]


def test_coro_drive_answers_what_is_yielded_and_returns_the_result() -> None:
    assert coro_drive(asks(1, 2, None), lambda question: (question, "answer")) == [
        (1, "answer"),
        (2, "answer"),
        (None, "answer"),
    ]


def test_coro_drive_raises_what_the_callback_raises_in_the_coroutine() -> None:
    contexts: list[Any] = []

    async def recovers() -> str:
        try:
            await Ask("fail")
        except LookupError as error:
            contexts.append(error.__context__)
        try:
            raise KeyError
        except KeyError as error:
            contexts.append(error.__context__)
        return f"then {await Ask('go on')}"

    def answer(question: object) -> str:
        if question == "fail":
            raise LookupError
        return "fine"

    assert coro_drive(recovers(), answer) == "then fine"
    assert contexts == [None, None]


def test_coro_drive_lets_errors_of_both_sides_out() -> None:
    async def fails() -> None:
        await Ask(1)
        raise KeyError("own")

    with pytest.raises(KeyError, match="own"):
        coro_drive(fails(), lambda _: None)

    def stop(_: object) -> None:
        raise StopIteration("callback")

    with pytest.raises(RuntimeError, match="raised StopIteration"):
        coro_drive(asks(1), stop)


def test_coro_drive_closes_the_coroutine_on_generator_exit() -> None:
    log: list[str] = []

    async def coro() -> None:
        try:
            await Ask(1)
        finally:
            log.append("finally")

    def leave(_: object) -> None:
        raise GeneratorExit

    with pytest.raises(GeneratorExit):
        coro_drive(coro(), leave)
    assert log == ["finally"]


def test_an_error_thrown_by_coro_drive_is_in_no_reference_cycle() -> None:
    class Failure(Exception):
        pass

    def fail(_: object) -> None:
        raise Failure

    gc.disable()
    try:
        try:
            coro_drive(asks(1), fail)
        except Failure as error:
            reference = weakref.ref(error)
        assert reference() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("drive", [lambda coro: coro_drive(coro, print), coro_iter], ids=["coro_drive", "coro_iter"])
def test_what_is_no_coroutine_is_refused(drive: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"takes a coroutine, not <function asks.*call it first: asks"):
        drive(asks)


def test_a_callback_that_cannot_be_called_is_refused_and_leaves_the_coroutine_as_it_was() -> None:
    async def works() -> str:
        return "done"

    coro = works()
    with pytest.raises(TypeError, match=r"coro_drive\(\) takes a callback that can be called, not 5"):
        coro_drive(coro, 5)  # type: ignore[arg-type]
    assert coro_drive(coro, print) == "done"


def test_coro_iter_is_a_generator_that_passes_everything_on() -> None:
    iterator: Any = coro_iter(asks("one", "two"))
    assert inspect.isgenerator(iterator) is True
    assert next(iterator) == "one"
    assert iterator.send("first") == "two"
    with pytest.raises(StopIteration) as stop:
        iterator.send("second")
    assert stop.value.value == ["first", "second"]

    thrown = coro_iter(asks("one"))
    next(thrown)
    with pytest.raises(LookupError):
        thrown.throw(LookupError())


def test_coro_iter_takes_classic_coroutines() -> None:
    @types.coroutine
    def classic() -> Generator[Any, Any, Any]:
        return (yield "question")

    classic_coro: Any = classic()
    iterator = coro_iter(classic_coro)
    assert next(iterator) == "question"
    with pytest.raises(StopIteration) as stop:
        iterator.send("answer")
    assert stop.value.value == "answer"


def test_closing_a_coro_iter_closes_the_coroutine() -> None:
    log: list[str] = []

    async def coro() -> None:
        try:
            await Ask(1)
        finally:
            log.append("finally")

    iterator = coro_iter(coro())
    next(iterator)
    iterator.close()
    assert log == ["finally"]


Decorator: TypeAlias = "Callable[[Any], Callable[..., Any]]"
BOTH = pytest.mark.parametrize("decorator", [awaitmethod, awaitmethod_iter])


@BOTH
@pytest.mark.asyncio
async def test_an_object_with_an_async_await_method_can_be_awaited_again_and_again(decorator: Decorator) -> None:
    class Counter:
        count = 0

        @decorator
        async def __await__(self) -> int:
            """Counts."""
            await asyncio.sleep(0)
            self.count += 1
            return self.count

    counter = Counter()
    assert [await counter, await counter] == [1, 2]
    assert await asyncio.wait_for(counter, 10) == 3
    assert await asyncio.ensure_future(counter) == 4
    assert inspect.isawaitable(counter)
    assert Counter.__await__.__doc__ == "Counts."


@BOTH
@pytest.mark.asyncio
async def test_class_and_static_methods_can_be_await_methods_in_either_order(decorator: Decorator) -> None:
    class Outside:
        @classmethod
        @decorator
        async def __await__(cls) -> Any:
            return cls

    class Inside:
        @decorator
        @classmethod
        async def __await__(cls) -> Any:
            return cls

    class Static:
        @staticmethod
        @decorator
        async def __await__() -> str:
            return "static"

    class StaticInside:
        @decorator
        @staticmethod
        async def __await__() -> str:
            return "static"

    assert await Outside() is Outside
    assert await Inside() is Inside
    assert await Static() == await StaticInside() == "static"


@BOTH
@pytest.mark.asyncio
async def test_cancelling_an_await_runs_the_clean_up_of_the_method(decorator: Decorator) -> None:
    log: list[str] = []

    class Waits:
        @decorator
        async def __await__(self) -> None:
            try:
                await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0)
                log.append("finally")

    task = asyncio.ensure_future(Waits())
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert log == ["finally"]


@BOTH
def test_misuse_of_the_decorators_is_a_clear_error(decorator: Decorator) -> None:
    with pytest.raises(TypeError, match="decorates an async method, not 5"):
        decorator(5)

    @decorator
    def plain() -> int:
        return 5

    with pytest.raises(TypeError, match=r"plain.*decorated with @awaitmethod\w*, returned 5, not a coroutine"):
        plain()
