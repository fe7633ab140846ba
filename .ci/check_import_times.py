"""Check what imports cost: aio_suite beside bare Python, each asyncio piece beside asyncio, in CPU time.

Each measurement is a fresh Python. What is compared runs in turn, so that a busy machine disturbs all alike, and of
each the least counts: other programs can only add. A limit is missed when it still is after many more rounds. The
system's share is included: its split from the user's is a guess by sampling, too coarse for milliseconds.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SUITE_LIMIT = 5.0  # milliseconds
PIECE_LIMIT = 15.0
PIECES = ("aio_values", "aio_events", "aio_group", "aio_queue", "aio_coro", "aio_sched")
ROUNDS, PATIENCE = 15, 80

# Where the system does not tell about children, they tell about themselves.
REPORT = "import time; print(time.process_time() * 1000)"

# What is measured -> what it is measured beside, and the most it may take in addition.
CASES = {
    "import aio_suite": ("pass", SUITE_LIMIT),
    **{f"import asyncio, {piece}": ("import asyncio", PIECE_LIMIT) for piece in PIECES},
}


def measure(code: str) -> float:
    """Milliseconds of CPU time that a fresh Python takes for this code."""
    # Isolated: neither the caller's folder nor PYTHON* variables have a say.
    command = [sys.executable, "-I", "-c", code]
    if not hasattr(os, "wait4"):
        return float(subprocess.run([*command[:-1], f"{code}\n{REPORT}"], check=True, capture_output=True).stdout)
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return (usage.ru_utime + usage.ru_stime) * 1000


def costs(least: dict[str, float]) -> dict[str, float]:
    return {code: least[code] - least[base] for code, (base, _) in CASES.items()}


def missed(least: dict[str, float]) -> list[str]:
    return [code for code, cost in costs(least).items() if cost > CASES[code][1]]


def main() -> int:
    codes = list(dict.fromkeys([*(base for base, _ in CASES.values()), *CASES]))
    for code in codes:
        measure(code)  # writes the byte code, and fills the system's cache of files
    least = dict.fromkeys(codes, float("inf"))
    for done in range(1, PATIENCE + 1):
        least = {code: min(known, measure(code)) for code, known in least.items()}
        if done >= ROUNDS and not missed(least):
            break
    for code, cost in costs(least).items():
        base, limit = CASES[code]
        verdict = "MISSED" if code in missed(least) else "ok"
        print(f"{code:27} {cost:5.1f} ms beyond {base!r}; at most {limit:g} ms: {verdict}")
    return 1 if missed(least) else 0


if __name__ == "__main__":
    sys.exit(main())
