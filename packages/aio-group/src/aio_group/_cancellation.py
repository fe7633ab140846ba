"""The bookkeeping that asyncio expects of code that stops a cancellation (`asyncio.Task.uncancel`)."""

from __future__ import annotations

import asyncio


class Swallowing:
    """Counts a task's cancellation requests from here on, to take them back if their cancellations are swallowed.

    A task that catches CancelledError and goes on must call `uncancel` for each request: otherwise `asyncio.timeout`
    and `asyncio.TaskGroup`, entered later in the same task, take the old request for a new one.
    """

    __slots__ = ("_before", "_task")

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._before = 0 if self._task is None else self._task.cancelling()

    def forget(self, caught: int) -> None:
        """Take back the requests made meanwhile, after `caught` cancellations were swallowed.

        Several requests may have arrived as one CancelledError; and one made before the count began may have arrived
        after. So neither the count of requests nor that of errors alone is right.
        """
        task = self._task
        if task is None:
            return
        for _ in range(max(caught, task.cancelling() - self._before)):
            task.uncancel()
