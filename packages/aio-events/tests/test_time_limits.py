"""iter_move_on_after and iter_fail_after: a time limit for each item of a stream."""

from __future__ import annotations

import asyncio
import math
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trio
from aio_events import MailboxRepeatedEvent, RepeatedEvent, iter_fail_after, iter_move_on_after
from aio_values import AsyncValue

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime

both = pytest.mark.parametrize("limited", [iter_move_on_after, iter_fail_after])


class Source:
    """Gives the delays themselves, each after its time; an exception is raised. A wait can be begun again."""

    def __init__(self, runtime: Runtime, *delays: float | Exception, closing: float = 0) -> None:
        self.runtime = runtime
        self.delays = list(delays)
        self.closing = closing
        self.closed = 0

    def __aiter__(self) -> AsyncIterator[float]:
        return self

    async def __anext__(self) -> float:
        if not self.delays:
            raise StopAsyncIteration
        delay = self.delays[0]
        if isinstance(delay, Exception):
            raise delay
        await self.runtime.sleep(delay)
        return self.delays.pop(0)  # type: ignore[return-value]  # exceptions are raised above

    async def aclose(self) -> None:
        await self.runtime.sleep(self.closing)
        self.closed += 1


async def generate(runtime: Runtime, *delays: float) -> AsyncGenerator[float, None]:
    for delay in delays:
        await runtime.sleep(delay)
        yield delay


@both
async def test_items_in_time_pass_and_the_source_is_closed_at_its_end(
    limited: Callable[..., Any], runtime: Runtime
) -> None:
    source = Source(runtime, 1, 2, 3)
    items = limited(5, source)
    assert [item async for item in items] == [1, 2, 3]
    assert source.closed == 1
    with pytest.raises(StopAsyncIteration):
        await anext(items)


@both
async def test_time_of_the_body_does_not_count(limited: Callable[..., Any], runtime: Runtime) -> None:
    got = []
    async for item in limited(2, Source(runtime, 1, 1, 1)):
        got.append(item)
        await runtime.sleep(10)
    assert got == [1, 1, 1]


async def test_move_on_ends_quietly_at_the_time_limit(runtime: Runtime) -> None:
    start = runtime.time()
    items = iter_move_on_after(5, Source(runtime, 1, 10))
    assert [item async for item in items] == [1]
    assert runtime.time() == pytest.approx(start + 6)
    with pytest.raises(StopAsyncIteration):
        await anext(items)


async def test_fail_raises_the_runtimes_error_at_the_time_limit(runtime: Runtime) -> None:
    start = runtime.time()
    got = []
    with pytest.raises(TimeoutError, match=r"no item of .*Source.* within 5 seconds") as caught:
        async for item in iter_fail_after(5, Source(runtime, 1, 10)):
            got.append(item)  # noqa: PERF401  # the loop fails
    assert got == [1]
    assert runtime.time() == pytest.approx(start + 6)
    assert isinstance(caught.value, trio.TooSlowError) == (runtime.library == "trio")


async def test_source_survives_the_time_limit_where_it_can_be_resumed(runtime: Runtime) -> None:
    source = Source(runtime, 1, 10, 2)
    assert [item async for item in iter_move_on_after(5, source)] == [1]
    assert source.closed == 0
    failing = iter_fail_after(5, source)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await anext(failing)
    assert source.closed == 0
    assert [item async for item in iter_move_on_after(20, source)] == [10, 2]
    assert source.closed == 1


async def test_iterators_of_this_family_survive_and_lose_nothing(runtime: Runtime) -> None:
    repeated, mailbox, value = RepeatedEvent(), MailboxRepeatedEvent(), AsyncValue(0)
    events, listening, values = repeated.events(), aiter(mailbox), value.eventual_values()
    assert await anext(values) == 0
    for source in (events, listening, values):
        assert [item async for item in iter_move_on_after(1, source)] == []
    repeated.set()
    mailbox.set()
    value.value = 5
    await anext(events)
    await anext(listening)
    assert await anext(values) == 5


async def test_memory_channel_survives(runtime: Runtime) -> None:
    send, receive = anyio.create_memory_object_stream[int](5)
    async with send, receive:
        assert [item async for item in iter_move_on_after(1, receive)] == []
        send.send_nowait(1)
        assert await anext(iter_fail_after(1, receive)) == 1


async def test_generator_is_finished_by_a_time_limit(runtime: Runtime) -> None:
    source = generate(runtime, 1, 10, 1)
    assert [item async for item in iter_move_on_after(5, source)] == [1]
    assert [item async for item in source] == []


