"""azip and azip_longest: several streams side by side."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from contextlib import aclosing, suppress
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import pytest
from aio_events import RepeatedEvent, UnqueuedRepeatedEvent, azip, azip_longest
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime

both = pytest.mark.parametrize("zip_", [azip, azip_longest])


class Source:
    """Items, each after a delay; an exception among them is raised. Not a generator: a step can be cancelled."""

    def __init__(self, runtime: Runtime, *items: object, delay: float = 1, closing: object = None) -> None:
        self.runtime = runtime
        self.items = list(items)
        self.delay = delay
        self.closing = closing
        self.log: list[str] = []

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            await self.runtime.sleep(self.delay)
        except BaseException:
            self.log.append("cancelled")
            raise
        if not self.items:
            raise StopAsyncIteration
        item = self.items.pop(0)
        if isinstance(item, Exception):
            raise item
        return item

    async def aclose(self) -> None:
        self.log.append("closing")
        await self.runtime.sleep(0.5)
        if isinstance(self.closing, Exception):
            raise self.closing
        self.log.append("closed")


class AtOnce(Source):
    """Fails in its first step: no cancellation comes in between, whichever the runtime begins with."""

    async def __anext__(self) -> Any:
        error = self.items.pop()
        assert isinstance(error, Exception)
        raise error


async def generate(runtime: Runtime, log: list[str], count: int, delay: float = 1) -> AsyncGenerator[int, None]:
    try:
        for number in range(count):
            await runtime.sleep(delay)
            yield number
    finally:
        log.append("closed")


async def test_sources_advance_side_by_side(runtime: Runtime) -> None:
    start = runtime.time()
    pairs = [pair async for pair in azip(Source(runtime, 1, 2, delay=3), Source(runtime, "a", "b", delay=2))]
    assert pairs == [(1, "a"), (2, "b")]
    # Two steps that take as long as the slower, the one that the end of the faster ends, and closing both.
    assert runtime.time() == pytest.approx(start + 3 + 3 + 2 + 2 * 0.5)


async def test_sources_may_wait_for_each_other(runtime: Runtime) -> None:
    event = RepeatedEvent()

    async def ask() -> AsyncIterator[str]:
        await event.wait()
        yield "asked"

    async def answer() -> AsyncIterator[str]:
        await runtime.sleep(1)
        event.set()
        yield "answered"

    assert [pair async for pair in azip(ask(), answer())] == [("asked", "answered")]


async def test_number_of_sources_is_free(runtime: Runtime) -> None:
    empty: azip[tuple[int, ...]] = azip()
    assert [item async for item in empty] == []
    assert [item async for item in azip_longest()] == []
    assert [item async for item in azip(Source(runtime, 1, 2))] == [(1,), (2,)]
    assert [item async for item in azip_longest(Source(runtime, 1, 2))] == [(1,), (2,)]
    assert [item async for item in azip(*(Source(runtime, number) for number in range(6)))] == [(0, 1, 2, 3, 4, 5)]


async def test_azip_ends_with_the_shortest_and_keeps_what_the_others_gave(runtime: Runtime) -> None:
    short, fast, slow = Source(runtime, 1, delay=2), Source(runtime, "a", "b", "c"), Source(runtime, "x", "y", delay=9)
    zipped = azip(fast, short, slow)
    assert [triple async for triple in zipped] == [("a", 1, "x")]
    assert zipped.leftover == {0: "b"}
    assert fast.items == ["c"]
    assert short.log == ["closing", "closed"]
    assert fast.log == ["closing", "closed"]
    # It was waited for: the step ended by its cancellation before the source was closed.
    assert slow.log == ["cancelled", "closing", "closed"]
    with pytest.raises(StopAsyncIteration):
        await anext(zipped)


async def test_azip_longest_goes_on_with_the_fill_value(runtime: Runtime) -> None:
    short, long = Source(runtime, 1), Source(runtime, "a", "b", "c")
    assert [pair async for pair in azip_longest(short, long, fillvalue=0)] == [(1, "a"), (0, "b"), (0, "c")]
    assert short.log == long.log == ["closing", "closed"]
    pairs = [pair async for pair in azip_longest(Source(runtime, 1, 2), Source(runtime, "a"))]
    assert pairs == [(1, "a"), (2, None)]


async def test_generators_serve_as_sources(runtime: Runtime) -> None:
    log: list[str] = []
    pairs = [pair async for pair in azip(generate(runtime, log, 2), generate(runtime, log, 5, delay=2))]
    assert pairs == [(0, 0), (1, 1)]
    assert log == ["closed", "closed"]


@given(lengths=st.lists(st.integers(0, 4), max_size=4), delays=st.lists(st.sampled_from([0, 1, 2]), min_size=4))
def test_tuples_are_those_of_zip_and_zip_longest(runtime: Runtime, lengths: list[int], delays: list[float]) -> None:
    async def compare() -> None:
        for zip_, builtin in ((azip, zip), (azip_longest, zip_longest)):
            make: Any = zip_
            sources = [
                Source(runtime, *range(length), delay=delay) for length, delay in zip(lengths, delays, strict=False)
            ]
            zipped = make(*sources)
            assert [item async for item in zipped] == list(builtin(*(range(length) for length in lengths)))
            assert [source.log[-2:] for source in sources] == [["closing", "closed"]] * len(sources)
            # Nothing is lost: what is in no tuple was not taken, or is left over.
            remaining = [list(source.items) for source in sources]
            for position, item in zipped.leftover.items():
                remaining[position].insert(0, item)
            given_out = min(lengths, default=0) if zip_ is azip else max(lengths, default=0)
            assert remaining == [list(range(length))[given_out:] for length in lengths]

    runtime.run(compare)


# --- errors --------------------------------------------------------------------------------------------------------


@both
async def test_single_error_is_raised_as_itself(zip_: Callable[..., Any], runtime: Runtime) -> None:
    error = KeyError("x")
    failing, waiting, fast = Source(runtime, 1, error, delay=2), Source(runtime, 1, 2, delay=5), Source(runtime, 1, 2)
    got = []
    zipped = zip_(failing, waiting, fast)
    with pytest.raises(KeyError) as caught:
        async for item in zipped:
            got.append(item)  # noqa: PERF401  # the loop fails
    assert caught.value is error
    assert got == [(1, 1, 1)]
    assert zipped.leftover == {2: 2}
    assert waiting.log == ["cancelled", "closing", "closed"]
    assert failing.log == fast.log == ["closing", "closed"]
    with pytest.raises(StopAsyncIteration):
        await anext(zipped)


@both
async def test_several_errors_are_raised_as_a_group(zip_: Callable[..., Any], runtime: Runtime) -> None:
    first, second = AtOnce(runtime, KeyError(1)), AtOnce(runtime, ValueError(2))
    with pytest.raises(ExceptionGroup) as caught:
        await anext(zip_(first, second))
    assert sorted(type(error).__name__ for error in caught.value.exceptions) == ["KeyError", "ValueError"]
    assert first.log == second.log == ["closing", "closed"]


async def test_end_of_one_source_does_not_hide_the_error_of_another(runtime: Runtime) -> None:
    with pytest.raises(KeyError):
        await anext(azip(AtOnce(runtime, StopAsyncIteration()), AtOnce(runtime, KeyError(1))))
    with pytest.raises(StopAsyncIteration):
        await anext(azip(AtOnce(runtime, StopAsyncIteration()), AtOnce(runtime, StopAsyncIteration())))


@both
@pytest.mark.parametrize("sources", [1, 2])
async def test_group_that_a_source_raises_is_raised_as_itself(
    zip_: Callable[..., Any], sources: int, runtime: Runtime
) -> None:
    group = ExceptionGroup("mine", [ValueError("x")])
    with pytest.raises(ExceptionGroup) as caught:
        await anext(zip_(AtOnce(runtime, group), *[Source(runtime, 1)] * (sources - 1)))
    assert caught.value is group


@both
async def test_group_that_a_source_raises_is_one_of_several_errors(zip_: Callable[..., Any], runtime: Runtime) -> None:
    group = ExceptionGroup("mine", [ValueError("x")])
    with pytest.raises(ExceptionGroup) as caught:
        await anext(zip_(AtOnce(runtime, group), AtOnce(runtime, KeyError("y"))))
    assert group in caught.value.exceptions
    assert len(caught.value.exceptions) == 2


@both
async def test_error_of_a_source_while_it_is_cancelled_is_raised(zip_: Callable[..., Any], runtime: Runtime) -> None:
    class Bad(Source):
        async def __anext__(self) -> Any:
            try:
                return await super().__anext__()
            except Exception:
                raise
            except BaseException:
                raise ValueError("bad clean-up") from None

    with pytest.raises(ExceptionGroup) as caught:
        await anext(zip_(Bad(runtime, 1, delay=5), Source(runtime, KeyError("x"))))
    assert sorted(type(error).__name__ for error in caught.value.exceptions) == ["KeyError", "ValueError"]


@both
async def test_errors_of_closing_are_raised_and_do_not_keep_the_others_open(
    zip_: Callable[..., Any], runtime: Runtime
) -> None:
    bad, good = Source(runtime, 1, closing=OSError("stuck")), Source(runtime, 1)
    zipped = zip_(bad, good)
    await anext(zipped)
    with pytest.raises(OSError, match="stuck"):
        await zipped.aclose()
    assert bad.log == ["closing"]
    assert good.log == ["closing", "closed"]
    bad, failing = Source(runtime, 1, closing=OSError("stuck")), Source(runtime, KeyError("x"))
    with pytest.raises(ExceptionGroup) as caught:
        await anext(zip_(bad, failing))
    assert [type(error) for error in caught.value.exceptions] == [KeyError, OSError]


@pytest.mark.parametrize("wrong", [[1], 5, None])
@both
def test_argument_that_is_no_async_iterable_is_named(zip_: Callable[..., Any], wrong: object) -> None:
    with pytest.raises(TypeError, match=r"argument 2 of azip\w* is not an async iterable"):
        zip_(UnqueuedRepeatedEvent(), wrong)


# --- cancellation and closing --------------------------------------------------------------------------------------


@both
async def test_cancelled_step_can_be_taken_up_again_and_loses_nothing(
    zip_: Callable[..., Any], runtime: Runtime
) -> None:
    fast, slow = Source(runtime, 1, 2), Source(runtime, "a", "b", delay=4)
    zipped = zip_(fast, slow)

    async def step() -> object:
        return await anext(zipped)

    async with runtime.tasks() as tasks:
        stepping = await tasks.block(step)
        await runtime.sleep(2)
        stepping.cancel()
        await runtime.settle()
        assert stepping.cancelled
        assert slow.log == ["cancelled"]
        assert zipped.leftover == {0: 1}
        assert await step() == (1, "a")
        assert await step() == (2, "b")
    assert fast.log == []


async def test_end_of_a_source_in_the_moment_of_a_cancellation_does_not_swallow_it(runtime: Runtime) -> None:
    ending, waiting = RepeatedEvent(), Source(runtime, "a", "b", delay=9)

    async def end() -> AsyncIterator[int]:
        await ending.wait()
        return
        yield

    zipped = azip(end(), waiting)

    async def step() -> object:
        return await anext(zipped)

    async with runtime.tasks() as tasks:
        stepping = await tasks.block(step)
        ending.set()
        stepping.cancel()
        await stepping.wait()
        assert stepping.cancelled
    assert waiting.log == ["cancelled"]
    # The end is not forgotten: the other is not asked again, but closed.
    with pytest.raises(StopAsyncIteration):
        await anext(zipped)
    assert waiting.log == ["cancelled", "closing", "closed"]
    assert waiting.items == ["a", "b"]


@both
async def test_error_in_the_moment_of_a_cancellation_is_raised_as_itself(
    zip_: Callable[..., Any], runtime: Runtime
) -> None:
    failing = RepeatedEvent()
    caught: list[BaseException] = []

    async def fail() -> AsyncIterator[int]:
        await failing.wait()
        raise KeyError("mine")
        yield

    async def step() -> None:
        try:
            await anext(zip_(fail(), Source(runtime, 1, delay=9)))
        except BaseException as error:
            caught.append(error)
            raise

    async with runtime.tasks() as tasks:
        stepping = await tasks.block(step)
        failing.set()
        stepping.cancel()
        await stepping.wait()
        with suppress(AssertionError, KeyError):
            stepping.outcome()
    assert repr(caught) == "[KeyError('mine')]"


@both
async def test_closing_closes_every_source(zip_: Callable[..., Any], runtime: Runtime) -> None:
    log: list[str] = []
    source = Source(runtime, 1, 2)
    async with aclosing(zip_(generate(runtime, log, 5), source)) as zipped:
        async for _ in zipped:
            break
    assert log == ["closed"]
    assert source.log == ["closing", "closed"]


@both
async def test_break_closes_every_source_soon(zip_: Callable[..., Any], runtime: Runtime) -> None:
    log: list[str] = []
    source = Source(runtime, 1, 2)
    gc.disable()
    try:
        async for _ in zip_(generate(runtime, log, 5), source):
            break
    finally:
        gc.enable()
    await runtime.sleep(2)
    assert log == ["closed"]
    assert source.log == ["closing", "closed"]


async def test_error_of_closing_after_break_is_logged(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    bad, good = Source(runtime, 1, closing=OSError("stuck")), Source(runtime, 1)
    with caplog.at_level(logging.ERROR, "aio_values"):
        async for _ in azip(bad, good):
            break
        await runtime.sleep(2)
    assert [record.message for record in caplog.records] == ["clean-up after a dropped object failed"]
    assert "stuck" in caplog.text
    assert good.log == ["closing", "closed"]


async def test_break_lets_go_of_event_listeners_at_once() -> None:
    unqueued, repeated = UnqueuedRepeatedEvent(), RepeatedEvent()
    gc.disable()
    try:
        async for _ in azip(repeated.events(repeat_last=True), repeated.events(repeat_last=True)):
            break
        zipped = azip(unqueued, repeated.events())
        with pytest.raises(RuntimeError, match="has a listener already"):
            aiter(unqueued)
        del zipped
        aiter(unqueued)
    finally:
        gc.enable()


@both
async def test_second_cancellation_does_not_leave_sources_open(zip_: Callable[..., Any], runtime: Runtime) -> None:
    sources = [Source(runtime, 1) for _ in range(3)]
    zipped = zip_(*sources)
    await anext(zipped)

    async with runtime.tasks() as tasks:
        closing = await tasks.block(zipped.aclose)
        closing.cancel()
        await runtime.settle()
        closing.cancel()
        await runtime.sleep(5)
        assert closing.done
    assert [source.log[0] for source in sources] == ["closing"] * 3


async def test_sources_without_aclose_are_fine(runtime: Runtime) -> None:
    class Plain:
        def __aiter__(self) -> Plain:
            return self

        async def __anext__(self) -> int:
            await runtime.yield_once()
            return 1

    async for pair in azip(Plain(), Plain()):
        assert pair == (1, 1)
        break
    await azip(Plain()).aclose()


async def test_two_tasks_cannot_share_an_iteration(runtime: Runtime) -> None:
    zipped = azip(Source(runtime, 1), Source(runtime, 2))

    async def step() -> object:
        return await anext(zipped)

    async with runtime.tasks() as tasks:
        stepping = await tasks.block(step)
        with pytest.raises(RuntimeError, match="another task waits for the next item"):
            await step()
        with pytest.raises(RuntimeError, match="cannot be closed"):
            await zipped.aclose()
        assert await stepping.result() == (1, 2)


def test_dropping_it_after_its_loop_has_ended_is_silent() -> None:
    class Endless:
        def __aiter__(self) -> Endless:
            return self

        async def __anext__(self) -> int:
            return 1

        async def aclose(self) -> None:
            pytest.fail("there is no loop left to close it in")

    kept: list[object] = []

    async def main() -> None:
        zipped = azip(Endless())
        await anext(zipped)
        kept.append(zipped)

    asyncio.run(main())
    kept.clear()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="starts no task eagerly")
def test_eager_tasks_may_end_or_fail_at_once() -> None:
    async def numbers(count: int) -> AsyncIterator[int]:
        for number in range(count):
            yield number
            await asyncio.sleep(0)

    async def fail() -> AsyncIterator[int]:
        raise KeyError("mine")
        yield

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009  # not on 3.11
        assert [pair async for pair in azip(numbers(1), numbers(3))] == [(0, 0)]
        assert [pair async for pair in azip(numbers(3), numbers(1))] == [(0, 0)]
        assert [pair async for pair in azip_longest(numbers(1), numbers(2))] == [(0, 0), (None, 1)]
        for zip_ in (azip, azip_longest):
            with pytest.raises(KeyError, match="mine"):
                await anext(zip_(fail(), numbers(3)))
        # No cancellation is on its way.
        await asyncio.sleep(0)

    asyncio.run(main())


async def test_repr_tells_how_many_and_the_state(runtime: Runtime) -> None:
    zipped = azip(Source(runtime), Source(runtime))
    assert repr(zipped) == "<azip of 2: ready>"
