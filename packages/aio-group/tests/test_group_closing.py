"""Closing groups: from outside, from within, with time running out, and under cancellation."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import pytest
from aio_group import Group, GroupClosedError
from suite_support.interleaving import passes, settle

pytestmark = pytest.mark.asyncio


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


class Worker:
    """A task's function that waits, and when it is cancelled cleans up until it is told that it has."""

    def __init__(self, *, ignores: int = 0) -> None:
        self.log: list[str] = []
        self.work: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.cleanup: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ignores = ignores

    async def __call__(self) -> str:
        while True:
            try:
                await asyncio.shield(self.work)
            except asyncio.CancelledError:
                self.log.append("cancelled")
                if self._ignores:
                    self._ignores -= 1
                    continue
                await asyncio.shield(self.cleanup)
                self.log.append("cleaned up")
                raise
            self.log.append("done")
            return "result"


async def test_close_cancels_and_the_group_is_closed_when_the_last_task_ended() -> None:
    workers = [Worker(), Worker()]
    group = Group()
    for worker in workers:
        group.spawn(worker)
    await settle()
    group.close()
    assert (group.is_open, group.is_closing, group.is_closed) == (False, True, False)
    await settle()
    workers[0].cleanup.set_result(None)
    await settle()
    assert not group.is_closed
    workers[1].cleanup.set_result(None)
    await settle()
    assert group.is_closed
    assert [worker.log for worker in workers] == [["cancelled", "cleaned up"]] * 2


async def test_an_empty_group_closes_at_once() -> None:
    group = Group()
    subgroup = group.create_subgroup()
    group.close()
    assert group.is_closed
    assert subgroup.is_closed


async def test_close_without_cancel_lets_tasks_end_by_themselves() -> None:
    worker = Worker()
    group = Group()
    task = group.spawn(worker)
    closing = asyncio.create_task(group.async_close(cancel=False))
    await settle()
    assert repr(group) == "<Group finishing, 1 task>"
    with pytest.raises(GroupClosedError):
        group.spawn(forever)
    worker.work.set_result(None)
    await closing
    assert await task == "result"
    assert worker.log == ["done"]


async def test_close_with_cancel_may_follow_one_without() -> None:
    group = Group()
    task = group.spawn(forever)
    group.close(cancel=False)
    group.close(cancel=False)
    await settle()
    assert not task.done()
    await group.async_close()
    assert task.cancelled()


async def test_repeated_closing_cancels_each_task_once() -> None:
    worker = Worker()
    async with Group() as group:
        group.spawn(worker)
        await settle()
        group.close()
        await settle()
        group.close()
        closing = asyncio.create_task(group.async_close())
        group.close(cancel=False)
        await settle()
        worker.cleanup.set_result(None)
        await closing
    assert worker.log == ["cancelled", "cleaned up"]


async def test_all_wait_for_closing_and_closed() -> None:
    worker = Worker()
    group = Group()
    group.spawn(worker)
    closing = [asyncio.create_task(group.wait_closing()) for _ in range(3)]
    closed = [asyncio.create_task(group.wait_closed()) for _ in range(3)]
    await settle()
    # One of each gives up: that concerns nobody else, the group least.
    closing[0].cancel()
    closed[0].cancel()
    await settle()
    assert group.is_open
    group.close()
    await settle()
    assert [task.done() for task in closing + closed] == [True] * 4 + [False] * 2
    worker.cleanup.set_result(None)
    await settle()
    assert [task.cancelled() for task in closing + closed] == [True, False, False] * 2
    await group.wait_closing()
    await group.wait_closed()


async def test_subgroups_close_with_their_parent() -> None:
    group = Group()
    subgroup = group.create_subgroup()
    below = subgroup.create_subgroup()
    worker = Worker()
    below.spawn(worker)
    subgroup.spawn(forever)
    await settle()
    group.close()
    await settle()
    assert [each.is_closed for each in (group, subgroup, below)] == [False] * 3
    worker.cleanup.set_result(None)
    await settle()
    assert [each.is_closed for each in (group, subgroup, below)] == [True] * 3


async def test_closing_a_subgroup_does_not_concern_the_parent() -> None:
    async with Group() as group:
        subgroup = group.create_subgroup()
        subgroup.spawn(forever)
        other = group.spawn(forever)
        assert repr(group) == "<Group open, 1 task, 1 subgroup>"
        await subgroup.async_close()
        assert repr(group) == "<Group open, 1 task>"
        assert not other.done()


async def test_a_very_deep_tree_of_groups_closes() -> None:
    group = lowest = Group()
    for _ in range(3000):
        lowest = lowest.create_subgroup()
    lowest.spawn(forever)
    await group.async_close()
    assert lowest.is_closed


async def test_finishing_passes_to_subgroups_too() -> None:
    worker = Worker()
    group = Group()
    task = group.create_subgroup().spawn(worker)
    closing = asyncio.create_task(group.async_close(cancel=False))
    await settle()
    worker.work.set_result(None)
    await closing
    assert await task == "result"


