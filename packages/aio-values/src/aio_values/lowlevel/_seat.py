"""Waiting again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aio_values.lowlevel._runtime import in_trio, running_loop
from aio_values.lowlevel._waiter import on_trio

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from aio_values.lowlevel._waiter import Waiter


class Seat:
    """For an iterator or another party that waits again and again, one task at a time: half of what it costs on trio.

    On asyncio every wait has a future of its own, as from `create_waiter`. On trio there is one waiter, which is used
    again, so before the next wait the last one must be over, and nobody may hold its waiter any more: take it out of
    wherever it was registered when it is woken, and when its task is cancelled.
    """

    __slots__ = ("_on_trio",)

    def __init__(self) -> None:
        self._on_trio: Any = None

    def sit_down(self) -> tuple[Waiter[Any], Awaitable[Any]]:
        """Begin the next wait of the calling task.

        Returns:
            A waiter, to be handed to whoever shall wake it, and what the task has to await right after that.

        Raises:
            RuntimeError: No runtime is running in this thread.
        """
        if not in_trio():
            future = running_loop().create_future()
            return future, future
        seat = self._on_trio
        if seat is None:
            seat = self._on_trio = on_trio().Seat()
        seat.renew()
        return seat.waiter, seat
