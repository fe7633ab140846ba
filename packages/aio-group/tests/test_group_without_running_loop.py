"""Groups made, used or left outside a running loop."""

import asyncio
import gc
import threading
from typing import Any

import pytest
from aio_group import Group


async def echo(value: str) -> str:
    await asyncio.sleep(0)
    return value


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


def test_a_group_made_with_no_loop_running_belongs_to_the_loop_of_its_first_use() -> None:
    group = Group()

    async def main() -> str:
        return await group.spawn(echo, "a")

    assert asyncio.run(main()) == "a"


def test_a_group_with_no_loop_at_all_says_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        Group().spawn(echo, "a")


def test_a_group_with_no_tasks_can_be_closed_without_a_loop() -> None:
    group = Group()
    group.close()
    assert group.is_closed


def test_a_group_takes_tasks_for_a_loop_that_does_not_run_yet() -> None:
    loop = asyncio.new_event_loop()
    try:
        group = Group(loop=loop)
        handle = group.spawn(echo, "a")
        assert loop.run_until_complete(handle) == "a"
        loop.run_until_complete(group.async_close())
    finally:
        loop.close()


def test_a_group_of_a_closed_loop_refuses_tasks() -> None:
    async def make() -> Group:
        group = Group()
        await group.spawn(echo, "a")
        return group

    group = asyncio.run(make())

    async def spawn_in_next_loop() -> None:
        group.spawn(echo, "b")

    with pytest.raises(RuntimeError, match=r"closed|another loop|each loop"):
        asyncio.run(spawn_in_next_loop())
    with pytest.raises(RuntimeError, match="closed"):
        group.spawn(echo, "b")
    group.close()
    assert group.is_closed


def test_a_group_of_another_loop_in_the_same_thread_refuses_tasks() -> None:
    home, elsewhere = asyncio.new_event_loop(), asyncio.new_event_loop()

    async def make() -> Group:
        return Group()

    async def spawn() -> None:
        group.spawn(echo, "a")

    try:
        group = home.run_until_complete(make())
        with pytest.raises(RuntimeError, match="make a group for each loop"):
            elsewhere.run_until_complete(spawn())
    finally:
        home.close()
        elsewhere.close()


def test_a_group_whose_loop_runs_in_another_thread_by_now_refuses_tasks() -> None:
    loop = asyncio.new_event_loop()

    async def make() -> Group:
        group = Group()
        await group.spawn(echo, "a")
        return group

    group = loop.run_until_complete(make())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    # It runs now.
    asyncio.run_coroutine_threadsafe(echo("b"), loop).result()
    try:
        with pytest.raises(RuntimeError, match="runs in another thread"):
            group.spawn(echo, "c")
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
    # And here again.
    loop.run_until_complete(group.async_close())
    loop.close()


def test_a_group_left_open_does_not_hold_up_the_end_of_asyncio_run() -> None:
    ended = []

    async def until_cancelled() -> None:
        try:
            await forever()
        finally:
            ended.append(True)

    async def main() -> Group:
        group = Group()
        group.spawn(until_cancelled)
        group.spawn(until_cancelled)
        await asyncio.sleep(0)
        group.spawn(until_cancelled)
        return group

    group = asyncio.run(main())
    assert ended == [True, True, True]
    assert repr(group) == "<Group open, 0 tasks>"
    group.close()
    assert group.is_closed


def test_entering_a_group_needs_a_running_loop() -> None:
    coroutine = Group().__aenter__()
    with pytest.raises(RuntimeError, match="no running event loop"):
        coroutine.send(None)


def test_a_loop_whose_create_task_is_its_own_makes_the_tasks() -> None:
    made: list[object] = []

    class OurLoop(asyncio.SelectorEventLoop):
        def create_task(self, coro: Any, **kwargs: Any) -> asyncio.Task[Any]:
            made.append(coro)
            if len(made) == 3:
                raise OSError("no more tasks")
            return super().create_task(coro, **kwargs)

    async def main() -> None:
        async with Group() as group:
            assert await group.spawn(echo, "a") == "a"
            assert len(made) == 2
            with pytest.raises(OSError, match="no more tasks"):
                group.spawn(echo, "b")
            assert repr(group) == "<Group open, 0 tasks>"

    with asyncio.Runner(loop_factory=OurLoop) as runner:
        runner.run(main())


def test_tasks_that_are_dropped_with_their_loop_harm_nobody_elses() -> None:
    """Their coroutines are closed wherever the collector finds them, as here in a task of another group."""

    def abandon() -> None:
        loop = asyncio.new_event_loop()

        async def main() -> None:
            for task in (Group().spawn(forever), Group().spawn(echo, "never begun")):
                # What asyncio would say of a pending task is not the point here.
                source: Any = getattr(task, "_source")  # noqa: B009
                source._log_destroy_pending = False

        loop.run_until_complete(main())
        loop.close()

    async def collect() -> str:
        gc.collect()
        await asyncio.sleep(0)
        return "unharmed"

    async def main() -> None:
        async with Group() as group:
            assert await group.spawn(collect) == "unharmed"
            assert repr(group) == "<Group open, 0 tasks>"

    abandon()
    asyncio.run(main())
