"""What a group does with the tasks it is given."""

import asyncio
import concurrent.futures
import contextvars
import functools
import gc
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import pytest
from aio_group import Group, GroupClosedError, Resource, call_on_cancel
from suite_support.interleaving import settle

pytestmark = pytest.mark.asyncio


async def echo(value: str, *, times: int = 1) -> str:
    await asyncio.sleep(0)
    return value * times


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_spawn_passes_arguments_on_and_gives_the_result() -> None:
    async with Group() as group:
        assert await group.spawn(echo, "a", times=3) == "aaa"


async def test_spawned_function_may_take_any_keyword() -> None:
    async def names(**kwargs: int) -> dict[str, int]:
        return kwargs

    async with Group() as group:
        assert await group.spawn(names, fn=1, self=2, obj=3) == {"fn": 1, "self": 2, "obj": 3}


async def test_wrap_takes_coroutines_futures_and_other_awaitables() -> None:
    class Later:
        def __await__(self) -> Generator[Any, Any, str]:
            yield from asyncio.sleep(0).__await__()
            return "later"

    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(echo("task"))
    async with Group() as group:
        handles: list[asyncio.Future[str]] = [
            group.wrap(echo("coroutine")),
            group.wrap(future),
            group.wrap(task),
            group.wrap(Later()),
        ]
        future.set_result("future")
        assert await asyncio.gather(*handles) == ["coroutine", "future", "task", "later"]


async def test_one_future_can_be_wrapped_twice() -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with Group() as group:
        handles = [group.wrap(future), group.wrap(future)]
        both = asyncio.gather(*handles)
        await settle()
        future.set_result("once")
        assert await both == ["once", "once"]


async def test_futures_of_one_group_can_be_wrapped_by_another() -> None:
    async with Group() as inner, Group() as outer:
        task = inner.spawn(forever)
        wrapped = outer.wrap(task)
        await outer.async_close()
        assert wrapped.cancelled()
        assert inner.is_open
        assert repr(inner) == "<Group open, 1 task>"


async def test_what_cannot_be_awaited_is_refused_and_nothing_is_left() -> None:
    async with Group() as group:
        with pytest.raises(TypeError, match="is needed, not 5"):
            group.spawn(lambda: 5)  # type: ignore[arg-type, return-value]  # the mistake under test
        with pytest.raises(TypeError, match="give what calling it returns"):
            group.wrap(echo)  # type: ignore[arg-type]  # the mistake under test
        with pytest.raises(TypeError, match=r"asyncio\.wrap_future"):
            group.wrap(concurrent.futures.Future())  # type: ignore[arg-type]  # the mistake under test
        assert repr(group) == "<Group open, 0 tasks>"


async def test_wrong_arguments_are_reported_at_the_call() -> None:
    async with Group() as group:
        with pytest.raises(TypeError, match="unexpected keyword argument 'time'"):
            group.spawn(echo, "a", time=3)  # type: ignore[call-arg]  # the mistake under test


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_limit_below_one_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="limit must be at least 1"):
        Group(limit=limit)


@pytest.mark.parametrize("limit", [2.5, "3"])
async def test_a_limit_that_is_no_whole_number_is_refused(limit: Any) -> None:
    with pytest.raises(TypeError, match="limit must be a whole number or None"):
        Group(limit=limit)


async def test_exception_cb_must_be_a_synchronous_function() -> None:
    # hat.aio 0.7 takes log_exceptions first.
    with pytest.raises(TypeError, match="exception_cb must be a function or None, not False"):
        Group(False)  # type: ignore[arg-type]  # the mistake under test

    async def callback(error: Exception) -> None:
        pass

    with pytest.raises(TypeError, match="exception_cb must not be async"):
        Group(callback)


async def test_tasks_run_in_a_copy_of_the_callers_context() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    async def work() -> str:
        seen = variable.get()
        variable.set("changed inside")
        return seen

    async with Group(limit=1) as group:
        variable.set("first")
        first = group.spawn(work)
        variable.set("second")
        second = group.spawn(work)
        variable.set("third")
        assert (await first, await second) == ("first", "second")
        assert variable.get() == "third"


async def test_tasks_are_named_for_their_coroutine_in_repr() -> None:
    async with Group() as group:
        group.spawn(forever)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert "coro=<forever()" in str(others)


