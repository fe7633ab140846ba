"""The order in which a loop with priorities runs what is ready: fast, in debug mode, and on a Python not checked."""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import (
    DefaultPriorityEventLoop,
    Priority,
    PrioritySchedulingMixin,
    PrioritySelectorEventLoop,
    PriorityTask,
    priority_loop_factory,
    task_switch,
)
from aio_sched import _asyncio_internals as internals
from aio_sched import _fast_loop as fast_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Run = Callable[..., Any]


@pytest.fixture(params=["fast", "debug", "not checked"])
def make_loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    if request.param == "not checked":
        monkeypatch.setattr(internals, "version_is_checked", lambda: False)
        monkeypatch.setattr(fast_loop, "_has_warned", True)

    def make(**options: Any) -> PrioritySelectorEventLoop:
        loop = PrioritySelectorEventLoop(**options)
        loop.set_debug(request.param == "debug")
        loop.slow_callback_duration = 60
        return loop

    return make


@pytest.fixture
def run(make_loop: Callable[..., Any]) -> Run:
    def run(main: Coroutine[Any, Any, Any], **options: Any) -> Any:
        with asyncio.Runner(loop_factory=partial(make_loop, **options)) as runner:
            return runner.run(main)

    return run


def spawn(coro: Coroutine[Any, Any, Any], priority: float | None = None) -> asyncio.Task[Any]:
    loop: Any = asyncio.get_running_loop()
    task: asyncio.Task[Any] = loop.create_task(coro, priority=priority)
    return task


async def note(log: list[Any], what: Any, times: int = 1) -> None:
    for _ in range(times):
        log.append(what)
        await asyncio.sleep(0)


def test_lower_values_run_first_and_equals_in_their_order(run: Run) -> None:
    async def main() -> list[Any]:
        log: list[Any] = []
        values = [3, -1, 0.5, 3, -1, float("inf"), -float("inf"), 0, None, 0]
        tasks = [spawn(note(log, (value, place)), value) for place, value in enumerate(values)]
        await asyncio.gather(*tasks)
        return log

    log = run(main())
    assert log == sorted(log, key=lambda item: (item[0] or 0, item[1]))


def test_a_task_that_becomes_ready_in_the_middle_runs_before_less_urgent_ones(run: Run) -> None:
    async def main() -> list[str]:
        log: list[str] = []
        loop = asyncio.get_running_loop()
        woken = loop.create_future()

        async def urgent() -> None:
            await woken
            log.append("urgent")

        async def waker() -> None:
            log.append("waker")
            woken.set_result(None)

        tasks = [spawn(urgent(), -1)]
        await asyncio.sleep(0)
        tasks += [spawn(note(log, "plain 1")), spawn(waker()), spawn(note(log, "plain 2")), spawn(note(log, "low"), 1)]
        await asyncio.gather(*tasks)
        return log

    assert run(main()) == ["plain 1", "waker", "urgent", "plain 2", "low"]


def test_no_callback_that_was_queued_before_is_overtaken(run: Run) -> None:
    async def main() -> list[str]:
        log: list[str] = []
        loop = asyncio.get_running_loop()
        tasks = [spawn(note(log, "plain"))]
        loop.call_soon(log.append, "callback")
        tasks += [spawn(note(log, "urgent"), -1)]
        tasks += [spawn(note(log, "later"))]
        tasks += [spawn(note(log, "more urgent"), -2)]
        await asyncio.gather(*tasks)
        return log

    assert run(main()) == ["plain", "callback", "more urgent", "urgent", "later"]


def test_what_an_urgent_task_waits_for_is_as_urgent(run: Run) -> None:
    async def main() -> list[str]:
        log: list[str] = []
        loop = asyncio.get_running_loop()
        tasks = [spawn(note(log, "medium"), -1)]
        loop.call_soon(log.append, "callback")
        tasks += [spawn(note(log, "urgent"), -2)]
        await asyncio.gather(*tasks)
        return log

    assert run(main()) == ["callback", "urgent", "medium"]


def test_callbacks_that_were_cancelled_hold_nothing_up(run: Run) -> None:
    async def main() -> list[str]:
        log: list[str] = []
        loop = asyncio.get_running_loop()
        tasks = [spawn(note(log, "plain"))]
        loop.call_soon(log.append, "never").cancel()
        tasks += [spawn(note(log, "urgent"), -1)]
        await asyncio.gather(*tasks)
        return log

    assert run(main()) == ["urgent", "plain"]


