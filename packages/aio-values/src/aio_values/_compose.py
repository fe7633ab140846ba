"""Several values as one."""

from __future__ import annotations

import keyword
from collections import namedtuple
from typing import TYPE_CHECKING, Any, TypeVar, overload

from aio_values._derived import derive
from aio_values._matching import transformed
from aio_values._value import AsyncValue

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

T = TypeVar("T")


@overload
def compose_values(
    *, _transform_: None = None, **values: AsyncValue[Any]
) -> AbstractContextManager[AsyncValue[Any]]: ...


@overload
def compose_values(
    *, _transform_: Callable[[Any], T], **values: AsyncValue[Any]
) -> AbstractContextManager[AsyncValue[T]]: ...


def compose_values(
    *, _transform_: Callable[[Any], Any] | None = None, **values: AsyncValue[Any]
) -> AbstractContextManager[AsyncValue[Any]]:
    """Keep a value up to date that holds several others, as a named tuple.

    Waiting for a condition that spans several values is otherwise a race: while one is waited for, another changes.

    Example:
        ```python
        x, y = AsyncValue(-1), AsyncValue(10)
        with compose_values(x=x, y=y) as point:
            await point.wait_value(lambda p: p.x < 0 < p.y)
        ```

    The composed value is derived, as from `open_transform`: it can be waited for, followed and derived from, but not
    assigned. One assignment changes it once, also where several of the values depend on the one that is assigned, and
    a combination of old and new is never shown. Where one of the values is derived and has failed, so has the
    composed one, until that recovers.

    Args:
        _transform_: A function of the named tuple: the value is what it returns. It spares a further `open_transform`.
        **values: The values to compose, by the names that they get in the tuple: at least one.

    Returns:
        A context manager for a plain `with`, which gives the composed value.

    Raises:
        TypeError: There are no values, one is no `AsyncValue`, or `_transform_` is not callable.
        ValueError: A name cannot be a field of a named tuple.
    """
    if not values:
        raise TypeError("compose_values() needs at least one value, by name: compose_values(x=AsyncValue(0))")
    for name, value in values.items():
        if not isinstance(value, AsyncValue):
            raise TypeError(f"{name} must be an AsyncValue, not {value!r}")
        if name.startswith("_") or keyword.iskeyword(name) or not name.isidentifier():
            raise ValueError(f"{name!r} cannot be the name of a field: use an identifier that begins with a letter")
    if _transform_ is not None and not callable(_transform_):
        raise TypeError(f"_transform_ must be callable with the named tuple, not {_transform_!r}")
    sources = tuple(values.values())
    # The fields are known at run time only, so a type checker cannot follow.
    composite: Any = namedtuple("CompositeValue", list(values))  # type: ignore[misc]  # noqa: PYI024

    def compute() -> Any:
        composed = composite._make(source.value for source in sources)
        return composed if _transform_ is None else transformed(_transform_, composed)

    return derive(sources, compute, shows_mutations=_transform_ is None)
