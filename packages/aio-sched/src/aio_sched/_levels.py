"""The ready queue of a loop with priorities: a deque of handles for each value in use, and who has the next turn.

The order, in full:

- The handle that runs is the first of the lowest value that has any. Within a value, first come, first served. What is
  no `PriorityTask`'s step (callbacks, timers, I/O, plain tasks, what threads post) has the value 0.0.
- No callback is overtaken: a step runs after every callback that was in the queue when it was added. Such a callback
  may be what the step relies on (asyncio's transports do so all the time), and nobody can tell. A handle that has to
  wait for one has a *fence*: the number of handles of 0.0 that have to run first. They run in its place, so that they
  are as urgent as what waits for them. Steps of tasks are overtaken.
- What was put at position 0 runs next: it has a value of its own, `FRONT`.
- Of every `bound + 1` handles, one is a turn given away, to one level after the other: to a handle that was the first
  of its level all the while.

The level of 0.0, the `base`, is what other threads append to, with nothing but `deque.append`. All the rest belongs to
the loop's own thread.
"""

from __future__ import annotations

import asyncio
import math
from bisect import insort
from collections import deque
from operator import attrgetter
from types import BuiltinMethodType
from typing import TYPE_CHECKING, Any
from weakref import ref

from aio_sched._asyncio_internals import is_callback, task_of
from aio_sched._priority_task import PriorityTask
from aio_sched._ready_queue import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: So many levels stay in the order while they are empty: tasks that wake one another come back to theirs all the time.
KEPT_LEVELS = 8
#: After so many passes (or handles, one by one) with nothing but in the base, the order is emptied.
QUIET_PASSES = 16

#: The value of what was put at the front, to run next: more urgent than any other.
FRONT = -math.inf

_value_of = attrgetter("value")


class Level(deque[asyncio.Handle]):
    """The handles of one value. It lives as long as a task has the value, or it stands in the order."""

    __slots__ = ("_levels", "in_turns", "listed", "value")

    def __init__(self, value: float, levels: dict[float, ref[Level]]) -> None:
        super().__init__()
        self.value = value
        self.listed = False
        self.in_turns = False
        self._levels = levels

    # Two levels are never the same, whatever they hold.
    __eq__ = object.__eq__
    __hash__ = object.__hash__  # type: ignore[assignment]  # a deque has none

    def __del__(self) -> None:
        found = self._levels.get(self.value)
        if found is not None and found() is self:
            del self._levels[self.value]


