"""A lock that the most urgent waiter gets first, and whose holder is as urgent as those who wait for it."""

from __future__ import annotations

import asyncio
from asyncio import current_task
from typing import TYPE_CHECKING, Any, Literal
from weakref import ref

from aio_sched._asyncio_internals import loop_of, running_task
from aio_sched._deadlock import deadlock_closed_by
from aio_sched._inheritance import bearer_of, line_changed, lock_left
from aio_sched._waiters import Waiter

if TYPE_CHECKING:
    from asyncio import Task

    from aio_sched._inheritance import Bearer
    from aio_sched._waiters import Line


class PriorityLock(asyncio.Lock):
    """An `asyncio.Lock` for tasks of different priority.

    It prevents *priority inversion*: an urgent task waits for a lock, its holder is not urgent, and tasks in between
    keep the holder from ever letting go. Here the holder inherits the priority of the most urgent task that waits, for
    as long as that waits; if the holder waits for another `PriorityLock` itself, so does the holder of that one, and so
    on along the chain. In every line in which one of them stands (of locks, conditions, semaphores, and the ready queue
    of a priority loop) it moves at once.

    Waiters get the lock in the order of their priority, and in the order in which they came among equals. `release()`
    hands the lock over to the next waiter: who comes before that one has run does not overtake it, but lends it its
    priority. The priority of a task is its `effective_priority()`, and 0.0 for a task that has none; with plain tasks
    this is a fair lock like asyncio's, on any loop.

    A circle of tasks that wait for each other's locks would never move again. The task that would close one gets a
    `RuntimeError` that names its tasks and locks, and the lock is as if it had not asked. Like asyncio's, a lock may be
    released by another task than the one that acquired it, or wanted for a limited time only; a lock that is used so is
    made with `detect_deadlock=False`, since then a circle is none for sure.

    The lock belongs to the task that calls `acquire()`. `asyncio.wait_for` calls it in a task of its own before
    Python 3.12, so that there is nobody to inherit: use `asyncio.timeout`.

    Args:
        detect_deadlock: Whether a circle of lock waits that goes through this lock is an error.
        name: What `repr` and the error for a deadlock call this lock.

    Cost: an uncontended acquire and release is asyncio's, and a note of the running task. A wait takes a binary search
    in the line, and as many steps as the chain of locks is long.
    """

    _waiters: Line  # type: ignore[assignment]  # asyncio has a deque of futures there

    def __init__(self, *, detect_deadlock: bool = True, name: str | None = None) -> None:
        super().__init__()
        self.name = name
        self._detect_deadlock = detect_deadlock
        self._locked = False
        # Without the waiter that the lock was handed to.
        self._waiters = []
        # Who took the lock last, and holds it if it is locked. Weak: a task that ends without releasing it is not kept.
        self._holder: ref[Task[Any] | None] | None = None
        # The waiter that has the lock but has not run since. `locked()` is False for that time, as asyncio's is.
        self._handed_to: Waiter | None = None

    def __repr__(self) -> str:
        # As asyncio's, down to the part in brackets that programs parse.
        kind = type(self)
        name = "" if self.name is None else f" {self.name!r}"
        holder = self._holding_task()
        held = "" if holder is None else f" held by {holder.get_name()!r}"
        waiters = f", waiters:{len(self._waiters)}" if self._waiters else ""
        state = "locked" if self._locked else "unlocked"
        return f"<{kind.__module__}.{kind.__qualname__}{name} object at {id(self):#x}{held} [{state}{waiters}]>"

    async def acquire(self) -> Literal[True]:
        """Take the lock, after a wait if somebody has it.

        Cancellation: a wait that is cancelled leaves no trace and ends what the holder inherited; if the lock was
        handed over already, it is handed on to the next waiter.

        Returns:
            True.

        Raises:
            RuntimeError: The wait would close a circle of tasks that wait for each other, or the running loop is not
                that of the waits before.
            ValueError: The task's `effective_priority()` returned a NaN.
        """
        if self._locked or self._handed_to is not None:
            return await self._acquire_in_turn()
        try:
            self._holder = ref(current_task())
        except (RuntimeError, TypeError):
            # No loop is running, or no task that asyncio knows of.
            task = running_task()
            self._holder = None if task is None else ref(task)
        self._locked = True
        if self._waiters:  # they were cancelled, and have not run since
            line_changed(self)
        return True

    async def _acquire_in_turn(self) -> Literal[True]:
        waiter = Waiter(self._waiters, loop_of(self), lock=self, needs=self)
        # Nothing but the condition's own wait may take its lock again without a way out.
        if waiter.task is not None and waiter.on_behalf_of is None:
            deadlock = deadlock_closed_by(waiter.task, self)
            if deadlock is not None:
                waiter.end()
                raise RuntimeError(deadlock)
        waiter.enter()
        try:
            line_changed(self)
            await waiter.future
        except BaseException:
            if self._handed_to is waiter:
                self._hand_over()
            else:
                waiter.leave_line()
                line_changed(self)
            waiter.end()
            raise
        self._locked = True
        self._handed_to = None
        self._holder = None if waiter.task is None else ref(waiter.task)
        return True

    def release(self) -> None:
        """Give the lock up, and hand it over to the most urgent waiter.

        What the holder inherited through this lock ends at once. Any task, or callback, may release the lock, as with
        asyncio's.

        Raises:
            RuntimeError: The lock is not locked.
        """
        if not self._locked:
            raise RuntimeError("Lock is not acquired.")
        if self._waiters:
            self._hand_over()
            return
        self._locked = False

    def _hand_over(self) -> None:
        before = self._heir()
        self._locked = False
        self._handed_to = None
        lock_left(before, self)
        waiter = next(filter(Waiter.can_be_woken, self._waiters), None)
        if waiter is None:
            return
        waiter.leave_line()
        waiter.unblock()
        self._handed_to = waiter
        # Before it is queued to run, so that it is queued for the priority that it inherits from the others.
        line_changed(self)
        waiter.future.set_result(None)

    def _holding_task(self) -> Task[Any] | None:
        """The task that has the lock, or was handed it; None if nobody has it, or no task."""
        if self._handed_to is not None:
            return self._handed_to.task
        return self._holder() if self._locked and self._holder is not None else None

    def _heir(self) -> Bearer | None:
        """Who inherits from those who wait."""
        task = self._holding_task()
        return None if task is None else bearer_of(task)

    def _urgency(self) -> float:
        """The priority of the most urgent that waits; one that was cancelled counts until it has run."""
        return self._waiters[0].priority

    def _label(self) -> str:
        kind = type(self).__name__
        return f"{kind} at {id(self):#x}" if self.name is None else f"{kind} {self.name!r}"
