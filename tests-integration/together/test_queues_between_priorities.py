"""Queues between tasks of different priority: order, back pressure and closing are the queue's, turns the loop's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aio_events import RepeatedEvent
from aio_group import Group
from aio_queue import LifoQueue, PriorityQueue, Queue, QueueClosedError
from aio_sched import Priority, PriorityLock, PrioritySelectorEventLoop, PriorityTask, task_timeout
from aio_values import AsyncValue
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Coroutine

pytestmark = pytest.mark.asyncio


def heeds_priorities() -> bool:
    return isinstance(asyncio.get_running_loop(), PrioritySelectorEventLoop)


def task(coro: Coroutine[Any, Any, Any], priority: float) -> PriorityTask[Any]:
    return PriorityTask(coro, priority=priority)


async def all_else_is_blocked() -> None:
    await task(settle(), 1000.0)


@pytest.mark.parametrize("maxsize", [0, 1, 3])
@pytest.mark.parametrize(("producer", "consumer"), [(-10, 10), (10, -10), (0, 0), (-10, -10)])
async def test_items_keep_their_order_whoever_is_more_urgent(maxsize: int, producer: int, consumer: int) -> None:
    queue: Queue[int] = Queue(maxsize)
    most = 0

    async def produce() -> None:
        nonlocal most
        for number in range(100):
            await queue.put(number)
            most = max(most, queue.qsize())
        queue.close()

    async def consume() -> list[int]:
        return [number async for number in queue]

    consuming = task(consume(), consumer)
    await asyncio.gather(task(produce(), producer), consuming)
    assert consuming.result() == list(range(100))
    assert not maxsize or most <= maxsize


async def test_getters_that_are_woken_together_take_the_items_in_the_order_in_which_they_run() -> None:
    queue: Queue[int] = Queue()
    got: list[tuple[str, int]] = []

    async def consume(name: str) -> None:
        number = await queue.get()
        got.append((name, number))

    priorities = {"low": 10, "plain": 0, "high": -10}
    tasks = []
    for name, priority in priorities.items():
        tasks.append(task(consume(name), priority))
        await all_else_is_blocked()
    for number in range(3):
        queue.put_nowait(number)
    await asyncio.wait(tasks)
    # All three were woken: who runs first takes the first item, and nobody goes without.
    assert [number for _, number in got] == [0, 1, 2]
    assert {name for name, _ in got} == set(priorities)
    if heeds_priorities():
        assert [name for name, _ in got] == ["high", "plain", "low"]


async def test_one_item_goes_to_the_getter_that_has_waited_longest_however_urgent_others_are() -> None:
    queue: Queue[int] = Queue()
    got: list[str] = []

    async def consume(name: str) -> None:
        await queue.get()
        got.append(name)

    low = task(consume("low"), 10)
    await all_else_is_blocked()
    high = task(consume("high"), -10)
    await all_else_is_blocked()
    queue.put_nowait(0)
    await low
    assert got == ["low"]
    queue.put_nowait(0)
    await high


async def test_an_urgent_consumer_empties_a_full_queue_before_its_producers_go_on() -> None:
    queue: Queue[str] = Queue(2)
    log: list[str] = []

    async def produce(name: str) -> None:
        for _ in range(2):
            await queue.put(name)
            log.append(f"{name} put")

    async def consume() -> None:
        async for name in queue:
            log.append(f"{name} got")  # noqa: PERF401  # several fill one list

    producers = [task(produce(name), 10) for name in "ab"]
    await all_else_is_blocked()
    assert queue.full()
    consumer = task(consume(), -10)
    await asyncio.wait(producers)
    queue.close()
    await consumer
    gets = [entry for entry in log if entry.endswith("got")]
    assert len(gets) == 4
    if heeds_priorities():
        # The two that were there, before a producer has heard of the room.
        assert [entry.endswith("got") for entry in log[2:4]] == [True, True]


async def test_a_queue_by_priority_gives_the_first_item_to_whoever_runs_first() -> None:
    queue: PriorityQueue[int] = PriorityQueue()
    got: dict[str, int] = {}

    async def consume(name: str) -> None:
        got[name] = await queue.get()

    tasks = [task(consume("low"), 10), task(consume("high"), -10)]
    await all_else_is_blocked()
    for number in (5, 1):
        queue.put_nowait(number)
    await asyncio.wait(tasks)
    assert sorted(got.values()) == [1, 5]
    if heeds_priorities():
        assert got == {"high": 1, "low": 5}


@pytest.mark.parametrize("kind", [Queue, LifoQueue, PriorityQueue])
async def test_closing_lets_everybody_go_whatever_they_are_worth(kind: type[Queue[int]]) -> None:
    queue = kind(1)
    queue.put_nowait(0)
    ends: list[str] = []

    async def put(name: str) -> None:
        with pytest.raises(QueueClosedError):
            await queue.put(1)
        ends.append(name)

    tasks = [task(put(name), priority) for name, priority in {"low": 10, "plain": 0, "high": -10}.items()]
    await all_else_is_blocked()
    queue.close()
    await asyncio.wait(tasks)
    for ended in tasks:
        assert ended.exception() is None
    if heeds_priorities():
        assert ends == ["high", "plain", "low"]
    assert queue.get_nowait() == 0
    with pytest.raises(QueueClosedError):
        queue.get_nowait()


async def test_a_flood_of_urgent_items_starves_no_consumer_of_others() -> None:
    urgent_items: Queue[int] = Queue(1)
    other_items: Queue[int] = Queue(1)
    counts = {"urgent": 0, "other": 0}
    over = asyncio.Event()

    async def produce(queue: Queue[int]) -> None:
        while not over.is_set():
            await queue.put(0)
            await asyncio.sleep(0)

    async def consume(queue: Queue[int], name: str) -> None:
        async for _ in queue:
            counts[name] += 1
            if counts["other"] == 20:
                over.set()

    async with Group() as group:
        group.wrap(task(produce(urgent_items), -10))
        group.wrap(task(consume(urgent_items, "urgent"), -10))
        group.wrap(task(produce(other_items), 10))
        group.wrap(task(consume(other_items, "other"), 10))
        await over.wait()
        assert counts["other"] == 20
        assert counts["urgent"] >= 20


async def test_back_pressure_reaches_an_urgent_producer_through_a_slow_chain() -> None:
    """Producer, stage and consumer of falling urgency: no queue ever holds more than it may."""
    first: Queue[int] = Queue(2)
    second: Queue[int] = Queue(2)
    sizes: list[tuple[int, int]] = []

    async def produce() -> None:
        for number in range(50):
            await first.put(number)
            sizes.append((first.qsize(), second.qsize()))
        first.close()

    async def double() -> None:
        async for number in first:
            await second.put(2 * number)
        second.close()

    async def consume() -> list[int]:
        return [number async for number in second]

    consuming = task(consume(), Priority.LOW)
    await asyncio.gather(task(produce(), Priority.HIGH), task(double(), Priority.NORMAL), consuming)
    assert consuming.result() == [2 * number for number in range(50)]
    assert max(max(pair) for pair in sizes) <= 2


async def test_a_value_an_event_a_lock_and_a_queue_between_priorities() -> None:
    """A reading goes from an urgent task through all pieces to a report of the least urgent one, and none is lost."""
    reading = AsyncValue(0)
    jobs: Queue[int] = Queue(4)
    lock = PriorityLock()
    changed = RepeatedEvent()
    store: list[int] = []
    reported: list[int] = []

    async def measure() -> None:
        for number in range(1, 31):
            reading.value = number
            await jobs.put(number)
        jobs.close()

    async def record() -> None:
        async for number in jobs:
            async with lock:
                store.append(number)
                await asyncio.sleep(0)
            changed.set()

    async def report() -> None:
        async for _ in changed.events(repeat_last=True):
            async with lock:
                reported[:] = store
            if len(reported) == 30:
                return

    async def watch() -> int:
        return await reading.wait_value(lambda number: number >= 30)

    async with task_timeout(60):
        watching = task(watch(), Priority.LOW)
        await asyncio.gather(
            task(report(), Priority.LOW),
            task(record(), Priority.NORMAL),
            task(record(), Priority.NORMAL),
            task(measure(), Priority.HIGH),
            watching,
        )
    assert watching.result() == 30
    assert sorted(reported) == list(range(1, 31))
    assert reading.statistics() == (0, 0)
    assert not lock.locked()
