"""An error that ends the task which ran a call is freed with that task, without the collector."""

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aio_group import (
    Group,
    call_on_cancel,
    call_on_done,
    move_on_when,
    run_and_cancelling,
    uncancellable,
    wait_all,
    wait_any,
    wait_for,
)
from suite_support.interleaving import settle

pytestmark = pytest.mark.asyncio


class OurError(Exception):
    pass


Fail = Callable[[], Awaitable[None]]


async def in_a_body(fail: Fail) -> None:
    async with Group():
        await fail()


async def beside_a_body(block: Any) -> None:
    async with block:
        await asyncio.get_running_loop().create_future()


CALLS: dict[str, Callable[[Fail], Awaitable[None]]] = {
    "uncancellable": lambda fail: uncancellable(fail()),
    "wait_for": lambda fail: wait_for(fail(), 10),
    "call_on_cancel": call_on_cancel,
    "call_on_done": lambda fail: call_on_done(asyncio.sleep(0), fail),
    "wait_any": wait_any,
    "wait_all": wait_all,  # type: ignore[dict-item]  # its result is of no interest
    "move_on_when": lambda fail: beside_a_body(move_on_when(fail)),
    "run_and_cancelling": lambda fail: beside_a_body(run_and_cancelling(fail)),
    "Group": in_a_body,
}


@pytest.mark.parametrize("name", CALLS)
async def test_an_error_does_not_outlive_the_task_that_it_ended(name: str) -> None:
    errors: list[weakref.ref[OurError]] = []

    async def fail() -> None:
        await asyncio.sleep(0)
        error = OurError()
        errors.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    async def end_by_it() -> None:
        task = asyncio.ensure_future(CALLS[name](fail))
        await settle()
        # For the one that waits for this.
        task.cancel()
        await asyncio.wait([task])
        assert isinstance(task.exception(), OurError)

    gc.collect()
    gc.disable()
    try:
        await asyncio.create_task(end_by_it())
        await settle()
        assert [error() for error in errors] == [None]
    finally:
        gc.enable()
