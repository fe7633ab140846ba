"""Interrupts at tasks that wait for a lock of asyncio or anyio through one of our ways of awaiting a coroutine."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from aio_coro import CoroStart, GeneratorObject, Monitor, coro_await
from aio_sched import InterruptException, task_throw
from suite_support.interleaving import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

pytestmark = pytest.mark.asyncio


async def iterated(coro: Coroutine[Any, Any, Any]) -> None:
    g: GeneratorObject[Any, Any] = GeneratorObject()
    async for _ in g(coro):
        pass


async def monitored(coro: Coroutine[Any, Any, Any]) -> None:
    await Monitor[Any]().aawait(coro)


async def started(coro: Coroutine[Any, Any, Any]) -> None:
    await CoroStart(coro)


async def after_a_first_wait(coro: Coroutine[Any, Any, Any]) -> None:
    async def both() -> None:
        await asyncio.sleep(0)
        await coro

    await CoroStart(both())


async def in_a_context(coro: Coroutine[Any, Any, Any]) -> None:
    await coro_await(coro, context=contextvars.copy_context())


@pytest.mark.parametrize("make", [asyncio.Lock, asyncio.Semaphore, anyio.Lock, anyio.Semaphore])
@pytest.mark.parametrize("awaiting", [iterated, monitored, started, after_a_first_wait, in_a_context])
async def test_an_interrupted_wait_does_not_let_a_lock_lose_count(
    awaiting: Callable[[Coroutine[Any, Any, Any]], Coroutine[Any, Any, None]], make: Callable[..., Any]
) -> None:
    lock = make(1) if make is anyio.Semaphore else make()
    await lock.acquire()
    task = asyncio.create_task(awaiting(lock.acquire()))
    await settle()
    task_throw(task, InterruptException())
    await asyncio.wait([task])
    assert task.cancelled()
    lock.release()
    await asyncio.wait_for(lock.acquire(), 5)
    if make is not anyio.Lock:  # which a task that holds it does not wait for, but is told so
        waiting = asyncio.create_task(lock.acquire())
        await settle()
        assert not waiting.done()
        lock.release()
        await waiting


async def test_an_interrupt_leaves_a_future_of_the_program_alone() -> None:
    for awaiting in (iterated, monitored, started, after_a_first_wait, in_a_context):
        future = asyncio.get_running_loop().create_future()

        async def wait(future: asyncio.Future[None] = future) -> None:
            await future

        task = asyncio.create_task(awaiting(wait()))
        await settle()
        task_throw(task, InterruptException())
        await asyncio.wait([task])
        assert task.cancelled()
        assert not future.done()
