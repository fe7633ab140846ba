"""A value that tasks can wait for."""

from __future__ import annotations

import enum
import math
import sys
from concurrent.futures import Future
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, NoReturn, TypeVar, cast

from aio_values import lowlevel
from aio_values._asyncio_internals import running_loop_or_none
from aio_values._delivery import TOUCH, Change, Delivery, delivery_in_progress
from aio_values._matching import ANY, AnyChange, change_policy, describe, differs, equals, matches, shown, transformed
from aio_values._registry import Crowd, Registry, wake
from aio_values._residence import Residence, assigning, moving
from aio_values._time import deadline_after, duration
from aio_values.lowlevel import EXPIRED, Expired
from aio_values.lowlevel._runtime import in_trio, sign
from aio_values.lowlevel._waiter import GONE, waiter_at_home

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from aio_values._delivery import Failure
    from aio_values._derived import DerivedValue
    from aio_values._expectation import Expectation
    from aio_values._iterators import EventualValues, Transitions
    from aio_values._matching import ChangePolicy
    from aio_values._registry import Wakeable
    from aio_values.lowlevel import Home, Waiter

T = TypeVar("T")
U = TypeVar("U")

_modules: Final = sys.modules
# Which loop runs is told sooner than the thread, but for Python 3.11, where that takes a system call.
_ASKS_LOOP_FIRST: Final = sys.version_info >= (3, 12)
# Types whose `==` and hash are beyond doubt and run no code of the user's; `float` is not one, because of NaN.
_SIMPLE: Final = frozenset({bool, int, str, bytes, type(None)})


class EndedError(RuntimeError):
    """The context that kept a derived value up to date has ended: it changes no more."""


class Broken(enum.Enum):
    """The type of `BROKEN`."""

    BROKEN = "the value stopped matching"


BROKEN: Final = Broken.BROKEN


class ValueStatistics(NamedTuple):
    """What depends on a value at the moment: see `AsyncValue.statistics`."""

    waiting: int
    """How many waits are in progress: `wait_value`, `wait_transition`, iterators between two values, expectations."""
    derived: int
    """How many derived values are kept up to date directly from this one."""


