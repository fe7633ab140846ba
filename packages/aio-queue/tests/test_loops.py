"""A queue and the loops it may meet."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from aio_queue import Queue
from suite_support.interleaving import settle


def test_a_queue_can_be_made_with_no_loop_and_serves_the_first_that_waits() -> None:
    queue: Queue[int] = Queue()
    queue.put_nowait(1)

    async def use() -> int:
        return await queue.get()

    assert asyncio.run(use()) == 1
    queue.put_nowait(2)
    assert asyncio.run(use()) == 2


def test_waiting_on_a_second_loop_is_a_clear_error() -> None:
    queue: Queue[int] = Queue()

    async def wait() -> None:
        await asyncio.wait_for(queue.get(), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(wait())
    with pytest.raises(RuntimeError, match="loop"):
        asyncio.run(wait())


def test_putting_on_a_second_loop_is_a_clear_error_and_puts_nothing() -> None:
    queue: Queue[int] = Queue(1)
    queue.put_nowait(1)

    async def wait() -> None:
        await asyncio.wait_for(queue.put(2), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(wait())
    with pytest.raises(RuntimeError, match="make one queue for each loop"):
        asyncio.run(wait())
    assert queue.get_nowait() == 1
    assert queue.empty()
    assert not queue.full()


def test_a_queue_that_nobody_waits_for_goes_from_loop_to_loop() -> None:
    queue: Queue[int] = Queue()

    async def exchange() -> int:
        await queue.put(1)
        return await queue.get()

    assert asyncio.run(exchange()) == 1
    assert asyncio.run(exchange()) == 1


def test_a_loop_that_makes_futures_of_its_own_is_asked_for_them() -> None:
    class Loop(asyncio.SelectorEventLoop):
        made = 0

        def create_future(self) -> asyncio.Future[object]:
            self.made += 1
            return super().create_future()

    async def wait() -> int:
        queue: Queue[int] = Queue()
        getter = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        made = loop.made
        await queue.put(1)
        assert await getter == 1
        return made

    loop = Loop()
    try:
        assert loop.run_until_complete(wait()) >= 1
    finally:
        loop.close()


def outcome_in_a_thread(fn: Callable[[], object]) -> BaseException | None:
    """What the function raised in a thread of its own."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            fn()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


USES: dict[str, Callable[[Queue[int]], object]] = {
    "put_nowait": lambda queue: queue.put_nowait(1),
    "get_nowait": lambda queue: queue.get_nowait(),
    "get_nowait_until_empty": lambda queue: queue.get_nowait_until_empty(),
    "task_done": lambda queue: queue.task_done(),
    "close": lambda queue: queue.close(),
    "shutdown": lambda queue: queue.shutdown(immediate=True),
}
WAITS: dict[str, Callable[[Queue[int]], Any]] = {
    "get": lambda queue: queue.get(),
    "put": lambda queue: queue.put(2),
    "join": lambda queue: queue.join(),
}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("wait", "use"),
    [
        ("get", "put_nowait"),
        ("get", "close"),
        ("get", "shutdown"),
        ("put", "get_nowait"),
        ("put", "get_nowait_until_empty"),
        ("put", "close"),
        ("join", "task_done"),
    ],
)
async def test_a_thread_that_would_have_to_wake_a_task_is_refused_and_has_changed_nothing(wait: str, use: str) -> None:
    queue: Queue[int] = Queue(1)
    if wait != "get":
        # It belongs to this loop from its first wait on.
        getting = asyncio.create_task(queue.get())
        await settle()
        await queue.put(0)
        await getting
        queue.task_done()
        queue.put_nowait(1)
    waiting = asyncio.create_task(WAITS[wait](queue))
    await settle()
    before = str(queue)
    error = outcome_in_a_thread(lambda: USES[use](queue))
    assert isinstance(error, RuntimeError)
    assert "call_soon_threadsafe" in str(error)
    assert str(queue) == before
    # In its own thread it does all that it should.
    USES[use](queue)
    await settle()
    assert waiting.done()
    await asyncio.gather(waiting, return_exceptions=True)


@pytest.mark.asyncio
async def test_a_thread_can_have_the_loop_call_the_queue() -> None:
    queue: Queue[int] = Queue()
    loop = asyncio.get_running_loop()
    getting = asyncio.create_task(queue.get())
    await settle()
    assert outcome_in_a_thread(lambda: loop.call_soon_threadsafe(queue.put_nowait, 7)) is None
    assert await getting == 7


def test_a_queue_moves_to_another_thread_with_its_loop() -> None:
    queue: Queue[int] = Queue()
    loop = asyncio.new_event_loop()

    async def wait_and_put() -> int:
        getting = asyncio.create_task(queue.get())
        await settle()
        queue.put_nowait(3)
        return await getting

    results: list[int] = []

    def run() -> None:
        results.append(loop.run_until_complete(wait_and_put()))

    try:
        run()
        assert outcome_in_a_thread(run) is None
        run()
    finally:
        loop.close()
    assert results == [3, 3, 3]


def test_a_loop_that_does_not_run_is_fed_from_any_thread() -> None:
    queue: Queue[int] = Queue()
    loop = asyncio.new_event_loop()
    try:
        getting = loop.create_task(queue.get())
        loop.run_until_complete(settle())
        assert outcome_in_a_thread(lambda: queue.put_nowait(5)) is None
        assert loop.run_until_complete(getting) == 5
    finally:
        loop.close()
