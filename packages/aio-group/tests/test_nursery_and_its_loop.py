"""`TaskNursery` and what it borrows from its loop and process: the loop itself, signals, the handler of errors."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest
from aio_group import TaskNursery, run_asyncio
from suite_support.interleaving import settle
from suite_support.plugin import loop_factories

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

factories = pytest.mark.parametrize("loop_factory", loop_factories().values(), ids=loop_factories().keys())
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
signals = pytest.mark.parametrize("signum", SIGNALS, ids=[signum.name for signum in SIGNALS])


@pytest.fixture(autouse=True)
def _handlers_come_back() -> Iterator[None]:
    before = handlers()
    yield
    assert handlers() == before


def handlers() -> list[Any]:
    return [signal.getsignal(signum) for signum in SIGNALS]


async def forever() -> None:
    await asyncio.Event().wait()


async def noting_end(events: list[str], name: str = "task") -> None:
    try:
        await forever()
    finally:
        await asyncio.sleep(0)
        events.append(f"{name} ended")


async def noting_end_at_once(events: list[str]) -> None:
    try:
        await forever()
    finally:
        events.append("task ended")


async def opening_and_closing() -> None:
    async with TaskNursery():
        pass


async def failing(error: BaseException) -> None:
    raise error


def send(signum: int) -> None:
    os.kill(os.getpid(), signum)


@contextlib.contextmanager
def previous_handler(signum: int, handler: Any) -> Iterator[None]:
    before = signal.signal(signum, handler)
    try:
        yield
        assert signal.getsignal(signum) is handler
    finally:
        signal.signal(signum, before)


def test_pop_all_works_before_the_loop_runs() -> None:
    loop = asyncio.new_event_loop()
    try:
        events: list[Any] = []
        nursery = TaskNursery(loop=loop)
        nursery.push_async_callback(asyncio.sleep, 0)
        nursery.create_task(noting_end(events))
        kept = nursery.pop_all()
        assert kept.loop is loop
        loop.run_until_complete(nursery.aclose())
        assert events == []
        loop.run_until_complete(asyncio.wait_for(kept.aclose(), 5))
        assert events == ["task ended"]
    finally:
        loop.close()


def test_a_nursery_for_a_loop_that_never_runs_leaves_no_trace() -> None:
    loop = asyncio.new_event_loop()
    nursery = TaskNursery("Foo", loop=loop)
    assert TaskNursery.registry == {"Foo": nursery}
    del nursery
    gc.collect()
    assert TaskNursery.registry == {}
    loop.close()


def test_a_nursery_for_a_loop_that_runs_later_works_then() -> None:
    loop = asyncio.new_event_loop()
    try:
        nursery = TaskNursery(loop=loop)
        task = nursery.create_task(asyncio.sleep(0, "result"))
        assert loop.run_until_complete(task) == "result"
        loop.run_until_complete(nursery.aclose())
        assert asyncio.all_tasks(loop) == set()
    finally:
        loop.close()


def test_a_nursery_needs_a_loop_that_is_not_closed() -> None:
    with pytest.raises(RuntimeError, match="give it a loop"):
        TaskNursery()
    loop = asyncio.new_event_loop()
    loop.close()
    with pytest.raises(ValueError, match="closed loop"):
        TaskNursery("Foo", loop=loop)
    assert TaskNursery.registry == {}


@factories
def test_the_first_nursery_takes_the_handlers_and_the_last_gives_them_back(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        before = handlers()
        async with TaskNursery():
            taken = handlers()
            assert all(new != old for new, old in zip(taken, before, strict=True))
            handler = loop.get_exception_handler()
            assert handler is not None
            other = TaskNursery()
            assert handlers() == taken
        assert handlers() == taken
        assert loop.get_exception_handler() == handler
        await other.aclose()
        assert handlers() == before
        assert loop.get_exception_handler() is None

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


def test_handlers_come_back_however_a_nursery_ends() -> None:
    async def main() -> None:
        before = handlers()
        with pytest.raises(ValueError, match="task"):
            async with TaskNursery() as nursery:
                nursery.create_task(failing(ValueError("task")))
                await forever()
        assert handlers() == before
        nursery = TaskNursery()
        assert nursery.sentinel_task is not None
        nursery.sentinel_task.cancel()
        await nursery
        assert handlers() == before

    asyncio.run(main())


def test_handlers_that_the_application_sets_meanwhile_stay() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        def handler(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            raise AssertionError

        async with TaskNursery():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            loop.set_exception_handler(handler)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert loop.get_exception_handler() is handler

    before = signal.getsignal(signal.SIGHUP)
    try:
        asyncio.run(main())
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_ignored_hangup_stays_ignored() -> None:
    async def main() -> None:
        async with TaskNursery():
            send(signal.SIGHUP)
            await settle()

    with previous_handler(signal.SIGHUP, signal.SIG_IGN):
        asyncio.run(main())


def test_an_exception_handler_of_the_application_is_left_alone_and_a_failure_still_closes_the_nursery() -> None:
    reported: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def handler(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            reported.append(context)

        loop.set_exception_handler(handler)
        with pytest.raises(ValueError, match="task"):
            async with TaskNursery() as nursery:
                assert loop.get_exception_handler() is handler
                nursery.create_task(failing(ValueError("task")))
                await forever()
        assert loop.get_exception_handler() is handler

    asyncio.run(main())
    assert reported == [], "who awaits the nursery has the error"


def test_an_error_that_the_loop_would_only_have_logged_closes_the_nurseries_and_is_raised() -> None:
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            async with TaskNursery() as outer:
                async with TaskNursery():
                    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
                    await forever()
                await outer

    asyncio.run(main())


@pytest.mark.asyncio_logs_errors
def test_what_the_loop_reports_without_an_error_is_logged_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with TaskNursery():
            asyncio.get_running_loop().call_exception_handler({"message": "just a message"})
            await settle()

    asyncio.run(main())
    (record,) = caplog.records
    assert record.message.startswith("just a message")


@factories
@signals
def test_a_signal_closes_all_nurseries_and_then_goes_to_the_previous_handler(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], signum: signal.Signals
) -> None:
    events: list[str] = []

    def handler(signum: int, frame: object) -> None:
        events.append(f"handler of {signal.Signals(signum).name}")
        assert signal.getsignal(signum) is handler

    async def main() -> None:
        free = TaskNursery()
        free.push_async_callback(asyncio.sleep, 0)
        free.callback(events.append, "free context exited")
        async with TaskNursery() as nursery:
            nursery.callback(events.append, "context exited")
            nursery.create_task(noting_end(events))
            threading.Timer(0.05, send, [signum]).start()
            await forever()
        await free
        events.append("main goes on")

    with previous_handler(signum, handler), asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.get_loop().run_until_complete(main())
    assert set(events[:-2]) == {"context exited", "task ended", "free context exited"}
    assert set(events[-2:]) == {f"handler of {signum.name}", "main goes on"}


@factories
def test_an_interrupt_under_asyncio_run_ends_the_program_as_ever(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    events: list[str] = []

    async def main() -> None:
        try:
            async with TaskNursery() as nursery:
                nursery.create_task(noting_end(events))
                await settle()
                send(signal.SIGINT)
                await forever()
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0.01)
            events.append("main ended")

    with pytest.raises(KeyboardInterrupt), asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())
    assert events == ["task ended", "main ended"], "and its clean-up is interrupted once only"


@factories
@pytest.mark.parametrize(
    ("signum", "end", "code"),
    [
        (signal.SIGINT, KeyboardInterrupt, None),
        (signal.SIGTERM, SystemExit, 128 + signal.SIGTERM),
        (signal.SIGHUP, SystemExit, 128 + signal.SIGHUP),
    ],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
@pytest.mark.parametrize("with_block", [True, False])
def test_a_signal_without_a_handler_ends_the_loop_when_the_nurseries_are_closed(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
    signum: signal.Signals,
    end: type[BaseException],
    code: int | None,
    with_block: bool,
) -> None:
    events: list[str] = []

    async def block() -> None:
        try:
            async with TaskNursery() as nursery:
                nursery.create_task(noting_end(events))
                await forever()
        finally:
            await asyncio.sleep(0)
            events.append("block's task ended")

    loop = loop_factory()
    try:
        if with_block:
            task = loop.create_task(block())
        else:
            nursery = TaskNursery(loop=loop)
            nursery.create_task(noting_end(events))
        threading.Timer(0.05, send, [signum]).start()
        with pytest.raises(end) as caught:
            loop.run_forever()
        assert getattr(caught.value, "code", None) == code
        if with_block:
            assert task.done()
            assert task.exception() is caught.value
        assert events == ["task ended", "block's task ended"][: 1 + with_block]
        assert asyncio.all_tasks(loop) == set()
    finally:
        loop.close()


@factories
def test_under_run_asyncio_a_signal_cancels_the_future_when_the_nurseries_are_closed(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    events: list[str] = []

    async def main() -> None:
        try:
            async with TaskNursery() as nursery:
                nursery.create_task(noting_end(events))
                await settle()
                send(signal.SIGTERM)
                await forever()
            events.append("after the block")
            await forever()
        finally:
            await asyncio.sleep(0.01)
            events.append("main ended")

    with pytest.raises(asyncio.CancelledError):
        run_asyncio(main(), loop_factory=loop_factory)
    assert events == ["task ended", "after the block", "main ended"]


@factories
def test_a_second_signal_does_not_wait_for_the_nurseries(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    events: list[str] = []

    async def stuck() -> None:
        events.append("exiting")
        threading.Timer(0.05, send, [signal.SIGTERM]).start()
        try:
            await forever()
        finally:
            events.append("cut short")

    async def main() -> None:
        async with TaskNursery() as nursery:
            nursery.push_async_callback(stuck)
            await settle()
            send(signal.SIGTERM)
            await forever()

    with pytest.raises(SystemExit) as caught, asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())
    assert caught.value.code == 128 + signal.SIGTERM
    assert events == ["exiting", "cut short"]


@factories
def test_a_second_signal_forces_the_end_of_run_asyncio(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    events: list[str] = []

    def send_second() -> None:
        events.append("second signal")
        send(signal.SIGTERM)

    async def stuck() -> None:
        threading.Timer(0.05, send_second).start()
        while not events:
            with contextlib.suppress(asyncio.CancelledError):
                await forever()

    async def main() -> None:
        async with TaskNursery() as nursery:
            nursery.push_async_callback(stuck)
            await settle()
            send(signal.SIGTERM)
            await forever()

    with pytest.raises(SystemExit) as caught:
        run_asyncio(main(), loop_factory=loop_factory)
    assert caught.value.code == 128 + signal.SIGTERM


def test_a_signal_while_the_loop_does_not_run_goes_to_the_previous_handler_at_once() -> None:
    received: list[int] = []
    loop = asyncio.new_event_loop()

    async def opened() -> TaskNursery:
        return TaskNursery()

    try:
        with previous_handler(signal.SIGTERM, lambda signum, frame: received.append(signum)):
            nursery = loop.run_until_complete(opened())
            send(signal.SIGTERM)
            assert received == [signal.SIGTERM]
            loop.run_until_complete(nursery.aclose())
    finally:
        loop.close()


def test_a_signal_that_was_ignored_before_closes_the_nurseries_and_has_no_further_effect() -> None:
    events: list[str] = []

    async def main() -> None:
        async with TaskNursery() as nursery:
            nursery.create_task(noting_end(events))
            await settle()
            send(signal.SIGTERM)
            await forever()
        await asyncio.sleep(0.01)
        events.append("main goes on")

    with previous_handler(signal.SIGTERM, signal.SIG_IGN):
        asyncio.run(main())
    assert events == ["task ended", "main goes on"]


def test_nurseries_of_two_loops_share_the_handlers() -> None:
    before = handlers()
    loops = [asyncio.new_event_loop(), asyncio.new_event_loop()]

    async def opened() -> TaskNursery:
        return TaskNursery()

    try:
        one, two = (loop.run_until_complete(opened()) for loop in loops)
        loops[0].run_until_complete(one.aclose())
        assert handlers() != before
        loops[1].run_until_complete(two.aclose())
        assert handlers() == before
    finally:
        for loop in loops:
            loop.close()


@pytest.mark.asyncio_logs_errors
def test_a_loop_that_was_closed_with_an_open_nursery_is_forgotten_with_the_next_nursery() -> None:
    before = handlers()
    loop = asyncio.new_event_loop()

    async def opened() -> TaskNursery:
        return TaskNursery()

    abandoned = loop.run_until_complete(opened())
    loop.close()
    assert handlers() != before

    asyncio.run(opening_and_closing())
    assert handlers() == before
    assert "state=<open>" in repr(abandoned)
    # asyncio logs that the sentinel is still pending: not in another test.
    del abandoned
    gc.collect()


@pytest.mark.asyncio_logs_errors
def test_a_signal_after_the_loop_was_closed_with_an_open_nursery_goes_to_the_previous_handler() -> None:
    received: list[int] = []
    loop = asyncio.new_event_loop()

    async def opened() -> TaskNursery:
        return TaskNursery()

    with previous_handler(signal.SIGTERM, lambda signum, frame: received.append(signum)):
        # Open, and never closed.
        abandoned = loop.run_until_complete(opened())
        loop.close()
        send(signal.SIGTERM)
        assert received == [signal.SIGTERM]
    asyncio.run(opening_and_closing())
    # asyncio logs that the sentinel is still pending: not in another test.
    del abandoned
    gc.collect()


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_a_task_that_ends_the_program_does_so_once_and_closes_the_nursery(end: type[BaseException]) -> None:
    events: list[str] = []
    loop = asyncio.new_event_loop()
    try:
        nursery = TaskNursery(loop=loop)
        nursery.callback(events.append, "context exited")
        nursery.create_task(noting_end(events))
        task = nursery.create_task(failing(end()))
        with pytest.raises(end):
            loop.run_forever()
        loop.run_until_complete(asyncio.sleep(0.01))
        assert isinstance(task.exception(), end)
        assert events == ["context exited", "task ended"]
        assert asyncio.all_tasks(loop) == set()
    finally:
        loop.close()


def test_shutdown_handling_can_be_added_before_a_nursery_is_made() -> None:
    async def main() -> None:
        before = handlers()
        TaskNursery.add_shutdown_handling(asyncio.get_running_loop())
        taken = handlers()
        assert taken != before
        async with TaskNursery():
            assert handlers() == taken
        assert handlers() == before

    asyncio.run(main())


@factories
def test_off_the_main_thread_it_works_without_signals(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    before = handlers()
    events: list[Any] = []

    async def main() -> None:
        with contextlib.suppress(ValueError):
            async with TaskNursery() as nursery:
                events.append(handlers() == before)
                nursery.create_task(noting_end(events))
                await settle()
                nursery.create_task(failing(ValueError("task")))
                await forever()
        events.append(asyncio.get_running_loop().get_exception_handler())

    def run() -> None:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(main())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert events == [True, "task ended", None]


def test_a_nursery_without_a_block_is_closed_by_the_end_of_asyncio_run() -> None:
    events: list[str] = []

    async def main() -> None:
        nursery = TaskNursery()
        nursery.callback(events.append, "context exited")
        nursery.create_task(noting_end_at_once(events))
        await settle()

    asyncio.run(main())
    assert sorted(events) == ["context exited", "task ended"]
    assert TaskNursery.registry == {}
