"""Whatever comes in whatever pass of the loop: nothing outlives its wait, no error and no cancellation is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aio_group import TaskNursery, move_on_when, run_and_cancelling, wait_all, wait_any
from hypothesis import given
from hypothesis import strategies as st
from suite_support.interleaving import passes, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CHILDREN = 3


class Children:
    """Async functions that end as a plan says, and note how they ended."""

    def __init__(self, on_cancel: list[str]) -> None:
        self._gates: list[asyncio.Future[Any]] = [asyncio.get_running_loop().create_future() for _ in range(CHILDREN)]
        self._on_cancel = on_cancel
        self.errors: list[BaseException] = []
        self.running = 0
        self.returned: list[int] = []

    def body(self, number: int) -> Awaitable[int]:
        """The function as the body of a block, which does not take a cancellation for itself."""
        self._on_cancel[number] = "propagate"
        return self.function(number)()

    def function(self, number: int) -> Callable[[], Awaitable[int]]:
        async def child() -> int:
            self.running += 1
            try:
                await self._gates[number]
            except asyncio.CancelledError:
                match self._on_cancel[number]:
                    case "raise":
                        self._fail(number)
                    case "return":
                        pass
                    case "linger":
                        await asyncio.sleep(0)
                        await asyncio.sleep(0)
                        raise
                    case _:
                        raise
            except ValueError as error:
                self.errors.append(error)
                raise
            finally:
                self.running -= 1
            self.returned.append(number)
            return number

        return child

    def _fail(self, number: int) -> None:
        error = ValueError(f"child {number}, cancelled")
        self.errors.append(error)
        raise error

    def do(self, action: str, number: int) -> None:
        gate = self._gates[number]
        if not gate.done():
            match action:
                case "return":
                    gate.set_result(None)
                case "fail":
                    gate.set_exception(ValueError(f"child {number}"))
                    # Nobody may get to see it.
                    gate.exception()
                case "cancel":
                    gate.cancel()


steps = st.lists(
    st.tuples(
        st.sampled_from(["return", "fail", "cancel", "cancel caller", "pass", "pass"]), st.integers(0, CHILDREN - 1)
    ),
    max_size=12,
)
reactions = st.lists(st.sampled_from(["propagate", "raise", "return", "linger"]), min_size=CHILDREN, max_size=CHILDREN)


def errors_in(error: BaseException | None) -> set[int]:
    """The identities of the errors that came out."""
    if isinstance(error, BaseExceptionGroup):
        return set().union(*map(errors_in, error.exceptions))
    return set() if error is None or isinstance(error, asyncio.CancelledError) else {id(error)}


async def play(
    plan: list[tuple[str, int]], children: Children, call: Callable[[], Awaitable[object]]
) -> tuple[object, BaseException | None, int, bool]:
    """Run the call in a task while the plan goes on.

    Returns: its result, its error, how many cancellations were asked for while it ran, and whether one arrived later.
    """
    requests = 0
    requests_after = 0
    ended = False
    cancelled_later = False
    result: object = None
    error: BaseException | None = None

    async def caller() -> None:
        nonlocal ended, result, error, requests_after, cancelled_later
        task = asyncio.current_task()
        assert task is not None
        try:
            result = await call()
        except BaseException as caught:
            error = caught
        ended = True
        requests_after = task.cancelling()
        assert children.running == 0, "a child outlives the call"
        try:
            await passes(5)
        except asyncio.CancelledError:
            cancelled_later = True

    task = asyncio.ensure_future(caller())
    await asyncio.sleep(0)
    for action, number in plan:
        if action == "pass":
            await asyncio.sleep(0)
        elif action == "cancel caller":
            if not ended:
                requests += 1
                task.cancel()
        else:
            children.do(action, number)
    await settle()
    for number in range(CHILDREN):
        children.do("return", number)
    await task
    assert requests_after == requests, "requests for cancellation are neither lost nor invented"
    return result, error, requests, cancelled_later


def check_errors_and_cancellations(
    children: Children, error: BaseException | None, requests: int, cancelled_later: bool
) -> None:
    assert errors_in(error) == {id(error) for error in children.errors}, "every error is raised"
    if requests:
        assert isinstance(error, asyncio.CancelledError) or cancelled_later, "the cancellation arrives"
    else:
        assert not cancelled_later, "no cancellation is invented"


@given(steps, reactions)
def test_wait_any(plan: list[tuple[str, int]], on_cancel: list[str]) -> None:
    async def main() -> None:
        children = Children(on_cancel)
        result, error, requests, later = await play(
            plan, children, lambda: wait_any(*map(children.function, range(CHILDREN)))
        )
        check_errors_and_cancellations(children, error, requests, later)
        if error is None:
            assert result in children.returned

    asyncio.run(main())


@given(steps, reactions)
def test_wait_all(plan: list[tuple[str, int]], on_cancel: list[str]) -> None:
    async def main() -> None:
        children = Children(on_cancel)
        result, error, requests, later = await play(
            plan, children, lambda: wait_all(*map(children.function, range(CHILDREN)))
        )
        check_errors_and_cancellations(children, error, requests, later)
        if error is None:
            assert result == tuple(range(CHILDREN))

    asyncio.run(main())


@given(steps, reactions)
def test_move_on_when(plan: list[tuple[str, int]], on_cancel: list[str]) -> None:
    async def main() -> None:
        children = Children(on_cancel)
        scope = move_on_when(children.function(0))
        body_ended = False

        async def call() -> None:
            nonlocal body_ended
            async with scope:
                await children.body(1)
                body_ended = True

        _, error, requests, later = await play(plan, children, call)
        check_errors_and_cancellations(children, error, requests, later)
        if scope.cancelled_caught:
            assert not body_ended
        elif error is None:
            assert body_ended

    asyncio.run(main())


@given(steps, reactions)
def test_run_and_cancelling(plan: list[tuple[str, int]], on_cancel: list[str]) -> None:
    async def main() -> None:
        children = Children(on_cancel)
        body_ended = False

        async def call() -> None:
            nonlocal body_ended
            async with run_and_cancelling(children.function(0)):
                await children.body(1)
                body_ended = True

        _, error, requests, later = await play(plan, children, call)
        check_errors_and_cancellations(children, error, requests, later)
        if error is None:
            assert body_ended

    asyncio.run(main())


@given(steps, reactions)
def test_a_nursery(plan: list[tuple[str, int]], on_cancel: list[str]) -> None:
    async def main() -> None:
        children = Children(on_cancel)

        async def call() -> None:
            async with TaskNursery() as nursery:
                nursery.create_task(children.function(0)())
                nursery.create_task(children.function(1)())
                await children.body(2)

        _, error, requests, later = await play(plan, children, call)
        check_errors_and_cancellations(children, error, requests, later)

    asyncio.run(main())
