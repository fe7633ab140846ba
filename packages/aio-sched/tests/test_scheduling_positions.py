"""Places in the ready queue: exactly those that were asked for."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import (
    call_pos,
    create_task_descend,
    create_task_start,
    get_scheduling_loop,
    sleep_insert,
    task_reinsert,
    task_switch,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "scheduling", "priority"])


async def step(log: list[str], name: str, steps: int = 1) -> str:
    for number in range(steps):
        log.append(name + "'" * number)
        await asyncio.sleep(0)
    return name


async def drain() -> None:
    """Let everything that is ready, or becomes ready by that, run."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("pos", range(7))
async def test_a_callback_runs_when_so_many_others_have(pos: int) -> None:
    log: list[str] = []
    for name in "abcd":
        asyncio.get_running_loop().call_soon(log.append, name)
    call_pos(pos, log.append, "X")
    await drain()
    expected = list("abcd")
    expected.insert(pos, "X")
    assert log == expected


async def test_of_two_callbacks_at_the_front_the_later_one_runs_first() -> None:
    log: list[str] = []
    call_pos(0, log.append, "first")
    call_pos(0, log.append, "second")
    await drain()
    assert log == ["second", "first"]


async def test_a_callback_at_a_place_runs_in_the_context_given_and_in_a_copy_of_the_current_one() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    context = contextvars.copy_context()
    context.run(variable.set, "given")
    log: list[str] = []

    def look() -> None:
        log.append(variable.get())
        variable.set("changed")

    variable.set("current")
    call_pos(0, look)
    call_pos(1, look, context=context)
    await drain()
    assert log == ["current", "given"]
    assert variable.get() == "current"
    assert context[variable] == "changed"


async def test_a_callback_at_a_place_can_be_cancelled() -> None:
    log: list[str] = []
    call_pos(0, log.append, "never").cancel()
    call_pos(1, log.append, "runs")
    await drain()
    assert log == ["runs"]


@pytest.mark.parametrize("pos", range(7))
async def test_a_task_sleeps_while_so_many_others_run(pos: int, spawn: Spawn) -> None:
    log: list[str] = []

    async def sleeper() -> None:
        for name in "abcd":
            asyncio.get_running_loop().call_soon(log.append, name)
        await sleep_insert(pos)
        log.append("X")

    await asyncio.wait([spawn(sleeper())])
    await drain()
    expected = list("abcd")
    expected.insert(pos, "X")
    assert log == expected


async def test_sleeping_at_the_front_lets_nothing_run() -> None:
    log: list[str] = []
    asyncio.get_running_loop().call_soon(log.append, "other")
    for _ in range(3):
        await sleep_insert(0)
    assert log == []


async def test_cancelled_callbacks_take_no_place() -> None:
    log: list[str] = []
    loop = asyncio.get_running_loop()
    handles = [loop.call_soon(log.append, name) for name in "abcdef"]
    for handle in handles[:2] + handles[3:4]:
        handle.cancel()
    await sleep_insert(1)
    assert log == ["c"]
    call_pos(1, log.append, "X")
    await drain()
    assert log == ["c", "e", "X", "f"]


async def test_a_place_holds_across_passes_of_the_loop() -> None:
    """What stands at the end of a pass is overtaken neither by timers that are due nor by posts."""
    loop = asyncio.get_running_loop()
    log: list[str] = []

    def last_of_the_pass() -> None:
        loop.call_later(0, log.append, "timer")
        loop.call_soon_threadsafe(log.append, "post")
        call_pos(0, log.append, "place 0")
        call_pos(1, log.append, "place 1")

    loop.call_soon(last_of_the_pass)
    await drain()
    assert sorted(log) == ["place 0", "place 1", "post", "timer"]
    assert log[:2] == ["place 0", "place 1"]


async def test_a_new_task_is_given_each_place(spawn: Spawn) -> None:
    for pos in range(6):
        log: list[str] = []
        tasks = [spawn(step(log, name)) for name in "abcd"]
        task_reinsert(tasks[2], pos)
        await asyncio.gather(*tasks)
        expected = list("abd")
        expected.insert(pos, "c")
        assert log == expected


async def test_a_task_in_sleep_is_given_another_place(spawn: Spawn) -> None:
    log: list[str] = []
    tasks = [spawn(step(log, name, 2)) for name in "abc"]
    await asyncio.sleep(0)
    assert log == ["a", "b", "c"]
    task_reinsert(tasks[2], 0)
    task_reinsert(tasks[0], 1)
    await asyncio.gather(*tasks)
    assert log[3:] == ["c'", "a'", "b'"]


