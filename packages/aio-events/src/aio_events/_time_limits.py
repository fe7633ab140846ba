"""A time limit for each item of a stream."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

from aio_values.lowlevel import checkpoint, move_on_after, timeout_error

from aio_events._closable import EndingIterator
from aio_events._closing import close, close_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

T = TypeVar("T")


class _Limited(EndingIterator[T]):
    """What `iter_move_on_after` and `iter_fail_after` share."""

    __slots__ = ("_source", "_timeout")

    def __init__(self, timeout: float | None, ait: AsyncIterable[T]) -> None:
        try:
            valid = timeout is None or timeout >= 0
        except TypeError:
            raise TypeError(f"timeout must be a number of seconds, or None for no limit, not {timeout!r}") from None
        if not valid:
            raise ValueError(f"timeout must be zero or more seconds, or None for no limit, not {timeout!r}")
        if not hasattr(ait, "__aiter__"):
            raise TypeError(f"ait must be an async iterable, not {ait!r}")
        super().__init__()
        self._timeout = timeout
        self._source = aiter(ait)

    def _details(self) -> str:
        return f" {self._timeout} seconds for each item of {self._source!r}"

    async def _next(self) -> T:
        try:
            with move_on_after(self._timeout):
                return await anext(self._source)
        except StopAsyncIteration:
            await close(self._source)
            await checkpoint()
            raise StopAsyncIteration from None
        except Exception as error:
            await close_all([self._source], [error])
        raise self._expired()

    @abstractmethod
    def _expired(self) -> BaseException:
        """What to raise when the time is over."""

    async def _release(self) -> None:
        await close(self._source)
        await checkpoint()


class iter_move_on_after(_Limited[T]):  # noqa: N801  # the name that trio-util's users know
    """Iterate over a stream until an item takes longer than `timeout` seconds; the loop then ends as if the stream had.

        async for item in iter_move_on_after(5, stream):
            ...

    The time counts from the moment the loop asks for an item; its body may take as long as it likes.

    The source survives the time limit where a wait for its next item can be cancelled and begun again: the iterators
    of this family, queues, `trio`'s and `anyio`'s memory channels. Give it to another loop to go on with it; nothing
    is lost between. An async generator does not survive: a cancellation finishes it. One that holds a cancel scope or
    a task group open over a `yield` cannot be a source, since the scope of the limit is opened and closed in between.

    The source is closed, if it has an `aclose`, when it ends or fails and by `aclose()` of this iterator (so by
    `contextlib.aclosing` around it), and not by the time limit.

    The idea and the name come from trio-util.

    Args:
        timeout: The most seconds that each item may take; None for no limit.
        ait: The source.

    Raises:
        ValueError: `timeout` is negative or not a number.
        TypeError: `timeout` is no number, or `ait` is not an async iterable.
    """

    __slots__ = ()

    def _expired(self) -> BaseException:
        return StopAsyncIteration()


class iter_fail_after(_Limited[T]):  # noqa: N801  # the name that trio-util's users know
    """Iterate over a stream, with an error when an item takes longer than `timeout` seconds.

        async for item in iter_fail_after(5, stream):
            ...

    The error is a `TimeoutError`; on trio it is a `trio.TooSlowError` too.

    The time counts from the moment the loop asks for an item; its body may take as long as it likes. What can be a
    source, whether it survives the time limit, and when it is closed, is as for `iter_move_on_after`; where it
    survives, this iterator can be asked again.

    The idea and the name come from trio-util.

    Args:
        timeout: The most seconds that each item may take; None for no limit.
        ait: The source.

    Raises:
        ValueError: `timeout` is negative or not a number.
        TypeError: `timeout` is no number, or `ait` is not an async iterable.
    """

    __slots__ = ()

    def _expired(self) -> BaseException:
        return timeout_error(f"no item of {self._source!r} within {self._timeout} seconds")
