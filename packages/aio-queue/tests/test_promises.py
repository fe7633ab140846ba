"""What becomes of what a waiting task was woken for, and who is served when."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from aio_queue import LifoQueue, PriorityQueue, Queue, QueueClosedError, QueueEmptyError, QueueFullError
from suite_support.interleaving import settle

pytestmark = pytest.mark.asyncio

KINDS = pytest.mark.parametrize("kind", [Queue, LifoQueue, PriorityQueue])


async def started(*coroutines: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    """Tasks of these coroutines, each of which waits or is done."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    await settle()
    return tasks


class ByHand:
    """A coroutine without a task, so that the test says which of several woken ones runs first, as some loops do."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.coroutine = coroutine
        self.waits_for: asyncio.Future[None] | None = coroutine.send(None)

    @property
    def woken(self) -> bool:
        # What it waits for is None where it only lets others run.
        return self.waits_for is None or self.waits_for.done()

    def run_on(self) -> None:
        """Run, and wait again."""
        assert self.woken
        self.waits_for = self.coroutine.send(None)

    def run(self) -> Any:
        assert self.woken
        with pytest.raises(StopIteration) as stopped:
            self.coroutine.send(None)
        return stopped.value.value

    def cancel(self) -> None:
        """What a task does that is cancelled after its wakeup."""
        assert self.woken
        with pytest.raises(asyncio.CancelledError):
            self.coroutine.throw(asyncio.CancelledError())


# Getters.


@KINDS
async def test_cancelled_getter_hands_its_item_to_the_next(kind: type[Queue[int]]) -> None:
    queue = kind()
    first, second = await started(queue.get(), queue.get())
    queue.put_nowait(1)
    first.cancel()
    assert await second == 1
    assert first.cancelled()


@KINDS
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_items_of_cancelled_getters_stay_in_their_order(kind: type[Queue[int]], order: tuple[int, ...]) -> None:
    queue, untouched = kind(), kind()
    getters = [ByHand(queue.get()) for _ in range(3)]
    for item in (5, 3, 4, 1):
        queue.put_nowait(item)
        untouched.put_nowait(item)
    assert queue.qsize() == 1
    for place in order:
        getters[place].cancel()
    assert queue.qsize() == 4
    assert [queue.get_nowait() for _ in range(4)] == [untouched.get_nowait() for _ in range(4)]


async def test_items_promised_are_out_of_reach_for_others() -> None:
    queue: Queue[int] = Queue()
    (waiting,) = await started(queue.get())
    queue.put_nowait(1)
    assert queue.empty()
    assert queue.qsize() == 0
    with pytest.raises(QueueEmptyError):
        queue.get_nowait()
    assert await waiting == 1


async def test_gets_of_all_kinds_wait_in_one_line() -> None:
    queue: Queue[int] = Queue()
    one, many, last, news = await started(queue.get(), queue.get_many(5), queue.get(), queue.get_until_empty())
    for item in range(4):
        queue.put_nowait(item)
    assert [await task for task in (one, many, last, news)] == [0, [1], 2, 3]


@pytest.mark.parametrize(("kind", "best"), [(Queue, 2), (LifoQueue, 3), (PriorityQueue, 1)])
async def test_a_woken_getter_takes_the_best_of_what_is_there_when_it_runs(kind: type[Queue[int]], best: int) -> None:
    queue = kind()
    (waiting,) = await started(queue.get())
    for item in (2, 1, 3):
        queue.put_nowait(item)
    assert await waiting == best


async def test_cancelled_get_many_has_taken_nothing() -> None:
    queue: Queue[int] = Queue()
    many, one = await started(queue.get_many(3), queue.get())
    await queue.put_many([1, 2, 3])
    many.cancel()
    assert await one == 1
    assert await queue.get_many(3) == [2, 3]


async def test_cancelled_getters_that_stand_before_are_passed_over() -> None:
    queue: Queue[int] = Queue()
    *cancelled, waiting = await started(queue.get(), queue.get(), queue.get())
    for task in cancelled:
        task.cancel()
    # They have not run since, and still stand in line.
    queue.put_nowait(1)
    queue.put_nowait(2)
    assert queue.qsize() == 1
    assert await waiting == 1


async def test_a_put_passes_over_cancelled_getters_too() -> None:
    queue: Queue[int] = Queue(1)
    (cancelled,) = await started(queue.get())
    cancelled.cancel()
    await queue.put(1)
    assert queue.full()
    assert queue.get_nowait() == 1


async def test_an_item_that_comes_back_takes_its_room_again() -> None:
    queue: Queue[int] = Queue(2)
    getter = ByHand(queue.get())
    queue.put_nowait(1)
    getter.cancel()
    queue.put_nowait(2)
    assert queue.full()
    with pytest.raises(QueueFullError):
        queue.put_nowait(3)
    assert await queue.get_many(3) == [1, 2]


async def test_an_item_that_comes_back_to_a_full_queue_makes_it_fuller_and_nothing_else() -> None:
    queue: Queue[int] = Queue(1)
    getter = ByHand(queue.get())
    queue.put_nowait(1)
    queue.put_nowait(2)
    (putter,) = await started(queue.put(3))
    getter.cancel()
    assert queue.qsize() == 2
    assert queue.full()
    assert queue.get_nowait() == 1
    await settle()
    assert not putter.done()
    assert queue.get_nowait() == 2
    await putter
    assert await queue.get() == 3


# Putters.


async def test_puts_are_served_in_the_order_of_their_calls() -> None:
    queue: Queue[int] = Queue(1)
    queue.put_nowait(0)
    putters = await started(*(queue.put(item) for item in range(1, 5)))
    assert [await queue.get() for _ in range(5)] == [0, 1, 2, 3, 4]
    await asyncio.gather(*putters)


async def test_cancelled_putter_hands_its_room_to_the_next() -> None:
    queue: Queue[int] = Queue(1)
    queue.put_nowait(0)
    first, second = await started(queue.put(1), queue.put(2))
    assert queue.get_nowait() == 0
    first.cancel()
    await second
    assert first.cancelled()
    assert queue.get_nowait() == 2
    assert queue.empty()


async def test_a_put_that_finds_room_stands_behind_one_that_was_woken_before() -> None:
    queue: Queue[int] = Queue(4)
    await queue.put_many([0, 1, 2, 3])
    (waiting,) = await started(queue.put(4))
    assert [queue.get_nowait() for _ in range(4)] == [0, 1, 2, 3]
    # There is room for four, one of it promised; what comes now comes after what is on its way.
    queue.put_nowait(5)
    await queue.put(6)
    assert queue.empty()
    queue.put_nowait(7)
    assert queue.full()
    with pytest.raises(QueueFullError):
        queue.put_nowait(8)
    await waiting
    assert await queue.get_many(9) == [4, 5, 6, 7]


async def test_what_stood_behind_a_cancelled_putter_is_there_when_that_has_gone() -> None:
    queue: Queue[int] = Queue(2)
    await queue.put_many([0, 1])
    waiting, getter = await started(queue.put(2), queue.get())
    assert getter.result() == 0
    await waiting
    (again,) = await started(queue.put(3))
    assert queue.get_nowait() == 1
    assert queue.get_nowait() == 2
    queue.put_nowait(4)
    again.cancel()
    await settle()
    assert again.cancelled()
    assert queue.get_nowait() == 4
    assert queue.empty()


async def test_woken_putters_that_run_in_another_order_put_in_their_own() -> None:
    queue: Queue[int] = Queue(5)
    await queue.put_many([0] * 5)
    first, second, third, fourth, fifth = (ByHand(queue.put(item)) for item in (1, 2, 3, 4, 5))
    assert await queue.get_many(5) == [0] * 5
    second.run()
    fifth.run()
    fourth.cancel()
    assert queue.empty()
    first.run()
    assert await queue.get_many(5) == [1, 2]
    third.run()
    assert await queue.get_many(5) == [3, 5]


async def test_putters_of_a_priority_queue_need_not_wait_for_each_other() -> None:
    queue: PriorityQueue[int] = PriorityQueue(2)
    await queue.put_many([4, 5])
    first, second = ByHand(queue.put(1)), ByHand(queue.put(3))
    assert await queue.get_many(2) == [4, 5]
    second.run()
    assert queue.get_nowait() == 3
    queue.put_nowait(2)
    first.run()
    assert await queue.get_many(2) == [1, 2]


async def test_a_batch_that_waits_is_not_overtaken_by_a_put_that_would_fit() -> None:
    queue: Queue[int] = Queue(3)
    await queue.put_many([0, 1])
    batch, single = await started(queue.put_many([2, 3]), queue.put(4))
    assert queue.full()
    assert queue.qsize() == 2
    assert queue.get_nowait() == 0
    await batch
    assert [await queue.get() for _ in range(4)] == [1, 2, 3, 4]
    await single


async def test_when_a_batch_gives_up_those_behind_it_that_fit_are_served() -> None:
    queue: Queue[int] = Queue(3)
    await queue.put_many([0, 1])
    batch, single = await started(queue.put_many([2, 3]), queue.put(4))
    batch.cancel()
    await single
    assert await queue.get_many(3) == [0, 1, 4]


async def test_later_puts_do_not_come_between_the_pieces_of_a_batch() -> None:
    queue: Queue[int] = Queue(2)
    batch, single = await started(queue.put_many(range(5)), queue.put(5))
    assert [await queue.get() for _ in range(6)] == [0, 1, 2, 3, 4, 5]
    await asyncio.gather(batch, single)


async def test_nor_do_they_where_a_getter_already_waits_for_the_first_piece() -> None:
    queue: Queue[int] = Queue(1)
    queue.put_nowait(0)
    batch, single, other = ByHand(queue.put_many([1, 2])), ByHand(queue.put(3)), queue.put(4)
    other.send(None)
    assert queue.get_nowait() == 0
    getter = ByHand(queue.get())
    assert batch.woken
    # Whoever leaves has the room given out anew.
    other.close()
    assert not single.woken
    batch.run()
    assert not single.woken
    assert getter.run() == 1
    assert queue.get_nowait() == 2
    single.run()
    assert queue.get_nowait() == 3


async def test_a_batch_reaches_many_waiting_getters_beyond_maxsize() -> None:
    queue: Queue[int] = Queue(2)
    getters = await started(*(queue.get() for _ in range(5)))
    await queue.put_many(range(5))
    assert await asyncio.gather(*getters) == [0, 1, 2, 3, 4]


async def test_an_iterable_that_raises_puts_nothing() -> None:
    def items() -> Any:
        yield 1
        raise LookupError

    queue: Queue[int] = Queue()
    with pytest.raises(LookupError):
        await queue.put_many(items())
    assert queue.empty()


# A getter that comes while a putter is on its way.


async def test_a_getter_lets_the_putter_come_that_was_woken() -> None:
    queue: Queue[int] = Queue(1)
    queue.put_nowait(0)
    (putter,) = await started(queue.put(1))
    assert await queue.get() == 0
    assert await queue.get() == 1
    await putter


async def test_a_getter_waits_first_in_line_if_that_putter_is_cancelled() -> None:
    queue: Queue[int] = Queue(1)
    queue.put_nowait(0)
    putter = ByHand(queue.put(1))
    assert queue.get_nowait() == 0
    first, second = ByHand(queue.get()), ByHand(queue.get())
    assert first.woken
    assert not second.woken
    putter.cancel()
    first.run_on()
    assert not first.woken
    queue.put_nowait(2)
    assert not second.woken
    assert first.run() == 2
    queue.put_nowait(3)
    assert second.run() == 3


async def test_a_getter_that_waits_on_can_be_cancelled_like_any_other() -> None:
    queue: Queue[int] = Queue(1)
    queue.put_nowait(0)
    putter = ByHand(queue.put(1))
    assert queue.get_nowait() == 0
    first, second = ByHand(queue.get()), ByHand(queue.get())
    putter.cancel()
    first.run_on()
    queue.put_nowait(2)
    first.cancel()
    assert second.run() == 2


async def test_a_getter_that_is_cancelled_meanwhile_leaves_the_item_to_the_next() -> None:
    queue: Queue[int] = Queue(1)
    queue.put_nowait(0)
    putter = ByHand(queue.put(1))
    assert queue.get_nowait() == 0
    first, second = ByHand(queue.get()), ByHand(queue.get())
    putter.run()
    assert not second.woken
    first.cancel()
    assert second.run() == 1


async def test_a_getter_that_waits_for_a_putter_finds_the_queue_closed() -> None:
    queue: Queue[int] = Queue(1)
    queue.put_nowait(0)
    putter = ByHand(queue.put(1))
    assert queue.get_nowait() == 0
    getter = ByHand(queue.get())
    queue.close()
    for waiting in (getter, putter):
        with pytest.raises(QueueClosedError):
            waiting.coroutine.send(None)


# Closing.


async def test_an_item_promised_when_the_queue_closes_reaches_another_getter_if_its_own_is_cancelled() -> None:
    queue: Queue[int] = Queue()
    first, second, third = await started(queue.get(), queue.get(), queue.get())
    queue.put_nowait(1)
    queue.close()
    first.cancel()
    assert await second == 1
    with pytest.raises(QueueClosedError):
        await third


async def test_nobody_is_told_that_nothing_is_left_while_an_item_may_come_back() -> None:
    queue: Queue[int] = Queue()
    getter = ByHand(queue.get())
    queue.put_nowait(1)
    queue.close()
    with pytest.raises(QueueEmptyError):
        queue.get_nowait()
    (late,) = await started(queue.get())
    assert not late.done()
    assert getter.run() == 1
    with pytest.raises(QueueClosedError):
        await late
    with pytest.raises(QueueClosedError):
        queue.get_nowait()


async def test_a_woken_putter_finds_the_queue_closed_and_has_not_put() -> None:
    queue: Queue[int] = Queue(2)
    await queue.put_many([0, 1])
    (putter,) = await started(queue.put(2))
    assert await queue.get_many(2) == [0, 1]
    queue.put_nowait(3)
    queue.close()
    with pytest.raises(QueueClosedError):
        await putter
    # The other one was put, although it stood behind.
    assert await queue.get() == 3
    with pytest.raises(QueueClosedError):
        await queue.get()


async def test_a_putter_cancelled_after_the_close_that_woke_it_is_cancelled() -> None:
    queue: Queue[int] = Queue(1)
    queue.put_nowait(0)
    (putter,) = await started(queue.put(1))
    queue.close()
    putter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putter
    assert queue.get_nowait() == 0


async def test_immediate_shutdown_takes_promised_items_back() -> None:
    queue: Queue[int] = Queue()
    woken, waiting = await started(queue.get(), queue.get())
    queue.put_nowait(1)
    queue.shutdown(immediate=True)
    assert queue.qsize() == 0
    for getter in (woken, waiting):
        with pytest.raises(QueueClosedError):
            await getter
    await queue.join()


async def test_immediate_shutdown_of_a_closed_queue_drops_what_was_left() -> None:
    queue: Queue[int] = Queue()
    await queue.put_many([1, 2])
    assert queue.get_nowait() == 1
    queue.close()
    queue.shutdown(immediate=True)
    (joining,) = await started(queue.join())
    assert not joining.done()
    queue.task_done()
    await joining


async def test_closing_between_the_pieces_of_a_batch_tells_how_much_was_put() -> None:
    queue: Queue[int] = Queue(2)
    (batch,) = await started(queue.put_many(range(5)))
    queue.close()
    with pytest.raises(QueueClosedError) as closed:
        await batch
    assert closed.value.__notes__ == ["put_many: the first 2 of 5 items were put, the others were not"]
    assert [item async for item in queue] == [0, 1]


# Leaving without being cancelled.


@pytest.mark.parametrize("end", ["throw", "close"])
async def test_a_wait_that_ends_in_another_way_leaves_no_trace(end: str) -> None:
    queue, full = Queue[int](), Queue[int](1)
    full.put_nowait(0)
    for coroutine in (queue.get(), full.put(1), full.put_many([2, 3])):
        coroutine.send(None)
        if end == "throw":
            with pytest.raises(KeyError):
                coroutine.throw(KeyError())
        else:
            coroutine.close()
    assert "getters=0" in repr(queue)
    assert "putters=0" in repr(full)
    queue.put_nowait(1)
    assert queue.get_nowait() == 1
    assert full.get_nowait() == 0
    full.put_nowait(4)
    assert full.get_nowait() == 4


async def test_a_runtime_error_thrown_into_a_wait_passes_through() -> None:
    waiting = Queue[int]().get()
    waiting.send(None)
    with pytest.raises(RuntimeError, match="on purpose"):
        waiting.throw(RuntimeError("on purpose"))
