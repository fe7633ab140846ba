"""Shared access to a value, guarded by a condition."""

from __future__ import annotations

import enum
from collections import deque
from typing import TYPE_CHECKING, Any, Generic

from aio_values._lazy_condition import LazyCondition
from aio_values._matching import holds
from aio_values._predicate import predicate_under

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import TypeVar

    from aio_values._predicate import awaitable_predicate
    from aio_values.lowlevel import Condition

    # An accessor that keeps a value of its own is for any, unless it says for which: `accessor[int]()`.
    T = TypeVar("T", default=Any)
else:
    from typing import TypeVar

    T = TypeVar("T")


class _Answer(enum.Enum):
    NONE_YET = "no write has satisfied the read"
    VALUE = "a write has"
    ERROR = "the getter or the predicate raised"


class _Read(Generic[T]):
    """One `get` that waits. Whoever changes the value asks it at once, so a write that it waits for cannot pass by."""

    __slots__ = ("_answer", "_error", "_get", "_predicate", "_value", "saw_write")

    _value: T
    _error: Exception

    def __init__(self, get: Callable[[], T], predicate: Callable[[T], object] | None) -> None:
        self._get = get
        self._predicate = predicate
        self._answer = _Answer.NONE_YET
        self.saw_write = False

    @property
    def pending(self) -> bool:
        return self._answer is _Answer.NONE_YET

    def look(self) -> None:
        """Take the value if it matches. An error belongs to the task that reads, not to the one that writes."""
        try:
            value = self._get()
            if self._predicate is not None and not holds(self._predicate, value):
                return
        except Exception as error:
            self._error = error
            self._answer = _Answer.ERROR
        else:
            self._value = value
            self._answer = _Answer.VALUE

    def result(self) -> T:
        if self._answer is _Answer.ERROR:
            raise self._error
        return self._value


class Meeting:
    """Where the readers and writers of one value meet: all that is shared by accessors of the same value."""

    __slots__ = ("condition", "has_waiting_read", "reads", "writes")

    def __init__(self, condition: LazyCondition) -> None:
        self.condition = condition
        self.reads: dict[_Read[Any], None] = {}
        reads = self.reads
        self.has_waiting_read = predicate_under(condition, lambda: bool(reads))
        # Writes that wait for a read, first come, first served.
        self.writes: deque[object] = deque()

    def show_write(self) -> None:
        for read in list(self.reads):
            read.saw_write = True
            read.look()
            if not read.pending:
                del self.reads[read]


