"""`run_asyncio` and `init_asyncio`, in this process: loops, results, signals sent to ourselves."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import os
import signal
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from aio_group import init_asyncio, run_asyncio
from suite_support.plugin import loop_factories

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

factories = pytest.mark.parametrize("loop_factory", loop_factories().values(), ids=loop_factories().keys())
ending_signals = pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])


@pytest.fixture(autouse=True)
def _no_current_loop() -> Iterator[None]:
    asyncio.set_event_loop(None)
    yield
    asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def _handlers_come_back() -> Iterator[None]:
    before = [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)]
    yield
    assert [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)] == before


def current_loop() -> asyncio.AbstractEventLoop | None:
    with warnings.catch_warnings():
        # Where Python would make a loop of its own accord, it is about to warn.
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return asyncio.get_event_loop()
        except (RuntimeError, DeprecationWarning):
            return None


async def returning(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


async def failing() -> None:
    await asyncio.sleep(0)
    raise ValueError("failed")


async def forever() -> None:
    await asyncio.Event().wait()


def send(signum: int) -> None:
    os.kill(os.getpid(), signum)


@factories
def test_the_result_is_returned(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    assert run_asyncio(returning(123), loop_factory=loop_factory) == 123


def test_the_loop_is_that_of_the_factory() -> None:
    made: list[asyncio.AbstractEventLoop] = []

    def factory() -> asyncio.AbstractEventLoop:
        made.append(asyncio.new_event_loop())
        return made[0]

    async def running() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert run_asyncio(running(), loop_factory=factory) is made[0]
    assert made[0].is_closed()


def test_an_error_is_raised() -> None:
    with pytest.raises(ValueError, match="failed"):
        run_asyncio(failing())


def test_an_awaitable_object_is_awaited() -> None:
    class Awaitable:
        def __await__(self) -> Any:
            yield from asyncio.sleep(0).__await__()
            return "awaited"

    assert run_asyncio(Awaitable()) == "awaited"


@pytest.mark.parametrize("handle_signals", [True, False])
@pytest.mark.parametrize("outcome", ["result", "error", "cancelled"])
@factories
def test_a_loop_made_here_is_left_clean(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], outcome: str, handle_signals: bool
) -> None:
    events: list[str] = []
    loops: list[asyncio.AbstractEventLoop] = []
    background: set[asyncio.Task[None]] = set()

    async def lasting(name: str) -> None:
        try:
            await forever()
        finally:
            await asyncio.sleep(0)
            events.append(name)
            if name == "task":
                # What a task starts when it ends is ended too.
                background.add(asyncio.ensure_future(lasting("late task")))
                await asyncio.sleep(0)

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            events.append("generator")

    generators: list[AsyncIterator[int]] = []

    async def main() -> str:
        loops.append(asyncio.get_running_loop())
        background.add(asyncio.ensure_future(lasting("task")))
        generators.append(numbers())
        await anext(generators[0])
        loops[0].run_in_executor(None, lambda: events.append("thread " + threading.current_thread().name))
        if outcome == "error":
            raise ValueError("failed")
        if outcome == "cancelled":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)
        return "result"

    expected = {"error": ValueError, "cancelled": asyncio.CancelledError}.get(outcome)
    with pytest.raises(expected) if expected else contextlib.nullcontext():
        run_asyncio(main(), handle_signals=handle_signals, loop_factory=loop_factory)
    thread = next(event for event in events if event.startswith("thread "))
    assert sorted(set(events) - {thread}) == ["generator", "late task", "task"]
    assert all(task.cancelled() for task in background)
    assert thread.removeprefix("thread ") not in {thread.name for thread in threading.enumerate()}
    assert loops[0].is_closed()
    assert current_loop() is None


@pytest.mark.asyncio_logs_errors
def test_a_task_that_fails_at_the_end_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    async def failing_at_the_end() -> None:
        try:
            await forever()
        finally:
            raise ValueError("at the end")

    tasks: list[asyncio.Task[None]] = []

    async def main() -> None:
        tasks.append(asyncio.ensure_future(failing_at_the_end()))
        await asyncio.sleep(0)

    run_asyncio(main())
    (record,) = caplog.records
    assert "failed when it was cancelled at the end of run_asyncio()" in record.message
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "at the end"


def test_a_loop_that_is_given_is_used_and_left_as_it_is() -> None:
    loop = asyncio.new_event_loop()
    background: list[asyncio.Task[None]] = []

    async def main() -> asyncio.AbstractEventLoop:
        background.append(asyncio.ensure_future(forever()))
        return asyncio.get_running_loop()

    try:
        assert run_asyncio(main(), loop=loop) is loop
        assert not loop.is_closed()
        assert not background[0].done()
        background[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            run_asyncio(background[0], loop=loop)
    finally:
        loop.close()


def test_the_current_loop_is_used_and_left_as_it_is() -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    async def running() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    try:
        assert run_asyncio(running()) is loop
        assert not loop.is_closed()
        assert run_asyncio(running(), create_loop=True) is not loop
        assert run_asyncio(running()) is loop, "it is current again"
    finally:
        loop.close()
    assert run_asyncio(running()) is not loop, "a closed loop is of no use"


def test_a_future_runs_on_its_own_loop() -> None:
    loop = asyncio.new_event_loop()
    try:
        future: asyncio.Future[str] = loop.create_future()
        loop.call_soon(future.set_result, "done")
        assert run_asyncio(future) == "done"
        assert not loop.is_closed()
        other = asyncio.new_event_loop()
        try:
            arguments: dict[str, Any]
            for arguments in {"loop": other}, {"create_loop": True}, {"loop_factory": asyncio.new_event_loop}:
                with pytest.raises(ValueError, match="belongs to a loop"):
                    run_asyncio(future, **arguments)
        finally:
            other.close()
    finally:
        loop.close()


def test_arguments_that_contradict_each_other_are_refused_and_the_coroutine_closed() -> None:
    loop = asyncio.new_event_loop()
    try:
        arguments: dict[str, Any]
        for arguments in {"create_loop": True}, {"loop_factory": asyncio.new_event_loop}:
            coroutine = returning(1)
            with pytest.raises(ValueError, match="either a loop or a new one"):
                run_asyncio(coroutine, loop=loop, **arguments)
            assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
    finally:
        loop.close()
    with pytest.raises(ValueError, match="closed loop"):
        run_asyncio(returning(1), loop=loop)


@pytest.mark.parametrize("wrong", [None, 3, returning])
def test_what_cannot_be_awaited_is_refused_and_the_new_loop_closed(wrong: Any) -> None:
    made: list[asyncio.AbstractEventLoop] = []

    def factory() -> asyncio.AbstractEventLoop:
        made.append(asyncio.new_event_loop())
        return made[0]

    with pytest.raises(TypeError, match="awaitable"):
        run_asyncio(wrong, loop_factory=factory)
    assert made[0].is_closed()


def test_inside_a_running_loop_it_is_refused() -> None:
    async def main() -> None:
        run_asyncio(returning(1))

    with pytest.raises(RuntimeError, match="await instead"):
        run_asyncio(main())


def test_a_loop_that_runs_elsewhere_is_refused() -> None:
    loop = asyncio.new_event_loop()
    started = threading.Event()
    loop.call_soon(started.set)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        started.wait()
        with pytest.raises(RuntimeError, match="another thread"):
            run_asyncio(returning(1), loop=loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@ending_signals
@factories
def test_a_signal_cancels_once(loop_factory: Callable[[], asyncio.AbstractEventLoop], signum: signal.Signals) -> None:
    requests: list[int] = []

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        # From a thread, while the loop waits for I/O: the signal must wake it.
        threading.Timer(0.05, send, [signum]).start()
        try:
            await forever()
        finally:
            await asyncio.sleep(0.01)
            requests.append(task.cancelling())

    with pytest.raises(asyncio.CancelledError):
        run_asyncio(main(), loop_factory=loop_factory)
    assert requests == [1]


@factories
def test_a_future_may_have_a_result_in_spite_of_a_signal(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def main() -> str:
        send(signal.SIGTERM)
        try:
            await forever()
        except asyncio.CancelledError:
            return "stopped"
        raise AssertionError("not cancelled")

    assert run_asyncio(main(), loop_factory=loop_factory) == "stopped"


def test_a_signal_reaches_a_future_on_a_loop_that_was_given() -> None:
    loop = asyncio.new_event_loop()
    try:
        future: asyncio.Future[None] = loop.create_future()
        loop.call_soon(send, signal.SIGTERM)
        with pytest.raises(asyncio.CancelledError):
            run_asyncio(future)
    finally:
        loop.close()


@factories
@pytest.mark.parametrize(
    ("signum", "end", "code"),
    [(signal.SIGINT, KeyboardInterrupt, None), (signal.SIGTERM, SystemExit, 128 + signal.SIGTERM)],
    ids=["SIGINT", "SIGTERM"],
)
def test_a_second_signal_ends_a_future_that_does_not_want_to(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
    signum: signal.Signals,
    end: type[BaseException],
    code: int | None,
) -> None:
    seen: list[str] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def stubborn() -> None:
        loops.append(asyncio.get_running_loop())
        send(signal.SIGTERM)
        try:
            await forever()
        except asyncio.CancelledError:
            seen.append("first signal")
        threading.Timer(0.05, send, [signum]).start()
        try:
            await forever()
        except asyncio.CancelledError:
            # A forced end still lets those tasks end that do so at once.
            seen.append("forced")
            raise

    with pytest.raises(end) as caught:
        run_asyncio(stubborn(), loop_factory=loop_factory)
    assert getattr(caught.value, "code", None) == code
    assert seen == ["first signal", "forced"]
    assert loops[0].is_closed()


@factories
def test_a_second_signal_interrupts_code_that_blocks_the_loop(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def blocking() -> None:
        send(signal.SIGINT)
        threading.Timer(0.05, send, [signal.SIGINT]).start()
        threading.Event().wait(30)

    with pytest.raises(KeyboardInterrupt):
        run_asyncio(blocking(), loop_factory=loop_factory)


@pytest.mark.asyncio_logs_errors
@factories
def test_a_second_signal_ends_the_clean_up(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], caplog: pytest.LogCaptureFixture
) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def stuck() -> None:
        while True:
            try:
                await forever()
            except asyncio.CancelledError:
                send(signal.SIGTERM)
                threading.Timer(0.05, send, [signal.SIGTERM]).start()

    async def main() -> str:
        loops.append(asyncio.get_running_loop())
        task = asyncio.ensure_future(stuck())
        # uvloop keeps the exception that ended it, and so the task, until it runs again: too late for this test.
        task._log_destroy_pending = loop_factory is asyncio.new_event_loop  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        return "lost"

    with pytest.raises(SystemExit) as caught:
        run_asyncio(main(), loop_factory=loop_factory)
    assert caught.value.code == 128 + signal.SIGTERM
    assert loops[0].is_closed()
    assert current_loop() is None
    del caught
    loops.clear()
    gc.collect()
    if loop_factory is asyncio.new_event_loop:
        # The task that was left behind is named.
        (record,) = caplog.records
        assert "was destroyed but it is pending" in record.message
        assert "stuck" in record.message


@factories
def test_a_second_signal_does_not_wait_for_the_executor(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: complaints.append(str(args.exc_value)))
    release = threading.Event()
    threads_before = set(threading.enumerate())

    async def main() -> None:
        asyncio.get_running_loop().run_in_executor(None, release.wait)
        for delay in 0.05, 0.1:
            threading.Timer(delay, send, [signal.SIGINT]).start()

    try:
        with pytest.raises(KeyboardInterrupt):
            run_asyncio(main(), loop_factory=loop_factory)
        assert not release.is_set()
    finally:
        release.set()
        for thread in set(threading.enumerate()) - threads_before:
            thread.join()
    # uvloop's thread that waits for the executor, and that of Python 3.11, find the loop closed, and say so.
    assert set(complaints) <= {"Event loop is closed"}


@factories
def test_handlers_are_those_of_before_however_it_ends(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    received: list[int] = []

    def handler(signum: int, frame: object) -> None:
        received.append(signum)

    before = signal.signal(signal.SIGTERM, handler)
    try:
        for future in returning(1), failing():
            with contextlib.suppress(ValueError):
                run_asyncio(future, loop_factory=loop_factory)
            assert signal.getsignal(signal.SIGTERM) is handler

        async def replacing() -> None:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, print)

        run_asyncio(replacing(), loop_factory=loop_factory)
        assert signal.getsignal(signal.SIGTERM) is handler
        signal.raise_signal(signal.SIGTERM)
        assert received == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_without_handling_signals_handlers_are_not_touched() -> None:
    async def look() -> list[Any]:
        return [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)]

    expected = [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)]
    assert run_asyncio(look(), handle_signals=False) == expected
    assert run_asyncio(look()) != expected


@factories
def test_without_handling_signals_an_interrupt_leaves_the_loop_clean(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    ended: list[str] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        threading.Timer(0.05, send, [signal.SIGINT]).start()
        try:
            await forever()
        finally:
            await asyncio.sleep(0)
            ended.append("main")

    with pytest.raises(KeyboardInterrupt):
        run_asyncio(main(), handle_signals=False, loop_factory=loop_factory)
    assert ended == ["main"]
    assert loops[0].is_closed()


def test_an_interrupt_raised_by_the_future_is_not_logged_as_never_retrieved() -> None:
    async def main() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_asyncio(main())


@factories
def test_off_the_main_thread_it_works_without_signals(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    results: list[Any] = []

    async def look() -> Any:
        await asyncio.sleep(0)
        return signal.getsignal(signal.SIGTERM)

    thread = threading.Thread(target=lambda: results.append(run_asyncio(look(), loop_factory=loop_factory)))
    thread.start()
    thread.join()
    assert results == [signal.getsignal(signal.SIGTERM)]


def test_a_signal_between_two_runs_belongs_to_neither() -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda signum, frame: received.append(signum))
    try:
        assert run_asyncio(returning(1)) == 1
        send(signal.SIGTERM)
        assert run_asyncio(returning(2)) == 2
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == [signal.SIGTERM]


def test_init_asyncio_needs_no_policy_and_gives_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        init_asyncio()
        assert run_asyncio(returning(1)) == 1


def test_init_asyncio_sets_a_policy_without_a_warning_of_its_own() -> None:
    with warnings.catch_warnings():
        # Making a policy, and asking for it, is deprecated; that is the caller's affair.
        warnings.simplefilter("ignore", DeprecationWarning)
        policy = asyncio.DefaultEventLoopPolicy()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            init_asyncio(policy)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            assert asyncio.get_event_loop_policy() is policy
    finally:
        init_asyncio()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert asyncio.get_event_loop_policy() is not policy


def test_init_asyncio_refuses_what_is_not_a_policy() -> None:
    with pytest.raises(TypeError, match="policy"):
        init_asyncio("uvloop")  # type: ignore[arg-type]


def test_init_asyncio_says_what_to_do_where_there_are_no_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        policy = asyncio.DefaultEventLoopPolicy()
        monkeypatch.delattr(asyncio, "set_event_loop_policy")
    init_asyncio()
    with pytest.raises(RuntimeError, match="loop_factory"):
        init_asyncio(policy)
