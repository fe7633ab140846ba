"""`CoroStart` and `coro_await`."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import inspect
import traceback
import types
import weakref
from collections.abc import Coroutine, Generator
from typing import Any, cast

import pytest
import trio
from aio_coro import CoroStart, coro_await, coro_is_done, coro_is_new

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class Hand:
    """Awaiting it yields it, once; what is sent comes back."""

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield self)


async def returns(value: Any = 1) -> Any:
    return value


async def fails(error: BaseException) -> None:
    raise error


async def fails_by_itself() -> None:
    raise ValueError("kept")


async def waits_once(hand: Hand, log: list[Any] | None = None) -> Any:
    try:
        return "got", await hand
    except BaseException as error:
        if log is not None:
            log.append(repr(error))
        raise
    finally:
        if log is not None:
            log.append("finally")


def drive(iterator: Any, *sent: Any) -> tuple[list[Any], Any]:
    """What an awaitable's iterator yields for what is sent, and what it returns."""
    yielded = []
    try:
        for value in (None, *sent):
            yielded.append(iterator.send(value))  # noqa: PERF401  (a comprehension would change StopIteration)
    except StopIteration as stop:
        return yielded, stop.value
    raise AssertionError(f"it did not end: {yielded}")


def test_a_coroutine_that_does_not_wait_is_done_at_once() -> None:
    start = CoroStart(returns(7))
    assert start.done()
    assert start.result() == 7
    assert start.result() == 7
    assert start.exception() is None
    assert drive(start.__await__()) == ([], 7)


def test_a_coroutine_that_waits_is_suspended_and_goes_on_when_awaited() -> None:
    hand = Hand()
    start = CoroStart(waits_once(hand))
    assert not start.done()
    assert drive(start.__await__(), "answer") == ([hand], ("got", "answer"))


def test_every_value_sent_later_reaches_the_coroutine() -> None:
    first, second, third = Hand(), Hand(), Hand()

    async def coro() -> Any:
        return [await first, await second, await third]

    for context in (None, contextvars.copy_context()):
        start = CoroStart(coro(), context=context)
        assert drive(start.__await__(), 1, None, 3) == ([first, second, third], [1, None, 3])


@pytest.mark.parametrize("context", [None, contextvars.copy_context()], ids=["no context", "context"])
@pytest.mark.parametrize("resumptions", [0, 1, 2])
def test_an_exception_thrown_at_any_resumption_is_raised_in_the_coroutine(
    resumptions: int, context: contextvars.Context | None
) -> None:
    log: list[Any] = []

    async def coro() -> str:
        for _ in range(resumptions):
            await Hand()
        try:
            await Hand()
        except ValueError as error:
            log.append(error.__context__)
        await Hand()
        try:
            raise KeyError
        except KeyError as error:
            log.append(error.__context__)
        return "end"

    iterator = CoroStart(coro(), context=context).__await__()
    for _ in range(resumptions + 1):
        iterator.send(None)
    iterator.throw(ValueError("thrown"))
    assert drive(iterator) == ([], "end")
    # The exception is not being handled while the coroutine runs on: nothing is raised in its context.
    assert log == [None, None]


@pytest.mark.parametrize("context", [None, contextvars.copy_context()], ids=["no context", "context"])
@pytest.mark.parametrize("resumptions", [0, 1])
def test_closing_the_await_closes_the_coroutine(resumptions: int, context: contextvars.Context | None) -> None:
    log: list[Any] = []

    async def coro() -> None:
        for _ in range(resumptions):
            await Hand()
        await waits_once(Hand(), log)

    iterator = CoroStart(coro(), context=context).__await__()
    for _ in range(resumptions + 1):
        iterator.send(None)
    iterator.close()
    assert log == ["GeneratorExit()", "finally"]


def test_a_coroutine_that_ignores_the_closing_of_its_await_is_reported() -> None:
    async def stubborn() -> None:
        with contextlib.suppress(GeneratorExit):
            await Hand()
        await Hand()

    iterator = CoroStart(stubborn()).__await__()
    iterator.send(None)
    with pytest.raises(RuntimeError, match="coroutine ignored GeneratorExit"):
        iterator.close()


