"""The examples of asynkit's README for `GeneratorObject`, run with aio_coro.

Where an example could not run as printed, a comment says what was mended.
"""

from __future__ import annotations

import asyncio

import pytest
from aio_coro import GeneratorObject, aiter_sync


async def generator(gen_obj: GeneratorObject[int]) -> None:
    await gen_obj.ayield(1)

    async def helper() -> None:
        await gen_obj.ayield(2)

    # In asynkit this raises "Task got bad yield".
    await asyncio.create_task(helper())


async def generator_without_a_task(gen_obj: GeneratorObject[int]) -> None:
    await gen_obj.ayield(1)

    async def helper() -> None:
        await gen_obj.ayield(2)

    await helper()


@pytest.mark.asyncio
async def test_a_child_task_yields_to_the_generator() -> None:
    gen_obj: GeneratorObject[int] = GeneratorObject()
    values = [val async for val in gen_obj(generator(gen_obj))]
    assert values == [1, 2]


def test_it_runs_without_a_loop() -> None:
    gen_obj: GeneratorObject[int] = GeneratorObject()
    # Mended: without a loop there are no tasks, so that the helper is awaited.
    values = list(aiter_sync(gen_obj(generator_without_a_task(gen_obj))))
    assert values == [1, 2]
