"""Run the relay, and tell what it ran on: `python -m dependent`."""

import asyncio
import json
from importlib.metadata import version

from dependent import relay

print(
    json.dumps(
        {
            "read": asyncio.run(relay(["a", "b", "c"])),
            "versions": {name: version(name) for name in ("aio-queue", "aio-values", "aio-sched")},
        }
    )
)
