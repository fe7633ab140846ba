"""Groups that let only so many tasks run at a time."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

import pytest
from aio_group import Group, GroupClosedError, call_on_cancel
from suite_support.interleaving import settle

pytestmark = pytest.mark.asyncio


class Work:
    """Counts how many run at a time; each ends when it is told."""

    def __init__(self) -> None:
        self.running: list[int] = []
        self.ended: list[int] = []
        self.most = 0
        self._gates: dict[int, asyncio.Future[None]] = {}

    async def __call__(self, number: int) -> int:
        self.running.append(number)
        self.most = max(self.most, len(self.running))
        self._gates[number] = asyncio.get_running_loop().create_future()
        try:
            await self._gates[number]
        finally:
            self.running.remove(number)
            self.ended.append(number)
        return number

    def finish(self, number: int) -> None:
        self._gates[number].set_result(None)

    def fail(self, number: int) -> None:
        self._gates[number].set_exception(ValueError(number))


async def test_so_many_run_at_a_time_and_the_others_follow_in_order() -> None:
    work = Work()
    async with Group(limit=2) as group:
        tasks = [group.spawn(work, number) for number in range(5)]
        await settle()
        assert work.running == [0, 1]
        work.finish(1)
        await settle()
        assert work.running == [0, 2]
        for number in (0, 2, 3, 4):
            work.finish(number)
            await settle()
        assert await asyncio.gather(*tasks) == [0, 1, 2, 3, 4]
    assert work.most == 2


async def test_a_later_task_does_not_overtake_those_that_wait() -> None:
    work = Work()
    async with Group(limit=1) as group:
        first = group.spawn(work, 0)
        for number in (1, 2):
            group.spawn(work, number)
        await settle()
        work.finish(0)
        await first
        group.spawn(work, 3)
        group.wrap(work(4))
        for number in (1, 2, 3, 4):
            await settle()
            assert work.running == [number]
            work.finish(number)
    assert work.most == 1


async def test_one_that_the_callback_spawns_does_not_overtake_those_that_wait() -> None:
    work = Work()
    async with Group(lambda _: group.spawn(work, 2), limit=1) as group:
        group.spawn(work, 0)
        group.spawn(work, 1)
        await settle()
        work.fail(0)
        for number in (1, 2):
            await settle()
            assert work.running == [number]
            work.finish(number)
    assert work.most == 1


async def test_a_failed_and_a_cancelled_task_make_room_too() -> None:
    work = Work()
    errors: list[Exception] = []
    async with Group(errors.append, limit=1) as group:
        group.spawn(work, 0)
        cancelled = group.wrap(asyncio.create_task(asyncio.sleep(10)))
        group.spawn(work, 2)
        await settle()
        work.fail(0)
        await settle()
        assert work.running == []
        cancelled.cancel()
        assert repr(group) == "<Group open, 1 task, 1 waiting>"
    assert [error.args for error in errors] == [(0,)]


async def test_coroutines_that_wait_for_their_turn_are_not_begun_and_make_no_noise() -> None:
    work = Work()
    group = Group(limit=1)
    group.spawn(work, 0)
    waiting = [group.spawn(work, 1), group.wrap(work(2))]
    cleanup: list[str] = []
    group.spawn(call_on_cancel, cleanup.append, "never begun")
    await settle()
    await group.async_close()
    assert work.ended == [0]
    assert cleanup == []
    assert all(task.cancelled() for task in waiting)
    for task in waiting:
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_closing_without_cancel_lets_them_have_their_turn() -> None:
    work = Work()
    group = Group(limit=1)
    tasks = [group.spawn(work, number) for number in range(3)]
    closing = asyncio.create_task(group.async_close(cancel=False))
    for number in range(3):
        await settle()
        assert work.running == [number]
        assert not closing.done()
        work.finish(number)
    await closing
    assert [await task for task in tasks] == [0, 1, 2]


async def test_functions_that_are_not_async_are_called_when_it_is_their_turn() -> None:
    started: list[int] = []

    def start(number: int) -> asyncio.Future[int]:
        started.append(number)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, number)
        return future

    work = Work()
    async with Group(limit=1) as group:
        group.spawn(work, 0)
        task = group.spawn(start, 1)
        await settle()
        assert started == []
        work.finish(0)
        assert await task == 1


async def test_wrong_arguments_are_reported_at_the_call_even_in_the_queue() -> None:
    async with Group(limit=1) as group:
        group.spawn(Work(), 0)
        with pytest.raises(TypeError):
            group.spawn(Work())  # type: ignore[call-arg]  # the mistake under test
        with pytest.raises(GroupClosedError):
            group.close()
            group.spawn(Work(), 1)


async def test_futures_run_already_and_are_not_held_back() -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    work = Work()
    async with Group(limit=1) as group:
        group.spawn(work, 0)
        task = group.wrap(future)
        future.set_result("done")
        assert await task == "done"


async def test_a_limit_counts_the_groups_own_tasks_only() -> None:
    work = Work()
    async with Group(limit=1) as group:
        unlimited, limited = group.create_subgroup(), group.create_subgroup(limit=1)
        for number, each in enumerate((group, group, unlimited, unlimited, limited, limited)):
            each.spawn(work, number)
        await settle()
        assert work.running == [0, 2, 3, 4]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
async def test_one_that_starts_eagerly_finds_the_one_before_it_done() -> None:
    loop = asyncio.get_running_loop()
    work = Work()

    def eager(loop: asyncio.AbstractEventLoop, coro: Any, *, context: Any = None, **_: Any) -> Any:
        make: Any = asyncio.Task
        return make(coro, loop=loop, context=context, eager_start=True)

    async def follow() -> int:
        return await first

    async with Group(limit=1) as group:
        first = group.spawn(work, 1)
        second = group.spawn(follow)
        await settle()
        loop.set_task_factory(eager)
        work.finish(1)
        async with asyncio.timeout(10):
            assert await second == 1
        loop.set_task_factory(None)


async def test_many_that_wait_need_no_deep_stack() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        done.append(number)

    async with Group(limit=1) as group:
        for number in range(5000):
            group.spawn(work, number)
        await group.async_close(cancel=False)
    assert done == list(range(5000))


@pytest.mark.parametrize("wait", [lambda group: group.async_close(cancel=False), Group.wait_closed])
async def test_a_task_that_waits_for_the_end_of_its_group_leaves_its_place_to_those_it_waits_for(
    wait: Callable[[Group], Awaitable[None]],
) -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        done.append(number)

    async def wait_for_the_others() -> None:
        await wait(group)
        done.append(-1)

    group = Group(limit=1)
    group.spawn(wait_for_the_others)
    for number in range(3):
        group.spawn(work, number)
    async with asyncio.timeout(10):
        await settle()
        group.close(cancel=False)
        await group.wait_closed()
    assert done == [0, 1, 2, -1]


async def test_places_left_by_waiting_tasks_are_taken_one_by_one() -> None:
    work = Work()
    async with Group(limit=1) as group:
        resting = group.spawn(group.wait_closed)
        for number in range(3):
            group.spawn(work, number)
        await settle()
        assert work.running == [0]
        work.finish(0)
        await settle()
        assert work.running == [1]
    assert work.most == 1
    assert resting.done()


async def test_a_coroutine_in_the_queue_that_cannot_be_closed_does_not_hold_up_the_closing() -> None:
    class Unclosable(Coroutine[Any, Any, None]):
        def send(self, value: object, /) -> None:
            raise StopIteration

        def throw(self, *error: Any) -> None:
            raise StopIteration

        def close(self) -> None:
            raise ValueError("cannot be closed")

        def __await__(self) -> Generator[Any, Any, None]:
            yield

    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(str(context["exception"])))
    group = Group(limit=1)
    subgroup = group.create_subgroup()
    group.spawn(Work(), 0)
    waiting = [group.wrap(Unclosable()), group.wrap(Unclosable())]
    group.close()
    await group.wait_closing()
    assert subgroup.is_closed
    assert all(task.cancelled() for task in waiting)
    assert reported == ["cannot be closed"] * 2
    await group.wait_closed()
