"""When two values are the same, and what a wait can be for."""

from __future__ import annotations

import enum
import functools
import numbers
from asyncio import CancelledError
from collections.abc import Callable
from types import CoroutineType
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

T = TypeVar("T")
U = TypeVar("U")

# What a user's function must not raise into a task that waits: it would end a loop unnoticed, or cancel the task.
_MISLEADING: Final = (StopIteration, StopAsyncIteration, CancelledError)


class AnyChange(enum.Enum):
    """The type of `ANY`."""

    ANY = "any value, any change"


ANY: Final = AnyChange.ANY
"""What a wait without a target is for: every value, every transition."""


class equals(Generic[T]):  # noqa: N801  # reads as the predicate that it is: `wait_value(equals(callback))`
    """Matches by equality whatever the value is, also one that is callable.

    A wait takes a callable for a predicate. Where the values themselves are callables (functions, classes), name the
    one to wait for with `equals`:

        handler = AsyncValue(print)
        await handler.wait_value(equals(repr))

    Args:
        value: What to wait for.
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value: T = value

    def __repr__(self) -> str:
        return f"equals({self.value!r})"


ChangePolicy: TypeAlias = Literal["equality", "identity", "always"] | Callable[[T, T], object]
"""What counts as a change: a name, or a function of `(old, new)` whose truth says that it does."""


def same(one: object, other: object) -> bool:
    """Whether two values are equal, for values of any kind.

    An object is the same as itself. Not-a-numbers are the same as each other. Where `==` raises or its answer has no
    truth value (arrays of numpy and the like), only identity counts.
    """
    if one is other:
        return True
    try:
        if one == other:
            return True
    except Exception:
        return False
    return is_nan(one) and is_nan(other)


def is_nan(value: object) -> bool:
    """Whether `value` is a number that is not equal to itself."""
    try:
        return value != value and isinstance(value, numbers.Number)  # that is what makes a NaN
    except Exception:
        return False


def differs(old: object, new: object) -> bool:
    """The default change policy, `not same(old, new)`, on the shortest way for the commonest kinds of values."""
    if old is new:
        return False
    try:
        if old == new:
            return False
        if old == old:  # not a NaN
            return True
    except Exception:
        return True
    return not (is_nan(old) and is_nan(new))


def _is_another(old: object, new: object) -> bool:
    return old is not new


def _always(old: object, new: object) -> bool:  # noqa: ARG001  # a change policy takes both
    return True


_POLICIES: Final[dict[object, Callable[[Any, Any], object]]] = {
    "equality": differs,
    "identity": _is_another,
    "always": _always,
}


def change_policy(changed: ChangePolicy[T]) -> Callable[[T, T], object]:
    """The function that a `changed` argument stands for.

    Raises:
        TypeError: It is neither a function nor the name of a policy.
    """
    if callable(changed):
        return changed
    policy = _POLICIES.get(changed) if isinstance(changed, str) else None
    if policy is None:
        raise TypeError(
            f'changed must be "equality", "identity", "always" or a function of (old, new), not {changed!r}'
        )
    return policy


def matches(target: object, *values: object) -> bool:
    """Whether `values` (a value, or a value and its predecessor) are what `target` is for."""
    if target is ANY:
        return True
    if isinstance(target, equals):
        return same(values[0], target.value)
    if callable(target):
        return holds(target, *values)
    return same(values[0], target)


def holds(predicate: Callable[..., object], *values: object) -> bool:
    """Whether a user's predicate is true; what it raises can be raised wherever a task waits.

    Raises:
        TypeError: The predicate is async.
        RuntimeError: It raised what a task that waits would mistake: see `transformed`.
        BaseException: What else it raised.
    """
    try:
        answer = predicate(*values)
        return answer if answer is True or answer is False else _truth(predicate, answer)
    except _MISLEADING as error:
        raise _instead("predicate", predicate, error) from error


def _truth(predicate: Callable[..., object], answer: object) -> bool:
    if isinstance(answer, CoroutineType):
        answer.close()
        raise TypeError(f"the predicate {describe(predicate)} is async: an assignment calls it, and cannot await")
    return bool(answer)


def transformed(function: Callable[[T], U], value: T) -> U:
    """What a user's transform makes of `value`; what it raises can be raised wherever a task waits.

    Raises:
        RuntimeError: It raised `StopIteration` or `StopAsyncIteration`, which would end a loop unnoticed, or asyncio's
            `CancelledError`, which would cancel a task that nobody cancelled.
        BaseException: What else it raised.
    """
    try:
        return function(value)
    except _MISLEADING as error:
        raise _instead("transform", function, error) from error


def _instead(role: str, function: object, error: BaseException) -> RuntimeError:
    return RuntimeError(f"the {role} {describe(function)} raised {type(error).__name__}")


def describe(target: object) -> str:
    """How an error message names what was waited for."""
    if target is ANY:
        return "any"
    if isinstance(target, functools.partial):
        return f"partial({describe(target.func)})"
    if callable(target):
        return getattr(target, "__qualname__", None) or shown(target)
    return shown(target)


def shown(value: object) -> str:
    """The representation of a value, short enough for an error message, and never an error itself."""
    try:
        text = repr(value)
    except Exception:
        text = object.__repr__(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"
