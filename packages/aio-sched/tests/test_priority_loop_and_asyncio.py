"""A task of any priority can use every part of asyncio: what it relies on is not overtaken."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aio_sched import PriorityTask, priority_loop_factory

if TYPE_CHECKING:
    from collections.abc import Coroutine

PRIORITIES = [-10.0, 0.0, 10.0]


def run(main: Coroutine[Any, Any, Any], priority: float) -> Any:
    with asyncio.Runner(loop_factory=priority_loop_factory) as runner:
        loop: Any = runner.get_loop()

        def factory(loop: Any, coro: Any, *, priority: float = priority, **options: Any) -> asyncio.Task[Any]:
            return PriorityTask(coro, loop=loop, priority=priority, **options)

        loop.set_task_factory(factory)
        return runner.run(main)


async def background() -> None:
    while True:
        await asyncio.sleep(0)


async def beside_others(coro: Coroutine[Any, Any, Any]) -> Any:
    """Run beside tasks of all priorities that never rest."""
    loop: Any = asyncio.get_running_loop()
    others = [loop.create_task(background(), priority=value) for value in (-10.0, 0.0, 10.0)]
    try:
        return await coro
    finally:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("priority", PRIORITIES)
def test_clients_and_servers_of_streams_hundreds_of_times(priority: float, busy: bool) -> None:
    times = 60 if busy else 200

    served: list[asyncio.Task[Any] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def client(port: int, number: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"line %d\n" % number)
        await writer.drain()
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return answer

    async def main() -> list[bytes]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        answers = [await client(port, number) for number in range(times // 2)]
        answers += await asyncio.gather(*(client(port, number) for number in range(times // 2, times)))
        await asyncio.gather(*(task for task in served if task))
        server.close()
        await server.wait_closed()
        return answers

    answers = run(beside_others(main()) if busy else main(), priority)
    assert answers == [b"LINE %d\n" % number for number in range(times)]


@pytest.mark.parametrize("priority", PRIORITIES)
def test_sockets_of_the_loop_hundreds_of_times(priority: float) -> None:
    import socket

    async def main() -> int:
        loop = asyncio.get_running_loop()
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        count = 0
        for _ in range(200):
            ours = socket.socket()
            ours.setblocking(False)
            accepted, _ = await asyncio.gather(
                loop.sock_accept(listener), loop.sock_connect(ours, listener.getsockname())
            )
            theirs = accepted[0]
            await loop.sock_sendall(ours, b"x" * 10)
            count += len(await loop.sock_recv(theirs, 100))
            # What the loop still had to do with a descriptor would fail here: "is used by transport".
            reader, writer = await asyncio.open_connection(sock=ours)
            theirs.close()
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
        listener.close()
        return count

    assert run(main(), priority) == 2000


@pytest.mark.parametrize("priority", PRIORITIES)
def test_datagrams_hundreds_of_times(priority: float) -> None:
    class Receiver(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.queue: asyncio.Queue[bytes] = asyncio.Queue()
            self.closed = asyncio.get_running_loop().create_future()

        def datagram_received(self, data: bytes, addr: object) -> None:
            self.queue.put_nowait(data)

        def connection_lost(self, exc: Exception | None) -> None:
            self.closed.set_result(exc)

    async def main() -> list[bytes]:
        loop = asyncio.get_running_loop()
        received = []
        for number in range(200):
            transport, protocol = await loop.create_datagram_endpoint(Receiver, local_addr=("127.0.0.1", 0))
            transport.sendto(b"%d" % number, transport.get_extra_info("sockname"))
            received.append(await protocol.queue.get())
            transport.close()
            assert await protocol.closed is None
        return received

    assert run(main(), priority) == [b"%d" % number for number in range(200)]


@pytest.mark.parametrize("priority", PRIORITIES)
def test_subprocesses(priority: float) -> None:
    async def one(number: int) -> bytes:
        process = await asyncio.create_subprocess_exec(
            "cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate(b"%d" % number)
        assert process.returncode == 0
        return output

    async def main() -> list[bytes]:
        return [await one(number) for number in range(5)] + await asyncio.gather(*(one(n) for n in range(5, 20)))

    if sys.platform == "win32":
        pytest.skip("there is no cat")
    if sys.version_info < (3, 12):
        pytest.skip("up to 3.11, the child watcher is for the policy's loop")
    assert run(main(), priority) == [b"%d" % number for number in range(20)]


@pytest.mark.parametrize("priority", PRIORITIES)
def test_executors_timers_timeouts_and_groups(priority: float) -> None:
    async def main() -> list[int]:
        results = [await asyncio.to_thread(int, number) for number in range(300)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asyncio.sleep(0.001, number)) for number in range(10)]
        results += [task.result() for task in tasks]
        return results

    assert run(main(), priority) == [*range(300), *range(10)]
