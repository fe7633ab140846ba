"""`async_exit_on_exc`: a context is left because a task failed."""

from __future__ import annotations

import asyncio
import functools
import gc
from typing import TYPE_CHECKING, Any

import pytest
from aio_group import async_exit_on_exc
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from types import TracebackType

pytestmark = pytest.mark.asyncio


class Context:
    def __init__(self, fail: BaseException | None = None, gate: asyncio.Event | None = None) -> None:
        self.exits: list[Any] = []
        self.entered = False
        self._fail = fail
        self._gate = gate

    async def __aenter__(self) -> None:
        self.entered = True

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._gate is not None:
            await self._gate.wait()
        self.exits.append((exc_type, exc, tb))
        if self._fail is not None:
            raise self._fail


async def failing(error: BaseException) -> None:
    raise error


async def test_the_error_of_a_task_that_failed_is_given_to_the_context() -> None:
    error = ValueError("task")
    task = asyncio.ensure_future(failing(error))
    await settle()
    context = Context()
    async_exit_on_exc(context, task)
    assert context.exits == [], "scheduled, not called"
    await settle()
    assert context.exits == [(ValueError, error, error.__traceback__)]


@pytest.mark.parametrize("as_callback", [True, False])
async def test_a_task_that_fails_later_is_waited_for(as_callback: bool) -> None:
    task = asyncio.ensure_future(failing(ValueError("task")))
    context = Context()
    if as_callback:
        task.add_done_callback(functools.partial(async_exit_on_exc, context))
    else:
        async_exit_on_exc(context, task, asyncio.get_running_loop())
    await settle()
    assert len(context.exits) == 1


async def test_a_task_that_returns_or_is_cancelled_changes_nothing() -> None:
    returning = asyncio.ensure_future(asyncio.sleep(0))
    cancelled = asyncio.ensure_future(asyncio.Event().wait())
    context = Context()
    for task in returning, cancelled:
        async_exit_on_exc(context, task)
    await asyncio.sleep(0)
    cancelled.cancel()
    await settle()
    assert cancelled.cancelled()
    assert context.exits == []


async def test_who_awaits_the_task_gets_its_error_all_the_same() -> None:
    task = asyncio.ensure_future(failing(ValueError("task")))
    async_exit_on_exc(Context(), task)
    await settle()
    with pytest.raises(ValueError, match="task"):
        await task


async def test_an_exit_that_takes_its_time_is_kept_alive() -> None:
    gate = asyncio.Event()
    context = Context(gate=gate)
    async_exit_on_exc(context, asyncio.ensure_future(failing(ValueError("task"))))
    await settle()
    gc.collect()
    gate.set()
    await settle()
    assert len(context.exits) == 1


@pytest.mark.asyncio_logs_errors
async def test_an_error_of_the_exit_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    async_exit_on_exc(Context(fail=OSError("exit")), asyncio.ensure_future(failing(ValueError("task"))))
    await settle()
    (record,) = caplog.records
    assert "failed to exit after the failure of a task" in record.message
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], OSError)


async def test_an_exit_that_raises_what_it_was_given_is_not_reported() -> None:
    error = ValueError("task")
    context = Context(fail=error)
    async_exit_on_exc(context, asyncio.ensure_future(failing(error)))
    await settle()
    assert len(context.exits) == 1


async def test_a_task_group_is_left_with_the_error() -> None:
    # A context manager of the standard library that takes its tasks with it, and raises a group.
    reported: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: reported.append(context["exception"]))
    group = asyncio.TaskGroup()
    await group.__aenter__()
    child = group.create_task(asyncio.Event().wait())
    await asyncio.sleep(0)
    error = ValueError("task")
    async_exit_on_exc(group, asyncio.ensure_future(failing(error)))
    await settle()
    assert child.cancelled()
    (raised,) = reported
    assert raised.exceptions == (error,)


async def test_what_is_not_a_context_manager_or_a_task_is_refused() -> None:
    task = asyncio.ensure_future(asyncio.sleep(0))
    with pytest.raises(TypeError, match="async context manager is needed"):
        async_exit_on_exc(object(), task)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="task or future is needed"):
        async_exit_on_exc(Context(), asyncio.sleep)  # type: ignore[arg-type]
    await task
