"""Async generators that may hold nurseries and cancel scopes."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial, wraps
from inspect import isasyncgenfunction
from typing import TYPE_CHECKING, Any, Generic, NoReturn, ParamSpec, Protocol, TypeVar, overload

import trio

from aio_trio_util._grouping import open_plain_nursery, raise_unchanged
from aio_trio_util._handover import Handover

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

P = ParamSpec("P")
Y = TypeVar("Y")
S = TypeVar("S")


class _State(enum.Enum):
    IDLE = "suspended at a yield, or not started"
    ASKED = "a request is under way, or its reply waits to be fetched"
    DONE = "finished"


class _Request(enum.Enum):
    SEND = "asend"
    THROW = "athrow"
    CLOSE = "aclose"


class _Served(AsyncGenerator[Y, S], Generic[Y, S]):
    """The consumer's end of an async generator whose body runs in a task of its own."""

    def __init__(self, body: AsyncGenerator[Y, S]) -> None:
        self._body = body
        self._state = _State.IDLE
        self._listening = False
        self._early: list[Y] = []
        # One request at a time, and one reply to it: neither side waits to hand over.
        self._requests: Handover[tuple[_Request, Any]] = Handover()
        self._replies: Handover[tuple[Any, BaseException | None]] = Handover()
        self._scope = trio.CancelScope()
        self._done = trio.Event()

    def __repr__(self) -> str:
        return f"<async generator {self._body.__name__} in a task of its own: {self._state.value}>"  # type: ignore[attr-defined]

    # The consumer's side

    def __aiter__(self) -> AsyncGenerator[Y, S]:
        return self

    # These return the coroutine instead of awaiting it: one frame less in every step.

    def __anext__(self) -> Coroutine[Any, Any, Y]:
        return self._request(_Request.SEND, None)

    def asend(self, value: S) -> Coroutine[Any, Any, Y]:
        return self._request(_Request.SEND, value)

    async def athrow(self, typ: Any, val: Any = None, tb: Any = None) -> Y:
        error = _exception(typ, val)
        item: Y = await self._request(_Request.THROW, error if tb is None else error.with_traceback(tb))
        return item

    async def aclose(self) -> None:
        self._claim()
        if (error := self._unfetched_error()) is not None:
            raise_unchanged(error)
        if self._state is _State.DONE:
            await trio.lowlevel.checkpoint()
            return
        self._begin_close()
        try:
            await self._listen()
        except StopAsyncIteration:
            return

    async def finish(self, nursery: trio.Nursery) -> None:
        """Close the body and wait for its end; an error that nobody fetched is raised in the nursery."""
        if (error := self._unfetched_error()) is not None:
            nursery.start_soon(_raise, error)
        if self._state is not _State.DONE:
            self._begin_close()
        await self._done.wait()

    def _begin_close(self) -> None:
        if self._state is _State.IDLE:
            self._requests.put((_Request.CLOSE, None))
            self._state = _State.ASKED
        else:
            # Still at work for a caller that was cancelled: only a cancellation reaches it.
            self._scope.cancel()

    def _claim(self) -> None:
        if self._listening:
            raise trio.BusyResourceError("another task is using this async generator; give it a lock or a channel")

    async def _request(self, request: _Request, argument: Any) -> Any:
        self._claim()
        if self._state is _State.IDLE:
            self._requests.put((request, argument))
            self._state = _State.ASKED
        elif self._state is _State.DONE and not self._replies.is_full:
            await trio.lowlevel.checkpoint()
            # What a finished generator answers is its own matter, and takes no scope of its body.
            return await self._step(request, argument)
        elif request is _Request.THROW or argument is not None:
            raise trio.BusyResourceError("a caller was cancelled and its item not fetched yet: ask for that first")
        return await self._listen()

    async def _listen(self) -> Any:
        self._listening = True
        try:
            reply = await self._replies.take()
        finally:
            self._listening = False
        if reply is None:
            raise StopAsyncIteration
        value, error = reply
        if self._state is _State.ASKED:
            self._state = _State.IDLE
        if error is not None:
            raise_unchanged(error)
        return value

    def _unfetched_error(self) -> BaseException | None:
        """Fetch the reply that a cancelled caller left behind: the error it holds, an item is dropped."""
        if not self._replies.is_full:
            return None
        _, error = self._replies.take_nowait()
        if self._state is _State.ASKED:
            self._state = _State.IDLE
        return error

    # The body's side

    async def serve(self) -> None:
        """Run the body, step by step as it is asked to; ends with the body."""
        try:
            with self._scope:
                while not await self._answer():
                    pass
        finally:
            self._state = _State.DONE
            self._replies.close()
            self._done.set()

    async def _answer(self) -> bool:
        """Take one request and reply to it; True when the body has ended."""
        asked: tuple[_Request, Any] | None = None
        try:
            asked = await self._requests.take()
        except BaseException as error:
            # A scope that the generator holds open at its `yield` was cancelled, or one around us all.
            request: _Request = _Request.THROW
            argument: Any = error
        else:
            assert asked is not None, "nobody closes the requests"
            request, argument = asked
        if asked and self._early and request is _Request.SEND:
            # The yield that would have received a sent value was interrupted: the value has no taker.
            self._replies.put((self._early.pop(), None))
            return False
        self._early.clear()
        try:
            if request is _Request.SEND:
                value = await self._body.asend(argument)
            else:
                value = await self._step(request, argument)
        except StopAsyncIteration:
            return True
        except BaseException as error:
            if self._listening and isinstance(error, Exception):
                self._replies.put((None, error))
                return True
            raise
        if request is _Request.CLOSE:
            return True
        if asked:
            self._replies.put((value, None))
        else:
            self._early.append(value)
        return False

    async def _step(self, request: _Request, argument: Any) -> Any:
        if request is _Request.SEND:
            return await self._body.asend(argument)
        if request is _Request.THROW:
            return await self._body.athrow(argument)
        try:
            return await self._body.aclose()
        except BaseExceptionGroup as group:
            # A nursery around the `yield` wraps the GeneratorExit; on its own that is a clean end.
            _, rest = group.split(GeneratorExit)
            if rest is not None:
                raise_unchanged(rest)
            return None


