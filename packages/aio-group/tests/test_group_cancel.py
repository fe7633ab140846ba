"""`Group.cancel` ends body and tasks without an error, and hides no cancellation that is somebody else's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aio_group import Group
from suite_support.interleaving import passes, settle

pytestmark = pytest.mark.asyncio


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


@asynccontextmanager
async def no_cancellation_left() -> AsyncIterator[None]:
    yield
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    # One that is still pending would arrive here.
    await passes(3)


async def test_a_task_ends_the_body() -> None:
    async with no_cancellation_left():
        async with Group() as group:
            other = group.spawn(forever)
            asyncio.get_running_loop().call_soon(group.cancel)
            await forever()
            raise AssertionError("the body was cancelled")
        assert other.cancelled()
        assert group.is_closed


async def test_a_task_of_the_group_can_cancel_it() -> None:
    async def work() -> None:
        group.cancel()
        await forever()

    async with no_cancellation_left():
        async with Group() as group:
            task = group.spawn(work)
            await forever()
        assert task.cancelled()


async def test_the_body_can_cancel_its_group_and_is_left_at_its_next_wait() -> None:
    log: list[str] = []
    async with no_cancellation_left(), Group() as group:
        group.spawn(forever)
        group.cancel()
        log.append("goes on")
        await asyncio.sleep(0)
        log.append("not reached")
    assert log == ["goes on"]


@pytest.mark.parametrize("with_task", [False, True])
async def test_a_body_that_does_not_wait_after_cancel_ends_as_usual(with_task: bool) -> None:
    async with no_cancellation_left(), Group() as group:
        if with_task:
            group.spawn(forever)
        group.cancel()


async def test_an_error_of_the_body_goes_on() -> None:
    async with no_cancellation_left():
        with pytest.raises(ValueError, match="of the body"):
            async with Group() as group:
                group.cancel()
                raise ValueError("of the body")
        with pytest.raises(ValueError, match="of the clean-up"):
            async with Group() as group:
                group.cancel()
                try:
                    await forever()
                finally:
                    raise ValueError("of the clean-up")


async def test_a_body_that_swallows_it_ends_as_usual() -> None:
    async with no_cancellation_left(), Group() as group:
        group.cancel()
        with pytest.raises(asyncio.CancelledError):
            await forever()


@pytest.mark.parametrize("pause", range(4))
@pytest.mark.parametrize("first", ["group", "task"])
async def test_a_cancellation_of_somebody_else_goes_on(pause: int, first: str) -> None:
    groups: list[Group] = []

    async def body() -> None:
        async with Group() as group:
            groups.append(group)
            group.spawn(forever)
            await forever()

    task = asyncio.create_task(body())
    await settle()
    if first == "task":
        task.cancel()
        await passes(pause)
        groups[0].cancel()
    else:
        groups[0].cancel()
        await passes(pause)
        task.cancel()
    await settle()
    assert task.done()
    # Once the body has ended, a cancellation comes too late for it.
    assert task.cancelled() or pause >= 2
    assert groups[0].is_closed


async def test_a_timeout_around_it_is_not_hidden() -> None:
    async with no_cancellation_left():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0), Group() as group:
                group.spawn(forever)
                asyncio.get_running_loop().call_soon(group.cancel)
                await forever()


async def test_cancelling_an_inner_group_leaves_the_outer_body_going() -> None:
    log: list[str] = []
    async with no_cancellation_left(), Group() as outer:
        outer.spawn(forever)
        async with outer.create_subgroup() as inner:
            asyncio.get_running_loop().call_soon(inner.cancel)
            await forever()
        log.append("goes on")
        assert outer.is_open
    assert log == ["goes on"]


async def test_cancelling_an_outer_group_ends_the_inner_body_too() -> None:
    log: list[str] = []
    async with no_cancellation_left(), Group() as outer:
        async with Group():
            asyncio.get_running_loop().call_soon(outer.cancel)
            await forever()
        log.append("not reached")
    assert log == []


async def test_all_bodies_of_a_group_are_left() -> None:
    group = Group()

    async def body() -> str:
        async with group:
            await forever()
        return "left"

    async with no_cancellation_left():
        tasks = [asyncio.create_task(body()) for _ in range(3)]
        await settle()
        group.cancel()
        assert await asyncio.gather(*tasks) == ["left"] * 3


async def test_one_that_was_cancelled_before_it_is_entered_ends_its_body_at_the_first_wait() -> None:
    log: list[str] = []
    group = Group()
    group.cancel()
    async with no_cancellation_left():
        async with group:
            log.append("entered")
            await forever()
        assert log == ["entered"]


async def test_cancelling_again_and_afterwards_changes_nothing() -> None:
    async with no_cancellation_left():
        async with Group() as group:
            asyncio.get_running_loop().call_soon(group.cancel)
            asyncio.get_running_loop().call_soon(group.cancel)
            await forever()
        group.cancel()


async def test_without_a_body_it_closes() -> None:
    group = Group()
    task = group.spawn(forever)
    group.cancel()
    await group.wait_closed()
    assert task.cancelled()


async def test_while_the_body_closes_only_the_tasks_are_cancelled() -> None:
    """The body has ended already: it must not be cancelled in its clean-up."""
    async with no_cancellation_left(), Group() as group:
        group.spawn(forever)
        asyncio.get_running_loop().call_soon(group.cancel)


async def test_leaving_in_another_task_is_refused() -> None:
    group = Group()
    await group.__aenter__()

    async def leave() -> None:
        await group.__aexit__(None, None, None)

    with pytest.raises(RuntimeError, match="must be left by the task that entered it"):
        await asyncio.create_task(leave())
    await group.__aexit__(None, None, None)
