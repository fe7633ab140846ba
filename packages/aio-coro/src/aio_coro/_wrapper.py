"""`CoroutineWrapper`: a class whose instances are coroutines."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from aio_coro._drive import iterator_of
from aio_coro._inspect import require_coroutine

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import CodeType, FrameType, TracebackType

Y_co = TypeVar("Y_co", covariant=True)
S_contra = TypeVar("S_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class CoroutineWrapper(Coroutine[Y_co, S_contra, R_co]):
    """Base of classes whose instances are coroutines: the work and all that belongs to it in one object.

    A subclass keeps parameters and helper methods as it likes, and passes the coroutine that does the work to this
    `__init__`. Its instances can then be awaited, passed to `asyncio.create_task`, `asyncio.run` and `asyncio.gather`,
    and looked at with `inspect.getcoroutinestate` and the attributes `cr_frame`, `cr_running` and so on: all of it is
    that of the coroutine. Like any coroutine, an instance runs once.

    Args:
        coroutine: The coroutine that does the work.
        **kwargs: For the next class in the order of inheritance.

    Raises:
        TypeError: `coroutine` is not a coroutine.

    The idea is that of codestare.async_utils.
    """

    __name__: str
    __qualname__: str

    def __init__(self, *, coroutine: Coroutine[Y_co, S_contra, R_co], **kwargs: Any) -> None:
        require_coroutine(coroutine, f"{type(self).__name__}()")
        self._coroutine = coroutine
        self.__name__ = getattr(coroutine, "__name__", type(self).__name__)
        self.__qualname__ = getattr(coroutine, "__qualname__", type(self).__qualname__)
        super().__init__(**kwargs)

    def __await__(self) -> Generator[Any, None, R_co]:
        """Return the iterator that `await` drives."""
        return iterator_of(self._coroutine)

    def send(self, value: S_contra, /) -> Y_co:
        """Resume the coroutine, and return what it yields.

        Raises:
            StopIteration: It has returned; the result is in `value`.
            BaseException: What the coroutine raises.
        """
        return self._coroutine.send(value)

    @overload
    def throw(self, typ: type[BaseException], val: object = None, tb: TracebackType | None = None, /) -> Y_co: ...
    @overload
    def throw(self, typ: BaseException, val: None = None, tb: TracebackType | None = None, /) -> Y_co: ...
    def throw(self, *exception: Any) -> Y_co:
        """Raise an exception where the coroutine is suspended, and return what it yields.

        Args:
            *exception: The exception or its class. From Python 3.12 on, type, value and traceback are deprecated.

        Raises:
            StopIteration: It has returned; the result is in `value`.
            BaseException: What the coroutine raises.
        """
        return self._coroutine.throw(*exception)

    def close(self) -> None:
        """Raise GeneratorExit where the coroutine is suspended.

        Raises:
            RuntimeError: The coroutine yields instead of ending.
            BaseException: What the coroutine raises.
        """
        self._coroutine.close()

    @property
    def cr_await(self) -> object:
        """What the coroutine awaits, or None."""
        return self._attribute("cr_await")

    @property
    def cr_code(self) -> CodeType:
        """The coroutine's code."""
        return cast("CodeType", self._attribute("cr_code"))

    @property
    def cr_frame(self) -> FrameType | None:
        """The coroutine's frame; None once it has ended."""
        return cast("FrameType | None", self._attribute("cr_frame"))

    @property
    def cr_origin(self) -> tuple[tuple[str, int, str], ...] | None:
        """Where the coroutine was created, if `sys.set_coroutine_origin_tracking_depth` is in force."""
        return cast("tuple[tuple[str, int, str], ...] | None", self._attribute("cr_origin"))

    @property
    def cr_running(self) -> bool:
        """Whether the coroutine executes now."""
        return cast("bool", self._attribute("cr_running"))

    @property
    def cr_suspended(self) -> bool:
        """Whether the coroutine has begun, has not ended, and does not execute now."""
        return cast("bool", self._attribute("cr_suspended"))

    def _attribute(self, name: str) -> object:
        return getattr(self._coroutine, name)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            if name == "_coroutine":
                message = f"{type(self).__name__}.__init__() has not called super().__init__(coroutine=...)"
                raise AttributeError(message, name=name, obj=self)
            # What later versions of Python add, such as cr_state in 3.15.
            if name.startswith("cr_"):
                return getattr(self._coroutine, name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {getattr(self, '_coroutine', None)!r}>"
