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


def carried(exception: BaseException | type[BaseException]) -> BaseException | type[BaseException]:
    """What to throw so that `exception` is raised in the innermost frame, if that frame unpacks a `RaiseHere`."""
    if isinstance(exception, type):
        # Not made an instance of yet otherwise: throwing something that is no exception is coroutine.throw's to judge.
        return RaiseHere(exception()) if issubclass(exception, GeneratorExit) else exception
    return RaiseHere(exception) if isinstance(exception, GeneratorExit) else exception
