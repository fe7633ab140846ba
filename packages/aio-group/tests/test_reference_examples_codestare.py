"""The examples of codestare-async-utils for what is offered here, with the imports renamed."""

from __future__ import annotations

import asyncio
import gc

from aio_group import Registry, RegistryMeta, TaskNursery


def test_a_nursery_is_found_in_the_registry_by_its_name() -> None:
    # In the reference: the loop of the policy, which Python 3.14 does not make by itself any more.
    loop = asyncio.new_event_loop()
    try:
        nursery = TaskNursery(name="Foo", loop=loop)
        assert TaskNursery.registry == {"Foo": nursery}
        shown = repr(TaskNursery.registry)
        assert shown.startswith("{'Foo': aio_group.TaskNursery(name='Foo', loop=<")
        assert shown.endswith(">)}")
        loop.run_until_complete(nursery.aclose())
    finally:
        loop.close()


def test_a_registry_holds_weak_references() -> None:
    class T(metaclass=RegistryMeta):
        __unique_key_attr__ = "name"

        def __init__(self, name: str) -> None:
            self.name = name

        def __repr__(self) -> str:
            return f"{self.__class__.__name__}(name={self.name!r})"

    a = T("foo")
    assert repr(T.registry) == "{'foo': T(name='foo')}"
    gc.collect()
    assert repr(T.registry) == "{'foo': T(name='foo')}"
    # A console keeps the last result alive, which is why the reference shows both here.
    kept = a
    a = T("bar")
    assert repr(T.registry) == "{'foo': T(name='foo'), 'bar': T(name='bar')}"
    del kept
    gc.collect()
    assert repr(T.registry) == "{'bar': T(name='bar')}"
    assert a.name == "bar"


def test_metaclass_and_base_class_are_equivalent() -> None:
    class Foo(metaclass=RegistryMeta):
        pass

    class Bar(Registry):
        pass

    foo, bar = Foo(), Bar()
    assert list(Foo.registry.values()) == [foo]
    assert list(Bar.registry.values()) == [bar]
