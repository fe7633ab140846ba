"""A coroutine that hears of every cancellation, be it ever so early."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator

_T = TypeVar("_T")


class HeardCancellation(Coroutine[Any, Any, _T]):
    """Wraps a coroutine so that it always runs to its first wait.

    A task that is cancelled before its first step throws the CancelledError into a coroutine that has not begun, which
    then ends without having run a line. Here, the coroutine is begun first, and gets the error where it waits.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, _T]) -> None:
        self._coroutine = coroutine
        self._begun = False
        # What asyncio shows in the repr of the task.
        self.__qualname__: str = getattr(coroutine, "__qualname__", type(coroutine).__qualname__)

    def send(self, value: Any, /) -> Any:
        self._begun = True
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        if not self._begun:
            # What it wants to wait for is of no interest: it is to be interrupted there.
            self.send(None)
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, _T]:
        return self._coroutine.__await__()
