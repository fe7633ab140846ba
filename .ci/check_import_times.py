"""Check what imports cost: aio_suite beside bare Python, each asyncio piece beside asyncio, in CPU time.

Each measurement is a fresh Python, which times the one import itself: a start takes several times as long as what is
asked for, and varies by more. The cases run in turn, so that a busy machine disturbs all alike, and of each the least
counts: other programs can only add. A limit is missed when it still is after many more rounds.
"""

import subprocess
import sys

SUITE_LIMIT = 5.0  # milliseconds
PIECE_LIMIT = 15.0
PIECES = ("aio_values", "aio_events", "aio_group", "aio_queue", "aio_coro", "aio_sched")
ROUNDS, PATIENCE = 15, 80

# The module -> what is imported before, and the most it may take in addition.
CASES = {"aio_suite": ("", SUITE_LIMIT), **dict.fromkeys(PIECES, ("import asyncio", PIECE_LIMIT))}

TIMED = """{before}
from time import process_time
start = process_time()
import {module}
print((process_time() - start) * 1000)
"""


def measure(module: str) -> float:
    """Milliseconds of CPU time that the import takes in a fresh Python."""
    code = TIMED.format(before=CASES[module][0], module=module)
    # Isolated: neither the caller's folder nor PYTHON* variables have a say.
    return float(subprocess.run([sys.executable, "-I", "-c", code], check=True, stdout=subprocess.PIPE).stdout)


def main() -> int:
    for module in CASES:
        measure(module)  # writes the byte code, and fills the system's cache of files
    least = dict.fromkeys(CASES, float("inf"))
    missed = set(CASES)
    for done in range(1, PATIENCE + 1):
        least = {module: min(known, measure(module)) for module, known in least.items()}
        missed = {module for module, (_, limit) in CASES.items() if least[module] > limit}
        if done >= ROUNDS and not missed:
            break
    for module, (before, limit) in CASES.items():
        beside = f"beyond {before!r}" if before else "beyond bare Python"
        verdict = "MISSED" if module in missed else "ok"
        print(f"import {module:10} {least[module]:5.1f} ms {beside}; at most {limit:g} ms: {verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
