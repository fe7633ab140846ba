"""`TaskNursery`: tasks and contexts that live and end together."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import gc
import inspect
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from aio_group import Registry, TaskNursery
from suite_support.interleaving import passes, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

pytestmark = pytest.mark.asyncio


class Context:
    """An async context manager that notes what happens to it."""

    def __init__(
        self,
        events: list[Any],
        name: str = "context",
        *,
        suppress: bool = False,
        fail: BaseException | None = None,
        gate: asyncio.Event | None = None,
    ) -> None:
        self._events = events
        self._name = name
        self._suppress = suppress
        self._fail = fail
        self._gate = gate

    async def __aenter__(self) -> str:
        self._events.append(f"enter {self._name}")
        return self._name

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> bool:
        self._events.append(f"exit {self._name} with {exc!r}" if exc else f"exit {self._name}")
        if self._gate is not None:
            await self._gate.wait()
            self._events.append(f"exited {self._name}")
        if self._fail is not None:
            raise self._fail
        return self._suppress


async def forever() -> None:
    await asyncio.Event().wait()


async def noting_end(events: list[Any], name: str = "task") -> None:
    try:
        await forever()
    finally:
        events.append(f"{name} ended")


async def failing(error: BaseException, after: asyncio.Event | None = None) -> None:
    if after is not None:
        await after.wait()
    raise error


async def failing_when_cancelled(error: BaseException) -> None:
    try:
        await forever()
    except asyncio.CancelledError:
        raise error from None


def requests_of_this_task() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def test_a_block_exits_its_contexts_and_then_stops_its_tasks() -> None:
    events: list[Any] = []
    async with TaskNursery() as nursery:
        assert await nursery.enter_async_context(Context(events, "one")) == "one"
        nursery.create_task(noting_end(events))
        await nursery.enter_async_context(Context(events, "two"))
        await settle()
    assert events == ["enter one", "enter two", "exit two", "exit one", "task ended"]
    assert nursery.tasks == ()
    assert nursery.sentinel_task is None


async def test_a_task_that_returns_leaves_the_nursery_open() -> None:
    async with TaskNursery() as nursery:
        task = nursery.create_task(asyncio.sleep(0, "result"))
        assert nursery.tasks == (task,)
        assert await task == "result"
        await settle()
        assert len(nursery.tasks) == 0
        assert await nursery.create_task(asyncio.sleep(0, "still open")) == "still open"


async def test_a_failed_task_ends_body_contexts_and_tasks_and_is_raised_as_itself() -> None:
    events: list[Any] = []
    error = ValueError("task")
    with pytest.raises(ValueError, match="task") as caught:
        async with TaskNursery() as nursery:
            await nursery.enter_async_context(Context(events))
            nursery.create_task(noting_end(events))
            nursery.create_task(failing(error))
            try:
                await forever()
            finally:
                events.append("body ended")
    assert caught.value is error
    assert error.__context__ is None, "the body's own cancellation is no news"
    assert events == ["enter context", "body ended", "exit context with ValueError('task')", "task ended"]
    assert requests_of_this_task() == 0


async def test_a_context_may_suppress_the_error_of_a_task() -> None:
    events: list[Any] = []
    async with TaskNursery() as nursery:
        await nursery.enter_async_context(Context(events, suppress=True))
        nursery.create_task(failing(ValueError("task")))
        await forever()
    assert events == ["enter context", "exit context with ValueError('task')"]
    assert requests_of_this_task() == 0
    await nursery


async def test_an_error_of_the_body_is_raised_as_itself() -> None:
    events: list[Any] = []
    error = KeyError("body")
    with pytest.raises(KeyError) as caught:
        async with TaskNursery() as nursery:
            await nursery.enter_async_context(Context(events))
            nursery.create_task(noting_end(events))
            await settle()
            raise error
    assert caught.value is error
    assert events[1:] == ["exit context with KeyError('body')", "task ended"]


async def test_a_context_may_suppress_the_error_of_the_body() -> None:
    async with TaskNursery() as nursery:
        await nursery.enter_async_context(Context([], suppress=True))
        raise KeyError("body")
    await nursery.aclose()


async def test_errors_of_body_contexts_and_tasks_are_raised_in_a_group() -> None:
    errors = [ValueError("task"), OSError("task when cancelled"), KeyError("body")]
    with pytest.raises(ExceptionGroup) as caught:
        async with TaskNursery("n") as nursery:
            nursery.create_task(failing(errors[0]))
            nursery.create_task(failing_when_cancelled(errors[1]))
            try:
                await forever()
            finally:
                raise errors[2]
    assert list(caught.value.exceptions) == [errors[2], errors[0], errors[1]]
    assert "nursery 'n'" in str(caught.value)


async def test_an_error_of_a_context_takes_the_place_of_the_error_it_was_given() -> None:
    first, second = ValueError("task"), OSError("exit")
    with pytest.raises(OSError, match="exit") as caught:
        async with TaskNursery() as nursery:
            await nursery.enter_async_context(Context([], fail=second))
            nursery.create_task(failing(first))
            await forever()
    assert caught.value is second
    assert caught.value.__context__ is first


async def test_a_context_that_raises_what_it_was_given_changes_nothing() -> None:
    error = ValueError("task")
    with pytest.raises(ValueError, match="task") as caught:
        async with TaskNursery() as nursery:
            await nursery.enter_async_context(Context([], fail=error))
            nursery.create_task(failing(error))
            await forever()
    assert caught.value is error


async def test_a_task_that_fails_while_contexts_exit_is_raised_too() -> None:
    task_gate, context_gate = asyncio.Event(), asyncio.Event()
    events: list[Any] = []

    async def block() -> None:
        async with TaskNursery() as nursery:
            await nursery.enter_async_context(Context(events, gate=context_gate))
            nursery.create_task(failing(ValueError("while exiting"), task_gate))

    running = asyncio.ensure_future(block())
    await settle()
    assert events == ["enter context", "exit context"]
    task_gate.set()
    await settle()
    assert not running.done(), "the exit of the context is not cut short"
    context_gate.set()
    with pytest.raises(ValueError, match="while exiting"):
        await running
    assert events[-1] == "exited context"


async def test_the_error_of_a_task_that_the_body_awaited_counts_once() -> None:
    error = ValueError("task")
    with pytest.raises(ValueError, match="task") as caught:
        async with TaskNursery() as nursery:
            await nursery.create_task(failing(error))
    assert caught.value is error


async def test_contexts_can_still_start_tasks_while_they_exit() -> None:
    events: list[Any] = []

    async def flush(nursery: TaskNursery) -> None:
        await nursery.create_task(asyncio.sleep(0))
        events.append("flushed")

    async with TaskNursery() as nursery:
        nursery.push_async_callback(flush, nursery)
    assert events == ["flushed"]


async def test_a_cancellation_from_outside_passes_through() -> None:
    events: list[Any] = []

    async def block() -> None:
        async with TaskNursery() as nursery:
            await nursery.enter_async_context(Context(events))
            nursery.create_task(noting_end(events))
            await forever()

    running = asyncio.ensure_future(block())
    await settle()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert events[1:] == ["exit context with CancelledError()", "task ended"]


async def test_a_second_cancellation_goes_to_the_context_and_leaves_no_task_behind() -> None:
    events: list[Any] = []
    gate = asyncio.Event()
    cleanup = asyncio.Event()

    async def slow_to_end() -> None:
        try:
            await forever()
        finally:
            await cleanup.wait()
            events.append("task ended")

    async def block() -> None:
        async with TaskNursery() as nursery:
            await nursery.enter_async_context(Context(events, "first"))
            await nursery.enter_async_context(Context(events, "stuck", gate=gate))
            nursery.create_task(slow_to_end())
            await forever()

    running = asyncio.ensure_future(block())
    await settle()
    for _ in range(4):
        running.cancel()
        await settle()
    assert not running.done()
    assert events[2:] == ["exit stuck with CancelledError()", "exit first with CancelledError()"]
    cleanup.set()
    await settle()
    assert running.cancelled()
    assert events[-1] == "task ended"


async def test_a_cancellation_while_tasks_stop_is_raised() -> None:
    cleanup = asyncio.Event()

    async def slow_to_end() -> None:
        try:
            await forever()
        finally:
            await cleanup.wait()

    async def block() -> None:
        async with TaskNursery() as nursery:
            nursery.create_task(slow_to_end())
            await asyncio.sleep(0)
        raise AssertionError("the cancellation was lost")

    running = asyncio.ensure_future(block())
    await settle()
    running.cancel()
    await settle()
    cleanup.set()
    await settle()
    assert running.cancelled()


async def test_an_error_goes_before_a_cancellation_which_arrives_at_the_next_wait() -> None:
    reached = []

    async def caller() -> None:
        with pytest.raises(ValueError, match="when cancelled"):
            async with TaskNursery() as nursery:
                nursery.create_task(failing_when_cancelled(ValueError("when cancelled")))
                await forever()
        reached.append("error")
        await forever()

    calling = asyncio.ensure_future(caller())
    await settle()
    calling.cancel()
    await settle()
    assert calling.cancelled()
    assert reached == ["error"]


async def test_a_failure_and_a_cancellation_from_outside_at_once_lose_neither() -> None:
    gate = asyncio.Event()
    reached = []

    async def caller() -> None:
        with pytest.raises(ValueError, match="task"):
            async with TaskNursery() as nursery:
                nursery.create_task(failing(ValueError("task"), gate))
                await forever()
        reached.append("error")
        await forever()

    calling = asyncio.ensure_future(caller())
    await settle()
    gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    calling.cancel()
    await settle()
    assert calling.cancelled()
    assert reached == ["error"]


async def test_a_timeout_around_a_nursery_stays_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            async with TaskNursery() as nursery:
                nursery.create_task(forever())
                await forever()
    assert requests_of_this_task() == 0


async def test_cancelling_the_sentinel_ends_the_block_without_an_error() -> None:
    events: list[Any] = []
    nursery = TaskNursery()
    sentinel = nursery.sentinel_task
    assert sentinel is not None
    async with nursery:
        await nursery.enter_async_context(Context(events))
        nursery.create_task(noting_end(events))
        await settle()
        sentinel.cancel()
        await forever()
    assert events == ["enter context", "exit context", "task ended"]
    assert sentinel.done()
    assert not sentinel.cancelled()
    assert requests_of_this_task() == 0
    await nursery


async def test_a_body_that_swallows_its_end_closes_the_nursery_when_it_ends() -> None:
    events: list[Any] = []
    with pytest.raises(ValueError, match="task"):
        async with TaskNursery() as nursery:
            nursery.create_task(failing(ValueError("task")))
            with contextlib.suppress(asyncio.CancelledError):
                await forever()
            await settle()
            await nursery.enter_async_context(Context(events))
            nursery.create_task(noting_end(events))
            await settle()
    assert events == ["enter context", "exit context with ValueError('task')", "task ended"]
    assert requests_of_this_task() == 0


async def test_a_body_that_is_cancelled_at_the_end_of_the_program_may_clean_up() -> None:
    events: list[str] = []

    async def block() -> None:
        async with TaskNursery():
            try:
                await forever()
            finally:
                await asyncio.sleep(0.05)
                events.append("cleaned up")

    running = asyncio.ensure_future(block())
    await settle()
    # What asyncio.run() does when its main function has ended: cancel all tasks, the sentinel among them.
    me = asyncio.current_task()
    for task in asyncio.all_tasks() - {me}:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert events == ["cleaned up"]


async def test_a_sentinel_cancelled_while_a_timeout_ends_within_the_body_closes_the_nursery() -> None:
    async def block(nursery: TaskNursery) -> str:
        async with nursery:
            try:
                async with asyncio.timeout(None) as limit:
                    limit.reschedule(0)
                    await forever()
            except TimeoutError:
                await forever()
        return "closed"

    nursery = TaskNursery()
    running = asyncio.ensure_future(block(nursery))
    # The timeout has cancelled the body, which has not heard of it yet.
    while not running.cancelling():
        await asyncio.sleep(0)
    assert nursery.sentinel_task is not None
    nursery.sentinel_task.cancel()
    assert await running == "closed"


async def test_awaiting_a_nursery_in_its_block_runs_it_until_it_fails() -> None:
    gate = asyncio.Event()
    with pytest.raises(ValueError, match="task"):
        async with TaskNursery() as nursery:
            nursery.create_task(failing(ValueError("task"), gate))
            asyncio.get_running_loop().call_soon(gate.set)
            await nursery
    assert requests_of_this_task() == 0


async def test_everyone_who_awaits_a_nursery_gets_its_error() -> None:
    gate = asyncio.Event()
    nursery = TaskNursery()
    error = ValueError("task")

    async def wait() -> None:
        await nursery

    nursery.create_task(failing(error, gate))
    waiting = [asyncio.ensure_future(wait()), asyncio.ensure_future(nursery.aclose()), asyncio.ensure_future(wait())]
    waiting.pop(1).cancel()
    await settle()
    gate.set()
    await settle()
    for waiter in waiting:
        assert waiter.exception() is error
    with pytest.raises(ValueError, match="task"):
        await nursery
    with pytest.raises(ValueError, match="task"):
        await nursery.aclose()


async def test_one_who_awaits_a_nursery_and_is_cancelled_with_its_end_still_gets_the_error() -> None:
    gate = asyncio.Event()
    nursery = TaskNursery()
    error = ValueError("task")
    outcome: list[BaseException] = []

    async def wait() -> None:
        try:
            await nursery
        except ValueError as caught:
            outcome.append(caught)
        await forever()

    nursery.create_task(failing(error, gate))
    waiting = asyncio.ensure_future(wait())
    await settle()
    gate.set()
    while "state=<closed>" not in repr(nursery):
        await asyncio.sleep(0)
    waiting.cancel()
    await settle()
    assert outcome == [error]
    assert waiting.cancelled()


async def test_cancelling_one_who_awaits_a_nursery_leaves_it_open() -> None:
    nursery = TaskNursery()

    async def wait() -> None:
        await nursery

    waiting = asyncio.ensure_future(wait())
    await settle()
    waiting.cancel()
    await settle()
    assert waiting.cancelled()
    assert await nursery.create_task(asyncio.sleep(0, "open")) == "open"
    await nursery.aclose()


async def test_without_a_block_aclose_ends_it_in_the_calling_task() -> None:
    nursery = TaskNursery()
    tasks: list[Any] = []

    @contextlib.asynccontextmanager
    async def context() -> AsyncIterator[None]:
        tasks.append(asyncio.current_task())
        yield
        tasks.append(asyncio.current_task())

    await nursery.enter_async_context(context())
    child = nursery.create_task(forever())
    await nursery.aclose()
    assert tasks == [asyncio.current_task()] * 2
    assert child.cancelled()
    await nursery.aclose()


async def test_without_a_block_aclose_raises_what_went_wrong() -> None:
    nursery = TaskNursery()
    nursery.create_task(failing_when_cancelled(ValueError("when cancelled")))
    await settle()
    with pytest.raises(ValueError, match="when cancelled"):
        await nursery.aclose()


async def test_without_a_block_a_failure_closes_it_and_whoever_awaits_its_sentinel_hears_of_it() -> None:
    events: list[Any] = []
    nursery = TaskNursery()
    await nursery.enter_async_context(Context(events))
    nursery.create_task(noting_end(events))
    nursery.create_task(failing(ValueError("task")))
    sentinel = nursery.sentinel_task
    assert sentinel is not None
    with pytest.raises(ValueError, match="task"):
        await sentinel
    assert events == ["enter context", "exit context with ValueError('task')", "task ended"]


@pytest.mark.asyncio_logs_errors
async def test_without_a_block_a_failure_that_nobody_awaits_is_reported_once_and_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nursery = TaskNursery("unattended")
    nursery.create_task(failing(ValueError("task")))
    await settle()
    gc.collect()
    (record,) = caplog.records
    assert "unattended" in record.message
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "task"


async def test_without_a_block_cancelling_the_sentinel_closes_it() -> None:
    events: list[Any] = []
    nursery = TaskNursery()
    await nursery.enter_async_context(Context(events))
    nursery.create_task(noting_end(events))
    await settle()
    sentinel = nursery.sentinel_task
    assert sentinel is not None
    sentinel.cancel()
    await sentinel
    assert events == ["enter context", "exit context", "task ended"]
    await nursery


async def test_aclose_by_another_task_ends_the_block() -> None:
    events: list[Any] = []

    async def block(nursery: TaskNursery) -> str:
        async with nursery:
            await nursery.enter_async_context(Context(events))
            try:
                await forever()
            finally:
                events.append("body ended")
        return "block ended"

    nursery = TaskNursery()
    running = asyncio.ensure_future(block(nursery))
    await settle()
    await nursery.aclose()
    assert events == ["enter context", "body ended", "exit context"]
    assert await running == "block ended"


async def test_aclose_in_the_block_closes_it_and_the_rest_of_the_body_runs() -> None:
    events: list[Any] = []
    async with TaskNursery() as nursery:
        await nursery.enter_async_context(Context(events))
        await nursery.aclose()
        events.append("rest")
    assert events == ["enter context", "exit context", "rest"]


async def test_aclose_in_the_block_after_a_failure_raises_it_there() -> None:
    async with TaskNursery() as nursery:
        nursery.create_task(failing(ValueError("task")))
        with contextlib.suppress(asyncio.CancelledError):
            await forever()
        with pytest.raises(ValueError, match="task"):
            await nursery.aclose()
    assert requests_of_this_task() == 0


async def test_aclose_by_one_of_its_own_tasks_works_with_and_without_a_block() -> None:
    events: list[Any] = []

    async def closing(nursery: TaskNursery) -> str:
        await nursery.aclose()
        return "went on"

    async with TaskNursery() as nursery:
        await nursery.enter_async_context(Context(events))
        task = nursery.create_task(closing(nursery))
        await forever()
    assert task.cancelled(), "like every task of a nursery that closes"
    nursery = TaskNursery()
    await nursery.enter_async_context(Context(events))
    other = nursery.create_task(forever())
    task2 = nursery.create_task(closing(nursery))
    assert await task2 == "went on"
    assert other.cancelled()
    assert events == ["enter context", "exit context"] * 2


@pytest.mark.asyncio_logs_errors
async def test_a_task_that_closed_its_own_nursery_and_then_fails_is_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nursery = TaskNursery()

    async def closing() -> None:
        await nursery.aclose()
        raise ValueError("afterwards")

    nursery.create_task(closing())
    await settle()
    (record,) = caplog.records
    assert "after its nursery was closed" in record.message


async def test_several_may_close_it_at_once() -> None:
    gate = asyncio.Event()
    events: list[Any] = []
    nursery = TaskNursery()
    await nursery.enter_async_context(Context(events, gate=gate))
    closing = [asyncio.ensure_future(nursery.aclose()) for _ in range(3)]
    await settle()
    assert nursery.sentinel_task is not None
    nursery.sentinel_task.cancel()
    await settle()
    gate.set()
    await asyncio.gather(*closing)
    assert events == ["enter context", "exit context", "exited context"]


async def test_stop_task_returns_the_outcome() -> None:
    async def returning_when_cancelled() -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await forever()
        return "result"

    error = ValueError("when cancelled")
    async with TaskNursery() as nursery:
        tasks = [
            nursery.create_task(forever()),
            nursery.create_task(returning_when_cancelled()),
            nursery.create_task(failing_when_cancelled(error)),
        ]
        await settle()
        outcomes = [await nursery.stop_task(task) for task in tasks]
        assert isinstance(outcomes[0], asyncio.CancelledError)
        assert outcomes[1:] == ["result", error]
        await settle()
        assert nursery.tasks == ()
    # An error that was returned is not raised once more.


async def test_stop_task_of_one_that_failed_in_this_moment_takes_its_error() -> None:
    error = ValueError("failed")
    gate = asyncio.get_running_loop().create_future()

    async def fail_at_the_gate() -> None:
        await gate
        raise error

    async with TaskNursery() as nursery:
        task = nursery.create_task(fail_at_the_gate())
        await settle()
        gate.set_result(None)
        await passes(1)
        # It is done, and the loop has yet to tell the nursery.
        assert task.done()
        assert nursery.tasks == (task,)
        assert await nursery.stop_task(task) is error
        await settle()
    # An error that was returned is not raised once more.


async def test_stop_task_refuses_other_tasks_and_the_current_one() -> None:
    async with TaskNursery() as nursery, TaskNursery() as other:
        task = other.create_task(forever())
        with pytest.raises(ValueError, match="not a running task of"):
            await nursery.stop_task(task)
        assert not task.cancelling()

        async def stop_oneself() -> None:
            me = asyncio.current_task()
            assert me is not None
            with pytest.raises(ValueError, match="cannot stop itself"):
                await nursery.stop_task(me)

        await nursery.create_task(stop_oneself())
        done = nursery.create_task(asyncio.sleep(0))
        await settle()
        with pytest.raises(ValueError, match="not a running task of"):
            await nursery.stop_task(done)


async def test_cancelling_the_sentinel_before_its_first_step_closes_the_nursery() -> None:
    events: list[Any] = []
    nursery = TaskNursery()
    await nursery.enter_async_context(Context(events))
    sentinel = nursery.sentinel_task
    assert sentinel is not None
    sentinel.cancel()
    await nursery
    await sentinel
    assert events == ["enter context", "exit context"]


async def test_stop_task_of_the_sentinel_closes_the_nursery() -> None:
    nursery = TaskNursery()
    sentinel = nursery.sentinel_task
    assert sentinel is not None
    await nursery.stop_task(sentinel)
    assert nursery.sentinel_task is None


async def test_an_error_that_a_cancelled_stop_task_cannot_return_closes_the_nursery() -> None:
    for cancel_with_the_end in True, False:
        gate = asyncio.Event()

        async def slow_to_fail(gate: asyncio.Event = gate) -> None:
            try:
                await forever()
            finally:
                await gate.wait()
                raise ValueError("when cancelled")

        with pytest.raises(ValueError, match="when cancelled"):
            async with TaskNursery() as nursery:
                task = nursery.create_task(slow_to_fail())
                await settle()
                stopping = asyncio.ensure_future(nursery.stop_task(task))
                await settle()
                if cancel_with_the_end:
                    gate.set()
                    while not task.done():
                        await asyncio.sleep(0)
                    stopping.cancel()
                else:
                    stopping.cancel()
                    await settle()
                    gate.set()
                await forever()
        assert stopping.cancelled()


async def test_a_task_that_is_being_stopped_is_not_cancelled_again_when_the_nursery_closes() -> None:
    events: list[str] = []

    async def slow_to_end() -> None:
        try:
            await forever()
        finally:
            await asyncio.sleep(0.01)
            events.append("cleaned up")

    async with TaskNursery() as nursery:
        task = nursery.create_task(slow_to_end())
        await settle()
        stopping = asyncio.ensure_future(nursery.stop_task(task))
        await settle()
    assert events == ["cleaned up"]
    assert isinstance(await stopping, asyncio.CancelledError)


async def test_pop_all_moves_contexts_and_tasks_to_a_new_nursery() -> None:
    events: list[Any] = []
    async with TaskNursery() as nursery:
        await nursery.enter_async_context(Context(events))
        task = nursery.create_task(noting_end(events))
        await settle()
        kept = nursery.pop_all()
        assert type(kept) is TaskNursery
        assert kept.tasks == (task,)
        assert nursery.tasks == ()
        assert kept.loop is nursery.loop
        assert kept.name != nursery.name
    assert events == ["enter context"]
    await kept.aclose()
    assert events == ["enter context", "exit context", "task ended"]


async def test_after_pop_all_a_failure_closes_the_new_nursery() -> None:
    gate = asyncio.Event()
    async with TaskNursery() as nursery:
        nursery.create_task(failing(ValueError("task"), gate))
        kept = nursery.pop_all()
        gate.set()
        with pytest.raises(ValueError, match="task"):
            await kept
        await nursery.create_task(asyncio.sleep(0))


async def test_pop_all_of_a_nursery_that_exits_its_contexts_is_refused() -> None:
    refused: list[bool] = []

    def pop_all() -> None:
        with pytest.raises(RuntimeError, match="closing"):
            nursery.pop_all()
        refused.append(True)

    async with TaskNursery() as nursery:
        nursery.callback(pop_all)
    assert refused == [True]


async def test_a_closed_nursery_starts_nothing_and_closes_the_coroutine() -> None:
    async with TaskNursery() as nursery:
        pass
    coroutine = forever()
    with pytest.raises(RuntimeError, match="closed"):
        nursery.create_task(coroutine)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


async def test_a_closed_nursery_takes_no_contexts() -> None:
    events: list[Any] = []
    async with TaskNursery() as nursery:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        await nursery.enter_async_context(Context(events))
    assert events == []
    attempts: list[Callable[[], Any]] = [
        functools.partial(nursery.enter_context, contextlib.nullcontext()),
        functools.partial(nursery.push, contextlib.nullcontext()),
        functools.partial(nursery.push_async_exit, Context(events)),
        functools.partial(nursery.callback, print),
        functools.partial(nursery.push_async_callback, asyncio.sleep, 0),
    ]
    for attempt in attempts:
        with pytest.raises(RuntimeError, match="no context can be added"):
            attempt()


async def test_a_context_that_is_entered_while_the_nursery_closes_is_exited() -> None:
    gate = asyncio.Event()
    events: list[str] = []

    @contextlib.asynccontextmanager
    async def slow_to_enter() -> AsyncIterator[None]:
        await gate.wait()
        events.append("entered")
        yield
        events.append("exited")

    nursery = TaskNursery()
    entering = asyncio.ensure_future(nursery.enter_async_context(slow_to_enter()))
    await settle()
    await nursery.aclose()
    gate.set()
    with pytest.raises(RuntimeError, match="closed"):
        await entering
    assert events == ["entered", "exited"]


async def test_it_is_an_exit_stack_in_all_other_respects() -> None:
    events: list[str] = []
    async with TaskNursery() as nursery:
        nursery.callback(events.append, "callback")
        nursery.push(lambda *exc: events.append("push"))
        nursery.enter_context(contextlib.closing(_Closing(events)))
        nursery.push_async_callback(asyncio.sleep, 0)
        nursery.push_async_exit(Context(events))
    assert isinstance(nursery, contextlib.AsyncExitStack)
    assert events == ["exit context", "closing", "push", "callback"]


class _Closing:
    def __init__(self, events: list[str]) -> None:
        self._events = events

    def close(self) -> None:
        self._events.append("closing")


async def test_a_nursery_can_be_entered_once() -> None:
    async with TaskNursery() as nursery:
        with pytest.raises(RuntimeError, match="once"):
            await nursery.__aenter__()
    with pytest.raises(RuntimeError, match="closed cannot be entered"):
        await nursery.__aenter__()


async def test_create_task_passes_name_and_context_on() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    context = contextvars.copy_context()
    context.run(variable.set, "set")

    async def look() -> str:
        return variable.get()

    async with TaskNursery("n") as nursery:
        task = nursery.create_task(look(), name="looking", context=context)
        assert task.get_name() == "looking"
        assert await task == "set"
        unnamed = nursery.create_task(look())
        assert unnamed.get_name().endswith("look:n")
        assert await unnamed == "unset"


async def test_create_task_takes_any_awaitable() -> None:
    future = asyncio.get_running_loop().create_future()
    future.set_result("future")
    async with TaskNursery() as nursery:
        task: asyncio.Task[str] = nursery.create_task(future)
        assert await task == "future"


@pytest.mark.parametrize(("wrong", "message"), [(forever, "call it"), (None, "awaitable is needed")])
async def test_create_task_refuses_what_cannot_be_awaited(wrong: Any, message: str) -> None:
    async with TaskNursery() as nursery:
        with pytest.raises(TypeError, match=message):
            nursery.create_task(wrong)


async def test_create_task_that_the_loop_refuses_closes_the_coroutine() -> None:
    coroutine = forever()
    async with TaskNursery() as nursery:
        with pytest.raises(TypeError):
            nursery.create_task(coroutine, no_such_option=True)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


async def test_names_are_unique_among_open_nurseries() -> None:
    async with TaskNursery(name="Foo") as nursery:
        assert TaskNursery.registry["Foo"] is nursery
        with pytest.raises(ValueError, match="exists already"):
            TaskNursery(name="Foo")
    assert "Foo" not in TaskNursery.registry
    async with TaskNursery(name="Foo"):
        pass


async def test_a_name_can_be_computed() -> None:
    name = "first"
    async with TaskNursery(name=lambda: name) as nursery:
        assert nursery.name == "first"
        name = "second"
        assert nursery.name == "second"
        assert TaskNursery.registry == {"second": nursery}


async def test_a_name_that_cannot_be_computed_any_more_does_not_hold_up_the_closing() -> None:
    names = ["nursery"]
    events: list[Any] = []
    errors = [ValueError("one"), ValueError("two")]
    nursery = TaskNursery(name=lambda: names[0])
    with pytest.raises(ExceptionGroup, match="several errors in nursery <no name") as caught:
        async with nursery:
            await nursery.enter_async_context(Context(events))
            tasks = [nursery.create_task(failing_when_cancelled(error)) for error in errors]
            await settle()
            names.clear()
    assert set(caught.value.exceptions) == set(errors)
    assert events == ["enter context", "exit context"]
    assert all(task.done() for task in tasks)
    assert "name=<no name" in repr(nursery)


async def test_nurseries_without_a_name_get_one() -> None:
    async with TaskNursery() as one, TaskNursery() as two:
        assert one.name.startswith("TaskNursery-")
        assert {one.name, two.name} == set(TaskNursery.registry)
    assert isinstance(one, Registry)


async def test_an_open_nursery_lives_on_without_references_and_a_closed_one_does_not() -> None:
    events: list[Any] = []

    def make() -> weakref.ref[TaskNursery]:
        nursery = TaskNursery("kept")
        nursery.create_task(noting_end(events))
        return weakref.ref(nursery)

    reference = make()
    await settle()
    gc.collect()
    nursery = reference()
    assert nursery is TaskNursery.registry["kept"]
    assert nursery is not None
    await nursery.aclose()
    del nursery
    gc.collect()
    assert reference() is None
    assert events == ["task ended"]


async def test_the_repr_tells_the_state() -> None:
    async with TaskNursery("Foo") as nursery:
        nursery.create_task(forever())
        assert repr(nursery).startswith("aio_group.TaskNursery(name='Foo', loop=<")
        assert repr(nursery).endswith("tasks=1, state=<open>)")
    assert repr(nursery).endswith("tasks=0, state=<closed>)")


async def test_nothing_is_left_in_the_loop() -> None:
    before = asyncio.all_tasks()
    async with TaskNursery() as nursery:
        nursery.create_task(forever())
        await settle()
    assert asyncio.all_tasks() == before
    nursery = TaskNursery()
    await nursery.aclose()
    assert asyncio.all_tasks() == before
