"""A condition's predicate that is both a truth value and something to await."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aio_values._lazy_condition import LazyCondition
from aio_values._time import duration
from aio_values.lowlevel import move_on_after, timeout_error

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from aio_values.lowlevel import Condition


class awaitable_predicate:  # noqa: N801  # the name that codestare's users know
    """A predicate over some state: `bool(it)` tells whether it holds, `await it` waits until it does.

        is_empty = awaitable_predicate(lambda: not jobs)

        if not is_empty:
            await is_empty

    Whoever changes the state holds `condition` meanwhile and notifies it, as with any condition:

        async with is_empty.condition:
            jobs.clear()
            is_empty.condition.notify_all()

    The race it prevents: waiting and looking are one step under the condition's lock, so a change in between cannot be
    missed; the predicate holds at the moment the `await` returns. Any number of tasks can await one object, again and
    again; each waits, times out and is cancelled on its own. A notification that reaches a task together with its
    cancellation is passed on.

    An `await` raises what the predicate raises, the runtime's cancellation, or, after `timeout` seconds, `TimeoutError`
    (on trio a `trio.TooSlowError`, which is a `TimeoutError` too).

    The idea comes from codestare-async-utils.

    Args:
        predicate: Called without arguments; its truth counts. It must not block.
        condition: The condition that is notified when the state changes: one of asyncio, trio or anyio. Without
            one, a condition of its own, made when it is first needed, for the loop or run that runs then and for no
            later one.
        timeout: The most seconds that each `await` may take; None for no limit.

    Raises:
        TypeError: `predicate` cannot be called, `condition` is no condition, or `timeout` is no number.
        ValueError: `timeout` is negative or not a number.
    """

    __slots__ = ("__weakref__", "_condition", "_waiting", "predicate", "timeout")

    def __init__(
        self,
        predicate: Callable[[], object],
        condition: Condition | None = None,
        timeout: float | None = None,
    ) -> None:
        if not callable(predicate):
            raise TypeError(f"predicate must be callable without arguments, not {predicate!r}")
        if timeout is not None:
            duration("timeout", timeout)
        self.predicate: Callable[[], object] = predicate
        """What is asked."""
        self.timeout: float | None = timeout
        """The most seconds that each `await` may take, or None."""
        self._condition = LazyCondition(condition)
        self._waiting = 0

    def __repr__(self) -> str:
        limit = "" if self.timeout is None else f", timeout {self.timeout}"
        return f"<{type(self).__name__} {self.predicate!r}: {self._waiting} waiting{limit}>"

    @property
    def condition(self) -> Condition:
        """The condition to hold and notify when the state changes."""
        return self._condition.get()

    @property
    def waiting(self) -> int:
        """How many tasks await it now."""
        return self._waiting

    def __bool__(self) -> bool:
        """Whether the predicate holds now; raises what it raises."""
        return bool(self.predicate())

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait until the predicate holds."""
        return self._wait().__await__()

    async def _wait(self) -> None:
        if self.timeout is None:
            await self._wait_until_it_holds()
            return
        with move_on_after(self.timeout) as limit:
            await self._wait_until_it_holds()
        if limit.expired:
            raise timeout_error(f"{self.predicate!r} did not hold within {self.timeout} seconds")

    async def _wait_until_it_holds(self) -> None:
        condition = self.condition
        self._waiting += 1
        try:
            async with condition:
                if not self.predicate():
                    await self._wait_for_change(condition)
        finally:
            self._waiting -= 1

    async def _wait_for_change(self, condition: Condition) -> None:
        try:
            while True:
                await condition.wait()
                if self.predicate():
                    return
        except BaseException:
            # The notification that this task leaves with may have been meant for one task only (and before 3.13,
            # asyncio forgets one that meets a cancellation). A needless one does no harm: everybody looks again.
            condition.notify()
            raise


def predicate_under(condition: LazyCondition, predicate: Callable[[], object]) -> awaitable_predicate:
    """An `awaitable_predicate` under a condition that may not have been made yet."""
    made = awaitable_predicate(predicate)
    made._condition = condition
    return made
