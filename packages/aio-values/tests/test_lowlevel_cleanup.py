"""Clean-up that needs to await after an object was dropped; conditions of the running runtime."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from typing import TYPE_CHECKING

import anyio
import pytest
import trio
import trio.testing
from aio_values import lowlevel

if TYPE_CHECKING:
    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


async def test_detached_function_runs_soon_and_is_waited_for_by_nobody(runtime: Runtime) -> None:
    log: list[str] = []

    async def clean_up() -> None:
        log.append("begun")
        await runtime.sleep(1)
        log.append("done")

    lowlevel.start_detached(lowlevel.current_home(), clean_up)
    assert log == []
    await runtime.sleep(0.5)
    assert log == ["begun"]
    gc.collect()
    await runtime.sleep(1)
    assert log == ["begun", "done"]


async def test_error_of_a_detached_function_is_logged(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise OSError("stuck")

    with caplog.at_level(logging.ERROR, "aio_values"):
        lowlevel.start_detached(lowlevel.current_home(), fail)
        await runtime.sleep(1)
    assert [record.message for record in caplog.records] == ["clean-up after a dropped object failed"]
    assert "stuck" in caplog.text


async def test_it_can_be_started_from_another_thread(runtime: Runtime) -> None:
    done = lowlevel.create_waiter()

    async def clean_up() -> None:
        done.set_result(threading.get_ident())

    home = lowlevel.current_home()
    thread = threading.Thread(target=lowlevel.start_detached, args=(home, clean_up))
    thread.start()
    thread.join()
    assert await done == threading.get_ident()


def test_nothing_happens_once_the_home_is_over(runtime: Runtime) -> None:
    async def main() -> lowlevel.Home:
        return lowlevel.current_home()

    async def clean_up() -> None:
        pytest.fail("there is nothing left to run it")

    lowlevel.start_detached(runtime.run(main), clean_up)


def test_trio_run_that_is_about_to_end_takes_no_new_task_and_ends_well() -> None:
    begun: list[int] = []

    async def clean_up() -> None:
        begun.append(1)

    async def main() -> str:
        home = lowlevel.current_home()

        async def linger() -> None:
            try:
                await trio.sleep_forever()
            finally:
                lowlevel.start_detached(home, clean_up)

        trio.lowlevel.spawn_system_task(linger)
        await trio.testing.wait_all_tasks_blocked()
        return "ended"

    assert trio.run(main) == "ended"
    assert begun == []


async def test_condition_is_that_of_the_runtime(runtime: Runtime) -> None:
    condition = lowlevel.create_condition()
    assert type(condition) is {"asyncio": asyncio.Condition, "trio": trio.Condition}[runtime.library]
    for each in (condition, anyio.Condition()):
        assert isinstance(each, lowlevel.Condition)


def test_condition_is_asyncios_where_nothing_runs() -> None:
    assert type(lowlevel.create_condition()) is asyncio.Condition
    assert not isinstance(asyncio.Lock(), lowlevel.Condition)
