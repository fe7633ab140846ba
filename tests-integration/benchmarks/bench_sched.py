"""What priorities cost: our loops against asyncio's selector loop, uvloop and asynkit's priority loop.

    hatch run bench:sched [job ...]

The first case of each job is the stock loop. "3 levels" and "own values" are priority loops whose tasks all are
priority tasks: of three values, or each of a value of its own; on the others no priority task is alive. Nothing waits
for anything outside, and the clients of the TCP server run in the same loop, so CPU time is what is taken.
"""

from __future__ import annotations

import asyncio
import importlib
from functools import partial
from time import process_time
from typing import TYPE_CHECKING, Any

from aio_sched import PriorityTask, priority_loop_factory, scheduling_loop_factory
from suite_support.benchmark import Comparison, Target, compare, main, sized

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    Start = Callable[[Coroutine[Any, Any, Any], int], asyncio.Task[Any]]
    Body = Callable[[Start], Awaitable[None]]

SWITCHES = sized(100_000)
TRIPS = sized(10_000)
TASKS = sized(20_000)
MESSAGES = sized(5_000)

STOCK = "stock loop"
OURS = "aio_sched priority"
SCHEDULING = "aio_sched scheduling"
LEVELS = "aio_sched, 3 levels"
VALUES = "aio_sched, own values"
PEER = "asynkit, 3 levels"
# On its loop a task of high priority cannot open a connection: it overtakes the callback that it depends on.
PLAIN_PEER = "asynkit, plain tasks"


def _plain(coro: Coroutine[Any, Any, Any], _number: int) -> asyncio.Task[Any]:
    return asyncio.create_task(coro)


def _of_three_levels(coro: Coroutine[Any, Any, Any], number: int) -> asyncio.Task[Any]:
    return PriorityTask(coro, priority=(-10, 0, 10)[number % 3])


def _of_its_own_value(coro: Coroutine[Any, Any, Any], number: int) -> asyncio.Task[Any]:
    return PriorityTask(coro, priority=float(number))


def _seconds(make_loop: Callable[[], asyncio.AbstractEventLoop], start: Start, body: Body) -> float:
    async def run() -> float:
        begin = process_time()
        await body(start)
        return process_time() - begin

    with asyncio.Runner(loop_factory=make_loop) as runner:
        return runner.run(run())


def _job(title: str, body: Body, repeats: int, *, peer: str = PEER) -> Comparison:
    cases: dict[str, Callable[[], float]] = {
        STOCK: partial(_seconds, asyncio.SelectorEventLoop, _plain, body),
        OURS: partial(_seconds, priority_loop_factory, _plain, body),
        SCHEDULING: partial(_seconds, scheduling_loop_factory, _plain, body),
        LEVELS: partial(_seconds, priority_loop_factory, _of_three_levels, body),
        VALUES: partial(_seconds, priority_loop_factory, _of_its_own_value, body),
    }
    absent: dict[str, str] = {}
    try:
        cases["uvloop"] = partial(_seconds, importlib.import_module("uvloop").new_event_loop, _plain, body)
    except ImportError as error:
        absent["uvloop"] = str(error)
    try:
        theirs = importlib.import_module("asynkit.experimental.priority")
    except ImportError as error:
        absent[peer] = str(error)
    else:

        def start(coro: Coroutine[Any, Any, Any], number: int) -> asyncio.Task[Any]:
            task: asyncio.Task[Any] = theirs.PriorityTask(coro, priority=(-10, 0, 10)[number % 3])
            return task

        cases[peer] = partial(_seconds, theirs.DefaultPriorityEventLoop, start if peer == PEER else _plain, body)
    return compare(title, cases, repeats=repeats, absent=absent)


# --- what the loops do ---------------------------------------------------------------------------------------------


async def _switch(start: Start, tasks: int) -> None:
    async def switch() -> None:
        for _ in range(SWITCHES // tasks):
            await asyncio.sleep(0)

    await asyncio.gather(*[start(switch(), number) for number in range(tasks)])


async def _ping_pong(start: Start) -> None:
    there: asyncio.Queue[int] = asyncio.Queue(1)
    back: asyncio.Queue[int] = asyncio.Queue(1)

    async def ask() -> None:
        for number in range(TRIPS):
            await there.put(number)
            await back.get()

    async def answer() -> None:
        for _ in range(TRIPS):
            await back.put(await there.get())

    await asyncio.gather(start(ask(), 0), start(answer(), 2))


async def _wake_up(start: Start) -> None:
    """A task waits for a future that a callback resolves, again and again."""
    loop = asyncio.get_running_loop()

    async def wait() -> None:
        for _ in range(TRIPS):
            future = loop.create_future()
            loop.call_soon(future.set_result, None)
            await future

    await asyncio.gather(*[start(wait(), number) for number in range(3)])


async def _spawn_and_gather(start: Start) -> None:
    async def short() -> None:
        pass

    for _ in range(20):
        await asyncio.gather(*[start(short(), number) for number in range(TASKS // 20)])


async def _echo(start: Start) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    async def ask(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(MESSAGES // 10):
            writer.write(b"hello\n")
            await reader.readline()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await asyncio.gather(*[start(ask(port), number) for number in range(10)])


JOBS: Mapping[str, Callable[[int], Comparison]] = {
    "switch-10": partial(_job, f"{SWITCHES:,} switches among 10 tasks", partial(_switch, tasks=10)),
    "switch-1000": partial(_job, f"{SWITCHES:,} switches among 1,000 tasks", partial(_switch, tasks=1_000)),
    "ping-pong": partial(_job, f"{TRIPS:,} round trips over two asyncio.Queue(1)", _ping_pong),
    "wake-up": partial(_job, f"{TRIPS * 3:,} wake-ups by futures", _wake_up),
    "spawn": partial(_job, f"{TASKS:,} tasks spawned and gathered, 1,000 at a time", _spawn_and_gather),
    "echo": partial(_job, f"{MESSAGES:,} messages over 10 TCP connections", _echo, peer=PLAIN_PEER),
}


def _switch_targets(tasks: int) -> tuple[Target, ...]:
    job = f"switch-{tasks}"
    what = f"switching among {tasks:,} tasks"
    return (
        Target(job, OURS, STOCK, f"{what}, no priority task: 0.80x the stock loop", at_most=0.80),
        Target(job, SCHEDULING, STOCK, f"{what}, scheduling loop: 0.80x the stock loop", at_most=0.80),
        Target(job, LEVELS, STOCK, f"{what} of three levels: 0.95x the stock loop", at_most=0.95),
        Target(job, VALUES, STOCK, f"{what}, each of its own value: the stock loop's time", at_most=1),
        Target(
            job,
            LEVELS,
            PEER,
            f"{what} of three levels: 5x asynkit's priority loop",
            at_least=5,
            headline="priority tasks" if tasks == 10 else "",
        ),
    )


def _targets(job: str, what: str, at_most: float) -> tuple[Target, ...]:
    return (
        Target(job, OURS, STOCK, f"{what}, no priority task: {at_most}x the stock loop", at_most=at_most),
        Target(job, LEVELS, STOCK, f"{what}, three levels: {at_most}x the stock loop", at_most=at_most),
    )


TARGETS = (
    *_switch_targets(10),
    *_switch_targets(1000),
    *_targets("ping-pong", "asyncio.Queue(1) ping-pong", 1.1),
    *_targets("wake-up", "future wake-ups", 1.25),
    *_targets("spawn", "spawn and gather", 1.4),
    *_targets("echo", "TCP echo", 1.05),
)

if __name__ == "__main__":
    main(JOBS, TARGETS)
