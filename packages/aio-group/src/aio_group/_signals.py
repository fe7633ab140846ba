"""Handling the signals that end a program, for a while."""

from __future__ import annotations

import enum
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from aio_group._asyncio_internals import is_of_ended_runner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

Handler: TypeAlias = "Callable[[int, FrameType | None], Any] | int"

# A statement, not an expression: that is where type checkers understand sys.platform.
if sys.platform == "win32":
    # SIGBREAK, Ctrl+Break in a console, is the one of these that a Windows program can send to another.
    ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGBREAK)
    HANGUP_SIGNALS: tuple[signal.Signals, ...] = ()
else:
    ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)
    HANGUP_SIGNALS = (signal.SIGHUP,)


class _State(enum.Enum):
    IDLE = "idle"
    SET = "set"
    CHANGING = "changing"


class SignalTrap:
    """Handlers for some signals, and those that they stand in for.

    `loop.add_signal_handler` would be called by the loop only: never while a task blocks the loop, and there is none on
    Windows. A handler of `signal.signal` is called wherever the main thread is.
    """

    def __init__(self, signals: Sequence[signal.Signals], on_signal: Callable[[int], None]) -> None:
        self._signals = signals
        self._on_signal = on_signal
        self._previous: dict[int, Handler] = {}
        self._state = _State.IDLE
        self._late: list[int] = []

    def set(self) -> None:
        """Take over the signals. Off the main thread, where Python allows no handlers, this does nothing.

        A handler that was not set from Python could not be put back, and is left alone; so is a hangup that is ignored,
        which is how `nohup` asks a program to stay.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        self._state = _State.SET
        for signum in self._signals:
            previous = signal.getsignal(signum)
            if previous is None or (previous is signal.SIG_IGN and signum in HANGUP_SIGNALS):
                continue
            try:
                signal.signal(signum, self._handle)
            except ValueError:
                # The main thread of a subinterpreter: no signals there either.
                return
            self._previous[signum] = previous

    def release(self, *, even_if_replaced: bool) -> dict[int, Handler]:
        """Put the previous handlers back, and return them.

        Args:
            even_if_replaced: Whether a handler that was set meanwhile, in place of the trap's, gives way too.
        """
        previous, self._previous = self._previous, {}
        self._state = _State.CHANGING
        for signum, handler in previous.items():
            # Each access of a bound method makes a new one: they are equal, not identical.
            if even_if_replaced or signal.getsignal(signum) == self._handle:
                signal.signal(signum, signal.default_int_handler if is_of_ended_runner(handler) else handler)
        self._state = _State.IDLE
        late, self._late = self._late, []
        for signum in late:
            signal.raise_signal(signum)
        return previous

    def _handle(self, signum: int, _frame: FrameType | None) -> None:
        if self._state is _State.SET:
            self._on_signal(signum)
        else:
            # While the handlers are put back one by one: the signal belongs to the previous ones.
            self._late.append(signum)


def force_end(signum: int) -> NoReturn:
    """End the program as the signal demands, by an exception that lets `finally` blocks run.

    Raises:
        KeyboardInterrupt: For SIGINT.
        SystemExit: For another signal, with the exit code that a shell gives a program which that signal ended.
    """
    if signum == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + signum)


def hand_on(signum: int, handler: Handler) -> None:
    """Treat the signal as that handler would have, except that a default that kills the program raises instead."""
    if handler is signal.SIG_IGN:
        return
    if callable(handler):
        handler(signum, None)
    else:
        force_end(signum)
