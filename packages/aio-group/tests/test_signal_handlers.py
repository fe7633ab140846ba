"""The handlers of signals that are borrowed for a while, in the cases that programs cannot bring about at will."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import pytest
from aio_group import run_asyncio
from aio_group._heard_cancellation import HeardCancellation
from aio_group._signals import SignalTrap

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _handler_comes_back() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_signal_that_comes_while_handlers_are_put_back_goes_to_the_previous_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    received: list[str] = []
    trap = SignalTrap([signal.SIGTERM], lambda signum: received.append("trap"))
    before = signal.signal(signal.SIGTERM, lambda signum, frame: received.append("previous"))
    try:
        trap.set()
        signal.raise_signal(signal.SIGTERM)
        original = signal.signal

        def signal_with_bad_timing(signum: int, handler: Any) -> Any:
            signal.raise_signal(signum)
            return original(signum, handler)

        monkeypatch.setattr(signal, "signal", signal_with_bad_timing)
        trap.release(even_if_replaced=True)
        monkeypatch.undo()
        assert received == ["trap", "previous"]
        signal.raise_signal(signal.SIGTERM)
        assert received == ["trap", "previous", "previous"]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_handler_that_python_does_not_know_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda signum: None)
    trap = SignalTrap([signal.SIGTERM], print)
    trap.set()
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert trap.release(even_if_replaced=True) == {}


def test_an_interpreter_without_signals_runs_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(signum: int, handler: Any) -> Any:
        raise ValueError("signal only works in main thread of the main interpreter")

    async def main() -> str:
        monkeypatch.undo()
        return "result"

    monkeypatch.setattr(signal, "signal", refusing)
    assert run_asyncio(main()) == "result"


def test_a_wrapped_coroutine_can_be_awaited_and_closed() -> None:
    async def returning() -> str:
        await asyncio.sleep(0)
        return "result"

    async def main() -> str:
        return await HeardCancellation(returning())

    assert run_asyncio(main()) == "result"
    coroutine = returning()
    HeardCancellation(coroutine).close()
    with pytest.raises(RuntimeError, match="cannot reuse"):
        coroutine.send(None)
