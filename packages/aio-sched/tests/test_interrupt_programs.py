"""Any program of interrupts, cancellations and wake-ups: each arrives once, and what was waited for is consistent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import (
    InterruptCondition,
    InterruptException,
    PrioritySelectorEventLoop,
    create_pytask,
    task_interrupt,
    task_is_blocked,
    task_is_runnable,
    task_throw,
)
from hypothesis import given
from hypothesis import strategies as st
from suite_support.interleaving import passes, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

WORKERS = 3
ITEMS = 2


class Shared:
    """What the workers wait for and hold."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.semaphore = asyncio.BoundedSemaphore(2)
        self.queue: asyncio.Queue[int] = asyncio.Queue(ITEMS)
        self.condition = InterruptCondition()
        self.event = asyncio.Event()
        self.release = asyncio.Event()
        self.futures: list[asyncio.Future[None]] = []
        self.children: list[asyncio.Task[Any]] = []
        self.put = self.got = 0

    async def sleep_0(self) -> None:
        await asyncio.sleep(0)

    async def wait_for_a_future(self) -> None:
        self.futures.append(asyncio.get_running_loop().create_future())
        await self.futures[-1]

    async def hold_the_lock(self) -> None:
        async with self.lock:
            await asyncio.sleep(0)
            await self.event.wait()

    async def hold_the_semaphore(self) -> None:
        async with self.semaphore:
            await self.event.wait()

    async def take(self) -> None:
        await self.queue.get()
        self.got += 1

    async def give(self) -> None:
        await self.queue.put(1)
        self.put += 1

    async def wait_for_the_condition(self) -> None:
        async with self.condition:
            await self.condition.wait()

    async def wait_for_a_child(self) -> None:
        self.children.append(asyncio.create_task(self.release.wait()))
        await self.children[-1]

    async def gather(self) -> None:
        children = [asyncio.create_task(self.release.wait()) for _ in range(2)]
        self.children += children
        await asyncio.gather(*children)

    async def shield(self) -> None:
        self.children.append(asyncio.create_task(self.release.wait()))
        await asyncio.shield(self.children[-1])


WAITS: list[Callable[[Shared], Awaitable[None]]] = [
    Shared.sleep_0,
    Shared.wait_for_a_future,
    Shared.hold_the_lock,
    Shared.hold_the_semaphore,
    Shared.take,
    Shared.give,
    Shared.wait_for_the_condition,
    Shared.wait_for_a_child,
    Shared.gather,
    Shared.shield,
]


class Worker:
    """Waits in one way after the other, and notes what comes."""

    def __init__(self, shared: Shared, waits: list[Callable[[Shared], Awaitable[None]]]) -> None:
        self.shared = shared
        self.waits = waits
        self.interrupts: list[BaseException] = []
        self.cancellations = 0
        self.cancellation_pending = False
        self.begun = False
        self.wait: Callable[[Shared], Awaitable[None]] | None = None

    async def run(self) -> None:
        self.begun = True
        task = asyncio.current_task()
        assert task is not None
        for wait in self.waits:
            self.wait = wait
            try:
                await wait(self.shared)
            except InterruptException as exc:
                assert task.cancelling() == 0
                self.note(exc)
            except asyncio.CancelledError as exc:
                assert self.cancellation_pending
                self.cancellation_pending = False
                self.cancellations += 1
                self.note(exc)
                while task.cancelling():
                    task.uncancel()

    def note(self, exc: BaseException | None) -> None:
        """A condition raises one of several exceptions, and the others are its context."""
        while exc is not None:
            if isinstance(exc, InterruptException):
                self.interrupts.append(exc)
            exc = exc.__context__


