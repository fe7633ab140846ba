"""`wait_any` and `wait_all`: what they return and raise, and that nothing outlives them."""

from __future__ import annotations

import asyncio
import functools
import gc
import sys
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from aio_group import wait_all, wait_any
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

pytestmark = pytest.mark.asyncio

both = pytest.mark.parametrize("wait", [wait_any, wait_all], ids=["wait_any", "wait_all"])


class Child:
    """An async function that a test looks into, and lets go when it wants."""

    def __init__(self, *, on_cancel: BaseException | None = None, cleanup: asyncio.Event | None = None) -> None:
        self.events: list[str] = []
        self._gate: asyncio.Future[Any] | None = None
        self._on_cancel = on_cancel
        self._cleanup = cleanup

    @property
    def gate(self) -> asyncio.Future[Any]:
        assert self._gate is not None, "the function was not started"
        return self._gate

    async def __call__(self) -> Any:
        self.events.append("started")
        self._gate = asyncio.get_running_loop().create_future()
        try:
            return await self._gate
        except asyncio.CancelledError:
            self.events.append("cancelled")
            if self._on_cancel is not None:
                raise self._on_cancel from None
            raise
        finally:
            if self._cleanup is not None:
                await self._cleanup.wait()
            self.events.append("ended")


def start(wait: Callable[..., Coroutine[Any, Any, Any]], *fns: Callable[[], Awaitable[Any]]) -> asyncio.Task[Any]:
    return asyncio.ensure_future(wait(*fns))


async def returning(value: Any) -> Any:
    return value


async def failing(error: BaseException) -> Any:
    raise error


async def test_wait_any_returns_the_first_result_and_ends_the_others() -> None:
    one, two = Child(), Child()
    waiting = start(wait_any, one, two)
    await settle()
    two.gate.set_result("two")
    assert await waiting == "two"
    assert one.events == ["started", "cancelled", "ended"]


async def test_wait_any_waits_for_the_clean_up_of_the_others() -> None:
    cleanup = asyncio.Event()
    slow = Child(cleanup=cleanup)
    waiting = start(wait_any, slow, functools.partial(returning, 1))
    await settle()
    assert slow.events == ["started", "cancelled"]
    assert not waiting.done()
    cleanup.set()
    assert await waiting == 1
    assert slow.events[-1] == "ended"


async def test_wait_any_of_two_that_end_in_one_pass_takes_the_earlier() -> None:
    one, two = Child(), Child()
    waiting = start(wait_any, one, two)
    await settle()
    two.gate.set_result("two")
    one.gate.set_result("one")
    assert await waiting == "two"
    assert one.events == ["started", "ended"]


async def test_wait_any_takes_none_for_a_result() -> None:
    assert await wait_any(functools.partial(returning, None), Child()) is None


async def test_wait_any_raises_the_first_failure_as_itself() -> None:
    one = Child()
    error = ValueError("two")
    with pytest.raises(ValueError, match="two") as caught:
        await wait_any(one, functools.partial(failing, error))
    assert caught.value is error
    assert one.events == ["started", "cancelled", "ended"]


async def test_wait_any_raises_an_error_of_the_same_pass_in_place_of_the_result() -> None:
    with pytest.raises(ValueError, match="lost otherwise"):
        await wait_any(functools.partial(returning, 1), functools.partial(failing, ValueError("lost otherwise")))


async def test_wait_any_raises_an_error_of_a_loser_that_was_cancelled() -> None:
    loser = Child(on_cancel=ValueError("while cancelled"))
    with pytest.raises(ValueError, match="while cancelled"):
        await wait_any(functools.partial(returning, 1), loser)


