"""`stop()` ends a pass as asyncio documents it: the callbacks that it began with run, and none that these queue."""

from __future__ import annotations

import asyncio
import socket
import weakref
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import PrioritySelectorEventLoop
from aio_sched import _asyncio_internals as internals
from aio_sched import _fast_loop as fast_loop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[[], PrioritySelectorEventLoop]

#: A callback: whether it calls `stop()`, and the callbacks that it queues: before that, and after.
Node = tuple[bool, list[Any], list[Any]]
nodes: st.SearchStrategy[Node] = st.recursive(
    st.tuples(st.booleans(), st.just([]), st.just([])),
    lambda inner: st.tuples(st.booleans(), st.lists(inner, max_size=3), st.lists(inner, max_size=3)),
    max_leaves=12,
)
#: More passes than any program has generations.
PASSES = 16


@pytest.fixture(params=["fast", "debug", "not checked"])
def make_loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Make:
    # However slow the machine, a pass is as long as it can get.
    monkeypatch.setattr(fast_loop, "SHORT_PASS", float("inf"))
    monkeypatch.setattr(fast_loop, "LONG_PASS", float("inf"))
    if request.param == "not checked":
        monkeypatch.setattr(internals, "version_is_checked", lambda: False)
        monkeypatch.setattr(fast_loop, "_has_warned", True)

    def make() -> PrioritySelectorEventLoop:
        loop = PrioritySelectorEventLoop()
        loop.set_debug(request.param == "debug")
        loop.slow_callback_duration = 60
        return loop

    return make


async def spin() -> None:
    while True:
        await asyncio.sleep(0)


def end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks))


def rounds_of(
    loop: asyncio.AbstractEventLoop, program: list[list[Node]], create: Callable[..., object], spinners: list[float]
) -> list[list[Any]]:
    """Which callbacks run in each of some rounds of `run_forever()`, while some tasks are always ready."""
    log: list[Any] = []
    is_over = False

    def call(path: tuple[int, ...], node: Node) -> None:
        if is_over:
            return
        stops, before, after = node
        log.append(path)
        for place, child in enumerate(before):
            loop.call_soon(call, (*path, place), child)
        if stops:
            loop.stop()
        for place, child in enumerate(after, len(before)):
            loop.call_soon(call, (*path, place), child)

    def count_down(passes: int) -> None:
        log.append(passes)
        if passes:
            loop.call_soon(count_down, passes - 1)
        elif not is_over:
            loop.stop()

    with closing(loop):
        for priority in spinners:
            create(spin(), priority=priority)
        seen = []
        for number, roots in enumerate(program):
            for place, root in enumerate(roots):
                loop.call_soon(call, (number, place), root)
            loop.call_soon(count_down, PASSES)
            loop.run_forever()
            seen.append(log[:])
            log.clear()
        is_over = True
        end_tasks(loop)
    return seen


# With asyncio's own `_run_once`, a turn given away may leave the last callback to the next run.
@pytest.mark.parametrize("make_loop", ["fast", "debug"], indirect=True)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.lists(nodes, max_size=4), min_size=1, max_size=4))
def test_what_stop_lets_run_is_what_the_stock_loop_runs(make_loop: Make, program: list[list[Node]]) -> None:
    stock = asyncio.SelectorEventLoop()
    expected = rounds_of(stock, program, lambda coro, priority: stock.create_task(coro), [0.0])
    for spinners in ([-20.0], [10.0], [-20.0, -15.0, 0.0, 5.0, 10.0]):
        loop = make_loop()
        assert rounds_of(loop, program, loop.create_task, spinners) == expected


# As above, without asyncio's own `_run_once`.
@pytest.mark.parametrize("make_loop", ["fast", "debug"], indirect=True)
@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("others", [0, 2])
def test_steps_of_tasks_queued_behind_stop_run_as_on_the_stock_loop(make_loop: Make, steps: int, others: int) -> None:
    async def work(log: list[int], number: int) -> None:
        for step in range(steps):
            log.append(10 * number + step)
            await asyncio.sleep(0)

    def log_of(loop: asyncio.AbstractEventLoop, spinners: list[float], create: Callable[..., object]) -> list[int]:
        log: list[int] = []
        with closing(loop):
            for priority in spinners:
                create(spin(), priority=priority)
            loop.call_soon(loop.stop)
            loop.run_forever()
            loop.call_soon(loop.stop)
            main = loop.create_task(work(log, 0))
            for number in range(others):
                loop.create_task(work(log, number + 1))
            with suppress(RuntimeError):  # stopped before it was done
                loop.run_until_complete(main)
            seen = log[:]
            loop.call_soon(loop.stop)
            loop.run_forever()
            end_tasks(loop)
        return seen

    stock = asyncio.SelectorEventLoop()
    expected = log_of(stock, [], stock.create_task)
    assert expected == [10 * number for number in range(others + 1)]
    for spinners in ([], [-10.0], [10.0], [-10.0, 10.0]):
        loop = make_loop()
        assert log_of(loop, spinners, loop.create_task) == expected


@pytest.mark.parametrize("priority", [-10, 0, 10])
def test_callbacks_queued_beside_stop_run_and_those_that_they_queue_do_not(make_loop: Make, priority: float) -> None:
    log: list[str] = []

    def first() -> None:
        log.append("first")
        loop.call_soon(log.append, "queued by the first")
        loop.stop()

    def second() -> None:
        log.append("second")
        loop.call_soon(log.append, "queued by the second")

    async def main() -> None:
        for _ in range(100):  # passes get longer
            await asyncio.sleep(0)
        loop.call_soon(first)
        loop.call_soon(second)

    with closing(make_loop()) as loop:
        loop.create_task(main(), priority=priority)
        loop.run_forever()
        assert log == ["first", "second"]
        loop.run_until_complete(asyncio.sleep(0))
        assert log[2:] == ["queued by the first", "queued by the second"]


