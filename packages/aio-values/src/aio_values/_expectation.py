"""Expecting a value: arm, act, wait."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from aio_values import lowlevel
from aio_values._matching import describe, shown
from aio_values._registry import wake
from aio_values._time import deadline_after
from aio_values.lowlevel import EXPIRED

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

    from aio_values._value import AsyncValue
    from aio_values.lowlevel import Waiter

T = TypeVar("T")


class _State(enum.Enum):
    NEW = "not armed yet"
    ARMED = "armed"
    MET = "met"
    FAILED = "failed"
    OVER = "over"


class Expectation(Generic[T]):
    """What `AsyncValue.expecting` returns: a context manager to enter before acting, and to await afterwards."""

    # It stands in the value's registry in place of a waiter, and wakes those who wait for it.
    __slots__ = ("__weakref__", "_outcome", "_source", "_state", "_target", "_told", "_waiters")

    def __init__(self, source: AsyncValue[T], target: object) -> None:
        self._source = source
        self._target = target
        self._state = _State.NEW
        self._outcome: Any = None
        # Whether somebody was given the error that ended it.
        self._told = False
        self._waiters: dict[Waiter[Any], None] = {}

    def __repr__(self) -> str:
        return f"<Expectation of {describe(self._target)}: {self._state.value}>"

    def __enter__(self) -> Expectation[T]:
        if self._state is not _State.NEW:
            raise RuntimeError(f"{self!r} was entered before: call expecting() for each block")
        self._state = _State.ARMED
        self._source._arm(self._target, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._state is _State.ARMED:
            self._source._disarm(self._target, self)
            self._settle(_State.OVER, None)
        if self._state is _State.FAILED and not self._told:
            if error is None:
                raise self._outcome
            error.add_note(f"meanwhile {self!r} with {shown(self._outcome)}")

    def __await__(self) -> Generator[Any, Any, T]:
        return self.wait().__await__()

    async def wait(self, *, timeout: float | None = None) -> T:
        """Wait for the first value that has matched since the block was entered.

        Any number of tasks may wait, once or repeatedly; each can be cancelled on its own.

        Args:
            timeout: The most seconds to wait, from now; None for no limit.

        Returns:
            The value that matched, at once if there was one already (trio: after a checkpoint).

        Raises:
            TimeoutError: The time is over: as for `AsyncValue.wait_value`.
            RuntimeError: The block was not entered, or was left before a value matched.
            Exception: What the predicate raised, or what the transform of a derived value raised.
        """
        deadline = deadline_after(timeout)
        waiter = None if self.done() else self._source._create_waiter()
        # Until the waiter was made, another thread might have assigned.
        if waiter is None or self.done():
            await lowlevel.checkpoint()
        else:
            self._waiters[waiter] = None
            try:
                if await lowlevel.wait_until(waiter, deadline) is EXPIRED:
                    raise self._source._timed_out(f"expecting({describe(self._target)})", timeout)
            finally:
                self._waiters.pop(waiter, None)
        if self._state is _State.MET:
            return cast("T", self._outcome)
        if self._state is _State.FAILED:
            self._told = True
            raise self._outcome
        raise self._is_over()

    def _is_over(self) -> RuntimeError:
        return RuntimeError(f"{self!r}: it can be awaited only inside its block, or after it was met")

    # --- the part of a waiter that a registry uses -----------------------------------------------------------------

    def done(self) -> bool:
        """Whether a value has matched, or the predicate has raised; also once the block was left."""
        return self._state is not _State.ARMED

    def set_result(self, value: T, /) -> None:
        """The first value that matches."""
        self._settle(_State.MET, value)

    def set_exception(self, error: BaseException, /) -> None:
        """What the predicate raised, or the transform of the source."""
        self._settle(_State.FAILED, error)

    def _settle(self, state: _State, outcome: object) -> None:
        if self._state is not _State.ARMED:
            raise RuntimeError(f"{self!r} cannot be woken")
        self._state = state
        self._outcome = outcome
        # The waiting tasks only learn that something happened, and look here for what it was.
        wake(self._waiters, None)