def test_a_callback_keeps_its_place_when_another_is_put_before_it(run: Run) -> None:
    async def main() -> list[str]:
        log: list[str] = []
        loop: Any = asyncio.get_running_loop()
        loop.call_soon(log.append, "first")
        loop.call_soon(log.append, "second")
        tasks = [spawn(note(log, "urgent"), -1)]
        loop.call_pos(1, log.append, "between")
        removed = loop.call_pos(0, log.append, "removed")
        loop.queue_remove(removed)
        await asyncio.gather(*tasks)
        return log

    assert run(main()) == ["first", "between", "second", "urgent"]


@pytest.mark.parametrize("bound", [1, 7, 64])
def test_a_lower_level_gets_one_turn_in_a_stated_number(run: Run, bound: int) -> None:
    async def main() -> list[str]:
        log: list[str] = []
        busy = [spawn(note(log, "busy", 40 * bound), -1) for _ in range(3)]
        low = spawn(note(log, "low", 10), 1)
        await low
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        return log

    log = run(main(), starvation_bound=bound)
    places = [place for place, what in enumerate(log) if what == "low"]
    gaps = [after - before for before, after in itertools.pairwise(places)]
    # The main task, at 0.0, waits too in the beginning, and gets turns as well.
    assert places[0] <= 3 * (bound + 1)
    assert all(gap <= 3 * (bound + 1) for gap in gaps)
    assert max(gaps) >= bound // 2


def test_a_loop_goes_on_after_the_last_task_has_waited_for_a_callback(run: Run) -> None:
    async def main() -> list[str]:
        log: list[str] = []

        async def last() -> None:
            asyncio.get_running_loop().call_soon(log.append, "called")
            await asyncio.sleep(0)
            log.append("last")
            asyncio.get_running_loop().call_later(0.001, done.set_result, None)

        done = asyncio.get_running_loop().create_future()
        task = spawn(last(), -2)
        await done
        assert task.done()
        return log

    assert run(main()) == ["called", "last"]


def test_turns_are_given_away_no_more_often_when_callbacks_come_now_and_then(run: Run) -> None:
    bound = 16

    async def main() -> list[str]:
        log: list[str] = []

        async def busy() -> None:
            for step in range(60 * bound):
                log.append("busy")
                if step % 3 == 0:
                    asyncio.get_running_loop().call_soon(log.append, "called")
                await asyncio.sleep(0)

        low = spawn(note(log, "low", 1000), 1)
        await spawn(busy(), -1)
        low.cancel()
        return log

    log = run(main(), starvation_bound=bound)
    places = [place for place, what in enumerate(log) if what == "low"]
    gaps = [after - before for before, after in itertools.pairwise(places)]
    assert all(bound < gap <= 3 * (bound + 1) for gap in gaps)


def test_the_bound_holds_anew_each_time_the_queue_has_been_empty(run: Run) -> None:
    bound = 16

    async def main() -> list[int]:
        waits = []
        for _ in range(5):
            await asyncio.sleep(0.001)  # nothing is ready meanwhile
            log: list[str] = []
            busy = [spawn(note(log, "busy", 30 * bound), -1) for _ in range(2)]
            await spawn(note(log, "low"), 1)
            waits.append(log.index("low"))
            await asyncio.gather(*busy)
        return waits

    # The levels below the urgent one are those of 1 and, with this task, 0.0.
    assert all(wait <= 3 * (bound + 1) for wait in run(main(), starvation_bound=bound))


def test_every_level_gets_its_turn_whatever_others_come_between(run: Run) -> None:
    bound = 4
    levels = 5

    async def main() -> int:
        log: list[Any] = []
        done = False

        async def busy() -> None:
            while not done:
                log.append("busy")
                await asyncio.sleep(0)

        async def comes_between(value: float) -> None:
            log.append(value)
            if not done:
                tasks.append(spawn(comes_between((value + levels) / 2), (value + levels) / 2))
            await asyncio.sleep(0)

        tasks: list[asyncio.Task[Any]] = [spawn(busy(), -1)]
        tasks += [spawn(note(log, value, 3), value) for value in range(1, levels)]
        tasks.append(spawn(comes_between(1.5), 1.5))
        last = spawn(note(log, "last"), levels)
        await last
        done = True
        count = log.index("last")
        while not all(task.done() for task in tasks):
            await asyncio.gather(*tasks)
        return count

    assert run(main(), starvation_bound=bound) <= (bound + 1) * (levels + 6)