class ReadyLevels:
    """All levels of a loop. The loops read and write the attributes on their hot path; see `_fast_loop`."""

    __slots__ = (
        "base",
        "bound",
        "by_value",
        "countdown",
        "fences",
        "first_of_next",
        "head",
        "last_fence",
        "left",
        "may_hold_callbacks",
        "order",
        "popped",
        "portion",
        "quiet",
        "turns",
        "waiting",
    )

    def __init__(self, bound: int) -> None:
        #: Every level but the base that is alive. Empty: no task has a priority, and nothing here is needed.
        self.by_value: dict[float, ref[Level]] = {}
        self.base = Level(0.0, self.by_value)
        #: Levels that may hold a handle, lowest value first. Empty, or the base is among them.
        self.order: list[Level] = []
        #: The same levels, and some that have left the order: the one whose turn comes next is on the left.
        self.turns: deque[Level] = deque()
        #: How many handles run before a turn is given away, and how many of them are left.
        self.bound = bound
        self.left = bound
        #: The level that gets the next turn, if this is still its first handle.
        self.waiting: Level | None = None
        self.head: asyncio.Handle | None = None
        #: Handles that have to wait, and until how many handles of the base have run, counted in `popped`.
        self.fences: dict[asyncio.Handle, int] = {}
        self.popped = 0
        self.last_fence = 0
        #: False: what the base holds are steps of tasks.
        self.may_hold_callbacks = True
        #: How many handles may run before I/O is looked at, if fewer were ready.
        self.portion = 1
        #: The first callback that was queued in this pass: it belongs to the next one, and so does all behind it.
        self.first_of_next: asyncio.Handle | None = None
        #: What a run of steps counts off. It ends where `stop()` or a callback that is queued empties this.
        self.countdown: list[int] = []
        #: How often in a row only the base held anything.
        self.quiet = 0

    def level_of(self, value: float) -> Level | None:
        """The level of a value, made if there is none; None for the base."""
        if value == 0.0:
            return None
        found = self.by_value.get(value)
        level = None if found is None else found()
        if level is None:
            level = Level(value, self.by_value)
            self.by_value[value] = ref(level)
            self.may_hold_callbacks = True
        return level

    def front(self) -> Level:
        """The level of what runs next, whatever becomes ready meanwhile."""
        level = self.level_of(FRONT)
        assert level is not None
        return level

    # --- As the queue of a loop: what asyncio's own `_run_once` and `call_soon` need of `_ready` ---

    def append(self, handle: asyncio.Handle) -> None:
        """Add a handle at the end of its level."""
        task = task_of(handle)
        if isinstance(task, PriorityTask):
            level = task._level
            if level is not None:
                self.add(level, handle)
                return
        self.base.append(handle)
        if task is None:
            # After it was appended: whoever sees the flag unset must see the handle.
            self.callback_came(handle)

    def popleft(self) -> asyncio.Handle:
        """Take out the handle whose turn it is; IndexError if there is none."""
        self._tidy()
        if not self.order:
            return self.base.popleft()
        levels: Sequence[Level] = self.order
        self.left -= 1
        if self.left < 0:
            self.left = self.bound
            levels = self.next_turn() or levels
        handle = None
        while handle is None:
            # Who takes one after the other knows of no passes. Another thread may set this again at any time.
            self.first_of_next = None
            handle = self.pop_first(levels)
        self.forget_head()
        return handle

    def __len__(self) -> int:
        """How many handles asyncio's own `_run_once` runs in one pass; 0 if and only if there is none."""
        return self.count_urgent() or any(self.order)

    def clear(self) -> None:
        """Forget every handle and level; for a loop that is closed."""
        for level in self.order:
            level.clear()
        self.base.clear()
        self.fences.clear()
        self.first_of_next = None
        self._empty_order()

    # --- Adding ---

    def level_of_woken(self, callback: Any, handle: asyncio.Handle) -> Level | None:
        """The level of the C task that a callback wakes up; None if it is the base."""
        if type(callback) is BuiltinMethodType and callback.__name__ == "task_wakeup":
            task = callback.__self__
            return task._level if isinstance(task, PriorityTask) else None
        # As `callback_came`, without the call.
        self.may_hold_callbacks = True
        if self.first_of_next is None:
            self.first_of_next = handle
        self.countdown.clear()
        return None

    def callback_came(self, handle: asyncio.Handle) -> None:
        """Take note of a callback at the end of the base. Other threads may call it."""
        self.may_hold_callbacks = True
        if self.first_of_next is None:
            self.first_of_next = handle
        self.countdown.clear()

    def add(self, level: Level, handle: asyncio.Handle) -> None:
        """Add a handle to a level that is not the base."""
        if not level.listed:
            self.enlist(level)
        if self.may_hold_callbacks:
            self.set_fence(handle)
        level.append(handle)

    def enlist(self, level: Level) -> None:
        """Put a level into the order."""
        if not self.order and level is not self.base:
            self.enlist(self.base)
        insort(self.order, level, key=_value_of)
        level.listed = True
        if not level.in_turns:
            level.in_turns = True
            self.turns.append(level)

    def set_fence(self, handle: asyncio.Handle) -> None:
        """Let a handle wait for the callbacks that stand in the base."""
        place = self.place_behind_callbacks()
        if place:
            self.fences[handle] = self.last_fence = self.popped + place

    def place_behind_callbacks(self) -> int:
        """How many handles of the base run before none of them is a callback.

        Cost: proportional to the steps of tasks behind the last of them; once there is none, it is known.
        """
        # Set first: what a thread appends and announces from here on is not lost.
        self.may_hold_callbacks = False
        base = self.base
        for place in range(len(base) - 1, -1, -1):
            if is_callback(base[place]):
                self.may_hold_callbacks = True
                return place + 1
        return 0

    def has_only_steps(self) -> bool:
        """Whether there are handles, and all of them are steps of tasks."""
        if self.may_hold_callbacks and self.place_behind_callbacks():
            return False
        # Without a level beside the base, nobody announces callbacks.
        return bool(self.by_value) and any(self.order)

    # --- Taking ---

    def pop_first(self, levels: Sequence[Level]) -> asyncio.Handle | None:
        """Take out the first handle of the first of some levels that has any, or else the base's.

        If that one has to wait, what it waits for runs in its place: as urgent as what waits for it. None if that
        belongs to the next pass: then so does all that is less urgent. IndexError if there is no handle.
        """
        base = self.base
        fences = self.fences
        is_at_end = bool(base) and base[0] is self.first_of_next
        for level in levels:
            if level:
                if level is base:
                    break
                if base and fences.get(level[0], 0) > self.popped:
                    break
                handle = level.popleft()
                fences.pop(handle, None)
                return handle
        return None if is_at_end else self.pop(base)

    def next_turn(self) -> Sequence[Level]:
        """The level to which a turn is given away, alone; none if no level has waited for long enough.

        Its first handle was the first one the last time too: what has just come waits, and overtakes nobody.
        """
        first = next(filter(None, self.order), None)
        waiting, head = self.waiting, self.head
        due = waiting is not None and waiting is not first and bool(waiting) and waiting[0] is head
        self.waiting = self.head = None
        for _ in range(len(self.turns)):
            level = self.turns[0]
            if not level.listed:
                level.in_turns = False
                del self.turns[0]
                continue
            self.turns.rotate(-1)
            place = 1 if due and level is waiting else 0
            if level is not first and len(level) > place:
                self.waiting = level
                self.head = level[place]
                break
        return (waiting,) if due and waiting is not None else ()

    def is_extra(self, level: Level) -> bool:
        """Whether a turn given to a level is none of those that a pass has counted."""
        return level.value > 0 and self.fences.get(level[0], 0) <= self.popped

    def forget_head(self) -> None:
        """Keep no handle that has run."""
        waiting = self.waiting
        if waiting is not None and not (waiting and waiting[0] is self.head):
            self.waiting = self.head = None

    def first_of_many(self) -> Level:
        """The first level that has a handle, after the empty ones before it have left the order; or the base."""
        order = self.order
        place = 0
        while place < len(order):
            level = order[place]
            if level:
                return level
            if level is self.base:
                place += 1
            else:
                level.listed = False
                del order[place]
                if len(order) == 1:
                    # Callbacks are announced only while there is another level.
                    self.countdown.clear()
        return self.base

    def pop(self, base: Level) -> asyncio.Handle:
        """Take out the first handle of the base."""
        handle = base.popleft()
        if self.fences:
            self.popped += 1
            if self.popped >= self.last_fence:
                self.fences.clear()
        return handle

    # --- Tidying up ---

    def begin_pass(self) -> int:
        """How many handles to run: those of the base and above.

        What is kept of values that nobody uses any more goes after a while.
        """
        self.first_of_next = None
        count = self.count_urgent()
        if count == len(self.base):
            self._tidy()
        else:
            self.quiet = 0
        return count

    def count_urgent(self) -> int:
        """How many handles there are in the base and above."""
        base = self.base
        if not self.order:
            return len(base)
        count = 0
        for level in self.order:
            count += len(level)
            if level is base:
                break
        return count

    def _tidy(self) -> None:
        """Drop the order once only the base has held handles for a while."""
        order = self.order
        if len(order) > KEPT_LEVELS:
            self.first_of_many()
        for level in order:
            if level and level is not self.base:
                self.quiet = 0
                return
        self.quiet += 1
        if self.quiet > QUIET_PASSES:
            self._empty_order()

    def _empty_order(self) -> None:
        for level in self.turns:
            level.listed = level.in_turns = False
        self.order.clear()
        self.turns.clear()
        self.waiting = self.head = None
        self.quiet = 0

    # --- Looking into the queue, and changing it ---

    def in_order(self) -> Iterator[tuple[Level, asyncio.Handle]]:
        """Every handle, with its level, in the order in which they will run; turns that are given away not counted."""
        waiting = [(level, deque(snapshot(level))) for level in self.order or [self.base]]
        base = next(handles for level, handles in waiting if level is self.base)
        popped = self.popped
        while waiting := [(level, handles) for level, handles in waiting if handles]:
            level, handles = waiting[0]
            if base and self.fences.get(handles[0], 0) > popped:
                level, handles = self.base, base
            popped += handles is base
            yield level, handles.popleft()

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
        self.fences.pop(handle, None)
        if level is self.base:
            self._shift_fences(place, -1)
        return handle

    def index(self, level: Level, handle: asyncio.Handle) -> int:
        """Where a handle stands in its level; it does stand there."""
        return next(place for place, queued in enumerate(snapshot(level)) if queued is handle)

    def put_in(self, level: Level, place: int, handle: asyncio.Handle, fence: int) -> None:
        """Put a handle into the middle, where `level[place]` is then behind it."""
        if not level.listed and level is not self.base:
            self.enlist(level)
        level.insert(place, handle)
        if level is self.base:
            self._shift_fences(place, 1)
            if is_callback(handle):
                self.may_hold_callbacks = True
                self.countdown.clear()
        elif fence > self.popped:
            self.fences[handle] = fence

    def _shift_fences(self, place: int, by: int) -> None:
        for handle, fence in self.fences.items():
            if fence > self.popped + place:
                self.fences[handle] = fence + by
        self.last_fence = max(self.fences.values(), default=0)

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
