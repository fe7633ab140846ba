"""`SchedulingMixin`: a loop of asyncio that shows its ready queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aio_sched._ready_queue import DequeSchedulingLoop

if TYPE_CHECKING:
    import asyncio


class SchedulingMixin(DequeSchedulingLoop):
    """Makes an `AbstractSchedulingLoop` of a loop that keeps what is ready in one deque, as asyncio's own loops do.

    Put it before the loop class:

        class SchedulingLoop(SchedulingMixin, asyncio.SelectorEventLoop):
            pass

    The scheduling functions work on asyncio's own loops without it. On a loop of this class its queue is also there as
    methods: `queue_len`, `queue_items`, `queue_find`, `queue_find_task`, `queue_insert_pos`, `queue_remove`,
    `queue_move` and `call_pos`. Nothing else about the loop is changed.
    """

    __slots__ = ()

    @property
    def _event_loop(self) -> asyncio.AbstractEventLoop:
        return cast("asyncio.AbstractEventLoop", self)
