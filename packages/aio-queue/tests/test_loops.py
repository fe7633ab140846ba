"""A queue and the loops it may meet."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aio_queue import LifoQueue, PriorityQueue, Queue
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


def test_joining_on_a_second_loop_is_a_clear_error() -> None:
    queue: Queue[int] = Queue()
    queue.put_nowait(1)

    async def wait() -> None:
        await asyncio.wait_for(queue.join(), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(wait())
    with pytest.raises(RuntimeError, match="make one queue for each loop"):
        asyncio.run(wait())
    queue.task_done()
    asyncio.run(wait())


def test_getting_on_a_second_loop_while_a_woken_put_is_on_its_way_is_a_clear_error() -> None:
    queue: Queue[int] = Queue(1)
    queue.put_nowait(1)
    first = asyncio.new_event_loop()
    try:
        putting = first.create_task(queue.put(2))
        first.run_until_complete(settle())
        assert queue.get_nowait() == 1
        with pytest.raises(RuntimeError, match="make one queue for each loop"):
            asyncio.run(queue.get())
        first.run_until_complete(putting)
    finally:
        first.close()
    assert queue.get_nowait() == 2


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
        ("join", "shutdown"),
    ],
)
async def test_a_thread_that_would_have_to_wake_a_task_is_refused_and_has_changed_nothing(wait: str, use: str) -> None:
    queue: Queue[int] = Queue(1)
    if wait != "get":
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


ASYNC_USES: dict[str, Callable[[Queue[int]], Coroutine[Any, Any, object]]] = {
    "put": lambda queue: queue.put(1),
    "put_many": lambda queue: queue.put_many([1]),
    "get": lambda queue: queue.get(),
    "get_many": lambda queue: queue.get_many(3),
    "get_until_empty": lambda queue: queue.get_until_empty(),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("kind", [Queue, LifoQueue, PriorityQueue])
@pytest.mark.parametrize(
    ("wait", "use"),
    [("get", "put"), ("get", "put_many"), ("put", "get"), ("put", "get_many"), ("put", "get_until_empty")],
)
async def test_so_is_a_task_of_a_loop_in_another_thread(
    kind: type[Queue[int]], wait: str, use: str, debug: bool
) -> None:
    # The loop's debug mode has a check of its own, which comes too late.
    asyncio.get_running_loop().set_debug(debug)
    queue = kind(1)
    if wait == "put":
        queue.put_nowait(1)
    waiting = asyncio.create_task(WAITS[wait](queue))
    await settle()
    before = str(queue)
    error = outcome_in_a_thread(lambda: asyncio.run(ASYNC_USES[use](queue)))
    assert isinstance(error, RuntimeError)
    assert "call_soon_threadsafe" in str(error)
    assert str(queue) == before
    await ASYNC_USES[use](queue)
    await waiting


@pytest.mark.asyncio
async def test_a_thread_that_would_deal_with_items_a_join_waits_for_is_refused_and_has_taken_none() -> None:
    queue: Queue[int] = Queue()
    await queue.put_many([1, 2])
    joining = asyncio.create_task(queue.join())
    await settle()
    assert isinstance(outcome_in_a_thread(queue.get_nowait_until_empty), RuntimeError)
    assert isinstance(outcome_in_a_thread(lambda: asyncio.run(queue.get_until_empty())), RuntimeError)
    assert queue.get_nowait_until_empty() == 2
    queue.task_done()
    await joining


@pytest.mark.asyncio
async def test_a_thread_is_not_refused_when_those_that_waited_have_gone() -> None:
    queue: Queue[int] = Queue(1)
    getting = [asyncio.create_task(queue.get()) for _ in range(3)]
    joining = asyncio.create_task(queue.join())
    await settle()
    getting[2].cancel()
    await settle()
    await queue.put_many([1])
    await queue.put_many([2])
    await asyncio.wait(getting)
    queue.task_done()
    queue.task_done()
    await joining
    queue.put_nowait(3)
    joining = asyncio.create_task(queue.join())
    await settle()
    joining.cancel()
    await settle()
    assert outcome_in_a_thread(queue.get_nowait) is None
    assert outcome_in_a_thread(lambda: queue.put_nowait(4)) is None
    assert outcome_in_a_thread(queue.task_done) is None


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
