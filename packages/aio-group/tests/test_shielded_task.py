"""What `spawn` and `wrap` return: an outcome to await, without the power over the task."""

import asyncio
import contextvars
import sys
from typing import TYPE_CHECKING

import pytest
from aio_group import Group
from suite_support.interleaving import passes, settle

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.asyncio


class Gate:
    """A task's function that ends when it is told, and remembers whether it was cancelled."""

    def __init__(self) -> None:
        self.gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.cancelled = False

    async def __call__(self) -> str:
        try:
            return await asyncio.shield(self.gate)
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def test_it_is_a_future() -> None:
    async with Group() as group:
        task = group.spawn(asyncio.sleep, 0, "slept")
        assert isinstance(task, asyncio.Future)
        assert asyncio.isfuture(task)
        assert task.get_loop() is asyncio.get_running_loop()
        assert not task.done()
        with pytest.raises(asyncio.InvalidStateError):
            task.result()
        with pytest.raises(asyncio.InvalidStateError):
            task.exception()
        assert await task == "slept"
        assert task.done()
        assert not task.cancelled()
        assert task.result() == "slept"
        assert task.exception() is None
        assert not task.cancel()


async def test_its_outcome_is_the_tasks_to_set() -> None:
    async with Group() as group:
        task = group.spawn(asyncio.sleep, 0, "slept")
        with pytest.raises(RuntimeError, match="the task's to set"):
            task.set_result("mine")
        with pytest.raises(RuntimeError, match="the task's to set"):
            task.set_exception(ValueError())
        assert await task == "slept"


async def test_cancelling_it_does_not_cancel_the_task() -> None:
    gate = Gate()
    async with Group() as group:
        task = group.spawn(gate)
        waiter = asyncio.ensure_future(asyncio.wait_for(task, None))
        await settle()
        assert task.cancel("enough")
        assert task.cancelled()
        assert task.done()
        assert not task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task
        assert not gate.cancelled
        gate.gate.set_result("done")
        await settle()
        assert repr(group) == "<Group open, 0 tasks>"
        assert not gate.cancelled


async def test_cancelling_a_task_that_awaits_it_disturbs_nobody() -> None:
    gate = Gate()

    async def await_it() -> str:
        return await task

    async with Group() as group:
        task = group.spawn(gate)
        waiters = [asyncio.create_task(await_it()) for _ in range(3)]
        await settle()
        waiters[1].cancel()
        await settle()
        assert [waiter.cancelled() for waiter in waiters] == [False, True, False]
        assert not task.done()
        gate.gate.set_result("done")
        assert await task == "done"
        await settle()
        assert waiters[0].result() == waiters[2].result() == "done"
        assert not gate.cancelled


@pytest.mark.parametrize("pause", range(5))
async def test_cancelling_a_waiter_at_any_moment_around_the_end_leaves_the_result_to_others(pause: int) -> None:
    gate = Gate()

    async def await_it() -> str:
        return await task

    async with Group() as group:
        task = group.spawn(gate)
        cancelled, other = asyncio.create_task(await_it()), asyncio.create_task(await_it())
        await settle()
        gate.gate.set_result("done")
        await passes(pause)
        cancelled.cancel()
        await settle()
        assert await other == "done"
        assert await task == "done"
        assert cancelled.cancelled() or cancelled.result() == "done"


async def test_it_works_in_all_that_asyncio_does_with_futures() -> None:
    async with Group() as group:

        def spawn(value: str) -> asyncio.Future[str]:
            return group.spawn(asyncio.sleep, 0, value)

        assert list(await asyncio.gather(spawn("a"), spawn("b"))) == ["a", "b"]
        assert await asyncio.wait_for(spawn("c"), 10) == "c"
        assert await asyncio.shield(spawn("d")) == "d"
        assert [await next_done for next_done in asyncio.as_completed([spawn("e")])] == ["e"]
        done, pending = await asyncio.wait({spawn("f"), spawn("g")})
        assert sorted(future.result() for future in done) == ["f", "g"]
        assert not pending
        assert asyncio.ensure_future(task := spawn("h")) is task
        assert await task == "h"
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            inner = tasks.create_task(asyncio.wait_for(spawn("i"), 10))
        assert inner.result() == "i"


async def test_a_timeout_leaves_the_task_running() -> None:
    gate = Gate()
    async with Group() as group:
        task = group.spawn(gate)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(task, 0.001)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await group.wrap(gate())
        assert repr(group) == "<Group open, 2 tasks>"
        assert not gate.cancelled


async def test_callbacks_get_the_future_itself_and_their_context() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="default")
    seen: list[tuple[object, str]] = []

    def callback(future: object) -> None:
        seen.append((future, variable.get()))

    async with Group() as group:
        task = group.spawn(asyncio.sleep, 0)
        context = contextvars.copy_context()
        context.run(variable.set, "given")
        task.add_done_callback(callback, context=context)
        variable.set("copied")
        task.add_done_callback(callback)
        await settle()
        task.add_done_callback(callback)
        variable.set("later")
        await settle()
    assert seen == [(task, "given"), (task, "copied"), (task, "copied")]


