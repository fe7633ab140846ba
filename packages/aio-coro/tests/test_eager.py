"""`eager` starts a coroutine at once, as the task that it stays: order, identity, results, errors."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import sys
import weakref
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import anyio
import pytest
from aio_coro import coro_eager, create_task, eager, eager_ctx, func_eager
from suite_support.interleaving import settle

pytestmark = pytest.mark.asyncio

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def through_a_factory(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Start eagerly on a loop whose task factory knows nothing of eager starts."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, coro, **options: asyncio.Task(coro, loop=loop, **options))
    try:
        return eager(coro)
    finally:
        loop.set_task_factory(None)


def decorated(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return eager(lambda: coro)()


def as_create_task(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return create_task(coro, eager_start=True)


def named(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return create_task(coro, name="named", context=contextvars.copy_context(), eager_start=True)


def by_create_task(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return eager(coro, asyncio.create_task)


Start = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

#: Every way to the same thing: each test of what happens in the eager part runs with all of them.
each_way = pytest.mark.parametrize(
    "start", [eager, coro_eager, decorated, as_create_task, named, by_create_task, through_a_factory]
)


async def forever() -> None:
    await asyncio.Event().wait()


# Order


async def test_the_coroutine_runs_to_its_first_suspension_before_the_caller_goes_on() -> None:
    log: list[str] = []

    async def child() -> None:
        log.append("started")
        await asyncio.sleep(0)
        log.append("resumed")

    task = eager(child())
    log.append("caller")
    await task
    assert log == ["started", "caller", "resumed"]


async def test_nested_starts_go_depth_first() -> None:
    log: list[str] = []

    async def child(depth: int) -> None:
        log.append(f"in {depth}")
        task = eager(child(depth + 1)) if depth < 3 else None
        log.append(f"out {depth}")
        if task is not None:
            await task

    await eager(child(0))
    assert log == ["in 0", "in 1", "in 2", "in 3", "out 3", "out 2", "out 1", "out 0"]


@each_way
async def test_a_coroutine_that_does_not_suspend_is_done_at_once(start: Start) -> None:
    async def child() -> int:
        return 3

    task = start(child())
    assert task.done()
    assert await task == 3


# Identity: the eager part is the new task's


@each_way
async def test_current_task_is_the_new_task_from_the_first_line_to_the_last(start: Start) -> None:
    caller = asyncio.current_task()
    seen: list[asyncio.Task[Any] | None] = []

    async def child() -> None:
        seen.append(asyncio.current_task())
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())

    task = start(child())
    assert asyncio.current_task() is caller
    await task
    assert seen == [task, task]
    assert isinstance(task, asyncio.Task)


@each_way
async def test_the_new_task_is_among_all_tasks_in_its_first_part_and_after(start: Start) -> None:
    async def child() -> bool:
        before = asyncio.current_task() in asyncio.all_tasks()
        await asyncio.sleep(0)
        return before

    task = start(child())
    assert task in asyncio.all_tasks()
    assert await task
    assert task not in asyncio.all_tasks()


@each_way
async def test_a_timeout_entered_in_the_first_part_expires_in_the_new_task(start: Start) -> None:
    async def child() -> str:
        try:
            async with asyncio.timeout(0.001):
                await forever()
        except TimeoutError:
            return "timed out"
        return "went on"

    assert await start(child()) == "timed out"
    assert cancellations_of_the_caller() == 0


@each_way
async def test_a_timeout_that_is_over_when_entered_does_not_cancel_the_caller(start: Start) -> None:
    async def child() -> None:
        async with asyncio.timeout(-1):
            await forever()

    task = start(child())
    await asyncio.sleep(0)  # a cancellation of the caller would end the test here
    with pytest.raises(TimeoutError):
        await task
    assert cancellations_of_the_caller() == 0


@each_way
async def test_a_failing_child_of_a_task_group_in_the_first_part_cancels_the_new_task_only(start: Start) -> None:
    async def failing() -> None:
        raise ValueError("child")

    async def child() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(failing())
            await forever()

    task = start(child())
    with pytest.raises(ExceptionGroup) as caught:
        await task
    assert [str(error) for error in caught.value.exceptions] == ["child"]
    assert cancellations_of_the_caller() == 0


@each_way
async def test_wait_for_in_the_first_part_times_out_in_the_new_task(start: Start) -> None:
    async def child() -> None:
        await asyncio.wait_for(forever(), 0.001)

    with pytest.raises(TimeoutError):
        await start(child())
    assert cancellations_of_the_caller() == 0


@each_way
async def test_an_anyio_scope_cancelled_in_the_first_part_is_the_new_tasks(start: Start) -> None:
    async def child() -> bool:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep_forever()
        return scope.cancelled_caught

    assert await start(child())
    assert cancellations_of_the_caller() == 0


@each_way
async def test_an_anyio_timeout_and_group_in_the_first_part_end_in_the_new_task(start: Start) -> None:
    async def child() -> bool:
        with anyio.move_on_after(0.001) as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep_forever)
                await anyio.sleep_forever()
        return scope.cancelled_caught

    assert await start(child())
    assert cancellations_of_the_caller() == 0


@each_way
async def test_anyio_knows_the_new_task_in_its_first_part(start: Start) -> None:
    async def child() -> int:
        return anyio.get_current_task().id

    task = start(child())
    assert await task == id(task)


@each_way
async def test_the_first_part_runs_in_a_copy_of_the_callers_context(start: Start) -> None:
    variable.set("caller's")

    async def child() -> tuple[str, str]:
        before = variable.get()
        variable.set("child's")
        await asyncio.sleep(0)
        return before, variable.get()

    task = start(child())
    assert variable.get() == "caller's"
    assert await task == ("caller's", "child's")
    assert variable.get() == "caller's"


async def test_a_given_context_is_the_one_that_all_of_the_coroutine_runs_in() -> None:
    context = contextvars.copy_context()

    async def child() -> None:
        variable.set("first")
        await asyncio.sleep(0)
        variable.set(variable.get() + " second")

    await coro_eager(child(), context=context)
    await coro_eager(child(), create_task=asyncio.create_task, context=(other := contextvars.copy_context()))
    assert context[variable] == other[variable] == "first second"
    assert variable.get() == "unset"


async def test_a_task_is_started_from_a_callback_where_no_task_is_current() -> None:
    loop = asyncio.get_running_loop()
    seen: list[object] = []
    done = loop.create_future()

    async def child() -> None:
        seen.append(asyncio.current_task())
        async with asyncio.timeout(5):
            await asyncio.sleep(0)

    def callback() -> None:
        for start in (eager, by_create_task, through_a_factory):
            task = start(child())
            seen.append(task)
            assert asyncio.current_task() is None
        done.set_result(asyncio.gather(*seen[1::2]))  # type: ignore[call-overload]

    loop.call_soon(callback)
    await (await done)
    assert seen[0::2] == seen[1::2]


# Results


@each_way
async def test_an_exception_is_kept_for_whoever_awaits(start: Start) -> None:
    async def child() -> None:
        raise ValueError("mine")

    task = start(child())
    assert task.done()
    with pytest.raises(ValueError, match="mine") as caught:
        await task
    assert caught.traceback[-1].name == "child"


@pytest.mark.asyncio_logs_errors
async def test_an_exception_that_nobody_retrieves_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def child() -> None:
        raise ValueError("unseen")

    eager(child())
    gc.collect()
    assert [record.message for record in caplog.records if "never retrieved" in record.message] == [
        record.message for record in caplog.records
    ]
    assert len(caplog.records) == 1


@each_way
async def test_a_cancelled_error_before_the_first_suspension_gives_a_cancelled_task(start: Start) -> None:
    async def child() -> None:
        raise asyncio.CancelledError("at once")

    task = start(child())
    assert task.cancelled()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancellations_of_the_caller() == 0


@each_way
async def test_a_task_that_cancels_itself_is_cancelled_at_its_first_suspension(start: Start) -> None:
    log: list[str] = []

    async def child() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel("myself")
        try:
            await forever()
        finally:
            log.append("cleaned up")

    task = start(child())
    await settle()
    assert task.cancelled()
    assert log == ["cleaned up"]
    assert cancellations_of_the_caller() == 0


@each_way
async def test_cancelling_after_the_first_part_reaches_the_coroutine(start: Start) -> None:
    log: list[str] = []

    async def child() -> None:
        try:
            await forever()
        except asyncio.CancelledError as error:
            log.append(str(error))
            raise

    task = start(child())
    task.cancel("stop")
    await settle()
    assert task.cancelled()
    assert log == ["stop"]


@each_way
async def test_the_results_work_in_everything_that_takes_tasks(start: Start) -> None:
    async def child(value: int, *, suspends: bool) -> int:
        if suspends:
            await asyncio.sleep(0)
        return value

    def both() -> list[asyncio.Task[int]]:
        return [start(child(1, suspends=False)), start(child(2, suspends=True))]

    assert await asyncio.gather(*both()) == [1, 2]
    done, pending = await asyncio.wait(both())
    assert ({task.result() for task in done}, pending) == ({1, 2}, set())
    assert [await asyncio.shield(task) for task in both()] == [1, 2]
    assert sorted([await task for task in asyncio.as_completed(both())]) == [1, 2]
    assert [await asyncio.wait_for(task, 5) for task in both()] == [1, 2]
    async with asyncio.TaskGroup() as group:

        async def wait(task: asyncio.Task[int]) -> int:
            return await task

        waiting = [group.create_task(wait(task)) for task in both()]
    assert [task.result() for task in waiting] == [1, 2]


# Exceptions that end the program


@pytest.mark.asyncio_logs_errors
@each_way
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
async def test_what_ends_the_program_is_raised_to_the_caller(kind: type[BaseException], start: Start) -> None:
    caller = asyncio.current_task()

    async def child() -> None:
        raise kind("now")

    with pytest.raises(kind, match="now"):
        start(child())
    assert asyncio.current_task() is caller
    assert await start(answer()) == 42


@each_way
async def test_an_interrupt_behind_the_first_suspension_is_raised_to_the_caller_as_it_is(start: Start) -> None:
    """A signal handler raises it while the task, which goes on, hangs its wake-up on what it waits for."""
    if (3, 12) <= sys.version_info < (3, 14) and start not in {by_create_task, through_a_factory}:
        pytest.skip("an eager task of asyncio's own makes a SystemError of it there")
    log: list[str] = []

    class Interrupted(asyncio.Future[str]):
        def add_done_callback(self, *args: Any, **options: Any) -> None:
            super().add_done_callback(*args, **options)
            raise KeyboardInterrupt("now")

    async def child() -> None:
        log.append(await future)

    future = Interrupted()
    with pytest.raises(KeyboardInterrupt, match="now"):
        start(child())
    future.set_result("done")
    await settle()
    assert log == ["done"]


async def answer() -> int:
    return 42


async def test_an_exception_context_is_that_of_an_ordinary_call() -> None:
    """Documented: in an `except` block the first part sees the exception that is being handled."""

    async def child() -> None:
        raise KeyError("new")

    try:
        raise ValueError("handled")
    except ValueError as handled:
        task = eager(child())
        outer = handled
    with pytest.raises(KeyError) as caught:
        await task
    assert caught.value.__context__ is outer


# What can be started


class Service:
    def __init__(self) -> None:
        self.log: list[str] = []

    @eager
    async def method(self, value: str) -> str:
        """What it does."""
        self.log.append(value)
        return value

    async def plain(self, value: str) -> str:
        self.log.append(value)
        return value

    async def __call__(self, value: str) -> str:
        self.log.append(value)
        return value

    @classmethod
    @eager
    async def of_the_class(cls) -> str:
        return cls.__name__

    @staticmethod
    @eager
    async def static() -> str:
        return "static"


async def test_bound_methods_partials_and_callable_objects_start_at_once() -> None:
    service = Service()
    starts = [service.method, eager(service.plain), eager(partial(service.plain)), eager(service)]
    tasks = [start(str(number)) for number, start in enumerate(starts)]
    assert service.log == ["0", "1", "2", "3"]
    assert [await task for task in tasks] == ["0", "1", "2", "3"]
    assert await Service.of_the_class() == "Service"
    assert await service.static() == "static"


async def test_a_decorated_function_keeps_its_name_documentation_and_signature() -> None:
    assert Service.method.__name__ == "method"
    assert Service.method.__doc__ == "What it does."
    assert list(inspect.signature(Service.method).parameters) == ["self", "value"]


async def test_any_coroutine_object_can_be_started() -> None:
    class Mine(Coroutine[Any, Any, int]):
        def __init__(self) -> None:
            self.coro = answer()

        def send(self, value: Any) -> Any:
            return self.coro.send(value)

        def throw(self, *error: Any) -> Any:
            return self.coro.throw(*error)

        def close(self) -> None:
            self.coro.close()

        def __await__(self) -> Any:
            return self.coro.__await__()

    task = eager(Mine())
    assert task.result() == 42


@pytest.mark.parametrize("thing", [None, 3, "coroutine"])
async def test_what_cannot_be_started_is_named_in_the_error(thing: Any) -> None:
    with pytest.raises(TypeError, match=rf"eager\(\) takes a coroutine or a function .*{type(thing).__name__}"):
        eager(thing)
    with pytest.raises(TypeError, match=r"coro_eager\(\) takes a coroutine, not"):
        coro_eager(thing)
    with pytest.raises(TypeError, match=r"eager_ctx\(\) takes a coroutine, not"):
        eager_ctx(thing)
    with pytest.raises(TypeError, match=r"func_eager\(\) takes a function"):
        func_eager(thing)


async def test_a_create_task_that_cannot_be_called_is_an_error_and_leaves_the_coroutine_as_it_was() -> None:
    async def works() -> str:
        return "done"

    coro = works()
    message = "create_task has to be a function that makes a task of a coroutine, not int 3"
    starts: list[Any] = [eager, coro_eager, eager_ctx]
    for start in starts:
        with pytest.raises(TypeError, match=message):
            start(coro, create_task=3)
    with pytest.raises(TypeError, match=message):
        func_eager(works, create_task=3)  # type: ignore[call-overload]
    assert await coro == "done"


async def test_a_function_that_returns_no_coroutine_is_named_in_the_error() -> None:
    def not_async(value: int) -> Any:
        return value

    with pytest.raises(TypeError, match=r"not_async\(\) has to return a coroutine to be started, it returned int 3"):
        eager(not_async)(3)


async def test_decorating_what_would_not_work_is_an_error_at_once() -> None:
    async def generator() -> Any:
        yield 1

    async def function() -> None: ...

    with pytest.raises(TypeError, match="async generator function"):
        eager(generator)
    with pytest.raises(TypeError, match="put @eager below @classmethod"):
        eager(classmethod(function))  # type: ignore[arg-type, call-overload]
    with pytest.raises(TypeError, match="put @eager below @staticmethod"):
        eager(staticmethod(function))


# Who makes the task


async def test_a_task_groups_create_task_makes_a_child_that_starts_at_once() -> None:
    log: list[str] = []

    async def child() -> str:
        log.append("started")
        await asyncio.sleep(0)
        log.append("resumed")
        return "done"

    async with asyncio.TaskGroup() as group:
        task = eager(child(), create_task=group.create_task)
        assert log == ["started"]
    assert log == ["started", "resumed"]
    assert task.result() == "done"


async def test_an_error_before_the_first_suspension_reaches_the_group_and_not_the_caller() -> None:
    async def failing() -> None:
        raise ValueError("first part")

    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            eager(failing(), create_task=group.create_task)
            reached = True
    assert reached


async def test_only_the_task_that_create_task_returns_is_started() -> None:
    log: list[str] = []

    async def note(what: str) -> None:
        log.append(what)

    def with_a_watcher(coro: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        others.append(asyncio.create_task(note("watcher")))
        task = asyncio.create_task(coro)
        others.append(asyncio.create_task(note("second watcher")))
        asyncio.get_running_loop().call_soon(log.append, "callback")
        return task

    others: list[asyncio.Task[None]] = []
    eager(note("started"), with_a_watcher)
    assert log == ["started"]
    await asyncio.gather(*others)
    assert sorted(log) == ["callback", "second watcher", "started", "watcher"]
    assert log.index("watcher") < log.index("second watcher")


async def test_a_task_that_create_task_returns_started_leaves_the_others_to_the_loop() -> None:
    log: list[str] = []

    async def note(what: str) -> None:
        log.append(what)

    def starts_it(coro: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        others.append(asyncio.create_task(note("other")))
        return eager(coro)

    others: list[asyncio.Task[None]] = []
    eager(note("started"), starts_it)
    log.append("caller")
    await asyncio.gather(*others)
    assert log == ["started", "caller", "other"]


async def test_a_create_task_that_replaces_call_soon_itself_may_take_it_out() -> None:
    loop = asyncio.get_running_loop()

    def replaces(coro: Coroutine[Any, Any, int]) -> asyncio.Task[int]:
        loop.call_soon = loop.call_soon  # type: ignore[method-assign]
        del loop.call_soon
        return eager(coro)

    assert eager(answer(), replaces).result() == 42
    assert await eager(answer(), asyncio.create_task) == 42


async def test_a_start_inside_create_task_does_not_disturb_the_outer_one() -> None:
    log: list[str] = []

    async def note(what: str) -> None:
        log.append(what)
        await asyncio.sleep(0)
        log.append(what + " resumed")

    def create(coro: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        inner.append(eager(note("inner")))
        log.append("inner started")
        return asyncio.create_task(coro)

    inner: list[asyncio.Task[None]] = []
    task = eager(note("outer"), create)
    assert log == ["inner", "inner started", "outer"]
    await asyncio.gather(task, *inner)
    assert log[3:] == ["inner resumed", "outer resumed"]


async def test_a_create_task_that_raises_leaves_the_loop_and_its_tasks_as_they_were() -> None:
    log: list[str] = []

    async def note(what: str) -> None:
        log.append(what)

    tasks: list[asyncio.Task[None]] = []

    def create(coro: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(coro))
        raise ValueError("no more tasks")

    with pytest.raises(ValueError, match="no more tasks"):
        eager(note("made before the error"), create)
    assert log == []
    await settle()
    assert log == ["made before the error"]
    assert "call_soon" not in vars(asyncio.get_running_loop())


async def test_a_loops_task_factory_makes_the_task() -> None:
    class Mine(asyncio.Task[Any]):
        pass

    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, coro, **options: Mine(coro, loop=loop, **options))
    try:
        for start in (eager, coro_eager, decorated, as_create_task, named):
            task = start(answer())
            assert type(task) is Mine
            assert task.result() == 42
    finally:
        loop.set_task_factory(None)


async def test_a_factory_that_starts_tasks_by_itself_is_left_to_it() -> None:
    started: list[str] = []

    async def child() -> None:
        started.append("once")
        await asyncio.sleep(0)

    def factory(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        # What an eager factory of somebody else's making would be.
        loop.set_task_factory(None)
        task: asyncio.Task[Any] = eager(coro)
        return task

    asyncio.get_running_loop().set_task_factory(factory)
    task = eager(child())
    assert started == ["once"]
    await task
    assert started == ["once"]


async def test_a_call_soon_of_the_loops_own_stays_in_place() -> None:
    loop = asyncio.get_running_loop()
    calls: list[object] = []
    original = loop.call_soon

    def traced(callback: Any, *args: Any, **options: Any) -> asyncio.Handle:
        calls.append(callback)
        return original(callback, *args, **options)

    loop.call_soon = traced  # type: ignore[method-assign, assignment]
    try:
        for start in (eager, by_create_task, through_a_factory):
            assert start(answer()).result() == 42
            assert loop.call_soon is traced
        await eager(asyncio.sleep(0))
        assert calls
    finally:
        del loop.call_soon


async def test_a_context_that_is_entered_is_an_error_and_leaves_everything_as_it_was() -> None:
    context = contextvars.copy_context()
    caller = asyncio.current_task()
    coro = answer()
    for start in (
        partial(coro_eager, context=context),
        partial(coro_eager, context=context, create_task=asyncio.create_task),
        partial(create_task, context=context, eager_start=True),
    ):
        with pytest.raises(RuntimeError, match=r"entered already.*copy\(\)"):
            context.run(start, coro)
        assert asyncio.current_task() is caller
    assert await eager(coro) == 42


async def test_a_task_that_create_task_makes_in_an_entered_context_gets_its_turn_from_the_loop() -> None:
    context = contextvars.copy_context()
    tasks: list[asyncio.Task[int]] = []

    def create(coro: Coroutine[Any, Any, int]) -> asyncio.Task[int]:
        tasks.append(asyncio.create_task(coro, context=context))
        return tasks[0]

    caller = asyncio.current_task()
    with pytest.raises(RuntimeError, match="already entered"):
        context.run(eager, answer(), create)
    assert asyncio.current_task() is caller
    assert await tasks[0] == 42


async def test_what_is_no_context_is_an_error() -> None:
    coro = answer()
    with pytest.raises(TypeError, match=r"context must be a contextvars\.Context, not dict"):
        coro_eager(coro, context={})  # type: ignore[call-overload]
    assert await coro == 42


# Leaving nothing behind


async def test_a_finished_task_and_its_coroutine_go_when_they_are_dropped() -> None:
    class Thing:
        pass

    async def child(thing: Thing) -> Thing:
        return thing

    gc.collect()
    gc.disable()
    try:
        thing = Thing()
        gone = weakref.ref(thing)
        task = eager(child(thing))
        del thing, task
        assert gone() is None
    finally:
        gc.enable()


async def test_eager_ctx_starts_at_once_and_cancels_on_the_way_out() -> None:
    log: list[str] = []

    async def child() -> None:
        log.append("started")
        try:
            await forever()
        except asyncio.CancelledError as error:
            log.append(str(error))
            raise

    with eager_ctx(child(), msg="leaving") as task:
        assert log == ["started"]
        assert isinstance(task, asyncio.Task)
    await settle()
    assert log == ["started", "leaving"]
    assert task.cancelled()


async def test_eager_ctx_cancels_when_the_block_raises() -> None:
    with pytest.raises(ValueError, match="block"), eager_ctx(forever(), create_task=asyncio.create_task) as task:
        raise ValueError("block")
    await settle()
    assert task.cancelled()


async def test_eager_ctx_leaves_a_finished_task_as_it_is() -> None:
    with eager_ctx(answer()) as task:
        pass
    assert task.result() == 42


def cancellations_of_the_caller() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def test_a_task_that_has_finished_can_be_shown() -> None:
    """repr() must not use `get_coro()`, which crashes 3.12.0 to 3.12.4 for a task that finished in its first part."""
    assert "result=42" in repr(eager(answer()))
