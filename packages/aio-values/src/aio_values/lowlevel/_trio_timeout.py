"""Time limits and timeout errors, as trio has them. Imported only from inside a trio task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from aio_values.lowlevel._time_limit import TimeLimit

if TYPE_CHECKING:
    from types import TracebackType


class TimeLimitOnTrio(TimeLimit):
    """A cancel scope, which serves one block, in words of both worlds."""

    __slots__ = ("_scope",)

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self._scope = trio.CancelScope(deadline=deadline)

    @classmethod
    def after(cls, seconds: float) -> TimeLimitOnTrio:
        return cls(trio.current_time() + seconds)

    @property
    def expired(self) -> bool:
        return self._scope.cancelled_caught

    def __enter__(self) -> TimeLimit:
        self._scope.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        return self._scope.__exit__(kind, error, traceback)


class TooSlowError(trio.TooSlowError, TimeoutError):
    """Something took too long: a `trio.TooSlowError` for trio's users, a `TimeoutError` for everybody."""