class _Stored(Generic[T]):
    """Where an accessor without functions of its own keeps its value."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: T | None = None

    def get(self) -> T | None:
        return self.value

    def set(self, value: T) -> None:
        self.value = value


class accessor(Generic[T]):  # noqa: N801  # the name that codestare's users know
    """Shared access to a value: readers wait for a write, writers can wait for a reader.

        latest = accessor()
        ...
        await latest.set("news")         # in one task
        assert await latest.get() == "news"  # in another, which was waiting

    The race it prevents: with a bare condition, a value that is written twice in a row shows a woken reader only the
    second, and a writer that asks "is anybody reading?" may count a reader that has been served already. Here a write
    settles, while it holds the lock, which waiting reads it satisfies and with which value: those are no longer counted
    as waiting. A read that is cancelled, or whose predicate raises, leaves the count exact. Writes that wait for a read
    are served in order of arrival.

    The condition is shared with whoever likes to hold it; a notification by other code makes waiting reads look again,
    but is not a write. A write costs O(waiting reads).

    The idea comes from codestare-async-utils.

    Args:
        funcs: A getter and a setter of some value; the setter is None if the value can only be read. Without them,
            the accessor keeps a value of its own, which is None at first.
        condition: Guards the value: a condition of asyncio, trio or anyio. Without one, a condition of its own,
            made when it is first needed, for the loop or run that runs then and for no later one.
        name: For error messages and the `repr`.

    Raises:
        TypeError: `funcs` is no pair of callables, or `condition` is no condition.
    """

    def __init__(
        self,
        funcs: tuple[Callable[[], T], Callable[[T], object] | None] | None = None,
        condition: Condition | None = None,
        name: str | None = None,
    ) -> None:
        self.fget: Callable[[], T]
        """Gives the value."""
        self.fset: Callable[[T], object] | None
        """Takes a new value; None if there is no way to set it."""
        self.fget, self.fset = _checked(funcs)
        self.name: str | None = name
        """For error messages and the `repr`."""
        self._meeting = Meeting(LazyCondition(condition))

    def __repr__(self) -> str:
        name = "" if self.name is None else f" {self.name!r}"
        return (
            f"<{type(self).__name__}{name}: fget={self.fget!r}, fset={self.fset!r},"
            f" {len(self._meeting.reads)} waiting to read, {len(self._meeting.writes)} waiting to write>"
        )

    @property
    def condition(self) -> Condition:
        """The condition that guards the value."""
        return self._meeting.condition.get()

    @property
    def has_waiting_read(self) -> awaitable_predicate:
        """True while a `get` waits; await it to wait until one does."""
        return self._meeting.has_waiting_read

    @property
    def value(self) -> T:
        """The value as `fget` gives it, without taking the lock: consistent only if you hold `condition`."""
        return self.fget()

    async def set(self, value: T, wait_for_read: bool = False) -> None:
        """Set the value and wake the reads that wait for it.

        Args:
            value: Given to `fset`.
            wait_for_read: Wait first until a `get` waits, whatever its predicate: a hand-over from writer to reader.
                Each such write waits for a read that no earlier write has satisfied.

        Raises:
            AttributeError: There is no setter.
            BaseException: What `fset` raises: nobody is woken then. Or the runtime's cancellation, before the value
                was set.
        """
        if self.fset is None:
            raise AttributeError(f"{self._called()} has no setter")
        async with self.condition:
            if wait_for_read:
                await self._wait_for_read()
            self.fset(value)
            self._meeting.show_write()
            self.condition.notify_all()

    async def _wait_for_read(self) -> None:
        reads, writes = self._meeting.reads, self._meeting.writes
        turn = object()
        writes.append(turn)
        try:
            while not reads or writes[0] is not turn:
                await self.condition.wait()
        finally:
            writes.remove(turn)
            if writes:
                # The next one may go on: a read may be left, and it has moved up.
                self.condition.notify_all()

    async def get(self, predicate: Callable[[T], object] | None = None, wait_for_write: bool | None = None) -> T:
        """Read the value: the next one that is set, or the first that matches.

        Args:
            predicate: The value must make it true. It is called with the lock held, by the task that reads or the one
                that writes, and must not block. None matches any value.
            wait_for_write: Whether the present value does not count, so that the read waits for the next `set`. By
                default it counts if there is a predicate, and does not if there is none.

        Returns:
            The value that matched, even if it has been replaced since: of two writes in a row, a read that waits for
            any gets the first.

        Raises:
            ValueError: `predicate` is not callable.
            AttributeError: It would wait for a write, and there is no setter.
            BaseException: What `fget` or `predicate` raises, or the runtime's cancellation: in all cases this read no
                longer counts as waiting.
        """
        if predicate is not None and not callable(predicate):
            raise ValueError(f"predicate must be callable with the value, or None for any value, not {predicate!r}")
        if wait_for_write is None:
            wait_for_write = predicate is None
        if wait_for_write and self.fset is None:
            raise AttributeError(f"{self._called()} has no setter: a read that waits for a write would never end")
        read = _Read(self.fget, predicate)
        async with self.condition:
            if not wait_for_write:
                read.look()
            if read.pending:
                await self._wait_for_answer(read, look_at_once=not wait_for_write)
        return read.result()

    async def _wait_for_answer(self, read: _Read[T], look_at_once: bool) -> None:
        meeting, condition = self._meeting, self.condition
        meeting.reads[read] = None
        try:
            if meeting.writes or meeting.has_waiting_read.waiting:
                condition.notify_all()
            while read.pending:
                await condition.wait()
                if read.pending and (look_at_once or read.saw_write):
                    # Notified by other code: the value may have changed behind the accessor.
                    read.look()
        finally:
            meeting.reads.pop(read, None)

    def _called(self) -> str:
        return f"{type(self).__name__} {self.name!r}" if self.name is not None else repr(type(self).__name__)


def accessor_at(
    meeting: Meeting, get: Callable[[], T], set_: Callable[[T], object] | None, name: str | None
) -> accessor[T]:
    """An accessor that meets others of the same value."""
    made = accessor((get, set_), name=name)
    made._meeting = meeting
    return made


def _checked(funcs: Any) -> tuple[Callable[[], Any], Callable[[Any], object] | None]:
    if funcs is None:
        stored: _Stored[Any] = _Stored()
        return stored.get, stored.set
    try:
        fget, fset = funcs
    except (TypeError, ValueError):
        raise TypeError(f"funcs must be a pair of a getter and a setter, not {funcs!r}") from None
    if not callable(fget):
        raise TypeError(f"the getter in funcs must be callable without arguments, not {fget!r}")
    if fset is not None and not callable(fset):
        raise TypeError(f"the setter in funcs must be callable with the value, or None, not {fset!r}")
    return fget, fset
