"""What programs written for `asyncio.Queue`, or for hat.aio's, rely on."""

import asyncio
import gc
import sys
import weakref
from collections.abc import Coroutine
from typing import Any

import pytest
from aio_queue import LifoQueue, PriorityQueue, Queue, QueueClosedError, QueueEmptyError, QueueFullError
from suite_support.interleaving import settle

pytestmark = pytest.mark.asyncio

KINDS = pytest.mark.parametrize("kind", [Queue, LifoQueue, PriorityQueue])


async def test_existing_except_clauses_catch_the_errors() -> None:
    queue: Queue[int] = Queue(1)
    with pytest.raises(asyncio.QueueEmpty) as empty:
        queue.get_nowait()
    assert type(empty.value) is QueueEmptyError
    queue.put_nowait(1)
    with pytest.raises(asyncio.QueueFull) as full:
        queue.put_nowait(2)
    assert type(full.value) is QueueFullError
    if sys.version_info >= (3, 13):
        assert issubclass(QueueClosedError, asyncio.QueueShutDown)


@KINDS
async def test_a_closed_queue_takes_nothing_and_gives_what_it_has(kind: type[Queue[int]]) -> None:
    queue = kind()
    queue.put_nowait(1)
    assert not queue.is_closed
    queue.close()
    queue.close()
    assert queue.is_closed
    with pytest.raises(QueueClosedError):
        queue.put_nowait(2)
    with pytest.raises(QueueClosedError):
        await queue.put(2)
    with pytest.raises(QueueClosedError):
        await queue.put_many([2])
    assert await queue.get() == 1
    for get in (queue.get_nowait, queue.get_nowait_until_empty):
        with pytest.raises(QueueClosedError):
            get()
    for wait in (queue.get, queue.get_until_empty):
        with pytest.raises(QueueClosedError):
            await wait()
    with pytest.raises(QueueClosedError):
        await queue.get_many(1)


@KINDS
async def test_closing_wakes_everybody_who_waits(kind: type[Queue[int]]) -> None:
    empty, full = kind(), kind(1)
    full.put_nowait(0)
    getters = [asyncio.create_task(empty.get()) for _ in range(3)]
    putters = [asyncio.create_task(full.put(number)) for number in range(3)]
    await settle()
    empty.close()
    full.close()
    outcomes = await asyncio.gather(*getters, *putters, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [QueueClosedError] * 6
    assert full.get_nowait() == 0
    assert full.empty()


@KINDS
async def test_several_consumers_share_the_items_and_all_end(kind: type[Queue[int]]) -> None:
    queue = kind(3)

    async def consume() -> list[int]:
        return [item async for item in queue]

    consumers = [asyncio.create_task(consume()) for _ in range(4)]
    for number in range(100):
        await queue.put(number)
    queue.close()
    shares = await asyncio.gather(*consumers)
    assert sorted(item for share in shares for item in share) == list(range(100))


async def test_immediate_shutdown_drops_items_and_ends_joins() -> None:
    queue: Queue[int] = Queue()
    queue.put_nowait(1)
    queue.put_nowait(2)
    joiner = asyncio.create_task(queue.join())
    await settle()
    assert not joiner.done()
    queue.shutdown(immediate=True)
    await joiner
    assert queue.empty()
    with pytest.raises(QueueClosedError):
        queue.get_nowait()


async def test_plain_shutdown_lets_the_rest_be_got_and_joined() -> None:
    queue: Queue[int] = Queue()
    queue.put_nowait(1)
    queue.shutdown()
    joiner = asyncio.create_task(queue.join())
    assert await queue.get() == 1
    await settle()
    assert not joiner.done()
    queue.task_done()
    await joiner
    with pytest.raises(ValueError, match="task_done"):
        queue.task_done()


async def test_put_nowait_does_not_overtake_a_put_that_waits() -> None:
    queue: Queue[str] = Queue(1)
    queue.put_nowait("first")
    waiting = asyncio.create_task(queue.put("second"))
    await settle()
    assert queue.get_nowait() == "first"
    # Room is there, and promised to the put that waits.
    with pytest.raises(QueueFullError):
        queue.put_nowait("third")
    await waiting
    assert queue.get_nowait() == "second"


async def test_get_until_empty_gives_the_last_and_counts_the_others_as_done() -> None:
    queue: Queue[int] = Queue()
    for number in range(3):
        queue.put_nowait(number)
    assert await queue.get_until_empty() == 2
    queue.task_done()
    await queue.join()
    queue.put_nowait(3)
    queue.put_nowait(4)
    assert queue.get_nowait_until_empty() == 4
    with pytest.raises(QueueEmptyError):
        queue.get_nowait_until_empty()


async def test_items_that_are_passed_over_are_not_counted_as_done_twice() -> None:
    queue: Queue[int] = Queue()
    await queue.put_many([1, 2])
    queue.task_done()
    queue.task_done()
    assert queue.get_nowait_until_empty() == 2
    queue.put_nowait(3)
    joining = asyncio.create_task(queue.join())
    await settle()
    assert not joining.done()
    queue.task_done()
    await joining


async def test_joins_are_cancelled_one_by_one_and_end_together() -> None:
    queue: Queue[int] = Queue()
    queue.put_nowait(1)
    joining = [asyncio.create_task(queue.join()) for _ in range(3)]
    await settle()
    joining[0].cancel()
    await settle()
    assert [join.done() for join in joining] == [True, False, False]
    queue.task_done()
    joining[1].cancel()
    await settle()
    assert [join.cancelled() for join in joining] == [True, True, False]
    assert joining[2].done()


async def test_batches_keep_order_and_feel_back_pressure() -> None:
    queue: Queue[int] = Queue(4)
    putting = asyncio.create_task(queue.put_many(range(10)))
    await settle()
    assert queue.qsize() == 4
    assert not putting.done()
    received: list[int] = []
    while len(received) < 10:
        received += await queue.get_many(3)
    assert received == list(range(10))
    await putting


async def test_a_cancelled_batch_that_fits_was_not_put() -> None:
    queue: Queue[int] = Queue(3)
    queue.put_nowait(0)
    putting = asyncio.create_task(queue.put_many([1, 2, 3]))
    await settle()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert queue.get_nowait() == 0
    assert queue.empty()


async def test_a_cancelled_batch_of_several_pieces_tells_how_much_was_put() -> None:
    queue: Queue[int] = Queue(2)
    putting = asyncio.create_task(queue.put_many(range(5)))
    await settle()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError) as cancelled:
        await putting
    assert "first 2 of 5 items were put" in cancelled.value.__notes__[0]
    assert await queue.get_many(10) == [0, 1]


