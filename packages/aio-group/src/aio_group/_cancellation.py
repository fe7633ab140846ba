"""The bookkeeping that asyncio expects of code that stops a cancellation (`asyncio.Task.uncancel`).

Not every CancelledError is a cancellation. Libraries that interrupt tasks do it with exceptions that are derived from
it, as asyncio's locks understand no other. Nobody asked for a cancellation then, so there is none to take back, and
where both come, it is the cancellation that must not get lost.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class CancelledWithResultError(asyncio.CancelledError):
    """The waiting task was cancelled, but what it waited for had an outcome all the same: here it is.

    A result and a cancellation can arrive together, or the awaitable can finish its work when it is cancelled. A plain
    `CancelledError` would lose the result: a connection that was just opened, an item that was just taken.
    """

    def __init__(self, result: object, exception: BaseException | None) -> None:
        super().__init__(result, exception)

    @property
    def result(self) -> object:
        """The result, None if there is an exception instead."""
        result: object = self.args[0]
        return result

    @property
    def exception(self) -> BaseException | None:
        """The exception that was raised instead of a result, or None."""
        exception: BaseException | None = self.args[1]
        return exception

    def __str__(self) -> str:
        if self.exception is not None:
            return f"cancelled, while what was waited for raised {self.exception!r}"
        return f"cancelled, while what was waited for returned {self.result!r}"


def is_cancellation(error: BaseException | None) -> bool:
    """Whether the error tells of a cancellation that was asked for by `Task.cancel`."""
    return type(error) is asyncio.CancelledError or isinstance(error, CancelledWithResultError)


def foremost(cancellations: Sequence[asyncio.CancelledError]) -> asyncio.CancelledError:
    """The one to raise for all that came while a task could not heed them: the last, but a cancellation if any is."""
    return next(filter(is_cancellation, reversed(cancellations)), cancellations[-1])


class Swallowing:
    """Counts a task's cancellation requests from here on, to take them back if their cancellations are swallowed.

    A task that catches CancelledError and goes on must call `uncancel` for each request: otherwise `asyncio.timeout`
    and `asyncio.TaskGroup`, entered later in the same task, take the old request for a new one.
    """

    __slots__ = ("_before", "_task")

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._before = 0 if self._task is None else self._task.cancelling()

    def forget(self, caught: Sequence[asyncio.CancelledError]) -> None:
        """Take back the requests made meanwhile, after `caught` were swallowed.

        Several requests may have arrived as one CancelledError; and one made before the count began may have arrived
        after. So neither the count of requests nor that of errors alone is right.
        """
        task = self._task
        if task is None:
            return
        cancellations = sum(map(is_cancellation, caught))
        for _ in range(max(cancellations, task.cancelling() - self._before)):
            task.uncancel()
