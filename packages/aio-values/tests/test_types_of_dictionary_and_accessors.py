"""What type checkers infer for AsyncDictionary, accessor, condition_property and awaitable_predicate."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, assert_type

import anyio
import pytest
import trio
from aio_values import AsyncDictionary, accessor, awaitable_predicate, condition_property, lowlevel

if TYPE_CHECKING:
    from suite_support.runtimes import Runtime

pytestmark = pytest.mark.every_runtime


async def test_dictionary_gives_its_values() -> None:
    d = AsyncDictionary({"a": 1})
    assert assert_type(d, AsyncDictionary[str, int])["a"] == 1
    assert assert_type(await d.get_wait("a"), int) == 1
    assert assert_type(await d.pop_wait("a"), int) == 1
    assert assert_type(AsyncDictionary([(1, "x")]), AsyncDictionary[int, str]) == {1: "x"}
    assert assert_type(AsyncDictionary(a=1.5), AsyncDictionary[str, float]) == {"a": 1.5}
    assert assert_type(d.copy() | {"b": 2}, AsyncDictionary[str, int]) == {"b": 2}
    assert assert_type(AsyncDictionary.fromkeys("a", 1), AsyncDictionary[str, int]) == {"a": 1}
    declared: AsyncDictionary[bytes, int] = AsyncDictionary()
    assert assert_type(declared.is_waiting(b""), bool) is False
    assert assert_type(declared.set_exception(b"", OSError()), int) == 0


async def test_accessor_gives_what_its_getter_gives(runtime: Runtime) -> None:
    anything = accessor()
    assert_type(anything, accessor[Any])
    texts: list[str] = ["a"]
    text = accessor((lambda: texts[-1], texts.append))
    assert assert_type(text, accessor[str]).value == "a"
    assert assert_type(await text.get(wait_for_write=False), str) == "a"
    assert assert_type(text.has_waiting_read, awaitable_predicate).waiting == 0
    assert_type(accessor[int](), accessor[int])
    declared: accessor[int] = accessor()
    async with runtime.tasks() as tasks:
        await tasks.block(declared.get)
        await declared.set(1)


async def test_property_gives_an_accessor_or_itself() -> None:
    class Thing:
        stored = 1
        number = condition_property(lambda self: 1, lambda self, value: None)

        @condition_property
        def value(self) -> int:
            return self.stored

    assert assert_type(Thing().value, accessor[int]).value == 1
    assert assert_type(Thing.value, condition_property[int]).fset is None
    assert assert_type(Thing().number, accessor[int]).value == 1


async def test_conditions_of_all_libraries_are_accepted() -> None:
    conditions: list[lowlevel.Condition] = [asyncio.Condition(), trio.Condition(), anyio.Condition()]
    for condition in conditions:
        assert assert_type(awaitable_predicate(bool, condition).condition, lowlevel.Condition) is condition
        assert accessor(condition=condition).condition is condition
