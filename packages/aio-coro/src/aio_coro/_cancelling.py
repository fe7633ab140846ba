"""`cancelling`: cancel something on the way out of a block."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Cancellable(Protocol):
    """What can be cancelled: a task, a future, a timer handle, a group."""

    @property
    def cancel(self) -> Any:
        """A method that is called without arguments, or with `msg` where a message is given."""


C = TypeVar("C", bound=Cancellable)


def cancelling(target: C, msg: str | None = None) -> AbstractContextManager[C]:
    """Cancel a task, or anything else with `cancel()`, when the `with` block is left, in whichever way.

    Cancelling asks, and does not wait: a task runs its clean-up after the block. A target that is done stays as it
    is, and an exception that it keeps is still there to be retrieved.

    Args:
        target: What to cancel.
        msg: Passed to `cancel()` as `msg` unless None.

    Returns:
        A context manager that gives the target.

    Raises:
        TypeError: `target` has no `cancel()`.
    """
    if not callable(getattr(target, "cancel", None)):
        raise TypeError(f"cancelling() takes something with a cancel() method, not {target!r}")
    return _cancelling(target, msg)


@contextmanager
def _cancelling(target: C, msg: str | None) -> Iterator[C]:
    try:
        yield target
    finally:
        if msg is None:
            target.cancel()
        else:
            target.cancel(msg=msg)
