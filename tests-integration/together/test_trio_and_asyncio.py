"""One program, half on trio and half on asyncio: as a guest of every loop, and in two threads."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import aio_trio_util
import pytest
import trio
from aio_coro import Monitor, OOBData
from aio_events import RepeatedEvent, azip
from aio_group import Group, TaskNursery
from aio_queue import Queue
from aio_sched import InterruptException, PriorityTask, task_interrupt, task_timeout
from aio_values import AsyncBool, AsyncDictionary, AsyncValue, compose_values
from suite_support.interleaving import settle
from suite_support.loops import every_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

PATIENCE = 20.0


@asynccontextmanager
async def guest(function: Callable[[], Awaitable[Any]]) -> AsyncIterator[asyncio.Future[Any]]:
    """Run a trio function as the guest of the running loop; the block ends when it has ended."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Any] = loop.create_future()
    trio.lowlevel.start_guest_run(
        function,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        done_callback=ended.set_result,
        # uvloop's always does.
        host_uses_signal_set_wakeup_fd=True,
    )
    yield ended
    (await asyncio.wait_for(ended, PATIENCE)).unwrap()


@pytest.mark.asyncio
async def test_a_guest_measures_and_the_host_s_tasks_serve_by_priority() -> None:
    """Trio writes a value and a dictionary; asyncio's tasks, in a group and urgent or not, read and answer."""
    answers: AsyncDictionary[int, int] = AsyncDictionary()
    questions: Queue[int] = Queue(2)
    loop = asyncio.get_running_loop()
    got: list[int] = []

    async def ask() -> None:
        for number in range(5):
            # The queue is asyncio's: trio, on the same thread, puts by the loop.
            loop.call_soon(partial(PriorityTask, questions.put(number), priority=-10))
            got.append(await answers.pop_wait(number))
        loop.call_soon(questions.close)

    async def serve() -> None:
        async for number in questions:
            await asyncio.sleep(0)
            answers[number] = number * number

    async with Group() as group:
        served = group.wrap(PriorityTask(serve(), priority=-5))
        async with guest(ask):
            await served
    assert got == [0, 1, 4, 9, 16]
    assert not answers
    assert not answers._poppers


@pytest.mark.asyncio
async def test_values_that_both_halves_wait_for_wake_both() -> None:
    left, right = AsyncValue(0), AsyncValue(0)
    seen: list[tuple[str, int]] = []

    async def follow() -> None:
        with compose_values(left=left, right=right) as both:
            now = await both.wait_value(lambda now: now.left == 1 and now.right == 1)
            seen.append(("trio", now.left + now.right))
            left.value = 2

    async def wait() -> None:
        right.value = 1
        seen.append(("asyncio", await left.wait_value(2)))

    async with guest(follow):
        left.value = 1
        await asyncio.wait_for(wait(), PATIENCE)
    assert seen == [("trio", 2), ("asyncio", 2)]
    assert left.statistics() == right.statistics() == (0, 0)


@pytest.mark.asyncio
async def test_an_interrupt_and_a_trio_cancellation_at_one_event_leave_each_other_alone() -> None:
    event = RepeatedEvent()
    stop, stopped = AsyncBool(), AsyncBool()
    rung: list[str] = []

    async def listen_on_trio() -> None:
        async with aio_trio_util.move_on_when(stop.wait_value, True):
            await event.wait()
            rung.append("before it was stopped")
        stopped.value = True
        await event.wait()
        rung.append("trio")

    async def listen(name: str) -> None:
        await event.wait()
        rung.append(name)

    interrupted, listening = (asyncio.create_task(listen(name)) for name in ("interrupted", "asyncio"))
    async with guest(listen_on_trio):
        while len(event._waiting) < 3:
            await asyncio.sleep(0.001)
        await task_interrupt(interrupted, InterruptException())
        stop.value = True
        await stopped.wait_value(True)
        while len(event._waiting) < 2:
            await asyncio.sleep(0.001)
        event.set()
        await listening
    assert interrupted.cancelled()
    assert sorted(rung) == ["asyncio", "trio"]
    assert not event._waiting


