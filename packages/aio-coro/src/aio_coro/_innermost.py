"""The innermost frame of a chain of coroutines: finding it, and raising an exception there, GeneratorExit included."""

from __future__ import annotations

import asyncio
import gc
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType


class RaiseHere(BaseException):
    """Carries a GeneratorExit to the place where a chain of coroutines is suspended, which has to raise it.

    `coroutine.throw(GeneratorExit())` does not do that: PEP 380 has it close the awaited coroutines one by one, from
    the inside, and a coroutine that is being closed must not await anything. An asynchronous generator's `aclose`
    raises at the `yield`, and everything may await in its clean-up; so does ours.
    """

    exception: BaseException

    def __init__(self, exception: BaseException) -> None:
        self.exception = exception

    def unpack(self) -> BaseException:
        """The exception, to be raised by who catches this; it is not referred to any longer."""
        exception = self.exception
        del self.exception
        return exception


def require_exception(exc: object) -> None:
    """Raise the interpreter's TypeError, unless `exc` can be raised.

    `coroutine.throw` would raise it in the coroutine, where it is suspended, and so end what is not to blame.
    """
    if not isinstance(exc, BaseException) and not (isinstance(exc, type) and issubclass(exc, BaseException)):
        name = type(exc).__name__
        raise TypeError(f"exceptions must be classes or instances deriving from BaseException, not {name}")


def carried(exc: BaseException | type[BaseException]) -> BaseException | type[BaseException]:
    """What to throw so that `exc` is raised in the innermost frame, if that frame unpacks a `RaiseHere`."""
    if isinstance(exc, type):
        return RaiseHere(exc()) if issubclass(exc, GeneratorExit) else exc
    return RaiseHere(exc) if isinstance(exc, GeneratorExit) else exc


# What the methods of async generators, `anext()` and a coroutine's `__await__()` return does not tell what it drives.
_UNTOLD = frozenset({"async_generator_asend", "async_generator_athrow", "anext_awaitable", "coroutine_wrapper"})


_MAKERS = frozenset({"asyncio", "anyio"})


def cancel_private(yielded: object, coro: object) -> None:
    """Cancel the future that a coroutine waits for, if one of asyncio or anyio made it for itself.

    To be called when an exception is thrown into the coroutine. Cancelling its task would have cancelled the future,
    and somebody who interrupts the task may know ours only: the semaphores of Python 3.11 and 3.12 and anyio's locks
    take a future that was not cancelled for one that was granted.
    """
    if type(yielded) is asyncio.Future and not yielded.done():
        frame = _innermost_frame(coro)
        if frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _MAKERS:
            yielded.cancel()


def _innermost_frame(awaited: Any) -> FrameType | None:
    """The frame that waits, at the end of the chain of coroutines and generators that await each other."""
    frame: FrameType | None = None
    while awaited is not None:
        match awaited:
            case CoroutineType():
                frame, awaited = awaited.cr_frame, awaited.cr_await
            case GeneratorType():
                frame, awaited = awaited.gi_frame, awaited.gi_yieldfrom
            case AsyncGeneratorType():
                frame, awaited = awaited.ag_frame, awaited.ag_await
            case _ if type(awaited).__name__ in _UNTOLD:
                awaited = next(filter(_is_link, gc.get_referents(awaited)), None)
            case _:
                break
    return frame


def _is_link(candidate: object) -> bool:
    return (
        isinstance(candidate, (CoroutineType, GeneratorType, AsyncGeneratorType)) or type(candidate).__name__ in _UNTOLD
    )
