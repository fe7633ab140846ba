"""aio-events against trio-util on trio; AsyncDictionary and accessor against the least of asyncio and codestare.

hatch run bench:events [job ...]
"""

from __future__ import annotations

import asyncio
import importlib
import time
from typing import TYPE_CHECKING, Any

import aio_events
import aio_values
from suite_support.benchmark import Comparison, compare, main, sized

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

TIMES = sized(20_000)


def library(name: str) -> Any:
    """A peer, or None where it does not install."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def against(peer: str, job: str, case: Callable[[Any], float], repeats: int, ours: Any = aio_events) -> Comparison:
    """The same job with our package and with the peer's, where it is here."""
    cases = {ours.__name__.replace("_", "-"): lambda: case(ours)}
    theirs = library(peer)
    if theirs is None:
        return compare(job, cases, repeats=repeats, absent={peer: "it is not installed"})
    cases[peer] = lambda: case(theirs)
    return compare(job, cases, repeats=repeats)


def timed_on_trio(body: Callable[[], Awaitable[None]]) -> float:
    """Seconds that the body takes inside a trio run."""
    trio = library("trio")

    async def run() -> float:
        start = time.process_time()
        await body()
        return time.process_time() - start

    seconds: float = trio.run(run)
    return seconds


# --- events --------------------------------------------------------------------------------------------------------


def set_without_listeners(repeats: int) -> Comparison:
    def case(package: Any) -> float:
        event = package.RepeatedEvent()
        start = time.process_time()
        for _ in range(TIMES * 5):
            event.set()
        return time.process_time() - start

    return against("trio_util", f"RepeatedEvent: {TIMES * 5:,} set(), nobody listens", case, repeats)


def listeners(kind: str, count: int, sets: int) -> Callable[[Any], float]:
    def case(package: Any) -> float:
        trio = library("trio")

        async def body() -> None:
            event = package.RepeatedEvent()

            async def listen() -> None:
                remaining = sets
                async for _ in getattr(event, kind)():
                    remaining -= 1
                    if not remaining:
                        return

            async with trio.open_nursery() as nursery:
                for _ in range(count):
                    nursery.start_soon(listen)
                await importlib.import_module("trio.testing").wait_all_tasks_blocked()
                for _ in range(sets):
                    event.set()
                    # trio runs a batch of tasks in any order: after two, every listener has run.
                    await trio.lowlevel.checkpoint()
                    await trio.lowlevel.checkpoint()

        return timed_on_trio(body)

    return case


def one_listener(repeats: int) -> Comparison:
    job = f"RepeatedEvent.events(): {TIMES // 10:,} events to one listener"
    return against("trio_util", job, listeners("events", 1, TIMES // 10), repeats)


def hundred_listeners(repeats: int) -> Comparison:
    job = "RepeatedEvent.events(): 100 events to 100 listeners"
    return against("trio_util", job, listeners("events", 100, 100), repeats)


def hundred_unqueued(repeats: int) -> Comparison:
    job = "RepeatedEvent.unqueued_events(): 100 events to 100 listeners"
    return against("trio_util", job, listeners("unqueued_events", 100, 100), repeats)


# --- streams -------------------------------------------------------------------------------------------------------


async def count(up_to: int) -> AsyncIterator[int]:
    for number in range(up_to):
        yield number


def ticks(repeats: int) -> Comparison:
    def case(package: Any) -> float:
        async def body() -> None:
            remaining = TIMES
            async for _ in package.periodic(1e-9):
                remaining -= 1
                if not remaining:
                    break

        return timed_on_trio(body)

    return against("trio_util", f"periodic: {TIMES:,} ticks that are all late", case, repeats)


def zipped(repeats: int) -> Comparison:
    def case(package: Any) -> float:
        async def body() -> None:
            async for _ in package.azip(count(TIMES // 10), count(TIMES // 10)):
                pass

        return timed_on_trio(body)

    return against("trio_util", f"azip: {TIMES // 10:,} pairs from two generators", case, repeats)


def limited(repeats: int) -> Comparison:
    def case(package: Any) -> float:
        async def body() -> None:
            async for _ in package.iter_move_on_after(60, count(TIMES)):
                pass

        return timed_on_trio(body)

    return against("trio_util", f"iter_move_on_after: {TIMES:,} items in time", case, repeats)


# --- dictionary and accessor, on asyncio ---------------------------------------------------------------------------


def dictionary(repeats: int) -> Comparison:
    """A request and its answer, by key: pop_wait, assignment, wake-up."""
    requests = TIMES // 2

    async def ours() -> float:
        answers: aio_values.AsyncDictionary[int, int] = aio_values.AsyncDictionary()

        async def ask() -> None:
            for key in range(requests):
                await answers.pop_wait(key)

        async def answer() -> None:
            for key in range(requests):
                while not answers.is_waiting(key):
                    await asyncio.sleep(0)
                answers[key] = key

        return await both(ask, answer)

    async def futures() -> float:
        waiting: dict[int, asyncio.Future[int]] = {}
        loop = asyncio.get_running_loop()

        async def ask() -> None:
            for key in range(requests):
                waiting[key] = loop.create_future()
                await waiting[key]

        async def answer() -> None:
            for key in range(requests):
                while key not in waiting:
                    await asyncio.sleep(0)
                waiting.pop(key).set_result(key)

        return await both(ask, answer)

    async def both(*functions: Callable[[], Any]) -> float:
        start = time.process_time()
        await asyncio.gather(*(function() for function in functions))
        return time.process_time() - start

    job = f"AsyncDictionary: {TIMES // 2:,} values to a waiting pop_wait, asyncio"
    cases = {"aio-values": lambda: asyncio.run(ours()), "bare futures": lambda: asyncio.run(futures())}
    return compare(job, cases, repeats=repeats)


def accessors(repeats: int) -> Comparison:
    def case(package: Any) -> float:
        async def main() -> float:
            value = package.accessor()

            async def read() -> None:
                for _ in range(TIMES // 4):
                    await value.get()

            async def write() -> None:
                for number in range(TIMES // 4):
                    while not value.has_waiting_read:
                        await asyncio.sleep(0)
                    await value.set(number)
                    await asyncio.sleep(0)

            start = time.process_time()
            reading = asyncio.create_task(read())
            writing = asyncio.create_task(write())
            await asyncio.wait([reading, writing], return_when=asyncio.FIRST_COMPLETED)
            while not reading.done():
                # The peer counts readers that have been served, and so sets values that nobody reads.
                await value.set(0)
                await asyncio.sleep(0)
            await writing
            return time.process_time() - start

        return asyncio.run(main())

    job = f"accessor: {TIMES // 4:,} writes to a waiting read, asyncio"
    return against("codestare.async_utils", job, case, repeats, aio_values)


JOBS = {
    "set-without-listeners": set_without_listeners,
    "one-listener": one_listener,
    "hundred-listeners": hundred_listeners,
    "hundred-unqueued": hundred_unqueued,
    "ticks": ticks,
    "azip": zipped,
    "time-limit": limited,
    "dictionary": dictionary,
    "accessor": accessors,
}

if __name__ == "__main__":
    main(JOBS)
