"""Where interrupts end: threads, loops, other users of the class that they borrow, the end of the program."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref
from typing import Any

import pytest
from aio_sched import InterruptException, task_interrupt, task_throw, task_timeout
from suite_support.interleaving import passes


def run(main: Any) -> Any:
    with asyncio.Runner() as runner:
        return runner.run(main)


def test_without_a_running_loop_nothing_is_interrupted() -> None:
    loop = asyncio.new_event_loop()
    task = asyncio.Task(asyncio.sleep(0, "done"), loop=loop)
    with pytest.raises(RuntimeError, match="no running event loop"):
        task_throw(task, InterruptException())
    assert loop.run_until_complete(task) == "done"
    loop.close()


# --- The class that makes cancellations ---


class Mine(asyncio.CancelledError):
    pass


def test_the_class_is_as_it_was_afterwards() -> None:
    before = dict(vars(asyncio.CancelledError))

    async def main() -> None:
        for _ in range(3):
            task = asyncio.create_task(asyncio.sleep(0))
            task_throw(task, InterruptException())
            assert task.cancelled()

    run(main())
    assert dict(vars(asyncio.CancelledError)) == before
    assert asyncio.CancelledError("a", 2).args == ("a", 2)
    assert type(asyncio.CancelledError()) is asyncio.CancelledError
    assert Mine(1).args == (1,)
    with pytest.raises(TypeError):
        asyncio.CancelledError(keyword=1)  # type: ignore[call-arg]


def test_it_is_so_before_the_tasks_code_goes_on() -> None:
    seen: list[Any] = []

    async def victim() -> None:
        try:
            await asyncio.sleep(0)
        except InterruptException:
            seen.append("__new__" in vars(asyncio.CancelledError))
            seen.append(type(asyncio.CancelledError()))
            raise

    async def main() -> None:
        task = asyncio.create_task(victim())
        await passes(1)
        task_throw(task, InterruptException())

    run(main())
    assert seen == [False, asyncio.CancelledError]


def test_only_the_call_of_the_tasks_step_is_answered_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other call in that very moment, here from a profiler of the same thread, makes what it always does."""
    made: list[BaseException] = []

    def look(frame: Any, event: str, arg: Any) -> None:
        if "__new__" in vars(asyncio.CancelledError):
            sys.setprofile(None)
            made.extend([asyncio.CancelledError("x"), Mine("y")])
            sys.setprofile(look)

    async def victim() -> str:
        try:
            await asyncio.sleep(0)
        except InterruptException as exc:
            return str(exc)
        return "missed"

    async def main() -> None:
        for _ in range(20):
            task = asyncio.create_task(victim())
            await passes(1)
            sys.setprofile(look)
            try:
                task_throw(task, InterruptException("hit"))
            finally:
                sys.setprofile(None)
            assert task.result() == "hit"

    run(main())
    assert made
    assert {(type(exc), exc.args) for exc in made} == {(asyncio.CancelledError, ("x",)), (Mine, ("y",))}


def test_loops_in_other_threads_get_their_own_interrupts_and_cancellations() -> None:
    wrong: list[Any] = []
    stop = threading.Event()

    def interrupter(mine: type[InterruptException]) -> None:
        async def victim() -> None:
            while True:
                try:
                    await asyncio.sleep(0)
                except mine:
                    raise
                except BaseException as exc:
                    wrong.append(exc)
                    raise

        async def main() -> None:
            for _ in range(1500):
                task = asyncio.create_task(victim())
                await passes(1)
                exc = mine()
                task_throw(task, exc)
                if not task.cancelled():
                    wrong.append(task)

        run(main())

    def canceller() -> None:
        async def victim() -> None:
            try:
                while True:
                    await asyncio.sleep(0)
            except BaseException as exc:
                if type(exc) is not asyncio.CancelledError or exc.args != ("cancel",):
                    wrong.append(exc)
                raise

        async def main() -> None:
            while not stop.is_set():
                task = asyncio.create_task(victim())
                await passes(1)
                task.cancel("cancel")
                await asyncio.wait([task])
                if type(asyncio.CancelledError()) is not asyncio.CancelledError:
                    wrong.append("class")

        run(main())

    kinds = [type(f"Interrupt{number}", (InterruptException,), {}) for number in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=interrupter, args=[kind]) for kind in kinds]
        cancelling = threading.Thread(target=canceller)
        for thread in (*threads, cancelling):
            thread.start()
        for thread in threads:
            thread.join()
        stop.set()
        cancelling.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
    assert "__new__" not in vars(asyncio.CancelledError)


def test_interrupts_nest() -> None:
    log: list[int] = []

    async def main() -> None:
        tasks: list[asyncio.Task[None]] = []

        async def victim(number: int) -> None:
            try:
                await asyncio.sleep(0)
            except InterruptException:
                log.append(number)
                if number + 1 < len(tasks):
                    task_throw(tasks[number + 1], InterruptException())

        tasks += [asyncio.create_task(victim(number)) for number in range(20)]
        await passes(1)
        task_throw(tasks[0], InterruptException())
        assert all(task.done() for task in tasks)

    run(main())
    assert log == list(range(20))


# --- Memory ---


@pytest.mark.parametrize("wait", [0, 3600])
def test_nothing_is_kept_of_an_interrupted_task(wait: float) -> None:
    async def victim() -> None:
        await asyncio.sleep(wait)

    async def main() -> None:
        task = asyncio.create_task(victim())
        await passes(1)
        exc = InterruptException()
        gone: list[Any] = [weakref.ref(task), weakref.ref(exc)]
        gc.disable()
        try:
            task_throw(task, exc)
            del task, exc
            await passes(2)
            assert [ref() for ref in gone] == [None, None]
        finally:
            gc.enable()

    run(main())


def test_nothing_is_kept_of_a_block_that_timed_out() -> None:
    async def block(gone: list[Any], wait: float) -> None:
        timeout = task_timeout(0)
        gone += [weakref.ref(asyncio.current_task())]
        try:
            async with timeout:
                await asyncio.sleep(wait)
        except TimeoutError as exc:
            gone += [weakref.ref(exc.__cause__)]

    async def main() -> None:
        for wait in (0, 3600):
            gone: list[Any] = []
            gc.disable()
            try:
                await asyncio.create_task(block(gone, wait))
                await passes(2)
                assert [ref() for ref in gone] == [None] * 2
            finally:
                gc.enable()

    run(main())


# --- Debug mode ---


def test_interrupts_work_in_debug_mode() -> None:
    async def main() -> None:
        for wait in (0, 3600):
            task = asyncio.create_task(asyncio.sleep(wait))
            await passes(1)
            await task_interrupt(task, InterruptException())
            assert task.cancelled()

    with asyncio.Runner(debug=True) as runner:
        runner.run(main())


# --- The end of the program ---


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("wait", [0, 3600])
def test_an_interrupt_that_ends_the_program_ends_the_loop_and_not_the_caller(
    end: type[BaseException], awaited: bool, wait: float
) -> None:
    loop = asyncio.new_event_loop()
    log: list[str] = []

    async def victim() -> None:
        try:
            await asyncio.sleep(wait)
        except InterruptException:
            raise end from None

    async def main() -> None:
        task = loop.create_task(victim())
        await passes(1)
        if awaited:
            await task_interrupt(task, InterruptException())
        else:
            task_throw(task, InterruptException())
        log.append("went on")
        with pytest.raises(end):
            await task

    task = loop.create_task(main())
    with pytest.raises(end):
        loop.run_until_complete(task)
    loop.run_until_complete(task)
    assert log == ["went on"]
    loop.close()
