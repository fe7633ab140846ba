"""Deadlocks of locks: tasks that wait for each other in a circle, found when the circle closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from aio_sched._inheritance import bearer_of

if TYPE_CHECKING:
    from asyncio import Task

    from aio_sched._priority_lock import PriorityLock
    from aio_sched._waiters import Waiter


def refuse_deadlock(task: Task[Any], lock: PriorityLock) -> None:
    """Raise if this task, by waiting for this lock, would wait for itself.

    It follows the one chain there is: the lock's holder, the lock that this one waits for, its holder, and so on; so it
    costs as much as the chain is long. The chain ends at a task that can go on, or that was cancelled, at a lock that
    takes no part in the detection, and at a circle of which this task would not be a part.
    """
    links: list[tuple[Task[Any], PriorityLock]] = []
    seen: set[Task[Any]] = set()
    waiting: Task[Any] = task
    wanted: PriorityLock | None = lock
    while wanted is not None and wanted._detect_deadlock:
        holder = wanted._holding_task()
        if holder is None or holder in seen:
            return
        links.append((waiting, wanted))
        if holder is task:
            raise RuntimeError(_story(links))
        seen.add(holder)
        waiting = holder
        wanted = _needed_lock(holder)


def _needed_lock(task: Task[Any]) -> PriorityLock | None:
    waiter = cast("Waiter | None", bearer_of(task)._blocked_on)
    if waiter is None or (waiter.done() and not waiter.cannot_give_up()):
        return None
    return waiter.needs


def _story(links: list[tuple[Task[Any], PriorityLock]]) -> str:
    first = links[0][0]
    advice = "; make the lock with detect_deadlock=False if another task is to release it"
    if len(links) == 1:
        return f"deadlock: task {first.get_name()!r} waits for {links[0][1]._label()}, which it holds itself{advice}"
    holders = [task for task, _ in links[1:]] + [first]
    steps = [
        f"waits for {lock._label()} held by task {holder.get_name()!r}"
        for (_, lock), holder in zip(links, holders, strict=True)
    ]
    return f"deadlock: task {first.get_name()!r} {', which '.join(steps)}{advice}"
