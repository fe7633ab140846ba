"""A trio task's waiter. Imported only from inside a trio task."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final

import trio

if TYPE_CHECKING:
    from collections.abc import Generator

_SUCCEEDED: Final = trio.lowlevel.Abort.SUCCEEDED


class _State(enum.Enum):
    FRESH = "not awaited yet"
    PARKED = "its task waits"
    RESULT = "woken with a result"
    EXCEPTION = "woken with an exception"
    CANCELLED = "its task's wait was cancelled"


# Looked up on every wait and wake: a plain global is cheaper than a member of the enum.
_FRESH, _PARKED, _RESULT, _EXCEPTION, _CANCELLED = _State


class TrioWaiter:
    """What `asyncio.Future` is to an asyncio task, for one trio task: see `Waiter`."""

    __slots__ = ("__weakref__", "_outcome", "_state", "_task")

    def __init__(self) -> None:
        self._state = _FRESH
        self._outcome: Any = None
        self._task: trio.lowlevel.Task | None = None

    def __repr__(self) -> str:
        return f"<TrioWaiter: {self._state.value}>"

    def done(self) -> bool:
        return self._state is not _PARKED and self._state is not _FRESH

    def cancelled(self) -> bool:
        return self._state is _CANCELLED

    def result(self) -> Any:
        if self._state is _EXCEPTION:
            raise self._outcome
        if self._state is not _RESULT:
            raise RuntimeError(f"this waiter has no result: {self._state.value}")
        return self._outcome

    def exception(self) -> BaseException | None:
        return self._outcome if self._state is _EXCEPTION else None

    def set_result(self, result: object, /) -> None:
        self._wake(_RESULT, result)

    def set_exception(self, exception: BaseException, /) -> None:
        self._wake(_EXCEPTION, exception)

    def _wake(self, state: _State, outcome: object) -> None:
        before = self._state
        if before is not _PARKED and before is not _FRESH:
            raise RuntimeError(f"this waiter is done: {before.value}")
        self._outcome = outcome
        self._state = state
        if before is _PARKED:
            trio.lowlevel.reschedule(self._task)  # type: ignore[arg-type]  # a parked waiter knows its task

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._state = _CANCELLED
        return _SUCCEEDED

    def __await__(self) -> Generator[Any, Any, Any]:
        if self._state is _FRESH:
            self._task = trio.lowlevel.current_task()
            self._state = _PARKED
            yield from trio.lowlevel.wait_task_rescheduled(self._abort).__await__()  # noqa: ASYNC105  # awaited right here
        elif self._state is _PARKED:
            raise RuntimeError("this waiter is awaited by a task already: a waiter parks one task")
        if self._state is _EXCEPTION:
            raise self._outcome
        return self._outcome
