"""Refusing arguments that cannot be what they are meant to be, before anything has begun."""

from __future__ import annotations

import asyncio
import math
from typing import Any


def seconds_of(timeout: Any) -> float | None:
    """The timeout as a number that the loop can reckon with, or None: a Decimal, say, cannot be added to its time.

    Raises:
        TypeError: It is neither None nor a number.
        ValueError: It is NaN, or too large for a float.
    """
    if timeout is None:
        return None
    try:
        # Unlike float(), this does not read strings.
        is_nan = math.isnan(timeout)
    except TypeError:
        raise TypeError(f"timeout must be a number of seconds or None, not {timeout!r}") from None
    except OverflowError:
        raise ValueError("timeout must be a number that fits a float, or None, not one as large as this") from None
    if is_nan:
        raise ValueError(f"timeout must be a number that can be compared, or None, not {timeout!r}")
    return timeout if isinstance(timeout, (int, float)) else float(timeout)


def refuse_other_than_loop(loop: object) -> None:
    """Refuse what is neither an event loop nor None.

    Raises:
        TypeError: It is something else.
    """
    if loop is not None and not isinstance(loop, asyncio.AbstractEventLoop):
        raise TypeError(f"loop must be an event loop or None, not {loop!r}")
