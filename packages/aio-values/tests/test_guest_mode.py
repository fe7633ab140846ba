"""asyncio and trio in one thread: trio as a guest of asyncio, and one run inside the other."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from aio_values import AsyncValue, lowlevel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def run_with_guest(
    host: Callable[[], Awaitable[Any]], guest: Callable[[], Awaitable[Any]], **options: Any
) -> tuple[Any, Any]:
    """Run `host` on asyncio and `guest` on trio, trio as the guest of that loop."""

    async def main() -> tuple[Any, Any]:
        loop = asyncio.get_running_loop()
        guest_ended: asyncio.Future[Any] = loop.create_future()
        trio.lowlevel.start_guest_run(
            guest,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=guest_ended.set_result,
            **options,
        )
        async with asyncio.timeout(30):
            result = await host()
            return result, (await guest_ended).unwrap()

    return asyncio.run(main())


def test_each_side_knows_which_one_it_is() -> None:
    answers: list[str] = []

    async def ask() -> str:
        for _ in range(3):
            answers.append(lowlevel.current_runtime())
            await lowlevel.yield_now()
            await lowlevel.sleep(0.001)
        return lowlevel.current_runtime()

    assert run_with_guest(ask, ask) == ("asyncio", "trio")
    assert sorted(answers) == ["asyncio"] * 3 + ["trio"] * 3


def test_one_value_serves_both_sides() -> None:
    ball = AsyncValue(0)
    watched: dict[str, list[int]] = {"asyncio": [], "trio": []}

    async def play(own: int) -> str:
        """Each side returns the ball that the other one hit."""
        for number in range(own, 100, 2):
            await ball.wait_value(number)
            ball.value = number + 1
        runtime = lowlevel.current_runtime()
        async for number in ball.eventual_values():
            watched[runtime].append(number)
            if number == 100:
                return runtime
        raise AssertionError

    assert run_with_guest(lambda: play(0), lambda: play(1)) == ("asyncio", "trio")
    assert watched["asyncio"][-1] == watched["trio"][-1] == 100
    assert ball.statistics() == (0, 0)


def test_both_sides_share_predicates_derived_values_timeouts_and_expectations() -> None:
    value = AsyncValue(0)

    def positive(number: int) -> bool:
        return number > 0

    with value.open_transform(str) as text, value.expecting(2) as two:

        async def wait() -> tuple[Any, ...]:
            results: list[Any] = [await value.wait_value(positive, timeout=20)]
            results.append(await text.wait_value("2"))
            results.append(await two)
            with pytest.raises(TimeoutError):
                await text.wait_value("3", timeout=0)
            return tuple(results)

        async def host() -> tuple[Any, ...]:
            waiting = asyncio.create_task(wait())
            # Two waits for the same predicate, and the expectation; then two for the derived value.
            while value.statistics().waiting < 3:
                await asyncio.sleep(0.001)
            value.value = 1
            while text.statistics().waiting < 2:
                await asyncio.sleep(0.001)
            value.value = 2
            return await waiting

        assert run_with_guest(host, wait) == ((1, "2", 2), (1, "2", 2))


def test_cancelling_on_one_side_leaves_the_other_waiting() -> None:
    value = AsyncValue(0)
    scope = trio.CancelScope()

    async def guest() -> bool:
        with scope:
            await value.wait_value(1)
        return scope.cancelled_caught

    async def host() -> int:
        waiting = asyncio.create_task(value.wait_value(1))
        while value.statistics().waiting != 2:
            await asyncio.sleep(0.001)
        # Both sides are one thread, so the host may end the guest's wait.
        scope.cancel()
        while value.statistics().waiting != 1:
            await asyncio.sleep(0.001)
        value.value = 1
        return await waiting

    assert run_with_guest(host, guest) == (1, True)


def test_other_threads_reach_a_value_of_both_sides_through_the_host() -> None:
    value = AsyncValue(0)
    guest_waits = threading.Event()

    async def guest() -> int:
        task = trio.lowlevel.current_task()
        assert task is not None
        guest_waits.set()
        return await value.wait_value(1)

    async def host() -> int:
        waiting = asyncio.create_task(value.wait_value(2))
        while value.statistics().waiting != 2:
            await asyncio.sleep(0.001)

        def assign() -> None:
            guest_waits.wait()
            with pytest.raises(RuntimeError, match="belongs to thread"):
                value.value = 5
            value.set_threadsafe(1).result(timeout=20)
            value.set_threadsafe(2).result(timeout=20)

        await asyncio.to_thread(assign)
        return await waiting

    assert run_with_guest(host, guest) == (2, 1)


def test_trio_run_inside_an_asyncio_task_is_trio() -> None:
    """As in a notebook, whose cells are run by an asyncio task."""
    value = AsyncValue(0)

    async def inner() -> int:
        assert lowlevel.current_runtime() == "trio"
        async with trio.open_nursery() as nursery:

            async def assign() -> None:
                await trio.testing.wait_all_tasks_blocked()
                value.value = 1

            nursery.start_soon(assign)
            return await value.wait_value(1)

    async def outer() -> int:
        result = trio.run(inner)
        assert lowlevel.current_runtime() == "asyncio"
        return result

    assert asyncio.run(outer()) == 1


def test_asyncio_run_inside_a_trio_task_is_asyncio() -> None:
    value = AsyncValue(0)

    async def inner() -> int:
        assert lowlevel.current_runtime() == "asyncio"
        asyncio.get_running_loop().call_later(0.001, setattr, value, "value", 1)
        assert await asyncio.create_task(value.wait_value(1)) == 1
        return await value.wait_value(1)

    async def outer() -> int:
        result = asyncio.run(inner())
        assert lowlevel.current_runtime() == "trio"
        await lowlevel.checkpoint()
        return result

    assert trio.run(outer) == 1


def test_callback_of_a_loop_is_asyncio_and_nothing_is_nothing() -> None:
    answers: list[str] = []

    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: answers.append(lowlevel.current_runtime()))
        await asyncio.sleep(0)

    asyncio.run(main())
    assert answers == ["asyncio"]
    for ask in (lowlevel.current_runtime, lowlevel.current_time, lowlevel.create_waiter, lowlevel.current_home):
        with pytest.raises(RuntimeError, match="needs a running asyncio event loop or a trio task"):
            ask()


def test_trio_without_its_sign_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A future trio that leaves no name with sniffio is told right all the same."""
    from aio_values.lowlevel import _runtime

    class Elsewhere:
        thread_local = object()

    monkeypatch.setattr(_runtime.sign, "local", _runtime._NoSign)
    monkeypatch.setitem(sys.modules, "sniffio", Elsewhere)

    async def ask() -> str:
        return lowlevel.current_runtime()

    assert run_with_guest(ask, ask) == ("asyncio", "trio")
    assert trio.run(ask) == "trio"


def test_asyncio_program_never_imports_trio() -> None:
    program = """
import asyncio, sys
from aio_values import AsyncValue, compose_values, lowlevel

async def main():
    value = AsyncValue(0)
    asyncio.get_running_loop().call_soon(setattr, value, "value", 1)
    with compose_values(value=value) as both:
        await both.wait_value(lambda pair: pair.value == 1, held_for=0.001, timeout=5)
    with lowlevel.move_on_after(0.001):
        await value.wait_transition()
    await lowlevel.run_together(lowlevel.checkpoint, lowlevel.yield_now)
    try:
        await value.wait_value(2, timeout=0)
    except TimeoutError:
        pass

asyncio.run(main())
assert not {"trio", "sniffio", "outcome"} & set(sys.modules), sorted(sys.modules)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