@pytest.mark.parametrize(("bad", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("1", TypeError)])
async def test_a_bad_max_items_is_refused_and_nothing_taken(bad: int, error: type[Exception]) -> None:
    queue: Queue[int] = Queue()
    queue.put_nowait(1)
    with pytest.raises(error):
        await queue.get_many(bad)
    assert queue.qsize() == 1


async def test_max_items_can_be_anything_that_stands_for_an_integer() -> None:
    class Three:
        def __index__(self) -> int:
            return 3

    queue: Queue[int] = Queue()
    await queue.put_many(range(4))
    assert await queue.get_many(Three()) == [0, 1, 2]  # type: ignore[arg-type]
    assert queue.qsize() == 1


@pytest.mark.parametrize("bad", ["1", None, float("nan")])
async def test_a_bad_maxsize_is_refused(bad: int) -> None:
    with pytest.raises((TypeError, ValueError), match="maxsize"):
        Queue(bad)


@KINDS
async def test_a_million_cancelled_waits_would_leave_nothing(kind: type[Queue[int]]) -> None:
    queue, full = kind(), kind(1)
    full.put_nowait(0)

    async def give_up(wait: asyncio.Task[object]) -> None:
        await asyncio.sleep(0)
        wait.cancel()
        await asyncio.wait([wait])

    # One real waiter in front, so that nothing can be thrown away merely because the line is empty.
    first_get, first_put = asyncio.create_task(queue.get()), asyncio.create_task(full.put(1))
    await settle()
    for _ in range(20):
        await give_up(asyncio.create_task(queue.get()))
        await give_up(asyncio.create_task(full.put(2)))
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(500):
        await give_up(asyncio.create_task(queue.get()))
        await give_up(asyncio.create_task(full.put(2)))
    gc.collect()
    assert len(gc.get_objects()) - before < 100
    queue.put_nowait(7)
    assert await first_get == 7
    full.get_nowait()
    await first_put


