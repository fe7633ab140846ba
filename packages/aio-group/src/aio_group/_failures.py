"""What becomes of several errors at once, and of a cancellation that an error takes the place of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aio_group._cancellation import foremost, is_cancellation

if TYPE_CHECKING:
    from collections.abc import Iterable


class Trouble:
    """What went wrong for one who waited until several activities had ended: their errors, and its own cancellations.

    Errors go before cancellations, as in `asyncio.TaskGroup`: they would be lost, whereas a cancellation can arrive
    at the next wait just as well.
    """

    __slots__ = ("_cancellations", "_errors")

    def __init__(self) -> None:
        self._errors: list[BaseException] = []
        self._cancellations: list[asyncio.CancelledError] = []

    def note(self, *errors: BaseException | None) -> None:
        """Add what went wrong; None, where nothing did, is left out."""
        for error in errors:
            if isinstance(error, asyncio.CancelledError):
                self._cancellations.append(error)
            elif error is not None:
                self._errors.append(error)

    def take(self, other: Trouble, *, only_cancellations: bool) -> None:
        """Add what another has noted."""
        if not only_cancellations:
            self._errors += other._errors
        self._cancellations += other._cancellations

    def is_nothing_but(self, error: BaseException | None) -> bool:
        """Whether raising would raise just this error, which the caller may then leave on its way."""
        if self._errors:
            return {id(other) for other in self._errors} == {id(error)}
        return bool(self._cancellations) and foremost(self._cancellations) is error

    def merged(self, message: str) -> BaseException | None:
        """The errors as one error, None if there is none."""
        return merge(self._errors, message) if self._errors else None

    def raise_all(self, message: str) -> None:
        """Raise the error, or the group of that message; else the cancellation; else do nothing. Ends its use."""
        error = self.merged(message)
        self.give_way()
        if error is None and self._cancellations:
            error = foremost(self._cancellations)
        # The errors' tracebacks lead to the callers' frames and so back here: only the collector could free them.
        self._errors.clear()
        self._cancellations.clear()
        if error is None:
            return
        context = error.__context__
        try:
            raise error
        finally:
            # Where this runs inside an `__aexit__`, the interpreter puts what ended the body in place of the context
            # that the error had where it was raised first.
            error.__context__ = context
            del context, error

    def give_way(self) -> None:
        """If there is an error to raise, let a cancellation that came too arrive at the current task's next wait."""
        if self._errors and any(map(is_cancellation, self._cancellations)):
            redeliver_cancellation()


def merge(errors: Iterable[BaseException], message: str) -> BaseException:
    """One error for all of them: the only one itself, several in a group of that message.

    An error that arrived in two ways counts once. KeyboardInterrupt and SystemExit must reach the program's end
    recognisably: the first of them is the result, with the others as its cause.
    """
    distinct = list({id(error): error for error in errors}.values())
    if len(distinct) == 1:
        return distinct[0]
    for error in distinct:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            error.__cause__ = merge((other for other in distinct if other is not error), message)
            return error
    return BaseExceptionGroup(f"{message} ({len(distinct)} errors)", distinct)


def redeliver_cancellation() -> None:
    """Let the current task's cancellation arrive at its next wait, since an error is now raised in its place.

    `asyncio.TaskGroup` does the same, from 3.13 on, by `uncancel` and `cancel`. Before that, a cancellation that was
    asked for and not yet delivered could not be withdrawn: an `asyncio.timeout` that the error passes would leave a
    stray one behind. So it is asked for one pass later, and only if nobody took it back by then.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        task.get_loop().call_soon(_cancel_again, task, task.cancelling())


def _cancel_again(task: asyncio.Task[Any], requests: int) -> None:
    if not task.done() and task.cancelling() >= requests:
        task.uncancel()
        task.cancel()