def test_an_exception_is_kept_with_the_traceback_of_the_coroutine_only() -> None:
    start = CoroStart(fails(ValueError("kept")))
    assert start.done()
    error = start.exception()
    assert isinstance(error, ValueError)
    for _ in range(3):
        with pytest.raises(ValueError, match="kept") as raised:
            start.result()
        assert raised.value is error
        names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        assert names[-3:] == [
            "test_an_exception_is_kept_with_the_traceback_of_the_coroutine_only",
            "result",
            "fails",
        ]


def test_no_reference_cycle_keeps_a_failed_start_alive() -> None:
    gc.collect()
    gc.disable()
    try:
        start = CoroStart(fails_by_itself())
        reference = weakref.ref(start)
        with contextlib.suppress(ValueError):
            start.result()
        with contextlib.suppress(ValueError):
            drive(start.__await__())
        del start
        assert reference() is None
        thrown = CoroStart(waits_once(Hand()))
        reference = weakref.ref(thrown)
        with contextlib.suppress(ValueError):
            thrown.throw(ValueError("thrown"))
        del thrown
        assert reference() is None
    finally:
        gc.enable()


def test_stop_iteration_of_the_coroutine_is_a_runtime_error_as_pep_479_says() -> None:
    start = CoroStart(fails(StopIteration(3)))
    with pytest.raises(RuntimeError, match="coroutine raised StopIteration"):
        start.result()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupts_are_raised_at_once_and_kept(kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        CoroStart(fails(kind()))
    start = CoroStart(fails(kind()), autostart=False)
    with pytest.raises(kind):
        start.start()
    assert isinstance(start.exception(), kind)


def test_start_tells_whether_the_coroutine_is_done() -> None:
    quick = CoroStart(returns(), autostart=False)
    assert not quick.done()
    assert quick.start() is True
    slow = CoroStart(waits_once(Hand()), autostart=False)
    assert slow.start() is False
    slow.close()


def test_awaiting_starts_what_has_not_started() -> None:
    hand = Hand()
    assert drive(CoroStart(waits_once(hand), autostart=False).__await__(), 5) == ([hand], ("got", 5))


def test_misuse_is_a_clear_error_and_changes_nothing() -> None:
    hand = Hand()
    start = CoroStart(waits_once(hand))
    for look in (start.result, start.exception):
        with pytest.raises(asyncio.InvalidStateError, match="has no result: it is suspended"):
            look()
    with pytest.raises(RuntimeError, match="cannot start this CoroStart: it is suspended"):
        start.start()
    with pytest.raises(RuntimeError, match="cannot make a future of this CoroStart: it is suspended, not done"):
        start.as_future()
    with pytest.raises(TypeError, match="must be classes or instances deriving from BaseException, not int"):
        start.throw(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tries must be at least 1, not 0"):
        start.throw(ValueError, tries=0)
    assert drive(start.__await__(), 1) == ([hand], ("got", 1))


def test_awaiting_twice_is_an_error_whatever_happened_first() -> None:
    done = CoroStart(returns())
    drive(done.__await__())
    failed = CoroStart(fails(KeyError()))
    with pytest.raises(KeyError):
        drive(failed.__await__())
    finished = CoroStart(waits_once(Hand()))
    drive(finished.__await__(), 1)
    waiting = CoroStart(waits_once(Hand()))
    iterator = waiting.__await__()
    iterator.send(None)
    for start in (done, failed, finished, waiting):
        with pytest.raises(RuntimeError, match="cannot await this CoroStart: it is already awaited"):
            drive(start.__await__())
        with pytest.raises(asyncio.InvalidStateError, match="already awaited"):
            start.result()
        with pytest.raises(RuntimeError, match="cannot throw into this CoroStart: it is already awaited"):
            start.throw(ValueError())
    iterator.close()


def test_it_cannot_be_closed_while_it_is_awaited_or_runs() -> None:
    start = CoroStart(waits_once(Hand()))
    iterator = start.__await__()
    iterator.send(None)
    with pytest.raises(RuntimeError, match="it is being awaited"):
        start.close()
    iterator.close()

    async def closes_itself() -> None:
        with pytest.raises(RuntimeError, match="cannot close this CoroStart: it is running"):
            itself.close()
        with pytest.raises(RuntimeError, match="cannot await this CoroStart: it is running"):
            drive(itself.__await__())

    itself = CoroStart(closes_itself(), autostart=False)
    assert itself.start()
    itself.result()


def test_what_is_no_coroutine_is_refused() -> None:
    with pytest.raises(TypeError, match=r"CoroStart\(\) takes a coroutine, not <function returns.*call it first"):
        CoroStart(returns)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"CoroStart\(\) takes a coroutine, not 5"):
        CoroStart(5, autostart=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("autostart", [True, False])
def test_what_is_no_context_is_refused_and_leaves_the_coroutine_as_it_was(autostart: bool) -> None:
    coro = returns()
    with pytest.raises(TypeError, match=r"context must be a contextvars\.Context, not int"):
        CoroStart(coro, context=5, autostart=autostart)  # type: ignore[arg-type]
    assert coro_is_new(coro)
    coro.close()


def test_the_coroutine_sees_its_own_start_as_running() -> None:
    class Job(CoroStart[str]):
        def __init__(self) -> None:
            super().__init__(self.run())

        async def run(self) -> str:
            assert not self.done()
            with pytest.raises(RuntimeError, match="cannot close this CoroStart: it is running"):
                self.close()
            with pytest.raises(asyncio.InvalidStateError, match="it is running"):
                self.result()
            return repr(self)

    assert Job().result().endswith("Job.run, running>")


def test_a_suspended_coroutine_can_be_followed_through_what_awaits_it() -> None:
    async def awaits(start: CoroStart[Any]) -> Any:
        return await start

    async def waits_twice() -> None:
        await Hand()
        await Hand()

    coro = waits_twice()
    awaiting: Any = awaits(CoroStart(coro))
    awaiting.send(None)
    awaiting.send(None)  # from here on the interpreter resumes it
    awaited: Any = awaiting.cr_await
    chain = []
    while awaited is not None:
        chain.append(awaited)
        awaited = getattr(awaited, "gi_yieldfrom", None) or getattr(awaited, "cr_await", None)
    assert coro in chain
    awaiting.close()


def test_classic_coroutines_and_objects_with_the_methods_of_one_work() -> None:
    hand = Hand()

    @types.coroutine
    def classic() -> Generator[Any, Any, Any]:
        first = yield hand
        return first, (yield hand)

    assert drive(CoroStart(classic()).__await__(), None, 2) == ([hand, hand], (None, 2))


def test_close_runs_the_clean_up_and_leaves_nothing_to_await() -> None:
    log: list[Any] = []
    start = CoroStart(waits_once(Hand(), log))
    start.close()
    start.close()
    assert log == ["GeneratorExit()", "finally"]
    with pytest.raises(RuntimeError, match="cannot await this CoroStart: it is closed"):
        drive(start.__await__())
    done = CoroStart(returns(3))
    done.close()
    assert done.result() == 3
    new = CoroStart(returns(), autostart=False)
    new.close()
    with pytest.raises(RuntimeError, match="cannot start this CoroStart: it is closed"):
        new.start()


def test_a_coroutine_that_ignores_close_stays_as_it_is() -> None:
    hand = Hand()

    async def stubborn() -> str:
        with contextlib.suppress(GeneratorExit):
            await Hand()
        await hand
        return "end"

    start = CoroStart(stubborn())
    with pytest.raises(RuntimeError, match="coroutine ignored GeneratorExit"):
        start.close()
    assert not start.done()


def test_throw_returns_or_raises_what_the_coroutine_makes_of_it() -> None:
    async def recovers() -> str:
        try:
            await Hand()
        except ValueError:
            return "recovered"
        raise AssertionError

    recovered = CoroStart(recovers())
    assert recovered.throw(ValueError) == "recovered"
    assert recovered.done()
    assert recovered.throw(KeyError) == "recovered"
    with pytest.raises(KeyError):
        CoroStart(waits_once(Hand())).throw(KeyError("out"))


def test_throw_tries_as_often_as_told_and_leaves_the_rest_to_be_awaited() -> None:
    hands = [Hand(), Hand(), Hand()]

    async def stubborn() -> str:
        for hand in hands:
            with contextlib.suppress(ValueError):
                await hand
        return "end"

    start = CoroStart(stubborn())
    with pytest.raises(RuntimeError, match="coroutine ignored ValueError"):
        start.throw(ValueError())
    assert drive(start.__await__(), None, None) == (hands[1:], "end")
    assert CoroStart(stubborn()).throw(ValueError, tries=3) == "end"


def test_throwing_into_what_has_not_started_ends_it() -> None:
    start = CoroStart(waits_once(Hand()), autostart=False)
    with pytest.raises(KeyError):
        start.throw(KeyError())
    assert start.done()


@pytest.mark.parametrize("stop", [StopIteration(5), StopIteration])
def test_a_stop_iteration_thrown_into_what_has_not_started_is_no_result(stop: Any) -> None:
    start = CoroStart(returns(), autostart=False)
    with pytest.raises((StopIteration, RuntimeError)):  # a RuntimeError on Python 3.11, where it passes the coroutine
        start.throw(stop)
    assert start.exception() is not None


def test_all_of_the_coroutine_runs_in_the_context() -> None:
    seen: list[str] = []

    async def coro() -> None:
        variable.set("inside")
        try:
            await Hand()
        finally:
            seen.append(variable.get())
        await Hand()
        seen.append(variable.get())

    context = contextvars.copy_context()
    drive(CoroStart(coro(), context=context).__await__(), 1, 2)
    assert seen == ["inside", "inside"]
    assert variable.get() == "unset"
    assert context[variable] == "inside"
    closed = CoroStart(coro(), context=contextvars.copy_context())
    closed.close()
    thrown = CoroStart(coro(), context=contextvars.copy_context())
    with pytest.raises(KeyError):
        thrown.throw(KeyError)
    assert seen[2:] == ["inside", "inside"]


def test_a_context_that_is_entered_is_refused_and_leaves_the_coroutine_as_it_was() -> None:
    context = contextvars.copy_context()
    coro = returns("still works")

    def inside() -> None:
        with pytest.raises(RuntimeError, match="already entered"):
            CoroStart(coro, context=context)

    context.run(inside)
    assert CoroStart(coro).result() == "still works"


def test_repr_names_the_coroutine_and_its_state() -> None:
    start = CoroStart(returns(), autostart=False)
    assert repr(start) == "<CoroStart of returns, not started>"
    start.start()
    assert repr(start) == "<CoroStart of returns, done, with a result>"


@pytest.mark.asyncio
async def test_it_is_awaitable_and_as_a_coroutine_makes_a_task() -> None:
    start = CoroStart(asyncio.sleep(0, "slept"))
    assert inspect.isawaitable(start)
    task = asyncio.create_task(start.as_coroutine())
    assert await task == "slept"
    assert await asyncio.wait_for(CoroStart(returns(2)), 10) == 2


@pytest.mark.asyncio
async def test_as_awaitable_spares_a_task_for_what_is_done() -> None:
    done, waiting = CoroStart(returns(1)), CoroStart(asyncio.sleep(0, 2))
    first, second = done.as_awaitable(), waiting.as_awaitable()
    assert isinstance(first, asyncio.Future)
    assert second is waiting
    results: list[Any] = list(await asyncio.gather(first, second))
    assert results == [1, 2]


@pytest.mark.asyncio
async def test_as_future_holds_result_exception_or_cancellation() -> None:
    assert CoroStart(returns(1)).as_future().result() == 1
    error = ValueError("kept")
    assert CoroStart(fails(error)).as_future().exception() is error
    cancelled = CoroStart(fails(asyncio.CancelledError("why"))).as_future()
    assert cancelled.cancelled()
    with pytest.raises(asyncio.CancelledError, match="why"):
        await cancelled


def test_as_future_needs_a_running_loop() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        CoroStart(returns()).as_future()


@pytest.mark.asyncio
async def test_a_cancelled_await_cancels_the_coroutine() -> None:
    log: list[Any] = []
    future = asyncio.get_running_loop().create_future()

    async def waits() -> None:
        try:
            await future
        finally:
            log.append("finally")

    start = CoroStart(waits())
    task = asyncio.create_task(start.as_coroutine())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert future.cancelled()
    assert log == ["finally"]


@pytest.mark.asyncio
async def test_aclosing_cleans_up_what_was_not_awaited() -> None:
    log: list[Any] = []

    async def coro() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            log.append("cleaned up")

    with pytest.raises(KeyError):
        async with contextlib.aclosing(CoroStart(coro())):
            raise KeyError
    assert log == ["cleaned up"]
    async with contextlib.aclosing(CoroStart(asyncio.sleep(0, 5))) as start:
        assert await start == 5
    async with contextlib.aclosing(CoroStart(returns())) as start:
        pass
    async with contextlib.aclosing(CoroStart(waits_once(Hand()), autostart=False)) as start:
        pass
    assert coro_is_done(start._coro)


@pytest.mark.asyncio
async def test_aclose_raises_what_the_clean_up_raises_and_leaves_it_closed() -> None:
    async def coro() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise KeyError("clean-up")

    start = CoroStart(coro())
    with pytest.raises(KeyError, match="clean-up"):
        await start.aclose()
    await start.aclose()
    with pytest.raises(RuntimeError, match="it is closed"):
        await start


@pytest.mark.asyncio
async def test_aclose_refuses_what_another_task_awaits() -> None:
    start = CoroStart(asyncio.sleep(3600))
    task = asyncio.create_task(start.as_coroutine())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="it is being awaited"):
        await start.aclose()
    task.cancel()
    await asyncio.wait([task])
    await start.aclose()


@pytest.mark.asyncio
async def test_athrow_awaits_what_the_coroutine_makes_of_the_exception() -> None:
    async def recovers() -> str:
        try:
            await asyncio.sleep(3600)
        except ValueError:
            await asyncio.sleep(0)
            return "recovered"
        raise AssertionError

    assert await CoroStart(recovers()).athrow(ValueError()) == "recovered"
    assert await CoroStart(returns("done")).athrow(ValueError()) == "done"
    with pytest.raises(KeyError):
        await CoroStart(recovers()).athrow(KeyError)
    with pytest.raises(KeyError):
        await CoroStart(recovers(), autostart=False).athrow(KeyError)


@pytest.mark.asyncio
async def test_coro_await_runs_in_the_context_and_passes_everything_on() -> None:
    async def sets() -> str:
        variable.set("inner")
        await asyncio.sleep(0)
        return variable.get()

    context = contextvars.copy_context()
    assert await coro_await(sets(), context=context) == "inner"
    assert variable.get() == "unset"
    assert context[variable] == "inner"
    assert await coro_await(sets()) == "inner"
    assert variable.get() == "inner"
    with pytest.raises(KeyError):
        await coro_await(fails(KeyError()), context=contextvars.copy_context())


def test_it_works_on_trio_within_one_task() -> None:
    async def main() -> None:
        async with contextlib.aclosing(CoroStart(trio.sleep(0))) as start:
            await start
        log: list[Any] = []

        async def coro() -> None:
            try:
                await trio.sleep_forever()
            finally:
                log.append(trio.current_time() > 0)

        context = contextvars.copy_context()
        with trio.move_on_after(0.01) as scope:
            await coro_await(coro(), context=context)
        assert scope.cancelled_caught
        assert log == [True]

    trio.run(main)


def test_coroutines_of_any_class_are_resumed_by_their_methods() -> None:
    class Delegate(Coroutine[Any, Any, Any]):
        def __init__(self) -> None:
            self.coro = waits_once(Hand())
            self.calls: list[str] = []

        def send(self, value: Any) -> Any:
            self.calls.append("send")
            return self.coro.send(value)

        def throw(self, *exception: Any) -> Any:
            self.calls.append("throw")
            return self.coro.throw(*exception)

        def close(self) -> None:
            self.calls.append("close")
            self.coro.close()

        def __await__(self) -> Generator[Any, Any, Any]:
            raise AssertionError

        @property
        def cr_frame(self) -> types.FrameType | None:
            return cast("types.CoroutineType[Any, Any, Any]", self.coro).cr_frame

    delegate = Delegate()
    assert drive(CoroStart(delegate).__await__(), None)[1] == ("got", None)
    assert delegate.calls == ["send", "send"]
