"""Eager starts with no loop, with loops of other kinds, and loops that are over."""

from __future__ import annotations

import asyncio
import functools
import gc
import signal
import sys
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from aio_coro import coro_eager, create_task, eager

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def as_create_task(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return create_task(coro, eager_start=True)


def by_create_task(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return eager(coro, asyncio.create_task)


async def answer() -> int:
    return 42


async def forever() -> None:
    await asyncio.Event().wait()


def test_a_factory_that_takes_no_options_is_enough_where_the_loop_passes_none() -> None:
    async def main() -> int:
        asyncio.get_running_loop().set_task_factory(lambda loop, coro: asyncio.Task(coro, loop=loop))
        return eager(answer()).result()

    assert asyncio.run(main()) == 42


def test_without_a_running_loop_the_coroutine_is_left_as_it_was() -> None:
    coro = answer()
    for start in (eager, coro_eager, as_create_task):
        with pytest.raises(RuntimeError, match="loop"):
            start(coro)
    with pytest.raises(StopIteration) as stop:
        coro.send(None)
    assert stop.value.value == 42


def test_without_a_running_loop_a_decorated_function_is_not_called() -> None:
    called: list[int] = []

    def function() -> Coroutine[Any, Any, int]:
        called.append(1)
        return answer()

    with warnings.catch_warnings(), pytest.raises(RuntimeError, match="an asyncio event loop has to run here"):
        warnings.simplefilter("error")
        eager(function)()
    assert called == []


def test_a_closed_loop_is_not_kept_alive() -> None:
    async def main() -> weakref.ref[asyncio.AbstractEventLoop]:
        for start in (eager, by_create_task, as_create_task):
            await start(answer())
            await start(asyncio.sleep(0))
            task = start(forever())
            task.cancel()
        return weakref.ref(asyncio.get_running_loop())

    gone = asyncio.run(main())
    gc.collect()
    assert gone() is None


class SealedLoop(asyncio.SelectorEventLoop):
    """A loop on which replacing `call_soon` has no effect."""

    @property
    def call_soon(self) -> Callable[..., asyncio.Handle]:  # type: ignore[override]
        return functools.partial(super().call_soon)


@pytest.mark.parametrize("start", [eager, by_create_task])
def test_a_loop_that_cannot_start_a_task_at_once_says_so_and_starts_it_later(start: Callable[..., Any]) -> None:
    async def main() -> None:
        if start is eager and sys.version_info >= (3, 12):
            assert await start(answer()) == 42  # asyncio's own way needs no such loop
            return
        with pytest.warns(
            RuntimeWarning, match="SealedLoop lets nobody replace its call_soon.*loop's next pass"
        ) as seen:
            task = start(answer())
        assert [warning.filename for warning in seen] == [__file__]
        assert not task.done()
        assert await task == 42

    with asyncio.Runner(loop_factory=SealedLoop) as runner:
        runner.run(main())


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="asyncio.current_task() knows no Python tasks beside C ones")
def test_a_task_in_python_is_started_at_once_too() -> None:
    """`asyncio.tasks._PyTask` is what there is where the C accelerator is missing."""
    python_task = vars(asyncio.tasks)["_PyTask"]

    async def child() -> object:
        before = asyncio.current_task()
        await asyncio.sleep(0)
        return before

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(lambda loop, coro, **options: python_task(coro, loop=loop, **options))
        caller = asyncio.current_task()
        task = eager(child())
        assert type(task) is python_task
        assert asyncio.current_task() is caller
        assert await task is task

    asyncio.run(main())


class DisturbedLoop(asyncio.SelectorEventLoop):
    """Runs `meanwhile` while the next task is being made, as the garbage collector or a signal may run other code."""

    meanwhile: Callable[[], object] | None = None

    def get_debug(self) -> bool:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().get_debug()


each_start = pytest.mark.parametrize("start", [eager, by_create_task, as_create_task])


@each_start
def test_a_future_that_is_done_while_a_task_is_made_wakes_who_waits_for_it(start: Callable[..., Any]) -> None:
    async def main(loop: DisturbedLoop) -> None:
        future = loop.create_future()
        waiter = loop.create_task(asyncio.wait_for(future, 5))
        await asyncio.sleep(0)
        loop.meanwhile = lambda: future.set_result("done")
        assert await start(answer()) == 42
        assert await waiter == "done"

    with asyncio.Runner(loop_factory=DisturbedLoop) as runner:
        runner.run(main(runner.get_loop()))  # type: ignore[arg-type]


@each_start
@pytest.mark.parametrize("start_other", [asyncio.create_task, eager])
def test_a_task_made_while_another_is_made_runs_too(start: Callable[..., Any], start_other: Callable[..., Any]) -> None:
    log: list[str] = []

    async def other() -> None:
        log.append("other")

    async def child() -> None:
        log.append("child")
        await asyncio.sleep(0)
        log.append("end")

    async def main(loop: DisturbedLoop) -> None:
        others: list[asyncio.Task[None]] = []
        loop.meanwhile = lambda: others.append(start_other(other()))
        task = start(child())
        expected = ["other", "child"] if start_other is eager else ["child"]
        assert log == expected
        await asyncio.wait_for(asyncio.gather(task, *others), 5)
        assert sorted(log) == ["child", "end", "other"]

    with asyncio.Runner(loop_factory=DisturbedLoop) as runner:
        runner.run(main(runner.get_loop()))  # type: ignore[arg-type]


@each_start
def test_a_callback_scheduled_while_a_task_fails_to_be_made_is_called(start: Callable[..., Any]) -> None:
    async def main(loop: DisturbedLoop) -> None:
        called = asyncio.Event()
        others: list[asyncio.Task[None]] = []

        async def other() -> None:
            called.set()

        def disturb() -> None:
            others.append(asyncio.create_task(other()))
            raise ZeroDivisionError

        loop.meanwhile = disturb
        coro = answer()
        with pytest.raises(ZeroDivisionError):
            start(coro)
        coro.close()
        await asyncio.wait_for(called.wait(), 5)

    with asyncio.Runner(loop_factory=DisturbedLoop) as runner:
        runner.run(main(runner.get_loop()))  # type: ignore[arg-type]


@each_start
def test_an_interrupt_from_the_keyboard_while_a_task_is_made_ends_the_program(start: Callable[..., Any]) -> None:
    ended: list[str] = []

    async def starter(loop: DisturbedLoop) -> None:
        loop.meanwhile = functools.partial(signal.raise_signal, signal.SIGINT)
        await start(answer())

    async def main(loop: DisturbedLoop) -> None:
        task = loop.create_task(starter(loop))
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 5)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        finally:
            await task

    with asyncio.Runner(loop_factory=DisturbedLoop) as runner, pytest.raises(KeyboardInterrupt):
        runner.run(main(runner.get_loop()))  # type: ignore[arg-type]
    assert ended == ["cancelled"]


def test_a_task_in_python_starts_another_one_at_once() -> None:
    python_task = vars(asyncio.tasks)["_PyTask"]
    log: list[str] = []

    async def child() -> int:
        log.append("started")
        await asyncio.sleep(0)
        return 42

    async def main() -> int:
        loop = asyncio.get_running_loop()
        task = eager(child(), lambda coro: python_task(coro, loop=loop))
        log.append("caller")
        await asyncio.sleep(0)
        answer: int = await task
        return answer

    loop = asyncio.new_event_loop()
    try:
        assert loop.run_until_complete(python_task(main(), loop=loop)) == 42
    finally:
        loop.close()
    assert log == ["started", "caller"]
