"""An assignment, from the value to everything that depends on it, and to everybody who waits."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from aio_values._value import AsyncValue

TOUCH: Final = object()
"""Delivered in place of a new value: the old one was mutated."""


class Failure(NamedTuple):
    """Why a derived value has no value."""

    error: Exception
    trace: TracebackType | None

    def again(self) -> Exception:
        """The error, to be raised once more: with the traceback it came with, not with those of earlier raises too."""
        return self.error.with_traceback(self.trace)


class Change(NamedTuple):
    """What happened to one value: it changed, or (if it has a failure now) it could not be computed."""

    value: AsyncValue[Any]
    new: Any
    old: Any


class Delivery:
    """One assignment and those made by the code that runs because of it, one after the other.

    Each assignment goes in two steps. First all values derived from the assigned one are computed, each once, after
    everything it is derived from: nobody ever sees one of them new and another old. Only then are those who wait told,
    the assigned value's first, then the derived values' in the order in which they were computed. Assignments that
    transforms and predicates make meanwhile, to a value that is part of this, wait in a queue until it is over.
    """

    __slots__ = ("_involved", "_pending")

    def __init__(self) -> None:
        self._pending: deque[tuple[AsyncValue[Any], Any]] = deque()
        self._involved: list[AsyncValue[Any]] = []

    def queue(self, value: AsyncValue[Any], new: object) -> None:
        """Assign `new` (or `TOUCH`) after what is being delivered, and after what is queued already."""
        self._pending.append((value, new))

    def run(self) -> None:
        """Deliver all that is queued.

        Raises:
            BaseException: What a change policy raised, or an interruption; several come as a group. Everything
                else has been delivered by then.
        """
        errors: list[BaseException] = []
        try:
            while self._pending:
                value, new = self._pending.popleft()
                try:
                    self._deliver(value, new, errors)
                except BaseException as error:
                    errors.append(error)
        finally:
            for value in self._involved:
                value._released()
        _raise(errors)

    def involve(self, values: Iterable[AsyncValue[Any]]) -> None:
        """From now on, assignments that reach one of these values are queued here."""
        for value in values:
            if value._delivery is None:
                value._delivery = self
                value._takes_long_way = True
                self._involved.append(value)

    def _deliver(self, value: AsyncValue[Any], new: Any, errors: list[BaseException]) -> None:
        self.involve([value, *downstream(value)])
        touched = new is TOUCH
        change = value._store_touched() if touched else value._store(new)
        if change is None:
            return
        changes = [change]
        if value._derived:
            changes += _compute_derived(value, touched, errors)
        for change in changes:
            try:
                change.value._announce(change)
            except BaseException as error:
                errors.append(error)


def _compute_derived(root: AsyncValue[Any], touched: bool, errors: list[BaseException]) -> list[Change]:
    """Bring everything derived from `root` up to date: each value once, in an order in which its sources come first."""
    changes = []
    seen = set(root._derived)
    due = [(derived.rank, derived) for derived in root._derived]
    heapq.heapify(due)
    while due:
        _, derived = heapq.heappop(due)
        before = derived._value
        try:
            change = derived._recompute(touched=touched)
        except BaseException as error:
            errors.append(error)
            continue
        if change is not None:
            changes.append(change)
        elif derived._value is before:
            continue
        for further in derived._derived:
            if further not in seen:
                seen.add(further)
                heapq.heappush(due, (further.rank, further))
    return changes


def downstream(value: AsyncValue[Any]) -> list[AsyncValue[Any]]:
    """Every value derived from this one, directly or not."""
    if not value._derived:
        return []
    found: dict[AsyncValue[Any], None] = {}
    new: list[AsyncValue[Any]] = [*value._derived]
    while new:
        found.update(dict.fromkeys(new))
        new = [further for derived in new for further in derived._derived if further not in found]
    return list(found)


def delivery_in_progress(value: AsyncValue[Any]) -> Delivery | None:
    """The delivery that an assignment to `value` would disturb: one that it, or a value derived from it, is part of."""
    if value._delivery is not None:
        return value._delivery
    return next((derived._delivery for derived in downstream(value) if derived._delivery is not None), None)


def _raise(errors: list[BaseException]) -> None:
    if not errors:
        return
    try:
        raise errors[0] if len(errors) == 1 else BaseExceptionGroup("several errors in one assignment", errors)
    finally:
        del errors
