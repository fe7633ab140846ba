"""The line in which tasks wait: the most urgent first, and first come, first served among equals."""

from __future__ import annotations

from bisect import bisect_left, insort
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

from aio_sched._asyncio_internals import current_task
from aio_sched._inheritance import PlainBearer, bearer_that_waits

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, Task

    from aio_sched._inheritance import Bearer
    from aio_sched._priority_lock import PriorityLock

Line: TypeAlias = "list[Waiter]"

_turns = count()


class Waiter:
    """A task in a line. The line is a list in the order of urgency, so that looking at it tells who is next.

    A waiter whose priority changes keeps the turn that it had when it came, so that nobody loses a place for having
    been lent a priority for a while. To come, to go and to move take a binary search and a move of memory.

    Args:
        line: The line, still without this waiter.
        loop: The loop of the task.
        lock: The lock whose line it is, if it is one whose holder inherits from those who wait.
        needs: The lock without which the task cannot go on, whatever happens to its wait.
    """

    __slots__ = ("bearer", "future", "line", "lock", "needs", "on_behalf_of", "priority", "stands", "task", "turn")

    def __init__(
        self,
        line: Line,
        loop: AbstractEventLoop,
        lock: PriorityLock | None = None,
        needs: PriorityLock | None = None,
    ) -> None:
        self.task: Task[Any] | None = current_task(loop)
        # No task is running if a coroutine is driven by hand.
        self.bearer: Bearer = PlainBearer() if self.task is None else bearer_that_waits(self.task)
        self.priority = self.bearer.effective_priority()
        self.turn = next(_turns)
        self.future: Future[None] = loop.create_future()
        self.line = line
        self.lock = lock
        self.needs = needs
        self.stands = False
        # The wait for a condition that this one is a part of: its task takes the condition's lock again.
        outer: Waiter | None = self.bearer._blocked_on
        self.on_behalf_of = outer if lock is not None and outer is not None and outer.needs is lock else None

    def __lt__(self, other: Waiter) -> bool:
        if self.priority != other.priority:
            return self.priority < other.priority
        return self.turn < other.turn

    def done(self) -> bool:
        """Whether it was woken or cancelled; its task may still have to run."""
        return self.future.done()

    def cancelled(self) -> bool:
        """Whether it was cancelled, and not woken."""
        return self.future.cancelled()

    def was_woken(self) -> bool:
        """Whether it was woken, even if its task was cancelled before it could run."""
        return self.future.done() and not self.future.cancelled()

    def cannot_give_up(self) -> bool:
        """Whether the task goes on waiting for the lock that it needs even if it is cancelled, or woken."""
        return self.lock is None or self.on_behalf_of is not None

    def enter(self) -> None:
        """Stand in the line, behind all that are as urgent."""
        # Read again: a condition's wait has released the lock since, and lost what it inherited through that.
        self.priority = self.bearer.effective_priority()
        self._place()
        self.stands = True
        self.bearer._blocked_on = self

    def leave_line(self) -> None:
        """Leave the line, but not yet the wait: the task may still need the lock."""
        self._withdraw()
        self.stands = False

    def unblock(self) -> None:
        """Take note that the task no longer waits for this."""
        if self.bearer._blocked_on is self:
            self.bearer._blocked_on = self.on_behalf_of

    def end(self) -> None:
        """Forget the task: it may keep the frames that know this waiter, by the exception that ended the wait."""
        self.unblock()
        del self.task, self.bearer

    def wake(self) -> bool:
        """Wake the task, and say whether there was anybody to wake."""
        if not self.can_be_woken():
            return False
        self.future.set_result(None)
        return True

    def can_be_woken(self) -> bool:
        """Whether it is neither woken nor cancelled."""
        # A loop that is closed runs nobody any more: what wakes then is the clean-up of tasks that were pending.
        return not self.future.done() and not self.future.get_loop().is_closed()

    def move(self) -> None:
        """Stand where the priority that the task has now belongs."""
        priority = self.bearer.effective_priority()
        if not self.stands:
            self.priority = priority
        elif priority != self.priority:
            self._withdraw()
            self.priority = priority
            self._place()

    def _place(self) -> None:
        # Nearly always all are as urgent as each other, and this one came last.
        if not self.line or self.line[-1] < self:
            self.line.append(self)
        else:
            insort(self.line, self)

    def _withdraw(self) -> None:
        # Nearly always it is the next one that goes.
        del self.line[0 if self.line[0] is self else bisect_left(self.line, self)]
