"""Every state that a task can be interrupted in: at once, with that very exception, and nothing is left behind."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import aio_sched
import pytest
from aio_sched import InterruptException, create_pytask, task_interrupt, task_is_blocked, task_is_runnable, task_throw
from suite_support.interleaving import passes, settle

Spawn = Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "priority"])


# --- Tasks of every kind ---


def c_task(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.Task(coro, loop=asyncio.get_running_loop())


def python_task(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return create_pytask(coro)


def priority_task(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return aio_sched.PriorityTask(coro, loop=asyncio.get_running_loop(), priority=0.0)


class TaskOfAnotherClass(asyncio.Task[Any]):
    def cancel(self, msg: object = None) -> bool:
        raise AssertionError("an interrupt is no cancellation")

    def uncancel(self) -> int:
        raise AssertionError("an interrupt is no cancellation")


def task_of_another_class(coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return TaskOfAnotherClass(coro, loop=asyncio.get_running_loop())


SPAWNS: list[Spawn] = [c_task, python_task, priority_task, task_of_another_class]


@pytest.fixture(params=SPAWNS, ids=lambda spawn: spawn.__name__)
def spawn(request: pytest.FixtureRequest) -> Spawn:
    if request.param is not c_task and request.node.callspec.params.get("arrange") in SCENES_WITHOUT_SPAWN:
        pytest.skip("makes the task itself")
    made: Spawn = request.param
    return made


# --- What is interrupted ---


@dataclass
class Victim:
    """Waits in one way, catches what comes, and then waits in another."""

    wait: Callable[[], Awaitable[Any]]
    caught: list[BaseException] = field(default_factory=list)
    cancelling: list[int] = field(default_factory=list)
    went_on: bool = False
    after: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def run(self) -> str:
        try:
            await self.wait()
            self.went_on = True
        except BaseException as exc:
            self.caught.append(exc)
            task = asyncio.current_task()
            assert task is not None
            self.cancelling.append(task.cancelling())
            if task.cancelling():
                raise
        return await self.after


@dataclass
class Scene:
    """A task in some state, and what must hold once it has been interrupted."""

    task: asyncio.Task[Any]
    victim: Victim
    blocked: bool
    leave: Callable[[], Awaitable[None]]


async def nothing() -> None:
    """Some scenes leave nothing to look at."""


async def in_sleep_0(spawn: Spawn) -> Scene:
    victim = Victim(lambda: asyncio.sleep(0))
    task = spawn(victim.run())
    await passes(1)
    return Scene(task, victim, False, nothing)


async def in_a_later_sleep_0(spawn: Spawn) -> Scene:
    victim = Victim(lambda: passes(1000))
    task = spawn(victim.run())
    await passes(5)
    return Scene(task, victim, False, nothing)


async def blocked_on_a_future(spawn: Spawn) -> Scene:
    future = asyncio.get_running_loop().create_future()
    victim = Victim(lambda: future)
    task = spawn(victim.run())
    await passes(1)

    async def leave() -> None:
        assert not future.done()
        assert not future._callbacks
        if sys.version_info >= (3, 14):
            known: Any = future
            assert not known._asyncio_awaited_by
        future.set_result(None)

    return Scene(task, victim, True, leave)


async def blocked_on_a_future_that_others_await(spawn: Spawn) -> Scene:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def other() -> int:
        return await future

    before = asyncio.create_task(other())
    victim = Victim(lambda: future)
    task = spawn(victim.run())
    await passes(1)
    after = asyncio.create_task(other())
    await passes(1)

    async def leave() -> None:
        future.set_result(7)
        assert [await before, await after] == [7, 7]

    return Scene(task, victim, True, leave)


async def woken_and_not_run(spawn: Spawn) -> Scene:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    victim = Victim(lambda: future)
    task = spawn(victim.run())
    await passes(1)
    future.set_result(1)
    return Scene(task, victim, False, nothing)


async def woken_by_an_error_and_not_run(spawn: Spawn) -> Scene:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    victim = Victim(lambda: future)
    task = spawn(victim.run())
    await passes(1)
    future.set_exception(ValueError())

    async def leave() -> None:
        assert isinstance(future.exception(), ValueError)

    return Scene(task, victim, False, leave)


async def blocked_on_a_task(spawn: Spawn) -> Scene:
    release = asyncio.Event()
    child = asyncio.create_task(release.wait())
    victim = Victim(lambda: child)
    task = spawn(victim.run())
    await passes(2)

    async def leave() -> None:
        assert not child.done()
        assert child.cancelling() == 0
        release.set()
        assert await child is True

    return Scene(task, victim, True, leave)


async def blocked_on_a_python_task(spawn: Spawn) -> Scene:
    release = asyncio.Event()
    child = create_pytask(release.wait())
    victim = Victim(lambda: child)
    task = spawn(victim.run())
    await passes(2)

    async def leave() -> None:
        assert child.cancelling() == 0
        release.set()
        assert await child is True

    return Scene(task, victim, True, leave)


async def blocked_on_gather(spawn: Spawn) -> Scene:
    release = asyncio.Event()
    gathered: asyncio.Future[Any] = asyncio.gather(release.wait(), release.wait())
    victim = Victim(lambda: gathered)
    task = spawn(victim.run())
    await passes(2)

    async def leave() -> None:
        release.set()
        assert await gathered == [True, True]

    return Scene(task, victim, True, leave)


async def blocked_on_a_shielded_task(spawn: Spawn) -> Scene:
    release = asyncio.Event()
    child = asyncio.create_task(release.wait())
    victim = Victim(lambda: asyncio.shield(child))
    task = spawn(victim.run())
    await passes(2)

    async def leave() -> None:
        release.set()
        assert await child is True

    return Scene(task, victim, True, leave)


async def blocked_on_a_lock(spawn: Spawn, make: Callable[[], asyncio.Lock] = asyncio.Lock) -> Scene:
    lock = make()
    await lock.acquire()
    victim = Victim(lock.acquire)
    task = spawn(victim.run())
    await passes(1)

    async def leave() -> None:
        next_one = asyncio.create_task(lock.acquire())
        await passes(1)
        lock.release()
        assert await asyncio.wait_for(next_one, 5)
        lock.release()
        assert not lock.locked()

    return Scene(task, victim, True, leave)


async def blocked_on_a_priority_lock(spawn: Spawn) -> Scene:
    return await blocked_on_a_lock(spawn, aio_sched.PriorityLock)


async def woken_in_a_lock(spawn: Spawn, make: Callable[[], asyncio.Lock] = asyncio.Lock) -> Scene:
    lock = make()
    await lock.acquire()
    victim = Victim(lock.acquire)
    task = spawn(victim.run())
    next_one = asyncio.create_task(lock.acquire())
    await passes(1)
    lock.release()

    async def leave() -> None:
        assert await asyncio.wait_for(next_one, 5)
        lock.release()
        assert not lock.locked()

    return Scene(task, victim, False, leave)


async def woken_in_a_priority_lock(spawn: Spawn) -> Scene:
    return await woken_in_a_lock(spawn, aio_sched.PriorityLock)


async def blocked_on_a_semaphore(spawn: Spawn) -> Scene:
    semaphore = asyncio.BoundedSemaphore(2)
    await semaphore.acquire()
    await semaphore.acquire()
    victim = Victim(semaphore.acquire)
    task = spawn(victim.run())
    await passes(1)

    async def leave() -> None:
        assert semaphore.locked()
        semaphore.release()
        semaphore.release()
        with pytest.raises(ValueError, match="released too many"):
            semaphore.release()

    return Scene(task, victim, True, leave)


async def blocked_on_a_semaphore_in_an_async_generator(spawn: Spawn) -> Scene:
    semaphore = asyncio.Semaphore(0)

    async def generate() -> Any:
        async with semaphore:
            yield

    class Wrapped:
        def __await__(self) -> Any:
            return anext(generator, None).__await__()

    generator = generate()
    victim = Victim(Wrapped)
    task = spawn(victim.run())
    await passes(1)

    async def leave() -> None:
        assert semaphore.locked()
        await generator.aclose()

    return Scene(task, victim, True, leave)


async def woken_in_a_semaphore(spawn: Spawn, make: Callable[[int], asyncio.Semaphore] = asyncio.Semaphore) -> Scene:
    semaphore = make(0)
    victim = Victim(semaphore.acquire)
    task = spawn(victim.run())
    next_one = asyncio.create_task(semaphore.acquire())
    await passes(1)
    semaphore.release()

    async def leave() -> None:
        assert await asyncio.wait_for(next_one, 5)
        assert semaphore.locked()

    return Scene(task, victim, False, leave)


async def woken_in_a_priority_semaphore(spawn: Spawn) -> Scene:
    return await woken_in_a_semaphore(spawn, aio_sched.PrioritySemaphore)


async def blocked_in_queue_get(spawn: Spawn) -> Scene:
    queue: asyncio.Queue[int] = asyncio.Queue()
    victim = Victim(queue.get)
    task = spawn(victim.run())
    await passes(1)

    async def leave() -> None:
        queue.put_nowait(1)
        assert await queue.get() == 1

    return Scene(task, victim, True, leave)


async def woken_in_queue_get(spawn: Spawn) -> Scene:
    queue: asyncio.Queue[int] = asyncio.Queue()
    victim = Victim(queue.get)
    task = spawn(victim.run())
    next_one = asyncio.create_task(queue.get())
    await passes(1)
    queue.put_nowait(1)

    async def leave() -> None:
        assert await asyncio.wait_for(next_one, 5) == 1

    return Scene(task, victim, False, leave)


async def blocked_in_queue_put(spawn: Spawn) -> Scene:
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    queue.put_nowait(1)
    victim = Victim(lambda: queue.put(2))
    task = spawn(victim.run())
    await passes(1)

    async def leave() -> None:
        assert queue.get_nowait() == 1
        assert queue.empty()
        await passes(2)
        assert queue.empty()

    return Scene(task, victim, True, leave)


async def blocked_on_an_event(spawn: Spawn) -> Scene:
    event = asyncio.Event()
    victim = Victim(event.wait)
    task = spawn(victim.run())
    await passes(1)

    async def leave() -> None:
        assert not event._waiters
        event.set()

    return Scene(task, victim, True, leave)


async def blocked_in_sleep(spawn: Spawn) -> Scene:
    victim = Victim(lambda: asyncio.sleep(3600))
    task = spawn(victim.run())
    await passes(1)
    return Scene(task, victim, True, nothing)


async def blocked_inside_asyncio_timeout(spawn: Spawn) -> Scene:
    async def wait() -> None:
        async with asyncio.timeout(3600):
            await asyncio.sleep(3600)

    victim = Victim(wait)
    task = spawn(victim.run())
    await passes(1)
    return Scene(task, victim, True, nothing)


async def blocked_in_wait_for(spawn: Spawn) -> Scene:
    if sys.version_info < (3, 12):
        pytest.skip("waits for what it waited for to end before it lets anything out")
    event = asyncio.Event()
    victim = Victim(lambda: asyncio.wait_for(event.wait(), 3600))
    task = spawn(victim.run())
    await passes(2)
    return Scene(task, victim, True, nothing)


async def blocked_in_asyncio_wait(spawn: Spawn) -> Scene:
    release = asyncio.Event()
    child = asyncio.create_task(release.wait())
    victim = Victim(lambda: asyncio.wait([child], timeout=3600))
    task = spawn(victim.run())
    await passes(2)

    async def leave() -> None:
        release.set()
        assert await child is True

    return Scene(task, victim, True, leave)


async def blocked_in_sock_recv(spawn: Spawn) -> Scene:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    victim = Victim(lambda: loop.sock_recv(ours, 100))
    task = spawn(victim.run())
    await passes(1)

    async def leave() -> None:
        theirs.send(b"for the next one")
        assert await asyncio.wait_for(loop.sock_recv(ours, 100), 5) == b"for the next one"
        ours.close()
        theirs.close()

    return Scene(task, victim, True, leave)


async def blocked_in_a_stream(spawn: Spawn) -> Scene:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    victim = Victim(lambda: reader.read(100))
    task = spawn(victim.run())
    await passes(1)

    async def leave() -> None:
        theirs.send(b"for the next one")
        assert await asyncio.wait_for(reader.read(100), 5) == b"for the next one"
        writer.close()
        await writer.wait_closed()
        theirs.close()

    return Scene(task, victim, True, leave)


async def started_eagerly(spawn: Spawn) -> Scene:
    if sys.version_info < (3, 12):
        pytest.skip("eager tasks are of 3.12+")
    future = asyncio.get_running_loop().create_future()
    victim = Victim(lambda: future)
    task = asyncio.Task(victim.run(), loop=asyncio.get_running_loop(), eager_start=True)
    return Scene(task, victim, True, nothing)


async def started_eagerly_and_in_sleep_0(spawn: Spawn) -> Scene:
    if sys.version_info < (3, 12):
        pytest.skip("eager tasks are of 3.12+")
    victim = Victim(lambda: asyncio.sleep(0))
    task = asyncio.Task(victim.run(), loop=asyncio.get_running_loop(), eager_start=True)
    return Scene(task, victim, False, nothing)


async def at_a_place_of_the_queue(spawn: Spawn) -> Scene:
    victim = Victim(lambda: aio_sched.sleep_insert(1000))
    task = spawn(victim.run())
    await passes(1)
    return Scene(task, victim, False, nothing)


async def with_a_cancellation_behind_it(spawn: Spawn, in_sleep_0: bool = False) -> Scene:
    """Has caught a cancellation, which is still counted, and cleans up."""
    future = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await (passes(1000) if in_sleep_0 else future)
        finally:
            assert asyncio.Task.uncancel(task) == 0 if isinstance(task, asyncio.Task) else task.uncancel() == 0

    victim = Victim(wait)
    task = spawn(victim.run())
    await passes(1)
    if isinstance(task, asyncio.Task):
        asyncio.Task.cancel(task)
    else:
        task.cancel()
    await passes(1)
    return Scene(task, victim, not in_sleep_0, nothing)


async def with_a_cancellation_behind_it_in_sleep_0(spawn: Spawn) -> Scene:
    return await with_a_cancellation_behind_it(spawn, in_sleep_0=True)


SCENES_OF_CANCELLED = (with_a_cancellation_behind_it, with_a_cancellation_behind_it_in_sleep_0)
SCENES_WITHOUT_SPAWN = (started_eagerly, started_eagerly_and_in_sleep_0)
SCENES: list[Callable[[Spawn], Awaitable[Scene]]] = [
    in_sleep_0,
    in_a_later_sleep_0,
    blocked_on_a_future,
    blocked_on_a_future_that_others_await,
    woken_and_not_run,
    woken_by_an_error_and_not_run,
    blocked_on_a_task,
    blocked_on_a_python_task,
    blocked_on_gather,
    blocked_on_a_shielded_task,
    blocked_on_a_lock,
    woken_in_a_lock,
    blocked_on_a_priority_lock,
    woken_in_a_priority_lock,
    blocked_on_a_semaphore,
    blocked_on_a_semaphore_in_an_async_generator,
    woken_in_a_semaphore,
    woken_in_a_priority_semaphore,
    blocked_in_queue_get,
    woken_in_queue_get,
    blocked_in_queue_put,
    blocked_on_an_event,
    blocked_in_sleep,
    blocked_inside_asyncio_timeout,
    blocked_in_wait_for,
    blocked_in_asyncio_wait,
    blocked_in_sock_recv,
    blocked_in_a_stream,
    started_eagerly,
    started_eagerly_and_in_sleep_0,
    at_a_place_of_the_queue,
    with_a_cancellation_behind_it,
    with_a_cancellation_behind_it_in_sleep_0,
]
scenes = pytest.mark.parametrize("arrange", SCENES, ids=lambda scene: scene.__name__)


def assert_waits_for_the_second_time(scene: Scene, exc: BaseException) -> None:
    assert scene.victim.caught == [exc]
    assert scene.victim.cancelling == [0]
    assert not scene.victim.went_on
    assert task_is_blocked(scene.task)
    assert not task_is_runnable(scene.task)
    assert scene.task.cancelling() == 0
    assert asyncio.current_task() is not scene.task


@scenes
async def test_a_thrown_exception_has_been_raised_when_the_call_returns(
    arrange: Callable[[Spawn], Awaitable[Scene]], spawn: Spawn
) -> None:
    scene = await arrange(spawn)
    exc = InterruptException("stop")
    current = asyncio.current_task()
    assert task_is_blocked(scene.task) is scene.blocked

    task_throw(scene.task, exc)

    assert asyncio.current_task() is current
    assert_waits_for_the_second_time(scene, exc)
    assert exc.args == ("stop",)
    await scene.leave()
    scene.victim.after.set_result("done")
    assert await scene.task == "done"


@scenes
async def test_an_awaited_interrupt_has_been_raised_before_anything_else_runs(
    arrange: Callable[[Spawn], Awaitable[Scene]], spawn: Spawn
) -> None:
    scene = await arrange(spawn)
    exc = InterruptException("stop")
    seen_by_others: list[list[BaseException]] = []
    asyncio.get_running_loop().call_soon(lambda: seen_by_others.append(list(scene.victim.caught)))

    await task_interrupt(scene.task, exc)

    assert_waits_for_the_second_time(scene, exc)
    assert seen_by_others == [[exc]]
    await scene.leave()
    scene.victim.after.set_result("done")
    assert await scene.task == "done"


@pytest.mark.asyncio(loop_factories=["asyncio"])
@scenes
async def test_a_task_that_was_interrupted_can_be_cancelled_once(
    arrange: Callable[[Spawn], Awaitable[Scene]], spawn: Spawn
) -> None:
    if spawn is task_of_another_class:
        pytest.skip("this class counts a cancellation as a failure")
    scene = await arrange(spawn)
    task_throw(scene.task, InterruptException())
    await scene.leave()

    scene.task.cancel("really")
    with pytest.raises(asyncio.CancelledError) as caught:
        await scene.task

    assert type(caught.value) is asyncio.CancelledError
    assert scene.task.cancelled()
    assert scene.task.cancelling() == 1
    assert scene.victim.after.cancelled()


@pytest.mark.asyncio(loop_factories=["asyncio"])
@scenes
async def test_a_cancelled_task_is_not_interrupted_and_gets_its_cancellation(
    arrange: Callable[[Spawn], Awaitable[Scene]], spawn: Spawn
) -> None:
    if spawn is task_of_another_class or arrange in SCENES_OF_CANCELLED:
        pytest.skip("counts its cancellations in its own way")
    if arrange in {blocked_in_sock_recv, blocked_in_a_stream}:
        pytest.skip("only an interrupted one gives its socket back")
    scene = await arrange(spawn)
    scene.task.cancel()

    with pytest.raises(RuntimeError, match="a cancellation is on its way"):
        task_throw(scene.task, InterruptException())
    with pytest.raises(RuntimeError, match="a cancellation is on its way"):
        await task_interrupt(scene.task, InterruptException())
    assert scene.task.cancelling() == 1

    await settle()
    assert scene.task.cancelled()
    assert [type(exc) for exc in scene.victim.caught] == [asyncio.CancelledError]
    assert scene.victim.cancelling == [1]


@pytest.mark.asyncio(loop_factories=["asyncio"])
@scenes
async def test_interrupts_in_a_row_each_arrive(arrange: Callable[[Spawn], Awaitable[Scene]], spawn: Spawn) -> None:
    scene = await arrange(spawn)
    exceptions = [InterruptException(number) for number in range(3)]
    task_throw(scene.task, exceptions[0])
    await scene.leave()
    task_throw(scene.task, exceptions[1])
    assert scene.task.done()
    assert scene.task.cancelled()
    assert not scene.victim.after.done()
    with pytest.raises(RuntimeError, match="is done"):
        task_throw(scene.task, exceptions[2])
    assert scene.victim.caught == [exceptions[0]]


async def test_a_new_task_ends_without_having_begun(spawn: Spawn) -> None:
    for interrupt in (throw, task_interrupt):
        victim = Victim(nothing)
        task = spawn(victim.run())
        await interrupt(task, InterruptException())
        assert task.cancelled()
        assert not victim.caught
        assert not victim.went_on


async def test_a_new_task_fails_with_any_other_exception(spawn: Spawn) -> None:
    task = spawn(Victim(nothing).run())
    error = ValueError("no")
    task_throw(task, error)
    assert task.exception() is error


async def throw(task: asyncio.Task[Any], exc: BaseException) -> None:
    task_throw(task, exc)


class Particular(asyncio.CancelledError):
    made = 0

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one, two)
        type(self).made += 1


class LateInterrupt(InterruptException, TimeoutError):
    """Made like an OSError, not like other exceptions."""


class Slotted(InterruptException):
    __slots__ = ("detail",)

    detail: str


@pytest.mark.parametrize(
    "make",
    [
        lambda: ValueError("x"),
        KeyError,
        lambda: BaseException(1),
        lambda: TimeoutError("late"),
        lambda: OSError(2, "gone"),
        lambda: asyncio.CancelledError("a", "b"),
        lambda: Particular(1, 2),
        lambda: LateInterrupt(5, "late"),
        Slotted,
    ],
)
@pytest.mark.parametrize("arrange", [in_sleep_0, blocked_on_a_future, woken_and_not_run], ids=lambda arr: arr.__name__)
async def test_any_exception_arrives_as_it_is(
    arrange: Callable[[Spawn], Awaitable[Scene]], spawn: Spawn, make: Callable[[], BaseException]
) -> None:
    scene = await arrange(spawn)
    exc = make()
    if isinstance(exc, Slotted):
        exc.detail = "kept"
    kind, args, attributes, made = type(exc), exc.args, dict(vars(exc)), Particular.made

    task_throw(scene.task, exc)

    assert scene.victim.caught == [exc]
    assert scene.victim.cancelling == [0]
    assert (type(exc), exc.args, vars(exc), Particular.made) == (kind, args, attributes, made)
    assert exc.__context__ is exc.__cause__ is None
    assert getattr(exc, "detail", "kept") == "kept"
    scene.victim.after.set_result("done")
    assert await scene.task == "done"
