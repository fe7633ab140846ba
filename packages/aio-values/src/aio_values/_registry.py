"""Who waits for what: the tasks to wake for a value, found without asking those that wait for others."""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any, Final, Protocol

from aio_values._matching import ANY, equals, is_nan, matches, same
from aio_values.lowlevel._waiter import GONE

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable

# All not-a-numbers are one target: their own hashes differ, and none is equal to itself.
_NAN: Final = object()
_NO_KEY: Final = object()


class Wakeable(Protocol):
    """What a registry keeps: a waiter of `aio_values.lowlevel`, or an expectation. Waking it twice raises."""

    def set_result(self, result: Any, /) -> None: ...

    def set_exception(self, exception: BaseException, /) -> None: ...


class Crowd(dict[Wakeable, None]):
    """Several who wait for one plain value, in order of arrival."""

    __slots__ = ()


class Hold:
    """One unbroken stretch of time in which a target matches, and the tasks that wait for it to last."""

    __slots__ = ("latest", "waiters")

    def __init__(self, latest: object) -> None:
        self.latest: Any = latest
        self.waiters: dict[Wakeable, None] = {}


class _Group:
    """The tasks that wait for one predicate, which is called once for all of them."""

    __slots__ = ("hold", "target", "waiters")

    def __init__(self, target: object) -> None:
        self.target = target
        self.waiters: dict[Wakeable, None] = {}
        self.hold: Hold | None = None

    def fire(self, values: tuple[Any, ...], result: object) -> None:
        try:
            matched = matches(self.target, *values)
        except Exception as error:
            self.fail(error)
            return
        if matched:
            if self.hold is not None:
                self.hold.latest = values[0]
            if self.waiters:
                woken, self.waiters = self.waiters, {}
                wake(woken, result)
        elif self.hold is not None:
            broken, self.hold = self.hold, None
            wake(broken.waiters, None)

    def fail(self, error: BaseException) -> None:
        woken, self.waiters = self.waiters, {}
        fail(woken, error)
        if self.hold is not None:
            broken, self.hold = self.hold, None
            fail(broken.waiters, error)


