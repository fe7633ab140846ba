"""Values computed from other values."""

from __future__ import annotations

import enum
import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aio_values._delivery import Change, Failure
from aio_values._value import AsyncValue, EndedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aio_values.lowlevel import Home

T = TypeVar("T")

_serial: Final = itertools.count()
# In place of a value that could not be computed yet.
_NEVER: Final[Any] = object()
# A transform that returns the same object of one of these types again has not returned a mutated one.
_IMMUTABLE: Final = (type(None), bool, int, float, complex, str, bytes, enum.Enum)


@contextmanager
def derive(
    sources: tuple[AsyncValue[Any], ...], compute: Callable[[], T], *, shows_mutations: bool = False
) -> Iterator[AsyncValue[T]]:
    """Keep a value computed from `sources` up to date, as long as the block lasts.

    Args:
        sources: What `compute` reads.
        compute: The derived value, from the sources as they are when it is called.
        shows_mutations: Whether a source's mutation in place always is a change of the result.
    """
    derived = DerivedValue(sources, compute, shows_mutations=shows_mutations)
    try:
        derived._open()
        yield derived
    finally:
        derived._close()


class DerivedValue(AsyncValue[T]):
    """A value that is computed from others and cannot be assigned."""

    __slots__ = ("_compute", "_ended", "_shows_mutations", "_sources", "rank")

    def __init__(
        self, sources: tuple[AsyncValue[Any], ...], compute: Callable[[], T], *, shows_mutations: bool
    ) -> None:
        super().__init__(_NEVER)
        self._sources = sources
        self._compute = compute
        self._shows_mutations = shows_mutations
        self._ended = False
        depth = 1 + max((source.rank[0] for source in sources if isinstance(source, DerivedValue)), default=0)
        # Sorting by it puts every value behind its sources; the number makes it unique.
        self.rank: tuple[int, int] = (depth, next(_serial))
        # Where `_deliver` refuses.
        self._takes_long_way = True

    def _open(self) -> None:
        for source in self._sources:
            if source._residence is not None:
                source._check_thread(source._residence)
        for source in self._sources:
            source._derived[self] = None
            source._takes_long_way = True
            if source._delivery is not None:
                source._delivery.involve([self])
        self._recompute(touched=False)

    def _close(self) -> None:
        if self._ended:
            return
        self._ended = True
        # Whoever wants to wait has to move in again, and is refused.
        self._residence = None
        for source in self._sources:
            source._derived.pop(self, None)
        # Only a block that is left before those inside it (an ExitStack used out of order) has any left.
        for further in list(self._derived):
            further._close()
        self._level.fail(self._end())
        self._edge.fail(self._end())

    def _end(self) -> EndedError:
        return EndedError(f"the context of {self!r} has ended: it changes no more, so there is nothing to wait for")

    def _recompute(self, *, touched: bool) -> Change | None:
        """Compute the value anew; tell whether that is a change."""
        if self._ended:
            return None
        try:
            new = self._compute()
        except Exception as error:
            self._version += 1
            # Until it recovers, every wait has to move in, and learns of the failure on that way.
            self._residence = None
            # Without this frame, which would keep this value alive through its own failure.
            trace = error.__traceback__.tb_next if error.__traceback__ is not None else None
            self._failure = Failure(error.with_traceback(trace), trace)
            # The frames of the trace know this one.
            del trace
            return Change(self, None, None)
        old = new if self._value is _NEVER else self._value
        recovered = self._failure is not None
        forced = recovered or (touched and self._shows_touch(old, new))
        if self._value is not _NEVER and not forced and not self._changed(old, new):
            # No change, and yet it may be another object: a source may tell equal ones apart.
            self._value = new
            return None
        self._failure = None
        self._value = new
        self._version += 1
        if forced:
            self._touched_in = self._version
        return Change(self, new, old)

    def _shows_touch(self, old: T, new: T) -> bool:
        return self._shows_mutations or (old is new and not isinstance(new, _IMMUTABLE))

    def _move_to(self, home: Home) -> None:
        if self._ended:
            raise self._end()
        # The sources first: an assignment to one of them must not come from another thread either.
        for source in self._sources:
            if source._residence is None or source._residence.home_ref() is not home:
                source._move_to(home)
        if self._failure is None:
            super()._move_to(home)

    def _deliver(self, new: object) -> None:  # noqa: ARG002  # whatever it is
        self._check_writable()

    def _released(self) -> None:
        # It goes the long way for ever: an assignment is refused there.
        self._delivery = None

    def _check_writable(self) -> None:
        raise AttributeError(f"{self!r} is derived from other values and cannot be assigned: assign those")
