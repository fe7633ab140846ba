"""Coroutines by hand: `CoroStart`, `Monitor` and `GeneratorObject` against asynkit's, in C and in Python.

The first case of each job is ours. Each is the best of what a caller would write: nothing runs on an event loop
where none is needed. Nothing waits for anything outside, so CPU time is what is taken.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import types
from time import process_time
from typing import TYPE_CHECKING, Any

import aio_coro
from suite_support.benchmark import Comparison, Target, compare, main, sized

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Mapping

CALLS = sized(20_000)
EXCHANGES = sized(1_000_000)

try:
    asynkit: Any = importlib.import_module("asynkit")
except ImportError as error:
    asynkit = None
    ABSENT = {"asynkit": str(error)}
else:
    ABSENT = {}


class Least:
    """The least that a class in Python can do and still be started and awaited once: no state, no checks, no context.

    What is between this and `CoroStart` can be won; what is between this and asynkit's C cannot.
    """

    __slots__ = ("_coro", "_value")

    def __init__(self, coro: Coroutine[Any, Any, Any], /, *, context: object = None, autostart: bool = True) -> None:
        self._coro = coro
        try:
            self._value = coro.send(None)
        except StopIteration as stop:
            self._value = stop.value

    def result(self) -> Any:
        return self._value

    def __await__(self) -> Generator[Any, Any, Any]:
        if self._coro.cr_suspended:  # type: ignore[attr-defined]
            yield self._value
            return (yield from _go_on(self._coro))
        return self._value


@types.coroutine
def _go_on(coro: Any) -> Generator[Any, Any, Any]:
    return (yield from coro)


def _starts() -> Mapping[str, Any]:
    """The implementations of CoroStart."""
    starts: dict[str, Any] = {"aio_coro": aio_coro.CoroStart, "least in Python": Least}
    if asynkit is not None:
        in_python = importlib.import_module("asynkit.coroutine").PyCoroStart
        starts["asynkit, Python"] = in_python
        if asynkit.CoroStart is not in_python:
            starts["asynkit, C"] = asynkit.CoroStart
    return starts


def _modules() -> Mapping[str, Any]:
    return {"aio_coro": aio_coro} if asynkit is None else {"aio_coro": aio_coro, "asynkit": asynkit}


def _without_c() -> Mapping[str, str]:
    return {**ABSENT, **({} if len(_starts()) == 4 else {"asynkit, C": "no C extension for this Python"})}


async def _returns() -> int:
    return 1


@types.coroutine
def _wait() -> Generator[None, None, None]:
    yield


async def _waits(times: int) -> int:
    for _ in range(times):
        await _wait()
    return 1


def _drive(coro: Coroutine[Any, Any, object]) -> float:
    """Run a coroutine that waits for nothing, and time it."""
    begin = process_time()
    try:
        coro.send(None)
    except StopIteration:
        return process_time() - begin
    raise AssertionError("it waits")


def _start_results(start: Any) -> Callable[[], float]:
    def run() -> float:
        begin = process_time()
        for _ in range(CALLS):
            start(_returns()).result()
        return process_time() - begin

    return run


def _start_awaits(start: Any) -> Callable[[], float]:
    async def awaits() -> None:
        for _ in range(CALLS):
            await start(_returns())

    return lambda: _drive(awaits())


def _start_waits(start: Any, times: int, *, context: bool = False) -> Callable[[], float]:
    def run() -> float:
        keywords = {"context": contextvars.copy_context()} if context else {}
        begin = process_time()
        for _ in range(CALLS if times == 1 else CALLS * 10 // times):
            for _ in start(_waits(times), **keywords).__await__():
                pass
        return process_time() - begin

    return run


def _messages(module: Any) -> Callable[[], float]:
    async def sends(monitor: Any) -> None:
        for number in range(EXCHANGES):
            await monitor.oob(number)

    async def answers() -> None:
        monitor = module.Monitor()
        coro = sends(monitor)
        oob_data = module.OOBData
        while True:
            try:
                await monitor.aawait(coro)
            except oob_data as message:
                message.data  # noqa: B018  (the message is read)
            else:
                return

    return lambda: _drive(answers())


def _parser(module: Any) -> Callable[[], float]:
    async def sends(monitor: Any) -> bool:
        for _ in range(EXCHANGES // 10):
            await monitor.oob()
        return True

    async def feeds() -> None:
        monitor = module.Monitor()
        bound = monitor(sends(monitor))
        await bound.start()
        while not await bound.try_await(b""):
            pass

    return lambda: _drive(feeds())


async def _iterate(iterator: Any) -> None:
    async for _ in iterator:
        pass


def _generate(module: Any) -> Callable[[], float]:
    def run() -> float:
        generator_object = module.GeneratorObject()

        async def body() -> None:
            for number in range(EXCHANGES // 10):
                await generator_object.ayield(number)

        return _drive(_iterate(generator_object(body())))

    return run


def _native() -> float:
    async def body() -> Any:
        for number in range(EXCHANGES // 10):
            yield number

    return _drive(_iterate(body()))


def _generate_on_asyncio(module: Any, *, future: bool) -> Callable[[], float]:
    """Each value comes after a pass of the loop, or after waiting for a future."""

    async def main_() -> float:
        loop = asyncio.get_running_loop()
        generator_object = module.GeneratorObject()

        async def body() -> None:
            for number in range(CALLS):
                if future:
                    waits_for = loop.create_future()
                    loop.call_soon(waits_for.set_result, None)
                    await waits_for
                else:
                    await asyncio.sleep(0)
                await generator_object.ayield(number)

        begin = process_time()
        await _iterate(generator_object(body()))
        return process_time() - begin

    return lambda: asyncio.run(main_())


def corostart(repeats: int) -> Comparison:
    cases = {name: _start_results(start) for name, start in _starts().items()}
    return compare(f"CoroStart of {CALLS} that do not wait: result()", cases, repeats=repeats, absent=_without_c())


def corostart_await(repeats: int) -> Comparison:
    cases = {name: _start_awaits(start) for name, start in _starts().items()}
    return compare(f"CoroStart of {CALLS} that do not wait: await", cases, repeats=repeats, absent=_without_c())


def corostart_wait_once(repeats: int) -> Comparison:
    cases = {name: _start_waits(start, 1) for name, start in _starts().items()}
    return compare(f"CoroStart of {CALLS} that wait once: await", cases, repeats=repeats, absent=_without_c())


def corostart_wait_often(repeats: int) -> Comparison:
    cases = {name: _start_waits(start, 100) for name, start in _starts().items()}
    return compare(f"CoroStart: {CALLS * 10} resumptions, 100 each", cases, repeats=repeats, absent=_without_c())


def corostart_context(repeats: int) -> Comparison:
    cases = {name: _start_waits(start, 1, context=True) for name, start in _starts().items()}
    return compare(f"CoroStart of {CALLS} in a context, wait once", cases, repeats=repeats, absent=_without_c())


def monitor(repeats: int) -> Comparison:
    cases = {name: _messages(module) for name, module in _modules().items()}
    return compare(f"Monitor: {EXCHANGES} messages", cases, repeats=repeats, absent=ABSENT)


def try_await(repeats: int) -> Comparison:
    cases = {name: _parser(module) for name, module in _modules().items()}
    return compare(f"BoundMonitor.try_await: {EXCHANGES // 10} times", cases, repeats=repeats, absent=ABSENT)


def generator(repeats: int) -> Comparison:
    cases = {name: _generate(module) for name, module in _modules().items()} | {"native": _native}
    return compare(f"GeneratorObject: {EXCHANGES // 10} values", cases, repeats=repeats, absent=ABSENT)


def generator_after_a_pass(repeats: int) -> Comparison:
    cases = {name: _generate_on_asyncio(module, future=False) for name, module in _modules().items()}
    return compare(f"GeneratorObject: {CALLS} values, each after sleep(0)", cases, repeats=repeats, absent=ABSENT)


def generator_after_a_future(repeats: int) -> Comparison:
    cases = {name: _generate_on_asyncio(module, future=True) for name, module in _modules().items()}
    return compare(f"GeneratorObject: {CALLS} values, each after a future", cases, repeats=repeats, absent=ABSENT)


JOBS = {
    "corostart": corostart,
    "corostart-await": corostart_await,
    "corostart-wait-once": corostart_wait_once,
    "corostart-wait-often": corostart_wait_often,
    "corostart-context": corostart_context,
    "monitor": monitor,
    "try-await": try_await,
    "generator": generator,
    "generator-after-a-pass": generator_after_a_pass,
    "generator-after-a-future": generator_after_a_future,
}


def _start_targets(job: str, of: str) -> tuple[Target, Target]:
    return (
        Target(job, "aio_coro", "asynkit, Python", f"CoroStart, {of}: 2x asynkit's Python one", at_least=2),
        Target(job, "aio_coro", "asynkit, C", f"CoroStart, {of}: within 2x of asynkit's C one", at_most=2),
    )


TARGETS = (
    *_start_targets("corostart", "its result"),
    *_start_targets("corostart-await", "awaited, not waiting"),
    *_start_targets("corostart-wait-once", "awaited, waiting once"),
    Target("monitor", "aio_coro", "asynkit", "a million oob exchanges: at least as fast as asynkit", at_most=1),
    Target(
        "generator",
        "aio_coro",
        "asynkit",
        "iterating a GeneratorObject: at least as fast as asynkit",
        at_most=1,
        headline="GeneratorObject",
    ),
)

if __name__ == "__main__":
    main(JOBS, TARGETS)
