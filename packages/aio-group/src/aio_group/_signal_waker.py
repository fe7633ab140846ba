"""Waking a loop that waits for I/O when a signal comes, so that Python gets to calling the signal's handler."""

from __future__ import annotations

import signal
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class SignalWaker:
    """Lets every signal that has a handler end the loop's wait, until this is closed.

    A handler of `signal.signal` runs between two instructions of the main thread. The wait of a loop is one
    instruction: a signal that comes while it lasts interrupts it, but one that comes after the interpreter's last look
    at signals and before the wait begins would be seen when that wait ends, which may be never. A file descriptor that
    the signal itself writes to, and that the loop waits for, leaves no such instant.

    Python has one such descriptor a process. One that is set already (that of this loop, if it has signal handlers of
    its own, or runs on uvloop or a Windows proactor; or somebody else's) is left in its place.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._sockets: tuple[socket.socket, socket.socket] | None = None
        if threading.current_thread() is threading.main_thread():
            self._open()

    def _open(self) -> None:
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)
        try:
            self._loop.add_reader(receiver, _drain, receiver)
        except NotImplementedError:
            # A proactor loop, which sets a descriptor of its own when it runs.
            _close(receiver, sender)
            return
        self._sockets = receiver, sender
        if not _set_if_unset(sender.fileno()):
            self.close()

    def close(self) -> None:
        """Stop waking the loop. May be called again, and after the loop was closed."""
        if self._sockets is None:
            return
        (receiver, sender), self._sockets = self._sockets, None
        _unset_if_set(sender.fileno())
        if not self._loop.is_closed():
            self._loop.remove_reader(receiver)
        _close(receiver, sender)


def _set_if_unset(fd: int) -> bool:
    try:
        previous = signal.set_wakeup_fd(fd, warn_on_full_buffer=False)
    except ValueError:
        # The main thread of a subinterpreter: no signals there.
        return False
    if previous == -1:
        return True
    signal.set_wakeup_fd(previous)
    return False


def _unset_if_set(fd: int) -> None:
    current = signal.set_wakeup_fd(-1)
    if current not in (fd, -1):
        signal.set_wakeup_fd(current)


def _drain(receiver: socket.socket) -> None:
    # One read takes more bytes than there are signals; what it leaves wakes the loop again.
    receiver.recv(4096)


def _close(receiver: socket.socket, sender: socket.socket) -> None:
    receiver.close()
    sender.close()
