"""`Registry` and `RegistryMeta`: which instances are there, under which keys, and for how long."""

from __future__ import annotations

import copy
import dataclasses
import gc
import threading
from typing import Any

import pytest
from aio_group import Registry, RegistryMeta


class Named(Registry):
    __unique_key_attr__ = "name"

    def __init__(self, name: Any) -> None:
        self.name = name


class Special(Named):
    pass


class Unnamed(metaclass=RegistryMeta):
    pass


def test_a_registry_maps_keys_to_instances_in_the_order_of_their_making() -> None:
    one, two = Named("b"), Named("a")
    assert Named.registry == {"b": one, "a": two}
    assert list(Named.registry) == ["b", "a"]
    assert one.__registry_key__ == "b"


def test_the_registry_given_out_is_a_copy() -> None:
    one = Named("one")
    Named.registry.clear()
    assert Named.registry == {"one": one}


def test_an_instance_that_nobody_holds_is_gone() -> None:
    one = Named("one")
    kept = Named("kept")
    del one
    gc.collect()
    assert Named.registry == {"kept": kept}


def test_each_class_has_a_registry_of_its_own_and_subclasses_show_in_those_of_their_bases() -> None:
    general, special, unnamed = Named("general"), Special("special"), Unnamed()
    assert Named.registry == {"general": general, "special": special}
    assert Special.registry == {"special": special}
    assert list(Unnamed.registry.values()) == [unnamed]
    assert set(Registry.registry.values()) == {general, special}


def test_a_second_instance_with_the_key_of_a_living_one_is_refused() -> None:
    one = Named("one")
    with pytest.raises(ValueError, match=r"a Named with name 'one' exists already: .*Named"):
        Named("one")
    with pytest.raises(ValueError, match="a Named with name 'one' exists already"):
        Special("one")
    assert Named.registry == {"one": one}
    assert Special.registry == {}


def test_a_key_is_free_again_when_its_instance_is_gone() -> None:
    one = Named("one")
    del one
    gc.collect()
    again = Named("one")
    assert Named.registry == {"one": again}


def test_a_key_is_free_again_when_its_instance_has_another_one() -> None:
    one = Named("one")
    one.name = "two"
    again = Named("one")
    assert Named.registry == {"two": one, "one": again}


def test_of_two_instances_that_come_to_have_one_key_both_are_shown() -> None:
    one, two = Named("one"), Named("two")
    two.name = "one"
    registry = Named.registry
    assert registry.pop("one") is one
    assert registry == {two.__default_key__: two}


@pytest.mark.parametrize("breaks", ["raises", "is not hashable"])
def test_an_instance_whose_key_cannot_be_had_any_more_is_shown_by_its_default_key(breaks: str) -> None:
    class Computed(Registry):
        __unique_key_attr__ = "key"

        def __init__(self, key: str) -> None:
            self.keys: list[Any] = [key]

        @property
        def key(self) -> Any:
            return self.keys[0]

    one, two = Computed("one"), Computed("two")
    one.keys[:] = [] if breaks == "raises" else [[]]
    assert Computed.registry == {one.__default_key__: one, "two": two}
    again = Computed("one")
    assert Computed.registry == {one.__default_key__: one, "two": two, "one": again}


def test_classes_that_share_only_their_base_may_use_the_same_key() -> None:
    class Other(Registry):
        __unique_key_attr__ = "title"

        def __init__(self, title: str) -> None:
            self.title = title

    named, other = Named("same"), Other("same")
    assert Named.registry == {"same": named}
    assert Other.registry == {"same": other}
    assert set(Registry.registry.values()) == {named, other}


def test_without_a_unique_attribute_the_key_is_the_class_and_a_number() -> None:
    class Job(Registry):
        pass

    class Task(Registry):
        __default_key__ = "task"

    jobs = [Job(), Job()]
    task = Task()
    prefix = f"{__name__}.{Job.__qualname__}"
    assert Job.registry == {f"{prefix}_0": jobs[0], f"{prefix}_1": jobs[1]}
    assert jobs[1].__default_key__ == f"{prefix}_1"
    assert Task.registry == {"task_0": task}


