"""An interrupt is no cancellation: pieces that outlast, count and swallow cancellations tell the two apart."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aio_coro import GeneratorObject
from aio_group import (
    CancelledWithResultError,
    Group,
    TaskNursery,
    move_on_when,
    run_and_cancelling,
    uncancellable,
    wait_all,
    wait_any,
    wait_for,
)
from aio_sched import InterruptException, task_interrupt, task_throw, task_timeout
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Outlast = Callable[[asyncio.Future[None]], Awaitable[object]]


class Stop(InterruptException):
    pass


async def winding_up(end: asyncio.Future[None]) -> None:
    """Runs until the future is done, however often it is cancelled."""
    await uncancellable(end, raise_cancel=False)


async def close_a_group(end: asyncio.Future[None]) -> None:
    group = Group()
    group.spawn(winding_up, end)
    await group.async_close()


async def close_a_nursery(end: asyncio.Future[None]) -> None:
    async with TaskNursery() as nursery:
        nursery.create_task(winding_up(end))
        await asyncio.sleep(0)


async def race(end: asyncio.Future[None]) -> None:
    await wait_any(partial(winding_up, end), asyncio.Event().wait)


async def join(end: asyncio.Future[None]) -> None:
    await wait_all(partial(winding_up, end), asyncio.Event().wait)


async def leave_a_block(end: asyncio.Future[None]) -> None:
    async with run_and_cancelling(winding_up, end):
        await asyncio.sleep(0)


async def shield(end: asyncio.Future[None]) -> None:
    await uncancellable(winding_up(end))


async def limit(end: asyncio.Future[None]) -> None:
    await wait_for(winding_up(end), None)


outlasting = pytest.mark.parametrize(
    "outlast",
    [close_a_group, close_a_nursery, race, join, leave_a_block, shield, limit],
    ids=lambda outlast: outlast.__name__,
)


class Outcome:
    """A task that waits in a piece, and what came out of that."""

    def __init__(self, outlast: Outlast) -> None:
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.error: BaseException | None = None
        self.task = asyncio.create_task(self._run(outlast))

    async def _run(self, outlast: Outlast) -> None:
        try:
            await outlast(self.end)
        except BaseException as error:
            self.error = error
            raise
        finally:
            # In a cycle with the traceback otherwise.
            del outlast

    async def finish(self) -> str:
        """Let what is outlasted end; say what kind of error came out."""
        await settle()
        assert not self.task.done()
        self.end.set_result(None)
        await asyncio.wait([self.task])
        error, self.error = self.error, None
        match error:
            case Stop():
                return "interrupt"
            case asyncio.CancelledError():
                return "cancellation"
        return repr(error)


async def interrupt(task: asyncio.Task[Any]) -> None:
    await task_interrupt(task, Stop())
    await settle()


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await settle()


@pytest.mark.asyncio
@outlasting
async def test_a_lone_interrupt_comes_out(outlast: Outlast) -> None:
    outcome = Outcome(outlast)
    await settle()
    await interrupt(outcome.task)
    # What `wait_for` waited for has a result all the same, and it says so in place of the cancellation.
    expected = "cancellation" if outlast is limit else "interrupt"
    assert await outcome.finish() == expected
    assert outcome.task.cancelling() == 0


@pytest.mark.asyncio
@outlasting
@pytest.mark.parametrize("order", [(interrupt, cancel), (cancel, interrupt)], ids=["cancel last", "cancel first"])
async def test_a_cancellation_comes_out_before_an_interrupt(
    outlast: Outlast, order: tuple[Callable[[asyncio.Task[Any]], Awaitable[None]], ...]
) -> None:
    outcome = Outcome(outlast)
    await settle()
    for stop in order:
        await stop(outcome.task)
    assert await outcome.finish() == "cancellation"
    assert outcome.task.cancelled()
    assert outcome.task.cancelling() == 1


@pytest.mark.asyncio
async def test_a_cancellation_during_an_outlasted_timeout_is_not_taken_for_the_timeout() -> None:
    end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        async with task_timeout(0):
            await close_a_group(end)

    task = asyncio.create_task(work())
    await settle()
    task.cancel()
    await settle()
    end.set_result(None)
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.asyncio
async def test_swallowing_an_interrupt_takes_no_cancellation_back() -> None:
    end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    counts: list[int] = []

    async def work() -> None:
        me = asyncio.current_task()
        assert me is not None
        try:
            await asyncio.Event().wait()
        finally:
            await uncancellable(end, raise_cancel=False)
            counts.append(me.cancelling())

    task = asyncio.create_task(work())
    await settle()
    await cancel(task)
    await interrupt(task)
    end.set_result(None)
    await asyncio.wait([task])
    assert counts == [1]


@pytest.mark.asyncio
async def test_swallowing_cancellations_and_interrupts_takes_back_the_cancellations() -> None:
    end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    counts: list[int] = []

    async def work() -> None:
        me = asyncio.current_task()
        assert me is not None
        await uncancellable(end, raise_cancel=False)
        counts.append(me.cancelling())

    task = asyncio.create_task(work())
    await settle()
    for stop in (cancel, interrupt, cancel, interrupt):
        await stop(task)
    end.set_result(None)
    await task
    assert counts == [0]


@pytest.mark.asyncio
async def test_an_error_beside_an_interrupt_repeats_no_earlier_cancellation() -> None:
    steps: list[str] = []

    async def fail_late() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            with pytest.raises(ValueError):  # noqa: PT011  # it has no message
                await wait_any(fail_late, asyncio.Event().wait)
            for _ in range(3):
                await asyncio.sleep(0)
            steps.append("cleaned up")
            raise

    task = asyncio.create_task(work())
    await settle()
    await cancel(task)
    await interrupt(task)
    await asyncio.wait([task])
    assert steps == ["cleaned up"]
    assert task.cancelled()


@pytest.mark.asyncio
async def test_a_nursery_s_error_beside_an_interrupt_repeats_no_earlier_cancellation() -> None:
    may_fail = asyncio.Event()
    steps: list[str] = []

    async def fail() -> None:
        await may_fail.wait()
        raise ValueError("failed")

    async def own() -> None:
        async with TaskNursery() as nursery:
            nurseries.append(nursery)
            nursery.create_task(fail())
            await nursery

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            with pytest.raises(ValueError, match="failed"):
                await nurseries[0]
            for _ in range(3):
                await asyncio.sleep(0)
            steps.append("cleaned up")
            raise

    nurseries: list[TaskNursery] = []
    owner = asyncio.create_task(own())
    task = asyncio.create_task(work())
    await settle()
    await cancel(task)
    may_fail.set()
    while not nurseries[0]._closed.is_open:
        await asyncio.sleep(0)
    try:
        # It has been woken by now, and has not run since.
        task_throw(task, Stop())
    except RuntimeError:
        pytest.skip("a task that is about to run is out of reach on uvloop")
    finally:
        await asyncio.wait([owner])
        owner.exception()
    await asyncio.wait([task])
    assert steps == ["cleaned up"]
    assert task.cancelled()


@pytest.mark.asyncio
@pytest.mark.parametrize("by_limit", [False, True])
async def test_a_task_that_relays_for_a_generator_object_is_interrupted_and_times_out(by_limit: bool) -> None:
    generator: GeneratorObject[int, None] = GeneratorObject()

    async def produce() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(generator.ayield(1))
            await asyncio.Event().wait()

    numbers = generator(produce())
    assert await anext(numbers) == 1

    limit = task_timeout(None)

    async def consume() -> None:
        # While the child waits for its answer, the one who iterates waits for both, by something of its own making.
        async with limit:
            await anext(numbers)

    task = asyncio.create_task(consume())
    await settle()
    if by_limit:
        limit.reschedule(asyncio.get_running_loop().time())
    else:
        await task_interrupt(task, Stop())
    await asyncio.wait([task])
    if by_limit:
        assert isinstance(task.exception(), TimeoutError)
    else:
        assert task.cancelled() or isinstance(task.exception(), BaseExceptionGroup)
    await numbers.aclose()


class TestTheEndOfABlock:
    """A block that cancels its body takes that cancellation back, and nothing else."""

    @pytest.mark.asyncio
    @pytest.mark.parametrize("kind", ["move_on_when", "group", "nursery"])
    async def test_an_interrupt_of_a_body_that_is_being_cancelled_comes_out(self, kind: str) -> None:
        stop = asyncio.Event()
        cleaning = asyncio.Event()

        async def body() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cleaning.set()
                await asyncio.Event().wait()

        async def work() -> None:
            match kind:
                case "move_on_when":
                    async with move_on_when(stop.wait):
                        await body()
                case "group":
                    async with Group() as group:

                        async def end_it() -> None:
                            await stop.wait()
                            group.cancel()

                        group.spawn(end_it)
                        await body()
                case "nursery":
                    async with TaskNursery() as nursery:
                        stopper = asyncio.create_task(stop.wait())
                        stopper.add_done_callback(lambda _: asyncio.create_task(nursery.aclose()))
                        await body()

        caught: list[BaseException] = []

        async def outer() -> None:
            try:
                await work()
            except asyncio.CancelledError as error:
                caught.append(error)

        task = asyncio.create_task(outer())
        await settle()
        stop.set()
        await settle()
        assert cleaning.is_set()
        await interrupt(task)
        await asyncio.wait([task])
        await settle()
        assert [type(error) for error in caught] == [Stop]
        assert task.cancelling() == 0

    @pytest.mark.asyncio
    async def test_a_cancellation_with_a_result_is_still_the_block_s_own(self) -> None:
        async def quick() -> None:
            await asyncio.sleep(0)

        async def stubborn() -> int:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return 1
            raise AssertionError

        seen: list[object] = []
        async with move_on_when(quick) as scope:
            try:
                await wait_for(stubborn(), None)
            except CancelledWithResultError as error:
                seen.append(error.result)
                raise
        assert scope.cancelled_caught
        assert seen == [1]
