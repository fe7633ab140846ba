"""On trio, every step of every iterator is a checkpoint: the one that finds the end, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from aio_events import (
    MailboxRepeatedEvent,
    RepeatedEvent,
    UnqueuedRepeatedEvent,
    azip,
    azip_longest,
    iter_fail_after,
    iter_move_on_after,
    periodic,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


async def nothing() -> AsyncIterator[int]:
    return
    yield


async def check_the_end(iterator: Any) -> None:
    for _ in range(2):
        with trio.testing.assert_checkpoints(), pytest.raises(StopAsyncIteration):
            await anext(iterator)


@pytest.mark.parametrize("zip_", [azip, azip_longest])
@pytest.mark.parametrize("sources", range(3))
def test_the_end_of_sources(zip_: Callable[..., Any], sources: int) -> None:
    trio.run(check_the_end, zip_(*(nothing() for _ in range(sources))))


@pytest.mark.parametrize("limited", [iter_fail_after, iter_move_on_after])
def test_the_end_of_a_limited_source(limited: Callable[..., Any]) -> None:
    trio.run(check_the_end, limited(1, nothing()))


@pytest.mark.parametrize(
    "make",
    [
        lambda: periodic(1),
        lambda: azip(nothing()),
        lambda: iter_move_on_after(1, nothing()),
        lambda: RepeatedEvent().events(),
        lambda: RepeatedEvent().unqueued_events(),
        lambda: aiter(MailboxRepeatedEvent()),
        lambda: aiter(UnqueuedRepeatedEvent()),
    ],
)
def test_what_was_closed(make: Callable[[], Any]) -> None:
    async def main() -> None:
        iterator = make()
        await iterator.aclose()
        await check_the_end(iterator)

    trio.run(main)
