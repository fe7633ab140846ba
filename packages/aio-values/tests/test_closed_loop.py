"""Tasks that a closed loop left pending: they are passed over, and nothing that was meant for others is lost."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest
from aio_values import AsyncDictionary
from aio_values.lowlevel import WaitQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Wait = Callable[[], Coroutine[Any, Any, Any]]

pytestmark = pytest.mark.asyncio_logs_errors


def left_pending(wait: Wait) -> asyncio.Task[Any]:
    """A task that waits, for ever, since its loop is closed."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(wait())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    return task


def outcomes(wait: Wait, wake: Callable[[], object]) -> tuple[object, list[object]]:
    """What `wake` answers, and what it wakes two waits with that stand behind one of a closed loop."""
    left = left_pending(wait)

    async def main() -> tuple[object, list[object]]:
        nonlocal left
        waits = [asyncio.ensure_future(wait()) for _ in range(2)]
        await asyncio.sleep(0)
        answer = wake()
        # It is dropped before the others have run, and has nothing to pass on to them.
        del left
        gc.collect()
        done, pending = await asyncio.wait(waits, timeout=0.01)
        for task in pending:
            task.cancel()
        return answer, [task.exception() or task.result() for task in waits if task in done]

    return asyncio.run(main())


def test_one_woken_in_a_queue_is_one_that_can_run() -> None:
    queue = WaitQueue[str]()
    assert outcomes(queue.park, lambda: queue.wake_one("one")) == (True, ["one"])
    left = left_pending(queue.park)
    assert not queue.wake_one("nobody")
    del left


def test_all_woken_in_a_queue_are_those_that_can_run() -> None:
    queue = WaitQueue[str]()
    assert outcomes(queue.park, lambda: queue.wake_all("all")) == (2, ["all", "all"])
    error = ConnectionError()
    assert outcomes(queue.park, lambda: queue.fail_all(error)) == (2, [error, error])


def test_what_a_dropped_task_cannot_take_is_not_lost_twice() -> None:
    queue = WaitQueue[str]()
    lost: list[str] = []
    outcomes(lambda: queue.park(lost=lost.append), lambda: queue.wake_all("all"))
    assert lost == []


def test_assigned_value_goes_to_those_that_can_run() -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    assert outcomes(lambda: d.get_wait("key"), lambda: d.update(key=1))[1] == [1, 1]
    d.clear()
    assert outcomes(lambda: d.pop_wait("key"), lambda: d.update(key=2))[1] == [2]
    assert d == {}
    left = left_pending(lambda: d.pop_wait("key"))
    d["key"] = 3
    assert d == {"key": 3}
    del left


def test_exception_reaches_those_that_can_run() -> None:
    d: AsyncDictionary[str, int] = AsyncDictionary()
    error = ConnectionError()
    for wait in (d.get_wait, d.pop_wait):
        assert outcomes(lambda wait=wait: wait("key"), lambda: d.set_exception("key", error)) == (2, [error, error])  # type: ignore[misc]
    assert not d.is_waiting("key")
