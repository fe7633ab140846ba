"""Refusing arguments that cannot be what they are meant to be, before anything has begun."""

from __future__ import annotations

import asyncio
import math


def refuse_bad_timeout(timeout: object) -> None:
    """Refuse a timeout that is not None or a number of seconds.

    Raises:
        TypeError: It is no number.
        ValueError: It is NaN.
    """
    if timeout is None:
        return
    try:
        is_nan = math.isnan(timeout)  # type: ignore[arg-type]  # that is the question
    except TypeError:
        raise TypeError(f"timeout must be a number of seconds or None, not {timeout!r}") from None
    if is_nan:
        raise ValueError(f"timeout must be a number that can be compared, or None, not {timeout!r}")


def refuse_other_than_loop(loop: object) -> None:
    """Refuse what is neither an event loop nor None.

    Raises:
        TypeError: It is something else.
    """
    if loop is not None and not isinstance(loop, asyncio.AbstractEventLoop):
        raise TypeError(f"loop must be an event loop or None, not {loop!r}")