async def test_callbacks_run_although_the_future_was_dropped() -> None:
    seen: list[str] = []
    async with Group() as group:
        group.spawn(asyncio.sleep, 0, "slept").add_done_callback(lambda future: seen.append(future.result()))
        await settle()
    assert seen == ["slept"]


async def test_a_cancelled_task_is_seen_with_its_message() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError("by itself")

    async with Group() as group:
        watched, unwatched = group.spawn(cancelled), group.spawn(cancelled)
        with pytest.raises(asyncio.CancelledError, match="by itself"):
            await watched
        assert unwatched.cancelled()
        with pytest.raises(asyncio.CancelledError, match="by itself"):
            unwatched.result()
        with pytest.raises(asyncio.CancelledError):
            unwatched.exception()


async def test_a_task_cancelled_in_its_last_step_is_cancelled_for_all() -> None:
    """Asyncio drops the result then; nobody may be told another story."""

    async def cancel_itself_and_return() -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return "dropped"

    async with Group() as group:
        heard, unheard = group.spawn(cancel_itself_and_return), group.spawn(cancel_itself_and_return)
        with pytest.raises(asyncio.CancelledError):
            await heard
        assert heard.cancelled()
        assert unheard.cancelled()
        assert repr(group) == "<Group open, 0 tasks>"


async def test_a_task_that_swallowed_a_cancellation_gives_its_result() -> None:
    async def swallow() -> str:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            return "result"
        return "not reached"

    group = Group()
    task = group.spawn(swallow)
    await group.async_close()
    assert await task == "result"


@pytest.mark.parametrize("listen", [True, False])
async def test_the_group_cancels_and_those_who_wait_see_it(listen: bool) -> None:
    gate = Gate()
    group = Group()
    task = group.spawn(gate)
    waiter = asyncio.gather(task, return_exceptions=True) if listen else None
    await settle()
    await group.async_close()
    assert gate.cancelled
    assert task.cancelled()
    if waiter is not None:
        assert [type(result) for result in await waiter] == [asyncio.CancelledError]


async def test_one_that_waits_for_its_turn_can_be_awaited_and_cancelled() -> None:
    gates = [Gate() for _ in range(4)]
    async with Group(limit=1) as group:
        tasks = [group.spawn(gate) for gate in gates]
        waiter = asyncio.gather(*tasks[1::2])
        await settle()
        assert [task.done() for task in tasks] == [False] * 4
        with pytest.raises(asyncio.InvalidStateError):
            tasks[1].result()
        with pytest.raises(asyncio.InvalidStateError):
            tasks[1].exception()
        assert repr(tasks[1]) == "<ShieldedTask waiting for its turn>"
        assert tasks[2].cancel()
        for gate in gates:
            gate.gate.set_result("done")
        assert await waiter == ["done", "done"]
        # Its future was cancelled: not it.
        assert not gates[2].cancelled
        assert await tasks[0] == "done"
    assert repr(tasks[2]).startswith("<ShieldedTask cancelled, of <Task finished")


async def test_repr_shows_the_task() -> None:
    async with Group() as group:
        task = group.spawn(asyncio.sleep, 0, "slept")
        assert repr(task).startswith("<ShieldedTask of <Task pending")
        await task
        assert "result='slept'" in repr(task)


async def test_a_coroutine_that_awaits_it_can_be_closed() -> None:
    async def await_it() -> None:
        await task

    async with Group() as group:
        task = group.spawn(Gate())
        coroutine = await_it()
        coroutine.send(None)
        coroutine.close()
        assert repr(group) == "<Group open, 1 task>"


@pytest.mark.skipif(sys.version_info < (3, 14), reason="asyncio's call graph came with 3.14")
async def test_the_call_graph_shows_who_awaits() -> None:
    gate = Gate()

    async def the_waiter() -> None:
        await task

    async with Group() as group:
        before = asyncio.all_tasks()
        task = group.spawn(gate)
        (of_group,) = asyncio.all_tasks() - before
        waiter = asyncio.create_task(the_waiter())
        await settle()
        format_call_graph: Callable[..., str] = getattr(asyncio, "format_call_graph")  # noqa: B009
        assert "the_waiter" in format_call_graph(of_group)
        gate.gate.set_result("done")
        await waiter


async def test_awaiting_from_another_loop_is_refused() -> None:
    async with Group() as group:
        task = group.spawn(Gate())

        async def elsewhere() -> None:
            await task

        def run() -> str:
            with pytest.raises(RuntimeError) as caught:
                asyncio.run(elsewhere())
            return str(caught.value)

        assert "attached to a different loop" in await asyncio.to_thread(run)
