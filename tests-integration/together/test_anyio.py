"""Every piece under anyio: what serves both backends on both, what is asyncio's on that one, on each loop."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from aio_coro import Monitor, OOBData, create_eager_task_factory, eager
from aio_coro.anyio import create_eager_task_group
from aio_events import RepeatedEvent, azip, first, iter_move_on_after, periodic
from aio_group import Group, TaskNursery, move_on_when, uncancellable, wait_any
from aio_queue import Queue
from aio_sched import InterruptException, PriorityLock, PriorityTask, task_interrupt, task_timeout
from aio_values import AsyncBool, AsyncDictionary, AsyncValue, compose_values
from suite_support.loops import every_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BACKENDS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"asyncio: {name}": ("asyncio", {"loop_factory": make}) for name, make in every_loop().items()},
    "trio": ("trio", {}),
}


def runner(backend: str, options: dict[str, Any]) -> Callable[[Callable[[], Awaitable[None]]], None]:
    def run(function: Callable[[], Awaitable[None]]) -> None:
        async def limited() -> None:
            with anyio.fail_after(20):
                await function()

        anyio.run(limited, backend=backend, backend_options=options)

    return run


@pytest.fixture(params=[runner(*backend) for backend in BACKENDS.values()], ids=list(BACKENDS))
def run(request: pytest.FixtureRequest) -> Any:
    """Runs an async function on a backend of anyio."""
    return request.param


@pytest.fixture(
    params=[runner("asyncio", {"loop_factory": make}) for make in every_loop().values()], ids=list(every_loop())
)
def run_on_asyncio(request: pytest.FixtureRequest) -> Any:
    """Runs an async function on anyio's asyncio backend, on each loop."""
    return request.param


def test_values_events_and_dictionaries_in_a_task_group(run: Any) -> None:
    async def main() -> None:
        number, ready = AsyncValue(0), AsyncBool()
        answers: AsyncDictionary[str, int] = AsyncDictionary()
        changed = RepeatedEvent()
        seen: list[int] = []

        async def answer() -> None:
            with compose_values(number=number, ready=ready) as both:
                now = await both.wait_value(lambda now: now.ready and now.number > 2)
            answers["answer"] = now.number

        async def listen() -> None:
            async for _ in changed.events(repeat_last=True):
                seen.append(number.value)
                if number.value == 3:
                    return

        async with anyio.create_task_group() as group:
            group.start_soon(answer)
            group.start_soon(listen)
            for value in (1, 2, 3):
                await anyio.sleep(0.001)
                number.value = value
                changed.set()
            ready.value = True
            assert await answers.pop_wait("answer") == 3
        assert seen[-1] == 3
        assert number.statistics() == ready.statistics() == (0, 0)

    run(main)


def test_a_scope_that_is_cancelled_leaves_nothing_waiting(run: Any) -> None:
    async def main() -> None:
        value, event = AsyncValue(0), RepeatedEvent()
        answers: AsyncDictionary[str, int] = AsyncDictionary()
        with anyio.move_on_after(0.02) as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(value.wait_value, 1)
                group.start_soon(event.wait)
                group.start_soon(answers.get_wait, "key")
                group.start_soon(answers.pop_wait, "key")
                group.start_soon(partial(value.wait_value, 2, timeout=10))
                async for _ in azip(periodic(0.001), event.events()):
                    raise AssertionError
        assert scope.cancelled_caught
        assert value.statistics() == (0, 0)
        assert not event._waiting
        assert not answers.is_waiting("key")

    run(main)


def test_a_scope_within_a_time_limit_and_a_limit_within_a_scope(run: Any) -> None:
    async def main() -> None:
        value = AsyncValue(0)
        with pytest.raises(TimeoutError):
            await value.wait_value(1, timeout=0.005)
        with anyio.move_on_after(0.005) as scope:
            await value.wait_value(1, timeout=10)
        assert scope.cancelled_caught
        with anyio.move_on_after(10) as scope, pytest.raises(TimeoutError):
            await value.wait_value(1, timeout=0.005)
        assert not scope.cancelled_caught
        assert [number async for number in iter_move_on_after(0.005, value.eventual_values())] == [0]
        assert await first(periodic(0.001), lambda tick: tick[0] > 0) is not None
        assert value.statistics() == (0, 0)

    run(main)


def test_a_monitor_in_both(run: Any) -> None:
    async def main() -> None:
        monitor: Monitor[int] = Monitor()

        async def ask() -> int:
            await anyio.sleep(0)
            with anyio.move_on_after(10):
                return await monitor.oob(1)  # type: ignore[no-any-return]
            raise AssertionError

        coro = ask()
        with pytest.raises(OOBData):
            await monitor.aawait(coro)
        assert await monitor.aawait(coro, 2) == 2

    run(main)


