"""Looking at a coroutine from outside: which state it is in, and where it stands."""

from __future__ import annotations

import dis
from collections.abc import Coroutine
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from types import FrameType

Suspendable: TypeAlias = "Coroutine[Any, Any, Any] | Generator[Any, Any, Any] | AsyncGenerator[Any, Any]"
"""What can be suspended: a coroutine, a generator (also as a classic coroutine) or an asynchronous generator."""

_PREFIXES = {CoroutineType: "cr_", GeneratorType: "gi_", AsyncGeneratorType: "ag_"}
_RETURN_GENERATOR = dis.opmap["RETURN_GENERATOR"]


def coro_is_new(coro: Suspendable, /) -> bool:
    """Tell whether a coroutine has been made but has not begun to run.

    Args:
        coro: A coroutine, generator or asynchronous generator, or an object that shows the same attributes
            (`cr_frame` and so on), such as a `CoroutineWrapper` or a `GeneratorObjectIterator`.

    Raises:
        TypeError: `coro` is none of these.
    """
    return coro_get_frame(coro) is not None and not _is_running(coro) and not coro_is_suspended(coro)


def coro_is_suspended(coro: Suspendable, /) -> bool:
    """Tell whether a coroutine has begun, has not ended, and is not running at this moment.

    An asynchronous generator is suspended at a `yield` as well as while it awaits something.

    Args:
        coro: As for `coro_is_new`.

    Raises:
        TypeError: `coro` is none of these.
    """
    prefix = _prefix(coro)
    try:
        return cast("bool", getattr(coro, prefix + "suspended"))
    except AttributeError:
        return _stands_behind_its_first_instruction(coro)


def coro_is_done(coro: Suspendable, /) -> bool:
    """Tell whether a coroutine has ended: returned, raised or been closed.

    Args:
        coro: As for `coro_is_new`.

    Raises:
        TypeError: `coro` is none of these.
    """
    return coro_get_frame(coro) is None


coro_is_finished = coro_is_done


def coro_get_frame(coro: Suspendable, /) -> FrameType | None:
    """Return the frame in which a coroutine stands, or None once it has ended.

    Args:
        coro: As for `coro_is_new`.

    Raises:
        TypeError: `coro` is none of these.
    """
    return cast("FrameType | None", getattr(coro, _prefix(coro) + "frame"))


def is_coroutine(value: object) -> bool:
    """Whether `value` can be driven: a coroutine, a classic one, or an object with all of a coroutine's methods."""
    return isinstance(value, (CoroutineType, GeneratorType, Coroutine))


def require_coroutine(value: object, taker: str) -> None:
    """Raise the TypeError that says what `taker` should have been given, unless `value` is a coroutine."""
    if not is_coroutine(value):
        raise TypeError(f"{taker} takes a coroutine, not {value!r}{advice_to_call(value)}")


def advice_to_call(value: object) -> str:
    """What an error says to somebody who has passed a function instead of its coroutine."""
    return f"; call it first: {getattr(value, '__name__', 'it')}(...)" if callable(value) else ""


def _prefix(coro: object) -> str:
    known = _PREFIXES.get(cast("Any", type(coro)))
    if known is not None:
        return known
    for prefix in _PREFIXES.values():
        if hasattr(coro, prefix + "frame"):
            return prefix
    raise TypeError(f"expected a coroutine, generator or asynchronous generator, not {coro!r}")


def _is_running(coro: Suspendable) -> bool:
    """Whether its frame executes now; `ag_running` is also true while an asynchronous generator awaits."""
    return bool(getattr(coro, _prefix(coro) + "running")) and not coro_is_suspended(coro)


def _stands_behind_its_first_instruction(agen: object) -> bool:
    """Whether an asynchronous generator of Python 3.11, which has no `ag_suspended`, is suspended.

    A new one stands at the instruction that made it; one that executes has a caller.
    """
    frame = cast("FrameType | None", getattr(agen, _prefix(agen) + "frame"))
    if frame is None or frame.f_back is not None:
        return False
    return frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] != _RETURN_GENERATOR