class Program:
    """What happens to the workers, and what is expected of it."""

    def __init__(self, make: Callable[..., asyncio.Task[None]], scripts: list[list[Any]]) -> None:
        self.shared = Shared()
        self.workers = [Worker(self.shared, script) for script in scripts]
        self.tasks = [make(worker.run()) for worker in self.workers]
        self.thrown: list[list[BaseException]] = [[] for _ in scripts]
        self.cancelled = [0] * len(scripts)

    async def throw(self, number: int) -> None:
        async def throw(task: asyncio.Task[None], exc: BaseException) -> None:
            task_throw(task, exc)

        await self.raise_in(number, throw)

    async def interrupt(self, number: int) -> None:
        await self.raise_in(number, task_interrupt)

    async def raise_in(self, number: int, interrupt: Callable[..., Awaitable[None]]) -> None:
        worker, task = self.workers[number], self.tasks[number]
        assert task.done() is not (task_is_blocked(task) or task_is_runnable(task))
        may_be_refused = task.done() or worker.cancellation_pending
        begun, waits = worker.begun, worker.wait
        exc = InterruptException()
        try:
            await interrupt(task, exc)
        except RuntimeError:
            assert may_be_refused
            return
        # A condition raises what came when it has its lock again.
        condition = waits is Shared.wait_for_the_condition
        assert condition or not worker.cancellation_pending
        if not begun:
            assert task.cancelled()
            assert not worker.begun
            return
        self.thrown[number].append(exc)
        assert worker.interrupts == self.thrown[number] or (condition and not task.done())

    async def cancel(self, number: int) -> None:
        task, worker = self.tasks[number], self.workers[number]
        if task.done() or not worker.begun:
            return
        if not worker.cancellation_pending:
            worker.cancellation_pending = True
            self.cancelled[number] += 1
        task.cancel()

    async def one_pass(self, _: int) -> None:
        await passes(1)

    async def wake(self, _: int) -> None:
        for future in self.shared.futures:
            if not future.done():
                future.set_result(None)
        self.shared.event.set()
        self.shared.event.clear()

    async def notify(self, _: int) -> None:
        if not self.shared.condition.locked():
            await self.shared.condition.acquire()
            self.shared.condition.notify()
            self.shared.condition.release()

    async def end(self) -> None:
        """Let everything come to its end."""
        shared = self.shared
        shared.release.set()
        while not all(task.done() for task in self.tasks):
            await settle()
            await self.wake(0)
            async with shared.condition:
                shared.condition.notify_all()
            await settle()
            if shared.queue.full():
                shared.queue.get_nowait()
                shared.got += 1
            elif shared.queue.empty():
                shared.queue.put_nowait(1)
                shared.put += 1
        await settle()

    def assert_consistent(self) -> None:
        shared = self.shared
        assert not shared.lock.locked()
        assert not shared.condition.locked()
        assert shared.semaphore._value == 2
        assert shared.put - shared.got == shared.queue.qsize()
        assert not any(future._callbacks for future in shared.futures)
        for worker, thrown, cancelled in zip(self.workers, self.thrown, self.cancelled, strict=True):
            assert worker.cancellations == cancelled
            assert [exc for exc in thrown if exc not in worker.interrupts] == []
            assert not worker.cancellation_pending


OPERATIONS: list[Callable[[Program, int], Awaitable[None]]] = [
    Program.throw,
    Program.interrupt,
    Program.cancel,
    Program.one_pass,
    Program.wake,
    Program.notify,
]

LOOPS = [asyncio.SelectorEventLoop, PrioritySelectorEventLoop]
MAKES: list[Callable[..., Any]] = [asyncio.create_task, create_pytask]


@pytest.mark.parametrize("make", MAKES, ids=["C tasks", "Python tasks"])
@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
@given(
    scripts=st.lists(st.lists(st.sampled_from(WAITS), min_size=1, max_size=6), min_size=WORKERS, max_size=WORKERS),
    program=st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, WORKERS - 1)), max_size=25),
)
def test_interrupts_cancellations_and_wakeups_in_any_order(
    loop: Any, make: Any, scripts: list[list[Any]], program: list[tuple[Any, int]]
) -> None:
    async def main() -> None:
        running = Program(make, scripts)
        for operation, number in program:
            await operation(running, number)
        await running.end()
        running.assert_consistent()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())
