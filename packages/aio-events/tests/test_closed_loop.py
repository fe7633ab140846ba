"""Listeners that a closed loop left pending: they are passed over, and keep nobody from listening."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from aio_events import MailboxRepeatedEvent, RepeatedEvent, UnqueuedRepeatedEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


pytestmark = pytest.mark.asyncio_logs_errors


def leave_pending(wait: Callable[[], Coroutine[Any, Any, object]]) -> asyncio.Task[object]:
    loop = asyncio.new_event_loop()
    task = loop.create_task(wait())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    return task


@pytest.mark.parametrize("method", ["wait", "events", "unqueued_events"])
def test_those_behind_it_are_woken(method: str) -> None:
    event = RepeatedEvent()

    async def wait() -> None:
        if method == "wait":
            await event.wait()
        else:
            await anext(getattr(event, method)())

    async def main() -> None:
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        event.set()
        await waiting

    pending = leave_pending(wait)
    asyncio.run(main())
    assert not pending.done()


@pytest.mark.parametrize("set_before", [True, False])
@pytest.mark.parametrize("make", [MailboxRepeatedEvent, UnqueuedRepeatedEvent])
def test_its_place_is_taken_over(
    make: Callable[[], MailboxRepeatedEvent | UnqueuedRepeatedEvent], set_before: bool
) -> None:
    event = make()

    async def wait() -> None:
        async for _ in event:
            return

    pending = leave_pending(wait)
    reference = weakref.ref(pending)

    async def main() -> None:
        if set_before:
            event.set()
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        # The one that was pending ends where another waits now.
        nonlocal pending
        del pending
        gc.collect()
        assert reference() is None
        event.set()
        await waiting

    asyncio.run(main())