def test_groups_and_nurseries_in_a_scope_that_is_cancelled(run_on_asyncio: Any) -> None:
    async def main() -> None:
        ended: list[str] = []

        async def work(name: str) -> None:
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0.001)
                ended.append(name)

        async def cancel(scope: anyio.CancelScope) -> None:
            await anyio.wait_all_tasks_blocked()
            scope.cancel()

        with anyio.CancelScope() as scope:
            async with Group() as group, TaskNursery() as nursery:
                group.spawn(cancel, scope)
                group.spawn(work, "in a group")
                nursery.create_task(work("in a nursery"))
                await wait_any(partial(work, "in a race"), partial(work, "in a race too"))
        assert scope.cancelled_caught
        assert sorted(ended) == ["in a group", "in a nursery", "in a race", "in a race too"]
        assert group.is_closed
        assert TaskNursery.registry == {}

    run_on_asyncio(main)


def test_anyio_in_the_tasks_of_a_group(run_on_asyncio: Any) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue(1)

        async def produce() -> None:
            async with anyio.create_task_group() as group:
                for number in range(5):
                    group.start_soon(queue.put, number)
            queue.close()

        async with Group() as group:
            group.spawn(produce)
            with anyio.fail_after(10):
                got = [number async for number in queue]
        assert sorted(got) == list(range(5))

        async with move_on_when(partial(anyio.sleep, 0.001)) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught
        with anyio.move_on_after(0.001):
            await uncancellable(anyio.sleep(0.01))

    run_on_asyncio(main)


def test_an_interrupt_of_a_task_in_a_scope_is_no_cancellation_of_the_scope(run_on_asyncio: Any) -> None:
    async def main() -> None:
        value = AsyncValue(0)
        caught: list[object] = []

        async def wait() -> None:
            with anyio.CancelScope() as scope:
                try:
                    await value.wait_value(1)
                except InterruptException:
                    caught.append(scope.cancel_called)
                await value.wait_value(2)

        task = asyncio.create_task(wait())
        await anyio.wait_all_tasks_blocked()
        await task_interrupt(task, InterruptException())
        await anyio.wait_all_tasks_blocked()
        value.value = 2
        await task
        assert caught == [False]
        assert value.statistics() == (0, 0)

    run_on_asyncio(main)


def test_a_task_timeout_in_a_scope_and_a_scope_in_a_task_timeout(run_on_asyncio: Any) -> None:
    async def main() -> None:
        with anyio.move_on_after(10) as scope, pytest.raises(TimeoutError):
            async with task_timeout(0.005):
                await anyio.sleep_forever()
        assert not scope.cancel_called

        async with task_timeout(10) as limit:
            with anyio.move_on_after(0.005) as scope:
                await anyio.sleep_forever()
        assert scope.cancelled_caught
        assert not limit.expired()

        with pytest.raises(TimeoutError):
            async with task_timeout(0.005):
                with anyio.CancelScope(shield=True):
                    await anyio.sleep_forever()
        me = asyncio.current_task()
        assert me is not None
        assert me.cancelling() == 0

    run_on_asyncio(main)


def test_an_urgent_task_s_scope_times_out_while_it_waits_for_a_lock(run_on_asyncio: Any) -> None:
    async def main() -> None:
        lock = PriorityLock()

        async def urgent() -> bool:
            with anyio.move_on_after(0.005) as scope:
                async with lock:
                    raise AssertionError
            return scope.cancelled_caught

        async with lock:
            assert await PriorityTask(urgent(), priority=-10)
            assert not lock._waiters
        assert not lock.locked()

    run_on_asyncio(main)


def test_tasks_that_start_at_once_under_anyio(run_on_asyncio: Any) -> None:
    async def main() -> None:
        log: list[str] = []

        @eager
        async def work(name: str) -> str:
            log.append(name)
            with anyio.fail_after(10):
                await anyio.sleep(0.001)
            return name

        working = work("one")
        assert log == ["one"]
        assert await working == "one"
        async with create_eager_task_group() as group:
            group.start_soon(anyio.sleep, 0.001)

        def construct(coro: Any, **options: Any) -> PriorityTask[Any]:
            return PriorityTask(coro, priority=-1, **options)

        asyncio.get_running_loop().set_task_factory(create_eager_task_factory(construct))
        async with anyio.create_task_group() as plain_group:
            plain_group.start_soon(anyio.sleep, 0.001)
            plain_group.start_soon(anyio.sleep, 0)

    run_on_asyncio(main)
