"""Minutes of random cancellations, interrupts, timeouts and closing over all pieces together, on one loop.

Each round has a seed of its own, which a failure prints: `hatch run soak --seed S --rounds 1` repeats that round. It
makes the same choices in the same order, but need not fail each time: sets of tasks, asyncio's own and ours, have no
order, so tasks that are cancelled or woken together come in any. On loops of asyncio's kind time is virtual, and a
round is over as soon as nothing is left to do; with `--real-time`, and on uvloop, threads and sockets take part.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import random
import re
import resource
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

from aio_sched import PriorityTask, task_interrupt, task_reinsert, task_switch, task_throw
from suite_support.loops import debugging, loop_classes
from suite_support.virtual_time import VirtualTimeMixin
from world import Interrupt, Violation, World

if TYPE_CHECKING:
    from collections.abc import Callable

WORKERS = 8
CHAOS = 60
# Rounds between two looks at the memory, and before the first one that counts.
LOOK_EVERY = 25
# What may stay, of any one type, above what was there at the first look: caches that fill up slowly.
MOST_OBJECTS = 40
MOST_BLOCKS = 3000


class Witness(logging.Handler):
    """Keeps what went wrong where no caller hears of it: asyncio's log, and exceptions that nobody could raise."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.reports: list[str] = []
        logging.getLogger("asyncio").addHandler(self)
        logging.getLogger("aio_group").addHandler(self)
        sys.unraisablehook = self._note_unraisable

    def emit(self, record: logging.LogRecord) -> None:
        self.reports.append(logging.Formatter().format(record))

    def _note_unraisable(self, unraisable: Any) -> None:
        told = "".join(traceback.format_exception(unraisable.exc_value))
        self.reports.append(f"{unraisable.err_msg} {unraisable.object!r}\n{told}")

    def take(self) -> list[str]:
        reports, self.reports = self.reports, []
        return reports


async def play(seed: str, tally: Counter[str], *, threads: bool) -> None:
    """One round: tasks at work, somebody who disturbs them, and a look at what they leave."""
    dice = random.Random(seed)
    world = World(dice, threads=threads)
    world.start(WORKERS)
    try:
        for _ in range(CHAOS):
            await asyncio.sleep(world.pause())
            for task in dice.sample(others(), k=min(2, len(others()))):
                await disturb(world, task, tally)
    finally:
        world.close()
    await end(world)
    world.check()
    tally["steps"] += world.steps
    if world.wrong:
        raise Violation("\n".join(world.wrong))


def others() -> list[asyncio.Task[Any]]:
    """All tasks but this, the oldest of a kind first."""
    return sorted((task for task in asyncio.all_tasks() if task is not asyncio.current_task()), key=_by_name)


def _by_name(task: asyncio.Task[Any]) -> list[str | int]:
    # The numbers in names go on from round to round: what counts is which one is higher.
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", task.get_name())]


async def disturb(world: World, task: asyncio.Task[Any], tally: Counter[str]) -> None:
    """Do something to a task, be it a worker or one that a piece has made for itself."""
    if task.done():
        return
    match action := world.dice.choice(
        ["cancel", "interrupt", "interrupt", "throw", "priority", "switch", "reinsert", "close"]
    ):
        case "cancel":
            task.cancel()
        case "close":
            if world.dice.random() < 0.05:
                world.dice.choice([world.group.close, *(queue.close for queue in world.queues)])()
        case "priority":
            if isinstance(task, PriorityTask):
                task.priority_value = world.priority()
        case _:
            try:
                await _reach(task, action)
            except RuntimeError as refusal:
                # It is being cancelled, or out of reach on this loop.
                action = f"{action} refused: {type(refusal).__name__}"
            except ValueError:
                action = f"{action} refused: not in the queue"
    tally[action] += 1


async def _reach(task: asyncio.Task[Any], action: str) -> None:
    match action:
        case "interrupt":
            await task_interrupt(task, Interrupt())
        case "throw":
            task_throw(task, Interrupt())
        case "switch":
            await task_switch(task)
        case "reinsert":
            task_reinsert(task, 0)


async def end(world: World) -> None:
    """Cancel the workers until they have ended; some outlast a cancellation, none outlasts many."""
    for _ in range(50):
        for worker in world.workers:
            worker.cancel()
        left = others()
        if not left:
            break
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=1)
    else:
        for task in others():
            task.print_stack()
        raise Violation(f"tasks that never end: {others()}")
    await world.group.async_close()
    world.workers.clear()
    await asyncio.get_running_loop().shutdown_default_executor()
    for _ in range(5):
        await asyncio.sleep(0)
    if others():
        raise Violation(f"tasks came after the end: {others()}")
    check_loop(asyncio.get_running_loop())