def test_a_new_priority_counts_at_once_for_a_queued_task(run: Run) -> None:
    async def main() -> list[str]:
        log: list[str] = []
        tasks = {name: spawn(note(log, name), value) for name, value in zip("abcd", (1, 2, 3, 0), strict=True)}
        tasks["c"].priority_value = -1  # type: ignore[attr-defined]
        tasks["a"].priority_value = 2.5  # type: ignore[attr-defined]
        tasks["b"].priority_value = 0  # type: ignore[attr-defined]
        await asyncio.gather(*tasks.values())
        return log

    assert run(main()) == ["c", "d", "b", "a"]


def test_a_changed_priority_puts_a_task_behind_those_of_that_value(run: Run) -> None:
    async def main() -> list[str]:
        log: list[str] = []
        first = spawn(note(log, "first"), 1)
        second = spawn(note(log, "second"), 2)
        third = spawn(note(log, "third"), 2)
        first.priority_value = 2  # type: ignore[attr-defined]
        await asyncio.gather(first, second, third)
        return log

    assert run(main()) == ["second", "third", "first"]


def test_a_new_priority_counts_for_a_task_that_waits(run: Run) -> None:
    async def main() -> list[str]:
        log: list[str] = []
        event = asyncio.Event()

        async def wait(name: str) -> None:
            await event.wait()
            log.append(name)

        tasks: list[Any] = [spawn(wait(name), 1) for name in "abc"]
        while not all(internals.waits_for(task) for task in tasks):
            await asyncio.sleep(0)
        tasks[2].priority_value = -1
        event.set()
        await asyncio.gather(*tasks)
        return log

    assert run(main()) == ["c", "a", "b"]


def test_an_inherited_priority_counts_until_it_ends(run: Run) -> None:
    async def main() -> list[str]:
        log: list[str] = []
        holder: Any = spawn(note(log, "holder", 2), 5)
        others = [spawn(note(log, "other", 2), 1)]
        holder._set_inherited(-3.0)
        assert holder.effective_priority() == -3
        assert holder.priority_value == 5
        await asyncio.sleep(0)
        holder._set_inherited(float("inf"))
        assert holder.effective_priority() == 5
        await asyncio.gather(holder, *others)
        return log

    assert run(main()) == ["holder", "holder", "other", "other"]


@pytest.mark.parametrize(
    ("value", "error"),
    [("high", TypeError), (None, TypeError), (1j, TypeError), (float("nan"), ValueError), (10**400, ValueError)],
)
def test_what_is_no_priority_is_refused_and_changes_nothing(run: Run, value: Any, error: type[Exception]) -> None:
    async def main() -> None:
        task: Any = spawn(note([], "x"), 3)
        with pytest.raises(error):
            task.priority_value = value
        assert task.priority_value == 3
        await task
        coroutine = note([], "x")
        with pytest.raises(error):
            PriorityTask(coroutine, priority=value)
        await coroutine

    run(main())


def test_the_named_priorities_are_numbers() -> None:
    assert Priority.HIGH < Priority.NORMAL == 0.0 < Priority.LOW
    assert (Priority.HIGH, Priority.LOW) == (-10.0, 10.0)


def test_a_priority_task_works_as_task_factory_of_a_runner(run: Run) -> None:
    async def main() -> tuple[type, Any]:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(PriorityTask.factory)
        task: Any = asyncio.create_task(note([], "x"), name="name")
        assert task.get_name() == "name"
        urgent = loop.create_task(note([], "x"), priority=-2)  # type: ignore[call-arg]
        await asyncio.gather(task, urgent)
        return type(task), urgent.priority_value  # type: ignore[attr-defined]

    assert run(main()) == (PriorityTask, -2)


def test_a_runner_can_use_the_factory_from_its_first_task_on(make_loop: Callable[..., Any]) -> None:
    async def main() -> Any:
        return asyncio.current_task()

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.get_loop().set_task_factory(PriorityTask.factory)
        assert type(runner.run(main())) is PriorityTask


def test_an_eager_priority_task_has_begun_when_it_is_returned(run: Run) -> None:
    async def main() -> None:
        log: list[Any] = []
        outer = asyncio.current_task()

        async def eager() -> str:
            log.append(asyncio.current_task())
            await asyncio.sleep(0)
            return "result"

        task = PriorityTask(eager(), eager_start=True, priority=-1, name="eager")
        assert log == [task]
        assert asyncio.current_task() is outer
        assert await task == "result"

    run(main())


