"""What type checkers infer; mypy checks these on every run of the checks, Python only runs them."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeGuard, assert_type

import pytest
from aio_events import (
    MailboxRepeatedEvent,
    RepeatedEvent,
    UnqueuedRepeatedEvent,
    azip,
    azip_longest,
    first,
    iter_fail_after,
    iter_move_on_after,
    periodic,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

pytestmark = pytest.mark.every_runtime


async def numbers() -> AsyncIterator[int]:
    yield 1


async def words() -> AsyncIterator[str]:
    yield "a"


async def either() -> AsyncGenerator[int | str, None]:
    yield 1
    yield "a"


def is_word(item: int | str) -> TypeGuard[str]:
    return isinstance(item, str)


async def test_first_gives_an_item_or_the_default() -> None:
    assert assert_type(await first(numbers(), lambda n: n > 5), int | None) is None
    assert assert_type(await first(numbers(), lambda n: n > 5, 2), int) == 2
    assert assert_type(await first(numbers(), lambda n: n > 5, "none"), int | str) == "none"
    async with aclosing(either()) as items:
        assert assert_type(await first(items, is_word), str | None) == "a"
    async with aclosing(either()) as items:
        assert assert_type(await first(items, is_word, 0), str | int) == "a"


async def test_zips_give_tuples_of_the_sources_items() -> None:
    async for one in azip(numbers()):
        assert assert_type(one, tuple[int]) == (1,)
    async for two in azip(numbers(), words()):
        assert assert_type(two, tuple[int, str]) == (1, "a")
    async for three in azip(numbers(), words(), numbers()):
        assert assert_type(three, tuple[int, str, int]) == (1, "a", 1)
    async for many in azip(*(numbers() for _ in range(3))):
        assert assert_type(many, tuple[int, ...]) == (1, 1, 1)
    async for filled in azip_longest(numbers(), words()):
        assert assert_type(filled, tuple[int | None, str | None]) == (1, "a")
    async for with_fill in azip_longest(numbers(), words(), fillvalue=0.5):
        assert assert_type(with_fill, tuple[int | float, str | float]) == (1, "a")


async def test_time_limits_give_the_sources_items() -> None:
    async for number in iter_move_on_after(1, numbers()):
        assert assert_type(number, int) == 1
    async for word in iter_fail_after(None, words()):
        assert assert_type(word, str) == "a"


async def test_periodic_gives_elapsed_and_delta() -> None:
    async for elapsed, delta in periodic(1):
        assert assert_type(elapsed, float) == 0
        assert assert_type(delta, float | None) is None
        break


def test_events_give_none() -> None:
    unqueued: AsyncIterator[None] = aiter(UnqueuedRepeatedEvent())
    mailbox: AsyncIterator[None] = aiter(MailboxRepeatedEvent())
    events: Any = assert_type(RepeatedEvent().events(), "AsyncIterator[None]")
    assert unqueued is not mailbox
    assert events is not None
