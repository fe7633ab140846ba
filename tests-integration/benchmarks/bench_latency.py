"""How long clients of a service wait while background tasks eat its loop: the priority loop against asyncio's own.

    hatch run bench:latency [job ...]

What is measured is no work but waiting, so this is real time, of server and clients in processes of their own; see
`latency_http.py`, which also shows the other percentiles.
"""

from __future__ import annotations

from functools import partial

from latency_http import measure, percentile
from suite_support.benchmark import Comparison, Target, compare, main

SECONDS = 2.0


def http(percent: float, repeats: int) -> Comparison:
    job = f"aiohttp beside background tasks: {percent}th percentile"
    cases = {
        "priority loop": lambda: percentile(measure("priority", SECONDS), percent),
        "stock loop": lambda: percentile(measure("stock", SECONDS), percent),
    }
    return compare(job, cases, repeats=repeats, statistic="median")


JOBS = {"http-half": partial(http, 50), "http-99": partial(http, 99)}

TARGETS = (
    Target(
        "http-99",
        "priority loop",
        "stock loop",
        "99th percentile of an HTTP request's time beside background work: 5x lower than on the stock loop",
        at_least=5,
        headline="latency under load",
    ),
)

if __name__ == "__main__":
    main(JOBS, TARGETS)
