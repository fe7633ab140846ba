"""What a loop with open nurseries gets: a handler for errors that reached nobody, and signals that close the nurseries.

Handlers of signals belong to the process, those of errors to a loop. Both are borrowed: they go back when the last
nursery of the loop has closed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from aio_group._signal_waker import SignalWaker
from aio_group._signals import ENDING_SIGNALS, HANGUP_SIGNALS, SignalTrap, hand_on

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from aio_group._signals import Handler


class Closable(Protocol):
    """What a watch needs of a nursery."""

    def _ask_to_close(self) -> None: ...
    def _fail(self, error: BaseException) -> None: ...


class _Watch:
    """The open nurseries of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.nurseries: dict[int, Closable] = {}
        self.in_main_thread = threading.current_thread() is threading.main_thread()
        # uvloop, before it runs, would take the waker's descriptor for one to bring back when the waker is gone.
        self._waker = SignalWaker(loop) if loop.is_running() else None
        # A handler that the application set is its own decision.
        if loop.get_exception_handler() is None:
            loop.set_exception_handler(self._on_error)

    def close_nurseries(self) -> None:
        for nursery in list(self.nurseries.values()):
            nursery._ask_to_close()

    def end(self) -> None:
        if self._waker is not None:
            self._waker.close()
        # Each access of a bound method makes a new one: they are equal, not identical.
        if self.loop.get_exception_handler() == self._on_error:
            self.loop.set_exception_handler(None)

    def _on_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception) and self.nurseries:
            for nursery in list(self.nurseries.values()):
                nursery._fail(error)
        else:
            loop.default_exception_handler(context)


class _Signals:
    """The process's ending signals, while loops with open nurseries run in the main thread.

    The first signal closes the nurseries. What it would have done without them, it does when the last one has closed. A
    second signal does not wait for that.
    """

    def __init__(self) -> None:
        self._trap: SignalTrap | None = None
        self._received: list[int] = []

    def take(self) -> None:
        if self._trap is None:
            self._received = []
            self._trap = SignalTrap((*ENDING_SIGNALS, *HANGUP_SIGNALS), self._on_signal)
            self._trap.set()

    def give_back(self) -> Callable[[], None] | None:
        """Put the previous handlers back; what remains to be done if a signal came."""
        if self._trap is None:
            return None
        trap, self._trap = self._trap, None
        # A handler that the application set meanwhile is its own decision.
        previous = trap.release(even_if_replaced=False)
        received, self._received = self._received, []
        return (lambda: _hand_on_all(received, previous)) if received else None

    def _on_signal(self, signum: int) -> None:
        self._received.append(signum)
        # A loop that does not run now cannot close its nurseries.
        watches = [watch for watch in _watches.values() if watch.in_main_thread and watch.loop.is_running()]
        if watches and len(self._received) == 1:
            for watch in watches:
                # Wakes the loop too, which may be waiting for I/O.
                watch.loop.call_soon_threadsafe(watch.close_nurseries)
        elif (rest := self.give_back()) is not None:
            rest()


_watches: dict[asyncio.AbstractEventLoop, _Watch] = {}
_signals = _Signals()


def watch(loop: asyncio.AbstractEventLoop) -> _Watch:
    """The watch of the loop; a new one, with handlers set, if there is none."""
    _drop_closed_loops()
    found = _watches.get(loop)
    if found is None:
        found = _watches[loop] = _Watch(loop)
        if found.in_main_thread:
            _signals.take()
    return found


def open_in(loop: asyncio.AbstractEventLoop, nursery: Closable) -> None:
    """Note an open nursery of the loop, and keep it alive until it is closed."""
    watch(loop).nurseries[id(nursery)] = nursery


def closed_in(loop: asyncio.AbstractEventLoop, nursery: Closable) -> Callable[[], None] | None:
    """Note a closed nursery of the loop. With the last one, handlers go back.

    Returns:
        What a signal that came meanwhile has yet to do: to be called when nothing of the nursery is left to do.
    """
    watch = _watches.get(loop)
    if watch is None or watch.nurseries.pop(id(nursery), None) is None or watch.nurseries:
        return None
    return _end(watch)


def _end(watch: _Watch) -> Callable[[], None] | None:
    del _watches[watch.loop]
    watch.end()
    if not watch.in_main_thread or any(other.in_main_thread for other in _watches.values()):
        return None
    return _signals.give_back()


def _drop_closed_loops() -> None:
    """A loop that was closed before its nurseries never comes back to tell."""
    here = threading.current_thread() is threading.main_thread()
    for watch in list(_watches.values()):
        if watch.loop.is_closed() and (here or not watch.in_main_thread) and (rest := _end(watch)) is not None:
            rest()


def _hand_on_all(received: list[int], previous: dict[int, Handler]) -> None:
    for signum in received:
        hand_on(signum, previous[signum])
