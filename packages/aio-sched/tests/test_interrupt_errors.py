"""What cannot be interrupted is refused, and nothing has changed."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import (
    InterruptError,
    InterruptException,
    PriorityTask,
    TimeoutInterrupt,
    create_pytask,
    get_scheduling_loop,
    task_interrupt,
    task_throw,
)
from suite_support.interleaving import passes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "scheduling", "priority"])


async def refused(task: Any, exc: Any, kind: type[Exception], match: str) -> None:
    """Both functions refuse, before they give way to anything."""
    gave_way: list[bool] = []
    handle = asyncio.get_running_loop().call_soon(gave_way.append, True)
    with pytest.raises(kind, match=match):
        task_throw(task, exc)
    with pytest.raises(kind, match=match):
        await task_interrupt(task, exc)
    assert not gave_way
    handle.cancel()


async def test_only_tasks_are_interrupted() -> None:
    coro = asyncio.sleep(0)
    for no_task in (None, 1, asyncio.get_running_loop().create_future(), coro):
        await refused(no_task, InterruptException(), TypeError, "a task is needed")
    coro.close()


async def test_only_exceptions_are_thrown(spawn: Spawn) -> None:
    task = spawn(asyncio.sleep(0, "done"))
    await refused(task, InterruptException, TypeError, r"raise an instance, InterruptException\(\)")
    await refused(task, "stop", TypeError, "not 'stop'")
    await refused(task, StopIteration(), TypeError, "StopIteration means the end")
    await refused(task, GeneratorExit(), TypeError, "GeneratorExit means the end")
    assert await task == "done"


async def test_a_finished_task_is_refused(spawn: Spawn) -> None:
    async def fail() -> None:
        raise ValueError

    done, failed, cancelled = spawn(asyncio.sleep(0)), spawn(fail()), spawn(asyncio.sleep(1))
    cancelled.cancel()
    await asyncio.wait([done, failed, cancelled])
    for task in (done, failed, cancelled):
        await refused(task, InterruptException(), RuntimeError, "is done")
    assert isinstance(failed.exception(), ValueError)


async def test_a_task_does_not_interrupt_itself(spawn: Spawn) -> None:
    async def run() -> str:
        task = asyncio.current_task()
        await refused(task, InterruptException(), RuntimeError, "itself")
        await asyncio.sleep(0)
        return "done"

    assert await create_pytask(run()) == "done"
    assert await asyncio.create_task(run()) == "done"


async def test_a_task_of_another_loop_is_refused() -> None:
    other = asyncio.new_event_loop()
    task = asyncio.Task(asyncio.sleep(0, "done"), loop=other)
    await refused(task, InterruptException(), RuntimeError, "another loop")

    def run() -> str:
        return other.run_until_complete(task)

    thread = await asyncio.get_running_loop().run_in_executor(None, run)
    assert thread == "done"
    other.close()


async def test_a_thread_cannot_interrupt_the_loops_tasks() -> None:
    task = asyncio.create_task(asyncio.sleep(0, "done"))
    errors: list[BaseException] = []

    def run() -> None:
        try:
            task_throw(task, InterruptException())
        except RuntimeError as exc:
            errors.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "no running event loop" in str(errors[0])
    assert await task == "done"


async def test_a_task_that_was_cancelled_by_what_it_awaits_is_refused(spawn: Spawn) -> None:
    future = asyncio.get_running_loop().create_future()

    async def run() -> None:
        await future

    task = spawn(run())
    await passes(1)
    future.cancel()
    await refused(task, InterruptException(), RuntimeError, "a cancellation is on its way")
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_that_a_child_still_handles_is_not_taken_away(spawn: Spawn) -> None:
    release = asyncio.Event()

    async def child() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await release.wait()

    async def parent() -> None:
        await spawn(child())

    async def gathering() -> None:
        await asyncio.gather(child(), child())

    for body in (parent, gathering):
        release.clear()
        task = spawn(body())
        await passes(3)
        task.cancel()
        await passes(2)
        await refused(task, InterruptException(), RuntimeError, "a cancellation is on its way")
        release.set()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert type(caught.value) is asyncio.CancelledError


async def test_a_cancelled_gather_that_is_done_has_the_cancellation_still(spawn: Spawn) -> None:
    async def gathering() -> None:
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(3600))

    task = spawn(gathering())
    await passes(2)
    task.cancel()
    for _ in range(5):
        if task.done():
            break
        await refused(task, InterruptException(), RuntimeError, "a cancellation is on its way")
        await passes(1)
    assert task.cancelled()
    assert task.cancelling() == 1


async def test_a_child_that_somebody_else_cancelled_keeps_no_parent_from_being_interrupted(spawn: Spawn) -> None:
    release = asyncio.Event()

    async def child() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await release.wait()

    inner = spawn(child())

    async def parent() -> None:
        await inner

    task = spawn(parent())
    await passes(2)
    inner.cancel()
    await passes(1)
    task_throw(task, InterruptException())
    assert task.cancelled()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await inner


async def test_a_task_that_has_called_the_caller_is_refused(spawn: Spawn) -> None:
    outer: asyncio.Task[Any] | None = None
    errors: list[str] = []

    async def inner_run() -> None:
        try:
            await asyncio.sleep(3600)
        except InterruptException:
            assert outer is not None
            with pytest.raises(RuntimeError, match="further up the stack"):
                task_throw(outer, InterruptException())
            errors.append("refused")

    inner = spawn(inner_run())

    async def outer_run() -> str:
        task_throw(inner, InterruptException())
        return "undisturbed"

    await passes(1)
    outer = spawn(outer_run())
    assert await outer == "undisturbed"
    assert errors == ["refused"]


async def test_a_task_that_awaits_an_interrupt_can_be_interrupted_by_its_target(spawn: Spawn) -> None:
    outer: asyncio.Task[Any] | None = None

    async def inner_run() -> None:
        try:
            await asyncio.sleep(3600)
        except InterruptException:
            assert outer is not None
            task_throw(outer, InterruptException("back"))

    inner = spawn(inner_run())

    async def outer_run() -> str:
        try:
            await task_interrupt(inner, InterruptException("there"))
        except InterruptException as exc:
            return str(exc)
        return "undisturbed"

    await passes(1)
    outer = spawn(outer_run())
    assert await outer == "back"
    assert inner.done()


async def test_a_step_that_somebody_took_away_is_not_invented(spawn: Spawn) -> None:
    task = spawn(asyncio.sleep(0, "done"))
    scheduling = get_scheduling_loop()
    handle = scheduling.queue_items()[-1]
    scheduling.queue_remove(handle)
    await refused(task, InterruptException(), RuntimeError, "nothing will run")
    scheduling.queue_insert_pos(0, handle)
    assert await task == "done"


# --- Contexts ---


async def test_the_exception_is_raised_in_the_tasks_own_context() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    async def run(wait: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        variable.set("of the task")
        try:
            await wait()
        finally:
            seen.append(variable.get())
            variable.set("changed")

    variable.set("of the caller")
    for wait in (lambda: asyncio.sleep(0), lambda: asyncio.sleep(3600)):
        for spawn in (asyncio.create_task, create_pytask):
            task = spawn(run(wait))
            await passes(1)
            task_throw(task, InterruptException())
            other = spawn(run(wait))
            await passes(1)
            await task_interrupt(other, InterruptException())
    assert seen == ["of the task"] * 8
    assert variable.get() == "of the caller"


async def test_a_task_that_shares_the_callers_context_is_interrupted_in_it() -> None:
    variable = contextvars.ContextVar("variable", default=0)
    context = contextvars.copy_context()

    async def victim() -> None:
        try:
            await passes(10)
        finally:
            variable.set(1)

    async def caller() -> int:
        task_throw(task, InterruptException())
        return variable.get()

    task = asyncio.create_task(victim(), context=context)
    await passes(1)
    assert await asyncio.create_task(caller(), context=context) == 1
    assert task.cancelled()


async def test_a_context_that_is_entered_further_up_is_refused_and_the_awaited_way_works() -> None:
    context = contextvars.copy_context()
    victim = asyncio.create_task(asyncio.sleep(3600), context=context)

    async def between(interrupt_at_once: bool) -> None:
        try:
            await asyncio.sleep(3600)
        except InterruptException:
            if interrupt_at_once:
                with pytest.raises(RuntimeError, match="shares its context"):
                    task_throw(victim, InterruptException())
                assert not victim.done()

    middle = asyncio.create_task(between(True))

    async def caller() -> None:
        task_throw(middle, InterruptException())
        await task_interrupt(victim, InterruptException())

    await passes(2)
    await asyncio.create_task(caller(), context=context)
    assert middle.done()
    assert victim.cancelled()


async def test_what_the_caller_handles_is_no_context_of_an_awaited_interrupt(spawn: Spawn) -> None:
    raised: list[BaseException] = []

    async def run() -> None:
        try:
            await asyncio.sleep(0)
        except InterruptException as exc:
            raised.append(exc)

    task = spawn(run())
    await passes(1)
    try:
        raise ValueError
    except ValueError:
        await task_interrupt(task, InterruptException())
    assert raised[0].__context__ is None


# --- Beside others ---


async def test_the_least_urgent_task_is_interrupted_before_anything_else_runs() -> None:
    log: list[str] = []

    async def victim() -> None:
        try:
            while True:
                await asyncio.sleep(0)
        except InterruptException:
            log.append("interrupted")

    async def urgent() -> None:
        log.append("urgent")

    loop = asyncio.get_running_loop()
    task = PriorityTask(victim(), loop=loop, priority=10)
    await asyncio.sleep(0.001)
    others = [PriorityTask(urgent(), loop=loop, priority=-10) for _ in range(2)]
    await task_interrupt(task, InterruptException())
    assert log[0] == "interrupted"
    await asyncio.gather(task, *others)


async def test_an_interrupted_body_of_a_task_group_cancels_the_children(spawn: Spawn) -> None:
    children: list[asyncio.Task[None]] = []
    out_of_the_group: list[BaseException] = []

    async def run(wait_in_the_body: bool) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                children.append(group.create_task(asyncio.sleep(3600)))
                if wait_in_the_body:
                    await asyncio.sleep(3600)
        except BaseException as exc:
            out_of_the_group.append(exc)

    for wait_in_the_body in (False, True):
        task = create_pytask(run(wait_in_the_body))
        await passes(2)
        exc = InterruptException()
        task_throw(task, exc)
        await task
        assert children[-1].cancelled()
        [raised] = out_of_the_group
        if wait_in_the_body and sys.version_info < (3, 13):
            assert isinstance(raised, BaseExceptionGroup)
            assert raised.exceptions == (exc,)
        else:
            assert raised is exc
        out_of_the_group.clear()


async def test_an_interrupted_child_of_a_task_group_is_a_cancelled_one() -> None:
    async with asyncio.TaskGroup() as group:
        child = group.create_task(asyncio.sleep(3600))
        other = group.create_task(asyncio.sleep(0.001, "done"))
        await passes(1)
        task_throw(child, InterruptException())
    assert child.cancelled()
    assert other.result() == "done"


# --- The exceptions ---


async def test_interrupts_are_cancellations_to_asyncio_and_by_two_names() -> None:
    assert InterruptError is InterruptException
    assert issubclass(InterruptException, asyncio.CancelledError)
    assert issubclass(TimeoutInterrupt, InterruptException)
    assert not issubclass(TimeoutInterrupt, Exception)


async def test_a_python_task_has_name_context_and_is_current(spawn: Spawn) -> None:
    variable = contextvars.ContextVar("variable", default=0)
    context = contextvars.copy_context()
    context.run(variable.set, 5)

    async def run() -> tuple[Any, int]:
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        return asyncio.current_task(), variable.get()

    task = create_pytask(run(), name="mine", context=context)
    assert task.get_name() == "mine"
    assert not isinstance(task, asyncio.Task)
    assert task in asyncio.all_tasks()
    assert await task == (task, 5)


async def test_a_python_task_needs_a_coroutine() -> None:
    no_coroutine: Any = 5
    with pytest.raises(TypeError):
        create_pytask(no_coroutine)