@pytest.mark.asyncio
async def test_a_nursery_of_each_kind_ends_with_its_half() -> None:
    ticks = RepeatedEvent()
    over = AsyncBool()
    ended: list[str] = []

    async def on_trio() -> None:
        async with aio_trio_util.move_on_when(over.wait_value, True), aio_trio_util.run_and_cancelling(tick):
            await trio.sleep_forever()
        ended.append("trio")

    async def tick() -> None:
        while True:
            ticks.set()
            await trio.sleep(0.001)

    counted = AsyncValue(0)

    async def count() -> None:
        try:
            async for _ in azip(ticks.events(), ticks.events()):
                counted.value += 1
        finally:
            ended.append("asyncio")

    async with TaskNursery() as nursery:
        nursery.create_task(count())
        async with guest(on_trio):
            await asyncio.wait_for(counted.wait_value(lambda count: count >= 3), PATIENCE)
            over.set_threadsafe(True)
    assert ended == ["trio", "asyncio"]
    assert not ticks._waiting


@pytest.mark.asyncio
async def test_the_host_times_out_while_its_guest_goes_on() -> None:
    value = AsyncValue(0)

    async def on_trio() -> int:
        await value.wait_value(1)
        return 1

    async with guest(on_trio) as ended:
        with pytest.raises(TimeoutError):
            async with task_timeout(0.01):
                await value.wait_value(1)
        assert value.statistics().waiting <= 1
        value.value = 1
        await ended
    assert value.statistics() == (0, 0)


@pytest.mark.asyncio
async def test_one_protocol_is_driven_by_both() -> None:
    async def parse(monitor: Monitor[str]) -> list[str]:
        return [await monitor.oob("more") for _ in range(3)]

    async def drive(source: Callable[[], Awaitable[str]]) -> list[str]:
        monitor: Monitor[str] = Monitor()
        parser = monitor(parse(monitor))
        answer = None
        while True:
            try:
                return await parser.aawait(answer)
            except OOBData:
                answer = await source()

    async def from_trio() -> str:
        await trio.sleep(0)
        return "trio"

    async def from_asyncio() -> str:
        await asyncio.sleep(0)
        return "asyncio"

    async def drive_on_trio() -> None:
        assert await drive(from_trio) == ["trio"] * 3

    async with guest(drive_on_trio):
        assert await drive(from_asyncio) == ["asyncio"] * 3


@pytest.mark.parametrize("loop", every_loop().values(), ids=every_loop().keys())
def test_two_threads_share_values_by_assigning_from_outside(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """A producer on trio, a service on asyncio: values belong to one side, and the other assigns them from outside."""
    order, result = AsyncValue(0), AsyncValue(0)
    failures: list[BaseException] = []

    async def customer() -> list[int]:
        results = []
        for number in range(1, 6):
            # What a thread sets is assigned when the owner's loop comes round to it.
            order.set_threadsafe(number)
            results.append(await result.wait_value(number * 10))
        order.set_threadsafe(-1)
        return results

    async def cook() -> None:
        queue: Queue[int] = Queue()

        async def take_orders() -> None:
            number = 0
            while True:
                previous = number
                number = await order.wait_value(lambda value: value != previous)  # noqa: B023  # asked at once
                if number < 0:
                    queue.close()
                    return
                await queue.put(number)

        async with Group() as group:
            group.wrap(PriorityTask(take_orders(), priority=-10))
            async for number in queue:
                result.set_threadsafe(number * 10)

    def run_cook() -> None:
        try:
            with asyncio.Runner(loop_factory=loop) as runner:
                runner.run(asyncio.wait_for(cook(), PATIENCE))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run_cook)
    thread.start()

    async def limited() -> list[int]:
        with trio.fail_after(PATIENCE):
            return await customer()

    try:
        assert trio.run(limited) == [10, 20, 30, 40, 50]
    finally:
        thread.join(PATIENCE)
    assert not thread.is_alive()
    assert failures == []
    assert order.statistics() == result.statistics() == (0, 0)


@pytest.mark.asyncio
async def test_the_guest_s_failure_reaches_the_host_and_leaves_its_tasks_alone() -> None:
    value = AsyncValue(0)

    async def fail() -> None:
        with pytest.raises(trio.TooSlowError):
            await value.wait_value(1, timeout=0.01)
        raise ValueError("on trio")

    waiting = asyncio.create_task(value.wait_value(1))
    await settle()
    with pytest.raises(ValueError, match="on trio"):
        async with guest(fail):
            pass
    assert value.statistics().waiting == 1
    value.value = 1
    assert await waiting == 1
