"""Running an asyncio application, to a clean end."""

from __future__ import annotations

import asyncio
import enum
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from aio_group._argument import refuse_other_than_loop
from aio_group._asyncio_internals import current_event_loop
from aio_group._awaitable import as_future, close_coroutine
from aio_group._signal_waker import SignalWaker
from aio_group._signals import ENDING_SIGNALS, SignalTrap, force_end

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_T = TypeVar("_T")

# What a forced end still gives the tasks that are left: enough passes for cancellations to go through some tasks that
# wait for each other, and no waiting.
_LAST_PASSES = 10


def init_asyncio(policy: asyncio.AbstractEventLoopPolicy | None = None) -> None:
    """Set asyncio's event loop policy: the one given, or the default one of the platform.

    Kept for programs that call it before `run_asyncio`, as with hat.aio. Policies are deprecated from Python 3.14 on,
    and will be gone in 3.16: new programs give `run_asyncio` a `loop_factory` instead. This function does not add a
    deprecation warning to those that making a policy gives.

    Args:
        policy: The policy, None for the default one (on Windows, that of proactor loops).

    Raises:
        TypeError: `policy` is not an event loop policy.
        RuntimeError: This Python has no policies any more, and one was given.
    """
    set_policy: Callable[[Any], None] | None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        set_policy = getattr(asyncio, "set_event_loop_policy", None)
        if set_policy is not None:
            set_policy(policy)
    if set_policy is None and policy is not None:
        raise RuntimeError("this Python has no event loop policies: give run_asyncio() a loop_factory instead")


def run_asyncio(
    future: Awaitable[_T],
    *,
    handle_signals: bool = True,
    create_loop: bool = False,
    loop: asyncio.AbstractEventLoop | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> _T:
    """Run an event loop until the future is done, and return its result: the main function of an asyncio program.

    Which loop: the one given; that of `future`, if this is a future already; a new one, if `create_loop` or a
    `loop_factory` says so; the current one of the thread (`asyncio.set_event_loop`), if one is set and not closed; else
    a new one. A loop that this function made is left clean: its remaining tasks are cancelled and awaited, async
    generators and the default executor are shut down, the loop is closed and the previous current loop, or none, is
    current again. A loop that existed before is left as it is.

    Signals: SIGINT and SIGTERM (and on Windows SIGBREAK), which otherwise interrupt the program anywhere or kill it,
    cancel `future`, once. How the program ends is then up to it. A second signal, however long after the first,
    **forces the end**: it raises `KeyboardInterrupt` (SIGINT) or `SystemExit(128 + number)` (the others) in the main
    thread at once, wherever that is, the clean-up of the loop included; tasks that are left are cancelled and get a few
    passes of the loop, but nobody waits for them. The previous handlers are back when this function returns or raises.
    Off the main thread, signals stay as they are.

    Args:
        future: What to run: a coroutine, a future or another awaitable.
        handle_signals: Whether to handle signals as above. If not, SIGINT raises `KeyboardInterrupt` as usual.
        create_loop: Whether to make a new loop, even if one is current.
        loop: A loop to run on.
        loop_factory: A function that returns a new loop to run on, such as `uvloop.new_event_loop`.

    Returns:
        The result of `future`, also if it came in spite of a signal.

    Raises:
        asyncio.CancelledError: `future` was cancelled, by a signal or otherwise.
        KeyboardInterrupt: A second signal forced the end, or SIGINT came with `handle_signals=False`.
        SystemExit: A second signal forced the end.
        BaseException: Whatever `future` raised.
        TypeError: `future` cannot be awaited; or `loop`, or what `loop_factory` returned, is no event loop.
        ValueError: The arguments name different loops, or a closed one.
        RuntimeError: A loop is running in this thread, or the one given is running elsewhere.

    A thread of the default executor that does not end cannot be forced: Python waits for it when the program exits.
    """
    try:
        loop, is_new = _choose_loop(future, create_loop, loop, loop_factory)
    except BaseException:
        close_coroutine(future)
        raise
    return _Run(loop, is_new).until_done(future, handle_signals)


def _choose_loop(
    future: Awaitable[Any],
    create_loop: bool,
    loop: asyncio.AbstractEventLoop | None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None,
) -> tuple[asyncio.AbstractEventLoop, bool]:
    """The loop to run on, and whether it was made here."""
    _refuse_running_loop()
    refuse_other_than_loop(loop)
    if loop is not None and (create_loop or loop_factory is not None):
        raise ValueError("run_asyncio() needs either a loop or a new one (create_loop, loop_factory), not both")
    if isinstance(future, asyncio.Future):
        if create_loop or loop_factory is not None or loop not in (None, future.get_loop()):
            raise ValueError(f"{future!r} belongs to a loop already: give run_asyncio() that loop, or none")
        loop = future.get_loop()
    if loop is not None:
        if loop.is_closed():
            raise ValueError(f"run_asyncio() cannot run on a closed loop: {loop!r}")
        if loop.is_running():
            raise RuntimeError(f"run_asyncio() cannot run on a loop that runs in another thread: {loop!r}")
        return loop, False
    if not create_loop and loop_factory is None:
        loop = current_event_loop()
        if loop is not None and not loop.is_closed():
            return loop, False
    loop = (loop_factory or asyncio.new_event_loop)()
    if not isinstance(loop, asyncio.AbstractEventLoop):
        raise TypeError(f"loop_factory must return an event loop, not {loop!r}")
    return loop, True


def _refuse_running_loop() -> None:
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"run_asyncio() cannot be called while a loop runs in this thread, await instead: {running!r}")