def test_an_eager_priority_task_refuses_a_context_that_is_entered(run: Run) -> None:
    async def main() -> None:
        context: Any = asyncio.current_task().get_context() if sys.version_info >= (3, 12) else None  # type: ignore[union-attr]
        if context is None:
            pytest.skip("Task.get_context is there from 3.12 on")
        coroutine = note([], "x")
        with pytest.raises(RuntimeError):
            PriorityTask(coroutine, eager_start=True, context=context)
        await coroutine

    run(main())


def test_an_eager_priority_task_refuses_what_is_no_context(run: Run) -> None:
    async def main() -> None:
        coroutine = note([], "x")
        not_a_context: Any = 5
        with pytest.raises(TypeError, match=r"context must be a contextvars\.Context or None, not 5"):
            PriorityTask(coroutine, eager_start=True, context=not_a_context)
        await coroutine

    run(main())


def test_what_becomes_ready_while_an_eager_priority_task_is_made_is_not_lost(run: Run) -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        waiting = spawn(asyncio.wait_for(future, None))
        await asyncio.sleep(0)

        class Name:
            """Is asked for in the middle, where a finalizer or a signal handler could run as well."""

            def __str__(self) -> str:
                future.set_result("arrived")
                return "eager"

        name: Any = Name()
        log: list[str] = []
        task = PriorityTask(note(log, "begun"), eager_start=True, name=name)
        assert log == ["begun"]
        assert await waiting == "arrived"
        await task

    run(main())


def test_threads_lose_nothing_and_break_nothing_while_priorities_change(run: Run) -> None:
    posts = 20_000
    threads = 3

    async def main() -> int:
        loop = asyncio.get_running_loop()
        arrived: list[int] = []
        done = False

        def post(number: int) -> None:
            for _ in range(posts):
                loop.call_soon_threadsafe(arrived.append, number)

        async def spin(value: float) -> None:
            task: Any = asyncio.current_task()
            while not done:
                task.priority_value = -task.priority_value
                for other in spinners:
                    other.priority_value = other.priority_value + 1 if other.priority_value < 5 else -5
                await asyncio.sleep(0)

        spinners: list[Any] = [spawn(spin(value), value) for value in (-2, -1, 1, 2)]
        workers = [asyncio.to_thread(post, number) for number in range(threads)]
        await asyncio.gather(*workers)
        done = True
        await asyncio.gather(*spinners)
        return len(arrived)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        assert run(main()) == posts * threads
    finally:
        sys.setswitchinterval(interval)


def test_nothing_is_kept_of_finished_tasks_and_unused_values(run: Run) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        task = spawn(note([], "x", 3), -4.5)
        ref = weakref.ref(task)
        await task
        del task
        await asyncio.sleep(0)
        assert ref() is None
        for value in range(1000):
            await spawn(note([], "x"), value + 1)
        # In each pass of the fast loop, many of these.
        for _ in range(20 * 128):
            await asyncio.sleep(0)
        levels = loop._priority_levels
        assert (levels.by_value, levels.order, list(levels.turns), levels.fence) == ({}, [], [], None)

    gc.disable()
    try:
        run(main())
    finally:
        gc.enable()


def test_nothing_is_kept_of_a_closed_loop(make_loop: Callable[..., Any]) -> None:
    loop = make_loop()
    fence: list[Any] = []

    async def forever() -> None:
        while True:
            await asyncio.sleep(0)

    tasks = [loop.create_task(forever(), priority=value) for value in (-1, 0, 1)]
    loop.call_soon(fence.append, 1)
    loop.call_soon(loop.stop)
    loop.run_forever()
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.call_soon(fence.append, 2)
    loop.close()
    assert loop.queue_len() == 0
    assert not loop._priority_levels.order
    ref = weakref.ref(loop)
    del loop, task, tasks
    gc.collect()
    assert ref() is None


def test_a_handle_is_not_used_again_while_somebody_has_it() -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        log: list[str] = []
        kept: list[asyncio.Handle] = []
        task = spawn(note(log, "task", 5))
        for _ in range(5):
            kept += loop.queue_items()
            await asyncio.sleep(0)
        for handle in kept:
            handle.cancel()
        await task
        assert log == ["task"] * 5

    with asyncio.Runner(loop_factory=priority_loop_factory) as runner:
        runner.run(main())


