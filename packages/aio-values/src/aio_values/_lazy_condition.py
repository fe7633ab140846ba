"""A condition that is made by the first who needs it: only then is it known which runtime it is for."""

from __future__ import annotations

from aio_values.lowlevel import Condition, create_condition


class LazyCondition:
    """Holds the condition that was given, or makes one of the running runtime on first use."""

    __slots__ = ("_condition",)

    def __init__(self, given: Condition | None = None) -> None:
        if given is not None and not isinstance(given, Condition):
            raise TypeError(f"condition must be an asyncio, trio or anyio Condition, or None, not {given!r}")
        self._condition = given

    def get(self) -> Condition:
        if self._condition is None:
            self._condition = create_condition()
        return self._condition
