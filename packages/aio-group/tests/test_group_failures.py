"""An error of a task is reported once: to whoever awaits it, to the callback, or to the log."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from aio_group import Group
from suite_support.interleaving import settle

pytestmark = pytest.mark.asyncio


class OurError(Exception):
    pass


async def fail(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


async def fail_at_once(error: BaseException) -> None:
    raise error


class Reports:
    """Everything that hears of errors: the callback, the group's log, asyncio's exception handler."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        self.called: list[Exception] = []
        self.handled: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.handled.append(context["message"]))

    @property
    def logged(self) -> list[BaseException]:
        gc.collect()
        return [
            record.exc_info[1]
            for record in self._caplog.records
            if record.name == "aio_group" and record.exc_info and record.exc_info[1]
        ]

    @property
    def all(self) -> tuple[list[Exception], list[BaseException], list[str]]:
        return self.called, self.logged, self.handled


@pytest_asyncio.fixture
async def reports(caplog: pytest.LogCaptureFixture) -> Reports:
    return Reports(caplog)


@pytest.mark.parametrize("failing", [fail, fail_at_once])
async def test_without_callback_and_waiter_it_is_logged(
    reports: Reports, failing: Callable[[BaseException], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    error = OurError()
    async with Group() as group:
        group.spawn(failing, error)
        await settle()
        assert reports.all == ([], [error], [])
    assert reports.all == ([], [error], [])
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "a task of a group failed: <Task finished" in record.getMessage()
    assert failing.__name__ in record.getMessage()


@pytest.mark.parametrize("failing", [fail, fail_at_once])
async def test_with_a_callback_that_is_called_with_each_error_instead(
    reports: Reports, failing: Callable[[BaseException], Awaitable[None]]
) -> None:
    errors = [OurError(), OurError()]
    async with Group(reports.called.append) as group:
        for error in errors:
            group.spawn(failing, error)
        await settle()
    assert reports.all == (errors, [], [])


async def test_without_log_it_is_dropped_as_asked(reports: Reports) -> None:
    async with Group(log_exceptions=False) as group:
        group.spawn(fail, OurError())
        await settle()
    assert reports.all == ([], [], [])


@pytest.mark.parametrize("with_callback", [False, True])
@pytest.mark.parametrize("failing", [fail, fail_at_once])
async def test_whoever_awaits_it_has_it_alone(
    reports: Reports, failing: Callable[[BaseException], Awaitable[None]], with_callback: bool
) -> None:
    error = OurError()
    async with Group(reports.called.append if with_callback else None) as group:
        with pytest.raises(OurError) as caught:
            await group.spawn(failing, error)
    assert caught.value is error
    assert reports.all == ([], [], [])


async def gather(future: asyncio.Future[None]) -> None:
    await asyncio.gather(future)


async def shield(future: asyncio.Future[None]) -> None:
    await asyncio.shield(future)


async def wait_for(future: asyncio.Future[None]) -> None:
    await asyncio.wait_for(future, 10)


async def wait(future: asyncio.Future[None]) -> None:
    (done,), _ = await asyncio.wait({future})
    assert done is future
    done.result()


async def as_completed(future: asyncio.Future[None]) -> None:
    for next_done in asyncio.as_completed([future]):
        await next_done


async def callback(future: asyncio.Future[None]) -> None:
    seen: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: seen.set_result(done.exception()))
    error = await seen
    assert error is not None
    raise error


async def poll(future: asyncio.Future[None]) -> None:
    while not future.done():
        await asyncio.sleep(0)
    future.result()


@pytest.mark.parametrize("by", [gather, shield, wait_for, wait, as_completed, callback, poll])
async def test_whatever_awaits_it_counts(
    reports: Reports, by: Callable[[asyncio.Future[None]], Awaitable[None]]
) -> None:
    error = OurError()
    async with Group(reports.called.append) as group:
        with pytest.raises(OurError) as caught:
            await by(group.spawn(fail, error))
    assert caught.value is error
    del caught
    assert reports.all == ([], [], [])


async def test_several_that_await_it_all_have_it(reports: Reports) -> None:
    async with Group() as group:
        task = group.spawn(fail, OurError())
        results = await asyncio.gather(task, task, asyncio.shield(task), return_exceptions=True)
        assert [type(result) for result in results] == [OurError] * 3
        with pytest.raises(OurError):
            await task
    del results, task
    assert reports.all == ([], [], [])


async def test_one_reported_before_it_is_awaited_is_raised_but_not_reported_again(reports: Reports) -> None:
    error = OurError()
    async with Group() as group:
        task = group.spawn(fail, error)
        await settle()
        assert reports.all == ([], [error], [])
        with pytest.raises(OurError):
            await task
        callbacks: list[asyncio.Future[Any]] = []
        task.add_done_callback(callbacks.append)
        await settle()
        assert callbacks == [task]
        assert task.exception() is error
    del task, callbacks
    assert reports.all == ([], [error], [])


async def test_one_that_is_only_looked_at_after_its_report_makes_no_noise(reports: Reports) -> None:
    error = OurError()
    async with Group() as group:
        task = group.spawn(fail, error)
        await settle()
        task.add_done_callback(lambda _: None)
        await settle()
    del task
    assert reports.all == ([], [error], [])


async def test_a_waiter_cancelled_before_the_failure_does_not_count(reports: Reports) -> None:
    error = OurError()

    async def await_it(future: asyncio.Future[None]) -> None:
        await future

    async with Group(reports.called.append) as group:
        waiter = asyncio.create_task(await_it(group.spawn(fail, error)))
        await asyncio.sleep(0)
        waiter.cancel()
        await settle()
    assert reports.all == ([error], [], [])


@pytest.mark.parametrize("waiters", [1, 3])
async def test_when_all_waiters_are_cancelled_after_their_wake_up_it_is_reported(
    reports: Reports, waiters: int
) -> None:
    error = OurError()
    group = Group(reports.called.append)
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = group.wrap(gate)

    async def await_it(task: asyncio.Future[None]) -> None:
        await task

    waiting = [asyncio.create_task(await_it(task)) for _ in range(waiters)]
    await settle()
    gate.set_exception(error)
    await asyncio.sleep(0)
    # The waiters have been woken, and have not run yet.
    assert task.done()
    for waiter in waiting:
        waiter.cancel()
    await settle()
    assert all(waiter.cancelled() for waiter in waiting)
    del task
    assert reports.all == ([error], [], [])
    await group.async_close()


async def test_when_one_of_the_waiters_takes_it_the_others_may_be_cancelled(reports: Reports) -> None:
    group = Group(reports.called.append)
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = group.wrap(gate)

    async def await_it(task: asyncio.Future[None]) -> None:
        with pytest.raises(OurError):
            await task

    waiting = [asyncio.create_task(await_it(task)) for _ in range(3)]
    await settle()
    gate.set_exception(OurError())
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[2].cancel()
    await settle()
    assert [waiter.cancelled() for waiter in waiting] == [True, False, True]
    assert reports.all == ([], [], [])
    await group.async_close()


async def test_one_that_was_waited_for_but_never_looked_at_is_reported_by_asyncio(reports: Reports) -> None:
    async with Group(reports.called.append) as group:
        await asyncio.wait({group.spawn(fail, OurError())})
        await settle()
    assert reports.all == ([], [], ["ShieldedTask exception was never retrieved"])


async def test_a_removed_callback_does_not_count(reports: Reports) -> None:
    error = OurError()

    def done(_: object) -> None:
        raise AssertionError("removed")

    async with Group() as group:
        task = group.spawn(fail, error)
        task.add_done_callback(done)
        task.add_done_callback(done)
        assert task.remove_done_callback(done) == 2
        assert task.remove_done_callback(done) == 0
        await settle()
    assert reports.all == ([], [error], [])


async def test_a_cancelled_future_does_not_count(reports: Reports) -> None:
    error = OurError()
    async with Group() as group:
        task = group.spawn(fail, error)
        task.add_done_callback(lambda _: None)
        assert task.cancel()
        await settle()
        assert task.cancelled()
    assert reports.all == ([], [error], [])


async def test_an_error_during_closing_is_reported_before_the_group_is_closed(reports: Reports) -> None:
    error = OurError()

    async def fail_in_cleanup() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            raise error

    group = Group(reports.called.append)
    group.spawn(fail_in_cleanup)
    await group.async_close()
    assert reports.all == ([error], [], [])


async def test_a_cancelled_task_is_no_failure(reports: Reports) -> None:
    async def cancel_itself() -> None:
        raise asyncio.CancelledError("by itself")

    async with Group(reports.called.append) as group:
        task = group.spawn(cancel_itself)
        await settle()
        with pytest.raises(asyncio.CancelledError, match="by itself"):
            await task
    assert reports.all == ([], [], [])


async def test_others_go_on_after_a_failure(reports: Reports) -> None:
    async with Group(reports.called.append) as group:
        other: asyncio.Future[Any] = group.spawn(asyncio.Future)
        group.spawn(fail, OurError())
        await settle()
        assert not other.done()
        assert group.is_open


async def test_the_callback_may_close_the_group(reports: Reports) -> None:
    group = Group(lambda _: group.close())
    other: asyncio.Future[Any] = group.spawn(asyncio.Future)
    group.spawn(fail, OurError())
    await group.wait_closed()
    assert other.cancelled()
    assert reports.all == ([], [], [])


async def test_the_callback_may_spawn(reports: Reports) -> None:
    restarted = []

    async def restart() -> None:
        restarted.append(True)

    async with Group(lambda _: group.spawn(restart)) as group:
        group.spawn(fail, OurError())
        await settle()
    assert restarted == [True]


async def test_a_callback_that_raises_is_reported_and_does_not_break_the_group(reports: Reports) -> None:
    def callback(error: Exception) -> None:
        raise RuntimeError("the callback failed")

    group = Group(callback)
    group.spawn(fail, OurError())
    await settle()
    assert reports.handled == ["exception_cb raised, given OurError()"]
    await group.async_close()
    assert group.is_closed


async def test_subgroups_inherit_callback_and_log(reports: Reports) -> None:
    error = OurError()
    async with Group(reports.called.append) as group:
        group.create_subgroup().create_subgroup().spawn(fail, error)
        await settle()
    assert reports.all == ([error], [], [])


@pytest.mark.parametrize(
    ("parent", "asked", "logs"),
    [
        (True, None, True),
        (False, None, False),
        (True, False, False),
        (False, True, True),
    ],
)
async def test_subgroups_inherit_whether_to_log_unless_told(
    reports: Reports, parent: bool, asked: bool | None, logs: bool
) -> None:
    async with Group(log_exceptions=parent) as group:
        group.create_subgroup(log_exceptions=asked).spawn(fail, OurError())
        await settle()
    assert len(reports.logged) == int(logs)


async def test_other_base_exceptions_are_logged_even_with_a_callback(reports: Reports) -> None:
    """The callback is for Exceptions."""

    class Odd(BaseException):
        pass

    error = Odd()
    async with Group(reports.called.append) as group:
        group.spawn(fail, error)
        await settle()
    assert reports.all == ([], [error], [])


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=repr)
async def test_of_a_future_also_those_are_logged_that_leave_the_loop_in_a_task(
    reports: Reports, error: BaseException
) -> None:
    async with Group() as group:
        future = asyncio.get_running_loop().create_future()
        group.wrap(future)
        future.set_exception(error)
        await settle()
    assert reports.all == ([], [error], [])
