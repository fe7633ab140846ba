"""Several streams side by side, as one stream of tuples."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from aio_values.lowlevel import checkpoint, current_home, run_for_each, start_detached

from aio_events._closable import ClosableIterator, EndingIterator, State
from aio_events._closing import close_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Mapping, Sequence

    from aio_values.lowlevel import Home

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
F = TypeVar("F")


class _Zip(EndingIterator[T]):
    """What `azip` and `azip_longest` share."""

    __slots__ = ("_ended", "_failures", "_home", "_over", "_sources", "_taken")

    def __init__(self, aiterables: tuple[AsyncIterable[Any], ...]) -> None:
        super().__init__()
        self._home: Home | None = None
        for position, aiterable in enumerate(aiterables, 1):
            if not hasattr(aiterable, "__aiter__"):
                raise TypeError(f"argument {position} of {type(self).__name__} is not an async iterable: {aiterable!r}")
        self._sources: list[AsyncIterator[Any]] = [aiter(aiterable) for aiterable in aiterables]
        self._ended: set[int] = set()
        self._over = not self._sources
        self._failures: list[BaseException] = []
        # What the sources have given for the next tuple.
        self._taken: dict[int, Any] = {}

    def _details(self) -> str:
        return f" of {len(self._sources)}"

    @property
    def leftover(self) -> Mapping[int, Any]:
        """The items that were taken from sources and are part of no tuple, by position of their source.

        That is how nothing is lost when one source ends or fails before the others: what those had given in the same
        step is here. While the iteration goes on, it is what a cancelled step has taken so far.
        """
        return dict(self._taken)

    async def _next(self) -> T:
        if self._home is None:
            self._home = current_home()
        try:
            if not self._over:
                await self._ask_sources()
        except BaseException as failure:
            if not (self._failures or isinstance(failure, Exception)):
                # A cancellation: what was taken is kept, and the step can be taken up again.
                raise
            self._failures.append(failure)
        if not (self._over or self._failures):
            item: T = self._tuple()
            return item
        self._over = True
        sources, self._sources = self._sources, []
        await close_all(sources, self._failures)
        await checkpoint()
        raise StopAsyncIteration

    def _ask_sources(self) -> Coroutine[Any, Any, None]:
        positions: Sequence[int] = range(len(self._sources))
        if self._taken or self._ended:
            positions = [each for each in positions if each not in self._taken and each not in self._ended]
        # Not in a task if there is but one to ask.
        if len(positions) == 1:
            return self._advance(positions[0], _nothing)
        return run_for_each(self._advance, positions)

    async def _advance(self, position: int, end_step: Callable[[], object]) -> None:
        """Ask a source for its next item."""
        try:
            self._taken[position] = await anext(self._sources[position])
        except StopAsyncIteration:
            self._ended.add(position)
            if self._is_over():
                self._over = True
                end_step()
        except Exception as error:
            # Not left to `run_for_each`: what it makes of several errors could not be told from a source's own group.
            self._failures.append(error)
            end_step()

    @abstractmethod
    def _is_over(self) -> bool:
        """Whether the iteration ends now that one more source has."""

    @abstractmethod
    def _tuple(self) -> Any:
        """Make a tuple of what was taken."""

    async def _release(self) -> None:
        sources, self._sources = self._sources, []
        await close_all(sources, [])
        await checkpoint()

    def __del__(self) -> None:
        # Iterators of this distribution end by being dropped.
        if self._home is None or self._state is not State.READY:
            return
        sources = [source for source in self._sources if not isinstance(source, ClosableIterator)]
        if any(hasattr(source, "aclose") for source in sources):
            start_detached(self._home, partial(close_all, sources, []))


def _nothing() -> None:
    """There are no others whose steps could be ended."""


class azip(_Zip[T]):  # noqa: N801  # an asynchronous zip
    """Iterate over several streams side by side, in tuples; the asynchronous `zip`.

        async for left, right in azip(lefts, rights):
            ...

    For each tuple, all sources are asked for their next item at the same time, in a task each, and waited for
    together. The iteration ends with the shortest source.

    When a source ends or fails, the steps of the others are cancelled and waited for. Items that these had given in the
    same step are in `leftover`. A single error is raised as itself, several as a group. A cancellation in the moment of
    an error follows at the next wait (on asyncio from Python 3.13 on; earlier, the error takes its place).

    The sources belong to the iteration: each that has an `aclose` is closed at its end, in case of errors, by
    `aclose()`, and when the iterator is dropped after `break`. In that last case nobody waits for the closing, which
    takes place soon after; use `contextlib.aclosing` to have it done at the end of a block.

    A step that is cancelled from outside can be taken up again by asking for the next item: what sources had given is
    kept, and the others are asked once more. An async generator, however, is finished by a cancellation; so is one that
    holds a cancel scope, a time limit or a task group open over a `yield`, since its steps run in different tasks.

    The idea and the name come from trio-util.

    Args:
        *aiterables: The sources. None at all make an empty iteration.

    Raises:
        TypeError: One of them is not an async iterable.
    """

    __slots__ = ()

    @overload
    def __init__(self: azip[tuple[T1]], source: AsyncIterable[T1], /) -> None: ...
    @overload
    def __init__(self: azip[tuple[T1, T2]], first: AsyncIterable[T1], second: AsyncIterable[T2], /) -> None: ...
    @overload
    def __init__(
        self: azip[tuple[T1, T2, T3]],
        first: AsyncIterable[T1],
        second: AsyncIterable[T2],
        third: AsyncIterable[T3],
        /,
    ) -> None: ...
    @overload
    def __init__(
        self: azip[tuple[T1, T2, T3, T4]],
        first: AsyncIterable[T1],
        second: AsyncIterable[T2],
        third: AsyncIterable[T3],
        fourth: AsyncIterable[T4],
        /,
    ) -> None: ...
    @overload
    def __init__(
        self: azip[tuple[T1, T2, T3, T4, T5]],
        first: AsyncIterable[T1],
        second: AsyncIterable[T2],
        third: AsyncIterable[T3],
        fourth: AsyncIterable[T4],
        fifth: AsyncIterable[T5],
        /,
    ) -> None: ...
    @overload
    def __init__(self: azip[tuple[T1, ...]], *sources: AsyncIterable[T1]) -> None: ...
    def __init__(self, *aiterables: AsyncIterable[Any]) -> None:
        super().__init__(aiterables)

    def _is_over(self) -> bool:
        return True

    def _tuple(self) -> Any:
        taken, self._taken = self._taken, {}
        return tuple(map(taken.__getitem__, range(len(self._sources))))


class azip_longest(_Zip[T]):  # noqa: N801  # an asynchronous zip_longest
    """Iterate over several streams side by side, in tuples, until the longest has ended.

    A source that has ended is represented by `fillvalue`. For the rest, see `azip`.

    Args:
        *aiterables: The sources. None at all make an empty iteration.
        fillvalue: Stands for the items of sources that have ended.

    Raises:
        TypeError: One of the sources is not an async iterable.
    """

    __slots__ = ("_fillvalue",)

    @overload
    def __init__(self: azip_longest[tuple[T1]], source: AsyncIterable[T1], /, *, fillvalue: F = ...) -> None: ...
    @overload
    def __init__(
        self: azip_longest[tuple[T1 | None, T2 | None]], first: AsyncIterable[T1], second: AsyncIterable[T2], /
    ) -> None: ...
    @overload
    def __init__(
        self: azip_longest[tuple[T1 | F, T2 | F]],
        first: AsyncIterable[T1],
        second: AsyncIterable[T2],
        /,
        *,
        fillvalue: F,
    ) -> None: ...
    @overload
    def __init__(
        self: azip_longest[tuple[T1 | None, T2 | None, T3 | None]],
        first: AsyncIterable[T1],
        second: AsyncIterable[T2],
        third: AsyncIterable[T3],
        /,
    ) -> None: ...
    @overload
    def __init__(
        self: azip_longest[tuple[T1 | F, T2 | F, T3 | F]],
        first: AsyncIterable[T1],
        second: AsyncIterable[T2],
        third: AsyncIterable[T3],
        /,
        *,
        fillvalue: F,
    ) -> None: ...
    @overload
    def __init__(self: azip_longest[tuple[T1 | None, ...]], *sources: AsyncIterable[T1]) -> None: ...
    @overload
    def __init__(self: azip_longest[tuple[T1 | F, ...]], *sources: AsyncIterable[T1], fillvalue: F) -> None: ...
    def __init__(self, *aiterables: AsyncIterable[Any], fillvalue: Any = None) -> None:
        super().__init__(aiterables)
        self._fillvalue = fillvalue

    def _is_over(self) -> bool:
        return len(self._ended) == len(self._sources)

    def _tuple(self) -> Any:
        taken, self._taken = self._taken, {}
        return tuple(taken.get(position, self._fillvalue) for position in range(len(self._sources)))
