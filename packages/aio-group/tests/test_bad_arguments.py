"""What cannot be meant is refused at the call that was wrong, and nothing has begun or changed then."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from aio_group import (
    Executor,
    Group,
    TaskNursery,
    call,
    call_on_cancel,
    call_on_done,
    create_executor,
    run_asyncio,
    uncancellable,
    wait_for,
)
from suite_support.interleaving import settle

begun: list[str] = []


async def work() -> None:
    begun.append("work")


@pytest.fixture(autouse=True)
def _nothing_has_begun() -> Any:
    begun.clear()
    yield
    # A coroutine that was left unawaited would warn here.
    gc.collect()
    assert begun == []


WANTS_A_FUNCTION: dict[str, Callable[[Any], Awaitable[object]]] = {
    "call": call,
    "call_on_cancel": call_on_cancel,
    "call_on_done": lambda fn: call_on_done(work(), fn),
    "spawn": lambda fn: Group().spawn(fn),
    "spawn in a full group": lambda fn: _full_group().spawn(fn),
    "spawn in a closed group": lambda fn: _closed_group().spawn(fn),
}


def _full_group() -> Group:
    group = Group(limit=1)
    group.spawn(asyncio.sleep, 0)
    return group


def _closed_group() -> Group:
    group = Group()
    group.close()
    return group


@pytest.mark.asyncio
@pytest.mark.parametrize("name", WANTS_A_FUNCTION)
@pytest.mark.parametrize("wrong", [None, 3, "a name"])
async def test_what_cannot_be_called_is_refused_at_once(name: str, wrong: object) -> None:
    with pytest.raises(TypeError, match=rf"{name.split(maxsplit=1)[0]}\(\) takes .*functions, not {wrong!r}"):
        await WANTS_A_FUNCTION[name](wrong)


@pytest.mark.asyncio
@pytest.mark.parametrize("name", WANTS_A_FUNCTION)
async def test_a_coroutine_in_place_of_its_function_is_refused_and_closed(name: str) -> None:
    with pytest.raises(TypeError, match="give the function, not <coroutine"):
        await WANTS_A_FUNCTION[name](work())


@pytest.mark.asyncio
async def test_a_full_group_refuses_what_cannot_be_awaited_as_any_group_does() -> None:
    group = _full_group()
    with pytest.raises(TypeError, match="awaitable is needed, not 3"):
        group.wrap(3)  # type: ignore[arg-type]
    assert repr(group) == "<Group open, 1 task>"
    await group.async_close()


BAD_TIMEOUTS: list[Any] = [
    ("soon", TypeError, "timeout must be a number of seconds or None, not 'soon'"),
    (float("nan"), ValueError, "timeout must be a number that can be compared, or None, not nan"),
    (Decimal("nan"), ValueError, "timeout must be a number that can be compared, or None, not Decimal"),
    pytest.param(10**400, ValueError, "timeout must be a number that fits a float", id="too large"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("timeout", "error", "message"), BAD_TIMEOUTS)
async def test_a_bad_timeout_leaves_the_group_open(timeout: Any, error: type[Exception], message: str) -> None:
    group = Group()
    with pytest.raises(error, match=message):
        await group.async_close(timeout=timeout)
    assert group.is_open


@pytest.mark.asyncio
@pytest.mark.parametrize(("timeout", "error", "message"), BAD_TIMEOUTS)
async def test_a_bad_timeout_starts_nothing(timeout: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        await wait_for(work(), timeout)
    await settle()
    future = asyncio.get_running_loop().create_future()
    with pytest.raises(error, match=message):
        await wait_for(future, timeout)
    assert not future.done()


@pytest.mark.asyncio
@pytest.mark.parametrize("timeout", [Decimal("0.001"), Fraction(1, 1000)])
async def test_a_timeout_may_be_any_real_number(timeout: Any) -> None:
    with pytest.raises(TimeoutError):
        await wait_for(asyncio.sleep(10), timeout)
    gate = asyncio.Event()
    group = Group()
    group.spawn(call_on_cancel, gate.wait)
    with pytest.raises(TimeoutError):
        await group.async_close(timeout=timeout)
    gate.set()
    await group.wait_closed()


WAITS: dict[str, Callable[[Any], Awaitable[object]]] = {
    "uncancellable": uncancellable,
    "wait_for": lambda task: wait_for(task, None),
    "call_on_done": lambda task: call_on_done(task, work),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("name", WAITS)
async def test_a_task_that_would_wait_for_itself_is_told(name: str) -> None:
    with pytest.raises(RuntimeError, match="a task cannot wait for itself"):
        await WAITS[name](asyncio.current_task())


LOOP_TAKERS: dict[str, Callable[[Any], object]] = {
    "Group": lambda loop: Group(loop=loop),
    "TaskNursery": lambda loop: TaskNursery(loop=loop),
    "run_asyncio": lambda loop: run_asyncio(work(), loop=loop),
}


@pytest.mark.parametrize("name", LOOP_TAKERS)
def test_what_is_no_loop_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="loop must be an event loop or None, not 'uvloop'"):
        LOOP_TAKERS[name]("uvloop")
    assert TaskNursery.registry == {}


def test_a_loop_factory_that_makes_none_is_refused() -> None:
    with pytest.raises(TypeError, match="loop_factory must return an event loop, not None"):
        run_asyncio(work(), loop_factory=lambda: None)  # type: ignore[arg-type, return-value]


@pytest.mark.asyncio
@pytest.mark.parametrize("make", [Executor, create_executor])
async def test_a_class_of_pools_that_makes_none_is_refused(make: Callable[..., object]) -> None:
    with pytest.raises(TypeError, match=r"executor_cls must make a concurrent\.futures\.Executor, not 0"):
        make(executor_cls=int)
