"""Executors outside a running loop."""

import asyncio
import threading
from typing import Any

import pytest
from aio_group import Executor


def test_one_left_open_ends_with_its_loop() -> None:
    ended: list[Any] = []

    async def main() -> None:
        executor = Executor(1)
        await executor.spawn(int)
        executor.spawn(lambda: ended.append(threading.current_thread()))

    asyncio.run(main())
    assert len(ended) == 1
    assert not ended[0].is_alive()


def test_it_needs_a_running_loop() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        Executor()