@both
async def test_closing_closes_the_source_also_after_a_time_limit(limited: Callable[..., Any], runtime: Runtime) -> None:
    for delays in ([1, 10], [10]):
        source = Source(runtime, *delays)
        async with aclosing(limited(5, source)) as items:
            try:
                async for _ in items:
                    if len(delays) == 2:
                        break
            except TimeoutError:
                assert limited is iter_fail_after
        assert source.closed == 1
        await items.aclose()
        assert source.closed == 1


@both
async def test_break_leaves_the_source_open(limited: Callable[..., Any], runtime: Runtime) -> None:
    source = Source(runtime, 1, 2, 3)
    async for _ in limited(5, source):
        break
    await runtime.sleep(1)
    assert source.closed == 0
    assert [item async for item in source] == [2, 3]


@both
async def test_error_of_the_source_is_raised_as_itself_and_closes_it(
    limited: Callable[..., Any], runtime: Runtime
) -> None:
    for error in (KeyError("x"), TimeoutError("its own")):
        source = Source(runtime, 1, error)
        items = limited(5, source)
        assert await anext(items) == 1
        with pytest.raises(type(error)) as caught:
            await anext(items)
        assert caught.value is error
        assert source.closed == 1


@both
async def test_error_of_the_source_is_raised_as_itself_though_its_closing_is_cancelled(
    limited: Callable[..., Any], runtime: Runtime
) -> None:
    source = Source(runtime, KeyError("x"), closing=10)
    caught: list[BaseException] = []

    async def step() -> None:
        try:
            await anext(limited(50, source))
        except BaseException as error:
            caught.append(error)
        await runtime.sleep(1)

    async with runtime.tasks() as tasks:
        stepping = await tasks.block(step)
        stepping.cancel()
        await stepping.wait()
        # Before 3.13, asyncio's cancellation is replaced by the error.
        assert stepping.cancelled or (runtime.library == "asyncio" and sys.version_info < (3, 13))
    assert repr(caught) == "[KeyError('x')]"


@both
async def test_closing_at_the_end_is_not_under_the_time_limit(limited: Callable[..., Any], runtime: Runtime) -> None:
    source = Source(runtime, closing=10)
    assert [item async for item in limited(1, source)] == []
    assert source.closed == 1


@both
async def test_cancellation_from_outside_is_no_time_limit(limited: Callable[..., Any], runtime: Runtime) -> None:
    source = Source(runtime, 10)
    items = limited(50, source)

    async def step() -> None:
        await anext(items)

    async with runtime.tasks() as tasks:
        stepping = await tasks.block(step)
        stepping.cancel()
        await runtime.settle()
        assert stepping.cancelled
        with pytest.raises(RuntimeError, match="another task"):
            waiting = await tasks.block(step)
            assert not waiting.done
            await step()
    assert source.closed == 0


@pytest.mark.parametrize("unlimited", [None, math.inf])
@both
async def test_no_limit(limited: Callable[..., Any], unlimited: float | None, runtime: Runtime) -> None:
    assert [item async for item in limited(unlimited, Source(runtime, 1000))] == [1000]


@both
async def test_zero_takes_what_is_ready(limited: Callable[..., Any], runtime: Runtime) -> None:
    event = RepeatedEvent()
    event.set()
    items = limited(0, event.events())
    if limited is iter_fail_after:
        with pytest.raises(TimeoutError):
            await anext(items)
    else:
        with pytest.raises(StopAsyncIteration):
            await anext(items)


@both
def test_wrong_arguments_are_refused(limited: Callable[..., Any]) -> None:
    for timeout in (-1, math.nan):
        with pytest.raises(ValueError, match="timeout must be zero or more seconds"):
            limited(timeout, MailboxRepeatedEvent())
    with pytest.raises(TypeError, match="ait must be an async iterable"):
        limited(1, [1])
    with pytest.raises(TypeError, match="timeout must be a number of seconds"):
        limited("1", MailboxRepeatedEvent())


async def test_repr_tells_limit_source_and_state(runtime: Runtime) -> None:
    items = iter_move_on_after(5, RepeatedEvent().events())
    assert repr(items) == "<iter_move_on_after 5 seconds for each item of <Events: ready>: ready>"
    assert [item async for item in items] == []
    assert repr(items).endswith(": at its end>")


def test_outside_of_a_task_it_says_what_is_missing() -> None:
    async def main() -> None:
        await asyncio.sleep(0)

    asyncio.run(main())
    with pytest.raises(RuntimeError, match="event loop or a trio task"):
        anext(iter_move_on_after(1, RepeatedEvent().events())).send(None)
