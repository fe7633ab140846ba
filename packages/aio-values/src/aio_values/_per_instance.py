"""One object for each instance of any class, by identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakValueDictionary, ref

if TYPE_CHECKING:
    from collections.abc import Callable

V = TypeVar("V")


class PerInstance(Generic[V]):
    """Keeps one object for each instance it is asked about, as long as the instance lives.

    By identity: instances need not be hashable, may compare equal, and a copy is another instance. Nothing is stored in
    the instance, and no reference cycle is made.

    An instance that cannot be weakly referenced (its class has `__slots__` without `"__weakref__"`) cannot tell when it
    dies. Its object is forgotten once nobody else holds it, and has to keep the instance alive until then.
    """

    __slots__ = ("_held_elsewhere", "_kept", "_make")

    def __init__(self, make: Callable[[object | None], V]) -> None:
        """Make it.

        Args:
            make: Makes the object of an instance; called with None, or with an instance that the object has to keep
                alive.
        """
        self._make = make
        self._kept: dict[int, tuple[ref[object], V]] = {}
        self._held_elsewhere: WeakValueDictionary[int, V] = WeakValueDictionary()

    def __call__(self, instance: object) -> V:
        key = id(instance)
        if key in self._kept:
            return self._kept[key][1]
        held = self._held_elsewhere.get(key)
        return self._new(key, instance) if held is None else held

    def _new(self, key: int, instance: object) -> V:
        kept = self._kept
        try:
            reference = ref(instance, lambda _: kept.pop(key, None))
        except TypeError:
            made = self._held_elsewhere[key] = self._make(instance)
        else:
            made = self._make(None)
            kept[key] = reference, made
        return made
