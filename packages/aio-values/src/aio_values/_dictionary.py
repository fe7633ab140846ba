"""A dictionary whose `get` and `pop` can wait for the key."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from functools import partial
from typing import Any, Self, TypeVar, cast, overload

from aio_values._hand_over import HandOver
from aio_values.lowlevel import WaitQueue, checkpoint

K = TypeVar("K")
V = TypeVar("V")
L = TypeVar("L")
W = TypeVar("W")
Q = TypeVar("Q")


class AsyncDictionary(MutableMapping[K, V]):
    """A dictionary that tasks can wait on: `get_wait` and `pop_wait` return as soon as their key has a value.

    One use is to share a connection among tasks: each sends a request and waits for the answer by its number, one task
    reads the answers and stores them.

    The race it prevents: "if the key is missing, wait for an event, then look again" loses when two tasks wake for one
    value, or when the value is replaced before the woken task has run. Here a value is handed over in the assignment
    itself. `d[key] = value` does, in this order:

    1. every waiting `get_wait(key)` returns `value`, also those that came after a `pop_wait`;
    2. the `pop_wait(key)` that has waited longest, if there is one, takes `value`: it never shows up in the dictionary;
    3. if no `pop_wait` took it, `value` is stored.

    So of two assignments in a row each serves one waiting `pop_wait`, in order of arrival. A `pop_wait` that is
    cancelled after it was given a value leaves things as if it had never waited: its value goes to the next one in the
    line, or into the dictionary by the same three steps, unless a newer value stands there.

    Everything else is as for a `dict`, at its cost; `update`, `setdefault` and `|=` hand over as assignments do.
    Assigning costs O(1) and O(1) for each task woken. Copies and pickles hold the items and no waiting tasks. Use one
    dictionary from one thread.

    The idea and the names come from trio-util 0.1.
    """

    __slots__ = ("__weakref__", "_getters", "_poppers", "_values")

    @overload
    def __init__(self, /) -> None: ...
    @overload
    def __init__(self: AsyncDictionary[str, V], /, **kwargs: V) -> None: ...
    @overload
    def __init__(self, items: Mapping[K, V] | Iterable[tuple[K, V]], /) -> None: ...
    @overload
    def __init__(
        self: AsyncDictionary[str, V], items: Mapping[str, V] | Iterable[tuple[str, V]], /, **kwargs: V
    ) -> None: ...
    def __init__(self, /, *args: Any, **kwargs: Any) -> None:
        """Make a dictionary with the items that `dict(*args, **kwargs)` has."""
        self._values: dict[K, V] = dict(*args, **kwargs)
        self._getters: dict[K, WaitQueue[V]] = {}
        self._poppers: dict[K, HandOver[V]] = {}

    def __repr__(self) -> str:
        waiting = [key for key in {**self._getters, **self._poppers} if self.is_waiting(key)]
        return f"{type(self).__name__}({self._values!r}{f', waiting for {waiting!r}' if waiting else ''})"

    def __getstate__(self) -> tuple[Any, dict[str, Any]]:
        """What copies and pickles have: the items, and what a subclass adds, but nobody who waits."""
        of_subclass, slots = cast("tuple[Any, dict[str, Any]]", super().__getstate__())
        return of_subclass, {**slots, "_values": self._values.copy(), "_getters": {}, "_poppers": {}}

    def copy(self) -> Self:
        """Another dictionary with the same items, for which nobody waits."""
        return copy.copy(self)

    @overload
    @classmethod
    def fromkeys(cls, keys: Iterable[L], value: None = None, /) -> AsyncDictionary[L, Any]: ...
    @overload
    @classmethod
    def fromkeys(cls, keys: Iterable[L], value: W, /) -> AsyncDictionary[L, W]: ...
    @classmethod
    def fromkeys(cls, keys: Iterable[Any], value: Any = None, /) -> AsyncDictionary[Any, Any]:
        """Make a dictionary in which every key has the same value."""
        made: AsyncDictionary[Any, Any] = cls()
        made.update(dict.fromkeys(keys, value))
        return made

    def __or__(self, other: Mapping[K, V]) -> Self:
        if not isinstance(other, Mapping):
            return NotImplemented
        made = self.copy()
        made.update(other)
        return made

    def __ror__(self, other: Mapping[K, V]) -> Self:
        if not isinstance(other, Mapping):
            return NotImplemented
        made = self.copy()
        made._values = {**other, **self._values}
        return made

    def __ior__(self, other: Mapping[K, V] | Iterable[tuple[K, V]]) -> Self:
        self.update(other)
        return self

    async def get_wait(self, key: K) -> V:
        """The value of `key`: at once if it has one, else as soon as one is assigned, which stays where it is.

        Args:
            key: What to wait for.

        Returns:
            The value, even if it has been replaced or removed again since the assignment that ended the wait.

        Raises:
            BaseException: What `set_exception` was given for this key, or the runtime's cancellation, which leaves
                no trace.
        """
        if key in self._values:
            await checkpoint()
            # Another task may have taken it in the meantime, on trio.
            if key in self._values:
                return self._values[key]
        getters = self._getters.get(key)
        if getters is None:
            getters = self._getters[key] = WaitQueue()
        try:
            return await getters.park()
        finally:
            if not getters and self._getters.get(key) is getters:
                _taken_out(self._getters, key)

    async def pop_wait(self, key: K) -> V:
        """Remove `key` and return its value: at once if it has one, else as soon as one is assigned.

        Of several tasks that wait for one key, the first to come takes the first value assigned.

        Args:
            key: What to wait for.

        Returns:
            The value, which no other `pop_wait` gets.

        Raises:
            BaseException: What `set_exception` was given for this key, or the runtime's cancellation: then no value is
                lost (see the class).
        """
        if key in self._values:
            await checkpoint()
            if key in self._values:
                return self._values.pop(key)
        poppers = self._poppers.get(key)
        if poppers is None:
            poppers = self._poppers[key] = HandOver()
        try:
            return await poppers.take(partial(self._put_back, key))
        finally:
            if not poppers and self._poppers.get(key) is poppers:
                _taken_out(self._poppers, key)

    def _put_back(self, key: K, value: V) -> None:
        # A newer value stands there: had this task never waited, that assignment would have replaced this value.
        if key not in self._values:
            self._hand_over(key, value)

    def is_waiting(self, key: K) -> bool:
        """Whether a task waits for `key`, in `get_wait` or in `pop_wait`."""
        getters = self._getters.get(key)
        poppers = self._poppers.get(key)
        return bool(getters) or (poppers is not None and poppers.has_waiting())

    def set_exception(self, key: K, exception: BaseException) -> int:
        """Make every task that waits for `key` now, in `get_wait` or `pop_wait`, raise `exception`.

        Nothing is stored: a value of the key stays, and a wait that begins later waits for the next value.

        Args:
            key: What the tasks wait for.
            exception: What they raise; they share this one instance.

        Returns:
            How many tasks will raise it. Zero tells that nobody has heard of the error.

        Raises:
            TypeError: `exception` is not an exception instance, or is a `StopIteration`, which no coroutine can raise.
        """
        if not isinstance(exception, BaseException):
            raise TypeError(f"set_exception() takes an exception instance, not {exception!r}")
        if isinstance(exception, StopIteration):
            raise TypeError("a StopIteration cannot leave a coroutine: set_exception() takes any other exception")
        getters = _taken_out(self._getters, key)
        poppers = self._poppers.get(key)
        return (getters.fail_all(exception) if getters else 0) + (poppers.fail(exception) if poppers else 0)

    def _hand_over(self, key: K, value: V) -> None:
        getters = _taken_out(self._getters, key)
        if getters is not None:
            getters.wake_all(value)
        poppers = self._poppers.get(key)
        if poppers is None or not poppers.give(value):
            self._values[key] = value

    def __setitem__(self, key: K, value: V) -> None:
        self._hand_over(key, value)

    def __getitem__(self, key: K) -> V:
        return self._values[key]

    def __delitem__(self, key: K) -> None:
        del self._values[key]

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[K]:
        return iter(self._values)

    def __reversed__(self) -> Iterator[K]:
        return reversed(self._values)

    def popitem(self) -> tuple[K, V]:
        """Remove and return the item that was stored last, as a `dict` does; KeyError if there is none."""
        return self._values.popitem()

    def clear(self) -> None:
        """Remove all items. Tasks that wait go on waiting."""
        self._values.clear()


def _taken_out(queues: dict[K, Q], key: K) -> Q | None:
    """Remove the queue of `key`, and with the last one the memory for many, which a dictionary keeps by itself."""
    queue = queues.pop(key, None)
    if queue is not None and not queues:
        queues.clear()
    return queue
