"""Make one exception of a group, where one of its kinds matters most."""

from __future__ import annotations

from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import trio

from aio_trio_util._grouping import raise_unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

P = ParamSpec("P")
R = TypeVar("R")


class _Deferral:
    """A context manager, and a decorator of plain and of async functions, that looks at groups on their way out.

    It holds no state between entry and exit, so one object serves nested and concurrent blocks.
    """

    def _choose(self, group: BaseExceptionGroup[BaseException]) -> BaseException | None:
        """Return the exception to raise in place of the group, None to let the group pass."""
        raise NotImplementedError

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, BaseExceptionGroup) and (chosen := self._choose(error)) is not None:
            raise_unchanged(chosen)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        if iscoroutinefunction(function):

            @wraps(function)
            async def guarded_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return cast("Callable[P, R]", guarded_async)

        @wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return function(*args, **kwargs)

        return guarded


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _identity(error: BaseException) -> str:
    """What two exceptions must share to count as one."""
    # Trio 0.31 and later tell in the `repr` who cancelled and why: to a scope that catches it, they are all the same.
    return "Cancelled()" if isinstance(error, trio.Cancelled) else repr(error)


def _checked(types: tuple[type[BaseException], ...], caller: str) -> tuple[type[BaseException], ...]:
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError(f"{caller}() takes exception types, not {kind!r}")
        if issubclass(kind, BaseExceptionGroup):
            raise TypeError(f"{caller}() looks inside groups: name the types of their members, not {kind.__name__}")
    return types


class defer_to_cancelled(_Deferral):  # noqa: N801 - used as a function: the reference's name
    """Let a cancellation win over exceptions that happen at the same time.

    An exception that is part of an API may meet a cancellation: the group of both is caught neither by the `except`
    clause for the API's exception nor by the cancel scope. In this block, a group that consists of `trio.Cancelled`
    and of the given types, at any depth, is raised as the `Cancelled` alone. Every other exception, a group without
    `Cancelled` included, passes unchanged.

        with trio.move_on_after(10):
            with defer_to_cancelled(Obstacle):
                try:
                    await advance()
                except Obstacle:
                    ...  # not reached when the time was up as well

    It also decorates plain and async functions.

    Args:
        types: the exception types that give way; all that derive from `Exception` by default. `KeyboardInterrupt` and
            `SystemExit` give way only if they are named.

    Raises:
        TypeError: an argument is no exception type, or is a group's type.

    The idea is trio-util's.
    """

    def __init__(self, *types: type[BaseException]) -> None:
        self._types = _checked(types, "defer_to_cancelled") or (Exception,)

    def __repr__(self) -> str:
        return f"defer_to_cancelled({', '.join(kind.__name__ for kind in self._types)})"

    def _choose(self, group: BaseExceptionGroup[BaseException]) -> BaseException | None:
        cancelled = None
        for error in _leaves(group):
            if isinstance(error, trio.Cancelled):
                cancelled = cancelled or error
            elif not isinstance(error, self._types):
                return None
        return cancelled


class multi_error_defer_to(_Deferral):  # noqa: N801 - used as a function: the reference's name
    """Raise the one exception that matters most in place of a group.

    In this block, a group is replaced by a single exception if both hold:

    1. every exception in it, at any depth, is an instance of one of the given types;
    2. with `strict`, only one candidate is left at the highest privilege: exceptions with the same `repr` count as
       one, so `[ValueError("a"), ValueError("a")]` has one candidate and `[ValueError("a"), ValueError("b")]` two.
       All `trio.Cancelled` count as one, whoever cancelled.

    It also decorates plain and async functions. Exceptions that are no group pass unchanged.

    Args:
        privileged_types: exception types, the most important first. An exception that is an instance of several counts
            for the first.
        propagate_multi_error: what happens to a group that cannot be replaced: it passes unchanged (the default), or a
            RuntimeError is raised from it.
        strict: with False, the first of several candidates is raised.

    Raises:
        TypeError: no type was given, or an argument is no exception type, or is a group's type.
        RuntimeError: a group could not be replaced, and `propagate_multi_error` is False.

    The idea, and the name from the days of trio's MultiError, are trio-util's.
    """

    def __init__(
        self, *privileged_types: type[BaseException], propagate_multi_error: bool = True, strict: bool = True
    ) -> None:
        if not privileged_types:
            raise TypeError("multi_error_defer_to() needs at least one exception type to defer to")
        self._types = _checked(privileged_types, "multi_error_defer_to")
        self._propagate = propagate_multi_error
        self._strict = strict

    def __repr__(self) -> str:
        names = ", ".join(kind.__name__ for kind in self._types)
        return f"multi_error_defer_to({names}, propagate_multi_error={self._propagate}, strict={self._strict})"

    def _choose(self, group: BaseExceptionGroup[BaseException]) -> BaseException | None:
        candidates: dict[str, BaseException] = {}
        highest = len(self._types)
        for error in _leaves(group):
            rank = next((rank for rank, kind in enumerate(self._types) if isinstance(error, kind)), None)
            if rank is None:
                self._give_up(group, f"{error!r} is of none of the privileged types")
                return None
            if rank < highest:
                highest = rank
                candidates.clear()
            if rank == highest:
                candidates.setdefault(_identity(error), error)
        if self._strict and len(candidates) > 1:
            self._give_up(group, f"several exceptions are equally privileged: {', '.join(candidates)}")
            return None
        return next(iter(candidates.values()))

    def _give_up(self, group: BaseExceptionGroup[BaseException], reason: str) -> None:
        if not self._propagate:
            raise RuntimeError(f"an exception group cannot be replaced by one exception: {reason}") from group
