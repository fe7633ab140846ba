"""periodic: ticks that do not drift."""

from __future__ import annotations

import asyncio
import gc
import math
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import trio
import trio.testing
from aio_events import iter_move_on_after, periodic
from hypothesis import example, given
from hypothesis import strategies as st
from suite_support.virtual_time import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterable

    from aio_events._periodic import Overrun
    from suite_support.runtimes import Runtime

T = TypeVar("T")

pytestmark = pytest.mark.every_runtime


async def begins(
    runtime: Runtime, period: float, bodies: Iterable[float], overrun: Overrun = "skip"
) -> list[tuple[float, float | None]]:
    """The ticks of a loop whose body takes the given times, one after the other."""
    ticks = []
    remaining = iter(bodies)
    start = runtime.time()
    async for elapsed, delta in periodic(period, overrun=overrun):
        assert runtime.time() - start == pytest.approx(elapsed)
        ticks.append((elapsed, delta))
        body = next(remaining, None)
        if body is None:
            break
        await runtime.sleep(body)
    return ticks


async def test_first_tick_is_at_once_and_has_no_delta(runtime: Runtime) -> None:
    assert await begins(runtime, 5, []) == [(0.0, None)]


async def test_ticks_follow_at_the_period_whatever_the_body_takes(runtime: Runtime) -> None:
    ticks = await begins(runtime, 1, [0.25, 0.5, 0, 0.75])
    assert [elapsed for elapsed, _ in ticks] == pytest.approx([0, 1, 2, 3, 4])
    assert [delta for _, delta in ticks[1:]] == pytest.approx([1, 1, 1, 1])


@pytest.mark.parametrize("overrun", ["skip", "catch_up", "restart"])
@pytest.mark.parametrize("period", [5e-324, 1e-310, 1e-300])
async def test_period_shorter_than_any_clock_can_tell_is_always_late(
    period: float, overrun: Overrun, runtime: Runtime
) -> None:
    ticks = await begins(runtime, period, [1, 2, 0.5], overrun)
    assert [elapsed for elapsed, _ in ticks] == pytest.approx([0, 1, 3, 3.5])


async def test_clock_starts_with_the_first_iteration_and_not_with_the_call(runtime: Runtime) -> None:
    ticks = periodic(1)
    await runtime.sleep(10)
    start = runtime.time()
    assert await anext(ticks) == (0.0, None)
    assert await anext(ticks) == pytest.approx((1, 1))
    assert runtime.time() == pytest.approx(start + 1)


async def test_overrun_begins_at_once_and_skips_what_was_missed(runtime: Runtime) -> None:
    ticks = await begins(runtime, 1, [3.5, 0, 0])
    assert [elapsed for elapsed, _ in ticks] == pytest.approx([0, 3.5, 4, 5])
    assert [delta for _, delta in ticks[1:]] == pytest.approx([3.5, 0.5, 1])


async def test_overrun_to_the_next_tick_takes_its_place(runtime: Runtime) -> None:
    ticks = await begins(runtime, 1, [2, 0, 0])
    assert [elapsed for elapsed, _ in ticks] == pytest.approx([0, 2, 3, 4])


async def test_overrun_can_catch_up(runtime: Runtime) -> None:
    ticks = await begins(runtime, 1, [3.5, 0, 0, 0, 0], "catch_up")
    assert [elapsed for elapsed, _ in ticks] == pytest.approx([0, 3.5, 3.5, 3.5, 4, 5])
    assert [delta for _, delta in ticks[1:]] == pytest.approx([3.5, 0, 0, 0.5, 1])


async def test_overrun_can_restart_the_phase(runtime: Runtime) -> None:
    ticks = await begins(runtime, 1, [3.5, 0, 1.5, 0], "restart")
    assert [elapsed for elapsed, _ in ticks] == pytest.approx([0, 3.5, 4.5, 6, 7])


async def test_restart_without_overrun_does_not_move_the_phase(runtime: Runtime) -> None:
    ticks = await begins(runtime, 0.1, [0.05] * 1000, "restart")
    assert ticks[-1][0] == pytest.approx(100, abs=1e-9)


@pytest.mark.parametrize("overrun", ["skip", "catch_up", "restart"])
async def test_others_run_before_a_late_iteration(overrun: Overrun, runtime: Runtime) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        for _ in range(20):
            turns += 1
            await runtime.yield_once()

    async with runtime.tasks() as tasks:
        ticks = periodic(1, overrun=overrun)
        await anext(ticks)
        during = 0
        # trio runs tasks that are ready in any order: one turn of the others may fall before or behind ours.
        for _ in range(10):
            await runtime.sleep(2)
            tasks.start(other)
            await runtime.yield_once()
            before = turns
            await anext(ticks)
            during += turns - before
            await runtime.settle()
        assert during > 0
        if runtime.library == "asyncio":
            assert during >= 10


async def test_cancelled_wait_leaves_the_ticks_as_they_are(runtime: Runtime) -> None:
    ticks = periodic(1)
    start = runtime.time()
    assert await anext(ticks) == (0.0, None)
    assert [tick async for tick in iter_move_on_after(0.25, ticks)] == []
    assert runtime.time() == pytest.approx(start + 0.25)
    assert await anext(ticks) == pytest.approx((1, 1))
    assert await anext(ticks) == pytest.approx((2, 1))


