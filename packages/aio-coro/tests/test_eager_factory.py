"""Eager task factories, and `create_task`: the interfaces of 3.12 and 3.14 on every version."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from aio_coro import create_eager_task_factory, create_task, eager, eager_task_factory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


async def me() -> asyncio.Task[Any] | None:
    before = asyncio.current_task()
    await asyncio.sleep(0)
    assert asyncio.current_task() is before
    return before


async def answer() -> int:
    return 42


class Mine(asyncio.Task[Any]):
    pass


class Factory:
    """Sets a loop's task factory for a block."""

    def __init__(self, factory: Any) -> None:
        self.factory = factory

    def __enter__(self) -> None:
        asyncio.get_running_loop().set_task_factory(self.factory)

    def __exit__(self, *error: object) -> None:
        asyncio.get_running_loop().set_task_factory(None)


async def test_the_factory_starts_every_task_of_the_loop_at_once() -> None:
    with Factory(eager_task_factory):
        assert asyncio.create_task(answer()).result() == 42
        task = asyncio.create_task(me(), name="given")
        assert task in asyncio.all_tasks()
        assert task.get_name() == "given"
        assert await task is task
        assert list(await asyncio.gather(answer(), answer())) == [42, 42]


async def test_tasks_are_made_by_the_given_constructor() -> None:
    with Factory(create_eager_task_factory(Mine)):
        for task in (asyncio.create_task(me()), eager(me()), create_task(me(), eager_start=True)):
            assert type(task) is Mine
            assert await task is task


async def test_a_context_given_to_the_factory_is_the_tasks() -> None:
    async def child() -> None:
        variable.set("child's")

    context = contextvars.copy_context()
    with Factory(eager_task_factory):
        await asyncio.create_task(child(), context=context)
    assert context[variable] == "child's"
    assert variable.get() == "unset"


async def test_a_context_that_is_entered_is_an_error_under_the_factory() -> None:
    context = contextvars.copy_context()
    caller = asyncio.current_task()
    coro = answer()
    with Factory(eager_task_factory), pytest.raises(RuntimeError, match="entered already"):
        context.run(asyncio.create_task, coro, context=context)
    assert asyncio.current_task() is caller
    assert await coro == 42


async def test_a_timeout_under_the_factory_cancels_the_new_task_only() -> None:
    async def child() -> None:
        async with asyncio.timeout(0.001):
            await asyncio.Event().wait()

    with Factory(eager_task_factory):
        task = asyncio.create_task(child())
        with pytest.raises(TimeoutError):
            await task
    caller = asyncio.current_task()
    assert caller is not None
    assert caller.cancelling() == 0


async def test_task_groups_work_under_the_factory() -> None:
    with Factory(eager_task_factory):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(answer()), group.create_task(me())]
        assert tasks[0].result() == 42
        assert tasks[1].result() is tasks[1]


async def test_anyio_task_groups_work_under_the_factory() -> None:
    async def child() -> bool:
        with anyio.move_on_after(0.001) as scope:
            await anyio.sleep_forever()
        return scope.cancelled_caught

    with Factory(eager_task_factory):
        async with anyio.create_task_group() as group:
            handle = group.start_soon(child)
            assert await handle


async def test_a_constructor_that_cannot_be_called_is_an_error() -> None:
    with pytest.raises(TypeError, match="the constructor of tasks has to be callable, not 3"):
        create_eager_task_factory(3)  # type: ignore[arg-type]


