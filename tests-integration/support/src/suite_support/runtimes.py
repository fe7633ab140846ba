"""One test body on every runtime: asyncio, uvloop, trio, and anyio on both of its back ends, all in virtual time.

Mark the module (or a test) and write plain `async def` tests; each runs once per runtime:

    pytestmark = pytest.mark.every_runtime

    async def test_waiter_sees_the_assignment(runtime: Runtime) -> None:
        value = AsyncValue(0)
        async with runtime.tasks() as tasks:
            waiting = await tasks.block(value.wait_value, 5)
            value.value = 5
            assert await waiting.result() == 5

A body that needs no tool need not ask for `runtime`. Fixtures must be plain functions, not async ones.
"""

from __future__ import annotations

import asyncio
import enum
import heapq
import importlib.util
import inspect
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, TypeVarTuple

import anyio
import trio
import trio.testing

from suite_support.interleaving import settle as settle_asyncio
from suite_support.virtual_time import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from contextvars import Context

    import pytest

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _State(enum.Enum):
    RUNNING = "running"
    RETURNED = "returned"
    RAISED = "raised"
    CANCELLED = "cancelled"


class Handle(ABC, Generic[T]):
    """One task that a test started: cancel it, ask how it stands, take its result."""

    def __init__(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> None:
        self._function = function
        self._args = args
        self._state = _State.RUNNING
        self._value: Any = None
        self._looked_at = False

    def __repr__(self) -> str:
        return f"<{self._function!r}: {self._state.value}>"

    @property
    def done(self) -> bool:
        return self._state is not _State.RUNNING

    @property
    def cancelled(self) -> bool:
        """Whether the task ended by `cancel` (or because `tasks()` was left)."""
        return self._state is _State.CANCELLED

    @abstractmethod
    def cancel(self) -> None:
        """Cancel the task: as `Task.cancel` on asyncio, as a cancel scope on trio and anyio."""

    @abstractmethod
    async def wait(self) -> None:
        """Until the task is done, whatever came of it."""

    async def result(self) -> T:
        """What the task returned; raises what it raised; fails the test if it was cancelled."""
        await self.wait()
        return self.outcome()

    def outcome(self) -> T:
        """The result of a task that is done, without waiting."""
        self._looked_at = True
        if self._state is _State.RETURNED:
            value: T = self._value
            return value
        if self._state is _State.RAISED:
            raise self._value
        raise AssertionError(f"no result: {self!r}")

    async def _run(self) -> None:
        """Keep what comes of the function: the runtime sees only a cancellation, and only in passing."""
        try:
            self._value = await self._function(*self._args)
        except Exception as error:
            self._value = error
            self._state = _State.RAISED
        except BaseException:
            self._state = _State.CANCELLED
            raise
        else:
            self._state = _State.RETURNED

    def _unseen_error(self) -> Exception | None:
        return self._value if self._state is _State.RAISED and not self._looked_at else None


class Tasks(ABC):
    """The tasks of one `async with runtime.tasks()`: those that still run at its end are cancelled."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._handles: list[Handle[Any]] = []

    async def block(self, function: Callable[..., Awaitable[T]], *args: Any) -> Handle[T]:
        """Start `function(*args)` as a task and return once it is blocked (or done)."""
        handle = self.start(function, *args)
        await self._runtime.settle()
        return handle

    def start(self, function: Callable[..., Awaitable[T]], *args: Any) -> Handle[T]:
        """Start `function(*args)` as a task; it takes its first step once the test waits.

        trio gives tasks that are started together their first step in any order: use `block` where order matters.
        """
        handle = self._start(function, args)
        self._handles.append(handle)
        return handle

    @abstractmethod
    def _start(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> Handle[T]: ...

    def _cancel_all(self) -> None:
        for handle in self._handles:
            handle.cancel()

    def _raise_unseen(self) -> None:
        """An error of a task whose result the test never took must not pass unseen."""
        errors = [error for handle in self._handles if (error := handle._unseen_error()) is not None]
        if errors:
            raise ExceptionGroup("tasks of the test failed", errors)


class Runtime(ABC):
    """The runtime that runs the test body, and the tools that a body needs on each of them."""

    name: str
    library: Literal["asyncio", "trio"]

    @abstractmethod
    def run(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run an async function from the start to the end of a fresh loop or run."""

    @abstractmethod
    def time(self) -> float: ...

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Sleep in virtual time: no test waits for the wall clock."""

    @abstractmethod
    async def settle(self) -> None:
        """Until every other task is blocked or done; no time passes."""

    @abstractmethod
    async def yield_once(self) -> None:
        """One turn for the others."""

    @abstractmethod
    def tasks(self) -> AbstractAsyncContextManager[Tasks]:
        """A group of tasks: cancelled at the end; errors that nobody took fail the test."""

    def __repr__(self) -> str:
        return f"<runtime {self.name}>"


# --- asyncio's own tools -------------------------------------------------------------------------------------------


class _AsyncioHandle(Handle[T]):
    def __init__(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> None:
        super().__init__(function, args)
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        # A task that is cancelled before its first step never enters its coroutine.
        if task.cancelled():
            self._state = _State.CANCELLED

    def cancel(self) -> None:
        self._task.cancel()

    async def wait(self) -> None:
        await asyncio.wait([self._task])


class _AsyncioTasks(Tasks):
    def _start(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> Handle[T]:
        return _AsyncioHandle(function, args)


class _Asyncio(Runtime):
    library = "asyncio"

    def __init__(self, name: str, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self.name = name
        self._loop_factory = loop_factory

    def run(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        with asyncio.Runner(loop_factory=self._loop_factory) as runner:
            return runner.run(function())

    def time(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def settle(self) -> None:
        await settle_asyncio()

    async def yield_once(self) -> None:
        await asyncio.sleep(0)

    @asynccontextmanager
    async def tasks(self) -> AsyncIterator[Tasks]:
        tasks = _AsyncioTasks(self)
        try:
            yield tasks
        finally:
            tasks._cancel_all()
            await asyncio.gather(*(handle.wait() for handle in tasks._handles))
        tasks._raise_unseen()


# --- trio's and anyio's tools: the same names in both --------------------------------------------------------------


class _ScopedHandle(Handle[T]):
    """A task in a cancel scope of its own, of trio's or anyio's."""

    def __init__(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...], library: Any, group: Any) -> None:
        super().__init__(function, args)
        self._scope = library.CancelScope()
        self._finished = library.Event()
        group.start_soon(self._run_in_scope)

    async def _run_in_scope(self) -> None:
        try:
            with self._scope:
                await self._run()
        finally:
            self._finished.set()

    def cancel(self) -> None:
        self._scope.cancel()

    async def wait(self) -> None:
        await self._finished.wait()


class _ScopedTasks(Tasks):
    def __init__(self, runtime: Runtime, library: Any, group: Any) -> None:
        super().__init__(runtime)
        self._library = library
        self._group = group

    def _start(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> Handle[T]:
        return _ScopedHandle(function, args, self._library, self._group)


@asynccontextmanager
async def _scoped_tasks(runtime: Runtime, library: Any, open_group: Callable[[], Any]) -> AsyncIterator[Tasks]:
    failure: BaseException | None = None
    async with open_group() as group:
        tasks = _ScopedTasks(runtime, library, group)
        try:
            yield tasks
        except BaseException as error:
            # Kept out of the group, so that a failing assertion is shown as itself.
            failure = error
        finally:
            tasks._cancel_all()
    if failure is not None:
        raise failure
    tasks._raise_unseen()


class _Trio(Runtime):
    name = "trio"
    library = "trio"

    def run(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return trio.run(function, clock=trio.testing.MockClock(autojump_threshold=0))

    def time(self) -> float:
        return trio.current_time()

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def settle(self) -> None:
        await trio.testing.wait_all_tasks_blocked()

    async def yield_once(self) -> None:
        await trio.lowlevel.checkpoint()

    def tasks(self) -> AbstractAsyncContextManager[Tasks]:
        return _scoped_tasks(self, trio, trio.open_nursery)


class _Anyio(Runtime):
    def __init__(self, library: Literal["asyncio", "trio"]) -> None:
        self.name = f"anyio-{library}"
        self.library = library

    def run(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        options: dict[str, Any] = (
            {"loop_factory": VirtualTimeLoop}
            if self.library == "asyncio"
            else {"clock": trio.testing.MockClock(autojump_threshold=0)}
        )
        return anyio.run(function, backend=self.library, backend_options=options)

    def time(self) -> float:
        return anyio.current_time()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def settle(self) -> None:
        # anyio's own wait_all_tasks_blocked polls by the clock, and the clock is virtual.
        await (settle_asyncio() if self.library == "asyncio" else trio.testing.wait_all_tasks_blocked())

    async def yield_once(self) -> None:
        await anyio.lowlevel.checkpoint()

    def tasks(self) -> AbstractAsyncContextManager[Tasks]:
        return _scoped_tasks(self, anyio, anyio.create_task_group)


# --- uvloop in virtual time ----------------------------------------------------------------------------------------


def _virtual_uvloop() -> asyncio.AbstractEventLoop:
    """A uvloop loop with timers of its own: uvloop's clock is not to be replaced.

    Timers stand in a heap. While there are any, a callback comes back in every pass of the loop, and once three passes
    in a row found every task blocked, the clock jumps to the next timer.
    """
    import uvloop

    class VirtualUvloop(uvloop.Loop):
        def __init__(self) -> None:
            super().__init__()
            self._now = 0.0
            self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
            self._count = 0
            self._watching = False

        def time(self) -> float:
            return self._now

        def call_later(
            self,
            delay: float,
            callback: Callable[[*Ts], object],
            *args: *Ts,
            context: Context | None = None,
        ) -> asyncio.TimerHandle:
            return self.call_at(self._now + delay, callback, *args, context=context)

        def call_at(
            self,
            when: float,
            callback: Callable[[*Ts], object],
            *args: *Ts,
            context: Context | None = None,
        ) -> asyncio.TimerHandle:
            timer = asyncio.TimerHandle(when, callback, args, self, context)
            self._count += 1
            heapq.heappush(self._timers, (when, self._count, timer))
            if not self._watching:
                self._watching = True
                self.call_soon(self._watch, 0)
            return timer

        def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
            """Called by a handle that is cancelled: it is dropped when its turn comes."""

        def _watch(self, quiet: int) -> None:
            while self._timers and self._timers[0][2].cancelled():
                heapq.heappop(self._timers)
            if not self._timers:
                self._watching = False
                return
            due = self._timers[0][0] <= self._now
            if not due and any(_may_run(task) for task in asyncio.all_tasks(self)):
                quiet = 0
            elif due or quiet >= 3:
                self._now = max(self._now, self._timers[0][0])
                while self._timers and self._timers[0][0] <= self._now:
                    timer = heapq.heappop(self._timers)[2]
                    if not timer.cancelled():
                        timer._run()
                quiet = 0
            self.call_soon(self._watch, quiet + 1)

    return VirtualUvloop()


def _may_run(task: asyncio.Task[Any]) -> bool:
    waits_for = getattr(task, "_fut_waiter", None)
    return waits_for is None or waits_for.done()


# --- the pytest side -----------------------------------------------------------------------------------------------


def _all_runtimes() -> dict[str, Runtime]:
    runtimes: list[Runtime] = [_Asyncio("asyncio", VirtualTimeLoop)]
    if importlib.util.find_spec("uvloop") is not None:
        runtimes.append(_Asyncio("uvloop", _virtual_uvloop))
    runtimes += [_Trio(), _Anyio("asyncio"), _Anyio("trio")]
    return {runtime.name: runtime for runtime in runtimes}


RUNTIMES = _all_runtimes()


def parametrize(metafunc: pytest.Metafunc) -> None:
    """For the plugin's `pytest_generate_tests`."""
    if not inspect.iscoroutinefunction(metafunc.function) and "runtime" not in metafunc.fixturenames:
        return
    if "runtime" not in metafunc.fixturenames:
        metafunc.fixturenames.append("runtime")
    metafunc.parametrize("runtime", list(RUNTIMES.values()), ids=list(RUNTIMES))


def run_body(item: pytest.Function) -> Literal[True] | None:
    """For the plugin's `pytest_pyfunc_call`: True if this was an async body for every runtime."""
    if not inspect.iscoroutinefunction(item.obj):
        return None
    runtime: Any = item.callspec.params["runtime"]
    arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
    runtime.run(lambda: item.obj(**arguments))
    return True