def test_a_connection_that_the_peer_has_closed_is_not_lost_before_run_until_complete_returns(make_loop: Make) -> None:
    # asyncio's transports queue `connection_lost` when they see that; CPython's own tests rely on being told later.
    ours, peer = socket.socketpair()

    class Protocol(asyncio.Protocol):
        lost = False

        def connection_lost(self, exc: Exception | None) -> None:
            self.lost = True

    async def connect() -> tuple[asyncio.Transport, Protocol]:
        connection = await loop.create_connection(Protocol, sock=ours)
        # The future that ends the run is done in the same pass in which the transport reads the end of the stream.
        loop.call_soon(peer.close)
        return connection

    with closing(make_loop()) as loop:
        transport, protocol = loop.run_until_complete(loop.create_task(connect(), priority=-10))
        loop.call_soon(loop.stop)
        loop.run_forever()
        assert not protocol.lost
        assert transport.get_extra_info("sockname") is not None
        for _ in range(3):
            loop.call_soon(loop.stop)
            loop.run_forever()
        assert protocol.lost


def test_turns_given_to_background_tasks_take_none_from_callbacks_that_stop_lets_run() -> None:
    # The handles of a pass are counted when it begins; 200 of them give three turns to the task.
    log: list[int] = []
    with closing(PrioritySelectorEventLoop()) as loop:
        loop.create_task(spin(), priority=10)
        loop.run_until_complete(asyncio.sleep(0))
        loop.call_soon(loop.stop)
        for number in range(200):
            loop.call_soon(log.append, number)
        loop.run_forever()
        assert log == list(range(200))
        end_tasks(loop)


def test_repeated_short_runs_let_background_tasks_advance(make_loop: Make) -> None:
    steps = 0

    async def work() -> None:
        nonlocal steps
        for _ in range(10):
            steps += 1
            await asyncio.sleep(0)

    with closing(make_loop()) as loop:
        task = loop.create_task(work(), priority=10)
        for _ in range(11):
            loop.stop()
            loop.run_forever()
        assert task.done()
        assert steps == 10


def test_each_short_run_runs_what_is_ready_while_levels_fall_out_of_use(make_loop: Make) -> None:
    log: list[int] = []
    with closing(make_loop()) as loop:
        loop.run_until_complete(loop.create_task(asyncio.sleep(0), priority=-10))
        for number in range(60):
            loop.call_soon(log.append, number)
            loop.stop()
            loop.run_forever()
            assert log == list(range(number + 1))


def test_a_callback_that_takes_others_out_of_the_queue_does_not_end_the_loop(make_loop: Make) -> None:
    log: list[int] = []

    def take_out(loop: PrioritySelectorEventLoop, handles: list[asyncio.Handle]) -> None:
        for handle in handles:
            loop.queue_remove(handle)

    with closing(make_loop()) as loop:
        for keeps_a_level in (False, True):
            if keeps_a_level:
                loop.create_task(spin(), priority=10)
            handles: list[asyncio.Handle] = []
            loop.call_soon(take_out, loop, handles)
            handles += [loop.call_soon(log.append, 0) for _ in range(3)]
            loop.call_soon(log.append, 1)
            loop.call_soon(loop.stop)
            loop.run_forever()
        end_tasks(loop)
    assert log == [1, 1]


def test_a_stop_from_another_thread_ends_a_run_of_steps(make_loop: Make) -> None:
    async def main() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        await asyncio.to_thread(partial(loop.call_soon_threadsafe, loop.stop))
        await spin()

    with closing(make_loop()) as loop:
        loop.create_task(main(), priority=10)
        loop.run_forever()
        end_tasks(loop)
        loop.run_until_complete(loop.shutdown_default_executor())


@pytest.mark.parametrize("priority", [-1.0, 1.0])
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_after_a_callback_that_ended_the_loop_it_runs_and_stops_as_before(
    make_loop: Make, kind: type[BaseException], priority: float
) -> None:
    async def first() -> None:
        loop.create_task(spin(), priority=priority)
        await asyncio.sleep(0)
        loop.call_soon(fail)
        await asyncio.get_running_loop().create_future()

    def fail() -> None:
        raise kind

    async def second() -> str:
        return "done"

    with closing(make_loop()) as loop:
        with pytest.raises(kind):
            loop.run_until_complete(first())
        assert loop.run_until_complete(second()) == "done"
        end_tasks(loop)


def test_nothing_is_kept_of_a_callback_that_has_run(make_loop: Make) -> None:
    class Anything:
        pass

    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    kept: weakref.WeakSet[Anything] = weakref.WeakSet()

    def queue(times: int) -> None:
        if not times:
            loop.stop()
            return
        anything = Anything()
        kept.add(anything)
        loop.call_soon(str, anything)
        loop.call_soon(queue, times - 1)

    with closing(make_loop()) as loop:
        loop.create_task(wait(), priority=10)
        loop.stop()
        loop.run_forever()
        # While the task's level is among those looked at, and after.
        for passes in (1, 40, 1):
            loop.call_soon(queue, passes)
            loop.run_forever()
            assert not kept
        end_tasks(loop)
