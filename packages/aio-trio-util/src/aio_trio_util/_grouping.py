"""A nursery whose single error propagates as itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn


class open_plain_nursery:  # noqa: N801 - used as a function, as trio's is
    """Open a nursery that raises one error as itself, and a group only where several errors meet.

    With `strict_exception_groups` it groups as trio does: always. Written as a class since a generator made into a
    context manager would cost as much again as the nursery.
    """

    __slots__ = ("_nursery", "_strict")

    def __init__(self, *, strict_exception_groups: bool) -> None:
        self._strict = strict_exception_groups
        # Asked for by name, so that a run with loose groups does not hand over a child's own group unwrapped.
        self._nursery = trio.open_nursery(strict_exception_groups=True)

    async def __aenter__(self) -> trio.Nursery:
        return await self._nursery.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        try:
            return await self._nursery.__aexit__(kind, error, traceback)
        except BaseExceptionGroup as group:
            if self._strict:
                raise
            raise_plainly(group)


def raise_plainly(group: BaseExceptionGroup[BaseException]) -> NoReturn:
    """Raise what a nursery's group says, with one layer less where the group is not needed.

    Cancellation in trio is a state, not an event: a `Cancelled` beside an error may go, the next checkpoint raises it
    again. Errors never go. A child's own group is one error here, and stays as it is.
    """
    errors = [error for error in group.exceptions if not isinstance(error, trio.Cancelled)]
    if len(errors) > 1:
        raise group.derive(errors).with_traceback(group.__traceback__) from None
    raise_unchanged(errors[0] if errors else group.exceptions[0])


def raise_unchanged(error: BaseException) -> NoReturn:
    """Raise an error from an `except` block without making the caught one its context."""
    context = error.__context__
    try:
        raise error
    finally:
        error.__context__ = context
        # The frame is part of the traceback: without this, a cycle.
        del error, context
