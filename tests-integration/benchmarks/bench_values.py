"""aio-values against trio-util (on trio) and against bare futures (on asyncio).

    hatch run bench:values [job ...]

On trio, the peer is trio-util, the library that the API comes from; on asyncio, the least that asyncio itself can do.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from aio_values import AsyncValue
from suite_support.benchmark import Comparison, Target, compare, main, sized

if TYPE_CHECKING:
    from collections.abc import Callable


def trio() -> Any:
    """Imported late: what asyncio's jobs cost depends a little on whether the program uses trio too."""
    importlib.import_module("trio.testing")
    return importlib.import_module("trio")


def trio_util() -> Any:
    """The peer, or None where it does not install."""
    try:
        return importlib.import_module("trio_util")
    except ImportError:
        return None


def against_trio_util(job: str, case: Callable[[Any], float], repeats: int) -> Comparison:
    """The same job with both classes, where both are here."""
    cases = {"aio-values": lambda: case(AsyncValue)}
    peer = trio_util()
    if peer is None:
        return compare(job, cases, repeats=repeats, absent={"trio-util": "it is not installed"})
    cases["trio-util"] = lambda: case(peer.AsyncValue)
    return compare(job, cases, repeats=repeats)


ASSIGNMENTS = sized(100_000)
WAITERS = sized(10_000)
TRIPS = sized(5_000)

# --- assigning -----------------------------------------------------------------------------------------------------


def set_without_waiters(repeats: int) -> Comparison:
    def case(kind: Any) -> float:
        value = kind(0)
        start = time.process_time()
        for number in range(1, ASSIGNMENTS + 1):
            value.value = number
        return time.process_time() - start

    return against_trio_util(f"{ASSIGNMENTS:,} assignments, nobody waits", case, repeats)


def set_after_waits(repeats: int) -> Comparison:
    """As `set_without_waiters`, on a value that tasks have waited for before."""

    def case(kind: Any) -> float:
        async def run() -> float:
            value = kind(0)
            with trio().move_on_after(0):
                await value.wait_value(-1)
            with trio().move_on_after(0):
                await value.wait_transition()
            start = time.process_time()
            for number in range(1, ASSIGNMENTS + 1):
                value.value = number
            return time.process_time() - start

        return float(trio().run(run))

    return against_trio_util(f"{ASSIGNMENTS:,} assignments, somebody waited before", case, repeats)


