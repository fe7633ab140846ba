"""Priority inheritance: who waits for a lock lends its priority to the task that holds it, and on along the chain.

A lock that somebody waits for stands among the `_held` of its holder, and the holder inherits the most urgent priority
that waits for any of them. What a task waits in is its `_blocked_on`. Together they are the chain along which a change
travels: the line of a lock changes, so its holder inherits something else, so the holder moves in the line in which it
waits itself, and so on, until nothing changes. Locks that nobody waits for are not in these books, which is why taking
and releasing them costs nothing here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from asyncio import Task

    from aio_sched._priority_lock import PriorityLock
    from aio_sched._waiters import Waiter

NOTHING = math.inf
"""What a task inherits that nobody waits for: no priority is less urgent."""


class Bearer(Protocol):
    """What inheritance needs of a task. `PriorityTask` has it; beside any other task stands a `PlainBearer`."""

    _own_priority: float
    _inherited: float
    _blocked_on: Any
    _held: set[Any] | None

    def effective_priority(self) -> float:
        """Return the more urgent of the task's own priority and of what it inherits."""

    def _set_inherited(self, value: float) -> None:
        """Take note of what is inherited, and move the task in the ready queue if it stands there."""


class _PlainTask(Protocol):
    """A task that is no `PriorityTask`, and has waited for, or held, a lock that others waited for."""

    _aio_sched_bearer: PlainBearer


class PlainBearer:
    """The books of a task that is no `PriorityTask`, so that a chain of locks goes on through it.

    No loop runs such a task any earlier for what it inherits, but the lines in which it waits honour it.
    """

    __slots__ = ("_blocked_on", "_held", "_inherited", "_own_priority")

    def __init__(self) -> None:
        self._own_priority = 0.0
        self._inherited = NOTHING
        self._blocked_on: Waiter | None = None
        self._held: set[PriorityLock] | None = None

    def effective_priority(self) -> float:
        return min(self._own_priority, self._inherited)

    def _set_inherited(self, value: float) -> None:
        self._inherited = value


def bearer_of(task: Task[Any]) -> Bearer:
    """The books of a task; kept by the task, so that they end with it."""
    if hasattr(task, "_set_inherited"):
        return cast("Bearer", task)
    plain = cast("_PlainTask", task)
    try:
        return plain._aio_sched_bearer
    except AttributeError:
        bearer = plain._aio_sched_bearer = PlainBearer()
        return bearer


def bearer_that_waits(task: Task[Any]) -> Bearer:
    """The books of a task that is about to wait: a task of another kind is asked now how urgent it is."""
    bearer = bearer_of(task)
    if isinstance(bearer, PlainBearer):
        bearer._own_priority = _own_priority(task)
    return bearer


def _own_priority(task: Task[Any]) -> float:
    effective_priority = getattr(task, "effective_priority", None)
    if effective_priority is None:
        return 0.0
    priority = float(effective_priority())
    if math.isnan(priority):
        raise ValueError(f"effective_priority() of {task!r} must return a number that can be compared, not nan")
    return priority


def inherit(bearer: Bearer | None) -> None:
    """Make right what a task inherits, and what everybody inherits whom that concerns."""
    circle = _circle_ahead(bearer)
    while bearer is not None:
        if bearer in circle:
            _inherit_in_circle(circle)
            return
        inherited = NOTHING
        for lock in bearer._held or ():
            inherited = min(inherited, lock._urgency())
        if inherited == bearer._inherited:
            return
        before = bearer.effective_priority()
        bearer._set_inherited(inherited)
        if bearer.effective_priority() == before:
            return
        _move_in_line(bearer)
        bearer = _heir_of(bearer)


def priority_changed(task: Bearer) -> None:
    """Tell the lines in which a task waits that its own priority is another now."""
    _move_in_line(task)
    inherit(_heir_of(task))


def _move_in_line(bearer: Bearer) -> None:
    waiter: Waiter | None = bearer._blocked_on
    if waiter is not None:
        waiter.move()


def _heir_of(bearer: Bearer) -> Bearer | None:
    """Who inherits from a task: the holder of the lock in whose line it stands."""
    waiter: Waiter | None = bearer._blocked_on
    return None if waiter is None or waiter.lock is None or not waiter.stands else waiter.lock._heir()


def _circle_ahead(bearer: Bearer | None) -> set[Bearer]:
    """The circle of tasks that wait for each other's locks in which a chain ends; empty if it does not.

    There are some where the detection of deadlocks is off; and otherwise as long as a cancelled task has not run yet.
    """
    if bearer is None or bearer._blocked_on is None:
        return set()
    # A dictionary, since it is a set that keeps the order.
    chain: dict[Bearer, None] = {}
    while bearer is not None and bearer not in chain:
        chain[bearer] = None
        bearer = _heir_of(bearer)
    tasks = list(chain)
    return set() if bearer is None else set(tasks[tasks.index(bearer) :])


def _inherit_in_circle(circle: set[Bearer]) -> None:
    """Make right what the tasks of a circle inherit: all the same, the most urgent of what is in it and waits for it.

    Step by step they would lend each other for ever what somebody lent to one of them who has left since.
    """
    inherited = min(bearer._own_priority for bearer in circle)
    for lock in [lock for bearer in circle for lock in bearer._held or ()]:
        from_outside = (waiter.priority for waiter in lock._waiters if waiter.bearer not in circle)
        inherited = min(inherited, next(from_outside, NOTHING))
    for bearer in sorted(circle, key=lambda bearer: bearer._blocked_on.turn):
        bearer._set_inherited(inherited)
        _move_in_line(bearer)


def line_changed(lock: PriorityLock) -> None:
    """Make right what the holder of a lock inherits, after somebody came to its line, or left it."""
    bearer = lock._heir()
    if bearer is None:
        return
    held = bearer._held
    if lock._waiters:
        if held is None:
            held = bearer._held = set()
        held.add(lock)
    elif held is not None:
        held.discard(lock)
    inherit(bearer)


def lock_left(bearer: Bearer | None, lock: PriorityLock) -> None:
    """End what a task inherits through a lock that it no longer holds."""
    if bearer is None or not bearer._held:
        return
    bearer._held.discard(lock)
    inherit(bearer)
