"""Where tasks live: the loop or the trio run that is reached from another thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

from aio_values.lowlevel._runtime import in_trio, running_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    import trio

Home: TypeAlias = "asyncio.AbstractEventLoop | trio.lowlevel.TrioToken"
"""The event loop, or trio's token of a run: by identity, the place where a task runs."""


def current_home() -> Home:
    """The event loop or trio run that runs the calling code.

    Raises:
        RuntimeError: No runtime is running in this thread.
    """
    if in_trio():
        import trio

        return trio.lowlevel.current_trio_token()
    return running_loop()


def is_over(home: Home) -> bool:
    """Whether `home` can run nothing any more: a closed loop, a finished trio run. Callable from any thread."""
    if isinstance(home, asyncio.AbstractEventLoop):
        return home.is_closed()
    import trio

    try:
        home.run_sync_soon(_nothing, idempotent=True)
    except trio.RunFinishedError:
        return True
    return False


def _nothing() -> None:
    """Ask a trio run whether it still takes calls: it has no other way to tell."""


def post(home: Home, function: Callable[..., Any], *args: Any) -> None:
    """Have `home` call `function(*args)` soon, in its own thread; callable from any thread, in order of the calls.

    Args:
        home: Where to run it.
        function: A plain function that must not raise: trio takes that for a fault of its own.
        *args: Its arguments.

    Raises:
        RuntimeError: The loop is closed, or the run has finished (`trio.RunFinishedError` is a `RuntimeError`).
    """
    if isinstance(home, asyncio.AbstractEventLoop):
        home.call_soon_threadsafe(function, *args)
    else:
        home.run_sync_soon(function, *args)