def test_numbers_are_not_used_again() -> None:
    class Job(Registry):
        __default_key__ = "job"

    first = Job()
    del first
    gc.collect()
    second = Job()
    assert Job.registry == {"job_1": second}


def test_an_instance_that_lacks_its_unique_attribute_has_a_default_key() -> None:
    class Late(Registry):
        __default_key__ = "late"
        __unique_key_attr__ = "name"

    late = Late()
    assert Late.registry == {"late_0": late}
    late.name = "named"  # type: ignore[attr-defined]
    assert Late.registry == {"named": late}


def test_the_key_may_be_a_property() -> None:
    class Computed(Registry):
        __unique_key_attr__ = "key"

        def __init__(self, number: int) -> None:
            self.number = number

        @property
        def key(self) -> str:
            return f"number {self.number}"

    computed = Computed(1)
    computed.number = 2
    assert Computed.registry == {"number 2": computed}


def test_a_class_may_say_itself_what_the_key_is() -> None:
    class Own(Registry):
        @property
        def __registry_key__(self) -> str:
            return "own key"

    own = Own()
    assert Own.registry == {"own key": own}
    with pytest.raises(ValueError, match="exists already"):
        Own()


def test_an_instance_whose_init_fails_is_not_entered_and_leaves_its_key_free() -> None:
    class Failing(Registry):
        __unique_key_attr__ = "name"

        def __init__(self, fail: bool) -> None:
            self.name = "name"
            if fail:
                raise RuntimeError

    kept: list[BaseException] = []
    try:
        Failing(fail=True)
    except RuntimeError as error:
        kept.append(error)
    assert Failing.registry == {}
    fine = Failing(fail=False)
    assert Failing.registry == {"name": fine}


def test_a_key_that_is_not_hashable_is_refused() -> None:
    with pytest.raises(TypeError, match="the name of a Named is its key in the registry, and must be hashable"):
        Named([])
    assert Named.registry == {}


def test_instances_need_neither_hash_nor_attributes() -> None:
    @dataclasses.dataclass(frozen=True, eq=True)
    class Frozen(Registry):
        items: list[int]

    class Slotted(metaclass=RegistryMeta):
        __slots__ = ("__weakref__",)

    frozen, equal = Frozen([]), Frozen([])
    assert list(Frozen.registry.values()) == [frozen, equal]
    slotted = [Slotted(), Slotted()]
    assert list(Slotted.registry.values()) == slotted
    assert str(id(slotted[0])) in next(iter(Slotted.registry))


def test_a_class_without_weak_references_says_what_it_needs() -> None:
    class Slotted(metaclass=RegistryMeta):
        __slots__ = ()

    with pytest.raises(TypeError, match=r"Slotted needs '__weakref__' in its __slots__"):
        Slotted()


def test_copies_are_not_entered() -> None:
    one = Named("one")
    duplicate = copy.copy(one)
    assert duplicate.name == "one"
    assert Named.registry == {"one": one}


def test_a_class_that_gives_out_one_instance_again_and_again_enters_it_once() -> None:
    class Single(Registry):
        _instance: Single | None = None

        def __new__(cls) -> Single:
            if cls._instance is None:
                cls._instance = super().__new__(cls)
            return cls._instance

    assert Single() is Single()
    assert list(Single.registry.values()) == [Single._instance]


def test_a_class_that_makes_something_else_does_not_enter_it() -> None:
    class Odd(Registry):
        def __new__(cls) -> int:  # type: ignore[misc]
            return 3

    assert Odd() == 3
    assert Odd.registry == {}


def test_of_many_threads_that_want_one_key_one_gets_it() -> None:
    made: list[Named] = []
    refused: list[ValueError] = []
    barrier = threading.Barrier(8)

    def make() -> None:
        barrier.wait()
        for number in range(50):
            try:
                made.append(Named(number))
            except ValueError as error:
                refused.append(error)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(instance.name for instance in made) == list(range(50))
    assert len(refused) == 7 * 50


def test_types_and_signatures_are_kept() -> None:
    named: Named = Named("one")
    registry: dict[Any, Special] = Special.registry
    assert registry == {}
    assert named.name == "one"
    with pytest.raises(TypeError, match="argument"):
        Named()  # type: ignore[call-arg]