async def test_a_woken_task_is_given_another_place(spawn: Spawn) -> None:
    log: list[str] = []
    event = asyncio.Event()

    async def waiter(name: str) -> None:
        await event.wait()
        log.append(name)

    tasks = [spawn(waiter(name)) for name in "abc"]
    await asyncio.sleep(0)
    event.set()
    task_reinsert(tasks[2], 0)
    await asyncio.gather(*tasks)
    assert log == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("insert_pos", "expected"),
    [
        (None, ["c", "a", "b", "me"]),
        (0, ["me", "c", "a", "b"]),
        (1, ["c", "me", "a", "b"]),
        (2, ["c", "a", "me", "b"]),
        (3, ["c", "a", "b", "me"]),
        (9, ["c", "a", "b", "me"]),
    ],
)
async def test_switching_puts_both_tasks_where_asked(insert_pos: int | None, expected: list[str], spawn: Spawn) -> None:
    log: list[str] = []
    tasks: list[asyncio.Task[Any]] = []

    async def me() -> None:
        tasks.extend(spawn(step(log, name)) for name in "abc")
        await task_switch(tasks[2], insert_pos=insert_pos)
        log.append("me")

    await spawn(me())
    await asyncio.gather(*tasks)
    assert log == expected


async def test_two_tasks_switch_to_and_fro(spawn: Spawn) -> None:
    log: list[str] = []
    tasks: dict[str, asyncio.Task[Any]] = {}

    async def player(name: str, other: str) -> None:
        for number in range(3):
            log.append(f"{name}{number}")
            if not tasks[other].done():
                await task_switch(tasks[other], insert_pos=1)

    tasks["ping"] = spawn(player("ping", "pong"))
    bystander = spawn(step(log, "bystander"))
    tasks["pong"] = spawn(player("pong", "ping"))
    await asyncio.gather(*tasks.values(), bystander)
    assert log == ["ping0", "pong0", "ping1", "pong1", "ping2", "pong2", "bystander"]


async def test_tasks_are_made_depth_first() -> None:
    log: list[str] = []

    async def node(name: str, depth: int) -> None:
        log.append(name)
        if depth:
            children = [await create_task_descend(node(f"{name}{child}", depth - 1)) for child in (0, 1)]
            await asyncio.gather(*children)

    bystander = asyncio.create_task(step(log, "bystander"))
    await create_task_descend(node("n", 2))
    assert log == ["n", "n0", "n00", "n01", "n1", "n10", "n11"]
    await drain()
    assert log[7:] == ["bystander"]
    assert bystander.done()


async def test_the_caller_goes_on_right_after_the_first_step_of_the_new_task() -> None:
    log: list[str] = []
    asyncio.get_running_loop().call_soon(log.append, "other")
    task = await create_task_descend(step(log, "new", 2), name="by name")
    assert log == ["new"]
    assert task.get_name() == "by name"
    assert await task == "new"
    assert log == ["new", "other", "new'"]


async def test_a_task_that_ends_in_its_first_step_is_returned_done() -> None:
    async def answer() -> int:
        return 42

    assert (await create_task_descend(answer())).result() == 42


async def test_a_task_is_started_in_its_turn() -> None:
    log: list[str] = []
    asyncio.get_running_loop().call_soon(log.append, "other")
    task = await create_task_start(step(log, "new", 2), name="by name")
    assert log == ["other", "new"]
    assert task.get_name() == "by name"
    assert await task == "new"


async def test_new_tasks_run_in_the_context_given() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    context = contextvars.copy_context()
    context.run(variable.set, "given")

    async def look() -> str:
        return variable.get()

    assert await (await create_task_descend(look(), context=context)) == "given"
    assert await (await create_task_start(look(), context=context)) == "given"
    assert await (await create_task_descend(look())) == "unset"


async def test_a_task_in_its_eager_step_takes_its_place() -> None:
    if sys.version_info < (3, 12):
        pytest.skip("tasks start eagerly from Python 3.12 on")
    loop = asyncio.get_running_loop()
    log: list[str] = []
    loop.set_task_factory(asyncio.eager_task_factory)
    for name in "abc":
        loop.call_soon(log.append, name)

    async def eager() -> None:
        log.append("eager")
        await sleep_insert(1)
        log.append("eager'")

    task = loop.create_task(eager())
    assert log == ["eager"]
    await task
    assert log == ["eager", "a", "eager'", "b", "c"]


