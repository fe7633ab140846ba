"""Event loop policies that make this package's loops, for programs that still use policies.

asyncio gives policies up: from Python 3.14 on making one warns, as asyncio does. A loop factory does the same for one
run, and touches nothing global: `asyncio.Runner(loop_factory=priority_loop_factory)`.
"""

from __future__ import annotations

import asyncio
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aio_sched._loops import priority_loop_factory, scheduling_loop_factory

if TYPE_CHECKING:
    from collections.abc import Iterator

    if sys.version_info >= (3, 14):
        from asyncio.events import _BaseDefaultEventLoopPolicy as DefaultPolicy
    else:
        from asyncio import DefaultEventLoopPolicy as DefaultPolicy
else:
    from aio_sched._asyncio_internals import DefaultPolicy


class _Policy(DefaultPolicy):
    def __init__(self) -> None:
        if sys.version_info >= (3, 14):
            warnings.warn(
                f"asyncio's event loop policies are deprecated, and {type(self).__name__} with them: "
                "pass a loop factory to asyncio.Runner or asyncio.run instead",
                DeprecationWarning,
                stacklevel=2,
            )
        super().__init__()


class SchedulingEventLoopPolicy(_Policy):
    """asyncio's default policy with the loops of `scheduling_loop_factory`. Warns from Python 3.14 on."""

    _loop_factory = staticmethod(scheduling_loop_factory)


class PriorityEventLoopPolicy(_Policy):
    """asyncio's default policy with the loops of `priority_loop_factory`. Warns from Python 3.14 on."""

    _loop_factory = staticmethod(priority_loop_factory)


@contextmanager
def event_loop_policy(policy: Any = None) -> Iterator[Any]:
    """Set a policy for the block, and the one that was set before after it.

    Args:
        policy: An event loop policy; a new `SchedulingEventLoopPolicy` by default.

    Returns:
        A context manager that gives the policy.

    Raises:
        TypeError: `policy` is not an event loop policy.
    """
    if policy is None:
        policy = SchedulingEventLoopPolicy()
    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(policy)
    try:
        yield policy
    finally:
        asyncio.set_event_loop_policy(before)
