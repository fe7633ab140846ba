"""AsyncDictionary against a model, on every runtime.

A step lets everything settle, except within a burst: there, assignments and cancellations follow each other in one
moment, so that tasks are cancelled before, at and after their wake-up. What must come of a burst is told by replaying
it without those who ended up cancelled: a cancelled wait leaves things as if it had never begun.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from aio_values import AsyncDictionary
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from suite_support.runtimes import Handle, Runtime

pytestmark = pytest.mark.every_runtime

Step: TypeAlias = tuple[Any, ...]

KEYS = st.sampled_from("aaab")
BURST = st.lists(
    st.one_of(st.tuples(st.just("set"), KEYS), st.tuples(st.just("cancel"), st.integers(0, 4))), min_size=3, max_size=8
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("get"), KEYS, st.just(1)),
        st.tuples(st.just("pop"), KEYS, st.integers(1, 4)),
        st.tuples(st.just("burst"), BURST),
        st.tuples(st.just("burst"), BURST),
        st.tuples(st.just("del"), KEYS),
        st.tuples(st.just("fail"), KEYS),
        st.tuples(st.just("clear")),
    ),
    max_size=25,
)


class Failed(Exception):
    pass


@dataclass
class Model:
    """What the documentation says, with waits named by numbers."""

    stored: dict[str, int] = field(default_factory=dict)
    waiting: list[tuple[int, str, str]] = field(default_factory=list)
    outcomes: dict[int, object] = field(default_factory=dict)

    def wait(self, wait: int, what: str, key: str) -> None:
        if key not in self.stored:
            self.waiting.append((wait, what, key))
        else:
            self.outcomes[wait] = self.stored.pop(key) if what == "pop" else self.stored[key]

    def assign(self, key: str, value: int) -> None:
        gets = [wait for wait, what, waits_for in self.waiting if (what, waits_for) == ("get", key)]
        pops = [wait for wait, what, waits_for in self.waiting if (what, waits_for) == ("pop", key)][:1]
        for wait in gets + pops:
            self.outcomes[wait] = value
        self.forget(gets + pops)
        if not pops:
            self.stored[key] = value

    def fail(self, key: str) -> int:
        failed = [wait for wait, _, waits_for in self.waiting if waits_for == key]
        for wait in failed:
            self.outcomes[wait] = Failed
        self.forget(failed)
        return len(failed)

    def forget(self, waits: list[int]) -> None:
        self.waiting = [entry for entry in self.waiting if entry[0] not in waits]


class Comparison:
    """A dictionary and its model, step by step."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.real: AsyncDictionary[str, int] = AsyncDictionary()
        self.model = Model()
        self.handles: list[Handle[int]] = []
        self.last_value = 0

    async def run(self, steps: list[Step]) -> None:
        async with self.runtime.tasks() as tasks:
            for name, *arguments in steps:
                match name:
                    case "get" | "pop":
                        key, count = arguments
                        function = self.real.get_wait if name == "get" else self.real.pop_wait
                        for _ in range(count):
                            self.model.wait(len(self.handles), name, key)
                            self.handles.append(await tasks.block(function, key))
                    case "burst":
                        await self.burst(*arguments)
                    case "fail":
                        assert self.real.set_exception(arguments[0], Failed()) == self.model.fail(arguments[0])
                    case "del":
                        assert self.real.pop(arguments[0], None) == self.model.stored.pop(arguments[0], None)
                    case "clear":
                        self.real.clear()
                        self.model.stored.clear()
                await self.runtime.settle()
                self.compare()

    async def burst(self, actions: list[Step]) -> None:
        assigned = []
        for name, argument in actions:
            if name == "set":
                self.last_value += 1
                self.real[argument] = self.last_value
                assigned.append((argument, self.last_value))
            elif argument < len(self.handles):
                self.handles[-1 - argument].cancel()
        await self.runtime.settle()
        self.model.forget([wait for wait, handle in enumerate(self.handles) if handle.cancelled])
        for key, value in assigned:
            self.model.assign(key, value)

    def compare(self) -> None:
        assert dict(self.real) == self.model.stored
        for key in "ab":
            assert self.real.is_waiting(key) == any(waits_for == key for _, _, waits_for in self.model.waiting)
        for wait, handle in enumerate(self.handles):
            assert handle.done == (handle.cancelled or wait in self.model.outcomes)
            if handle.done and not handle.cancelled:
                assert outcome(handle) == self.model.outcomes[wait]


def outcome(handle: Handle[int]) -> object:
    try:
        return handle.outcome()
    except Failed:
        return Failed


@given(steps=STEPS)
def test_it_does_what_the_model_does(runtime: Runtime, steps: list[Step]) -> None:
    runtime.run(lambda: Comparison(runtime).run(steps))
