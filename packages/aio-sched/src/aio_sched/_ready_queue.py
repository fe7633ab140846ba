"""What the scheduling functions need of a loop: its ready queue, and places in it.

Other threads post to a loop at any moment, between any two bytecodes of the code here, and all that they ever do to the
queue is `deque.append`. What is done to it here therefore holds on to two rules:

- Whatever the queue is asked or changed by is one call of a method of `deque` that is written in C and runs no Python
  code on its way: `append`, `insert`, `del queue[i]`, `queue[i] = x`, `queue[i]`, `len`, and `list(queue)`, which
  copies the whole. With the GIL no other thread runs in the middle of these. It is never iterated over in Python, which
  is what "deque mutated during iteration" comes from, and never searched with `==`, which is Python code for timers.
- Places are counted from the left. What threads append on the right moves none of them, so that an index that was
  found stays right until it is used.

On free-threaded builds each of these calls but one locks the deque. The one is `list(queue)`, which locks it anew for
each item: there the copy is made by index instead.
"""

from __future__ import annotations

import asyncio
import sysconfig
from abc import ABC, abstractmethod
from inspect import CO_COROUTINE
from operator import index
from typing import TYPE_CHECKING, Any

from aio_sched._asyncio_internals import is_handle_of, make_handle, ready_deque, running_loop, task_of

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable
    from contextvars import Context
    from typing import TypeVarTuple

    Ts = TypeVarTuple("Ts")