@both
async def test_several_failures_are_kept_in_a_group(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    errors = [ValueError("one"), KeyError("two"), OSError("three")]
    late = Child(on_cancel=errors[2])
    with pytest.raises(ExceptionGroup) as caught:
        await wait(*(functools.partial(failing, error) for error in errors[:2]), late)
    assert caught.value.exceptions == tuple(errors)
    assert wait.__name__ in str(caught.value)


@both
async def test_one_error_that_two_functions_raise_counts_once(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    error = ValueError("shared")
    with pytest.raises(ValueError, match="shared") as caught:
        await wait(functools.partial(failing, error), functools.partial(failing, error))
    assert caught.value is error


@both
async def test_an_error_keeps_the_context_it_had(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    async def fail() -> None:
        try:
            raise KeyError("first")
        except KeyError:
            raise ValueError("second")  # noqa: B904 - the implicit context is what this is about

    with pytest.raises(ValueError, match="second") as caught:
        await wait(fail)
    assert isinstance(caught.value.__context__, KeyError)


async def test_wait_all_returns_the_results_in_the_order_of_the_functions() -> None:
    one, two, three = Child(), Child(), Child()
    waiting = start(wait_all, one, two, three)
    for child, value in (two, 2), (three, 3), (one, 1):
        await settle()
        assert not waiting.done()
        child.gate.set_result(value)
    assert await waiting == (1, 2, 3)


async def test_wait_all_ends_the_others_at_the_first_failure_and_raises_it() -> None:
    one, two = Child(), Child()
    waiting = start(wait_all, one, two)
    await settle()
    two.gate.set_exception(ValueError("two"))
    with pytest.raises(ValueError, match="two"):
        await waiting
    assert one.events == ["started", "cancelled", "ended"]


async def test_wait_all_of_no_functions_is_an_empty_tuple() -> None:
    assert await wait_all() == ()


async def test_wait_any_of_no_functions_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        await wait_any()


@both
async def test_a_coroutine_in_place_of_a_function_is_refused_and_closed(
    wait: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    coroutines = [returning(1), returning(2)]
    started = Child()
    with pytest.raises(TypeError, match=r"give the function.*partial"):
        await wait(started, *coroutines)
    assert started.events == []
    # A closed coroutine says so when it is awaited; an open one would return.
    for coroutine in coroutines:
        with pytest.raises(RuntimeError, match="cannot reuse"):
            await coroutine


@both
@pytest.mark.parametrize("wrong", [None, 3, "wait"])
async def test_what_is_not_a_function_is_refused(wait: Callable[..., Coroutine[Any, Any, Any]], wrong: Any) -> None:
    with pytest.raises(TypeError, match=rf"{wait.__name__}\(\) takes async functions, not {wrong!r}"):
        await wait(wrong)


@both
async def test_a_future_in_place_of_a_function_is_refused(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    future = asyncio.get_running_loop().create_future()
    with pytest.raises(TypeError, match="give the function"):
        await wait(future)
    assert not future.cancelled()


@both
async def test_a_function_that_is_not_async_is_refused_and_nothing_starts(
    wait: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    started = Child()
    with pytest.raises(TypeError, match="returned 3"):
        await wait(started, lambda: 3)
    assert started.events == []


@both
async def test_a_call_that_fails_at_once_starts_nothing(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    started = Child()
    with pytest.raises(TypeError, match="argument"):
        await wait(started, returning)
    assert started.events == []


async def test_a_function_may_return_any_awaitable() -> None:
    future = asyncio.get_running_loop().create_future()
    future.set_result(1)
    assert await wait_all(lambda: future, functools.partial(returning, 2)) == (1, 2)


@both
async def test_a_cancelled_caller_takes_its_functions_along(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    cleanup = asyncio.Event()
    one, two = Child(cleanup=cleanup), Child()
    waiting = start(wait, one, two)
    await settle()
    waiting.cancel()
    await settle()
    assert two.events == ["started", "cancelled", "ended"]
    assert not waiting.done(), "one is still cleaning up"
    cleanup.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert one.events == ["started", "cancelled", "ended"]


@both
async def test_a_cancellation_that_was_pending_before_the_call_ends_it(
    wait: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    child = Child()

    async def cancelled_first() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await wait(child)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(cancelled_first())
    assert child.events == ["started", "cancelled", "ended"]


@both
async def test_a_second_cancellation_does_not_leave_functions_behind(
    wait: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    cleanup = asyncio.Event()
    child = Child(cleanup=cleanup)
    waiting = start(wait, child)
    await settle()
    for _ in range(3):
        waiting.cancel()
        await settle()
    assert child.events == ["started", "cancelled"], "its clean-up was not interrupted"
    assert not waiting.done()
    cleanup.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert child.events == ["started", "cancelled", "ended"]


@both
async def test_a_function_that_swallows_its_cancellation_is_waited_for(
    wait: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    gate = asyncio.Event()
    ended = False

    async def stubborn() -> str:
        nonlocal ended
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await gate.wait()
        ended = True
        return "in spite of it"

    waiting = start(wait, stubborn)
    await settle()
    waiting.cancel()
    await settle()
    assert not waiting.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended


@both
async def test_a_cancellation_together_with_the_last_result_cancels(
    wait: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    child = Child()
    waiting = start(wait, child)
    await settle()
    child.gate.set_result(1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert child.events[-1] == "ended"


@both
async def test_a_cancellation_after_the_wake_up_cancels(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    child = Child()
    waiting = start(wait, child)
    await settle()
    # Wake-ups: of the child, then of the caller. Cancel in the pass in which the caller is to go on.
    child.gate.set_result(1)
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: loop.call_soon(waiting.cancel))
    with pytest.raises(asyncio.CancelledError):
        await waiting


@both
async def test_errors_go_before_a_cancellation_which_arrives_at_the_next_wait(
    wait: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    child = Child(on_cancel=ValueError("while cancelled"))
    reached = []

    async def caller() -> None:
        with pytest.raises(ValueError, match="while cancelled"):
            await wait(child)
        reached.append("error")
        await asyncio.Event().wait()
        reached.append("not cancelled")

    calling = asyncio.ensure_future(caller())
    await settle()
    calling.cancel()
    await settle()
    assert calling.cancelled()
    assert reached == ["error"]


@both
async def test_an_error_that_passes_a_timeout_leaves_no_stray_cancellation(
    wait: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    child = Child(on_cancel=ValueError("while cancelled"))
    with pytest.raises(ValueError, match="while cancelled"):
        async with asyncio.timeout(0.001):
            await wait(child)
    for _ in range(5):
        await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@both
async def test_a_timeout_around_the_call_stays_a_timeout(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    child = Child()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await wait(child)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert child.events == ["started", "cancelled", "ended"]


@both
async def test_a_timeout_inside_a_function_is_its_own_affair(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    async def limited() -> str:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            return "late"
        return "in time"

    result = await wait(limited)
    assert result in ("late", ("late",))


@both
async def test_a_function_cancelled_from_elsewhere_cancels_the_call_but_not_the_caller(
    wait: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    one, two = Child(), Child()
    waiting = start(wait, one, two)
    await settle()
    one.gate.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert waiting.cancelling() == 0
    assert two.events == ["started", "cancelled", "ended"]


async def test_wait_any_keeps_its_result_when_a_loser_is_cancelled_from_elsewhere() -> None:
    one, two = Child(), Child()
    waiting = start(wait_any, one, two)
    await settle()
    one.gate.set_result(1)
    two.gate.cancel()
    assert await waiting == 1


@both
async def test_an_error_goes_before_a_function_cancelled_from_elsewhere(
    wait: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    one, two = Child(), Child()
    waiting = start(wait, one, two)
    await settle()
    one.gate.cancel()
    two.gate.set_exception(ValueError("two"))
    with pytest.raises(ValueError, match="two"):
        await waiting


@both
async def test_nested_calls_unwind_with_one_cancellation(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    leaves = [Child(), Child(), Child()]
    waiting = start(wait, functools.partial(wait, leaves[0], leaves[1]), leaves[2])
    await settle()
    waiting.cancel()
    await settle()
    assert waiting.cancelled()
    assert [leaf.events for leaf in leaves] == [["started", "cancelled", "ended"]] * 3


@both
async def test_nothing_is_left_in_the_loop(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    before = asyncio.all_tasks()
    await wait(functools.partial(returning, 1), functools.partial(returning, 2))
    assert asyncio.all_tasks() == before


@both
async def test_a_failure_leaves_no_reference_cycle(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    class Error(Exception):
        pass

    async def fail() -> None:
        raise Error

    async def fail_and_look() -> weakref.ref[BaseException]:
        try:
            await wait(fail)
        except Error as error:
            return weakref.ref(error)
        raise AssertionError("no error")

    gc.collect()
    gc.disable()
    try:
        reference = await fail_and_look()
        await asyncio.sleep(0)
        assert reference() is None
    finally:
        gc.enable()


@both
async def test_repeated_cancellations_leave_no_reference_cycle(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    class Message:
        """What an error of asyncio carries, since that cannot be referred to weakly."""

    leaf = Child()
    waiting = start(wait, leaf)
    await settle()
    gc.collect()
    gc.disable()
    try:
        messages = [Message(), Message()]
        references = [weakref.ref(message) for message in messages]
        while messages:
            waiting.cancel(messages.pop())
            await asyncio.sleep(0)
        await settle()
        assert waiting.cancelled()
        del waiting
        await settle()
        assert [reference() for reference in references] == [None, None]
    finally:
        gc.enable()


@both
async def test_context_variables_reach_the_functions(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    import contextvars

    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("set")

    async def look() -> str:
        return variable.get()

    assert await wait(look) in ("set", ("set",))


@both
async def test_functions_may_end_in_their_first_step_under_an_eager_task_factory(
    wait: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    # Python 3.11 has no eager tasks: there, this is a task factory like any other.
    options: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}

    def eager(loop: asyncio.AbstractEventLoop, coro: Any, **_: Any) -> asyncio.Task[Any]:
        return asyncio.Task(coro, loop=loop, **options)

    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(eager)
    try:
        result = await wait(functools.partial(returning, 1), functools.partial(returning, 2))
    finally:
        loop.set_task_factory(before)
    assert result in (1, (1, 2))


@both
async def test_a_task_factory_that_fails_leaves_nothing_behind(wait: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    made: list[asyncio.Task[Any]] = []

    def failing_at_the_second(loop: asyncio.AbstractEventLoop, coro: Any, **_: Any) -> asyncio.Task[Any]:
        if made:
            raise MemoryError
        made.append(asyncio.Task(coro, loop=loop))
        return made[0]

    loop = asyncio.get_running_loop()
    children = [Child(), Child(), Child()]
    before = loop.get_task_factory()
    loop.set_task_factory(failing_at_the_second)
    try:
        with pytest.raises(MemoryError):
            await wait(*children)
    finally:
        loop.set_task_factory(before)
    await settle()
    assert made[0].cancelled()
    assert [child.events for child in children] == [[], [], []]


@both
async def test_an_interrupt_in_a_function_is_raised_as_itself_with_the_other_errors_as_cause(
    wait: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    # Raised inside a task, KeyboardInterrupt ends the loop: so in a loop of its own, off this one.
    def run_in_own_loop() -> BaseException:
        loop = asyncio.new_event_loop()
        try:

            async def main() -> None:
                loser = Child(on_cancel=ValueError("other"))
                await wait(loser, interrupted)

            async def interrupted() -> None:
                await asyncio.sleep(0)
                raise KeyboardInterrupt

            task = loop.create_task(main())
            with pytest.raises(KeyboardInterrupt):
                loop.run_until_complete(task)
            with pytest.raises(KeyboardInterrupt):
                loop.run_until_complete(task)
            interrupt = task.exception()
            assert interrupt is not None
            return interrupt
        finally:
            loop.close()

    interrupt = await asyncio.to_thread(run_in_own_loop)
    assert isinstance(interrupt.__cause__, ValueError)


async def test_wait_any_and_all_keep_the_types_of_their_functions() -> None:
    async def number() -> int:
        return 1

    async def text() -> str:
        return "a"

    either: int | str = await wait_any(number, text)
    pair: tuple[int, str] = await wait_all(number, text)
    numbers: tuple[int, ...] = await wait_all(*[number, number])
    assert (either, pair, numbers) == (1, (1, "a"), (1, 1))
