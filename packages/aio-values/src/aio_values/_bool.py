"""A waitable truth value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aio_values._value import AsyncValue

if TYPE_CHECKING:
    from aio_values._matching import ChangePolicy


class AsyncBool(AsyncValue[bool]):
    """An `AsyncValue` that is False or True, False to begin with: a flag that can be waited for in both directions.

    Example:
        ```python
        connected = AsyncBool()
        await connected.wait_value(True, timeout=10)
        await connected.wait_transition(False)
        ```

    Args:
        value: The value to begin with.
        changed: What counts as a change: as for `AsyncValue`.
    """

    __slots__ = ()

    def __init__(self, value: bool = False, *, changed: ChangePolicy[bool] = "equality") -> None:
        super().__init__(value, changed=changed)