# A task that does not go


async def test_a_task_that_ignores_its_first_cancellation_is_waited_for() -> None:
    worker = Worker(ignores=1)
    group = Group()
    group.spawn(worker)
    await settle()
    closing = asyncio.create_task(group.async_close())
    await settle()
    assert not closing.done()
    worker.work.set_result(None)
    await closing
    assert worker.log == ["cancelled", "done"]


async def stuck_in_here(worker: Worker) -> str:
    return await worker()


async def test_async_close_gives_up_after_its_timeout_and_says_who_stands_where() -> None:
    workers = [Worker(), Worker(), Worker()]
    group = Group()
    group.spawn(stuck_in_here, workers[0])
    group.create_subgroup().spawn(workers[1])
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    protected = asyncio.shield(future)
    group.wrap(protected)
    tasks = sorted(task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()})
    await settle()
    with pytest.raises(TimeoutError) as caught:
        await group.async_close(timeout=0.01)
    message = str(caught.value)
    assert message.startswith("after 0.01 seconds the group is not closed, 2 tasks left:\n")
    assert sorted(re.findall(r"^  (\S+)$", message, re.MULTILINE)) == tasks
    assert re.search(
        r'    File ".*test_group_closing.py", line \d+, in stuck_in_here: return await worker\(\)\n'
        r'    File ".*test_group_closing.py", line \d+, in Worker.__call__: await asyncio.shield\(self.cleanup\)\n',
        message,
    )
    assert "_group.py" not in message
    assert not group.is_closed
    for worker in workers:
        worker.cleanup.set_result(None)
    await group.async_close(timeout=10)
    assert group.is_closed


async def test_a_stuck_future_is_named_too() -> None:
    class Stubborn(asyncio.Future[None]):
        def cancel(self, msg: object = None) -> bool:
            return False

    stubborn = Stubborn()
    group = Group()
    group.wrap(stubborn)
    with pytest.raises(TimeoutError, match="Stubborn pending"):
        await group.async_close(timeout=0)
    stubborn.set_result(None)
    await group.wait_closed()


async def test_where_generators_and_async_generators_stand_is_told() -> None:
    started = asyncio.Event()

    async def numbers() -> AsyncIterator[int]:
        started.set()
        try:
            await forever()
        finally:
            await asyncio.shield(gate)
        yield 1

    async def consume() -> None:
        async for _ in numbers():
            pass

    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    group = Group()
    group.spawn(consume)
    await started.wait()
    with pytest.raises(TimeoutError, match=r"in test_where.*consume: async for _ in numbers\(\):"):
        await group.async_close(timeout=0.001)
    gate.set_result(None)
    await group.wait_closed()


# A caller that is cancelled


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_a_cancelled_async_close_still_closes_before_it_raises(times: int) -> None:
    worker = Worker()
    group = Group()
    group.spawn(worker)
    await settle()
    closing = asyncio.create_task(group.async_close())
    for _ in range(times):
        await settle()
        closing.cancel()
    await settle()
    assert not closing.done()
    worker.cleanup.set_result(None)
    await settle()
    assert closing.cancelled()
    assert group.is_closed
    assert worker.log == ["cancelled", "cleaned up"]


@pytest.mark.parametrize("pause", range(6))
async def test_a_cancellation_at_any_moment_of_closing_leaves_no_task(pause: int) -> None:
    worker = Worker()
    group = Group()
    group.spawn(worker)
    worker.cleanup.set_result(None)
    await settle()
    closing = asyncio.create_task(group.async_close())
    await passes(pause)
    closing.cancel()
    await settle()
    assert closing.done()
    # Cancelled before its first step, it has not begun; a coroutine cannot know.
    assert group.is_closed or (pause == 0 and group.is_open)
    await group.async_close()


async def test_a_timeout_around_async_close_is_seen_when_the_group_is_closed() -> None:
    worker = Worker()
    group = Group()
    group.spawn(worker)
    await settle()
    asyncio.get_running_loop().call_later(0.02, worker.cleanup.set_result, None)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await group.async_close()
    assert group.is_closed
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_cancellation_and_timeout_of_async_close_are_both_told() -> None:
    worker = Worker()
    group = Group()
    group.spawn(worker)
    await settle()
    closing = asyncio.create_task(group.async_close(timeout=0.01))
    await settle()
    closing.cancel("enough")
    with pytest.raises(asyncio.CancelledError) as caught:
        await closing
    assert isinstance(caught.value.__cause__, TimeoutError) or isinstance(caught.value.__context__, BaseException)
    worker.cleanup.set_result(None)
    await group.wait_closed()


