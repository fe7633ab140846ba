"""What a million waits leave behind in an AsyncValue: nothing.

    python tests-integration/benchmarks/memory_values.py [how many]

Waits are completed, cancelled and timed out, iterators and expectations abandoned, on asyncio and on trio. Shown are
the bytes of the value with all its tables, before and after, and how many more objects Python keeps.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import TYPE_CHECKING, Any

import trio
from aio_values import AsyncValue
from aio_values.lowlevel import checkpoint, move_on_after, yield_now

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def size(value: AsyncValue[int]) -> int:
    tables: list[Any] = [value]
    for registry in (value._level, value._edge):
        tables += [registry, registry.any, registry.plain, registry.groups]
    return sum(map(sys.getsizeof, tables))


def never(number: int) -> bool:
    return number < 0


async def completed(value: AsyncValue[int]) -> None:
    await value.wait_value(value.value)
    with value.expecting(value.value + 1) as more:
        value.value += 1
        await more


async def cancelled(value: AsyncValue[int]) -> None:
    with move_on_after(0):
        await value.wait_value(-1)
    with move_on_after(0):
        await value.wait_transition(lambda new, old: False)


async def timed_out(value: AsyncValue[int]) -> None:
    for wait in (value.wait_value(-1, timeout=0), value.wait_value(never, timeout=0)):
        try:
            await wait
        except TimeoutError:
            await checkpoint()


async def abandoned(value: AsyncValue[int]) -> None:
    async for _ in value.eventual_values():
        break
    value.transitions()
    with value.expecting(-1), value.open_transform(str):
        await yield_now()


async def repeat(kind: Callable[[AsyncValue[int]], Awaitable[None]], times: int) -> str:
    value = AsyncValue(10**6)
    for _ in range(100):
        await kind(value)
    gc.collect()
    before, objects = size(value), len(gc.get_objects())
    # Each round is two waits.
    for _ in range(times // 2):
        await kind(value)
    gc.collect()
    return f"{before:6} -> {size(value):6} bytes, {len(gc.get_objects()) - objects:+5} objects, {value!r}"


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for kind in (completed, cancelled, timed_out, abandoned):
        print(f"{times:,} waits {kind.__name__:10} asyncio {asyncio.run(repeat(kind, times))}", flush=True)
        print(f"{times:,} waits {kind.__name__:10} trio    {trio.run(repeat, kind, times)}", flush=True)


if __name__ == "__main__":
    main()