@pytest.mark.parametrize("priority", [None, -1.0, 1.0])
def test_the_handles_of_steps_are_used_again(priority: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whether the loop sees that nobody else has a handle depends on how each Python counts references.
    made = 0
    new_handle = fast_loop._new_handle

    def count(kind: type) -> Any:
        nonlocal made
        made += 1
        return new_handle(kind)

    async def main() -> None:
        await asyncio.gather(*(spawn(note([], "x", 100), priority) for _ in range(3)))

    monkeypatch.setattr(fast_loop, "_new_handle", count)
    with asyncio.Runner(loop_factory=priority_loop_factory) as runner:
        runner.run(main())
    # In each pass of three steps, one is made anew.
    assert made < 150


def test_errors_of_callbacks_reach_the_exception_handler(make_loop: Callable[..., Any]) -> None:
    loop = make_loop()
    contexts: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: contexts.append(context))

    def fail(what: str) -> None:
        raise ValueError(what)

    loop.call_soon(fail, "soon")
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    (context,) = contexts
    assert "Exception in callback" in context["message"]
    assert "fail(" in context["message"]
    assert str(context["exception"]) == "soon"
    assert isinstance(context["handle"], asyncio.Handle)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_keyboard_interrupt_and_system_exit_leave_the_loop(
    make_loop: Callable[..., Any], error: type[BaseException]
) -> None:
    loop = make_loop()
    log: list[str] = []

    def leave() -> None:
        raise error

    loop.call_soon(leave)
    loop.call_soon(log.append, "after")
    loop.call_soon(loop.stop)
    with pytest.raises(error):
        loop.run_forever()
    loop.run_forever()
    loop.close()
    assert log == ["after"]


@pytest.mark.asyncio_logs_errors
def test_slow_callbacks_are_reported_in_debug_mode(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.slow_callback_duration = 0.0
        await spawn(note([], "x"), -1)

    with (
        caplog.at_level("WARNING", "asyncio"),
        asyncio.Runner(debug=True, loop_factory=priority_loop_factory) as runner,
    ):
        runner.run(main())
    assert any("PriorityTask" in message or "note()" in message for message in caplog.messages)
    assert any("seconds" in message for message in caplog.messages)


def test_an_unchecked_python_is_said_once_and_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(internals, "version_is_checked", lambda: False)
    monkeypatch.setattr(fast_loop, "_has_warned", False)
    with pytest.warns(RuntimeWarning, match="not checked"):
        priority_loop_factory().close()
    priority_loop_factory().close()


def test_the_mixin_makes_a_loop_of_ones_own() -> None:
    class Loop(PrioritySchedulingMixin, asyncio.SelectorEventLoop):
        pass

    async def main() -> list[str]:
        log: list[str] = []
        await asyncio.gather(spawn(note(log, "low"), 1), spawn(note(log, "high"), -1))
        return log

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(main()) == ["high", "low"]


@pytest.mark.parametrize(("bound", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("64", TypeError)])
def test_a_bound_that_is_none_is_refused(bound: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="starvation_bound"):
        priority_loop_factory(starvation_bound=bound)


def test_a_task_can_be_switched_to_whatever_its_priority(run: Run) -> None:
    async def main() -> list[str]:
        log: list[str] = []
        high = spawn(note(log, "high"), -1)
        low = spawn(note(log, "low"), 1)
        await task_switch(low)
        await asyncio.gather(high, low)
        return log

    assert run(main())[0] == "low"


def test_a_priority_is_not_changed_from_another_thread(run: Run) -> None:
    async def main() -> None:
        task: Any = spawn(note([], "x"), 1)

        def change() -> None:
            with pytest.raises(RuntimeError):
                task.priority_value = 2

        thread = threading.Thread(target=change)
        thread.start()
        thread.join()
        assert task.priority_value == 1
        await task

    run(main())


def test_a_priority_task_is_a_plain_one_on_other_loops() -> None:
    async def main() -> list[str]:
        log: list[str] = []
        tasks = [PriorityTask(note(log, str(value)), priority=value) for value in (1, -1)]
        tasks[0].priority_value = -5
        await asyncio.gather(*tasks)
        return log

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        assert runner.run(main()) == ["1", "-1"]


def test_the_default_loop_is_the_platforms() -> None:
    assert issubclass(DefaultPriorityEventLoop, PrioritySchedulingMixin)
    if sys.platform != "win32":
        assert DefaultPriorityEventLoop is PrioritySelectorEventLoop


@pytest.mark.parametrize("priority", [None, -1, 1])
def test_a_task_that_ends_cancelled_makes_no_garbage_for_the_collector(run: Run, priority: float | None) -> None:
    async def main() -> int:
        async def wait() -> None:
            await asyncio.get_running_loop().create_future()

        gc.collect()
        gc.disable()
        try:
            for _ in range(5):
                task = spawn(wait(), priority)
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                assert task.cancelled()
                del task
            return gc.collect()
        finally:
            gc.enable()

    assert run(main()) == 0
