"""A queue and the loops it may meet."""

import asyncio

import pytest
from aio_queue import Queue


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
