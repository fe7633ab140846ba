"""The ready queue of a loop with priorities: a deque of handles for each value in use, and who has the next turn.

The order, in full:

- The handle that runs is the first of the lowest value that has any. Within a value, first come, first served. What is
  no `PriorityTask`'s step (callbacks, timers, I/O, plain tasks, what threads post) has the value 0.0.
- No callback is overtaken: a step runs after every callback that was in the queue when it was added. Such a callback
  may be what the step relies on (asyncio's transports do so all the time), and nobody can tell. What stands in the base
  up to the last of these runs in the step's place, as urgent as the step. Steps of tasks are overtaken.
- What was put at position 0 runs next: it has a value of its own, `FRONT`. Only a turn that is due comes before it.
- Of every `bound + 1` handles, one is a turn given away, to one level after the other: to a handle that was the first
  of its level all the while.

What a step has to wait for is marked by a `Fence`. It stands in two queues: in the base, behind the last callback, and
before the step in its level. Where it comes up in the base, it is passed; where it comes up in a level and is not
passed, a handle of the base runs instead. So fences cost nothing where there are none, and stay right when handles are
put into the queue, or taken out of it.

The level of 0.0, the `base`, is what other threads append to, with nothing but `deque.append`. All the rest belongs to
the loop's own thread.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

from aio_sched._asyncio_internals import STEP_TYPE, is_callback, task_of
from aio_sched._priority_task import PriorityTask
from aio_sched._ready_queue import snapshot

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Sequence

#: So many levels stay in the order while they are empty: tasks that wake one another come back to theirs all the time.
KEPT_LEVELS = 8
#: After so many passes (or handles, one by one), the order is emptied if nothing but the base holds handles.
TIDY_PASSES = 16

#: The value of what was put at the front, to run next: more urgent than any other.
FRONT = -math.inf


class Fence:
    """Stands in a queue of handles, and looks like one that was cancelled: it never runs, and is never shown."""

    __slots__ = ("behind",)

    #: The callback behind which it stands in the base; None when it is passed.
    behind: asyncio.Handle | None

    _cancelled = True
    _callback = None

    def cancelled(self) -> bool:
        return True


class Level(deque[Any]):
    """The handles of one value, and fences among them.

    It lives as long as a task has the value, or it stands in the order.
    """

    # Filled in by `ReadyLevels`: a level is made for each task that has a value of its own.
    __slots__ = ("fence", "in_turns", "listed", "value")

    value: float
    #: Whether it stands in the order, and among the turns.
    listed: bool
    in_turns: bool
    #: The last fence that it was given.
    fence: Fence | None

    # Two levels are never the same, whatever they hold.
    __eq__ = object.__eq__
    __hash__ = object.__hash__  # type: ignore[assignment]  # a deque has none


class ReadyLevels:
    """All levels of a loop. The loops read and write the attributes on their hot path; see `_fast_loop`."""

    __slots__ = (
        "base",
        "bound",
        "by_value",
        "countdown",
        "fence",
        "gone",
        "head",
        "last_callback",
        "last_in_pass",
        "left",
        "order",
        "pass_end",
        "passes",
        "portion",
        "posted",
        "short_passes",
        "turns",
        "values",
        "waiting",
    )

    def __init__(self, bound: int) -> None:
        #: Every level but the base that is alive, and some that no longer are. Empty: no task has a priority, and
        #: nothing here is needed.
        self.by_value: dict[float, ref[Level]] = {}
        #: What is left of levels that are no longer alive.
        self.gone: list[ref[Level]] = []
        self.base = _new_level(0.0)
        #: Levels that may hold a handle, lowest value first, and their values. Empty, or the base is among them.
        self.order: list[Level] = []
        self.values: list[float] = []
        #: The same levels, and some that have left the order: the one whose turn comes next is on the left.
        self.turns: deque[Level] = deque()
        #: How many handles run before a turn is given away, and how many of them are left.
        self.bound = bound
        self.left = bound
        #: The level that gets the next turn, if this is still its first handle.
        self.waiting: Level | None = None
        self.head: asyncio.Handle | None = None
        #: The last callback in the base; it may have run if there is no order. None if there is none, unless `posted`.
        self.last_callback: asyncio.Handle | None = None
        #: Whether the base has to be searched for it: other threads set this after they have appended.
        self.posted = True
        #: The last callback of the pass that goes on; None if none has begun.
        self.last_in_pass: asyncio.Handle | None = None
        #: What stood last in the base when it began: steps of tasks may stand behind its last callback.
        self.pass_end: asyncio.Handle | Fence | None = None
        #: The fence that stands behind the last callback that somebody waited for.
        self.fence: Fence | None = None
        #: How many handles may run before I/O is looked at, if fewer were ready: 1 at first, and after slow ones.
        self.portion = 1
        #: How many passes since then were short, and told nothing of what takes long.
        self.short_passes = 0
        #: What a run of handles counts off. It ends where `stop()` empties this.
        self.countdown: list[int] = []
        #: How many have begun since it was seen whether the order is needed.
        self.passes = 0

    def level_of(self, value: float) -> Level | None:
        """The level of a value, made if there is none; None for the base."""
        if value == 0.0:
            return None
        found = self.by_value.get(value)
        level = None if found is None else found()
        if level is None:
            if not self.by_value:
                # Until now nobody took note of callbacks.
                self.posted = True
            elif len(self.gone) * 2 > len(self.by_value):
                self.forget_gone()
            level = _new_level(value)
            self.by_value[value] = ref(level, self.gone.append)
        return level

    def front(self) -> Level:
        """The level of what runs next, whatever becomes ready meanwhile."""
        level = self.level_of(FRONT)
        assert level is not None
        return level

    def forget_gone(self) -> None:
        """Forget the values whose levels are no longer alive. Cost: proportional to the number of values, if any is."""
        if not self.gone:
            return
        self.gone.clear()
        for value in [value for value, level in self.by_value.items() if level() is None]:
            del self.by_value[value]

    # --- As the queue of a loop: what asyncio's own `_run_once` and `call_soon` need of `_ready` ---

    def append(self, handle: asyncio.Handle) -> None:
        """Add a handle at the end of its level. Other threads may call it for what steps no task."""
        task = task_of(handle)
        if isinstance(task, PriorityTask):
            level = task._level
            if level is not None:
                self.add(level, handle)
                return
        self.base.append(handle)
        if task is None:
            # After it was appended: whoever sees this unset must see the handle.
            self.posted = True

    def popleft(self) -> Any:
        """Take out the handle whose turn it is, or else what is as good as cancelled.

        A fence was counted in both queues, and may go from both at once: then there is nothing left in the end.
        """
        self.passes += 1
        if self.passes > TIDY_PASSES:
            self.tidy()
        base = self.base
        if not self.order:
            handle = base.popleft() if base else Fence()
            if type(handle) is Fence:
                self._open(handle)
            return handle
        self.left -= 1
        levels: Sequence[Level] = ()
        if self.left < 0:
            self.left = self.bound
            levels = self.next_turn()
        if len(self.order) > KEPT_LEVELS:
            self.drop_empty()
        level = next(filter(None, levels or self.order), base)
        if not level:
            return Fence()
        handle = level.popleft()
        if type(handle) is Fence:
            handle = self.met(handle, level) or handle
        if handle is self.last_callback:
            self.last_callback = None
        self.forget_head()
        return handle

    def __len__(self) -> int:
        """How many handles asyncio's own `_run_once` runs in one pass; 0 if and only if there is none."""
        return self.count_urgent() or any(self.order)

    def clear(self) -> None:
        """Forget every handle and level; for a loop that is closed."""
        for level in self.order:
            level.clear()
            level.fence = None
        self.base.clear()
        self.fence = self.last_callback = self.last_in_pass = self.pass_end = None
        self._empty_order()

    # --- Adding ---

    def add(self, level: Level, handle: asyncio.Handle) -> None:
        """Add a step to a level that is not the base."""
        if not level.listed:
            self.enlist(level)
        if self.posted or self.last_callback is not None:
            self.set_fence(level)
        level.append(handle)

    def enlist(self, level: Level) -> None:
        """Put a level into the order."""
        order = self.order
        if not order and level is not self.base:
            self.enlist(self.base)
        value = level.value
        values = self.values
        if not values or value > values[-1]:
            values.append(value)
            order.append(level)
        else:
            place = bisect_right(values, value)
            values.insert(place, value)
            order.insert(place, level)
        level.listed = True
        if not level.in_turns:
            level.in_turns = True
            self.turns.append(level)

    def set_fence(self, level: Level) -> None:
        """Let what is added to a level next wait for the callbacks that stand in the base."""
        last = self.find_last_callback()
        if last is None:
            return
        fence = self.fence
        if fence is None or fence.behind is not last:
            fence = self._fence_behind(last)
        if fence is not None and level.fence is not fence:
            level.fence = fence
            level.append(fence)

    def _fence_behind(self, last: asyncio.Handle) -> Fence | None:
        base = self.base
        # Behind it stand steps of tasks, and what threads have posted just now.
        for place in range(len(base) - 1, -1, -1):
            if base[place] is last:
                break
        else:
            self.last_callback = None
            return None
        fence = self.fence = Fence()
        fence.behind = last
        base.insert(place + 1, fence)
        return fence

    def find_last_callback(self) -> asyncio.Handle | None:
        """The last callback in the base. Cost: proportional to the steps of tasks behind it, if it is not known."""
        last = self.last_callback
        if not self.posted and (last is None or not last._cancelled):
            return last
        # Set first: what a thread appends and announces from here on is not lost.
        self.posted = False
        base = self.base
        for place in range(len(base) - 1, -1, -1):
            if is_callback(base[place]):
                self.last_callback = base[place]
                return self.last_callback
        self.last_callback = None
        return None

    def last_of_first(self, count: int) -> asyncio.Handle | None:
        """The last of the first handles of the base that is no C task's step. Cost: proportional to those behind it."""
        base = self.base
        for place in range(min(count, len(base)) - 1, -1, -1):
            handle = base[place]
            if type(handle) is not Fence and type(handle._callback) is not STEP_TYPE:
                return cast("asyncio.Handle", handle)
        return None

    def is_pass_over(self) -> bool:
        """Whether all has run that stood in the base when the pass began. The first time: proportional to the base."""
        base = self.base
        end = self.pass_end
        if end is None:
            return True
        if type(end) is not Fence:
            place = next((place for place, handle in enumerate(snapshot(base)) if handle is end), None)
            if place is None:
                self.pass_end = None
                return True
            # From here on, a fence behind it tells.
            mark = self.pass_end = Fence()
            mark.behind = cast("asyncio.Handle", end)
            base.insert(place + 1, mark)
            return False
        while base and type(fence := base[0]) is Fence:
            del base[0]
            self._open(fence)
        return end.behind is None

    def forget_callbacks(self) -> None:
        """Forget which callbacks there are: they have run, and nobody looked."""
        self.last_callback = self.last_in_pass = self.pass_end = None
        self.posted = True
        self.forget_gone()

    # --- Taking ---

    def met(self, fence: Fence, level: Level) -> asyncio.Handle | None:
        """What runs instead of a fence that was taken out of a level; None if there is nothing to wait for."""
        base = self.base
        if level is base:
            self._open(fence)
            return None
        if not level:
            level.fence = None
            return None
        # As long as it is not passed, it stands in the base too, so that this is not empty.
        while fence.behind is not None:
            handle = base.popleft()
            if type(handle) is not Fence:
                level.appendleft(fence)
                return cast("asyncio.Handle", handle)
            self._open(handle)
        return None

    def _open(self, fence: Fence) -> None:
        fence.behind = None
        if fence is self.fence:
            self.fence = None

    def next_turn(self) -> Sequence[Level]:
        """The level to which a turn is given away, alone; none if no level has waited for long enough.

        Its first handle was the first one the last time too: what has just come waits, and overtakes nobody.
        """
        base = self.base
        while base and type(fence := base[0]) is Fence:
            del base[0]
            self._open(fence)
        first = next(filter(None, self.order), None)
        given = self.waiting
        if given is None or given is first or _handle_at(given, 0) is not self.head:
            given = None
        self.waiting = self.head = None
        for _ in range(len(self.turns)):
            level = self.turns[0]
            if not level.listed:
                level.in_turns = False
                del self.turns[0]
                continue
            self.turns.rotate(-1)
            if level is first:
                continue
            # What is given a turn runs now, unless something of the base runs in its place.
            head = _handle_at(level, 1 if level is given and type(level[0]) is not Fence else 0)
            if head is not None:
                self.waiting = level
                self.head = head
                break
        return () if given is None else (given,)

    def forget_head(self) -> None:
        """Keep no handle that has run."""
        waiting = self.waiting
        if waiting is not None and _handle_at(waiting, 0) is not self.head:
            self.waiting = self.head = None

    def drop_empty(self) -> None:
        """Take empty levels at the beginning of the order out of it, except for the base."""
        order = self.order
        base = self.base
        begin = end = 1 if order[0] is base else 0
        while end < len(order) and not (level := order[end]) and level is not base:
            level.listed = False
            end += 1
        del order[begin:end], self.values[begin:end]

    # --- Tidying up ---

    def count_urgent(self) -> int:
        """How many handles there are in the base and above."""
        base = self.base
        count = len(base)
        for level in self.order:
            if level is base:
                break
            count += len(level)
        return count

    def tidy(self) -> None:
        """Drop the order if nothing but the base holds handles: levels that are needed come back."""
        self.passes = 0
        base = self.base
        for level in self.order:
            if level and level is not base:
                break
        else:
            self._empty_order()

    def _empty_order(self) -> None:
        self._leave_order(self.turns)
        self.turns.clear()
        self.order.clear()
        self.values.clear()
        self.waiting = self.head = None
        self.forget_gone()

    @staticmethod
    def _leave_order(levels: Sequence[Level]) -> None:
        for level in levels:
            level.listed = level.in_turns = False

    # --- Looking into the queue, and changing it ---

    def in_order(self) -> Iterator[tuple[Level, asyncio.Handle]]:
        """Every handle, with its level, in the order in which they will run; turns that are given away not counted."""
        queues: list[tuple[Level, deque[Any]]] = [
            (level, deque(snapshot(level))) for level in self.order or [self.base]
        ]
        of_base = next(queue for level, queue in queues if level is self.base)
        passed: set[Fence] = set()
        for level, queue in queues:
            while queue:
                fence = queue[0]
                if type(fence) is not Fence:
                    yield level, queue.popleft()
                elif level is not self.base and len(queue) == 1:
                    queue.popleft()  # nothing waits here, but perhaps elsewhere
                elif level is self.base or fence.behind is None or fence in passed:
                    passed.add(queue.popleft())
                elif type(of_base[0]) is Fence:
                    passed.add(of_base.popleft())
                else:
                    yield self.base, of_base.popleft()

    def find(self, task: PriorityTask[Any], level: Level) -> int | None:
        """Where in a level the handle stands that will step a task."""
        for place, handle in enumerate(snapshot(level)):
            if task_of(handle) is task:
                return place
        return None

    def take_out(self, level: Level, place: int) -> asyncio.Handle:
        """Take a handle out of the middle."""
        handle = level[place]
        del level[place]
        if level is self.base:
            self.posted = True
        else:
            # What comes here next waits for what there is then.
            while level and type(level[-1]) is Fence:
                level.pop()
                level.fence = None
        if handle is self.last_in_pass:
            self.last_in_pass = None
        if handle is self.pass_end:
            self.pass_end = level[place - 1] if place else None
        return cast("asyncio.Handle", handle)

    def index(self, level: Level, handle: asyncio.Handle) -> int:
        """Where a handle stands in its level; it does stand there."""
        return next(place for place, queued in enumerate(snapshot(level)) if queued is handle)

    def put_in(self, level: Level, place: int, handle: asyncio.Handle) -> None:
        """Put a handle into the middle, where `level[place]` is then behind it."""
        if not level.listed and level is not self.base:
            self.enlist(level)
        while level is self.base and place < len(level) and type(level[place]) is Fence:
            place += 1  # else what comes to wait for the callbacks before the fence would wait for this, too
        level.insert(place, handle)
        if level is self.base:
            self.posted = True

    def move_task(self, task: PriorityTask[Any], new: Level | None) -> None:
        """Move the handle that will step a task to the end of a level, None for the base; nothing if there is none."""
        for level in self.order or [self.base]:
            place = self.find(task, level)
            if place is not None:
                handle = self.take_out(level, place)
                if new is None:
                    self.base.append(handle)
                else:
                    self.add(new, handle)
                return


def _new_level(value: float) -> Level:
    level = Level()
    level.value = value
    level.listed = level.in_turns = False
    level.fence = None
    return level


def _handle_at(level: Level, place: int) -> asyncio.Handle | None:
    """The handle at a place of a level from which no other thread takes any, fences not counted; None if there is none.

    Passed fences at the front of the level go.
    """
    while level and type(level[0]) is Fence and level[0].behind is None:
        level.popleft()
    for index in range(len(level)):
        handle = level[index]
        if type(handle) is not Fence:
            if not place:
                return cast("asyncio.Handle", handle)
            place -= 1
    return None
