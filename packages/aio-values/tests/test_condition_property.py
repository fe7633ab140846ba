"""condition_property: an accessor for each instance."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import weakref
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from aio_values import accessor, condition_property

if TYPE_CHECKING:
    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


class Plain:
    def __init__(self) -> None:
        self._value = 0
        self.log: list[str] = []

    @condition_property
    def value(self) -> int:
        """What it holds."""
        return self._value

    @value.setter  # type: ignore[no-redef]  # mypy knows this form for builtins.property only
    def value(self, value: int) -> None:
        if value < 0:
            raise ValueError(f"illegal value {value}")
        self._value = value

    @value.deleter  # type: ignore[no-redef]  # mypy knows this form for builtins.property only
    def value(self) -> None:
        self.log.append("deleted")


class Slotted:
    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = 0

    @condition_property
    def value(self) -> int:
        return self._value

    @value.setter  # type: ignore[no-redef]  # mypy knows this form for builtins.property only
    def value(self, value: int) -> None:
        self._value = value


class SlottedAndWeak(Slotted):
    __slots__ = ("__weakref__",)


@dataclass
class Unhashable:
    stored: int = 0

    @condition_property
    def value(self) -> int:
        return self.stored

    @value.setter  # type: ignore[no-redef]  # mypy knows this form for builtins.property only
    def value(self, value: int) -> None:
        self.stored = value


CLASSES: list[Any] = [Plain, Slotted, SlottedAndWeak, Unhashable]


@pytest.mark.parametrize("cls", CLASSES)
async def test_one_accessor_per_instance(cls: Any, runtime: Runtime) -> None:
    thing, other = cls(), cls()
    assert isinstance(thing.value, accessor)
    assert thing.value is thing.value
    assert thing.value is not other.value
    async with runtime.tasks() as tasks:
        reader = await tasks.block(thing.value.get)
        await other.value.set(1)
        await runtime.settle()
        assert not reader.done
        await thing.value.set(2)
        assert await reader.result() == 2
    assert (thing.value.value, other.value.value) == (2, 1)


@pytest.mark.parametrize("cls", CLASSES)
async def test_condition_stays_the_same_while_nobody_holds_the_accessor(cls: Any, runtime: Runtime) -> None:
    thing = cls()

    async def set_two() -> None:
        await thing.value.set(2)

    async with runtime.tasks() as tasks:
        async with thing.value.condition:
            gc.collect()
            writer = await tasks.block(set_two)
            assert not writer.done
            thing.value.condition.notify_all()
        await writer.result()
    assert thing.value.value == 2


@pytest.mark.parametrize("cls", [Plain, SlottedAndWeak, Unhashable])
async def test_instance_is_gone_at_once_when_dropped(cls: Any) -> None:
    thing = cls()
    await thing.value.set(1)
    gone = weakref.ref(thing)
    gc.collect()
    gc.disable()
    try:
        del thing
        assert gone() is None
    finally:
        gc.enable()


async def test_slotted_instance_without_weakref_is_collected() -> None:
    class Marked(Slotted):
        __slots__ = ("mark",)
        mark: object

    class Mark:
        pass

    thing = Marked()
    thing.mark = mark = Mark()
    await thing.value.set(1)
    gone = weakref.ref(mark)
    del thing, mark
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("cls", CLASSES)
async def test_accessor_keeps_its_instance_alive(cls: Any) -> None:
    value = cls().value
    gc.collect()
    await value.set(5)
    assert await value.get(wait_for_write=False) == 5


@pytest.mark.parametrize("cls", CLASSES)
async def test_many_instances_leave_nothing_behind(cls: Any) -> None:
    from aio_values._property import _values_of

    before = len(_values_of._kept), len(_values_of._held_elsewhere)
    for number in range(100):
        thing = cls()
        await thing.value.set(number)
        assert thing.value.value == number
    del thing
    gc.collect()
    assert (len(_values_of._kept), len(_values_of._held_elsewhere)) == before


async def test_copy_has_an_accessor_of_its_own(runtime: Runtime) -> None:
    thing = Plain()
    await thing.value.set(1)
    for other in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
        assert other.value.value == 1
        assert other.value.condition is not thing.value.condition
        async with runtime.tasks() as tasks:
            reader = await tasks.block(thing.value.get)
            await other.value.set(2)
            await runtime.settle()
            assert not reader.done
    assert thing.value.value == 1


async def test_setter_that_raises_reaches_the_one_who_sets() -> None:
    thing = Plain()
    with pytest.raises(ValueError, match="illegal value -1"):
        await thing.value.set(-1)
    assert thing.value.value == 0


def test_assigning_says_what_to_do_instead() -> None:
    thing = Plain()
    with pytest.raises(AttributeError, match=r"'value' of 'Plain' object cannot be assigned.*await its set"):
        setattr(thing, "value", 3)  # noqa: B010  # the type checker forbids the plain form
    assert thing.value.value == 0


def test_deleting_calls_the_deleter() -> None:
    thing = Plain()
    del thing.value
    assert thing.log == ["deleted"]
    with pytest.raises(AttributeError, match="'value' of 'Slotted' object has no deleter"):
        del Slotted().value


async def test_missing_functions_are_named() -> None:
    class Odd:
        read_only = condition_property(lambda self: 1)
        write_only: condition_property[int] = condition_property(fset=lambda self, value: None)

    odd = Odd()
    assert odd.read_only.value == 1
    with pytest.raises(AttributeError, match="'read_only' has no setter"):
        await odd.read_only.set(2)
    await odd.write_only.set(1)
    with pytest.raises(AttributeError, match="'write_only' of 'Odd' object has no getter"):
        odd.write_only.value
    with pytest.raises(AttributeError, match="'write_only' of 'Odd' object has no getter"):
        await odd.write_only.get(wait_for_write=False)


def test_class_attribute_is_the_property_itself() -> None:
    assert isinstance(Plain.value, condition_property)
    assert Plain.value.__doc__ == "What it holds."
    assert repr(Plain.value) == "<condition_property 'value'>"
    assert Plain.value.fget is not None
    assert Plain().value.name == "value"
    assert condition_property(len, doc="other").__doc__ == "other"
    assert repr(condition_property(len)) == "<condition_property without a name>"


# --- inheritance ---------------------------------------------------------------------------------------------------


class Inherits(Plain):
    pass


class Overrides(Plain):
    @condition_property
    def value(self) -> int:
        return super().value.value * 10

    @value.setter  # type: ignore[no-redef]  # mypy knows this form for builtins.property only
    def value(self, value: int) -> None:
        store = super().value.fset
        assert store is not None
        store(value + 1)

    async def set_as_base(self, value: int) -> None:
        await super().value.set(value)


class OverridesOneFunction(Plain):
    @Plain.value.getter  # type: ignore[attr-defined, untyped-decorator]  # as above
    def value(self) -> int:
        return self._value * 100


async def test_subclass_inherits_the_property(runtime: Runtime) -> None:
    thing = Inherits()
    async with runtime.tasks() as tasks:
        reader = await tasks.block(thing.value.get)
        await thing.value.set(1)
        assert await reader.result() == 1


async def test_subclass_overrides_and_uses_super() -> None:
    thing = Overrides()
    await thing.value.set(1)
    assert thing._value == 2
    assert thing.value.value == 20
    assert await thing.value.get(wait_for_write=False) == 20


async def test_write_through_super_is_a_write_to_the_readers_of_the_subclass(runtime: Runtime) -> None:
    thing = Overrides()
    async with runtime.tasks() as tasks:
        reader = await tasks.block(thing.value.get)
        await thing.set_as_base(3)
        assert await reader.result() == 30


async def test_subclass_overrides_one_function() -> None:
    thing = OverridesOneFunction()
    await thing.value.set(1)
    assert thing.value.value == 100
    base = Plain()
    await base.value.set(1)
    assert base.value.value == 1


async def test_two_properties_of_one_instance_are_independent(runtime: Runtime) -> None:
    class Two(Plain):
        def __init__(self) -> None:
            super().__init__()
            self._second = 0

        @condition_property
        def second(self) -> int:
            return self._second

        @second.setter  # type: ignore[no-redef]  # mypy knows this form for builtins.property only
        def second(self, value: int) -> None:
            self._second = value

    thing = Two()
    assert thing.value.condition is not thing.second.condition
    async with runtime.tasks() as tasks:
        reader = await tasks.block(thing.value.get)
        await thing.second.set(1)
        await runtime.settle()
        assert not reader.done


async def test_property_set_on_a_class_later_works(runtime: Runtime) -> None:
    class Late:
        stored = 0
        value: condition_property[int]

    Late.value = condition_property(lambda self: self.stored, lambda self, value: setattr(self, "stored", value))
    thing = Late()
    async with runtime.tasks() as tasks:
        reader = await tasks.block(thing.value.get)
        await thing.value.set(1)
        assert await reader.result() == 1


def test_abstract_property_keeps_its_class_abstract() -> None:
    class Base(ABC):
        @condition_property
        @abstractmethod
        def value(self) -> int: ...

    with pytest.raises(TypeError, match="abstract"):
        Base()  # type: ignore[abstract]  # that is the point


def test_condition_may_be_used_first_outside_of_a_loop() -> None:
    thing = Plain()
    assert isinstance(thing.value.condition, asyncio.Condition)

    async def main() -> None:
        await thing.value.set(3)

    asyncio.run(main())
    assert thing.value.value == 3
