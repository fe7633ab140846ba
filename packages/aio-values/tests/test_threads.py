"""One value, several threads: refused or handed over, never half done."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio
from aio_values import AsyncValue, _value, compose_values, lowlevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from suite_support.runtimes import Runtime

every_runtime = pytest.mark.every_runtime


def in_thread(function: Callable[[], Any]) -> Any:
    """What `function` returns, or raises, in a thread of its own."""
    result: Future[Any] = Future()

    def run() -> None:
        try:
            result.set_result(function())
        except BaseException as error:
            result.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return result.result()


@every_runtime
async def test_assigning_from_another_thread_is_an_error_that_changes_nothing(runtime: Runtime) -> None:
    value = AsyncValue(0)
    with value.open_transform(str) as text, compose_values(value=value, text=text) as both:
        async with runtime.tasks() as tasks:
            # Waiting for what is derived makes all it is derived from belong to this thread.
            wait = await tasks.block(both.wait_value, lambda pair: pair.value == 5)

            def assign() -> None:
                value.value = 5

            for intrude in (
                assign,
                value.touch,
                lambda: value.open_transform(str).__enter__(),
                lambda: value.expecting(5).__enter__(),
            ):
                with pytest.raises(RuntimeError, match=r"belongs to thread \d+.*set_threadsafe"):
                    in_thread(intrude)
            await runtime.settle()
            assert not wait.done
            assert (value.value, text.value) == (0, "0")
            value.value = 5
            assert (await wait.result()).text == "5"


@every_runtime
async def test_value_belongs_to_its_thread_between_waits_too(runtime: Runtime) -> None:
    value = AsyncValue(0)
    with pytest.raises(TimeoutError):
        await value.wait_value(1, timeout=1)
    with pytest.raises(RuntimeError, match="belongs to thread"):
        in_thread(lambda: setattr(value, "value", 1))
    assert value.value == 0


@every_runtime
async def test_waiting_in_another_thread_too_is_an_error(runtime: Runtime) -> None:
    value = AsyncValue(0)
    async with runtime.tasks() as tasks:
        await tasks.block(value.wait_value, 1)
        with pytest.raises(RuntimeError, match="belongs to thread"):
            in_thread(lambda: asyncio.run(value.wait_value(1)))
        with pytest.raises(RuntimeError, match="belongs to thread"):
            in_thread(lambda: trio.run(value.wait_value, 1))
    assert value.statistics() == (0, 0)


@every_runtime
async def test_set_threadsafe_assigns_soon_and_in_order(runtime: Runtime) -> None:
    value = AsyncValue(0)
    seen: list[int] = []
    async with runtime.tasks() as tasks:
        await tasks.block(value.wait_value, seen.append)
        wait = await tasks.block(value.wait_value, 9)

        def assign() -> list[Future[None]]:
            return [value.set_threadsafe(number) for number in range(10)]

        done = in_thread(assign)
        assert value.value == 0
        assert await wait.result() == 9
        assert seen == [0, *range(1, 10)]
        assert [future.result(timeout=0) for future in done] == [None] * 10
        # At home it is an assignment like any other.
        assert value.set_threadsafe(11).done()
        assert value.value == 11


@every_runtime
async def test_set_threadsafe_hands_back_what_the_assignment_raised(runtime: Runtime) -> None:
    def changed(old: int, new: int) -> bool:
        raise LookupError(new)

    value = AsyncValue(0, changed=changed)
    with pytest.raises(TimeoutError):
        await value.wait_value(1, timeout=1)
    future = in_thread(lambda: value.set_threadsafe(5))
    withdrawn = in_thread(lambda: value.set_threadsafe(6))
    assert withdrawn.cancel()
    while not future.done():
        await runtime.sleep(0)
        await runtime.yield_once()
    with pytest.raises(LookupError, match="5"):
        future.result()


@every_runtime
async def test_assignment_of_another_thread_just_before_an_expectation_is_awaited_meets_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    value = AsyncValue(0)
    create_waiter = AsyncValue._create_waiter

    def create_waiter_late(self: AsyncValue[int]) -> lowlevel.Waiter[Any]:
        in_thread(lambda: self.set_threadsafe(1))
        return create_waiter(self)

    monkeypatch.setattr(AsyncValue, "_create_waiter", create_waiter_late)
    with value.expecting(1) as expected:
        assert await expected.wait(timeout=1) == 1


@every_runtime
async def test_first_wait_is_held_up_by_assignments_to_the_same_value_only(runtime: Runtime) -> None:
    value, other = AsyncValue(0), AsyncValue(0)
    asked, answer = threading.Event(), threading.Event()

    def transform(number: int) -> int:
        if number == 1:
            # What it assigns itself comes after the present assignment.
            value.set_threadsafe(2)
            asked.set()
            assert answer.wait(9)
        return number

    with value.open_transform(transform) as derived, ThreadPoolExecutor(1) as pool:
        assigning = pool.submit(value.set_threadsafe, 1)
        assert asked.wait(9)
        async with runtime.tasks() as tasks:
            wait = await tasks.block(other.wait_value, 1)
            other.value = 1
            assert await wait.result() == 1
            assert not assigning.done()
            answer.set()
            assert await derived.wait_value(2) == 2
            assert assigning.result().done()


def test_value_that_nobody_waited_for_can_be_assigned_from_any_thread() -> None:
    value = AsyncValue(0)
    in_thread(lambda: setattr(value, "value", 1))
    assert in_thread(lambda: value.set_threadsafe(2)).done()
    assert value.value == 2


@pytest.mark.parametrize("run", [lambda function: asyncio.run(function()), trio.run], ids=["asyncio", "trio"])
def test_value_is_free_again_when_its_loop_or_run_is_over(run: Callable[[Any], Any]) -> None:
    value = AsyncValue(0)

    async def wait() -> None:
        with pytest.raises(TimeoutError):
            await value.wait_value(-1, timeout=0)

    run(wait)
    in_thread(lambda: setattr(value, "value", 1))
    in_thread(lambda: run(wait))
    run(wait)
    assert in_thread(lambda: value.set_threadsafe(3)).done()
    assert value.value == 3


def test_value_keeps_no_closed_loop_alive() -> None:
    value = AsyncValue(0)

    async def wait() -> weakref.ref[asyncio.AbstractEventLoop]:
        with pytest.raises(TimeoutError):
            await value.wait_value(-1, timeout=0)
        return weakref.ref(asyncio.get_running_loop())

    loop = asyncio.run(wait())
    gc.collect()
    assert loop() is None


@pytest.mark.asyncio_logs_errors
def test_tasks_that_a_closed_loop_left_pending_do_not_disturb_an_assignment() -> None:
    value = AsyncValue(0)
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(value.wait_value(target)) for target in (1, lambda number: number == 1)]
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    value.value = 1
    with value.open_transform(lambda number: 1 / (number - 2)) as derived:
        value.value = 2
        with pytest.raises(ZeroDivisionError):
            derived.value  # reading it is what raises
    assert value.statistics().waiting == 0
    del tasks
    gc.collect()


@pytest.mark.asyncio_logs_errors
def test_task_alone_that_a_closed_loop_left_pending_does_not_disturb_an_assignment() -> None:
    value = AsyncValue(0)
    loop = asyncio.new_event_loop()
    task = loop.create_task(value.wait_value(1))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    value.value = 1
    assert value.statistics().waiting == 0
    del task
    gc.collect()


def test_assignment_for_a_home_that_ends_just_now_happens_here(monkeypatch: pytest.MonkeyPatch) -> None:
    value = AsyncValue(0)
    loop = asyncio.new_event_loop()
    with pytest.raises(TimeoutError):
        loop.run_until_complete(value.wait_value(-1, timeout=0))

    def post(*_: object) -> None:
        loop.close()
        raise RuntimeError("the loop is closed")

    monkeypatch.setattr(lowlevel, "post", post)
    assert in_thread(lambda: value.set_threadsafe(1)).done()
    assert value.value == 1


def test_assignment_to_a_value_that_finds_a_home_just_now_happens_there(monkeypatch: pytest.MonkeyPatch) -> None:
    value, waiting = AsyncValue(0), threading.Event()

    async def wait() -> int:
        task = asyncio.ensure_future(value.wait_value(1))
        await asyncio.sleep(0)
        waiting.set()
        return await asyncio.wait_for(task, 30)

    with ThreadPoolExecutor(1) as pool:
        waits: list[Future[int]] = []

        @contextmanager
        def late() -> Iterator[None]:
            waits.append(pool.submit(lambda: asyncio.run(wait())))
            assert waiting.wait(30)
            yield

        monkeypatch.setattr(_value, "assigning", late())
        value.set_threadsafe(1).result(timeout=30)
        assert waits[0].result() == 1


def test_loop_that_is_stopped_between_runs_still_owns_the_value() -> None:
    value = AsyncValue(0)
    loop = asyncio.new_event_loop()
    task = loop.create_task(value.wait_value(1))
    loop.run_until_complete(asyncio.sleep(0))
    with pytest.raises(RuntimeError, match="belongs to thread"):
        in_thread(lambda: setattr(value, "value", 1))
    value.value = 1
    assert loop.run_until_complete(task) == 1
    loop.close()


def test_no_assignment_of_many_threads_is_lost() -> None:
    """A race, made likely: threads assign while tasks begin to wait; the last of all assignments must wake them."""

    async def main(value: AsyncValue[int], start: threading.Event) -> None:
        start.set()
        await asyncio.wait_for(value.wait_value(lambda number: number >= 200), timeout=30)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            value, start = AsyncValue(0), threading.Event()

            def assign(value: AsyncValue[int] = value, start: threading.Event = start) -> None:
                start.wait()
                for number in range(1, 201):
                    value.set_threadsafe(number)

            assigning = pool.submit(assign)
            asyncio.run(main(value, start))
            assigning.result()