async def test_running_tasks_are_held_by_the_group() -> None:
    woken = []

    async def waits_for_what_only_it_holds() -> None:
        future = asyncio.get_running_loop().create_future()
        references.append(weakref.ref(future))
        await future
        woken.append(True)

    references: list[weakref.ref[asyncio.Future[None]]] = []
    group = Group()
    group.spawn(waits_for_what_only_it_holds)
    await settle()
    gc.collect()
    future = references[0]()
    assert future is not None
    future.set_result(None)
    await group.async_close(cancel=False)
    assert woken == [True]


async def test_finished_tasks_are_not_held() -> None:
    class Result:
        pass

    async def work() -> Result:
        return Result()

    async with Group() as group:
        gc.disable()
        try:
            result = weakref.ref(await group.spawn(work))
            await settle()
            assert result() is None
        finally:
            gc.enable()


async def test_a_failure_leaves_no_reference_cycle() -> None:
    class OurError(Exception):
        pass

    async def fail() -> None:
        raise OurError

    async def failure_of(start: Callable[[], Awaitable[object]]) -> weakref.ref[OurError]:
        try:
            await start()
        except OurError as error:
            return weakref.ref(error)
        raise AssertionError("it did not fail")

    async with Group() as group:
        gc.collect()
        gc.disable()
        try:
            awaited = await failure_of(lambda: group.spawn(fail))
            gathered = await failure_of(lambda: asyncio.gather(group.spawn(fail)))
            await settle()
            assert (awaited(), gathered()) == (None, None)
        finally:
            gc.enable()


async def test_closed_group_closes_coroutines_and_refuses_them() -> None:
    group = Group()
    await group.async_close()
    coroutine = echo("never")
    with pytest.raises(GroupClosedError, match="<Group closed"):
        group.wrap(coroutine)
    with pytest.raises(RuntimeError, match="cannot reuse already awaited"):
        coroutine.send(None)


async def test_closed_group_does_not_call_the_function() -> None:
    called = []

    async def work() -> None:
        called.append(True)

    def start() -> asyncio.Future[None]:
        called.append(True)
        return asyncio.get_running_loop().create_future()

    group = Group()
    group.close()
    for function in (work, start):
        with pytest.raises(GroupClosedError, match="cannot spawn"):
            group.spawn(function)
    assert called == []


async def test_closed_group_leaves_futures_alone() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    group = Group()
    group.close()
    with pytest.raises(GroupClosedError):
        group.wrap(future)
    assert not future.done()


async def test_closed_group_makes_no_subgroups() -> None:
    group = Group()
    group.close()
    with pytest.raises(GroupClosedError, match="cannot create a subgroup"):
        group.create_subgroup()


async def test_a_group_is_a_resource() -> None:
    group = Group()
    assert isinstance(group, Resource)
    assert group.async_group is group
    async with group as entered:
        assert entered is group
        assert group.is_open
    assert group.is_closed


async def test_repr_tells_state_and_counts() -> None:
    group = Group(limit=2)
    assert repr(group) == "<Group open, 0 tasks>"
    for _ in range(3):
        group.spawn(forever)
    group.create_subgroup()
    assert repr(group) == "<Group open, 2 tasks, 1 waiting, 1 subgroup>"
    group.close()
    assert repr(group) == "<Group cancelling, 2 tasks>"
    await group.wait_closed()
    assert repr(group) == "<Group closed, 0 tasks>"


class Numbered(asyncio.Task[Any]):
    """A task class of somebody's own."""


class Factory:
    """A task factory that takes whatever a loop gives it: loops differ in that."""

    def __init__(self, make: Any, **options: Any) -> None:
        self.made = 0
        self._make = make
        self._options = options

    def __call__(self, loop: asyncio.AbstractEventLoop, coro: Any, *, context: Any = None, **_: Any) -> Any:
        self.made += 1
        return self._make(coro, loop=loop, context=context, **self._options)


FACTORIES = {"its own class": functools.partial(Factory, Numbered)}
if sys.version_info >= (3, 12):
    FACTORIES["eager"] = functools.partial(Factory, asyncio.Task, eager_start=True)


@pytest.mark.parametrize("make_factory", FACTORIES.values(), ids=FACTORIES)
async def test_task_factories_are_respected(make_factory: Callable[[], Factory]) -> None:
    loop = asyncio.get_running_loop()
    factory = make_factory()

    async def fail() -> None:
        raise ValueError("expected")

    async def at_once() -> str:
        return "at once"

    loop.set_task_factory(factory)
    try:
        group = Group(limit=2)
        assert await group.spawn(echo, "a") == "a"
        assert await group.spawn(at_once) == "at once"
        with pytest.raises(ValueError, match="expected"):
            await group.spawn(fail)
        ended: list[asyncio.Future[Any]] = [group.spawn(echo, "b"), group.spawn(forever), group.spawn(echo, "c")]
        await settle()
        assert [future.done() for future in ended] == [True, False, True]
        await group.async_close()
        assert factory.made == 6
    finally:
        loop.set_task_factory(None)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
