"""Other threads post all the time while tasks are moved about: nothing is lost, reordered or raised.

`AIO_SCHED_POSTS` tells how many posts each test takes; the default is few enough for every day.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import (
    blocked_tasks,
    call_pos,
    create_task_descend,
    get_scheduling_loop,
    runnable_tasks,
    sleep_insert,
    task_is_runnable,
    task_reinsert,
    task_switch,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

POSTS = int(os.environ.get("AIO_SCHED_POSTS", "20000"))
THREADS = 3
# A thread posts so many before it waits for the loop: the queue is long, and yet the test ends.
AT_ONCE = 64

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "scheduling", "priority"])


@pytest.fixture(autouse=True)
def _smallest_switch_interval() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


class Posters:
    """Threads that post numbers to the running loop, and what of it has run."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._received: list[list[int]] = [[] for _ in range(THREADS)]
        self._caught_up = [threading.Event() for _ in range(THREADS)]
        self._errors: list[Any] = []
        self._threads = [threading.Thread(target=self._post, args=(number,)) for number in range(THREADS)]
        self._each = POSTS // THREADS
        self.ended = 0

    async def __aenter__(self) -> Posters:
        self._loop.set_exception_handler(lambda loop, context: self._errors.append(context))
        for thread in self._threads:
            thread.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        while self.ended < THREADS:
            await asyncio.sleep(0)
        for thread in self._threads:
            thread.join()
        await asyncio.sleep(0)
        assert self._errors == []
        assert all(numbers == list(range(self._each)) for numbers in self._received), "posts were lost or reordered"

    def _post(self, number: int) -> None:
        received, caught_up = self._received[number], self._caught_up[number]
        for post in range(self._each):
            self._loop.call_soon_threadsafe(received.append, post)
            if post % AT_ONCE == 0:
                self._loop.call_soon_threadsafe(caught_up.set)
                caught_up.wait()
                caught_up.clear()
        self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.ended += 1


async def step(log: list[str], name: str) -> None:
    log.append(name)


async def test_places_are_exact_while_threads_post() -> None:
    loop = asyncio.get_running_loop()
    async with Posters() as posters:
        while posters.ended < THREADS:
            log: list[str] = []
            call_pos(0, log.append, "0")
            call_pos(1, log.append, "1")
            call_pos(1, log.append, "between").cancel()
            await sleep_insert(2)
            assert log == ["0", "1"]
            tasks = [loop.create_task(step(log, name)) for name in "abc"]
            task_reinsert(tasks[1], 0)
            task_reinsert(tasks[2], 1)
            await sleep_insert(2)
            assert log == ["0", "1", "b", "c"]
            await tasks[0]


async def test_switching_is_exact_while_threads_post() -> None:
    loop = asyncio.get_running_loop()
    async with Posters() as posters:
        while posters.ended < THREADS:
            log: list[str] = []
            first, second = loop.create_task(step(log, "first")), loop.create_task(step(log, "second"))
            await task_switch(second, insert_pos=1)
            assert log == ["second"]
            await task_switch(first)
            assert log == ["second", "first"]
            await create_task_descend(step(log, "child"))
            assert log == ["second", "first", "child"]


async def test_nothing_is_lost_from_the_queue_while_threads_post() -> None:
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop()
    ran: Counter[int] = Counter()
    made = 0
    async with Posters() as posters:
        while posters.ended < THREADS:
            handles = []
            for _ in range(5):
                handles.append(loop.call_soon(ran.update, [made]))
                made += 1
            queue.queue_remove(handles[1])
            queue.queue_move(3, handles[4])
            assert queue.queue_find(lambda handle: handle is handles[2], remove=True) is handles[2]  # noqa: B023
            assert not set(map(id, queue.queue_items())) & {id(handles[1]), id(handles[2])}
            queue.queue_insert_pos(1, handles[2])
            queue.queue_insert_pos(10**6, handles[1])
            assert queue.queue_len() >= 5
            await asyncio.sleep(0)
    assert ran == Counter(range(made))


async def test_every_task_is_seen_while_threads_post() -> None:
    event = asyncio.Event()
    blocked = {asyncio.create_task(event.wait()) for _ in range(3)}
    await asyncio.sleep(0)
    async with Posters() as posters:
        while posters.ended < THREADS:
            runnable = {asyncio.create_task(step([], "x")) for _ in range(3)}
            assert runnable_tasks() == runnable
            assert blocked_tasks() == blocked
            assert all(map(task_is_runnable, runnable))
            await asyncio.wait(runnable)
    event.set()
    await asyncio.wait(blocked)


async def test_tasks_are_moved_while_an_executor_works() -> None:
    loop = asyncio.get_running_loop()
    results: list[int] = []

    async def work(pool: concurrent.futures.Executor, numbers: range) -> None:
        results.extend([await loop.run_in_executor(pool, abs, -number) for number in numbers])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        each = max(POSTS // 100, 50)
        working = {asyncio.create_task(work(pool, range(start, start + each))) for start in range(0, 4 * each, each)}
        while not all(task.done() for task in working):
            for task in runnable_tasks() & working:
                with contextlib.suppress(ValueError):  # what ran meanwhile
                    await task_switch(task, insert_pos=1)
            await asyncio.sleep(0)
        await asyncio.gather(*working)
    assert sorted(results) == list(range(4 * each))