async def test_a_task_for_another_threads_loop_waits_for_that_loop() -> None:
    """asyncio's own factory would run it here, under the other loop's name."""
    other = asyncio.new_event_loop()
    other.set_debug(False)  # in debug mode the loop refuses what other threads schedule
    running = threading.Event()
    other.call_soon(running.set)
    thread = threading.Thread(target=other.run_forever)
    thread.start()
    running.wait()
    ran_in: list[threading.Thread] = []
    done = threading.Event()

    async def child() -> None:
        ran_in.append(threading.current_thread())
        done.set()

    try:
        task = eager_task_factory(other, child())
        assert ran_in == []
        assert asyncio.current_task() is not task
        other.call_soon_threadsafe(lambda: None)
        assert await asyncio.to_thread(done.wait, 5)
        assert ran_in == [thread]
    finally:
        other.call_soon_threadsafe(other.stop)
        await asyncio.to_thread(thread.join)
        other.close()


# create_task


async def test_create_task_has_the_parameters_of_314() -> None:
    parameters = inspect.signature(create_task).parameters
    assert list(parameters) == ["coro", "name", "context", "eager_start"]
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in ("name", "context", "eager_start"))


@pytest.mark.parametrize("eager_start", [None, False])
async def test_create_task_starts_in_the_next_pass_unless_told_otherwise(eager_start: bool | None) -> None:
    task = create_task(answer(), eager_start=eager_start)
    assert not task.done()
    assert await task == 42


async def test_create_task_starts_at_once_when_told_to() -> None:
    assert create_task(answer(), eager_start=True).result() == 42


@pytest.mark.parametrize("eager_start", [None, False, True])
async def test_name_and_context_are_the_tasks(eager_start: bool | None) -> None:
    seen: list[str] = []

    async def child() -> None:
        task = asyncio.current_task()
        assert task is not None
        seen.append(task.get_name())
        variable.set("child's")

    context = contextvars.copy_context()
    task = create_task(child(), name="given", context=context, eager_start=eager_start)
    await task
    assert seen == ["given"]
    assert context[variable] == "child's"


async def test_a_name_is_in_place_before_the_coroutine_runs_whoever_makes_the_task() -> None:
    async def name() -> str:
        task = asyncio.current_task()
        assert task is not None
        return task.get_name()

    for factory in (None, eager_task_factory, lambda loop, coro, **options: Mine(coro, loop=loop, **options)):
        with Factory(factory):
            assert create_task(name(), name="given", eager_start=True).result() == "given"


async def test_an_eager_factory_decides_where_create_task_does_not_say() -> None:
    with Factory(eager_task_factory):
        assert create_task(answer()).done()


@pytest.mark.parametrize("factory", [eager_task_factory, getattr(asyncio, "eager_task_factory", eager_task_factory)])
async def test_name_and_context_are_in_place_when_an_eager_factory_starts_the_task(factory: Any) -> None:
    async def look() -> tuple[str, str]:
        task = asyncio.current_task()
        assert task is not None
        return task.get_name(), variable.get()

    context = contextvars.copy_context()
    context.run(variable.set, "given")
    with Factory(factory):
        assert create_task(look(), name="named", context=context).result() == ("named", "given")
        coro = answer()
        with pytest.raises(RuntimeError, match="the context is entered already"):
            context.run(create_task, coro, context=context)
        assert await coro == 42


@pytest.mark.parametrize("factory", [eager_task_factory, getattr(asyncio, "eager_task_factory", eager_task_factory)])
async def test_create_task_overrules_an_eager_factory(factory: Any) -> None:
    with Factory(factory):
        assert create_task(answer(), eager_start=True).done()
        task = create_task(answer(), name="later", eager_start=False)
        assert not task.done()
        assert task.get_name() == "later"
        assert await task == 42


@pytest.mark.parametrize("eager_start", [None, False, True])
async def test_create_task_refuses_what_is_no_coroutine(eager_start: bool | None) -> None:
    with pytest.raises(TypeError, match="coroutine"):
        create_task(answer, eager_start=eager_start)  # type: ignore[arg-type]


async def test_an_unfinished_async_generator_is_closed_under_the_factory() -> None:
    log: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            log.append("closed")

    with Factory(eager_task_factory):
        async for _ in numbers():
            break
        while not log:
            await asyncio.sleep(0)
    assert log == ["closed"]