async def test_a_factory_that_starts_tasks_eagerly_descends_by_itself() -> None:
    if sys.version_info < (3, 12):
        pytest.skip("tasks start eagerly from Python 3.12 on")
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    log: list[str] = []
    future = loop.create_future()

    async def ends() -> None:
        log.append("ends")

    async def blocks() -> None:
        log.append("blocks")
        await future

    loop.call_soon(log.append, "other")
    tasks = [await create_task_descend(coro) for coro in (ends(), step(log, "yields", 2), blocks())]
    assert log == ["ends", "yields", "blocks"]
    future.cancel()
    await asyncio.wait(tasks)
    assert log == ["ends", "yields", "blocks", "other", "yields'"]


async def test_a_custom_factory_makes_the_tasks() -> None:
    class MyTask(asyncio.Task[Any]):
        pass

    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, coro, **options: MyTask(coro, loop=loop, **options))
    log: list[str] = []
    task = await create_task_descend(step(log, "x"))
    assert type(task) is MyTask
    assert log == ["x"]
    other = loop.create_task(step(log, "y"))
    await task_switch(other, insert_pos=1)
    assert log == ["x", "y"]
    assert type(await create_task_start(step(log, "z"))) is MyTask
    await drain()


async def test_a_task_at_a_place_says_so() -> None:
    task = asyncio.create_task(sleep_insert(7))
    await sleep_insert(1)
    assert "wait_for=<place 7 in the ready queue>" in repr(task)
    await task


async def test_a_cancellation_arrives_at_the_place_that_the_task_took(spawn: Spawn) -> None:
    log: list[str] = []
    loop = asyncio.get_running_loop()

    async def sleeper() -> None:
        loop.call_soon(lambda: log.append(f"cancelled: {task.cancel('stop')}"))
        for name in "abc":
            loop.call_soon(log.append, name)
        try:
            await sleep_insert(2)
        except asyncio.CancelledError as error:
            log.append(*error.args)
            raise

    task = spawn(sleeper())
    await asyncio.wait([task])
    await drain()
    assert task.cancelled()
    assert log == ["cancelled: True", "a", "stop", "b", "c"]


@pytest.mark.parametrize("insert_pos", [None, 1])
async def test_switching_to_a_task_that_cancels_the_switching_one(insert_pos: int | None, spawn: Spawn) -> None:
    log: list[str] = []
    me = asyncio.current_task()
    assert me is not None

    async def other() -> None:
        log.append("other")
        me.cancel()

    task = spawn(other())
    with pytest.raises(asyncio.CancelledError):
        await task_switch(task, insert_pos=insert_pos)
    me.uncancel()
    assert log == ["other"]
    assert task.done()


async def test_a_cancellation_that_is_pending_already_is_raised_at_the_next_turn() -> None:
    log: list[str] = []

    async def sleeper() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_soon(log.append, "other")
        task.cancel()
        try:
            await sleep_insert(0)
        finally:
            log.append("ended")

    task = asyncio.create_task(sleeper())
    await asyncio.wait([task])
    assert task.cancelled()
    assert log == ["ended", "other"]


@pytest.mark.parametrize("create", [create_task_descend, create_task_start])
async def test_a_cancelled_creation_cancels_the_task_that_nobody_knows(create: Any) -> None:
    ended: list[str] = []

    async def new() -> None:
        creator.cancel()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    creator = asyncio.create_task(create(new()))
    await asyncio.wait([creator])
    assert creator.cancelled()
    await drain()
    assert ended == ["cancelled"]


async def test_a_timeout_ends_a_loop_of_short_sleeps() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            while True:
                await sleep_insert(1)


async def test_the_queue_shows_the_handles_in_their_order() -> None:
    loop = asyncio.get_running_loop()
    queue = get_scheduling_loop(loop)
    handles = [loop.call_soon(print) for _ in range(3)]
    handles.insert(1, queue.call_pos(1, print))
    assert queue.queue_items() == handles
    assert queue.queue_len() == 4
    for handle in handles:
        handle.cancel()
    assert queue.queue_items() == []
    assert queue.queue_len() == 0
