"""`coro_is_new`, `coro_is_suspended`, `coro_is_done`, `coro_get_frame` on everything that can be suspended."""

from __future__ import annotations

import types
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import pytest
from aio_coro import (
    CoroutineWrapper,
    GeneratorObject,
    coro_get_frame,
    coro_is_done,
    coro_is_finished,
    coro_is_new,
    coro_is_suspended,
)


class Wait:
    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield)


def state(coro: Any) -> str:
    states = {"new": coro_is_new(coro), "suspended": coro_is_suspended(coro), "done": coro_is_done(coro)}
    assert coro_is_finished(coro) == coro_is_done(coro) == (coro_get_frame(coro) is None)
    return " ".join(name for name, true in states.items() if true) or "running"


Look = Callable[[], None]


async def a_coroutine(look: Look) -> None:
    look()
    await Wait()
    look()


@types.coroutine
def a_classic_coroutine(look: Look) -> Generator[None, None, None]:
    look()
    yield
    look()


def a_generator(look: Look) -> Generator[None, None, None]:
    look()
    yield
    look()


def a_wrapper(look: Look) -> CoroutineWrapper[Any, Any, None]:
    return CoroutineWrapper(coroutine=a_coroutine(look))


@pytest.mark.parametrize("make", [a_coroutine, a_classic_coroutine, a_generator, a_wrapper])
def test_every_state_of_a_coroutine_is_told(make: Callable[[Look], Any]) -> None:
    seen: list[str] = []
    coro = make(lambda: seen.append(state(coro)))
    seen.append(state(coro))
    coro.send(None)
    seen.append(state(coro))
    with pytest.raises(StopIteration):
        coro.send(None)
    seen.append(state(coro))
    assert seen == ["new", "running", "suspended", "running", "done"]


async def an_async_generator(look: Look) -> AsyncGenerator[int, None]:
    look()
    yield 1
    look()
    await Wait()
    look()


def a_generator_object(look: Look) -> Any:
    generator_object: GeneratorObject[int, Any] = GeneratorObject()

    async def body() -> None:
        look()
        await generator_object.ayield(1)
        look()
        await Wait()
        look()

    return generator_object(body())


@pytest.mark.parametrize("make", [an_async_generator, a_generator_object])
def test_every_state_of_an_asynchronous_generator_is_told(make: Callable[[Look], Any]) -> None:
    seen: list[str] = []
    agen = make(lambda: seen.append(state(agen)))
    seen.append(state(agen))
    with pytest.raises(StopIteration):
        agen.__anext__().__await__().send(None)
    seen.append(state(agen))
    iterator = agen.__anext__().__await__()
    iterator.send(None)
    seen.append(state(agen))
    with pytest.raises(StopAsyncIteration):
        iterator.send(None)
    seen.append(state(agen))
    assert seen == ["new", "running", "suspended", "running", "suspended", "running", "done"]


def test_a_closed_coroutine_is_done() -> None:
    coro = a_coroutine(lambda: None)
    frame = coro_get_frame(coro)
    assert frame is not None
    assert frame.f_code is a_coroutine.__code__
    coro.close()
    assert state(coro) == "done"


@pytest.mark.parametrize("look", [coro_is_new, coro_is_suspended, coro_is_done, coro_get_frame])
def test_anything_else_is_refused(look: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="expected a coroutine, generator or asynchronous generator, not 5"):
        look(5)