class AbstractSchedulingLoop(ABC):
    """A ready queue that can be looked into, and in which callbacks can be given places.

    A place is counted from the front: what stands at position 0 runs next, then position 1, and so on. Handles that
    were cancelled do not count, since the loop skips them, and no method shows them. For loops that do not run their
    queue in one fixed order, position n is the place of what runs when n others have run, as things stand.

    All methods are for the thread that the loop runs in, or for any while it does not run. That other threads post
    with `call_soon_threadsafe` meanwhile disturbs none of them, and none of them disturbs the posts.
    """

    __slots__ = ()

    @abstractmethod
    def queue_len(self) -> int:
        """The number of handles that are ready to run. Cost: proportional to it."""

    @abstractmethod
    def queue_items(self) -> list[asyncio.Handle]:
        """The handles that are ready to run, in the order in which they will. A copy; cost: proportional to it."""

    @abstractmethod
    def queue_find(self, key: Callable[[asyncio.Handle], bool], remove: bool = False) -> asyncio.Handle | None:
        """The first handle in the queue for which `key(handle)` is true.

        Args:
            key: Called with one handle after the other, in the order in which they will run. What it raises comes out
                here, and the queue is as it was.
            remove: Take the handle out of the queue, as `queue_remove` does.

        Returns:
            The handle; None if `key` was true for none.
        """

    @abstractmethod
    def queue_insert_pos(self, pos: int, handle: asyncio.Handle) -> None:
        """Put a handle into the queue so that it runs when `pos` others of the queue have run; behind all if fewer.

        Args:
            pos: 0 for what runs next.
            handle: A handle of this loop that is not in the queue, such as one that was removed from it.

        Raises:
            TypeError: `pos` is not an integer, or `handle` not an `asyncio.Handle`.
            ValueError: `pos` is negative, the handle belongs to another loop, or it is in the queue already.
            RuntimeError: The loop is closed, or runs in another thread.
        """

    @abstractmethod
    def queue_remove(self, handle: asyncio.Handle) -> None:
        """Take a handle out of the queue. It can be put in again with `queue_insert_pos`; else it never runs.

        Raises:
            ValueError: The handle is not in the queue.
            RuntimeError: The loop runs in another thread.
        """

    @abstractmethod
    def call_pos(
        self, pos: int, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Call a function soon: when `pos` others of the queue have run.

        Args:
            pos: 0 for what runs next.
            callback: The function.
            *args: What it is called with.
            context: The context that it runs in; a copy of the current one by default.

        Returns:
            A handle, by which the call can be cancelled.

        Raises:
            TypeError: `pos` is not an integer, or `callback` cannot be called.
            ValueError: `pos` is negative.
            RuntimeError: The loop is closed, or runs in another thread.
        """

    def queue_move(self, pos: int, handle: asyncio.Handle) -> None:
        """Give a handle of the queue another place, counted without the handle itself.

        Raises:
            TypeError, ValueError, RuntimeError: As for `queue_remove` and `queue_insert_pos`; nothing was moved.
        """
        pos = require_position(pos)
        self.queue_remove(handle)
        self.queue_insert_pos(pos, handle)

    def queue_find_task(self, task: asyncio.Task[Any]) -> asyncio.Handle | None:
        """The handle in the queue that will step a task; None if there is none: the task runs, waits or is done.

        The search begins at the end, where new tasks are.
        """
        for handle in reversed(self.queue_items()):
            if task_of(handle) is task:
                return handle
        return None


class DequeSchedulingLoop(AbstractSchedulingLoop):
    """The ready queue of a loop that takes its handles from the left of one deque, as asyncio's own loops do."""

    __slots__ = ()

    _ready: deque[asyncio.Handle]

    @property
    @abstractmethod
    def _event_loop(self) -> asyncio.AbstractEventLoop:
        """The loop whose queue this is."""

    def queue_len(self) -> int:
        return len(self.queue_items())

    def queue_items(self) -> list[asyncio.Handle]:
        return [handle for handle in snapshot(self._ready) if not handle.cancelled()]

    def queue_find(self, key: Callable[[asyncio.Handle], bool], remove: bool = False) -> asyncio.Handle | None:
        if remove:
            require_own_thread(self._event_loop)
        for handle in self.queue_items():
            if key(handle):
                if remove:
                    self.queue_remove(handle)
                return handle
        return None

    def queue_find_task(self, task: asyncio.Task[Any]) -> asyncio.Handle | None:
        last = last_of(self._ready)
        if last is not None and task_of(last) is task:
            return last
        for handle in reversed(snapshot(self._ready)):
            if task_of(handle) is task:  # a cancelled handle has no callback, and so no task
                return handle
        return None

    def queue_insert_pos(self, pos: int, handle: asyncio.Handle) -> None:
        pos = require_position(pos)
        loop = self._event_loop
        if not isinstance(handle, asyncio.Handle):
            raise TypeError(f"a queue holds handles, such as call_soon() returns, not {handle!r}")
        if not is_handle_of(handle, loop):
            raise ValueError(f"{handle!r} belongs to another loop than {loop!r}")
        if index_of(self._ready, handle) is not None:
            raise ValueError(f"{handle!r} is in the ready queue already: queue_move() gives it another place")
        require_open(loop)
        require_own_thread(loop)
        insert(self._ready, pos, handle)

    def queue_remove(self, handle: asyncio.Handle) -> None:
        loop = self._event_loop
        require_own_thread(loop)
        place = self._require_index_of(handle)
        # The loop counts the handles when it begins a pass, and takes as many from the queue: one less would be an
        # IndexError in the loop, which ends it. So what it skips stands in for the one that is taken out.
        self._ready[place] = _skipped_handle(loop)

    def queue_move(self, pos: int, handle: asyncio.Handle) -> None:
        pos = require_position(pos)
        require_own_thread(self._event_loop)
        del self._ready[self._require_index_of(handle)]
        insert(self._ready, pos, handle)

    def call_pos(
        self, pos: int, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        pos = require_position(pos)
        loop = self._event_loop
        require_callback(callback)
        require_open(loop)
        require_own_thread(loop)
        handle = make_handle(loop, callback, args, context)
        insert(self._ready, pos, handle)
        return handle

    def _require_index_of(self, handle: asyncio.Handle) -> int:
        place = index_of(self._ready, handle)
        if place is None or handle.cancelled():
            raise ValueError(f"{handle!r} is not in the ready queue")
        return place


class QueueOfStockLoop(DequeSchedulingLoop):
    """The ready queue of a loop of asyncio that knows nothing of scheduling."""

    __slots__ = ("_loop", "_ready")

    def __init__(self, loop: asyncio.AbstractEventLoop, ready: deque[asyncio.Handle]) -> None:
        self._loop = loop
        self._ready = ready

    @property
    def _event_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def __repr__(self) -> str:
        return f"<ready queue of {self._loop!r}>"


def get_scheduling_loop(loop: asyncio.AbstractEventLoop | None = None) -> AbstractSchedulingLoop:
    """The ready queue of a loop: the loop itself if it is a scheduling loop, else an adapter for asyncio's own loops.

    Args:
        loop: The loop; the running one by default.

    Returns:
        What the scheduling functions work with. An adapter is made anew at each call; it keeps nothing but the loop.

    Raises:
        TypeError: `loop` is no event loop.
        RuntimeError: The loop has no ready queue that can be looked into, as uvloop's; or no loop is given, and none is
            running.
    """
    if loop is None:
        loop = asyncio.get_running_loop()
    queue = queue_shown_by(loop)
    if queue is not None:
        return queue
    if not isinstance(loop, asyncio.AbstractEventLoop):
        raise TypeError(f"an asyncio event loop is needed, not {loop!r}")
    name = f"{type(loop).__module__}.{type(loop).__qualname__}"
    raise RuntimeError(
        f"{name} shows no ready queue in which tasks could be given a place; "
        "run on asyncio's own loop or on a loop made by aio_sched.scheduling_loop_factory()"
    )


def queue_shown_by(loop: asyncio.AbstractEventLoop) -> AbstractSchedulingLoop | None:
    """What `get_scheduling_loop` returns; None for a loop that shows no queue."""
    if isinstance(loop, AbstractSchedulingLoop):
        return loop
    ready = ready_deque(loop)
    return None if ready is None else QueueOfStockLoop(loop, ready)


if sysconfig.get_config_var("Py_GIL_DISABLED"):  # pragma: no cover  # the tests run it by its own name

    def snapshot(queue: deque[asyncio.Handle]) -> list[asyncio.Handle]:
        """A copy of the queue; appended to by other threads or not."""
        return snapshot_by_index(queue)

else:

    def snapshot(queue: deque[asyncio.Handle]) -> list[asyncio.Handle]:
        """A copy of the queue; appended to by other threads or not."""
        return list(queue)


def snapshot_by_index(queue: deque[asyncio.Handle]) -> list[asyncio.Handle]:
    """A copy of the queue, made in steps that lock it one by one."""
    return [queue[place] for place in range(len(queue))]


def last_of(queue: deque[asyncio.Handle]) -> asyncio.Handle | None:
    """What stands at the end of the queue at this moment."""
    try:
        return queue[-1]
    except IndexError:
        return None


def index_of(queue: deque[asyncio.Handle], handle: asyncio.Handle) -> int | None:
    """Where this very handle stands: two timers can be equal without being the same."""
    last = len(queue) - 1
    if last >= 0 and queue[last] is handle:  # such as that of a task that was just made
        return last
    for place, queued in enumerate(snapshot(queue)):
        if queued is handle:
            return place
    return None


def insert(queue: deque[asyncio.Handle], pos: int, handle: asyncio.Handle) -> None:
    """Insert a handle behind `pos` others that will run; behind all if there are fewer. Cost: proportional to `pos`."""
    place = 0
    length = len(queue)
    while pos > 0 and place < length:
        if not queue[place].cancelled():
            pos -= 1
        place += 1
    if pos > 0:
        queue.append(handle)
    else:
        queue.insert(place, handle)


def require_position(pos: int) -> int:
    """Refuse what cannot be a position."""
    try:
        pos = index(pos)
    except TypeError:
        raise TypeError(f"a position in the ready queue is an integer, not {pos!r}") from None
    if pos < 0:
        raise ValueError(f"a position in the ready queue is counted from its front, so {pos} is none")
    return pos


def require_callback(callback: object) -> None:
    """Refuse what cannot be called soon."""
    if asyncio.iscoroutine(callback) or not callable(callback):
        raise TypeError(f"call_pos() calls a function, and cannot call {callback!r}")
    code = getattr(callback, "__code__", None)
    if code is not None and code.co_flags & CO_COROUTINE:
        raise TypeError(f"call_pos() does not await what it calls: create_task() runs {callback!r}")


def require_open(loop: asyncio.AbstractEventLoop) -> None:
    """Refuse a loop that will run nothing more."""
    if loop.is_closed():
        raise RuntimeError("Event loop is closed")


def require_own_thread(loop: asyncio.AbstractEventLoop) -> None:
    """Refuse to touch the queue of a loop that runs in another thread."""
    if running_loop() is not loop and loop.is_running():
        raise RuntimeError(
            f"{loop!r} runs in another thread, where alone its queue can be changed; "
            "loop.call_soon_threadsafe() calls a function there"
        )


def _skipped_handle(loop: asyncio.AbstractEventLoop) -> asyncio.Handle:
    handle = make_handle(loop, _nothing, ())
    handle.cancel()
    return handle


def _nothing() -> None:
    """What a handle that never runs would call."""