async def test_an_eager_task_may_close_the_group_before_its_first_wait() -> None:
    loop = asyncio.get_running_loop()
    log: list[str] = []

    async def close_and_wait() -> None:
        group.close()
        try:
            await forever()
        finally:
            log.append(f"ended in {group!r}")

    loop.set_task_factory(Factory(asyncio.Task, eager_start=True))
    try:
        group = Group()
        task = group.spawn(close_and_wait)
        assert not group.is_closed
        await group.wait_closed()
        assert task.cancelled()
        assert log == ["ended in <Group cancelled, 1 task>"]
    finally:
        loop.set_task_factory(None)


class Awaiting:
    """An awaitable that is no coroutine."""

    def __init__(self, fn: Callable[[], Awaitable[None]]) -> None:
        self._fn = fn

    def __await__(self) -> Generator[Any, None, None]:
        return self._fn().__await__()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
@pytest.mark.parametrize("wrapped", [False, True])
async def test_an_eager_task_may_wait_for_the_end_of_its_own_group_in_its_first_step(wrapped: bool) -> None:
    loop = asyncio.get_running_loop()
    log: list[str] = []

    async def close_and_wait(name: str) -> None:
        # As an outsider it would wait for itself, through its own cancellation.
        await group.async_close(cancel=False)
        log.append(name)

    loop.set_task_factory(Factory(asyncio.Task, eager_start=True))
    try:
        parent = Group()
        group = parent.create_subgroup()
        other = group.spawn(asyncio.sleep, 0)
        task = group.spawn(Awaiting, lambda: close_and_wait("a")) if wrapped else group.spawn(close_and_wait, "a")
        async with asyncio.timeout(10):
            await parent.async_close(cancel=False)
        assert log == ["a"]
        assert task.done()
        assert other.done()
    finally:
        loop.set_task_factory(None)


async def test_a_failing_task_factory_leaves_nothing_behind() -> None:
    loop = asyncio.get_running_loop()

    def factory(loop: asyncio.AbstractEventLoop, coro: Any, **kwargs: Any) -> asyncio.Future[Any]:
        raise OSError("no tasks today")

    group = Group(limit=1)
    blocker: asyncio.Future[None] = loop.create_future()
    group.wrap(blocker)
    queued = group.spawn(echo, "queued")
    loop.set_task_factory(factory)
    try:
        with pytest.raises(OSError, match="no tasks today"):
            Group().spawn(echo, "a")
        blocker.set_result(None)
        with pytest.raises(OSError, match="no tasks today"):
            await queued
    finally:
        loop.set_task_factory(None)
    await group.async_close()


async def test_a_task_cancelled_from_outside_before_its_first_step_is_accounted_for() -> None:
    """As `asyncio.run` does at its end: no "never awaited", and the group knows."""
    started = []

    async def work() -> None:
        started.append(True)

    group = Group()
    before = asyncio.all_tasks()
    handle = group.spawn(work)
    (task,) = asyncio.all_tasks() - before
    task.cancel()
    await settle()
    assert handle.cancelled()
    assert started == []
    assert repr(group) == "<Group open, 0 tasks>"
    await group.async_close()


async def test_a_task_spawned_just_before_the_close_runs_until_its_first_wait() -> None:
    log: list[str] = []

    async with Group() as group:
        group.spawn(call_on_cancel, log.append, "cleaned up")
    assert log == ["cleaned up"]


async def test_using_a_group_from_another_thread_is_refused() -> None:
    group = Group()
    group.spawn(forever)
    errors: list[str] = []

    def elsewhere() -> None:
        for use in (lambda: group.spawn(forever), lambda: group.wrap(forever()), group.close, group.create_subgroup):
            try:
                use()
            except RuntimeError as error:
                errors.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert errors == ["the group's loop runs in another thread: call it by loop.call_soon_threadsafe"] * 4
    assert repr(group) == "<Group open, 1 task>"
    await group.async_close()


async def test_using_a_group_from_the_loop_of_another_thread_is_refused() -> None:
    group = Group()

    async def elsewhere() -> None:
        group.spawn(forever)

    def run() -> str:
        with pytest.raises(RuntimeError) as caught:
            asyncio.run(elsewhere())
        return str(caught.value)

    assert "make a group for each loop" in await asyncio.to_thread(run)
    await group.async_close()
