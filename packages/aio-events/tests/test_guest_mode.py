"""trio as a guest of asyncio in one thread: events set on one side, listened to on both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import trio
from aio_events import MailboxRepeatedEvent, RepeatedEvent, azip
from aio_values import AsyncDictionary, lowlevel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def run_with_guest(host: Callable[[], Awaitable[Any]], guest: Callable[[], Awaitable[Any]]) -> tuple[Any, Any]:
    async def main() -> tuple[Any, Any]:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Any] = loop.create_future()
        trio.lowlevel.start_guest_run(
            guest, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=ended.set_result
        )
        async with asyncio.timeout(30):
            return await host(), (await ended).unwrap()

    return asyncio.run(main())


def test_each_side_wakes_the_other() -> None:
    ping, pong = MailboxRepeatedEvent(), MailboxRepeatedEvent()

    async def answer(heard: MailboxRepeatedEvent, said: MailboxRepeatedEvent) -> str:
        rounds = 0
        async for _ in heard:
            said.set()
            rounds += 1
            if rounds == 50:
                break
        return lowlevel.current_runtime()

    ping.set()
    assert run_with_guest(lambda: answer(ping, pong), lambda: answer(pong, ping)) == ("asyncio", "trio")


def test_listeners_of_both_sides_share_an_event() -> None:
    event = RepeatedEvent()
    listening: set[str] = set()

    async def listen() -> int:
        events = event.events()
        listening.add(lowlevel.current_runtime())
        rounds = 0
        async for _ in events:
            rounds += 1
            if rounds == 3:
                return rounds
        raise AssertionError

    async def host() -> int:
        rounds = asyncio.ensure_future(listen())
        while not rounds.done() or len(listening) < 2 or repr(event).endswith("1 waiting>"):
            event.set()
            await asyncio.sleep(0.001)
        return await rounds

    assert run_with_guest(host, listen) == (3, 3)


def test_dictionary_carries_values_to_and_fro() -> None:
    letters: AsyncDictionary[str, int] = AsyncDictionary()

    async def host() -> int:
        for number in range(20):
            letters["to trio"] = number
            assert await letters.pop_wait("to asyncio") == -number
        return len(letters)

    async def guest() -> int:
        for _ in range(20):
            letters["to asyncio"] = -await letters.pop_wait("to trio")
        return len(letters)

    assert run_with_guest(host, guest)[0] == 0


def test_sources_are_closed_on_their_own_side_after_break() -> None:
    closed: list[str] = []

    class Source:
        def __aiter__(self) -> Source:
            return self

        async def __anext__(self) -> int:
            await lowlevel.sleep(0)
            return 1

        async def aclose(self) -> None:
            closed.append(lowlevel.current_runtime())

    async def leave() -> None:
        async for _ in azip(Source(), Source()):
            break
        while closed.count(lowlevel.current_runtime()) < 2:
            await lowlevel.sleep(0.001)

    run_with_guest(leave, leave)
    assert sorted(closed) == ["asyncio", "asyncio", "trio", "trio"]
