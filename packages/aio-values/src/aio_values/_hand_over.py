"""A line of tasks that each take one value, given from hand to hand."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aio_values.lowlevel import create_waiter
from aio_values.lowlevel._waiter import GONE

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from aio_values.lowlevel import Waiter

V = TypeVar("V")


class _Place(Generic[V]):
    """One task's place in the line, and what it was given, until the task runs and takes it."""

    __slots__ = ("error", "traceback", "value", "waiter")

    value: V
    error: BaseException
    # As it was when the error was given: every task that raises it adds to the error's own.
    traceback: TracebackType | None

    def __init__(self) -> None:
        self.waiter: Waiter[None] = create_waiter()

    def wake(self) -> bool:
        """Wake the task, which will look here; False if it is gone."""
        try:
            self.waiter.set_result(None)
        except GONE:
            return False
        return True


class HandOver(Generic[V]):
    """Hands each value to the task that has waited longest.

    The race it prevents: a task that was given a value can be cancelled before it runs. Its value then has to go to
    whoever would have got it if that task had never stood in the line, which matters where tasks behind it were given
    values in the same moment: those move up, each to the value before its own, and the newest value is left over.
    """

    __slots__ = ("_served", "_waiting")

    def __init__(self) -> None:
        self._waiting: OrderedDict[_Place[V], None] = OrderedDict()
        # Given a value, and yet to run; in order of the values.
        self._served: OrderedDict[_Place[V], None] = OrderedDict()

    def __bool__(self) -> bool:
        """Whether a task is in the line or about to leave it."""
        return bool(self._waiting) or bool(self._served)

    def has_waiting(self) -> bool:
        """Whether a task waits for a value."""
        return any(not place.waiter.done() for place in self._waiting)

    async def take(self, left_over: Callable[[V], Any]) -> V:
        """Wait at the end of the line for a value.

        Args:
            left_over: Called with the value that nobody in the line has, if this task is cancelled after it was given
                one: O(tasks that were given a value and have yet to run).
        """
        place: _Place[V] = _Place()
        self._waiting[place] = None
        try:
            await place.waiter
        except BaseException:
            self._waiting.pop(place, None)
            if place in self._served:
                left_over(self._move_up_behind(place))
            raise
        if place not in self._served:
            raise place.error.with_traceback(place.traceback)
        del self._served[place]
        return place.value

    def _move_up_behind(self, leaver: _Place[V]) -> V:
        value = leaver.value
        places = iter(list(self._served))
        for place in places:
            if place is leaver:
                break
        for place in places:
            place.value, value = value, place.value
        del self._served[leaver]
        return value

    def give(self, value: V) -> bool:
        """Give `value` to the task that has waited longest; False if none waits."""
        while self._waiting:
            place, _ = self._waiting.popitem(last=False)
            if place.wake():
                place.value = value
                self._served[place] = None
                return True
        return False

    def fail(self, error: BaseException) -> int:
        """Make every task that waits raise `error`; tell how many do."""
        waiting = list(self._waiting)
        self._waiting.clear()
        for place in waiting:
            place.error, place.traceback = error, error.__traceback__
        return sum(place.wake() for place in waiting)
