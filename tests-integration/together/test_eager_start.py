"""Tasks that start at once, inside groups and nurseries and as tasks with priorities, on every loop."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aio_coro import coro_eager, create_eager_task_factory, create_task, eager, eager_ctx, eager_task_factory
from aio_group import Group, TaskNursery, move_on_when, uncancellable, wait_all, wait_any
from aio_queue import Queue
from aio_sched import PrioritySelectorEventLoop, PriorityTask
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.asyncio


def eager_priority_tasks(priority: float) -> Callable[..., asyncio.Task[Any]]:
    """A task factory of tasks with a priority that start at once."""

    def construct(coro: Any, **options: Any) -> PriorityTask[Any]:
        return PriorityTask(coro, priority=priority, **options)

    return create_eager_task_factory(construct)


FACTORIES = {"eager": eager_task_factory, "eager and urgent": eager_priority_tasks(-10.0)}
factories = pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES.keys())


@factories
async def test_a_group_s_tasks_start_before_spawn_returns_and_end_with_the_group(factory: Any) -> None:
    log: list[str] = []

    async def work(name: str) -> str:
        log.append(name)
        try:
            await asyncio.Event().wait()
        finally:
            log.append(f"{name} ends")
        return name

    async def at_once(name: str) -> str:
        log.append(name)
        return name

    asyncio.get_running_loop().set_task_factory(factory)
    async with Group() as group:
        group.spawn(work, "blocks")
        assert log == ["blocks"]
        done = group.spawn(at_once, "ends at once")
        assert log == ["blocks", "ends at once"]
        assert await done == "ends at once"
    assert log == ["blocks", "ends at once", "blocks ends"]


@factories
async def test_an_error_before_the_first_wait_is_reported_once(factory: Any) -> None:
    errors: list[Exception] = []

    async def fail() -> None:
        raise ValueError("at once")

    asyncio.get_running_loop().set_task_factory(factory)
    async with Group(errors.append) as group:
        group.spawn(fail)
        with pytest.raises(ValueError, match="at once"):
            await group.spawn(fail)
    await settle()
    assert [str(error) for error in errors] == ["at once"]


@factories
async def test_a_task_that_closes_its_own_group_before_its_first_wait_does_not_wait_for_itself(factory: Any) -> None:
    log: list[str] = []
    group = Group()

    async def close_it() -> None:
        group.close()
        log.append("closing")
        try:
            await asyncio.Event().wait()
        finally:
            log.append("cancelled")

    asyncio.get_running_loop().set_task_factory(factory)
    group.spawn(close_it)
    assert log == ["closing"]
    await group.wait_closed()
    assert log == ["closing", "cancelled"]


@factories
async def test_a_nursery_hears_of_an_error_before_the_first_wait(factory: Any) -> None:
    ended: list[str] = []

    async def fail() -> None:
        raise ValueError("at once")

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    asyncio.get_running_loop().set_task_factory(factory)
    with pytest.raises(ValueError, match="at once"):
        async with TaskNursery() as nursery:
            nursery.create_task(work())
            nursery.create_task(fail())
            await nursery
    assert ended == ["work"]


@factories
async def test_functions_side_by_side_may_end_before_their_siblings_start(factory: Any) -> None:
    async def answer(value: int) -> int:
        return value

    async def one() -> int:
        return await answer(1)

    async def two() -> int:
        await asyncio.sleep(0)
        return 2

    asyncio.get_running_loop().set_task_factory(factory)
    assert await wait_any(one, two) == 1
    assert await wait_all(one, two) == (1, 2)
    async with move_on_when(one) as scope:
        await asyncio.Event().wait()
    assert scope.cancelled_caught
    assert await uncancellable(two()) == 2


@factories
async def test_eager_producers_and_consumers_share_a_queue(factory: Any) -> None:
    queue: Queue[int] = Queue(2)
    got: list[int] = []

    async def produce() -> None:
        for number in range(10):
            await queue.put(number)
        queue.close()

    async def consume() -> None:
        async for number in queue:
            got.append(number)  # noqa: PERF401  # several fill one list

    asyncio.get_running_loop().set_task_factory(factory)
    async with Group() as group:
        tasks = [group.spawn(consume), group.spawn(produce), group.spawn(consume)]
        await asyncio.wait(tasks)
    assert sorted(got) == list(range(10))


async def test_a_task_that_was_started_at_once_can_be_given_to_a_group() -> None:
    log: list[str] = []

    @eager
    async def work() -> str:
        log.append("started")
        try:
            await asyncio.Event().wait()
        finally:
            log.append("ended")
        return ""

    async with Group() as group:
        task = group.wrap(work())
        assert log == ["started"]
        assert not task.done()
    assert log == ["started", "ended"]


async def test_a_task_that_is_done_already_can_be_given_to_a_group() -> None:
    async def at_once() -> int:
        return 1

    async with Group() as group:
        assert await group.wrap(create_task(at_once(), eager_start=True)) == 1
        assert await group.wrap(coro_eager(at_once())) == 1


async def test_an_urgent_task_that_starts_at_once_runs_in_the_caller_s_turn_and_then_by_priority() -> None:
    log: list[str] = []

    async def work(name: str) -> None:
        for _ in range(2):
            log.append(name)
            await asyncio.sleep(0)

    plain = asyncio.create_task(work("plain"))
    low = PriorityTask(work("low"), priority=10, eager_start=True)
    high = PriorityTask(work("high"), priority=-10, eager_start=True)
    assert log == ["low", "high"]
    await asyncio.wait([plain, low, high])
    if isinstance(asyncio.get_running_loop(), PrioritySelectorEventLoop):
        assert log[2:] == ["high", "plain", "plain", "low"]
    assert sorted(log) == ["high"] * 2 + ["low"] * 2 + ["plain"] * 2


async def test_a_timeout_before_the_first_wait_of_an_eager_task_in_a_group_is_that_task_s() -> None:
    async def work() -> str:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            return "timed out"
        return ""

    asyncio.get_running_loop().set_task_factory(eager_task_factory)
    async with Group() as group:
        assert await group.spawn(work) == "timed out"
    me = asyncio.current_task()
    assert me is not None
    assert me.cancelling() == 0


async def test_an_eager_block_ends_with_a_group_s_body() -> None:
    log: list[str] = []

    async def work() -> None:
        log.append("started")
        try:
            await asyncio.Event().wait()
        finally:
            log.append("ended")

    async with Group() as group:
        group.spawn(asyncio.Event().wait)
        with eager_ctx(work()):
            assert log == ["started"]
        group.cancel()
        await asyncio.Event().wait()
    assert log == ["started", "ended"]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="loop.create_task() knows eager_start from 3.14 on")
async def test_a_nursery_passes_on_eager_start() -> None:
    log: list[str] = []

    async def work() -> None:
        log.append("started")

    async with TaskNursery() as nursery:
        nursery.create_task(work(), eager_start=True)
        assert log == ["started"]


async def test_an_eager_start_makes_a_task_with_priority_that_starts_by_itself() -> None:
    log: list[str] = []

    async def work() -> str:
        log.append("begun")
        await asyncio.sleep(0)
        return "done"

    def construct(coro: Any) -> PriorityTask[str]:
        return PriorityTask(coro, priority=1, eager_start=True)

    task = eager(work(), construct)
    assert log == ["begun"]
    assert await task == "done"
