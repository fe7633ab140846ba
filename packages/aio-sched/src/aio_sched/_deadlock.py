"""Deadlocks of locks: tasks that wait for each other in a circle, found when the circle closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aio_sched._inheritance import bearer_of

if TYPE_CHECKING:
    from asyncio import Task

    from aio_sched._priority_lock import PriorityLock
    from aio_sched._waiters import Waiter


def deadlock_closed_by(task: Task[Any], lock: PriorityLock) -> str | None:
    """Tell the circle of tasks in which this one, by waiting for this lock, would wait for itself; None if in none.

    It follows the one chain there is: the lock's holder, the lock that this one waits for, its holder, and so on; so it
    costs as much as the chain is long. The chain ends at a task that can go on, or that was cancelled, at a lock that
    takes no part in the detection, and at a circle of which this task would not be a part.
    """
    # A dictionary, since it is a set that keeps the order.
    holders: dict[Task[Any], None] = {}
    wanted: PriorityLock | None = lock
    while wanted is not None and wanted._detect_deadlock:
        holder = wanted._holding_task()
        if holder is None or holder in holders:
            return None
        holders[holder] = None
        if holder is task:
            return _story(lock, list(holders))
        wanted = _needed_lock(holder)
    return None


def _needed_lock(task: Task[Any]) -> PriorityLock | None:
    waiter: Waiter | None = bearer_of(task)._blocked_on
    if waiter is None or (waiter.done() and not waiter.cannot_give_up()):
        return None
    return waiter.needs


def _story(lock: PriorityLock, holders: list[Task[Any]]) -> str:
    """Tell a circle: the holder of this lock, the one of the lock that it waits for, and so on to the one that asks."""
    asking = holders[-1].get_name()
    advice = "; make the lock with detect_deadlock=False if another task is to release it"
    if len(holders) == 1:
        return f"deadlock: task {asking!r} waits for {lock._label()}, which it holds itself{advice}"
    wanted = [lock, *filter(None, map(_needed_lock, holders))]
    steps = [
        f"waits for {one._label()} held by task {holder.get_name()!r}"
        for one, holder in zip(wanted, holders, strict=False)
    ]
    return f"deadlock: task {asking!r} {', which '.join(steps)}{advice}"