def set_with_waiters(repeats: int) -> Comparison:
    """Tasks wait for other values by equality: 10,000 of them shall cost at most twice what one costs."""

    def case(count: int) -> float:
        async def run() -> float:
            value = AsyncValue(0)
            tasks = [asyncio.create_task(value.wait_value(-number)) for number in range(1, count + 1)]
            await asyncio.sleep(0)
            start = time.process_time()
            for number in range(1, ASSIGNMENTS // 5 + 1):
                value.value = number
            seconds = time.process_time() - start
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            return seconds

        return asyncio.run(run())

    cases = {"1 waiter": lambda: case(1), "10,000 waiters": lambda: case(WAITERS)}
    return compare(f"{ASSIGNMENTS // 5:,} assignments, tasks wait for other values", cases, repeats=repeats)


def trio_util_with_waiters(repeats: int) -> Comparison:
    """The same with trio-util, for scale."""

    def case(kind: Any, count: int, assignments: int) -> float:
        async def run() -> float:
            value = kind(0)
            async with trio().open_nursery() as nursery:
                for number in range(1, count + 1):
                    nursery.start_soon(value.wait_value, -number)
                await trio().testing.wait_all_tasks_blocked()
                start = time.process_time()
                for number in range(1, assignments + 1):
                    value.value = number
                seconds = time.process_time() - start
                nursery.cancel_scope.cancel()
            return seconds

        return float(trio().run(run))

    job = f"20 assignments, {WAITERS:,} tasks wait for other values"
    return against_trio_util(job, lambda kind: case(kind, WAITERS, 20), repeats)


# --- round trips ---------------------------------------------------------------------------------------------------


def trio_round_trip(repeats: int) -> Comparison:
    def case(kind: Any) -> float:
        async def run() -> float:
            ping, pong = kind(0), kind(0)

            async def answer() -> None:
                for number in range(1, TRIPS // 2 + 1):
                    await ping.wait_value(number)
                    pong.value = number

            async with trio().open_nursery() as nursery:
                nursery.start_soon(answer)
                await trio().lowlevel.checkpoint()
                start = time.process_time()
                for number in range(1, TRIPS // 2 + 1):
                    ping.value = number
                    await pong.wait_value(number)
                return time.process_time() - start

        return float(trio().run(run))

    return against_trio_util(f"trio: {TRIPS // 2:,} round trips", case, repeats)


class HandOff:
    """The least that hands a value over on asyncio: one future, made by whoever waits."""

    def __init__(self) -> None:
        self.future: asyncio.Future[int] | None = None

    async def get(self) -> int:
        self.future = asyncio.get_running_loop().create_future()
        return await self.future

    def put(self, number: int) -> None:
        assert self.future is not None
        self.future.set_result(number)


async def with_values() -> float:
    ping, pong = AsyncValue(0), AsyncValue(0)

    async def answer() -> None:
        for number in range(1, TRIPS + 1):
            await ping.wait_value(number)
            pong.value = number

    task = asyncio.create_task(answer())
    await asyncio.sleep(0)
    start = time.process_time()
    for number in range(1, TRIPS + 1):
        ping.value = number
        await pong.wait_value(number)
    seconds = time.process_time() - start
    await task
    return seconds


async def with_hand_offs() -> float:
    ping, pong = HandOff(), HandOff()

    async def answer() -> None:
        for number in range(1, TRIPS + 1):
            await ping.get()
            pong.put(number)

    task = asyncio.create_task(answer())
    await asyncio.sleep(0)
    start = time.process_time()
    for number in range(1, TRIPS + 1):
        ping.put(number)
        await pong.get()
    seconds = time.process_time() - start
    await task
    return seconds


async def with_futures() -> float:
    """No object and no call between the two tasks: less than any hand-off can cost."""
    loop = asyncio.get_running_loop()
    ping, pong = loop.create_future(), loop.create_future()

    async def answer() -> None:
        nonlocal ping
        for number in range(1, TRIPS + 1):
            await ping
            ping = loop.create_future()
            pong.set_result(number)

    task = asyncio.create_task(answer())
    await asyncio.sleep(0)
    start = time.process_time()
    for number in range(1, TRIPS + 1):
        pong = loop.create_future()
        ping.set_result(number)
        await pong
    seconds = time.process_time() - start
    await task
    return seconds


def asyncio_round_trip(repeats: int, beside: str = "") -> Comparison:
    cases = {
        "hand-off by a future": lambda: asyncio.run(with_hand_offs()),
        "aio-values": lambda: asyncio.run(with_values()),
        "two futures, written out": lambda: asyncio.run(with_futures()),
    }
    return compare(f"asyncio: {TRIPS:,} round trips{beside}", cases, repeats=repeats)


def asyncio_round_trip_beside_trio(repeats: int) -> Comparison:
    """Once trio is imported, a wait has to ask which of the two runs it."""
    trio()
    return asyncio_round_trip(repeats, ", trio imported too")


# --- iterators -----------------------------------------------------------------------------------------------------


def listeners(repeats: int) -> Comparison:
    def case(kind: Any) -> float:
        async def run() -> float:
            value = kind(0)
            delivered = 0

            async def listen() -> None:
                nonlocal delivered
                async with aclosing(value.eventual_values()) as values:
                    async for number in values:
                        delivered += 1
                        if number == 100:
                            return

            async with trio().open_nursery() as nursery:
                for _ in range(100):
                    nursery.start_soon(listen)
                await trio().testing.wait_all_tasks_blocked()
                start = time.process_time()
                for number in range(1, 101):
                    delivered = 0
                    value.value = number
                    # trio runs the tasks of one turn in any order: all 100 shall have had this number.
                    while delivered < 100:
                        await trio().lowlevel.checkpoint()
            return time.process_time() - start

        return float(trio().run(run))

    return against_trio_util("trio: eventual_values, 100 listeners, 100 assignments", case, repeats)


JOBS: dict[str, Callable[[int], Comparison]] = {
    "asyncio-round-trip": asyncio_round_trip,
    "asyncio-round-trip-beside-trio": asyncio_round_trip_beside_trio,
    "set-without-waiters": set_without_waiters,
    "set-after-waits": set_after_waits,
    "set-with-10000-waiters": set_with_waiters,
    "trio-util-with-10000-waiters": trio_util_with_waiters,
    "trio-round-trip": trio_round_trip,
    "eventual-values-100-listeners": listeners,
}

TARGETS = (
    Target("set-without-waiters", "aio-values", "trio-util", "assigning, nobody waits: not slower", at_most=1),
    Target(
        "trio-round-trip",
        "aio-values",
        "trio-util",
        "round trip on trio: not slower",
        at_most=1,
        headline="wait for a value, trio",
    ),
    Target(
        "set-with-10000-waiters",
        "10,000 waiters",
        "1 waiter",
        "assigning with 10,000 equality waiters: 2x the time with one",
        at_most=2,
    ),
    Target(
        "asyncio-round-trip",
        "aio-values",
        "hand-off by a future",
        "round trip on asyncio: 1.25x a hand-off by a bare future",
        at_most=1.25,
    ),
    Target(
        "eventual-values-100-listeners",
        "aio-values",
        "trio-util",
        "eventual_values, 100 listeners: 1.5x trio-util",
        at_least=1.5,
        headline="eventual_values",
    ),
)

if __name__ == "__main__":
    main(JOBS, TARGETS)
