"""Where a task stands: the lines of code that it waits in."""

from __future__ import annotations

import asyncio
import linecache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType

# What coroutines, generators and asynchronous generators call their frame and what they wait for.
_FRAMES = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))


def where_they_stand(tasks: Iterable[asyncio.Future[Any]], leaving_out: frozenset[CodeType]) -> str:
    """Each task on a line, and below it the lines of code in which it waits, outermost first."""
    return "\n".join(line for task in tasks for line in _lines(task, leaving_out))


def _lines(task: asyncio.Future[Any], leaving_out: frozenset[CodeType]) -> Iterator[str]:
    if not isinstance(task, asyncio.Task):
        yield f"  {task!r}"
        return
    yield f"  {task.get_name()}"
    awaited: Any = task.get_coro()
    while awaited is not None:
        names = next((names for names in _FRAMES if hasattr(awaited, names[0])), None)
        if names is None:
            yield f"    waits for {awaited!r}"
            return
        frame, next_awaited = (getattr(awaited, name) for name in names)
        if frame is not None and frame.f_code not in leaving_out:
            code = frame.f_code
            source = linecache.getline(code.co_filename, frame.f_lineno).strip()
            yield f'    File "{code.co_filename}", line {frame.f_lineno}, in {code.co_qualname}: {source}'
        awaited = next_awaited
