"""How a task yields into a `GeneratorObject` that another task iterates over, on asyncio.

What the iterated coroutine itself awaits yields a `Yielded` up the chain of awaits, and the iterator finds it at the
top. A task of its own has another chain, and at the top of that stands the asyncio task, not the iterator. To a task,
a `Yielded` looks like a future: the task hangs its wake-up on it and goes to sleep. That is the moment when the value
is queued here, the iterating task is woken (an `InterruptibleWait` lets it leave the future that it waits for without
touching the future), and the child's wake-up is kept until the iterator has the answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from aio_coro._asyncio_internals import TaskAwaitable

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from aio_coro._generator import GeneratorObject


class Yielded(TaskAwaitable):
    """A value on its way from `GeneratorObject.ayield` to the iterator; a future to the task that gets it instead."""

    __slots__ = ("crossing", "owner", "value")

    crossing: Crossing | None
    owner: GeneratorObject[Any, Any]
    value: Any

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def add_done_callback(self, wakeup: Callable[[Yielded], object], *, context: Context | None = None) -> None:
        """Called by the task in whose chain of awaits the value came up, which is not the iterating one."""
        if self.crossing is not None:  # the task has left already, and it is asked how this ended
            self.crossing.loop.call_soon(wakeup, self, context=context)
            return
        self.crossing = Crossing(self, wakeup, context)
        objection = self.owner._objection_to_current_task()
        if objection is None:
            self.owner._relay_of_tasks().accept(self)
        else:
            self.crossing.end(error=RuntimeError(objection))

    def cancel(self, msg: object = None) -> bool:
        assert self.crossing is not None
        if self.crossing.ended:
            return False
        self.owner._relay_of_tasks().withdraw(self)
        self.crossing.end(error=_cancelled(msg))
        return True

    @property
    def _callbacks(self) -> list[tuple[Callable[[Yielded], object], Context | None]]:
        """Who is woken, shown as futures show it: by this a task can be interrupted."""
        crossing = self.crossing
        return [] if crossing is None or crossing.ended else [(crossing.wakeup, crossing.context)]

    def remove_done_callback(self, wakeup: Callable[[Yielded], object], /) -> int:
        """The task does not wait any longer: withdraw the value, or let nobody answer it."""
        crossing = self.crossing
        if crossing is None or crossing.ended or crossing.wakeup != wakeup:
            return 0
        self.owner._relay_of_tasks().withdraw(self)
        crossing.leave()
        return 1

    def done(self) -> bool:
        return self.crossing is not None and self.crossing.ended

    def cancelled(self) -> bool:
        return self.crossing is not None and isinstance(self.crossing.error, asyncio.CancelledError)

    def result(self) -> Any:
        assert self.crossing is not None
        error, self.crossing.error = self.crossing.error, None
        if error is None:
            return self.crossing.answer
        try:
            raise error
        finally:
            del error, self

    def __repr__(self) -> str:
        return f"<value {self.value!r} yielded into {self.owner!r}>"


def _cancelled(msg: object) -> asyncio.CancelledError:
    return asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)


class Crossing:
    """The way of one value from a task into another, and of the answer back."""

    __slots__ = ("_yielded", "answer", "context", "ended", "error", "in_cancelled_task", "loop", "wakeup")

    def __init__(self, yielded: Yielded, wakeup: Callable[[Yielded], object], context: Context | None) -> None:
        self._yielded: Yielded | None = yielded
        self.wakeup = wakeup
        self.context = context
        self.loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        self.in_cancelled_task = task is not None and task.cancelling() > 0
        self.ended = False
        self.answer: Any = None
        self.error: BaseException | None = None

    def end(self, answer: object = None, error: BaseException | None = None) -> None:
        """Wake the yielding task with the answer, once."""
        if self.ended:
            return
        self.ended = True
        self.answer = answer
        self.error = error
        yielded, self._yielded = self._yielded, None  # which refers to this
        if yielded is not None and not self.loop.is_closed():
            self.loop.call_soon(self.wakeup, yielded, context=self.context)

    def leave(self) -> None:
        """The yielding task does not wait for the answer any longer."""
        self.ended = True
        self._yielded = None


class Relay:
    """The values that other tasks have yielded into one `GeneratorObject` and that are not yet taken, in order."""

    __slots__ = ("closing", "queue", "waiting")

    def __init__(self) -> None:
        self.queue: deque[Yielded] = deque()
        self.closing = False
        self.waiting: InterruptibleWait | None = None

    def accept(self, yielded: Yielded) -> None:
        """Take a value from another task; the iterating task is woken if it waits."""
        crossing = yielded.crossing
        assert crossing is not None
        if self.closing:
            crossing.end(error=asyncio.CancelledError("the generator is being closed"))
            return
        if self.waiting is not None:
            if self.waiting.being_cancelled and crossing.in_cancelled_task:
                # The iterating task will wait for the end of this one, perhaps, and not take anything until then.
                crossing.end(error=asyncio.CancelledError("the iteration is being cancelled"))
                return
            self.waiting.interrupt()
        self.queue.append(yielded)

    def withdraw(self, yielded: Yielded) -> None:
        """Forget a value whose task has been cancelled, if it is not taken yet."""
        if yielded in self.queue:
            self.queue.remove(yielded)

    def cancel_all(self) -> None:
        """Nobody will take what is queued: cancel the waits of the tasks that yielded it."""
        while self.queue:
            crossing = self.queue.popleft().crossing
            assert crossing is not None
            crossing.end(error=asyncio.CancelledError("the generator has ended"))


class InterruptibleWait(asyncio.Future[Any]):
    """Stands in for the future that a task waits for, so that the task can be woken without completing that future.

    The task's wake-up goes to the future itself, so that a wait which is not interrupted ends as if this were not
    there; for an interruption, the wake-up is taken off again. A cancellation that arrives between the interruption
    and the wake-up takes the interruption back, so that it reaches the future as it would have.
    """

    source: asyncio.Future[Any]
    interrupted = False
    being_cancelled = False
    _wakeup: Callable[[Any], object] | None = None
    _context: Context | None = None
    _handle: asyncio.Handle | None = None

    @classmethod
    def for_(cls, source: asyncio.Future[Any]) -> InterruptibleWait:
        """Made without an `__init__` in Python, since every wait inside of a GeneratorObject makes one."""
        wait = cls(loop=source.get_loop())
        wait.source = source
        # As the task does with the future that it gets, which is this one: others may await the source, too.
        source._asyncio_future_blocking = False
        return wait

    def add_done_callback(self, wakeup: Callable[[Any], object], /, *, context: Context | None = None) -> None:
        if self._wakeup is None:  # whoever comes later only wants to know how it ends
            self._wakeup = wakeup
            self._context = context
        self.source.add_done_callback(wakeup, context=context)

    def remove_done_callback(self, wakeup: Callable[[Any], object], /) -> int:
        return self.source.remove_done_callback(wakeup)

    def is_awaited(self) -> bool:
        """Whether a task waits here: another one than that which runs."""
        return self._wakeup is not None

    def interrupt(self) -> None:
        """Wake the task although the future is not done, unless it is about to wake up anyway.

        While the future is being cancelled on the task's behalf, the task waits on, as it would without us: woken with
        a value, it might never see the cancellation.
        """
        if self._wakeup is not None and not self.being_cancelled and self.source.remove_done_callback(self._wakeup):
            self.interrupted = True
            self._handle = self.get_loop().call_soon(self._wakeup, self, context=self._context)

    def forget_handle(self) -> None:
        """The interrupted task is awake: the handle that woke it refers to this, and has done its work."""
        self._handle = None

    def abandon(self) -> None:
        """The wait has ended by something other than the wake-up, which must not come any more."""
        if self._wakeup is not None:
            self.source.remove_done_callback(self._wakeup)
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def cancel(self, msg: Any | None = None) -> bool:
        if not self.source.cancel(msg):
            return False
        self.being_cancelled = True
        if self._handle is not None and self._wakeup is not None:
            self.interrupted = False
            self._handle.cancel()
            self._handle = None
            self.source.add_done_callback(self._wakeup, context=self._context)
        return True

    def cancelling(self) -> int:
        """How a task tells the same: whether a cancellation is on its way to who waits here."""
        return int(self.being_cancelled)

    def done(self) -> bool:
        return self.interrupted or self.source.done()

    def cancelled(self) -> bool:
        return self.source.cancelled()

    # By these two a waiting task can be interrupted, and one to which a cancellation is on its way is let alone.

    @property
    def _callbacks(self) -> Any:
        return getattr(self.source, "_callbacks", None)

    @property
    def _exception(self) -> BaseException | None:
        return cast("BaseException | None", getattr(self.source, "_exception", None))

    def result(self) -> Any:
        return None if self.interrupted else self.source.result()

    def __repr__(self) -> str:
        return repr(self.source)