class Registry:
    """Waiters by target.

    Plain targets stand in a dictionary, so a new value finds its waiters by its hash, whatever the others wait for.
    Predicates, and targets without a hash, form groups by identity: a group is asked once for all its waiters.
    """

    __slots__ = ("_dropped", "any", "groups", "plain")

    def __init__(self) -> None:
        self.any: dict[Wakeable, None] = {}
        # Most targets have one waiter, which stands there by itself: a table for it would cost more than it does.
        self.plain: dict[Hashable, Wakeable | Crowd] = {}
        self.groups: dict[Hashable, _Group] = {}
        # How many groups have left their table since it was made.
        self._dropped = 0

    def count(self) -> int:
        """How many tasks wait."""
        tables = [self.any, *(group.waiters for group in self.groups.values())]
        tables += [group.hold.waiters for group in self.groups.values() if group.hold is not None]
        return sum(map(len, tables)) + sum(len(_each(waiting)) for waiting in self.plain.values())

    # --- coming and going ------------------------------------------------------------------------------------------

    def add(self, target: object, waiter: Wakeable) -> None:
        """Let `waiter` be woken by the next value that `target` matches."""
        if target is ANY:
            self.any[waiter] = None
        elif (key := self._key(target)) is _NO_KEY:
            self._group(target).waiters[waiter] = None
        else:
            waiting = self.plain.setdefault(key, waiter)
            if waiting is not waiter:
                self.join(key, waiting, waiter)

    def join(self, key: Hashable, waiting: Wakeable | Crowd, waiter: Wakeable) -> None:
        """Let `waiter` wait for `key` beside those who do already."""
        if isinstance(waiting, Crowd):
            waiting[waiter] = None
        else:
            self.plain[key] = Crowd({waiting: None, waiter: None})

    def hold(self, target: object, value: object, waiter: Wakeable) -> Hold:
        """Let `waiter` be woken by the next value that `target`, which matches `value`, does not match."""
        group = self._group(target)
        if group.hold is None:
            group.hold = Hold(value)
        group.hold.waiters[waiter] = None
        return group.hold

    def discard(self, target: object, waiter: Wakeable) -> None:
        """Forget a waiter that shall not be woken any more; one that was woken is forgotten already."""
        if target is ANY:
            self.any.pop(waiter, None)
        elif (key := self._key(target)) is _NO_KEY or not self._discard_plain(key, waiter):
            # A plain target may stand there too: one that could not be told from another when the wait began.
            group = self.groups.get(_identity(target))
            if group is not None:
                group.waiters.pop(waiter, None)
                self._drop_deserted(group)
        self.shrink()

    def _discard_plain(self, key: Hashable, waiter: Wakeable) -> bool:
        """Forget a waiter for `key`; tell whether it stood there."""
        waiting = self.plain.get(key)
        if waiting is waiter:
            del self.plain[key]
            return True
        if not isinstance(waiting, Crowd) or waiter not in waiting:
            return False
        del waiting[waiter]
        if not waiting:
            del self.plain[key]
        return True

    def discard_hold(self, target: object, waiter: Wakeable) -> None:
        """Undo `hold`."""
        group = self.groups.get(_identity(target))
        if group is not None and group.hold is not None:
            group.hold.waiters.pop(waiter, None)
            if not group.hold.waiters:
                group.hold = None
            self._drop_deserted(group)
        self.shrink()

    def shrink(self) -> None:
        """Give back the memory of tables in which nothing stands any more: a dictionary keeps it by itself."""
        if not self.plain:
            self.plain.clear()
        if not self.any:
            self.any.clear()
        if not self.groups:
            self.groups.clear()

    def _key(self, target: object) -> Any:
        """What a plain value stands under; `_NO_KEY` for a predicate, and for a value that no dictionary takes."""
        if callable(target):
            return _NO_KEY
        key: Any = target.value if isinstance(target, equals) else target
        try:
            if key != key and is_nan(key):  # cheaper than always asking is_nan
                return _NAN
            # Its hash may be missing, and its `==` may raise or have no truth value.
            self.plain.get(key)
        except Exception:
            return _NO_KEY
        return key

    def _group(self, target: object) -> _Group:
        key = _identity(target)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = _Group(target)
        return group

    def _drop_deserted(self, group: _Group) -> None:
        key = _identity(group.target)
        if group.hold is None and not group.waiters and self.groups.get(key) is group:
            del self.groups[key]
            self._dropped += 1
            # Going through a dictionary costs as much as when it was fullest.
            if self._dropped > 2 * len(self.groups) + 32:
                self.groups = self.groups.copy()
                self._dropped = 0

    # --- waking ----------------------------------------------------------------------------------------------------

    def fire(self, values: tuple[Any, ...], result: object) -> None:
        """Wake with `result` those who wait for `values`: first by equality, then predicates in order of arrival.

        Raises:
            BaseException: Not what a predicate raises, which goes to those who wait for it, but an interruption
                (KeyboardInterrupt and the like); everybody else has been served by then.
        """
        self.fire_plain(values[0], result)
        interruption: BaseException | None = None
        for group in list(self.groups.values()):
            try:
                group.fire(values, result)
            except BaseException as error:
                interruption = error
            self._drop_deserted(group)
        if interruption is not None:
            raise interruption

    def fire_plain(self, value: object, result: object) -> None:
        """Wake with `result` those who wait for any value, and those who wait for one that is equal to `value`."""
        if self.any:
            woken, self.any = self.any, {}
            wake(woken, result)
        if self.plain:
            wake(self._take(value), result)

    def _take(self, value: Any) -> Iterable[Wakeable]:
        try:
            waiting = self.plain.pop(value, None)
        except Exception:
            # A value without a hash may equal several targets: only comparing with each of them tells.
            equal = [target for target in list(self.plain) if target is not _NAN and same(target, value)]
            return [waiter for target in equal for waiter in _each(self.plain.pop(target, None))]
        if waiting is None and _NAN in self.plain and is_nan(value):
            waiting = self.plain.pop(_NAN)
        return _each(waiting)

    def fail(self, error: BaseException) -> None:
        """Wake everybody with an exception."""
        woken = [*self.any, *(waiter for waiting in self.plain.values() for waiter in _each(waiting))]
        groups = list(self.groups.values())
        self.any, self.plain, self.groups = {}, {}, {}
        fail(woken, error)
        for group in groups:
            group.fail(error)


def _each(waiting: Wakeable | Crowd | None) -> Collection[Wakeable]:
    """Those who wait for one plain target."""
    if waiting is None:
        return ()
    return waiting if isinstance(waiting, Crowd) else (waiting,)


def _identity(target: object) -> Hashable:
    """Which waits share a predicate: those with the same object, or the same method of the same object."""
    if type(target) is MethodType:
        return id(target.__self__), id(target.__func__)
    return id(target)


def wake(waiters: Iterable[Wakeable], result: object) -> None:
    """Wake tasks in order of arrival; those that are gone are passed over."""
    for waiter in waiters:
        try:
            waiter.set_result(result)
        except GONE:
            continue


def fail(waiters: Iterable[Wakeable], error: BaseException) -> None:
    """Wake tasks with an exception, as `wake` does with a result."""
    for waiter in waiters:
        try:
            waiter.set_exception(error)
        except GONE:
            continue
