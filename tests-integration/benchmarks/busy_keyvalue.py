"""The example service with more to do in the background: tasks that work for a millisecond each, and then yield.

It runs them as it runs its own background work.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "docs" / "examples"))

from aio_group import Group, run_asyncio
from aio_sched import Priority, PriorityTask, priority_loop_factory
from keyvalue.__main__ import serve
from keyvalue.protocol import BULK_LIMIT
from slices import work


async def serve_beside(tasks: int, options: argparse.Namespace) -> None:
    """Run the example, with so many tasks beside it."""
    async with Group() as group:
        for _ in range(tasks):
            group.wrap(PriorityTask(work(), priority=Priority.LOW))
        await serve(options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=0)
    parser.add_argument("--appendonly", type=Path)
    options = parser.parse_args()
    fixed = {"host": "127.0.0.1", "port": 0, "appendfsync": "no", "bulk_limit": BULK_LIMIT}
    run = serve_beside(options.tasks, argparse.Namespace(appendonly=options.appendonly, **fixed))
    with contextlib.suppress(asyncio.CancelledError):
        run_asyncio(run, loop_factory=priority_loop_factory)


if __name__ == "__main__":
    main()
