"""Parked tasks in order of arrival."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aio_values.lowlevel._waiter import GONE, create_waiter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aio_values.lowlevel._waiter import Waiter

T = TypeVar("T")


class _Wakeup(Generic[T]):
    """What a task is woken with: its own, or (`shared`) given to everybody who waited, so to nobody else instead."""

    __slots__ = ("arrived", "shared", "value")

    def __init__(self, value: T, *, shared: bool) -> None:
        self.value = value
        self.shared = shared
        self.arrived = True

    def wake(self, waiter: Waiter[_Wakeup[T]]) -> bool:
        """Wake a task; False if it is gone."""
        try:
            waiter.set_result(self)
        except GONE:
            # On a closed loop the waiter is done nevertheless; the task, dropped some day, has nothing to give back.
            self.arrived = False
            return False
        return True


class WaitQueue(Generic[T]):
    """Tasks that wait for their turn: first come, first served, each woken with a value or an exception.

    The race it prevents: on asyncio a task can be woken and cancelled in the same moment. The value it was woken with
    would be lost, and a task behind it would sleep on although it is its turn. Here a wake-up that meets a cancellation
    is given back (to `lost`) or handed on to the next in the queue, and a cancelled wait leaves no trace.

    Waking costs O(1) for each task woken, leaving the queue O(1). All calls must come from one thread; the tasks may
    belong to asyncio and trio alike.
    """

    __slots__ = ("__weakref__", "_waiters")

    def __init__(self) -> None:
        # Not a plain dict: finding its first key costs more with every key that was removed before it.
        self._waiters: OrderedDict[Waiter[_Wakeup[T]], None] = OrderedDict()

    def __repr__(self) -> str:
        return f"<WaitQueue: {len(self)} waiting>"

    def __len__(self) -> int:
        """How many tasks wait: O(waiting)."""
        return sum(not waiter.done() for waiter in self._waiters)

    def __bool__(self) -> bool:
        """Whether a task waits."""
        return any(not waiter.done() for waiter in self._waiters)

    async def park(self, *, lost: Callable[[T], object] | None = None) -> T:
        """Wait at the end of the queue until woken.

        Args:
            lost: Called with the value of a wake-up that reached this task together with its cancellation, so that
                what the value stands for can be put back. Without it, a `wake_one` is handed on to the next task in
                the queue, if there is one. Must not raise.

        Returns:
            The value that this task was woken with.

        Raises:
            BaseException: The exception that this task was woken with, or the runtime's cancellation, which
                leaves the queue as if the task had never come.
        """
        waiter: Waiter[_Wakeup[T]] = create_waiter()
        self._waiters[waiter] = None
        try:
            return (await waiter).value
        except BaseException:
            self._waiters.pop(waiter, None)
            self._give_back(waiter, lost)
            raise

    def _give_back(self, waiter: Waiter[_Wakeup[T]], lost: Callable[[T], object] | None) -> None:
        if not waiter.done() or waiter.cancelled() or waiter.exception() is not None:
            return
        wakeup = waiter.result()
        if not wakeup.arrived:
            return
        if lost is not None:
            lost(wakeup.value)
        elif not wakeup.shared:
            self.wake_one(wakeup.value)

    def wake_one(self, value: T) -> bool:
        """Wake the task that has waited longest.

        Args:
            value: What its `park` returns.

        Returns:
            Whether a task was waiting. If it is cancelled before it runs, the value is handed on (see `park`).
        """
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if _Wakeup(value, shared=False).wake(waiter):
                return True
        return False

    def wake_all(self, value: T) -> int:
        """Wake every task that waits now, in order of arrival: each `park` returns `value`.

        Returns:
            How many were woken.
        """
        return sum(_Wakeup(value, shared=True).wake(waiter) for waiter in self._take_all())

    def fail_all(self, exception: BaseException) -> int:
        """Wake every task that waits now, in order of arrival: each `park` raises `exception`.

        Returns:
            How many were woken.
        """
        return sum(_fail(waiter, exception) for waiter in self._take_all())

    def _take_all(self) -> Iterable[Waiter[_Wakeup[T]]]:
        waiters, self._waiters = self._waiters, OrderedDict()
        return waiters


def _fail(waiter: Waiter[Any], exception: BaseException) -> bool:
    """Wake a task with an exception; False if it is gone."""
    try:
        waiter.set_exception(exception)
    except GONE:
        return False
    return True
