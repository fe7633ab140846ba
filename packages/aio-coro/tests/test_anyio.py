"""`aio_coro.anyio`: every method of anyio's task group, on asyncio with tasks that start at once, and on trio."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
from aio_coro import eager_task_factory
from aio_coro.anyio import EagerTaskGroup, create_eager_task_group
from anyio import TaskHandle
from anyio.abc import TaskGroup, TaskStatus

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

Main = Callable[[], Coroutine[Any, Any, Any]]


def on_asyncio(main: Main) -> Any:
    return anyio.run(main, backend="asyncio")


def on_uvloop(main: Main) -> Any:
    return anyio.run(main, backend="asyncio", backend_options={"use_uvloop": True})


def on_asyncio_in_debug_mode(main: Main) -> Any:
    return anyio.run(main, backend="asyncio", backend_options={"debug": True})


def under_the_eager_factory(main: Main) -> Any:
    async def with_the_factory() -> Any:
        asyncio.get_running_loop().set_task_factory(eager_task_factory)
        return await main()

    return on_asyncio(with_the_factory)


def on_trio(main: Main) -> Any:
    return anyio.run(main, backend="trio")


ON_ASYNCIO = [on_asyncio, on_uvloop, on_asyncio_in_debug_mode, under_the_eager_factory]
at_once = pytest.mark.parametrize("run", ON_ASYNCIO)
everywhere = pytest.mark.parametrize("run", [*ON_ASYNCIO, on_trio])


# At once, on asyncio


@at_once
def test_start_soon_runs_the_first_part_before_it_returns(run: Callable[[Main], Any]) -> None:
    log: list[object] = []

    async def child(value: str) -> str:
        log.append(value)
        await anyio.sleep(0)
        log.append("resumed")
        return value

    async def main() -> None:
        async with create_eager_task_group() as group:
            handle = group.start_soon(child, "first part", name="given")
            log.append("caller")
            assert handle.name == "given"
            assert await handle == "first part"
        assert log == ["first part", "caller", "resumed"]

    run(main)


@at_once
def test_create_task_runs_the_first_part_before_it_returns(run: Callable[[Main], Any]) -> None:
    async def child() -> int:
        return 42

    async def main() -> None:
        async with create_eager_task_group() as group:
            handle = group.create_task(child())
            assert handle.status is TaskHandle.Status.FINISHED
            assert handle.return_value == 42

    run(main)


@at_once
def test_start_runs_the_first_part_before_its_result_is_awaited(run: Callable[[Main], Any]) -> None:
    log: list[object] = []

    async def child(*, task_status: TaskStatus[str]) -> None:
        log.append("first part")
        task_status.started("value")
        await anyio.sleep(0)
        log.append("resumed")

    async def main() -> None:
        async with create_eager_task_group() as group:
            start = group.start(child)
            log.append("caller")
            log.append(await start)
        assert log[:2] == ["first part", "caller"]
        assert sorted(log[2:], key=str) == ["resumed", "value"]

    run(main)


@at_once
def test_the_first_part_is_the_childs_own(run: Callable[[Main], Any]) -> None:
    async def child() -> bool:
        before = anyio.get_current_task().id
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep_forever()
        assert scope.cancelled_caught
        with anyio.move_on_after(0.001) as scope:
            async with anyio.create_task_group() as inner:
                inner.start_soon(anyio.sleep_forever)
                await anyio.sleep_forever()
        assert scope.cancelled_caught
        return anyio.get_current_task().id == before

    async def main() -> None:
        caller = anyio.get_current_task().id
        async with create_eager_task_group() as group:
            handles = [group.start_soon(child), group.create_task(child())]
            assert anyio.get_current_task().id == caller
            assert [await handle for handle in handles] == [True, True]
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(main)


@at_once
def test_a_scope_around_the_caller_does_not_reach_the_child(run: Callable[[Main], Any]) -> None:
    async def child() -> str:
        await anyio.sleep(0.002)
        return "went on"

    async def main() -> None:
        async with create_eager_task_group() as group:
            with anyio.CancelScope() as scope:
                handle = group.start_soon(child)
                scope.cancel()
            assert await handle == "went on"

    run(main)


@at_once
def test_tasks_are_started_from_a_callback(run: Callable[[Main], Any]) -> None:
    async def child() -> str:
        with anyio.fail_after(5):
            await anyio.sleep(0)
        return "done"

    async def main() -> None:
        async with create_eager_task_group() as group:
            handles: list[TaskHandle[str]] = []
            asyncio.get_running_loop().call_soon(lambda: handles.append(group.start_soon(child)))
            await anyio.sleep(0.001)
            assert await handles[0] == "done"

    run(main)


@at_once
def test_a_context_that_is_entered_is_an_error(run: Callable[[Main], Any]) -> None:
    async def child() -> None: ...

    async def main() -> None:
        context = contextvars.copy_context()
        async with create_eager_task_group() as group:
            coro = child()
            with pytest.raises(RuntimeError, match="entered already"):
                context.run(lambda: group.create_task(coro, context=context))
            coro.close()

    run(main)


@pytest.mark.asyncio_logs_errors
@at_once
def test_what_ends_the_program_is_raised_to_the_caller(run: Callable[[Main], Any]) -> None:
    async def child() -> None:
        raise SystemExit(3)

    async def main() -> None:
        async with create_eager_task_group() as group:
            caller = asyncio.current_task()
            with pytest.raises(SystemExit):
                group.start_soon(child)
            assert asyncio.current_task() is caller

    with pytest.raises(BaseExceptionGroup) as caught:  # anyio's group keeps it as well, as it does for later parts
        run(main)
    assert caught.group_contains(SystemExit)


# As in anyio's own groups, on every backend


@everywhere
def test_the_group_waits_for_its_tasks(run: Callable[[Main], Any]) -> None:
    log: list[str] = []

    async def child() -> None:
        await anyio.sleep(0.001)
        log.append("done")

    async def main() -> None:
        async with create_eager_task_group() as group:
            group.start_soon(child)
            group.create_task(child())
        assert log == ["done", "done"]

    run(main)


@everywhere
def test_an_error_in_the_first_part_reaches_the_group(run: Callable[[Main], Any]) -> None:
    async def failing() -> None:
        raise ValueError("first part")

    async def main() -> None:
        cancelled = False
        with pytest.raises(ExceptionGroup) as caught:
            async with create_eager_task_group() as group:
                group.start_soon(failing)
                try:
                    await anyio.sleep_forever()
                finally:
                    cancelled = True
        assert cancelled
        assert caught.group_contains(ValueError, match="first part")

    run(main)


@everywhere
def test_cancelling_the_group_cancels_its_tasks(run: Callable[[Main], Any]) -> None:
    async def main() -> None:
        async with create_eager_task_group() as group:
            handles = [group.start_soon(anyio.sleep_forever) for _ in range(3)]
            await anyio.sleep(0.001)
            group.cancel("enough")
        assert [handle.status for handle in handles] == [TaskHandle.Status.CANCELLED] * 3
        async with create_eager_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            group.cancel_scope.cancel()
        assert group.cancel_scope.cancelled_caught or group.cancel_scope.cancel_called

    run(main)


@everywhere
def test_a_task_started_in_a_cancelled_group_is_cancelled_where_it_first_suspends(run: Callable[[Main], Any]) -> None:
    async def main() -> None:
        async with create_eager_task_group() as group:
            group.cancel()
            handle = group.start_soon(anyio.sleep_forever)
        assert handle.status is TaskHandle.Status.CANCELLED

    run(main)


@everywhere
def test_a_handle_cancels_its_task_only(run: Callable[[Main], Any]) -> None:
    async def main() -> None:
        async with create_eager_task_group() as group:
            stopped = group.start_soon(anyio.sleep_forever)
            kept = group.start_soon(anyio.sleep, 0.002)
            stopped.cancel()
            await stopped.wait()
            await kept
        assert stopped.status is TaskHandle.Status.CANCELLED

    run(main)


@everywhere
def test_start_returns_the_value_or_the_handle(run: Callable[[Main], Any]) -> None:
    async def child(value: int, *, task_status: TaskStatus[int]) -> str:
        await anyio.sleep(0)
        task_status.started(value)
        await anyio.sleep(0)
        return "returned"

    async def main() -> None:
        async with create_eager_task_group() as group:
            assert await group.start(child, 3, name="named") == 3
            handle = await group.start(child, 4, return_handle=True)
            assert handle.start_value == 4
            assert await handle == "returned"

    run(main)


@everywhere
def test_a_task_that_ends_without_reporting_its_start_is_an_error(run: Callable[[Main], Any]) -> None:
    async def silent(*, task_status: TaskStatus[None]) -> None: ...

    async def main() -> None:
        async with create_eager_task_group() as group:
            with pytest.raises(RuntimeError, match=r"without calling task_status.started\(\)"):
                await group.start(silent)

    run(main)


@everywhere
def test_an_error_before_the_start_is_reported_reaches_whoever_awaits_the_start(run: Callable[[Main], Any]) -> None:
    async def failing(*, task_status: TaskStatus[None]) -> None:
        raise ValueError("too early")

    async def main() -> None:
        async with create_eager_task_group() as group:
            with pytest.raises(ValueError, match="too early"):
                await group.start(failing)

    run(main)


@everywhere
def test_an_error_after_the_start_is_reported_reaches_the_group(run: Callable[[Main], Any]) -> None:
    async def failing(*, task_status: TaskStatus[int]) -> None:
        task_status.started(3)
        raise ValueError("later")

    async def main() -> None:
        with pytest.raises(ExceptionGroup) as caught:
            async with create_eager_task_group() as group:
                await group.start(failing)
        assert caught.group_contains(ValueError, match="later")

    run(main)


@everywhere
def test_cancelling_the_wait_for_a_start_cancels_the_task(run: Callable[[Main], Any]) -> None:
    log: list[str] = []

    async def slow(*, task_status: TaskStatus[None]) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0)
            log.append("cleaned up")

    async def main() -> None:
        async with create_eager_task_group() as group:
            with anyio.move_on_after(0.001) as scope:
                await group.start(slow)
            assert scope.cancelled_caught
            assert log == ["cleaned up"]

    run(main)


@everywhere
def test_a_task_gets_a_copy_of_the_given_context(run: Callable[[Main], Any]) -> None:
    async def child() -> str:
        before = variable.get()
        variable.set("child's")
        return before

    async def main() -> None:
        context = contextvars.copy_context()
        context.run(variable.set, "given")
        async with create_eager_task_group() as group:
            handle = group.create_task(child(), context=context)
            assert await handle == "given"
        assert context[variable] == "given"
        assert variable.get() == "unset"

    run(main)


@everywhere
def test_misuse_is_an_error_as_in_anyios_own_groups(run: Callable[[Main], Any]) -> None:
    async def child() -> None: ...

    async def starting(*, task_status: TaskStatus[None]) -> None: ...

    async def main() -> None:
        group = create_eager_task_group()
        with pytest.raises(RuntimeError, match="not active"):
            group.start_soon(child)
        with pytest.raises(RuntimeError, match="not active"):
            await group.start(starting)
        async with group:
            with pytest.raises(TypeError, match="coroutine"):
                group.create_task(child)  # type: ignore[arg-type]
            with pytest.raises(TypeError, match="coroutine"):
                group.start_soon(lambda: 3)  # type: ignore[arg-type, return-value]
        with pytest.raises(RuntimeError, match="not active"):
            group.start_soon(child)

    run(main)


@everywhere
def test_the_group_is_an_anyio_task_group_and_says_how_it_starts_tasks(run: Callable[[Main], Any]) -> None:
    async def main() -> None:
        async with create_eager_task_group() as group:
            assert isinstance(group, TaskGroup)
            assert isinstance(group, EagerTaskGroup)
            assert group.starts_at_once == (run is not on_trio)
            assert ("on trio, starts tasks as usual" if run is on_trio else "starts tasks at once") in repr(group)

    run(main)


def test_on_trio_tasks_start_as_usual() -> None:
    log: list[str] = []

    async def child() -> None:
        log.append("child")

    async def main() -> None:
        async with create_eager_task_group() as group:
            group.start_soon(child)
            log.append("caller")
        assert log == ["caller", "child"]

    on_trio(main)


@at_once
def test_a_start_that_is_dropped_leaves_its_task_to_the_group(run: Callable[[Main], Any]) -> None:
    log: list[str] = []

    async def child(delay: float, *, task_status: TaskStatus[None]) -> None:
        await anyio.sleep(delay)
        task_status.started()
        await anyio.sleep(0.001)
        log.append("done")

    async def main() -> None:
        async with create_eager_task_group() as group:
            with anyio.CancelScope() as scope:
                for delay in (0, 0.001):
                    start = group.start(child, delay)
                    await anyio.sleep(0)
                    with pytest.warns(RuntimeWarning, match="never awaited"):
                        del start
            assert not scope.cancelled_caught
        assert log == ["done", "done"]

    run(main)


@pytest.mark.asyncio_logs_errors
def test_a_failure_to_start_that_nobody_awaits_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(*, task_status: TaskStatus[None]) -> None:
        raise ValueError("not started")

    async def main() -> None:
        async with create_eager_task_group() as group:
            start = group.start(failing)
            with pytest.warns(RuntimeWarning, match="never awaited"):
                del start

    on_asyncio(main)
    assert "failed before it reported its start" in caplog.text
    assert "ValueError: not started" in caplog.text


def test_without_anyio_the_error_names_the_extra() -> None:
    code = "import sys; sys.modules['anyio'] = None; import aio_coro.anyio"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError: aio_coro.anyio needs anyio: pip install aio-coro[anyio]" in done.stderr
