"""A lock with waiters, as both worlds have it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from aio_values.lowlevel._runtime import in_trio

if TYPE_CHECKING:
    from types import TracebackType


@runtime_checkable
class Condition(Protocol):
    """What `asyncio.Condition`, `trio.Condition` and `anyio.Condition` have in common."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> object: ...

    async def wait(self) -> object:
        """Release the lock, wait to be notified, take the lock again, also when cancelled."""
        ...

    def notify(self, n: int = 1) -> object:
        """Wake `n` of the tasks that wait; the caller holds the lock."""
        ...

    def notify_all(self) -> object:
        """Wake every task that waits; the caller holds the lock."""
        ...


def create_condition() -> Condition:
    """A new condition: `trio.Condition` in a trio task, `asyncio.Condition` everywhere else.

    Everywhere else includes outside of any runtime: an `asyncio.Condition` may be made before its loop runs.
    """
    if in_trio():
        import trio

        return trio.Condition()
    return asyncio.Condition()
