"""Raising an exception in the innermost frame of a chain of coroutines, GeneratorExit included."""

from __future__ import annotations


class RaiseHere(BaseException):
    """Carries a GeneratorExit to the place where a chain of coroutines is suspended, which has to raise it.

    `coroutine.throw(GeneratorExit())` does not do that: PEP 380 has it close the awaited coroutines one by one, from
    the inside, and a coroutine that is being closed must not await anything. An asynchronous generator's `aclose`
    raises at the `yield`, and everything may await in its clean-up; so does ours.
    """

    def __init__(self, exception: BaseException) -> None:
        self.exception = exception


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