async def test_it_can_be_closed(runtime: Runtime) -> None:
    async with aclosing(periodic(1)) as ticks:
        await anext(ticks)
    with pytest.raises(StopAsyncIteration):
        await anext(ticks)
    assert repr(ticks) == "<periodic every 1.0 seconds: closed>"


async def test_it_belongs_to_one_task_at_a_time(runtime: Runtime) -> None:
    ticks = periodic(1)
    await anext(ticks)

    async def tick() -> None:
        await anext(ticks)

    async with runtime.tasks() as tasks:
        await tasks.block(tick)
        with pytest.raises(RuntimeError, match="another task waits"):
            await anext(ticks)


@pytest.mark.parametrize("period", [0, 0.0, -1, -0.5, math.nan, math.inf, -math.inf])
def test_period_must_be_finite_and_above_zero(period: float) -> None:
    with pytest.raises(ValueError, match="period must be a finite number of seconds greater than zero"):
        periodic(period)


@pytest.mark.parametrize("period", ["1", None, 1j, [1]])
def test_period_must_be_a_number(period: Any) -> None:
    with pytest.raises(TypeError, match="period must be a number of seconds"):
        periodic(period)


def test_overrun_must_be_one_of_the_three() -> None:
    wrong: Any = "queue"
    with pytest.raises(ValueError, match="'skip', 'catch_up', 'restart', not 'queue'"):
        periodic(1, overrun=wrong)


# --- many ticks ----------------------------------------------------------------------------------------------------

PERIOD = 0.1


async def worst_deviation(ticks: int, body: Callable[[float], object], clock: Callable[[], float]) -> float:
    """How far from `start + n * period` any of the ticks begins, with a body that takes up to 0.9 periods."""
    start = clock()
    worst = 0.0
    number = 0
    async for elapsed, _ in periodic(PERIOD):
        worst = max(worst, abs(start + number * PERIOD - clock()), abs(elapsed - number * PERIOD))
        number += 1
        if number == ticks:
            break
        body(number % 10 * PERIOD / 10)
    return worst


class InstantLoop:
    """As much of a loop as `periodic` uses, where time passes inside the call that waits for it, and a little more."""

    LATENESS = 1e-4

    def run(self, body: Coroutine[Any, Any, T]) -> T:
        asyncio._set_running_loop(self)  # type: ignore[arg-type]  # it is as much of a loop as is needed
        try:
            while True:
                body.send(None)
        except StopIteration as finished:
            result: T = finished.value
            return result
        finally:
            asyncio._set_running_loop(None)

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now

    def spend(self, seconds: float) -> None:
        self.now += seconds

    def create_future(self) -> InstantFuture:
        return InstantFuture()

    def call_at(self, when: float, callback: Callable[..., object], *args: object) -> InstantFuture:
        assert when >= self.now
        self.now = when + self.LATENESS
        callback(*args)
        return InstantFuture()


class InstantFuture:
    """A future that is done when it is awaited."""

    def done(self) -> bool:
        return False

    def cancel(self) -> None:
        """There is nothing to cancel."""

    def set_result(self, result: object) -> None:
        self.result = result

    def __await__(self) -> Generator[None, None, object]:
        yield from ()
        return self.result


def test_million_ticks_do_not_drift() -> None:
    loop = InstantLoop()
    worst = loop.run(worst_deviation(1_000_000, loop.spend, loop.time))
    # Late every time, and never later: the lateness does not add up.
    assert worst < InstantLoop.LATENESS + 1e-6


@given(start=st.floats(0, 1e6), period=st.sampled_from([0.1, 1 / 3, 0.7, 1.0]), missed=st.lists(st.integers(1, 500)))
@example(start=345700.4147087525, period=0.1, missed=[428])
def test_skipping_lands_on_the_next_tick_whatever_the_rounding(start: float, period: float, missed: list[int]) -> None:
    loop = InstantLoop()
    loop.now = start

    async def main() -> None:
        ticks = periodic(period)
        await anext(ticks)
        number = 0
        for count in missed:
            # The body ends exactly at a tick, which is the hardest to tell from the one before and the one behind.
            number += count
            loop.now = max(loop.now, start + number * period)
            late, _ = await anext(ticks)
            assert late == loop.now - start
            number += 1
            elapsed, _ = await anext(ticks)
            assert elapsed == pytest.approx(number * period + loop.LATENESS)

    loop.run(main())


def test_ticks_do_not_drift_on_asyncio() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)

        def body(seconds: float) -> None:
            loop._jumping.now += seconds

        return await worst_deviation(20_000, body, loop.time)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(main()) < 1e-6


def test_ticks_do_not_drift_on_trio() -> None:
    clock = trio.testing.MockClock(autojump_threshold=0)

    async def main() -> float:
        return await worst_deviation(20_000, clock.jump, trio.current_time)

    assert trio.run(main, clock=clock) < 1e-6


def test_dropped_iterators_are_gone_at_once() -> None:
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(100):
            periodic(1)
        assert len(gc.get_objects()) - before < 50
    finally:
        gc.enable()