def check_loop(loop: asyncio.AbstractEventLoop) -> None:
    """No handle and no timer is left that has not been cancelled."""
    timers = [timer for timer in getattr(loop, "_scheduled", ()) if not timer.cancelled()]
    handles = [handle for handle in getattr(loop, "_ready", ()) if not handle.cancelled()]
    if timers or handles:
        raise Violation(f"left in the loop: {timers} {handles}")


# --- Memory ---


class Memory:
    """Looks for what grows: objects by type, and blocks of memory."""

    def __init__(self) -> None:
        self.first: Counter[str] | None = None
        self.blocks = 0

    def look(self) -> None:
        gc.collect()
        counts = Counter(f"{type(thing).__module__}.{type(thing).__qualname__}" for thing in gc.get_objects())
        blocks = sys.getallocatedblocks()
        if self.first is None:
            self.first, self.blocks = counts, blocks
            return
        grown = {name: count - self.first[name] for name, count in counts.items()}
        too_many = {name: count for name, count in grown.items() if count > MOST_OBJECTS}
        if too_many or blocks - self.blocks > MOST_BLOCKS:
            raise Violation(f"memory grows: {blocks - self.blocks} blocks, objects: {too_many}")

    def growth(self) -> str:
        if self.first is None:
            return f"memory is compared after {2 * LOOK_EVERY} rounds"
        gc.collect()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return f"{sys.getallocatedblocks() - self.blocks:+} blocks since warm-up, peak {peak // 1024} MiB"


# --- The command ---


def loop_factory(name: str, *, debug: bool, real_time: bool) -> Callable[[], asyncio.AbstractEventLoop]:
    loop_class: Any = loop_classes()[name]
    if not real_time and name != "uvloop":
        loop_class = type(f"Virtual{loop_class.__name__}", (VirtualTimeMixin, loop_class), {})
    return debugging(loop_class) if debug else loop_class


def run(arguments: argparse.Namespace, witness: Witness) -> int:
    make_loop = loop_factory(arguments.loop, debug=arguments.debug, real_time=arguments.real_time)
    threads = arguments.real_time or arguments.loop == "uvloop"
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    tally: Counter[str] = Counter()
    memory = Memory()
    gc.collect()
    gc.freeze()
    began = time.monotonic()
    deadline = began + 60 * arguments.minutes
    rounds = 0
    while (rounds < arguments.rounds) if arguments.rounds else (time.monotonic() < deadline):
        # The first round is that of the seed itself, so that one round can be repeated.
        seed = arguments.seed if rounds == 0 else f"{arguments.seed}.{rounds}"
        try:
            with asyncio.Runner(loop_factory=make_loop) as runner:
                runner.run(play(seed, tally, threads=threads))
            rounds += 1
            if rounds % LOOK_EVERY == 0:
                memory.look()
            if reports := witness.take():
                raise Violation("reported, and raised nowhere:\n" + "\n".join(reports))
            for number, handler in handlers.items():
                if signal.getsignal(number) is not handler:
                    raise Violation(f"the handler of {number!r} is {signal.getsignal(number)!r}, not {handler!r}")
        except BaseException:
            traceback.print_exc()
            print(f"FAILED in round {rounds}: repeat it with --loop {arguments.loop} --seed {seed} --rounds 1")
            return 1
        if sys.stdout.isatty():
            print(f"\r{rounds} rounds, {time.monotonic() - began:.0f} s", end="", flush=True)
    seconds = time.monotonic() - began
    mode = " debug" if arguments.debug else ""
    print(f"{arguments.loop}{mode}, seed {arguments.seed}: {rounds} rounds, {seconds:.0f} s")
    print(f"{tally.pop('steps')} activities; {', '.join(f'{count} {name}' for name, count in sorted(tally.items()))}")
    print(f"nothing lost, nothing left; {memory.growth()}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Random work over all pieces together; fails if anything is left")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=0, help="so many rounds instead of minutes")
    parser.add_argument("--loop", choices=loop_classes(), default="priority")
    parser.add_argument("--debug", action="store_true", help="the loop's debug mode")
    parser.add_argument("--real-time", action="store_true", help="wait for timers, where time is virtual otherwise")
    parser.add_argument("--seed", default=str(random.randrange(10**9)))
    warnings.simplefilter("error")
    return run(parser.parse_args(), Witness())


if __name__ == "__main__":
    sys.exit(main())
