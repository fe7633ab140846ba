"""`Monitor`, `BoundMonitor` and `OOBData`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import types
import weakref
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import pytest
import trio
from aio_coro import BoundMonitor, CoroStart, Monitor, OOBData, SynchronousError, await_sync, eager
from hypothesis import given
from hypothesis import strategies as st

Main = Callable[[Callable[[], Awaitable[None]]], None]


def on_asyncio(main: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await main()

    asyncio.run(run())


def on_trio(main: Callable[[], Awaitable[None]]) -> None:
    trio.run(main)


def on_nothing(main: Callable[[], Awaitable[None]]) -> None:
    await_sync(main())


everywhere = pytest.mark.parametrize("run", [on_asyncio, on_trio, on_nothing])


async def pause() -> None:
    """A real suspension where there is a loop."""
    if trio.lowlevel.in_trio_task():
        await trio.lowlevel.checkpoint()
    elif asyncio._get_running_loop() is not None:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, None)
        await future


class Suspend:
    """Yields once to whoever drives the coroutine."""

    def __await__(self) -> Generator[None]:
        yield


async def asks(monitor: Monitor, *questions: Any) -> list[Any]:
    answers = []
    for question in questions:
        answers.append(await monitor.oob(question))
        await pause()
    return answers


async def deep(monitor: Monitor, depth: int, data: Any) -> Any:
    return await (monitor.oob(data) if depth == 0 else deep(monitor, depth - 1, data))


async def answer_all(monitor: Monitor, coro: Any, answer: Callable[[Any], Any]) -> tuple[list[Any], Any]:
    """Await a coroutine to its end: the messages, and the result."""
    messages: list[Any] = []
    data = None
    while True:
        try:
            return messages, await monitor.aawait(coro, data)
        except OOBData as message:
            messages.append(message.data)
            data = answer(message.data)


@everywhere
def test_messages_go_up_and_answers_come_back(run: Main) -> None:
    async def main() -> None:
        monitor = Monitor()
        assert await answer_all(monitor, asks(monitor, 1, None, "x"), lambda data: (data, "answer")) == (
            [1, None, "x"],
            [(1, "answer"), (None, "answer"), ("x", "answer")],
        )
        assert await answer_all(monitor, deep(monitor, 50, "deep"), lambda _: "answer") == (["deep"], "answer")

    run(main)


@everywhere
def test_a_bound_monitor_is_awaited_again_and_again(run: Main) -> None:
    async def main() -> None:
        monitor: Monitor[str] = Monitor()
        bound = monitor(asks(monitor, "first", "second"))
        assert isinstance(bound, BoundMonitor)
        assert inspect.isawaitable(bound)
        with pytest.raises(OOBData) as message:
            await bound
        assert message.value.data == "first"
        with pytest.raises(OOBData) as message:
            await bound.aawait("one")
        assert message.value.data == "second"
        assert await bound.aawait("two") == ["one", "two"]

    run(main)


@everywhere
def test_an_exception_can_be_the_answer(run: Main) -> None:
    async def main() -> None:
        contexts = []

        async def recovers() -> str:
            try:
                await monitor.oob("question")
            except LookupError as error:
                contexts.append(error.__context__)
            await pause()
            try:
                raise KeyError
            except KeyError as error:
                contexts.append(error.__context__)
            await monitor.oob("again")
            return "end"

        monitor: Monitor[str] = Monitor()
        bound = monitor(recovers())
        assert await bound.start() == "question"
        with pytest.raises(OOBData) as message:
            await bound.athrow(LookupError("answer"))
        assert message.value.data == "again"
        assert contexts == [None, None]
        with pytest.raises(KeyError):
            await bound.athrow(KeyError)

    run(main)


def test_an_exception_can_end_the_coroutine_with_a_result() -> None:
    async def returns() -> str:
        try:
            await monitor.oob()
        except LookupError:
            return "given up"
        raise AssertionError

    monitor = Monitor()
    bound = monitor(returns())
    await_sync(bound.start())
    assert await_sync(bound.athrow(LookupError)) == "given up"


@everywhere
def test_aclose_lets_everything_on_the_way_out_await(run: Main) -> None:
    log: list[str] = []

    async def inner(monitor: Monitor) -> None:
        try:
            await monitor.oob()
        except GeneratorExit:
            log.append("exit")
            raise
        finally:
            await pause()
            log.append("inner")

    async def outer(monitor: Monitor) -> None:
        try:
            await inner(monitor)
        finally:
            await pause()
            log.append("outer")

    async def main() -> None:
        log.clear()
        monitor = Monitor()
        async with contextlib.aclosing(monitor(outer(monitor))) as bound:
            await bound.start()
        assert log == ["exit", "inner", "outer"]
        await bound.aclose()
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await bound

    run(main)


def test_aclose_of_what_has_not_begun_or_has_ended_does_nothing() -> None:
    monitor = Monitor()
    new = asks(monitor, 1)
    await_sync(monitor.aclose(new))
    assert inspect.getcoroutinestate(new) == inspect.CORO_CLOSED
    await_sync(monitor.aclose(new))


@pytest.mark.parametrize("clean_up", ["nothing", "a wait", "a message"])
def test_what_is_not_suspended_in_a_message_ends_with_generator_exit(clean_up: str) -> None:
    """A coroutine that was begun by hand, and not by the monitor."""

    async def child() -> None:
        try:
            await Suspend()
        finally:
            if clean_up == "a wait":
                await Suspend()
            elif clean_up == "a message":
                await m.oob("clean-up")

    m: Monitor[str] = Monitor()
    coro = child()
    coro.send(None)
    closing = m.athrow(coro, GeneratorExit)
    if clean_up == "a wait":
        closing.send(None)
    elif clean_up == "a message":
        with pytest.raises(OOBData):
            closing.send(None)
        closing = m.aawait(coro)
    with pytest.raises(GeneratorExit):
        closing.send(None)
    assert inspect.getcoroutinestate(coro) == inspect.CORO_CLOSED


def test_aclose_of_what_is_not_suspended_in_a_message_is_silent() -> None:
    async def child() -> None:
        await Suspend()

    m: Monitor[str] = Monitor()
    coro = child()
    coro.send(None)
    await_sync(m.aclose(coro))
    assert inspect.getcoroutinestate(coro) == inspect.CORO_CLOSED


def test_aclose_of_what_goes_on_sending_is_an_error_and_can_be_repeated() -> None:
    async def stubborn() -> None:
        with contextlib.suppress(GeneratorExit):
            await monitor.oob(1)
        await monitor.oob(2)

    monitor = Monitor()
    bound = monitor(stubborn())
    await_sync(bound.start())
    with pytest.raises(RuntimeError, match="coroutine ignored GeneratorExit: it sent 2"):
        await_sync(bound.aclose())
    await_sync(bound.aclose())


def test_aclose_of_what_returns_or_raises_instead() -> None:
    async def returns() -> None:
        with contextlib.suppress(GeneratorExit):
            await monitor.oob()

    async def raises() -> None:
        try:
            await monitor.oob()
        finally:
            raise KeyError("clean-up")

    monitor = Monitor()
    bound = monitor(returns())
    await_sync(bound.start())
    await_sync(bound.aclose())
    bound = monitor(raises())
    await_sync(bound.start())
    with pytest.raises(KeyError, match="clean-up"):
        await_sync(bound.aclose())


@everywhere
def test_nested_monitors_each_get_their_own_messages(run: Main) -> None:
    async def main() -> None:
        outer, inner = Monitor(), Monitor()

        async def innermost() -> list[Any]:
            return [await outer.oob("to outer"), await inner.oob("to inner"), await outer.oob("to outer again")]

        async def middle() -> Any:
            return await answer_all(inner, innermost(), lambda data: f"inner answers {data}")

        messages, (inner_messages, result) = await answer_all(outer, middle(), lambda data: f"outer answers {data}")
        assert messages == ["to outer", "to outer again"]
        assert inner_messages == ["to inner"]
        assert result == [
            "outer answers to outer",
            "inner answers to inner",
            "outer answers to outer again",
        ]

    run(main)


@given(st.lists(st.integers(0, 4), max_size=30), st.integers(1, 5))
def test_every_message_of_any_sequence_reaches_its_monitor_in_a_chain_of_any_depth(
    targets: list[int], depth: int
) -> None:
    targets = [target % depth for target in targets]
    monitors = [Monitor() for _ in range(depth)]
    received: list[list[int]] = [[] for _ in range(depth)]

    async def sender() -> list[Any]:
        return [await monitors[target].oob(index) for index, target in enumerate(targets)]

    async def layer(level: int) -> Any:
        if level == depth:
            return await sender()
        messages, result = await answer_all(monitors[level], layer(level + 1), lambda data: (level, data))
        received[level] = messages
        return result

    assert await_sync(layer(0)) == [(target, index) for index, target in enumerate(targets)]
    assert received == [[index for index, target in enumerate(targets) if target == level] for level in range(depth)]


def test_exceptions_and_closing_pass_through_nested_monitors() -> None:
    outer, inner = Monitor(), Monitor()
    log: list[str] = []

    async def innermost() -> None:
        try:
            await outer.oob(1)
        except LookupError:
            log.append("thrown")
        try:
            await outer.oob(2)
        finally:
            await asyncio.sleep(0)
            log.append("closed")

    async def middle() -> None:
        await inner.aawait(innermost())

    bound = outer(middle())
    await_sync(bound.start())
    with pytest.raises(OOBData):
        await_sync(bound.athrow(LookupError))
    await_sync(bound.aclose())
    assert log == ["thrown", "closed"]
    assert repr(inner) == "<Monitor idle>"


def test_start_and_try_await_drive_a_parser() -> None:
    async def line(monitor: Monitor) -> tuple[bytes, bytes]:
        buffer = b""
        while b"\n" not in buffer:
            buffer += await monitor.oob()
        head, _, rest = buffer.partition(b"\n")
        return head, rest

    monitor = Monitor()
    bound = monitor(line(monitor))
    assert await_sync(bound.start()) is None
    assert await_sync(bound.try_await(b"he")) is None
    assert await_sync(bound.try_await(b"l", "more")) == "more"
    assert await_sync(bound.try_await(b"l", sentinel="more")) == "more"
    assert await_sync(bound.try_await(b"o\nnext")) == (b"hello", b"next")


def test_start_of_a_coroutine_that_sends_nothing_is_an_error() -> None:
    async def silent() -> str:
        return "result"

    with pytest.raises(RuntimeError, match=r"coroutine did not call Monitor.oob\(\), it returned 'result'"):
        await_sync(Monitor().start(silent()))


def test_oob_outside_of_what_is_awaited_is_an_error() -> None:
    monitor = Monitor()
    with pytest.raises(RuntimeError, match="from outside of what this monitor awaits: the monitor is idle"):
        await_sync(monitor.oob(1))
    assert await_sync(answer_all(monitor, deep(monitor, 0, 1), str)) == ([1], "1")


@pytest.mark.asyncio
async def test_oob_in_another_task_is_an_error_there_and_the_monitor_goes_on() -> None:
    monitor = Monitor()
    waiting = asyncio.Event()

    async def coro() -> Any:
        waiting.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return await monitor.oob("own")

    async def other() -> None:
        await waiting.wait()
        with pytest.raises(RuntimeError, match="the monitor is waiting with its coroutine"):
            await monitor.oob("other")

    task = asyncio.create_task(other())
    assert await answer_all(monitor, coro(), lambda _: "answer") == (["own"], "answer")
    await task


@pytest.mark.asyncio
async def test_oob_in_a_task_that_is_started_at_once_is_an_error_there() -> None:
    monitor = Monitor()
    log: list[str] = []

    async def child() -> None:
        try:
            await monitor.oob("other")
        except RuntimeError as error:
            log.append(str(error))

    async def coro() -> Any:
        await eager(child())
        return await monitor.oob("own")

    assert await answer_all(monitor, coro(), lambda _: "answer") == (["own"], "answer")
    assert len(log) == 1
    assert "in a task of its own" in log[0]


def test_a_monitor_in_use_cannot_be_entered_again_and_stays_usable() -> None:
    monitor = Monitor()
    other = deep(monitor, 0, "never")
    errors: list[str] = []

    async def coro() -> Any:
        for call in (monitor.aawait, monitor.aclose, monitor.start, monitor.try_await):
            with pytest.raises(RuntimeError, match="cannot be re-entered: this monitor is running") as raised:
                await call(other)
            errors.append(str(raised.value))
        with pytest.raises(RuntimeError, match="cannot be re-entered"):
            await monitor.athrow(other, KeyError())
        return await monitor.oob("own")

    assert await_sync(answer_all(monitor, coro(), str)) == (["own"], "own")
    assert len(errors) == 4
    other.close()


@pytest.mark.asyncio
async def test_a_monitor_whose_coroutine_waits_cannot_be_entered_by_another_task() -> None:
    monitor = Monitor()
    bound = monitor(asyncio.sleep(3600))
    task = asyncio.ensure_future(bound)
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="cannot be re-entered: this monitor is waiting with its coroutine"):
        await bound
    assert repr(bound) == "<BoundMonitor of sleep, <Monitor waiting with its coroutine>>"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert repr(monitor) == "<Monitor idle>"


def test_a_finished_coroutine_is_an_error_and_the_monitor_stays_usable() -> None:
    monitor = Monitor()
    coro = asks(monitor)
    await_sync(monitor.aawait(coro))
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        await_sync(monitor.aawait(coro))
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        await_sync(monitor.athrow(coro, KeyError()))
    assert await_sync(answer_all(monitor, deep(monitor, 0, 1), str)) == ([1], "1")


def test_nothing_can_be_sent_the_first_time() -> None:
    monitor = Monitor()
    bound = monitor(asks(monitor, 1))
    with pytest.raises(TypeError, match="can't send non-None value to a just-started coroutine"):
        await_sync(bound.aawait("early"))
    assert await_sync(bound.start()) == 1
    assert await_sync(bound.aawait("answer")) == ["answer"]
    for exception in (KeyError("early"), GeneratorExit()):
        new = monitor(asks(monitor, 1))
        with pytest.raises(type(exception)):
            await_sync(new.athrow(exception))


@pytest.mark.parametrize("wrong", [5, asks])
def test_what_is_no_coroutine_is_refused(wrong: Any) -> None:
    monitor = Monitor()
    with pytest.raises(TypeError, match=r"Monitor\(\) takes a coroutine"):
        monitor(wrong)
    for method in ("aawait", "aclose", "start", "try_await"):
        with pytest.raises(TypeError, match=r"Monitor.\w+\(\) takes a coroutine"):
            await_sync(getattr(monitor, method)(wrong))
    with pytest.raises(TypeError, match=r"Monitor.athrow\(\) takes a coroutine"):
        await_sync(monitor.athrow(wrong, KeyError()))


def test_what_is_no_exception_is_refused_and_does_not_reach_the_coroutine() -> None:
    monitor = Monitor()
    bound = monitor(asks(monitor, 1))
    await_sync(bound.start())
    with pytest.raises(TypeError, match="exceptions must be classes or instances deriving from BaseException, not int"):
        await_sync(bound.athrow(5))  # type: ignore[arg-type]
    assert await_sync(bound.aawait("answer")) == ["answer"]


def test_a_message_that_escapes_a_coroutine_is_not_taken_for_ones_own() -> None:
    outer, inner = Monitor(), Monitor()

    async def lets_it_escape(pauses: int) -> None:
        for _ in range(pauses):
            await asyncio.sleep(0)
        await inner.aawait(deep(inner, 0, "escaped"))

    for pauses in (0, 1):
        with pytest.raises(RuntimeError, match="coroutine raised OOBData") as raised:
            await_sync(outer.aawait(lets_it_escape(pauses)))
        assert isinstance(raised.value.__cause__, OOBData)

    async def escapes_when_thrown_into() -> None:
        with contextlib.suppress(KeyError):
            await outer.oob()
        await lets_it_escape(0)

    bound = outer(escapes_when_thrown_into())
    await_sync(bound.start())
    with pytest.raises(RuntimeError, match="coroutine raised OOBData"):
        await_sync(bound.athrow(KeyError))


def test_stop_iteration_of_the_coroutine_is_a_runtime_error() -> None:
    async def stops() -> None:
        raise StopIteration("own")

    with pytest.raises(RuntimeError, match="coroutine raised StopIteration"):
        await_sync(Monitor().aawait(stops()))


@pytest.mark.asyncio
async def test_cancellation_is_raised_where_the_coroutine_waits() -> None:
    log: list[str] = []
    monitor = Monitor()

    async def coro() -> Any:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError as error:
            log.append(str(error))
            return await monitor.oob("cancelled")

    messages: list[Any] = []

    async def drive() -> Any:
        found, result = await answer_all(monitor, coro(), lambda _: "answer")
        messages.extend(found)
        return result

    task = asyncio.create_task(drive())
    await asyncio.sleep(0)
    task.cancel("enough")
    assert await task == "answer"
    assert log == ["enough"]
    assert messages == ["cancelled"]


@pytest.mark.asyncio
async def test_timeouts_and_task_groups_inside_of_the_coroutine_work() -> None:
    monitor = Monitor()

    async def coro() -> Any:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.sleep(3600)
        answer = await monitor.oob("timed out")
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))
        return answer

    assert await answer_all(monitor, coro(), lambda _: "answer") == (["timed out"], "answer")


def test_closing_the_awaiting_coroutine_closes_the_monitored_one() -> None:
    log: list[str] = []
    monitor = Monitor()

    class Never:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def coro() -> None:
        try:
            await Never()
        finally:
            log.append("closed")

    awaiting = monitor.aawait(coro())
    awaiting.send(None)
    awaiting.close()
    assert log == ["closed"]
    assert repr(monitor) == "<Monitor idle>"


def test_classic_coroutines_can_be_monitored() -> None:
    monitor = Monitor()

    @types.coroutine
    def classic() -> Generator[Any, Any, Any]:
        return (yield from monitor.oob("question").__await__())

    coro: Any = classic()
    assert await_sync(answer_all(monitor, coro, str)) == (["question"], "question")


def test_messages_of_a_started_coroutine_arrive_when_it_is_awaited() -> None:
    monitor = Monitor()

    async def coro() -> list[Any]:
        first, second = CoroStart(monitor.oob(1)), CoroStart(monitor.oob(2))
        return [await second, await first]

    assert await_sync(answer_all(monitor, coro(), str)) == ([2, 1], ["2", "1"])


def test_no_reference_cycle_is_left_by_messages_errors_and_dropped_coroutines() -> None:
    class Token:
        pass

    gc.collect()
    gc.disable()
    try:
        token = Token()
        reference = weakref.ref(token)
        monitor = Monitor()
        bound = monitor(asks(monitor, token, token))
        with contextlib.suppress(OOBData):
            await_sync(bound)
        with contextlib.suppress(KeyError):
            await_sync(bound.athrow(KeyError()))
        dropped = monitor(asks(monitor, token))
        with contextlib.suppress(OOBData):
            await_sync(dropped)
        waits = monitor(asks(monitor, token, token))
        await_sync(waits.start())
        with contextlib.suppress(OOBData):
            await_sync(waits.aawait(token))
        del token, bound, dropped, waits
        assert reference() is None
    finally:
        gc.enable()


def test_oob_data_shows_its_data() -> None:
    assert str(OOBData("hello")) == "hello"
    assert OOBData().data is None
    monitor = Monitor()
    with pytest.raises(OOBData, match="hello"):
        await_sync(monitor.aawait(deep(monitor, 0, "hello")))


def test_await_sync_inside_of_a_monitored_coroutine_does_not_reach_the_monitor() -> None:
    monitor = Monitor()

    async def coro() -> Any:
        with pytest.raises(SynchronousError):
            await_sync(monitor.oob("lost"))
        return await monitor.oob("own")

    assert await_sync(answer_all(monitor, coro(), str)) == (["own"], "own")