class AsyncValue(Generic[T]):
    """A value that tasks can wait for, follow, and derive other values from, on asyncio and trio alike.

    It prevents the race between looking and waiting: a task that finds the value wrong, and then waits for an event
    that tells of a change, misses the change in between. Here looking and waiting are one step, and a waiter gets the
    value that woke it even if that is no longer the current one.

    Example:
        ```python
        temperature = AsyncValue(20)

        await temperature.wait_value(lambda degrees: degrees > 30)  # now, or at the first change that matches
        await temperature.wait_value(37, timeout=5)  # by equality, for five seconds at most
        async for degrees in temperature.eventual_values():  # the latest, whenever the loop comes round
            print(degrees)
        ```

    **What matches.** A target that is not callable matches by equality; a callable one is a predicate, called with the
    value (for transitions: with the value and the old one). To match a callable by equality, wrap it in
    `equals`. A predicate that raises fails the waits it was given for, and nobody else.

    **What is a change.** Assigning an equal value is none: the value keeps the object that it has. Not-a-numbers equal
    each other here; values whose `==` raises or has no truth value (arrays) equal only themselves. `changed` chooses
    another policy; `touch` announces a mutation.

    **Order.** An assignment is delivered before the statement ends: derived values are computed first (each once, so
    that no combination of old and new is ever seen), then those who wait are woken: those who wait for any value or
    by equality, then those who wait with predicates, in the order in which their predicates came. Woken tasks run
    later, each with the value that woke it. Every wait sees each change once, in the order of the assignments. An
    assignment that a predicate or transform makes to this value (or to one that a value derived from this one depends
    on too) takes effect when the current one is delivered, after those queued before it; until then, `value` reads as
    it was. Assignments to unrelated values take effect at once.

    **Cost.** Assigning costs O(1) for any number of tasks that wait for other plain values, plus one call for each
    distinct predicate (one function shared by many tasks is called once), plus O(1) for each task that it wakes.
    A value without a hash (a list) has to be compared with each plain target instead.

    **Threads.** A value can be made and assigned where no loop runs. Once a task has waited for it, it belongs to that
    task's thread while the loop or trio run lives: assigning it from another thread raises RuntimeError and changes
    nothing; `set_threadsafe` is the way in. Until then it is a plain attribute, and not guarded.

    Args:
        value: The value to begin with.
        changed: What counts as a change: `"equality"` (the default), `"identity"`, `"always"`, or a function of
            `(old, new)`. What the function raises is raised by the assignment, which then changes nothing.

    Raises:
        TypeError: `changed` is none of these.
    """

    __slots__ = (
        "__weakref__",
        "_changed",
        "_delivery",
        "_derived",
        "_edge",
        "_failure",
        "_level",
        "_residence",
        "_taken_by",
        "_takes_long_way",
        "_touched_in",
        "_value",
        "_version",
        "_watched",
        "_watched_closely",
    )

    def __init__(self, value: T, *, changed: ChangePolicy[T] = "equality") -> None:
        self._value = value
        self._changed = differs if changed == "equality" else change_policy(changed)
        # Counts changes; the version of the last one that comparing values does not show (a touch, a recovery).
        self._version = 0
        self._touched_in = 0
        # Why there is no value (derived values only).
        self._failure: Failure | None = None
        # Who waits for values, who for transitions.
        self._level = Registry()
        self._edge = Registry()
        # False while nobody waits at all, or for any value and for transitions. True may be out of date.
        self._watched = False
        self._watched_closely = False
        self._derived: dict[DerivedValue[Any], None] = {}
        self._delivery: Delivery | None = None
        # Whether assigning is more than comparing for equality, storing and waking: code of the user's may run, or
        # is running. True may be out of date.
        self._takes_long_way = self._changed is not differs
        self._residence: Residence | None = None
        # The thread that assigns this value just now because it lives nowhere.
        self._taken_by: int | None = None

    def __repr__(self) -> str:
        waiting, derived = self.statistics()
        notes = [f", {waiting} waiting" if waiting else "", f", {derived} derived" if derived else ""]
        state = shown(self._value) if self._failure is None else f"failed with {shown(self._failure.error)}"
        return f"<{type(self).__name__}: {state}{''.join(notes)}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} cannot be copied or pickled, since tasks wait for this very object: copy its value")

    def statistics(self) -> ValueStatistics:
        """How many waits and derived values depend on this value now: O(distinct targets)."""
        return ValueStatistics(self._level.count() + self._edge.count(), len(self._derived))

    # --- reading and assigning -------------------------------------------------------------------------------------

    @property
    def value(self) -> T:
        """The value. Assigning one that differs wakes those who wait for it: see the class for order and cost.

        Raises:
            RuntimeError: (assigning) The value belongs to another thread.
            AttributeError: (assigning) This is a derived value.
            Exception: (reading a derived value) What its transform raised.
        """
        if self._failure is not None:
            raise self._failure.again()
        return self._value

    @value.setter
    def value(self, new: T) -> None:
        residence = self._residence
        # Where the value's home runs, the thread is the right one.
        if (
            residence is not None
            and not (_ASKS_LOOP_FIRST and residence.home_ref() is running_loop_or_none())
            and residence.thread != get_ident()
        ):
            self._check_thread(residence)
        if self._takes_long_way:
            self._deliver(new)
            return
        # The short way, on which no code of the user's runs but `==`.
        old, kind = self._value, type(new)
        if kind is not int and kind not in _SIMPLE:
            if differs(old, new):
                self._version += 1
                self._value = new
                if self._watched:
                    self._fire(new, old)
            return
        # From here on, what these calls do is written out for the commonest case.
        try:
            if old == new:
                return
        except Exception:  # as `differs` does: what cannot be compared has changed
            pass
        self._version += 1
        self._value = new
        if not self._watched:
            return
        if self._watched_closely:
            self._fire(new, old)
            return
        plain = self._level.plain
        try:
            waiting: Any = plain.pop(new, None)
        except Exception:  # a target of the same hash that cannot be compared
            self._fire(new, old)
            return
        if waiting is None:
            if not plain:
                self._unwatch()
        elif type(waiting) is Crowd:
            wake(waiting, new)
        else:
            try:  # noqa: SIM105  # a call to suppress() would cost what this saves
                waiting.set_result(new)
            except GONE:
                pass

    def _fire(self, new: T, old: T) -> None:
        level, edge = self._level, self._edge
        self._watched_closely = bool(level.any or edge.any or edge.plain)
        if not self._watched_closely and not level.plain:
            self._unwatch()
            return
        level.fire_plain(new, new)
        if edge.any or edge.plain:
            edge.fire_plain(new, (new, old))

    def _unwatch(self) -> None:
        """Nobody waits."""
        self._watched = self._watched_closely = False
        self._level.shrink()
        self._edge.shrink()

    def touch(self) -> None:
        """Announce that the value was mutated in place: everybody is told as if it had been assigned and had changed.

        Transitions are `(value, value)`. Derived values are computed anew; one whose transform returns the same
        object as before passes the touch on, unless the object is of a built-in type that cannot be mutated.

        Raises:
            RuntimeError: The value belongs to another thread.
            AttributeError: This is a derived value.
        """
        self._check_writable()
        if self._residence is not None:
            self._check_thread(self._residence)
        self._deliver(TOUCH)

    def set_threadsafe(self, value: T) -> Future[None]:
        """Assign from any thread.

        In the thread that the value belongs to, and while it belongs to none, the assignment happens at once. From
        elsewhere it is handed to the loop (asyncio: `call_soon_threadsafe`) or run (trio: `TrioToken.run_sync_soon`)
        in which tasks wait for the value, and happens there soon, in the order of the calls.

        While the value belongs to no thread, a task that begins to wait for it, or for one derived from it, waits for
        such an assignment, and its loop with it: functions that the assignment calls must not wait for that thread.

        Args:
            value: The value to assign.

        Returns:
            A future of the assignment: `result()` blocks until it has happened (so never call that in the value's own
            thread), and raises what the assignment raised. If the loop or run ends before its turn comes, the future
            is never done.

        Raises:
            AttributeError: This is a derived value.
        """
        self._check_writable()
        done: Future[None] = Future()
        # In between, a task may begin to wait, or the home may end.
        while not self._assigned_at_home(value, done) and not self._assigned_without_home(value, done):
            pass
        return done

    def _assigned_at_home(self, value: T, done: Future[None]) -> bool:
        """Assign where this value lives, if that is anywhere."""
        residence = self._residence
        home = None if residence is None else residence.home
        if residence is None or home is None:
            return False
        if residence.thread == get_ident():
            self._assign_for(value, done)
            return True
        return _posted(home, self._assign_for, value, done)

    def _assigned_without_home(self, value: T, done: Future[None]) -> bool:
        """Assign in this thread, if this value lives nowhere; it does not move until that is done."""
        with assigning:
            taken_by = self._taken_by
            with moving:
                if self._residence is not None and self._residence.home is not None:
                    return False
                self._taken_by = get_ident()
            try:
                self._assign_for(value, done)
            finally:
                self._taken_by = taken_by
        return True

    def _assign_for(self, value: T, done: Future[None]) -> None:
        if not done.set_running_or_notify_cancel():
            return
        try:
            self.value = value
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    # --- waiting ---------------------------------------------------------------------------------------------------

    async def wait_value(
        self,
        value_or_predicate: T | Callable[[T], object] | equals[T],
        *,
        held_for: float = 0,
        timeout: float | None = None,
    ) -> T:
        """Wait until the value is, or matches, what is asked for.

        It looks at the current value first, and returns at once if that matches (trio: after a checkpoint). A
        cancelled wait leaves no trace.

        Args:
            value_or_predicate: A value, matched by equality, or a function of the value. It is called in the course of
                assignments, so it should be quick; what it raises is raised here.
            held_for: How many seconds the value must match without interruption. The time starts anew when it stops
                matching; changing from one matching value to another does not stop it.
            timeout: The most seconds to wait, `held_for` included; None for no limit.

        Returns:
            The value that matched, even if it has changed again since; with `held_for`, the latest one of the
            stretch that lasted.

        Raises:
            TimeoutError: The time is over (on trio a `trio.TooSlowError` too). The message says what was awaited, for
                how long, and what the last value was.
            ValueError: `held_for` or `timeout` is negative.
            RuntimeError: Nothing runs in this thread, the value belongs to another one, or it is derived and its
                context has ended.
            Exception: What the predicate raised, or what the transform of a derived value raised.
        """
        if held_for or timeout is not None:
            return await self._wait_value_within(value_or_predicate, held_for, timeout)
        # The commonest wait of all is written out, since calls are what it would cost: at home on asyncio, for a number
        # or a string that is not the current one.
        residence, loop, kind = self._residence, running_loop_or_none(), type(value_or_predicate)
        try:
            special = (
                residence is None
                or (kind is not int and kind not in _SIMPLE)
                or self._value == value_or_predicate
                or residence.home_ref() is not loop
                or ("trio" in _modules and sign.local.name == "trio" and in_trio())
            )
        except Exception:  # `==` may raise, or its answer may have no truth value
            special = True
        if special or loop is None:
            return await self._wait_value_anyhow(value_or_predicate)
        future: asyncio.Future[T] = loop.create_future()
        self._watched = True
        try:
            waiting = self._level.plain.setdefault(value_or_predicate, future)
        except Exception:  # a target of the same hash that cannot be compared
            return await self._wait_value_anyhow(value_or_predicate)
        if waiting is not future:
            self._level.join(value_or_predicate, waiting, future)
        try:
            return await future
        except BaseException:
            self._withdraw(self._level, value_or_predicate, future)
            raise

    async def _wait_value_anyhow(self, target: object) -> T:
        value, waiter = self._look(target)
        if waiter is not None:
            return cast("T", await self._park(self._level, target, waiter))
        await lowlevel.checkpoint()
        return value

    async def _wait_value_within(self, target: object, held_for: float, timeout: float | None) -> T:
        held_for = duration("held_for", held_for)
        deadline = deadline_after(timeout)
        value: Any
        while True:
            value, waiter = self._look(target)
            if waiter is not None:
                value = await self._park(self._level, target, waiter, deadline)
            elif not held_for:
                await lowlevel.checkpoint()
            if held_for and value is not EXPIRED:
                value = await self._stay(target, held_for, deadline)
            if value is EXPIRED:
                held = f", held_for={held_for:g}" if held_for else ""
                raise self._timed_out(f"wait_value({describe(target)}{held})", timeout)
            if value is not BROKEN:
                return cast("T", value)

    def _look(self, target: object) -> tuple[T, None] | tuple[Any, Waiter[Any]]:
        """The current value if it matches, or else a waiter, to be registered before anything else happens."""
        while True:
            if self._failure is not None:
                raise self._failure.again()
            version, value = self._version, self._value
            if matches(target, value):
                return value, None
            waiter = self._create_waiter()
            # The predicate may have assigned; and until the waiter was made, another thread might have.
            if version == self._version:
                return None, waiter

    async def _stay(self, target: object, seconds: float, deadline: float) -> T | Expired | Broken:
        """See whether the current value goes on to match: the latest one if it does, EXPIRED if time was too short."""
        waiter = self._create_waiter()
        while True:
            if self._failure is not None:
                raise self._failure.again()
            version, value = self._version, self._value
            if not matches(target, value):
                return BROKEN
            if version == self._version:
                break
        registry = self._level
        stretch = registry.hold(target, value, waiter)
        self._takes_long_way = True
        end = lowlevel.current_time() + seconds
        result: object = EXPIRED
        try:
            result = await lowlevel.wait_until(waiter, min(end, deadline))
        finally:
            if result is EXPIRED:
                registry.discard_hold(target, waiter)
                _forget(waiter)
        if result is not EXPIRED:
            return BROKEN
        return cast("T", stretch.latest) if end <= deadline else EXPIRED

    async def wait_transition(
        self,
        value_or_predicate: T | Callable[[T, T], object] | equals[T] | AnyChange = ANY,
        *,
        timeout: float | None = None,
    ) -> tuple[T, T]:
        """Wait for the next change, or the next one that matches.

        What the value is now does not count, so a change that happened before this call is missed: where that is
        wrong, use `wait_value`, `eventual_values` or `expecting`.

        Args:
            value_or_predicate: The value to become, matched by equality, or a function of `(value, old)`; any change
                by default.
            timeout: The most seconds to wait; None for no limit.

        Returns:
            The value and the one before it, of the change that matched.

        Raises:
            TimeoutError: The time is over: as for `wait_value`.
            ValueError: `timeout` is negative.
            RuntimeError: As for `wait_value`.
            Exception: What the predicate raised, or what the transform of a derived value raised.
        """
        waiter = self._create_waiter()
        deadline = math.inf if timeout is None else deadline_after(timeout)
        result = await self._park(self._edge, value_or_predicate, waiter, deadline)
        if result is EXPIRED:
            raise self._timed_out(f"wait_transition({describe(value_or_predicate)})", timeout)
        return cast("tuple[T, T]", result)

    async def _park(
        self, registry: Registry, target: object, waiter: Waiter[Any], deadline: float = math.inf
    ) -> object:
        """Wait in a registry, until `deadline` at most; leave nothing behind."""
        self._register(registry, target, waiter)
        try:
            if deadline == math.inf:
                return await waiter
            result = await lowlevel.wait_until(waiter, deadline)
        except BaseException:
            self._withdraw(registry, target, waiter)
            raise
        if result is EXPIRED:
            registry.discard(target, waiter)
        return result

    def _withdraw(self, registry: Registry, target: object, waiter: Waiter[Any]) -> None:
        """Undo the registration of a wait that was cancelled, or woken with an exception."""
        registry.discard(target, waiter)
        _forget(waiter)

    # --- following -------------------------------------------------------------------------------------------------

    def eventual_values(
        self, value_or_predicate: T | Callable[[T], object] | equals[T] | AnyChange = ANY, held_for: float = 0
    ) -> EventualValues[T]:
        """Iterate over the values, with eventual consistency: the latest one is never missed.

        The first value comes at once if it matches. Afterwards, each time the loop comes round, it gets the current
        value if it matches and differs from the one before, or waits for the first that does. Values that came and
        went while the body was busy are skipped.

        Args:
            value_or_predicate: Which values to iterate over, as for `wait_value`; all by default.
            held_for: How many seconds a value must have matched, from the moment at which the loop asks for it, as for
                `wait_value`; of several in that stretch, the loop gets the latest.

        Returns:
            An async iterator for one task at a time. Between two steps nothing is registered, so leaving the loop by
            `break`, `return` or an exception leaves nothing behind. It ends when the context of a derived value does.

        Raises:
            ValueError: `held_for` is negative.
        """
        from aio_values._iterators import EventualValues

        return EventualValues(self, value_or_predicate, duration("held_for", held_for))

    def transitions(
        self, value_or_predicate: T | Callable[[T, T], object] | equals[T] | AnyChange = ANY
    ) -> Transitions[T]:
        """Iterate over changes as `(value, old)`, discarding those that happen while the loop is not waiting.

        The loop `async for value, old in v.transitions(target)` is `wait_transition(target)` again and again: from the
        moment at which it is given a change until it asks for the next, changes are discarded.

        Args:
            value_or_predicate: Which changes to iterate over, as for `wait_transition`; all by default.

        Returns:
            An async iterator for one task at a time, which leaves nothing behind when it is dropped. It ends when the
            context of a derived value does.
        """
        from aio_values._iterators import Transitions

        return Transitions(self, value_or_predicate)

    def expecting(self, value_or_predicate: T | Callable[[T], object] | equals[T]) -> Expectation[T]:
        """Arm now, act, and wait afterwards: what happens in between is not missed.

        Example:
            ```python
            with reply.expecting(lambda text: text.startswith("OK")) as answer:
                send(request)
                text = await answer
            ```

        What the value is when the block is entered does not count, only changes after that: an answer left over from
        an earlier request is not taken for the answer to this one.

        Args:
            value_or_predicate: What to expect, as for `wait_value`.

        Returns:
            A context manager for a plain `with`, which gives itself. Awaiting it gives the first value that matched
            since the block was entered, again and again and to any number of tasks; `wait(timeout=...)` limits the
            time.
        """
        from aio_values._expectation import Expectation

        return Expectation(self, value_or_predicate)

    # --- deriving --------------------------------------------------------------------------------------------------

    def open_transform(self, function: Callable[[T], U]) -> AbstractContextManager[AsyncValue[U]]:
        """Keep a derived value up to date: `function` of this value.

        Example:
            ```python
            celsius = AsyncValue(20)
            with celsius.open_transform(lambda degrees: degrees * 9 / 5 + 32) as fahrenheit:
                assert fahrenheit.value == 68
            ```

        The derived value can be waited for, followed and derived from like any other, but not assigned. Where
        `function` raises, this value goes on: the exception goes to those who wait for the derived value, and reading
        the derived value raises it, until `function` succeeds again (which counts as a change). When the block is
        left, the derived value keeps the value it has: iterators over it end, those who wait for it get RuntimeError.

        A derived value changes when it is computed anew and not equal, whatever the policy of this value: one that is
        equal is stored, but wakes nobody.

        Args:
            function: Called in the course of each assignment, so it should be quick, and at once on entry.

        Returns:
            A context manager for a plain `with`, which gives the derived value.

        Raises:
            TypeError: `function` is not callable.
        """
        from aio_values._derived import derive

        if not callable(function):
            raise TypeError(f"function must be callable with a value, not {function!r}")
        return derive((self,), lambda: transformed(function, self.value))

    # --- inside ----------------------------------------------------------------------------------------------------

    def _register(self, registry: Registry, target: object, waiter: Wakeable) -> None:
        """Let `waiter` be woken from this value's `registry`."""
        registry.add(target, waiter)
        self._watched = True
        if target is ANY or registry is self._edge:
            self._watched_closely = True
        if registry.groups:
            self._takes_long_way = True

    def _deliver(self, new: object) -> None:
        delivery = delivery_in_progress(self)
        if delivery is not None:
            delivery.queue(self, new)
            return
        delivery = Delivery()
        delivery.queue(self, new)
        delivery.run()

    def _store(self, new: T) -> Change | None:
        if not self._changed(self._value, new):
            return None
        old = self._value
        self._version += 1
        self._value = new
        return Change(self, new, old)

    def _store_touched(self) -> Change:
        self._version += 1
        self._touched_in = self._version
        return Change(self, self._value, self._value)

    def _released(self) -> None:
        """A delivery that this value was part of is over."""
        self._delivery = None
        depended_on = self._derived or self._level.groups or self._edge.groups
        self._takes_long_way = bool(depended_on) or self._changed is not differs

    def _announce(self, change: Change) -> None:
        level, edge = self._level, self._edge
        if self._failure is not None:
            level.fail(self._failure.error)
            edge.fail(self._failure.error)
            return
        try:
            level.fire((change.new,), change.new)
        finally:
            edge.fire((change.new, change.old), (change.new, change.old))

    def _arm(self, target: object, expectation: Expectation[T]) -> None:
        if self._residence is not None:
            self._check_thread(self._residence)
        self._register(self._level, target, expectation)

    def _disarm(self, target: object, expectation: Expectation[T]) -> None:
        self._level.discard(target, expectation)

    def _create_waiter(self) -> Waiter[Any]:
        """A waiter for the calling task, in whose thread this value lives from now on."""
        waiter, home = waiter_at_home()
        self._live_at(home)
        return waiter

    def _live_at(self, home: Home) -> None:
        """A task at `home` is about to wait: this value belongs there."""
        residence = self._residence
        if residence is None or residence.home_ref() is not home:
            self._move_to(home)

    def _move_to(self, home: Home) -> None:
        while not self._moved_to(home):
            # Another thread assigns it: wait for that one.
            with assigning:
                pass

    def _moved_to(self, home: Home) -> bool:
        with moving:
            if self._taken_by is not None and self._taken_by != get_ident():
                return False
            residence = self._residence
            if residence is not None:
                self._check_thread(residence)
            if residence is None or not residence.outlives(home):
                self._residence = Residence(home)
        return True

    def _check_thread(self, residence: Residence) -> None:
        """Raise if this value belongs to another thread where something still runs."""
        if residence.thread == get_ident():
            return
        if residence.home is not None:
            raise RuntimeError(
                f"{self!r} belongs to thread {residence.thread}, where tasks wait for it, and was used from thread"
                f" {get_ident()}: assign it with set_threadsafe() there"
            )
        self._residence = None

    def _check_writable(self) -> None:
        """Raise if this value is not to be assigned."""

    def _timed_out(self, call: str, timeout: float | None) -> TimeoutError:
        seconds = math.inf if timeout is None else float(timeout)
        failure = self._failure
        last = shown(self._value) if failure is None else f"missing, since {shown(failure.error)} was raised"
        return lowlevel.timeout_error(
            f"{type(self).__name__}.{call} timed out after {seconds:g} s; the last value was {last}"
        )


def _forget(waiter: Waiter[Any]) -> None:
    """Have asyncio not report an exception as never retrieved, where its waiter was cancelled in the same moment."""
    if waiter.done() and not waiter.cancelled():
        waiter.exception()


def _posted(home: Home, function: Callable[..., object], *args: object) -> bool:
    try:
        lowlevel.post(home, function, *args)
    except RuntimeError:
        return False
    return True
