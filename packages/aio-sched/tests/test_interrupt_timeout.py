"""Time limits by interrupts, in virtual time: exact, nested, racing with cancellation, and gone after their block."""

from __future__ import annotations

import asyncio
import itertools
import math
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import (
    InterruptException,
    PrioritySelectorEventLoop,
    TimeoutInterrupt,
    create_pytask,
    task_throw,
    task_timeout,
)
from suite_support.interleaving import passes, settle
from suite_support.virtual_time import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class VirtualPriorityLoop(VirtualTimeLoop, PrioritySelectorEventLoop):
    """The same on levels of priority."""


LOOPS = {"virtual": VirtualTimeLoop, "virtual priority": VirtualPriorityLoop}

pytestmark = pytest.mark.asyncio


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture(params=["C task", "Python task", "eager task"])
def spawn(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]:
    if request.param == "Python task":
        return create_pytask
    if request.param == "C task":
        return asyncio.create_task
    if sys.version_info < (3, 12):
        pytest.skip("eager tasks are of 3.12+")
    return lambda coro: asyncio.Task(coro, loop=asyncio.get_running_loop(), eager_start=True)


# What a step of the code below takes.
TICK = 0.125


async def spin() -> None:
    """Never wait, and let time go on nevertheless."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(0)
        loop._jumping.now += TICK  # type: ignore[attr-defined]


async def wait_for_ever() -> None:
    await asyncio.get_running_loop().create_future()


# --- One ---


@pytest.mark.parametrize("body", [wait_for_ever, spin])
async def test_an_overdue_block_raises_timeout_error_at_its_time(body: Any, spawn: Any) -> None:
    async def run() -> None:
        begun = now()
        inside: list[BaseException] = []
        with pytest.raises(TimeoutError) as caught:
            async with task_timeout(2) as timeout:
                assert timeout.when() == begun + 2
                try:
                    await body()
                except BaseException as exc:
                    inside.append(exc)
                    raise
        assert type(caught.value) is TimeoutError
        assert inside == [caught.value.__cause__]
        assert type(inside[0]) is TimeoutInterrupt
        assert begun + 2 <= now() <= begun + 2 + 2 * (body is spin) * TICK
        assert timeout.expired()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    await spawn(run())


async def test_a_block_that_ends_in_time_is_left_alone(spawn: Any) -> None:
    async def run() -> str:
        async with task_timeout(2) as timeout:
            await asyncio.sleep(1)
        assert not timeout.expired()
        await asyncio.sleep(5)
        return "undisturbed"

    assert await spawn(run()) == "undisturbed"


async def test_what_a_block_raises_comes_out() -> None:
    with pytest.raises(KeyError):
        async with task_timeout(2):
            raise KeyError
    with pytest.raises(asyncio.CancelledError):
        async with task_timeout(2):
            raise asyncio.CancelledError
    await asyncio.sleep(5)


@pytest.mark.parametrize("limit", [None, math.inf])
async def test_without_a_limit_nothing_happens(limit: float | None) -> None:
    async with task_timeout(limit) as timeout:
        await asyncio.sleep(1e6)
    assert not timeout.expired()


@pytest.mark.parametrize("seconds", [0, -1, -math.inf])
async def test_with_no_time_at_all_the_first_wait_is_interrupted(seconds: float, spawn: Any) -> None:
    async def run() -> list[str]:
        log = []
        with pytest.raises(TimeoutError):
            async with task_timeout(seconds):
                log.append("begun")
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                log.append("never")
        return log

    assert await spawn(run()) == ["begun"]


async def test_a_block_that_never_waits_is_not_interrupted_even_if_it_is_overdue() -> None:
    async with task_timeout(0) as timeout:
        pass
    await passes(5)
    assert not timeout.expired()


async def test_a_timer_that_was_due_in_the_pass_in_which_the_block_ends_does_not_fire() -> None:
    async with task_timeout(2) as timeout:
        stepping = asyncio.create_task(spin())
        while now() < 2:  # the loop puts the timer behind this task's step
            await asyncio.sleep(0)
    stepping.cancel()
    await asyncio.sleep(3)
    assert not timeout.expired()


async def test_what_is_woken_and_has_not_run_when_its_time_is_over_is_interrupted() -> None:
    done = asyncio.get_running_loop().create_future()

    async def run() -> str:
        try:
            async with task_timeout(2):
                await done
        except TimeoutError:
            return "late"
        return "in time"

    task = asyncio.create_task(run())
    await passes(1)
    asyncio.get_running_loop().call_at(2, done.set_result, None)  # stands behind the timer of the block
    assert await task == "late"
    await asyncio.sleep(1)


async def test_a_timeout_is_for_one_block() -> None:
    timeout = task_timeout(1)
    async with timeout:
        with pytest.raises(RuntimeError, match="for one block"):
            await timeout.__aenter__()
    with pytest.raises(RuntimeError, match="for one block"):
        async with timeout:
            pass


@pytest.mark.parametrize("seconds", ["1", [], 1j])
async def test_a_limit_that_is_no_number_is_a_type_error(seconds: Any) -> None:
    with pytest.raises(TypeError, match="seconds must be a number or None"):
        task_timeout(seconds)


async def test_a_limit_of_nan_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="NaN"):
        task_timeout(math.nan)


async def test_a_limit_that_no_float_can_hold_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="seconds must be a number that a float can hold"):
        task_timeout(10**400)


async def test_a_timeout_can_be_rescheduled() -> None:
    async with task_timeout(1) as timeout:
        timeout.reschedule(now() + 10)
        await asyncio.sleep(5)
        timeout.reschedule(None)
        assert timeout.when() is None
        await asyncio.sleep(50)
        with pytest.raises(ValueError, match="NaN"):
            timeout.reschedule(math.nan)
        timeout.reschedule(now() + 1)
        assert repr(timeout) == "<TaskTimeout [active] when=56.000>"
        with pytest.raises(TimeoutInterrupt):
            await asyncio.sleep(50)
        with pytest.raises(RuntimeError, match="expiring"):
            timeout.reschedule(None)
    with pytest.raises(RuntimeError, match="expired"):
        timeout.reschedule(None)
    with pytest.raises(RuntimeError, match="created"):
        task_timeout(1).reschedule(None)
    assert now() == 56


async def test_outside_of_a_task_there_is_nobody_to_interrupt() -> None:
    outcome: list[BaseException] = []

    def callback() -> None:
        coro = task_timeout(1).__aenter__()
        try:
            coro.send(None)
        except RuntimeError as exc:
            outcome.append(exc)

    asyncio.get_running_loop().call_soon(callback)
    await passes(1)
    assert "in none" in str(outcome[0])


# --- Bodies that catch ---


async def test_a_block_that_catches_the_interrupt_ends_as_it_likes() -> None:
    async with task_timeout(1) as timeout:
        with pytest.raises(TimeoutInterrupt):
            await wait_for_ever()
        await asyncio.sleep(10)  # interrupted once, and no more
    assert timeout.expired()
    assert now() == 11


async def test_another_exception_of_a_block_that_was_interrupted_comes_out() -> None:
    with pytest.raises(KeyError):
        async with task_timeout(1):
            try:
                await wait_for_ever()
            except TimeoutInterrupt:
                raise KeyError from None


async def test_the_interrupt_may_come_out_after_a_long_cleanup() -> None:
    with pytest.raises(TimeoutError):
        async with task_timeout(1):
            try:
                await wait_for_ever()
            finally:
                await asyncio.sleep(10)
    assert now() == 11


async def test_code_that_makes_a_plain_cancellation_of_the_interrupt_is_understood() -> None:
    with pytest.raises(TimeoutError):
        async with task_timeout(1):
            try:
                await wait_for_ever()
            except asyncio.CancelledError:
                raise asyncio.CancelledError from None


async def test_except_exception_does_not_catch_the_interrupt() -> None:
    with pytest.raises(TimeoutError):
        async with task_timeout(1):
            try:
                await wait_for_ever()
            except Exception:
                pytest.fail("caught")


# --- Nested ---


@pytest.mark.parametrize("body", [wait_for_ever, spin])
@pytest.mark.parametrize("limits", [*itertools.permutations([1, 2, 3])])
async def test_of_nested_timeouts_each_ends_its_own_block(limits: tuple[int, int, int], body: Any, spawn: Any) -> None:
    async def run() -> None:
        log: list[tuple[str, int]] = []

        async def block(names: str, times: tuple[int, ...]) -> None:
            if not names:
                await body()
            try:
                async with task_timeout(times[0]):
                    await block(names[1:], times[1:])
            except TimeoutError:
                log.append((names[0], math.floor(now() - begun)))
            if len(names) < 3:
                await body()

        begun = now()
        await block("abc", limits)
        # What ends a block ends those inside of it. The blocks around it go on until their own time.
        expected: list[tuple[str, int]] = []
        horizon = math.inf
        for name, limit in zip("abc", limits, strict=True):
            if limit < horizon:
                horizon = limit
                expected.append((name, limit))
        assert log == expected[::-1]

    await spawn(run())


@pytest.mark.parametrize("inner_first", [False, True])
async def test_of_two_that_expire_at_once_none_is_lost_and_none_is_late(inner_first: bool) -> None:
    log = []
    try:
        async with task_timeout(2) as outer:
            try:
                async with task_timeout(2) as inner:
                    if inner_first:
                        outer.reschedule(None)
                        outer.reschedule(2)
                    await wait_for_ever()
            except TimeoutError:
                log.append("inner")
                await passes(3)
                log.append("still in the outer block")
    except TimeoutError:
        log.append("outer")
    assert log == (["inner", "outer"] if inner_first else ["outer"])
    assert now() == 2
    assert outer.expired()
    assert inner.expired() is inner_first
    await asyncio.sleep(10)


async def test_an_outer_timeout_interrupts_the_cleanup_after_an_inner_one() -> None:
    out_of_the_inner_block: list[BaseException] = []
    with pytest.raises(TimeoutError):
        async with task_timeout(2):
            try:
                async with task_timeout(1):
                    try:
                        await wait_for_ever()
                    finally:
                        await asyncio.sleep(100)
            except BaseException as exc:
                out_of_the_inner_block.append(exc)
                raise
    assert [type(exc) for exc in out_of_the_inner_block] == [TimeoutInterrupt]
    assert now() == 2


async def test_an_outer_timeout_ends_the_cleanup_in_an_asyncio_timeout_and_is_not_taken_for_that() -> None:
    with pytest.raises(TimeoutError):
        async with task_timeout(2):
            try:
                async with asyncio.timeout(1):
                    try:
                        await wait_for_ever()
                    finally:
                        await asyncio.sleep(100)
            except TimeoutError:
                await wait_for_ever()
    assert now() == 2
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("ours_first", [False, True])
async def test_asyncio_timeouts_inside_and_outside_are_not_confused(ours_first: bool) -> None:
    log = []
    try:
        async with asyncio.timeout(1 if ours_first else 3):
            try:
                async with task_timeout(2):
                    await wait_for_ever()
            except TimeoutError:
                log.append("inner")
                raise
    except TimeoutError:
        log.append("outer")
    assert log == (["outer"] if ours_first else ["inner", "outer"])
    log.clear()
    try:
        async with task_timeout(1 if ours_first else 3):
            try:
                async with asyncio.timeout(2):
                    await wait_for_ever()
            except TimeoutError:
                log.append("inner")
                raise
    except TimeoutError:
        log.append("outer")
    assert log == (["outer"] if ours_first else ["inner", "outer"])


# --- Cancellation ---


async def blocked_block() -> str:
    try:
        async with task_timeout(2):
            await wait_for_ever()
    except TimeoutError:
        return "late"
    return "never"


async def test_a_cancellation_in_the_same_pass_before_the_timer_wins() -> None:
    loop = asyncio.get_running_loop()
    task: asyncio.Task[str] | None = None

    def cancel() -> None:
        assert task is not None
        task.cancel("really")

    loop.call_at(2, cancel)
    task = asyncio.create_task(blocked_block())
    with pytest.raises(asyncio.CancelledError, match="really"):
        await task
    assert task.cancelling() == 1
    await asyncio.sleep(5)


async def test_a_cancellation_in_the_same_pass_after_the_timer_comes_too_late() -> None:
    task = asyncio.create_task(blocked_block())
    await passes(1)
    asyncio.get_running_loop().call_at(2, task.cancel)
    assert await task == "late"
    assert task.cancelling() == 0


async def test_a_cancellation_during_the_cleanup_wins_over_the_timeout() -> None:
    async def run() -> None:
        async with task_timeout(1):
            try:
                await wait_for_ever()
            finally:
                await asyncio.sleep(10)

    task = asyncio.create_task(run())
    await asyncio.sleep(5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_the_cleanup_of_a_cancelled_task_waits_for_a_child_that_it_cancels_for_a_limited_time() -> None:
    async def clean_up_for_long() -> None:
        try:
            await wait_for_ever()
        finally:
            await asyncio.sleep(100)

    async def run() -> None:
        child = asyncio.create_task(clean_up_for_long())
        try:
            await wait_for_ever()
        finally:
            child.cancel()
            with pytest.raises(TimeoutError):
                async with task_timeout(2):
                    await child
            gave_up.append((now(), child.done()))

    gave_up: list[tuple[float, bool]] = []
    task = asyncio.create_task(run())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gave_up == [(3, False)]


async def test_a_task_that_was_cancelled_in_the_block_must_not_clean_up_for_too_long() -> None:
    async def run() -> None:
        async with task_timeout(2) as timeout:
            try:
                await wait_for_ever()
            finally:
                try:
                    await wait_for_ever()
                finally:
                    assert timeout.expired()
                    assert now() == 2

    task = asyncio.create_task(run())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(TimeoutError):
        await task
    assert task.cancelling() == 1


async def test_a_cancellation_that_the_awaited_child_swallows_is_followed_by_the_interrupt() -> None:
    async def stubborn() -> None:
        with pytest.raises(asyncio.CancelledError):
            await wait_for_ever()
        await asyncio.sleep(5)

    async def run() -> str:
        try:
            async with task_timeout(2):
                await asyncio.create_task(stubborn())
                await wait_for_ever()
        except TimeoutError:
            return f"late at {now()}"
        return "never"

    task = asyncio.create_task(run())
    await asyncio.sleep(1)
    task.cancel()
    assert await task == "late at 6.0"
    assert task.cancelling() == 1


async def test_a_cancellation_that_the_block_swallows_is_followed_by_the_interrupt() -> None:
    async def run() -> str:
        try:
            async with task_timeout(2):
                with pytest.raises(asyncio.CancelledError):
                    await wait_for_ever()
                await wait_for_ever()
        except TimeoutError:
            return f"late at {now()}"
        return "never"

    task = asyncio.create_task(run())
    asyncio.get_running_loop().call_at(2, task.cancel)  # stands before the timer of the block
    assert await task == "late at 2.0"


async def test_a_block_left_while_its_interrupt_waits_for_a_cancellation_leaves_nothing() -> None:
    child: asyncio.Task[None] | None = None

    async def stubborn() -> None:
        with pytest.raises(asyncio.CancelledError):
            await wait_for_ever()
        await asyncio.sleep(5)

    async def run() -> str:
        nonlocal child
        child = asyncio.create_task(stubborn())
        async with task_timeout(2):
            await child
        await asyncio.sleep(50)
        return "undisturbed"

    task = asyncio.create_task(run())
    await asyncio.sleep(1)
    task.cancel()
    assert await task == "undisturbed"


async def test_a_task_group_in_the_block_cancels_its_children() -> None:
    ended = []

    async def child() -> None:
        try:
            await wait_for_ever()
        finally:
            await asyncio.sleep(1)
            ended.append(now())

    for body in (wait_for_ever, spin, asyncio.sleep):
        begun = now()
        with pytest.raises(TimeoutError):
            async with task_timeout(2), asyncio.TaskGroup() as group:
                group.create_task(child())
                group.create_task(child())
                await body(*[0] * (body is asyncio.sleep))
        assert [begun + 3 <= end < begun + 3.5 for end in ended[-2:]] == [True, True]


async def test_a_child_that_fails_in_a_group_is_not_covered_up() -> None:
    async def child() -> None:
        try:
            await wait_for_ever()
        except asyncio.CancelledError:
            raise KeyError from None

    with pytest.raises(BaseExceptionGroup) as caught:
        async with task_timeout(2), asyncio.TaskGroup() as group:
            group.create_task(child())
    assert isinstance(caught.value.exceptions[0], KeyError)


@pytest.mark.parametrize("body", [wait_for_ever, passes])
async def test_a_child_that_fails_while_the_block_is_interrupted_comes_out_alone(body: Any) -> None:
    async def child() -> None:
        try:
            await wait_for_ever()
        finally:
            raise KeyError

    with pytest.raises(BaseExceptionGroup) as caught:
        async with task_timeout(2), asyncio.TaskGroup() as group:
            group.create_task(child())
            await body(*[1] * (body is passes))
    assert [type(exc) for exc in caught.value.exceptions] == [KeyError]


async def test_groups_in_groups_raise_one_timeout_error() -> None:
    with pytest.raises(TimeoutError):
        async with task_timeout(2), asyncio.TaskGroup(), asyncio.TaskGroup():
            await wait_for_ever()


async def test_children_in_groups_have_timeouts_of_their_own() -> None:
    async def child(limit: float) -> float:
        with pytest.raises(TimeoutError):
            async with task_timeout(limit):
                await wait_for_ever()
        return now()

    async with task_timeout(4), asyncio.TaskGroup() as group:
        children = [group.create_task(child(limit)) for limit in (1, 2, 3)]
    assert [child.result() for child in children] == [1, 2, 3]


# --- What the block waits for ---


async def test_by_default_the_awaited_task_goes_on() -> None:
    child = asyncio.create_task(asyncio.sleep(10, "done"))
    with pytest.raises(TimeoutError):
        async with task_timeout(1):
            await child
    assert child.cancelling() == 0
    assert await child == "done"


async def test_the_awaited_task_is_cancelled_where_that_is_asked_for() -> None:
    child = asyncio.create_task(asyncio.sleep(10, "done"))
    with pytest.raises(TimeoutError):
        async with task_timeout(1, cancel_awaited=True):
            await child
    assert now() == 1
    await settle()
    assert child.cancelled()


async def test_by_default_what_is_gathered_goes_on() -> None:
    gathered = asyncio.gather(asyncio.sleep(10, 1), asyncio.sleep(20, 2))
    with pytest.raises(TimeoutError):
        async with task_timeout(1):
            await gathered
    assert list(await gathered) == [1, 2]


async def test_what_is_gathered_is_cancelled_where_that_is_asked_for() -> None:
    children = [asyncio.create_task(asyncio.sleep(time)) for time in (10, 20)]
    with pytest.raises(TimeoutError):
        async with task_timeout(1, cancel_awaited=True):
            await asyncio.gather(*children)
    await settle()
    assert [child.cancelled() for child in children] == [True, True]


async def test_a_shielded_task_goes_on_in_any_case() -> None:
    child = asyncio.create_task(asyncio.sleep(10, "done"))
    with pytest.raises(TimeoutError):
        async with task_timeout(1, cancel_awaited=True):
            await asyncio.shield(child)
    assert await child == "done"


async def test_a_wait_for_in_the_block_is_not_confused() -> None:
    for limit, when in ((1, 1), (5, 2)):
        begun = now()
        with pytest.raises(TimeoutError):
            async with task_timeout(limit):
                await asyncio.wait_for(wait_for_ever(), 2)
        assert now() == begun + when


# --- With other interrupts ---


async def test_an_interrupt_from_elsewhere_is_no_timeout() -> None:
    async def run() -> None:
        async with task_timeout(2):
            await wait_for_ever()

    task = asyncio.create_task(run())
    await passes(1)
    task_throw(task, InterruptException("mine"))
    assert task.cancelled()
    other = asyncio.create_task(run())
    await passes(1)
    task_throw(other, TimeoutInterrupt("not of this timeout"))
    assert other.cancelled()
    await asyncio.sleep(5)


async def test_a_task_that_was_destroyed_in_its_block_is_not_interrupted() -> None:
    async def run() -> None:
        timeout = task_timeout(2)
        await timeout.__aenter__()

    await asyncio.create_task(run())
    await asyncio.sleep(5)


async def test_where_the_task_is_out_of_reach_it_is_cancelled_and_the_outcome_is_the_same() -> None:
    class Odd:
        """Looks like a future to a task, and shows nothing."""

        _asyncio_future_blocking = True

        def __init__(self) -> None:
            self.inner: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def __await__(self) -> Any:
            yield self

        def get_loop(self) -> asyncio.AbstractEventLoop:
            return self.inner.get_loop()

        def add_done_callback(self, callback: Any, *, context: Any = None) -> None:
            self.inner.add_done_callback(callback, context=context)

        def cancel(self, msg: object = None) -> bool:
            return self.inner.cancel()

        def done(self) -> bool:
            return self.inner.done()

        def cancelled(self) -> bool:
            return self.inner.cancelled()

        def result(self) -> None:
            return self.inner.result()

    with pytest.raises(TimeoutError):
        async with task_timeout(2) as timeout:
            await Odd()
    assert timeout.expired()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
