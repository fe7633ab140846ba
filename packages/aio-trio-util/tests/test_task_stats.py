"""`TaskStats`: waits, slow steps and rates, by a clock that the test moves."""

import gc
import logging
import weakref

import pytest
import trio
import trio.testing
from aio_trio_util import TaskStats


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_slow_step_is_recorded_with_its_task_and_its_time() -> None:
    clock = Clock()

    async def slow() -> None:
        clock.now += 0.5
        await trio.lowlevel.checkpoint()
        clock.now += 0.25
        await trio.lowlevel.checkpoint()
        clock.now += 0.001

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(slow, name="slow one")

    stats = TaskStats(current_time=clock)
    trio.run(main, instruments=[stats])
    assert stats.report().slow_steps == {"slow one": (0.5, 0.25)}


def test_the_longest_wait_for_a_turn_is_kept() -> None:
    clock = Clock()

    async def hog() -> None:
        await trio.lowlevel.checkpoint()
        clock.now += 0.75

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            # Whatever the order of the batch, some hog runs before another task.
            for _ in range(4):
                nursery.start_soon(hog)

    stats = TaskStats(current_time=clock)
    trio.run(main, instruments=[stats])
    assert stats.report().max_wait == pytest.approx(0.75 * 3)


@pytest.mark.parametrize(("before", "after"), [(0.5, 0.0), (0.0, 0.5), (0.25, 0.125)])
def test_a_task_waits_from_the_moment_in_a_step_in_which_it_is_woken(before: float, after: float) -> None:
    clock = Clock()

    async def main() -> None:
        event = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(event.wait)
            await trio.testing.wait_all_tasks_blocked()
            clock.now += before
            event.set()
            clock.now += after

    stats = TaskStats(current_time=clock)
    trio.run(main, instruments=[stats])
    assert stats.report().max_wait == after


def test_a_task_that_lets_others_run_waits_for_their_steps_but_not_its_own() -> None:
    clock = Clock()

    async def work(*steps: float) -> None:
        for seconds in steps:
            clock.now += seconds
            await trio.lowlevel.checkpoint()

    async def main() -> None:
        # Trio's own tasks have begun.
        await trio.testing.wait_all_tasks_blocked()
        await work(1.0, 1.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, 0.25, 0.0)
            nursery.start_soon(work, 0.0, 0.25, 0.0)

    stats = TaskStats(current_time=clock)
    trio.run(main, instruments=[stats])
    # In whatever order: the one waits for the other's quarter, and at most for that of the next round as well.
    assert stats.report().max_wait in {0.25, 0.5}


def test_time_asleep_is_no_step_and_no_wait() -> None:
    async def main() -> None:
        for _ in range(3):
            await trio.sleep(60)

    clock = trio.testing.MockClock(autojump_threshold=0)
    stats = TaskStats(current_time=clock.current_time)
    trio.run(main, clock=clock, instruments=[stats])
    report = stats.report()
    assert report.slow_steps == {}
    assert report.max_wait < 1


def test_a_task_that_is_scheduled_often_is_recorded_with_its_rate() -> None:
    clock = Clock()

    async def often() -> None:
        for _ in range(200):
            clock.now += 0.005
            await trio.lowlevel.checkpoint()

    async def seldom() -> None:
        await trio.lowlevel.checkpoint()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(often, name="often")
            nursery.start_soon(seldom, name="seldom")

    stats = TaskStats(current_time=clock, slow_task_threshold=1)
    trio.run(main, instruments=[stats])
    assert list(stats.report().high_rates) == ["often"]
    assert stats.report().high_rates["often"] == pytest.approx(200, rel=0.1)


def test_a_burst_of_steps_is_a_high_rate_though_the_run_sleeps_afterwards() -> None:
    async def main() -> None:
        for _ in range(50):
            await trio.lowlevel.checkpoint()
        await trio.sleep(3600)
        await trio.lowlevel.checkpoint()

    clock = trio.testing.MockClock(autojump_threshold=0)
    stats = TaskStats(current_time=clock.current_time)
    trio.run(main, clock=clock, instruments=[stats])
    ((_, rate),) = stats.report().high_rates.items()
    # Over a quarter of a second at least.
    assert rate == pytest.approx(50 / 0.25, rel=0.05)


def test_tasks_that_ended_are_let_go_when_the_scheduler_rests() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.lowlevel.checkpoint)
            ended = weakref.ref(next(iter(nursery.child_tasks)))
        for _ in range(2):  # what trio itself still remembers goes with the next turn
            await trio.sleep(1)
        gc.collect()
        assert ended() is None

    # With a threshold of 0 the scheduler would not wait at all.
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.001), instruments=[TaskStats()])


def test_tasks_that_ended_are_let_go_in_a_run_that_never_rests() -> None:
    clock = Clock()
    ended: list[weakref.ref[trio.lowlevel.Task]] = []

    async def main() -> None:
        event = trio.Event()
        for _ in range(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(event.wait)
                ended.extend(map(weakref.ref, nursery.child_tasks))
                await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
        for _ in range(4):
            clock.now += 0.25
            await trio.lowlevel.checkpoint()
        gc.collect()
        assert [task() for task in ended] == [None] * 10

    trio.run(main, instruments=[TaskStats(current_time=clock)])


def test_the_report_is_logged_at_the_end_and_reads_well(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()

    async def main() -> None:
        clock.now += 0.5

    stats = TaskStats(current_time=clock, high_rate_task_threshold=0)
    with caplog.at_level(logging.INFO, "aio_trio_util"):
        trio.run(main, instruments=[stats])
    text = str(stats.report())
    assert [record.getMessage() for record in caplog.records] == [text]
    assert "max task wait time: " in text
    assert "slow task steps (> 10 ms):" in text
    assert ": 500 ms" in text
    assert "high task schedule rates (>= 0 Hz):" in text


def test_it_can_be_added_to_a_run_under_way_and_used_again() -> None:
    clock = Clock()
    stats = TaskStats(current_time=clock)

    async def main() -> None:
        trio.lowlevel.add_instrument(stats)
        await trio.lowlevel.checkpoint()
        clock.now += 0.5
        await trio.lowlevel.checkpoint()
        assert len(stats.report().slow_steps) == 1

    trio.run(main)
    trio.run(main)
    ((_, steps),) = stats.report().slow_steps.items()
    assert steps == (0.5, 0.5)


@pytest.mark.parametrize("name", ["slow_task_threshold", "high_rate_task_threshold"])
@pytest.mark.parametrize("value", [-1, float("nan")])
def test_a_bad_threshold_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        TaskStats(**{name: value})  # type: ignore[arg-type]


def test_what_is_no_number_and_what_is_no_clock_is_refused() -> None:
    with pytest.raises(TypeError, match="slow_task_threshold must be a number, not '1'"):
        TaskStats(slow_task_threshold="1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="current_time must be callable"):
        TaskStats(current_time=1.0)  # type: ignore[arg-type]


def test_repr_tells_the_essence() -> None:
    assert repr(TaskStats()) == "<TaskStats: max wait 0.00 ms, 0 tasks with slow steps>"