class _Phase(enum.Enum):
    """How far the signals have come."""

    UNDISTURBED = "undisturbed"
    CANCELLED = "cancelled"
    FORCED = "forced"


class _Run:
    """One call of `run_asyncio`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, is_new: bool) -> None:
        self._loop = loop
        self._is_new = is_new
        self._cancel: Callable[[], object]
        self._phase = _Phase.UNDISTURBED

    def until_done(self, future: Awaitable[_T], handle_signals: bool) -> _T:
        trap = SignalTrap(ENDING_SIGNALS if handle_signals else (), self._on_signal)
        waker: SignalWaker | None = None
        current_before = current_event_loop()
        if self._is_new:
            asyncio.set_event_loop(self._loop)
        try:
            main = self._start(future)
            self._cancel = main.cancel
            trap.set()
            if handle_signals:
                waker = SignalWaker(self._loop)
            return self._run(main)
        finally:
            try:
                if self._is_new:
                    self._end_loop(current_before)
            finally:
                if waker is not None:
                    waker.close()
                trap.release(even_if_replaced=True)

    def _start(self, future: Awaitable[_T]) -> asyncio.Future[_T]:
        try:
            return as_future(future, loop=self._loop)
        except BaseException:
            close_coroutine(future)
            raise

    def _run(self, main: asyncio.Future[_T]) -> _T:
        try:
            return self._loop.run_until_complete(main)
        finally:
            # Where KeyboardInterrupt or SystemExit came through the loop, nobody asked for the future's own outcome.
            if main.done() and not main.cancelled():
                main.exception()

    def _on_signal(self, signum: int) -> None:
        if self._phase is _Phase.UNDISTURBED:
            self._phase = _Phase.CANCELLED
            if not self._loop.is_closed():
                # Wakes the loop too, which may be waiting for I/O.
                self._loop.call_soon_threadsafe(self._cancel)
        else:
            self._phase = _Phase.FORCED
            force_end(signum)

    def _end_loop(self, current_before: asyncio.AbstractEventLoop | None) -> None:
        loop = self._loop
        try:
            if self._phase is _Phase.FORCED:
                _cancel_in_passing(loop)
            else:
                _finish_tasks(loop)
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            # Also where a signal cuts the clean-up short.
            asyncio.set_event_loop(current_before)
            loop.close()


def _finish_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what still runs, and what that starts on its way, until nothing is left."""
    while tasks := asyncio.all_tasks(loop):
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                loop.call_exception_handler(
                    {
                        "message": "a task failed when it was cancelled at the end of run_asyncio()",
                        "exception": error,
                        "task": task,
                    }
                )


def _cancel_in_passing(loop: asyncio.AbstractEventLoop) -> None:
    """Let those tasks end that do so at once: the others are left where they are, and asyncio reports them."""
    for task in asyncio.all_tasks(loop):
        task.cancel()
    for _ in range(_LAST_PASSES):
        loop.call_soon(loop.stop)
        loop.run_forever()
