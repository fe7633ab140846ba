"""Classes that know their living instances by name."""

from __future__ import annotations

import abc
import itertools
import threading
import weakref
from typing import TYPE_CHECKING, Any, TypeVar, cast

_T = TypeVar("_T")

# Instances are made in any thread: looking for a duplicate and entering the instance is one step.
_lock = threading.RLock()


class RegistryMeta(abc.ABCMeta):
    """Metaclass of classes that know their living instances: `cls.registry` maps each instance's key to the instance.

    The registry holds **weak references**: an instance that nobody else refers to is gone, from the registry too. It
    shows the instances of subclasses as well; each subclass has a registry of its own instances. An instance is entered
    when its `__init__` is through.

    What a class may set:

    * `__unique_key_attr__`, inherited by subclasses: the name of the attribute that is the instance's key, unique among
      the instances of the class. Another instance with the key of a living one is refused with `ValueError`. The
      attribute may be a property, and may change; the registry always shows the present keys. Should two instances come
      to have the same key, the older one keeps it, and the other is shown by its default key; so is one whose key
      cannot be had, or is not hashable any more.
    * `__default_key__`: how the keys of instances without that attribute begin; the full name of the class, unless set.
      Each instance has a `__default_key__` of its own: that, and the number of instances of its class made before it
      (its `id`, where `__slots__` leaves no room for attributes).

    Every instance has a property `__registry_key__`: the unique key if there is one, else the default key.

    ```python
    class Worker(metaclass=RegistryMeta):
        __unique_key_attr__ = "name"

        def __init__(self, name: str) -> None:
            self.name = name


    anna = Worker("anna")
    assert Worker.registry == {"anna": anna}
    ```

    Instances that were not made by calling the class (`copy.copy`, `pickle`) are not entered. A class with `__slots__`
    needs `__weakref__` among them. Making an instance takes constant time. The idea is codestare's.
    """

    __unique_key_attr__: str | None
    __default_key__: str
    __registry_key__: Any

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(name, bases, namespace, **kwargs)
        # By id: an instance needs no hash.
        cls._instances: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        # By the key they had when they were entered, to find a duplicate without asking every instance.
        cls._entered_by_key: weakref.WeakValueDictionary[Any, Any] = weakref.WeakValueDictionary()
        cls._numbers = itertools.count()
        if "__default_key__" not in namespace:
            cls.__default_key__ = f"{cls.__module__}.{cls.__qualname__}"
        if not hasattr(cls, "__unique_key_attr__"):
            cls.__unique_key_attr__ = None
        if not hasattr(cls, "__registry_key__"):
            cls.__registry_key__ = property(_key_of, doc="The instance's key in the registry of its class.")

    def __call__(cls: type[_T], *args: Any, **kwargs: Any) -> _T:
        """Make an instance and enter it.

        Raises:
            ValueError: A living instance of the class has the same unique key.
            TypeError: The unique key is not hashable, or the class allows no weak references to its instances.
        """
        instance: _T = type.__call__(cls, *args, **kwargs)
        if isinstance(instance, cls):
            enter(instance)
        return instance

    @property
    def registry(cls: type[_T]) -> dict[Any, _T]:
        """The living instances, by their present keys, the oldest first: a new dictionary each time."""
        with _lock:
            instances: list[_T] = list(cls._instances.values())  # type: ignore[attr-defined]
        found: dict[Any, _T] = {}
        for instance in instances:
            key = _present_key_of(instance)
            found[_default_key_of(instance) if key in found else key] = instance
        return found


def enter(instance: object) -> None:
    """Enter the instance in the registries of its class and of that one's bases. Once more does nothing."""
    cls = _class_of(instance)
    classes = [base for base in cls.__mro__ if isinstance(base, RegistryMeta)]
    default_key = _default_key_of(instance)
    with _lock:
        if id(instance) in cls._instances:
            return
        key = instance.__registry_key__  # type: ignore[attr-defined]
        rivals = [
            base for base in classes if key != default_key and base.__unique_key_attr__ == cls.__unique_key_attr__
        ]
        for base in rivals:
            _refuse_duplicate(base, key)
        try:
            for base in classes:
                base._instances[id(instance)] = instance
        except TypeError:
            raise TypeError(f"{cls.__qualname__} needs '__weakref__' in its __slots__ to have a registry") from None
        for base in rivals:
            base._entered_by_key[key] = instance


def leave(instance: object) -> None:
    """Take the instance out of all registries, and free its key, before it dies."""
    with _lock:
        for base in type(instance).__mro__:
            if isinstance(base, RegistryMeta):
                base._instances.pop(id(instance), None)


def _refuse_duplicate(cls: RegistryMeta, key: object) -> None:
    try:
        other = cls._entered_by_key.get(key)
    except TypeError:
        raise TypeError(
            f"the {cls.__unique_key_attr__} of a {cls.__qualname__} is its key in the registry, and must be hashable: "
            f"{key!r} is not"
        ) from None
    # The other may have left since it was entered, and its key may have changed.
    if other is not None and id(other) in cls._instances and _present_key_of(other) == key:
        raise ValueError(f"a {cls.__qualname__} with {cls.__unique_key_attr__} {key!r} exists already: {other!r}")


def _class_of(instance: object) -> RegistryMeta:
    return cast("RegistryMeta", type(instance))


def _key_of(instance: object) -> Any:
    attribute = _class_of(instance).__unique_key_attr__
    if attribute is not None:
        try:
            return getattr(instance, attribute)
        except AttributeError:
            pass
    return _default_key_of(instance)


def _present_key_of(instance: Any) -> Any:
    """The key of an instance that was entered; its default key where it has none any more that could be one."""
    try:
        key = instance.__registry_key__
        hash(key)
    except Exception:
        return _default_key_of(instance)
    return key


def _default_key_of(instance: object) -> str:
    cls = _class_of(instance)
    attributes = getattr(instance, "__dict__", None)
    if attributes is None:
        return f"{cls.__default_key__}_{id(instance)}"
    key: str | None = attributes.get("__default_key__")
    if key is None:
        key = attributes["__default_key__"] = f"{cls.__default_key__}_{next(cls._numbers)}"
    return key


class Registry(metaclass=RegistryMeta):
    """Base class of classes that know their living instances: the same as `metaclass=RegistryMeta`, which see."""

    # For type checkers: the metaclass provides them.
    if TYPE_CHECKING:
        __default_key__: str

        @property
        def __registry_key__(self) -> Any: ...
