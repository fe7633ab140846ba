"""The weather station as a service, once on asyncio and once on trio, and a client that cannot tell them apart."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from typing import TYPE_CHECKING, Self

import trio
from aio_trio_util import run_and_cancelling
from aio_values import AsyncBool
from weather_station import Station

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LOCALHOST = "127.0.0.1"


class Service:
    """What both services have: a station, a port, and a wish to stop."""

    def __init__(self) -> None:
        self.station = Station()
        self.stop = AsyncBool()
        self._ports: queue.Queue[int] = queue.Queue()

    def port(self) -> int:
        """Wait, blocking, until the service listens."""
        return self._ports.get(timeout=20)

    async def reply(self, line: bytes) -> bytes:
        return (await self.station.answer(line.decode())).encode() + b"\n"

    async def on_asyncio(self) -> None:
        connections: set[asyncio.Task[None]] = set()

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async for line in reader:
                writer.write(await self.reply(line))
                await writer.drain()
            writer.close()

        def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(converse(reader, writer))
            connections.add(task)
            task.add_done_callback(lambda _: writer.close())

        server = await asyncio.start_server(connect, LOCALHOST, 0)
        self._ports.put(server.sockets[0].getsockname()[1])
        await self.stop.wait_value(True)
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()

    async def on_trio(self) -> None:
        async def converse(stream: trio.SocketStream) -> None:
            rest = b""
            async for chunk in stream:
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    await stream.send_all(await self.reply(line))

        listeners = await trio.open_tcp_listeners(0, host=LOCALHOST)
        async with run_and_cancelling(trio.serve_listeners, converse, listeners):
            self._ports.put(listeners[0].socket.getsockname()[1])
            await self.stop.wait_value(True)


class Running:
    """A service in a thread of its own, until the `with` block ends."""

    def __init__(self, run: Callable[[Service], None]) -> None:
        self.service = Service()
        self._thread = threading.Thread(target=run, args=(self.service,))

    def __enter__(self) -> Service:
        self._thread.start()
        return self.service

    def __exit__(self, *_: object) -> None:
        self.service.stop.set_threadsafe(True)
        self._thread.join(timeout=20)
        assert not self._thread.is_alive()


def run_on_asyncio(service: Service) -> None:
    asyncio.run(service.on_asyncio())


def run_on_trio(service: Service) -> None:
    trio.run(service.on_trio)


class Client:
    """Asks line by line, over a blocking socket."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((LOCALHOST, port), timeout=20)
        self._file = self._socket.makefile("rw", newline="\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, line: str) -> None:
        self._file.write(f"{line}\n")
        self._file.flush()

    def reply(self) -> str:
        return self._file.readline().strip()

    def ask(self, line: str) -> str:
        self.send(line)
        return self.reply()


def a_day(port: int) -> list[str]:
    """Talk to a service as two clients, one of which waits for what the other one does; all replies, in order."""
    with Client(port) as watcher, Client(port) as sensor:
        said = [sensor.ask("SET 21"), watcher.ask("FOLLOW 1")]
        watcher.send("WAIT 30")
        said += [sensor.ask("SET 25"), sensor.ask("SET 31"), watcher.reply()]
        watcher.send("ALARM")
        said += [sensor.ask("SUN on"), sensor.ask("SET 36"), watcher.reply()]
        watcher.send("GET wind")
        said += [sensor.ask("PUT wind 7"), watcher.reply()]
        said += [watcher.ask("TICKS 3"), sensor.ask("RAIN")]
        return said


async def run_both_in_one_thread(on_asyncio: Service, on_trio: Service, visit: Callable[[], Awaitable[None]]) -> None:
    """Serve on asyncio and on a trio that is the guest of its loop, until the visit is over."""
    loop = asyncio.get_running_loop()
    guest_ended: asyncio.Future[None] = loop.create_future()
    trio.lowlevel.start_guest_run(
        on_trio.on_trio,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        done_callback=lambda outcome: guest_ended.set_result(outcome.unwrap()),
    )
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(on_asyncio.on_asyncio())
        await visit()
        on_asyncio.stop.value = True
        on_trio.stop.set_threadsafe(True)
        await guest_ended
