"""A signal that comes between the interpreter's last look at signals and the loop's wait ends that wait too."""

from __future__ import annotations

import _thread
import asyncio
import functools
import operator
import select
import selectors
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from aio_group import TaskNursery, run_asyncio
from aio_group._signal_waker import SignalWaker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="a proactor loop has a descriptor of its own for this")


class SignalBeforeWait(selectors.DefaultSelector):
    """Lets a signal come right before a wait, where no instruction of Python is left that would call its handler."""

    def __init__(self) -> None:
        super().__init__()
        self.signum: signal.Signals | None = None
        self._outcomes: list[Any] = []

    @property
    def woken(self) -> bool:
        """Whether the wait would have ended at once."""
        _, (readable, _, _) = self._outcomes
        return bool(readable)

    def select(self, timeout: float | None = None) -> Any:
        signum, self.signum = self.signum, None
        if signum is not None:
            come: functools.partial[Any] = functools.partial(_thread.interrupt_main, signum)
            # select.select() looks at signals only if one interrupts it, like the wait of every selector.
            wait: functools.partial[Any] = functools.partial(select.select, list(self.get_map()), [], [], 0)
            # Both calls in one step of C: the interpreter looks at signals, and may raise, after it.
            self._outcomes.extend(map(operator.methodcaller("__call__"), [come, wait]))
        return super().select(timeout)


def new_loop(selector: SignalBeforeWait) -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selector)


@pytest.fixture(autouse=True)
def _descriptor_is_free_again() -> Iterator[None]:
    yield
    left = signal.set_wakeup_fd(-1)
    assert left == -1


@on_posix
def test_run_asyncio_is_woken() -> None:
    selector = SignalBeforeWait()

    async def main() -> None:
        selector.signum = signal.SIGTERM
        await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        run_asyncio(main(), loop_factory=lambda: new_loop(selector))
    assert selector.woken


@on_posix
def test_the_end_of_run_asyncio_is_woken_for_the_second_signal() -> None:
    selector = SignalBeforeWait()
    cancelled = asyncio.Event()

    async def staying() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            selector.signum = signal.SIGTERM
            cancelled.set()
            await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.ensure_future(staying())
        await asyncio.sleep(0)
        signal.raise_signal(signal.SIGTERM)
        await task

    with pytest.raises(SystemExit) as caught:
        run_asyncio(main(), loop_factory=lambda: new_loop(selector))
    assert caught.value.code == 128 + signal.SIGTERM
    assert selector.woken
    assert cancelled.is_set()


@on_posix
def test_a_nursery_is_woken() -> None:
    selector = SignalBeforeWait()
    received = []
    before = signal.signal(signal.SIGTERM, lambda signum, frame: received.append(signum))

    async def main() -> None:
        async with TaskNursery() as nursery:
            nursery.create_task(asyncio.Event().wait())
            selector.signum = signal.SIGTERM

    try:
        with asyncio.Runner(loop_factory=lambda: new_loop(selector)) as runner:
            runner.run(main())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert selector.woken
    assert received == [signal.SIGTERM]


@on_posix
def test_the_loops_own_signal_handlers_go_on_working() -> None:
    heard = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        usr1 = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, usr1.set)
        async with TaskNursery():
            signal.raise_signal(signal.SIGUSR1)
            await usr1.wait()
            heard.append("before and inside")
        async with TaskNursery():
            usr1.clear()
            loop.remove_signal_handler(signal.SIGUSR1)
            loop.add_signal_handler(signal.SIGUSR1, usr1.set)
            signal.raise_signal(signal.SIGUSR1)
            await usr1.wait()
            heard.append("set inside")
        loop.remove_signal_handler(signal.SIGUSR1)

    asyncio.run(main())
    assert heard == ["before and inside", "set inside"]


@on_posix
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_descriptor_of_somebody_else_stays(when: str) -> None:
    receiver, sender = socket.socketpair()
    with receiver, sender:
        sender.setblocking(False)
        loop = asyncio.new_event_loop()
        try:
            if when == "before":
                signal.set_wakeup_fd(sender.fileno())
            waker = SignalWaker(loop)
            if when == "meanwhile":
                signal.set_wakeup_fd(sender.fileno())
            waker.close()
            waker.close()
            assert signal.set_wakeup_fd(-1) == sender.fileno()
        finally:
            loop.close()


@on_posix
def test_a_waker_may_be_closed_after_its_loop() -> None:
    loop = asyncio.new_event_loop()
    waker = SignalWaker(loop)
    loop.close()
    waker.close()


@on_posix
def test_a_nursery_leaves_nothing_registered_with_its_loop() -> None:
    async def main() -> tuple[int, int, int]:
        before = len(selector.get_map())
        async with TaskNursery():
            within = len(selector.get_map())
        return before, within, len(selector.get_map())

    selector = SignalBeforeWait()
    with asyncio.Runner(loop_factory=lambda: new_loop(selector)) as runner:
        before, within, after = runner.run(main())
    assert (within, after) == (before + 1, before)


def refusing(*args: object, **kwargs: object) -> None:
    raise NotImplementedError


def test_a_loop_without_readers_runs_without_a_waker(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.new_event_loop()
    monkeypatch.setattr(loop, "add_reader", refusing)
    SignalWaker(loop).close()
    loop.close()


def test_an_interpreter_without_signals_runs_without_a_waker(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_in_main_interpreter(fd: int, *, warn_on_full_buffer: bool = True) -> int:
        if fd == -1:
            return -1
        raise ValueError("set_wakeup_fd only works in main thread of the main interpreter")

    loop = asyncio.new_event_loop()
    monkeypatch.setattr(signal, "set_wakeup_fd", only_in_main_interpreter)
    SignalWaker(loop).close()
    monkeypatch.undo()
    loop.close()


def test_another_thread_gets_no_waker() -> None:
    def in_thread(report: Callable[[int], None]) -> None:
        loop = asyncio.SelectorEventLoop(selector)
        before = len(selector.get_map())
        waker = SignalWaker(loop)
        report(len(selector.get_map()) - before)
        waker.close()
        loop.close()

    selector = selectors.DefaultSelector()
    added: list[int] = []
    thread = threading.Thread(target=in_thread, args=[added.append])
    thread.start()
    thread.join()
    assert added == [0]
