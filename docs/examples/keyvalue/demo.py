"""A demonstration: the server in a process of its own, driven by a client that knows nothing of this project."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from aio_group import Group, run_asyncio, uncancellable
from aio_values import AsyncValue
from redis.exceptions import ResponseError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from . import client, protocol
from .load import Load, put_load, redis_client

COMMANDS = (
    "PING",
    "SET greeting hello EX 60",
    "GET greeting",
    "TTL greeting",
    "SET greeting again NX",
    "INCRBY visits 41",
    "INCR visits",
    "INCR greeting",
    "RPUSH queue one two three",
    "LRANGE queue 0 -1",
    "CONFIG GET append*",
)
KEYS = 30_000
_console = Console(highlight=False)


def main() -> None:
    """Show the server at work; exits with 0, or with 130 when interrupted."""
    parser = argparse.ArgumentParser("keyvalue.demo", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of load (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=20, help="of the load (default: %(default)s)")
    options = parser.parse_args()
    try:
        run_asyncio(demonstrate(options.seconds, options.clients), create_loop=True)
    except asyncio.CancelledError:
        _console.print("Interrupted; the server has been stopped.")
        sys.exit(130)


async def demonstrate(seconds: float, clients: int) -> None:
    """Start a server, talk to it, put load on it, and stop it."""
    status = AsyncValue("")
    async with server() as port, Group() as group:
        group.spawn(follow_status, port, status)
        _console.print(f"[bold]A server listens on port {port}.[/] redis-py says to it:")
        await converse(port, status)
        _console.print(f"\n[bold]{clients} clients, {seconds:g} seconds, and what STATUS says meanwhile:[/]")
        columns = TextColumn("{task.completed:.1f} s"), BarColumn(), TextColumn("{task.fields[status]}")
        watching = group.spawn(watch, port, int(seconds))
        with Progress(*columns, TimeRemainingColumn(), console=_console) as bar:
            task = bar.add_task("load", total=seconds, status=status.value)
            load = await put_load(
                port, clients, seconds, lambda load: bar.update(task, completed=load.seconds, status=status.value)
            )
            bar.update(task, completed=seconds)
        _console.print(table(load))
        _console.print(f"\n[bold]What a program on trio saw meanwhile:[/]\n{await watching}")
    _console.print("\n[bold]Two servers that rewrite their files all the time, at low priority:[/]")
    _console.print(table_of_loops({loop: await measure_in_background(loop, seconds) for loop in ("priority", "stock")}))
    _console.print("The servers have been stopped.")


async def watch(port: int, lines: int) -> str:
    """Let a program of another kind, on trio, watch the server; what it printed."""
    command = [sys.executable, "-m", "keyvalue.watch", "--port", str(port), "--lines", str(max(lines, 1))]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=Path(__file__).parents[1], stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
        await uncancellable(process.wait())
    return output.decode().rstrip()


async def measure_in_background(loop: str, seconds: float) -> Load:
    """Let one client send commands to a server with such a loop, which works in the background meanwhile."""
    with TemporaryDirectory() as directory:
        options = "--loop", loop, "--appendonly", str(Path(directory) / "appendonly.aof"), "--appendfsync", "no"
        async with server(*options) as port, Group() as group:
            await fill(port)
            group.spawn(rewrite_again_and_again, port)
            load = await put_load(port, 1, seconds, lambda _load: None, pause=0.001)
    return load


async def fill(port: int) -> None:
    """Set many keys."""
    async with redis_client(port) as redis, redis.pipeline(transaction=False) as pipeline:
        for number in range(KEYS):
            pipeline.set(f"filler:{number}", "x" * 100)
        await pipeline.execute()


async def rewrite_again_and_again(port: int) -> None:
    """Have the server's file rewritten without end."""
    async with redis_client(port) as redis:
        while True:
            with suppress(ResponseError):  # it is not done with the last one
                await redis.bgrewriteaof()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def server(*options: str) -> AsyncIterator[int]:
    """Run a server on a free port for as long as the context is open."""
    command = [sys.executable, "-m", "keyvalue", "--port", "0", *options]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=Path(__file__).parents[1],
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in a terminal is for the demonstration, which then stops the server
    )
    try:
        assert process.stdout is not None
        ready = (await process.stdout.readline()).decode()
        if not ready:
            raise SystemExit("the server has not started")
        yield int(ready.rpartition(":")[2])
    finally:
        if process.returncode is None:
            process.terminate()
        await uncancellable(process.wait())


async def follow_status(port: int, status: AsyncValue[str]) -> None:
    """Keep `status` at what the server says of itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(protocol.command(b"STATUS"))
        async for reply in client.replies(partial(reader.read, 65536)):
            status.value = client.shown(reply)
    finally:
        writer.close()


async def converse(port: int, status: AsyncValue[str]) -> None:
    """Send commands of all kinds, and show the replies."""
    async with redis_client(port, decode_responses=True) as redis:

        async def say(command: str) -> None:
            try:
                # redis-py does not declare the types of this method.
                reply = repr(await redis.execute_command(*command.split()))  # type: ignore[no-untyped-call]
            except ResponseError as error:
                reply = f"error: {error}"
            show(command, reply)

        for command in COMMANDS:
            await say(command)

        async with redis.pipeline(transaction=False) as pipeline:
            pipeline.set("a", 1)
            pipeline.incr("a")
            pipeline.mget("a", "b")
            show("SET, INCR, MGET in one go", repr(await pipeline.execute()))

        async with Group() as group, redis.pubsub() as subscription:
            waiting = group.spawn(say, "BLPOP jobs 5")
            show("STATUS, a client being blocked", await status.wait_value(lambda now: "blocked=1" in now))
            await say("RPUSH jobs job-1")
            await waiting
            show("STATUS, afterwards", await status.wait_value(lambda now: "blocked=0" in now))
            await subscription.subscribe("news")
            await subscription.get_message(timeout=5)
            await say("PUBLISH news hello")
            message = await subscription.get_message(timeout=5)
            show("what a subscriber hears", repr(message and message["data"]))


def show(command: str, reply: str) -> None:
    """Print what was asked and what came back."""
    _console.print(f"  [cyan]{command:30}[/] {escape(reply)}")


def table(load: Load) -> Table:
    """Show what the load was, and how the server coped."""
    shown = Table(title=f"{load.count / load.seconds:,.0f} commands a second")
    for name in ("command", "a second", "median", "99 %", "99.9 %"):
        shown.add_column(name, justify="left" if name == "command" else "right")
    for command, durations in load.durations.items():
        times = [f"{load.percentile(command, percent) * 1000:.2f} ms" for percent in (50, 99, 99.9)]
        shown.add_row(command, f"{len(durations) / load.seconds:,.0f}", *times)
    return shown


def table_of_loops(loads: dict[str, Load]) -> Table:
    """Show how long a command took on each loop."""
    shown = Table("loop", "command", "median", "99 %", "99.9 %")
    for command in ("PING", "SET", "GET"):
        for loop, load in loads.items():
            times = [f"{load.percentile(command, percent) * 1000:.2f} ms" for percent in (50, 99, 99.9)]
            shown.add_row(loop, command, *times)
    return shown


if __name__ == "__main__":
    main()
