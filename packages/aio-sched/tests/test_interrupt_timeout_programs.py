"""Any nest of timeouts, with any cancellation: what a model of a dozen lines says happens, happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import create_pytask, task_timeout
from hypothesis import given
from hypothesis import strategies as st
from suite_support.virtual_time import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Callable

# Limits are whole seconds, and everything else has a fraction of its own, so that no two things happen at once.
SECONDS = st.integers(1, 12)
NEST = st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=4, unique_by=lambda block: block[0])
SHORT_NEST = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 2)), min_size=1, max_size=3, unique_by=lambda block: block[0]
)
WORK = SECONDS.map(lambda seconds: seconds + 1 / 2)
CANCEL = st.none() | SECONDS.map(lambda seconds: seconds + 1 / 256)

Log = list[tuple[str, float]]


def extra(level: int, seconds: int) -> float:
    """How long the code behind the block of a level goes on, inside of the block around it."""
    return seconds + (level + 1) / 64


def model(nest: list[tuple[int, int]], work: float, cancel: float | None) -> Log:
    log: Log = []
    now, level, end = 0.0, len(nest) - 1, work
    while level >= 0:
        due, expired = min((limit, number) for number, (limit, _) in enumerate(nest[: level + 1]))
        then = min(due, end)
        if cancel is not None and now < cancel < then:
            return [*log, ("cancelled", cancel)]
        now = then
        level = expired if due < end else level
        log.append((f"{level} late" if due < end else f"{level} done", now))
        end = now + extra(level, nest[level][1])
        level -= 1
    return log


async def sleep(duration: float) -> None:
    await asyncio.sleep(duration)


async def spin(duration: float) -> None:
    """The same without ever waiting; something else lets the time go on."""
    loop = asyncio.get_running_loop()
    end = loop.time() + duration
    while loop.time() < end:
        await asyncio.sleep(0)


async def run_nest(nest: list[tuple[int, int]], work: float, wait: Callable[[float], Any]) -> Log:
    log: Log = []
    now = asyncio.get_running_loop().time

    async def block(level: int) -> None:
        if level == len(nest):
            await wait(work)
            return
        limit, seconds = nest[level]
        try:
            async with task_timeout(limit):
                await block(level + 1)
        except TimeoutError:
            log.append((f"{level} late", now()))
        else:
            log.append((f"{level} done", now()))
        if level > 0:
            await wait(extra(level, seconds))

    try:
        await block(0)
    except asyncio.CancelledError:
        log.append(("cancelled", now()))
    return log


async def tick() -> None:
    """Let time go on in steps that meet every moment at which something happens."""
    loop: Any = asyncio.get_running_loop()
    while True:
        loop._jumping.now += 1 / 256
        await asyncio.sleep(0)


@pytest.mark.parametrize("make", [asyncio.create_task, create_pytask], ids=["C task", "Python task"])
@given(nest=NEST, work=WORK, cancel=CANCEL)
def test_nested_timeouts_in_waits_do_as_the_model(make: Any, nest: Any, work: float, cancel: float | None) -> None:
    async def main() -> Log:
        task = make(run_nest(nest, work, sleep))
        if cancel is not None:
            asyncio.get_running_loop().call_at(cancel, task.cancel)
        log: Log = await task
        return log

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(main()) == model(nest, work, cancel)


@given(nest=SHORT_NEST, work=st.just(2.5))
def test_nested_timeouts_in_loops_of_sleep_0_do_as_the_model(nest: Any, work: float) -> None:
    async def main() -> Log:
        ticking = asyncio.create_task(tick())
        log = await asyncio.create_task(run_nest(nest, work, spin))
        ticking.cancel()
        return log

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        log = runner.run(main())
    expected = model(nest, work, None)
    assert [name for name, _ in log] == [name for name, _ in expected]
    for (_, at), (_, due) in zip(log, expected, strict=True):
        assert due <= at < due + 5 / 256