@KINDS
async def test_cancelled_waits_leave_nothing_when_the_others_were_served(kind: type[Queue[int]]) -> None:
    def waiters() -> int:
        gc.collect()
        return sum(
            isinstance(thing, asyncio.Future) and not isinstance(thing, asyncio.Task) for thing in gc.get_objects()
        )

    async def wait(coroutines: list[Coroutine[Any, Any, object]]) -> None:
        """Sixteen tasks that wait, and fourteen behind them that have given up."""
        tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
        await settle()
        for task in tasks[16:]:
            task.cancel()
        await settle()

    queue = kind(1)
    before = waiters()
    await wait([queue.get() for _ in range(30)])
    assert waiters() > before
    for number in range(16):
        await queue.put(number)
        await settle()
    assert waiters() == before

    queue.put_nowait(16)
    await wait([queue.put(number) for number in range(30)])
    assert waiters() > before
    for _ in range(16):
        queue.get_nowait()
        await settle()
    assert waiters() == before


async def test_batches_that_waited_leave_nothing_behind() -> None:
    queue: Queue[int] = Queue(2)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(200):
        await queue.put_many([1, 2])
        waiting = asyncio.create_task(queue.put_many([3, 4]))
        await asyncio.sleep(0)
        assert await queue.get_many(2) == [1, 2]
        await waiting
        assert await queue.get_many(2) == [3, 4]
    gc.collect()
    assert len(gc.get_objects()) - before < 50


async def test_a_queue_is_weakly_referenced_and_leaves_no_cycle() -> None:
    queue: Queue[int] = Queue()
    task = asyncio.create_task(queue.get())
    await settle()
    queue.put_nowait(1)
    await task
    gc.collect()
    gc.disable()
    try:
        gone = weakref.ref(queue)
        del queue, task
        assert gone() is None
    finally:
        gc.enable()


async def test_an_empty_queue_is_true_and_has_a_length() -> None:
    queue: Queue[int] = Queue(2)
    assert queue
    assert len(queue) == queue.qsize() == 0
    queue.put_nowait(1)
    assert len(queue) == 1
    assert queue.maxsize == 2


async def test_repr_and_str_tell_the_state() -> None:
    queue: Queue[int] = Queue(5)
    queue.put_nowait(1)
    for text in (repr(queue), str(queue)):
        assert text.startswith("<Queue")
        assert "size=1" in text
        assert "maxsize=5" in text
    queue.close()
    assert "closed" in str(queue)


async def test_repr_shows_the_first_items_only_and_survives_a_queue_in_itself() -> None:
    queue: Queue[object] = Queue()
    await queue.put_many(range(10))
    assert "items=[0, 1, 2, 3, 4, 5, ...]" in repr(queue)
    holder: LifoQueue[object] = LifoQueue()
    holder.put_nowait(holder)
    assert "items=[<LifoQueue at 0x" in repr(holder)


async def test_repr_counts_who_waits() -> None:
    queue: Queue[int] = Queue(1)
    getters = [asyncio.create_task(queue.get()) for _ in range(3)]
    await settle()
    assert "getters=3" in repr(queue)
    for task in getters[1:]:
        task.cancel()
    await settle()
    assert "getters=1" in repr(queue)
    queue.put_nowait(1)
    queue.put_nowait(2)
    putter = asyncio.create_task(queue.put(3))
    await asyncio.sleep(0)
    await settle()
    assert "size=1 maxsize=1 items=[2] getters=0 putters=1 unfinished=2" in repr(queue)
    assert await queue.get() == 2
    await putter


async def test_maxsize_need_not_be_an_integer() -> None:
    queue: Queue[int] = Queue(1.5)  # type: ignore[arg-type]  # asyncio.Queue compares, and so takes it
    await queue.put_many([1, 2])
    assert queue.full()
    assert not Queue[int](float("inf")).full()  # type: ignore[arg-type]  # the same


async def test_subclass_hooks_of_asyncio_are_honoured() -> None:
    class Newest(Queue[int]):
        def _init(self, maxsize: int) -> None:
            self._queue: list[int] = []

        def _put(self, item: int) -> None:
            self._queue.append(item)

        def _get(self) -> int:
            return self._queue.pop(self._queue.index(max(self._queue)))

    queue = Newest()
    for number in (2, 3, 1):
        await queue.put(number)
    assert [await queue.get() for _ in range(3)] == [3, 2, 1]