@pytest.mark.parametrize("error", [ValueError("body"), KeyError("body"), asyncio.CancelledError("body")])
async def test_async_with_closes_under_any_exception(error: BaseException) -> None:
    group = Group()
    with pytest.raises(type(error)) as caught:
        async with group:
            task = group.spawn(forever)
            await settle()
            raise error
    assert caught.value is error
    assert task.cancelled()
    assert group.is_closed


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_async_with_under_repeated_cancellation_leaves_no_task(times: int) -> None:
    worker = Worker()
    group = Group()

    async def body() -> None:
        async with group:
            group.spawn(worker)
            await forever()

    task = asyncio.create_task(body())
    await settle()
    for _ in range(times):
        task.cancel()
        await settle()
        assert not task.done()
    worker.cleanup.set_result(None)
    await settle()
    assert task.cancelled()
    assert group.is_closed
    assert worker.log == ["cancelled", "cleaned up"]


async def test_an_error_of_the_body_is_the_context_of_a_cancellation_while_closing() -> None:
    worker = Worker()
    errors: list[BaseException] = []

    async def body() -> None:
        try:
            async with Group() as group:
                group.spawn(worker)
                await passes(3)
                raise ValueError("of the body")
        except BaseException as error:
            errors.append(error)
            raise

    task = asyncio.create_task(body())
    await settle()
    task.cancel()
    await settle()
    worker.cleanup.set_result(None)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert isinstance(errors[0], asyncio.CancelledError)
    context: BaseException | None = errors[0]
    while context is not None and not isinstance(context, ValueError):
        context = context.__context__
    assert isinstance(context, ValueError)


# From within


async def test_a_task_may_close_its_own_group() -> None:
    log: list[str] = []

    async def work() -> None:
        group.close()
        log.append("goes on until it waits")
        await forever()

    group = Group()
    task, other = group.spawn(work), group.spawn(forever)
    await group.wait_closed()
    assert log == ["goes on until it waits"]
    assert task.cancelled()
    assert other.cancelled()


async def test_a_task_that_awaits_the_closing_of_its_own_group_is_cancelled_like_the_others() -> None:
    async def work() -> None:
        await group.async_close()
        raise AssertionError("it was cancelled")

    group = Group()
    task = group.spawn(work)
    await group.wait_closed()
    assert task.cancelled()


async def test_a_task_that_awaits_its_groups_finishing_goes_on_when_the_others_have_ended() -> None:
    worker = Worker()
    log: list[str] = []

    async def work(name: str) -> str:
        await group.async_close(cancel=False)
        log.append(f"{name} in {group!r}")
        return name

    group = Group()
    subgroup = group.create_subgroup()
    group.spawn(worker)
    tasks = [group.spawn(work, "one"), group.spawn(work, "two"), subgroup.spawn(work, "below")]
    await settle()
    assert log == []
    worker.work.set_result(None)
    await group.wait_closed()
    assert [await task for task in tasks] == ["one", "two", "below"]
    assert len(log) == 3


async def test_clean_up_in_a_task_may_await_the_closing_of_its_group() -> None:
    worker = Worker()
    log: list[bool] = []

    async def work() -> None:
        try:
            await forever()
        finally:
            await group.async_close()
            log.append("cleaned up" in worker.log)

    group = Group()
    group.spawn(work)
    group.spawn(worker)
    await settle()
    closing = asyncio.create_task(group.async_close())
    await settle()
    assert log == []
    worker.cleanup.set_result(None)
    await closing
    assert log == [True]


async def test_tasks_that_wait_for_different_groups_above_them_do_not_wait_for_each_other() -> None:
    async def work(above: Group) -> str:
        await above.async_close(cancel=False)
        return "ended"

    group = Group()
    subgroup = group.create_subgroup()
    tasks = [subgroup.spawn(work, group), subgroup.spawn(work, subgroup), group.spawn(work, group)]
    async with asyncio.timeout(10):
        assert [await task for task in tasks] == ["ended"] * 3
        await group.wait_closed()


async def test_wait_closed_in_a_task_of_the_group_does_not_wait_for_itself() -> None:
    async def work() -> str:
        await group.wait_closed()
        return "ended"

    group = Group()
    task = group.spawn(work)
    await settle()
    assert not task.done()
    group.close(cancel=False)
    async with asyncio.timeout(10):
        assert await task == "ended"
        await group.wait_closed()


async def test_closing_looks_at_each_subgroup_a_few_times_while_a_task_waits_for_the_end() -> None:
    class Subgroups(set[Group]):
        looks = 0

        def __iter__(self) -> Iterator[Group]:
            for subgroup in super().__iter__():
                self.looks += 1
                yield subgroup

    group = Group()
    group._subgroups = Subgroups()
    group.spawn(group.wait_closed)
    for _ in range(100):
        group.create_subgroup().spawn(forever)
    await settle()
    await group.async_close()
    # If the end of each made the group look at all that are left, it would be thousands.
    assert group._subgroups.looks < 500


async def test_the_timeout_holds_from_within_too() -> None:
    worker = Worker()

    async def work() -> str:
        with pytest.raises(TimeoutError, match="1 task left"):
            await group.async_close(cancel=False, timeout=0.001)
        return "gave up"

    group = Group()
    group.spawn(worker)
    assert await group.spawn(work) == "gave up"
    worker.work.set_result(None)
    await group.wait_closed()
