"""Servers in processes of their own, and sockets to talk to them byte by byte."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from keyvalue.protocol import command

if TYPE_CHECKING:
    from typing import Self

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PATIENCE = 20.0  # seconds after which something that should happen has failed


def encode(*words: str | bytes) -> bytes:
    return command(*(word if isinstance(word, bytes) else word.encode() for word in words))


class Peer:
    """A server on a port of this machine."""

    port: int

    def connect(self) -> Line:
        return Line(self.port)

    def ask(self, *words: str | bytes) -> bytes:
        """Send one command on a connection of its own, and return all that comes back."""
        return self.exchange(encode(*words))

    def exchange(self, stream: bytes) -> bytes:
        """Send a stream on a connection of its own, and return all that comes back."""
        with self.connect() as line:
            return line.exchange(stream)

    def figure(self, name: str) -> int:
        """A figure of INFO."""
        [found] = [part for part in self.ask("INFO").split(b"\r\n") if part.startswith(name.encode() + b":")]
        return int(found.partition(b":")[2])

    def wait_for_figure(self, name: str, value: int) -> None:
        until = time.monotonic() + PATIENCE
        while self.figure(name) != value:
            assert time.monotonic() < until, f"{name} has not become {value}"


class Line:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """Send; tell whether the other side still listened."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def receive(self) -> bytes:
        """What has come, at least a byte; nothing when the other side has closed the connection."""
        try:
            return self.socket.recv(1 << 20)
        except ConnectionResetError:
            return b""

    def receive_until(self, end: bytes) -> bytes:
        """All that comes until it ends with `end`, or the connection does."""
        received = b""
        while not received.endswith(end):
            data = self.receive()
            if not data:
                break
            received += data
        return received

    def receive_all(self) -> bytes:
        """All that comes until the connection ends."""
        received = b""
        while data := self.receive():
            received += data
        return received

    def exchange(self, data: bytes) -> bytes:
        """Send commands that do not block, say that these were all, and return all that comes back."""
        if self.send(data):
            self.end()
        return self.receive_all()

    def end(self) -> None:
        """Tell the other side that no more will come."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def expect(self, reply: bytes) -> None:
        """Receive exactly so many bytes, and compare."""
        received = bytearray()
        while len(received) < len(reply) and (data := self.socket.recv(len(reply) - len(received))):
            received += data
        assert received == reply


class Service(Peer):
    """The example, as a user starts it, but on any free port and with warnings as errors."""

    def __init__(self, *options: str, limit: str = "") -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `kill`
        start = [sys.executable, "-W", "error", "-m", "keyvalue", "--port", "0", *options]
        if limit:
            start = ["sh", "-c", f'{limit}; exec "$@"', "sh", *start]
        self.process = subprocess.Popen(
            start, cwd=EXAMPLES, stdout=subprocess.PIPE, stderr=self._errors, env={**os.environ, "PYTHONPATH": "."}
        )
        assert self.process.stdout is not None
        self.greeting = self.process.stdout.readline().decode()
        if self.greeting:
            self.port = int(self.greeting.rpartition(":")[2])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            if self.process.poll() is None:
                assert self.stop() == 0
                assert self.errors() == "", self.errors()
        finally:
            self.kill()

    def errors(self) -> str:
        """What was written to the standard error; asyncio's debug mode may find some callbacks slow."""
        self._errors.seek(0)
        lines = self._errors.read().decode().splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith("Executing <"))

    def memory(self) -> int:
        """How many bytes of memory the server occupies."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def wait_until_quiet(self) -> None:
        """Wait until the server has done whatever it can do for now."""
        used = -1
        while used != (used := sum(map(int, self._times()))):
            time.sleep(0.1)

    def _times(self) -> list[str]:
        """The processor time that the server has taken."""
        return Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask the server to end, and return how it did."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End the server at once, without a chance to tidy up."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()


class RedisServer(Peer):
    """A real one, without persistence."""

    def __init__(self, path: str, directory: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
        self._process = subprocess.Popen([path, *options], stdout=subprocess.DEVNULL)

    def __enter__(self) -> Self:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self.ask("PING")
            except ConnectionRefusedError:
                assert time.monotonic() < until, "redis-server does not start"
                time.sleep(0.02)
            else:
                return self

    def __exit__(self, *_exc: object) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)

    def version(self) -> str:
        return self.ask("INFO", "server").partition(b"redis_version:")[2].partition(b"\r\n")[0].decode()
