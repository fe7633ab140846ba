"""An event that happens once, and waiting for it whatever else happens."""

from __future__ import annotations

import asyncio
from typing import Any


class Latch:
    """Something that happens once: any number of tasks wait for it, all wake when it opens.

    A waiter leaves in constant time, so that thousands that are cancelled together cost no more than each alone.
    """

    __slots__ = ("_waiters", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._waiters: set[asyncio.Future[None]] | None = None

    def open(self) -> None:
        """Let everybody through, now and from now on."""
        self.is_open = True
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            wake(waiter)

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is open, for `timeout` seconds at most; tell whether it is. A cancellation ends the wait."""
        if self.is_open:
            return True
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        if self._waiters is None:
            self._waiters = set()
        self._waiters.add(waiter)
        timer = None if timeout is None else loop.call_later(timeout, wake, waiter)
        try:
            await waiter
        finally:
            if timer is not None:
                timer.cancel()
            if self._waiters is not None:
                self._waiters.discard(waiter)
        return self.is_open

    async def outlast(self, timeout: float | None = None) -> list[asyncio.CancelledError]:
        """Wait as `wait` does, but through every cancellation; return those that came.

        A caller that raises one of them empties the list: list and traceback would hold each other.
        """
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        cancellations: list[asyncio.CancelledError] = []
        try:
            while True:
                try:
                    await self.wait(None if deadline is None else max(0.0, deadline - loop.time()))
                except asyncio.CancelledError as cancelled:
                    cancellations.append(cancelled)
                else:
                    return cancellations
        finally:
            # The errors' tracebacks lead to this frame, which must not lead back to the errors.
            del cancellations


def wake(waiter: asyncio.Future[None]) -> None:
    """Wake the waiter, unless it was woken or cancelled before."""
    if not waiter.done():
        waiter.set_result(None)


def latch_of(future: asyncio.Future[Any]) -> Latch:
    """A latch that opens when the future is done, whatever its outcome.

    Waiting for the latch neither cancels the future nor takes its outcome. For those who stay until the future is done:
    the latch hangs on the future as long as that is pending.
    """
    latch = Latch()
    if future.done():
        latch.open()
    else:
        future.add_done_callback(lambda _: latch.open())
    return latch
