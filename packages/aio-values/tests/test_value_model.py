"""AsyncValue, what is derived from it and what follows it against a model, on asyncio and on trio."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from aio_values import AsyncValue, compose_values
from hypothesis import given, settings
from hypothesis import strategies as st
from suite_support.runtimes import RUNTIMES, Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from suite_support.runtimes import Handle, Tasks

NUMBERS = st.integers(-2, 3)

# What a wait can be for: by name, so that two waits share a predicate.
TARGETS: dict[str, Any] = {
    "0": 0,
    "1": 1,
    "2.0": 2.0,
    "positive": lambda number: number > 0,
    "odd": lambda number: number % 2 == 1,
    "unhashable": [1],
}


def matches(target: str, number: int) -> bool:
    what = TARGETS[target]
    return bool(what(number)) if callable(what) else bool(what == number)


class ModelledWait:
    """A wait, and the results that the model allows it to end with: none yet, one, or its cancellation."""

    def __init__(self, handle: Handle[Any]) -> None:
        self.handle = handle
        self.expected: Any = None
        self.over = False
        self.cancelled = False

    def meets(self, result: Any) -> None:
        if not self.over:
            self.over = True
            self.expected = result

    def check(self) -> None:
        if self.cancelled and self.handle.cancelled:
            return
        assert self.handle.done == self.over, self.handle
        if self.over:
            assert self.handle.outcome() == self.expected


class Machine:
    """Does each step with the value and with the model, and compares after each."""

    def __init__(
        self, runtime: Runtime, tasks: Tasks, value: AsyncValue[Any], derived: Sequence[AsyncValue[Any]]
    ) -> None:
        self.runtime = runtime
        self.tasks = tasks
        self.value = value
        self.derived = derived
        self.model = 0
        self.waits: list[tuple[Callable[[int, int], Any], ModelledWait]] = []
        self.holds: list[tuple[str, float, list[float | None], ModelledWait]] = []
        self.followed: list[tuple[list[int], list[int]]] = []
        # Where the values that match a target are noted, from some time on.
        self.notes: list[tuple[str, list[int]]] = []
        self.expectation: Any = None
        self.expected: list[int] = []

    # Each `done` answers, for a change, with the result that ends the wait, in a tuple; or with None.

    async def wait(self, target: str) -> None:
        model = ModelledWait(await self.tasks.block(self.value.wait_value, TARGETS[target]))
        if matches(target, self.model):
            model.meets(self.model)
        self.waits.append((lambda new, old: (new,) if matches(target, new) else None, model))

    async def wait_transition(self, target: str) -> None:
        what = TARGETS[target]
        handle = await self.tasks.block(
            self.value.wait_transition, (lambda new, old: what(new)) if callable(what) else what
        )
        self.waits.append((lambda new, old: ((new, old),) if matches(target, new) else None, ModelledWait(handle)))

    async def wait_any(self, _: str) -> None:
        model = ModelledWait(await self.tasks.block(self.value.transitions().__anext__))
        self.waits.append((lambda new, old: ((new, old),), model))

    async def wait_derived(self, _: str) -> None:
        model = ModelledWait(await self.tasks.block(self.derived[0].wait_value, 4))
        if self.model * self.model == 4:
            model.meets(4)
        self.waits.append((lambda new, old: (4,) if new * new == 4 else None, model))

    async def wait_composed(self, _: str) -> None:
        def torn(pair: Any) -> bool:
            return bool(pair.square != pair.number * pair.number)

        model = ModelledWait(await self.tasks.block(self.derived[1].wait_value, torn))
        self.waits.append((lambda new, old: None, model))

    async def hold(self, target: str) -> None:
        handle = await self.tasks.block(lambda: self.value.wait_value(TARGETS[target], held_for=2))
        since = self.runtime.time() if matches(target, self.model) else None
        self.holds.append((target, 2, [since], ModelledWait(handle)))

    async def follow(self, target: str) -> None:
        seen: list[int] = []

        async def loop() -> None:
            async for number in self.value.eventual_values(TARGETS[target]):
                seen.append(number)  # noqa: PERF401  # the list is looked at while the loop goes on

        await self.tasks.block(loop)
        self.followed.append((seen, [self.model] if matches(target, self.model) else []))
        self.notes.append((target, self.followed[-1][1]))

    async def expect(self, target: str) -> None:
        await self.end_expectation()
        self.expected = []
        self.expectation = self.value.expecting(TARGETS[target]).__enter__()
        self.notes.append((target, self.expected))

    async def end_expectation(self) -> None:
        if self.expectation is not None:
            assert self.expectation.done() == bool(self.expected)
            if self.expected:
                assert await self.expectation == self.expected[0]
            self.expectation.__exit__(None, None, None)

    async def assign(self, number: int) -> None:
        self._assign(number)

    def _assign(self, number: int) -> None:
        """Without letting anybody run: a wait may see several assignments before its task does."""
        self.value.value = number
        old, self.model = self.model, number
        assert [derived.value for derived in self.derived] == [number**2, (number, number**2)][: len(self.derived)]
        if number == old:
            return
        for done, model in self.waits:
            result = done(number, old)
            if result is not None:
                model.meets(result[0])
        for target, noted in self.notes:
            if matches(target, number):
                noted.append(number)
        for target, _, since, model in self.holds:
            if not model.over:
                since[0] = (since[0] or self.runtime.time()) if matches(target, number) else None

    async def burst(self, numbers: list[int]) -> None:
        self._assign(numbers[0])
        await self.runtime.settle()
        # From here on, loops that follow may skip, so the model does not judge them; all else it does.
        for number in numbers[1:]:
            before = [(seen, list(expected)) for seen, expected in self.followed]
            self._assign(number)
            await self.runtime.settle()
            for (seen, expected), (_, kept) in zip(self.followed, before, strict=True):
                assert seen[: len(kept)] == kept
                assert len(expected) - len(kept) in {0, 1}

    async def cancel(self, index: int) -> None:
        if self.waits:
            _, model = self.waits[index % len(self.waits)]
            model.cancelled = True
            model.handle.cancel()
            await self.runtime.settle()

    async def pass_time(self, seconds: float) -> None:
        start = self.runtime.time()
        await self.runtime.sleep(seconds)
        for target, length, since, model in self.holds:
            lasts = since[0] is not None and start + seconds >= since[0] + length - 1e-6
            if lasts and not model.over and matches(target, self.model):
                model.meets(self.model)

    async def check(self) -> None:
        await self.runtime.settle()
        for _, model in self.waits:
            model.check()
        for _, _, _, model in self.holds:
            model.check()
        for seen, expected in self.followed:
            assert seen == expected


STEPS = st.one_of(
    st.tuples(
        st.sampled_from(["wait", "wait_transition", "wait_any", "wait_derived", "wait_composed", "hold"]),
        st.sampled_from(list(TARGETS)),
    ),
    st.tuples(st.sampled_from(["follow", "expect"]), st.sampled_from(list(TARGETS))),
    st.tuples(st.just("assign"), NUMBERS),
    st.tuples(st.just("assign"), NUMBERS),
    st.tuples(st.just("burst"), st.lists(NUMBERS, min_size=2, max_size=5)),
    st.tuples(st.just("cancel"), st.integers(0, 50)),
    st.tuples(st.just("hold"), st.just("positive")),
    st.tuples(st.just("pass_time"), st.sampled_from([0.5, 1.0, 1.25, 3.0])),
    st.tuples(st.just("pass_time"), st.sampled_from([0.5, 1.0, 1.25, 3.0])),
)


@pytest.mark.parametrize("name", ["asyncio", "trio"])
@settings(max_examples=4 * (settings.default or settings()).max_examples)
@given(steps=st.lists(STEPS, max_size=25), deriving=st.booleans())
def test_it_does_what_the_model_does(name: str, steps: list[tuple[str, Any]], deriving: bool) -> None:
    """Both ways that an assignment can take: the short one is only for values that nothing is derived from."""
    runtime = RUNTIMES[name]

    async def main() -> None:
        value: AsyncValue[Any] = AsyncValue(0)
        derived: list[AsyncValue[Any]] = []
        with ExitStack() as stack:
            if deriving:
                derived.append(stack.enter_context(value.open_transform(lambda number: number * number)))
                derived.append(stack.enter_context(compose_values(number=value, square=derived[0])))
            async with runtime.tasks() as tasks:
                machine = Machine(runtime, tasks, value, derived)
                for step, argument in steps:
                    if deriving or step not in {"wait_derived", "wait_composed"}:
                        await getattr(machine, step)(argument)
                        await machine.check()
                await machine.end_expectation()
        assert all(left.statistics() == (0, 0) for left in (value, *derived))

    runtime.run(main)


@pytest.mark.parametrize("name", ["asyncio", "trio"])
@given(
    rounds=st.lists(st.lists(NUMBERS, min_size=1, max_size=6), min_size=1, max_size=8),
    busy=st.lists(st.sampled_from([0, 1, 2]), min_size=3, max_size=3),
)
def test_loops_see_the_latest_value_however_busy_they_are(name: str, rounds: list[list[int]], busy: list[int]) -> None:
    """Several assignments in one go, at times when the loops are at their bodies or not."""
    runtime = RUNTIMES[name]

    async def main() -> None:
        value = AsyncValue(0)
        seen: list[list[int]] = [[] for _ in busy]

        async def loop(index: int) -> None:
            async for number in value.eventual_values():
                assert not seen[index] or seen[index][-1] != number
                seen[index].append(number)
                if busy[index]:
                    await runtime.sleep(busy[index] * 0.75)

        history = [0]
        async with runtime.tasks() as tasks:
            for index in range(len(busy)):
                await tasks.block(loop, index)
            for numbers in rounds:
                for number in numbers:
                    value.value = number
                    history.append(number)
                await runtime.sleep(1)
            await runtime.sleep(10)
            for numbers_seen in seen:
                assert numbers_seen[-1] == value.value
                remaining = iter(history)
                assert all(number in remaining for number in numbers_seen), "seen in the order of assignment"

    runtime.run(main)
