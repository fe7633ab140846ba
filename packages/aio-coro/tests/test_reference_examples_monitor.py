"""The examples of asynkit's README for `Monitor`, run with aio_coro.

Where an example could not run as printed, a comment says what was mended.
"""

from __future__ import annotations

import asyncio
import io
from contextlib import aclosing
from typing import Any

import pytest
from aio_coro import Monitor, OOBData, await_sync


def test_a_runner_prints_messages_and_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    async def coro(monitor: Monitor) -> str:
        await monitor.oob("hello")
        await asyncio.sleep(0)
        await monitor.oob("dolly")
        return "done"

    async def runner() -> None:
        m = Monitor()
        c = coro(m)
        while True:
            try:
                print(await m.aawait(c))  # noqa: T201
                break
            except OOBData as oob:
                print(oob.data)  # noqa: T201

    asyncio.run(runner())
    assert capsys.readouterr().out == "hello\ndolly\ndone\n"


@pytest.mark.asyncio
async def test_a_bound_monitor() -> None:
    async def coro(m: Monitor) -> str:
        await m.oob("foo")
        return "bar"

    m = Monitor()
    b = m(coro(m))
    try:
        await b
    except OOBData as oob:
        assert oob.data == "foo"  # noqa: PT017  (as printed)
    assert await b == "bar"


class Buffer:
    """What the readline example reads from."""

    def __init__(self) -> None:
        self.text = io.StringIO()

    def fill(self, data: str) -> None:
        position = self.text.tell()
        self.text.seek(0, io.SEEK_END)
        self.text.write(data)
        self.text.seek(position)

    def readline(self) -> str:
        return self.text.readline()


class Source:
    def __init__(self, *chunks: str | Exception) -> None:
        self.chunks = list(chunks)

    async def read(self) -> str:
        await asyncio.sleep(0)
        chunk = self.chunks.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk


async def readline(m: Monitor, buffer: Buffer) -> str:
    line = buffer.readline()
    while not line.endswith("\n"):
        await m.oob(None)
        line += buffer.readline()
    return line


async def manager(buffer: Buffer, source: Source) -> str:
    m = Monitor()
    a = m(readline(m, buffer))
    while True:
        try:
            return await a
        except OOBData:
            try:
                buffer.fill(await source.read())
            except Exception as exc:
                await a.athrow(exc)


@pytest.mark.asyncio
async def test_a_parser_that_asks_for_more_data() -> None:
    assert await manager(Buffer(), Source("hel", "lo\nwo", "rld\n")) == "hello\n"
    with pytest.raises(ConnectionError, match="gone"):
        await manager(Buffer(), Source("hel", ConnectionError("gone")))


@pytest.mark.asyncio
async def test_aclosing_a_bound_monitor() -> None:
    closed: list[bool] = []

    async def reads(m: Monitor) -> str:
        try:
            return await readline(m, Buffer())
        finally:
            closed.append(True)

    m = Monitor()
    # Mended: aclosing() is an async context manager.
    async with aclosing(m(reads(m))) as a:
        with pytest.raises(OOBData):
            await a
    assert closed == [True]


def input_short(data: bytes) -> bool:
    return len(data) < 4


async def parsed_data(monitor: Monitor, data: bytes) -> tuple[Any, bytes]:
    while b";" not in data:
        data += await monitor.oob()
    head, _, rest = data.partition(b";")
    return head, rest


async def stateful_parser(monitor: Monitor, input_data: bytes) -> tuple[Any, bytes]:
    while input_short(input_data):
        input_data += await monitor.oob()
    return await parsed_data(monitor, input_data)


@pytest.mark.asyncio
async def test_a_standalone_parser_is_fed_until_it_has_a_value() -> None:
    chunks = [b"a", b"bc", b"def", b"g;rest"]

    async def get_more_data() -> bytes:
        await asyncio.sleep(0)
        return chunks.pop(0)

    # The parameter is, here, the type of the data sent; the result is inferred.
    m: Monitor[None] = Monitor()
    p = m(stateful_parser(m, b""))
    await p.start()
    while True:
        parsed = await p.try_await(await get_more_data())
        if parsed is not None:
            break
    assert parsed == (b"abcdefg", b"rest")


def test_the_same_parser_without_a_loop() -> None:
    m: Monitor[None] = Monitor()
    p = m(stateful_parser(m, b""))
    await_sync(p.start())
    assert await_sync(p.try_await(b"ab")) is None
    assert await_sync(p.try_await(b"cd;e")) == (b"abcd", b"e")
