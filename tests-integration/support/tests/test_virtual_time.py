"""The virtual loop keeps the order of timers, and takes no time."""

import asyncio
import threading
import time

from suite_support.virtual_time import VirtualTimeLoop


def test_a_day_passes_at_once_and_exactly() -> None:
    async def day() -> float:
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    started = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(day()) == 86_400.0
    assert time.monotonic() - started < 60


def test_timers_fire_in_order_of_their_time() -> None:
    order: list[int] = []

    async def sleeper(seconds: int) -> None:
        await asyncio.sleep(seconds)
        order.append(seconds)

    async def main() -> None:
        await asyncio.gather(*map(sleeper, (3, 1, 2)))

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())
    assert order == [1, 2, 3]


def test_a_thread_is_waited_for_when_there_is_no_timer() -> None:
    async def main() -> int:
        return await asyncio.to_thread(threading.get_ident)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(main()) != threading.get_ident()
