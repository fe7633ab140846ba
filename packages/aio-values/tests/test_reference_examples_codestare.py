"""The documented examples of codestare-async-utils for what aio-values offers.

Renamed imports; where the original cannot run, the nearest that can: `@value._setter` is `@value.setter`, a predicate
that ignores its value takes it all the same, and what the background task prints is collected and awaited.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aio_values import accessor, awaitable_predicate, condition_property

pytestmark = pytest.mark.asyncio


async def test_accessor_synchronizes_reads_and_writes() -> None:
    foo = accessor()
    printed: list[Any] = []

    async def wait_for_write(accessor_: accessor[Any]) -> None:
        printed.append(await accessor_.get())

    background = asyncio.create_task(wait_for_write(foo))
    await asyncio.sleep(0)
    await foo.set("Bar")
    await background
    assert printed == ["Bar"]


async def test_accessor_to_the_value_of_a_normal_property() -> None:
    class Thing:
        def __init__(self) -> None:
            self._value: int | None = None

        @property
        def value(self) -> int | None:
            return self._value

        @value.setter
        def value(self, val: int | None) -> None:
            if not val:
                raise ValueError(f"Illegal value {val}")
            self._value = val

    thing = Thing()
    thing.value = 3
    assert thing.value == 3
    with pytest.raises(ValueError, match="Illegal value 0"):
        thing.value = 0

    class BetterThing(Thing):
        def __init__(self) -> None:
            super().__init__()
            cls: Any = type(self)
            self.value_accessor = accessor(funcs=(cls.value.fget.__get__(self), cls.value.fset.__get__(self)))

    async def wait_for_write(accessor_: accessor[Any]) -> None:
        printed.append(await accessor_.get())

    printed: list[Any] = []
    better_thing = BetterThing()
    background = asyncio.create_task(wait_for_write(better_thing.value_accessor))
    await asyncio.sleep(0)
    await better_thing.value_accessor.set(3)
    await background
    assert printed == [3]
    assert better_thing.value == 3
    with pytest.raises(ValueError, match="Illegal value 0"):
        await better_thing.value_accessor.set(0)


async def test_constructor_forms_that_are_documented() -> None:
    condition = asyncio.Condition()
    assert accessor(condition=condition, name="named").name == "named"
    assert accessor(funcs=None, condition=condition).condition is condition
    assert accessor(funcs=(int, print), condition=condition, name=None).fget is int


async def test_get_blocks_once_until_it_is_notified_from_a_set() -> None:
    foo = accessor()
    getting = asyncio.create_task(foo.get(predicate=None))
    await asyncio.sleep(0)
    assert not getting.done()
    await foo.set(1)
    assert await getting == 1


async def test_predicate_that_is_always_true_does_not_block() -> None:
    foo = accessor()
    assert await foo.get(predicate=lambda _: True) is None
    assert await foo.get(wait_for_write=False) is None


async def test_wait_for_write_gets_the_next_value_that_matches() -> None:
    foo = accessor()
    await foo.set(5)
    getting = asyncio.create_task(foo.get(predicate=lambda value: value > 3, wait_for_write=True))
    await asyncio.sleep(0)
    for value in (1, 7):
        await foo.set(value)
    assert await getting == 7


async def test_predicate_that_is_no_callable_raises_value_error() -> None:
    foo: Any = accessor()
    with pytest.raises(ValueError, match="callable"):
        await foo.get(predicate=5)


async def test_write_can_wait_for_a_read() -> None:
    foo = accessor()
    writing = asyncio.create_task(foo.set("Bar", wait_for_read=True))
    await asyncio.sleep(0)
    assert foo.value is None
    assert await foo.get() == "Bar"
    await writing


async def test_condition_property_is_used_like_a_property() -> None:
    class Thing:
        def __init__(self) -> None:
            self._value = 1

        @condition_property
        def value(self) -> int:
            return self._value

        @value.setter  # type: ignore[no-redef]  # mypy knows this form for builtins.property only
        def value(self, value: int) -> None:
            self._value = value

        @value.deleter  # type: ignore[no-redef]  # mypy knows this form for builtins.property only
        def value(self) -> None:
            self._value = 0

    thing = Thing()
    getting = asyncio.create_task(thing.value.get())
    await asyncio.sleep(0)
    await thing.value.set(2)
    assert await getting == 2
    del thing.value
    assert thing.value.value == 0


value = 0


async def test_awaitable_predicate() -> None:
    global value
    value = 0
    printed = []
    is_zero = awaitable_predicate(lambda: value == 0)
    assert bool(is_zero) is True
    value = 1
    assert bool(is_zero) is False

    async def set_value(number: int) -> None:
        global value
        async with is_zero.condition:
            value = number
            is_zero.condition.notify()

    async def wait_for_zero() -> None:
        await is_zero
        printed.append(f"Finally! value: {value}")

    async def main() -> None:
        waiting = asyncio.create_task(wait_for_zero())
        for n in reversed(range(3)):
            await set_value(n)
            await asyncio.sleep(0)
        await waiting

    await main()
    assert printed == ["Finally! value: 0"]
