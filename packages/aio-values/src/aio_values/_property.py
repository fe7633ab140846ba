"""A property whose value is accessed under a condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, overload
from weakref import WeakValueDictionary

from aio_values._accessor import Meeting, accessor, accessor_at
from aio_values._lazy_condition import LazyCondition
from aio_values._per_instance import PerInstance

if TYPE_CHECKING:
    from collections.abc import Callable

    from aio_values.lowlevel import Condition

T = TypeVar("T")


class condition_property(Generic[T]):  # noqa: N801  # the name that codestare's users know
    """A property that gives an `accessor` of its value, one for each instance: use it as you use `property`.

        class Thermostat:
            def __init__(self):
                self._target = 20

            @condition_property
            def target(self):
                return self._target

            @target.setter
            def target(self, degrees):
                if degrees > 30:
                    raise ValueError("too hot")
                self._target = degrees

        thermostat = Thermostat()
        await thermostat.target.set(21)
        assert thermostat.target.value == 21

    Reading the attribute gives the accessor; `set` and `get` of the accessor call the functions with the lock held.
    A subclass that overrides the property, and `super()`, have accessors of their own functions; those of one name of
    one instance share the condition, and a write through one is a write to the others' readers.

    The accessors and their condition go with the instance; an accessor keeps its instance alive, not the other way
    round. Instances need not be hashable, and a copy has a condition of its own. Classes with `__slots__` work, best
    with `"__weakref__"` among them: else an instance whose condition was used lives on until the garbage collector
    runs.

    The idea comes from codestare-async-utils.

    Args:
        fget: Called with the instance, gives the value.
        fset: Called with the instance and the new value.
        fdel: Called with the instance when the attribute is deleted. It is a plain call, without the lock, and
            wakes nobody.
        doc: The docstring; that of `fget` by default.
    """

    def __init__(
        self,
        fget: Callable[[Any], T] | None = None,
        fset: Callable[[Any, T], object] | None = None,
        fdel: Callable[[Any], object] | None = None,
        doc: str | None = None,
    ) -> None:
        self.fget: Callable[[Any], T] | None = fget
        self.fset: Callable[[Any, T], object] | None = fset
        self.fdel: Callable[[Any], object] | None = fdel
        self.__doc__ = doc if doc is not None or fget is None else fget.__doc__
        self._name: str | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._called()}>"

    @property
    def __isabstractmethod__(self) -> bool:
        return any(getattr(function, "__isabstractmethod__", False) for function in (self.fget, self.fset, self.fdel))

    def __set_name__(self, owner: type, name: str) -> None:
        if self._name is None:
            self._name = name

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> condition_property[T]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> accessor[T]: ...
    def __get__(self, instance: object | None, owner: type | None = None) -> condition_property[T] | accessor[T]:
        if instance is None:
            return self
        return _values_of(instance).accessor(self, instance)

    def __set__(self, instance: object, value: T) -> NoReturn:
        raise AttributeError(
            f"{self._of(instance)} cannot be assigned, since a write may have to wait: await its set(...) instead"
        )

    def __delete__(self, instance: object) -> None:
        if self.fdel is None:
            raise AttributeError(f"{self._of(instance)} has no deleter")
        self.fdel(instance)

    def getter(self, fget: Callable[[Any], T]) -> condition_property[T]:
        """The same property with another getter, for use as a decorator."""
        return self._with(fget, self.fset, self.fdel)

    def setter(self, fset: Callable[[Any, T], object]) -> condition_property[T]:
        """The same property with another setter, for use as a decorator."""
        return self._with(self.fget, fset, self.fdel)

    def deleter(self, fdel: Callable[[Any], object]) -> condition_property[T]:
        """The same property with another deleter, for use as a decorator."""
        return self._with(self.fget, self.fset, fdel)

    def _with(
        self,
        fget: Callable[[Any], T] | None,
        fset: Callable[[Any, T], object] | None,
        fdel: Callable[[Any], object] | None,
    ) -> condition_property[T]:
        made = type(self)(fget, fset, fdel, self.__doc__)
        made._name = self._name
        return made

    def _called(self) -> str:
        return repr(self._name) if self._name is not None else "without a name"

    def _of(self, instance: object) -> str:
        return f"{type(self).__name__} {self._called()} of {type(instance).__name__!r} object"


class _Bound(Generic[T]):
    """A property's functions, bound to an instance; keeps what the instance cannot keep itself."""

    __slots__ = ("_instance", "_property", "_values")

    def __init__(self, property_: condition_property[T], instance: object, values: _Values) -> None:
        self._property = property_
        self._instance = instance
        self._values = values

    def get(self) -> T:
        if self._property.fget is None:
            raise AttributeError(f"{self._property._of(self._instance)} has no getter")
        return self._property.fget(self._instance)

    def set(self, value: T) -> object:
        if self._property.fset is None:
            raise AttributeError(f"{self._property._of(self._instance)} has no setter")
        return self._property.fset(self._instance, value)


class _Values:
    """What belongs to the condition properties of one instance."""

    __slots__ = ("__weakref__", "_accessors", "_keeps", "_meetings")

    def __init__(self, keeps: object | None) -> None:
        self._keeps = keeps
        self._meetings: dict[object, Meeting] = {}
        # Weak, since an accessor keeps the instance alive.
        self._accessors: WeakValueDictionary[condition_property[Any], accessor[Any]] = WeakValueDictionary()

    def accessor(self, property_: condition_property[T], instance: object) -> accessor[T]:
        found = self._accessors.get(property_)
        if found is None:
            bound = _Bound(property_, instance, self)
            found = accessor_at(
                self._meeting(property_._name or property_),
                bound.get,
                None if property_.fset is None else bound.set,
                property_._name,
            )
            self._accessors[property_] = found
        return found

    def _meeting(self, key: object) -> Meeting:
        meeting = self._meetings.get(key)
        if meeting is None:
            condition = LazyCondition() if self._keeps is None else _KeepingCondition(self)
            meeting = self._meetings[key] = Meeting(condition)
        return meeting


class _KeepingCondition(LazyCondition):
    """The condition of an instance that keeps nothing itself: who holds it must meet the others of that instance."""

    __slots__ = ("_values",)

    def __init__(self, values: _Values) -> None:
        super().__init__()
        self._values = values

    def get(self) -> Condition:
        condition = super().get()
        vars(condition)["_aio_values"] = self._values
        return condition


_values_of = PerInstance(_Values)
