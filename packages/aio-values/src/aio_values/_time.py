"""Durations that users pass: checked, and turned into deadlines."""

from __future__ import annotations

import math

from aio_values.lowlevel import current_time


def duration(name: str, seconds: float) -> float:
    """`seconds` as a float, if it is a length of time.

    Raises:
        TypeError: It is no number.
        ValueError: It is negative or not a number.
    """
    try:
        valid = seconds >= 0
    except TypeError:
        raise TypeError(f"{name} must be a number of seconds, not {seconds!r}") from None
    if not valid:
        raise ValueError(f"{name} must be zero or more seconds, not {seconds!r}")
    # Any real number will do, while a clock's readings can be added to some of them only.
    return float(seconds)


def deadline_after(timeout: float | None) -> float:
    """The time at which `timeout` seconds from now are over; None is for ever."""
    return math.inf if timeout is None else current_time() + duration("timeout", timeout)