def _exception(typ: Any, val: Any) -> BaseException:
    """What `athrow(typ, val)` raises: made as a native generator makes it."""
    if isinstance(typ, BaseException) and val is None:
        return typ
    if not (isinstance(typ, type) and issubclass(typ, BaseException)):
        raise TypeError(f"athrow() takes an exception, or an exception's type and value, not {typ!r} and {val!r}")
    if isinstance(val, typ):
        return val
    if val is None:
        return typ()
    return typ(*val) if isinstance(val, tuple) else typ(val)


async def _raise(error: BaseException) -> NoReturn:
    raise_unchanged(error)


class _Decorator(Protocol):
    """What `trio_async_generator` is with its options given."""

    @overload
    def __call__(
        self, function: Callable[P, AsyncGenerator[Y, S]], /
    ) -> Callable[P, AbstractAsyncContextManager[AsyncGenerator[Y, S], bool | None]]: ...
    @overload
    def __call__(
        self, function: Callable[P, AsyncIterator[Y]], /
    ) -> Callable[P, AbstractAsyncContextManager[AsyncGenerator[Y, None], bool | None]]: ...


@overload
def trio_async_generator(
    function: Callable[P, AsyncGenerator[Y, S]], /, *, strict_exception_groups: bool = False
) -> Callable[P, AbstractAsyncContextManager[AsyncGenerator[Y, S], bool | None]]: ...
@overload
def trio_async_generator(
    function: Callable[P, AsyncIterator[Y]], /, *, strict_exception_groups: bool = False
) -> Callable[P, AbstractAsyncContextManager[AsyncGenerator[Y, None], bool | None]]: ...
@overload
def trio_async_generator(*, strict_exception_groups: bool = False) -> _Decorator: ...


def trio_async_generator(
    function: Callable[..., Any] | None = None, /, *, strict_exception_groups: bool = False
) -> Any:
    """Make an async generator that holds nurseries or cancel scopes safe to use.

    A plain async generator runs in whatever task iterates it, and not at all once its consumer has left. A `yield`
    inside a nursery or cancel scope then opens the scope in one place and closes it in another, or never. With this
    decorator the body runs in a task of its own, and its scopes nest as they are written:

        @trio_async_generator
        async def ticks(period):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch)
                while True:
                    yield trio.current_time()
                    await trio.sleep(period)

        async with ticks(1) as times:
            async for time in times:
                ...

    The body advances only when the consumer asks for an item. When the block is left, by its end, `break`, `return` or
    an exception, the generator is closed and has ended before the block is: `GeneratorExit` is raised at its `yield`
    as in a native generator, so that clean-up may await.

    Args:
        function: an async generator function; annotate what it returns as `AsyncIterator` or as `AsyncGenerator`.
        strict_exception_groups: wrap even a single error in a group, as trio's own nurseries do, where the block ends
            with it.

    Returns:
        A function with the same parameters that returns an async context manager; that gives an async generator with
        `asend`, `athrow` and `aclose`.

    Raises:
        TypeError: `function` is no async generator function.

    An error of the body goes to the consumer where it waits for an item, as from a native generator; if it happens
    while the consumer is busy elsewhere, the block is cancelled and the error raised at its end. `athrow` raises in the
    body. One error propagates as itself, several as an exception group; a group of the body's own nursery is the
    body's, and stays.

    Cancelling a consumer that waits for an item does not cancel the body: the item is kept for the next call. A
    cancelled block cancels the body. A second task that asks while one waits gets `trio.BusyResourceError`.

    Each item costs two switches between tasks. The idea is trio-util's.
    """
    if function is None:
        return partial(_decorate, strict_exception_groups=strict_exception_groups)
    return _decorate(function, strict_exception_groups=strict_exception_groups)


def _decorate(
    function: Callable[P, AsyncGenerator[Y, S]], *, strict_exception_groups: bool
) -> Callable[P, AbstractAsyncContextManager[AsyncGenerator[Y, S], bool | None]]:
    if not isasyncgenfunction(function):
        raise TypeError(f"trio_async_generator() decorates async generator functions, not {function!r}")

    @asynccontextmanager
    @wraps(function)
    async def opened(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[AsyncGenerator[Y, S]]:
        served = _Served(function(*args, **kwargs))
        async with open_plain_nursery(strict_exception_groups=strict_exception_groups) as nursery:
            nursery.start_soon(served.serve, name=function)
            try:
                yield served
            except BaseException:
                # The block's own error goes on; what the body raises joins it in the nursery. A cancellation of this
                # wait is the block's as well, and comes again at its next checkpoint.
                with suppress(trio.Cancelled):
                    await served.finish(nursery)
                raise
            await served.finish(nursery)

    return opened
