"""The append-only file: what was acknowledged is there after a restart, however the server ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import threading
import time
from typing import TYPE_CHECKING

import pytest
from keyvalue.commands import Session
from keyvalue.log import Log, replay
from keyvalue.server import Server
from keyvalue.state import State
from keyvalue_service import Service, encode

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "appendonly.aof"


def kept(path: Path, fsync: str = "always") -> Service:
    return Service("--appendonly", str(path), "--appendfsync", fsync)


class Writer(threading.Thread):
    """A client that writes as fast as it can, a few commands at a time, and remembers what was acknowledged."""

    def __init__(self, service: Service, name: str) -> None:
        super().__init__()
        self.service, self.name = service, name
        self.sent = self.acknowledged = 0

    def run(self) -> None:
        """Command n sets key n to n, pushes n, or counts: its reply says that it was done."""
        with contextlib.suppress(ConnectionError), self.service.connect() as line:
            replies = b""
            while True:
                numbers = range(self.sent + 1, self.sent + 11)
                self.sent += len(numbers)
                commands = [encode("SET", f"{self.name}:{n}", str(n)) + encode("INCR", self.name) for n in numbers]
                if not line.send(b"".join(commands)):
                    return
                while replies.count(b"\r\n") < 2 * self.sent:
                    data = line.receive()
                    replies += data
                    self.acknowledged = replies.count(b"+OK\r\n:")
                    if not data:
                        return


def test_no_acknowledged_write_is_lost_to_kill_9(path: Path) -> None:
    chance = random.Random(1)
    writers: list[Writer] = []
    for turn in range(6):
        with kept(path) as service:
            for writer in writers:
                keys = [f"{writer.name}:{n}" for n in range(1, writer.acknowledged + 1)]
                expected = b"*%d\r\n" % len(keys) + b"".join(encode(str(n))[4:] for n in range(1, len(keys) + 1))
                assert service.ask("MGET", *keys) == expected
                count = int(service.ask("GET", writer.name).split(b"\r\n")[1])
                assert writer.acknowledged <= count <= writer.sent
            writers = [Writer(service, f"{turn}-{number}") for number in range(6)]
            for writer in writers:
                writer.start()
            while not all(writer.acknowledged for writer in writers):
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.3))
            service.kill()
            for writer in writers:
                writer.join()


def test_a_reply_leaves_when_its_record_is_on_the_disk_and_not_before(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, disk = threading.Event(), threading.Semaphore(0)

    def slow_fsync(file: int) -> None:
        begun.set()
        disk.acquire()

    async def main() -> None:
        state = State({b"appendonly": b"yes"})
        async with Log(path, "always", state.database) as log, Server(state, 4096) as server:
            state.log = log
            port = await server.listen("127.0.0.1", 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
            monkeypatch.setattr(os, "fsync", slow_fsync)
            writer.write(encode("SET", "a", "1"))
            await asyncio.to_thread(begun.wait)
            # Whoever sees what is not safe yet waits for it as well; others do not.
            other_writer.write(encode("PING"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.readexactly(1), 0.1)
            disk.release()
            assert await reader.readexactly(5) == b"+OK\r\n"
            assert await other_reader.readexactly(7) == b"+PONG\r\n"
            writer.close()
            other_writer.close()
            monkeypatch.undo()

    asyncio.run(main())


@pytest.mark.parametrize("fsync", ["always", "everysec", "no"])
def test_all_kinds_of_values_are_there_after_a_stop(path: Path, fsync: str) -> None:
    with kept(path, fsync) as service:
        for words in (
            ["SET", "text", b"\x00\r\n\xff"],
            ["SET", "passing", "x", "EX", "1000"],
            ["MSET", "a", "1", "b", "2"],
            ["INCRBY", "a", "41"],
            ["EXPIRE", "a", "500"],
            ["INCR", "a"],
            ["DEL", "b"],
            ["RPUSH", "list", "x", "y", "z", "z"],
            ["LPUSH", "list", "w"],
            ["RPOP", "list"],
            ["LPOP", "list", "2"],
            ["RPUSH", "passing list", "x"],
            ["EXPIRE", "passing list", "-1"],
            ["SET", "gone", "x", "PX", "1"],
            ["BLPOP", "nothing", "list", "0"],
        ):
            assert not service.ask(*words).startswith(b"-")
        while service.ask("EXISTS", "gone") != b":0\r\n":
            time.sleep(0.001)
        assert service.ask("CONFIG", "GET", "append*").endswith(b"$10\r\nappendonly\r\n$3\r\nyes\r\n")
    with kept(path, fsync) as service:
        assert service.ask("DBSIZE") == b":4\r\n"
        assert service.ask("GET", "text") == b"$4\r\n\x00\r\n\xff\r\n"
        assert service.ask("GET", "a") == b"$2\r\n43\r\n"
        assert service.ask("LRANGE", "list", "0", "-1") == b"*1\r\n$1\r\nz\r\n"
        assert 900 < int(service.ask("TTL", "passing")[1:]) <= 1000
        assert 400 < int(service.ask("TTL", "a")[1:]) <= 500
        assert service.ask("FLUSHALL") == b"+OK\r\n"
    with kept(path, fsync) as service:
        assert service.ask("DBSIZE") == b":0\r\n"


def test_a_write_that_was_cut_short_is_forgotten_and_the_log_goes_on(path: Path) -> None:
    path.write_bytes(encode("SET", "a", "1") + encode("SET", "b", "2")[:-3])
    with kept(path) as service:
        assert service.ask("GET", "a") == b"$1\r\n1\r\n"
        assert service.ask("GET", "b") == b"$-1\r\n"
        assert service.ask("SET", "c", "3") == b"+OK\r\n"
    assert path.read_bytes() == encode("SET", "a", "1") + encode("SET", "c", "3")


@pytest.mark.parametrize(
    "damage", [b"*1\r\n$4\r\nJUNK\r\n", b"*1\r\n$x\r\n", encode("INCR", "a"), encode("BLPOP", "nothing", "0")]
)
def test_a_log_that_makes_no_sense_is_not_overwritten(path: Path, damage: bytes) -> None:
    content = encode("SET", "a", "x") + damage + encode("SET", "b", "y")
    path.write_bytes(content)
    with kept(path) as service:
        assert service.greeting == ""
        assert service.process.wait(20) == 1
        assert f"the record at byte {len(encode('SET', 'a', 'x'))} makes no sense" in service.errors()
    assert path.read_bytes() == content


def test_a_key_that_expired_does_so_again_in_the_log_and_not_by_the_clock(path: Path) -> None:
    """What was done to a key before it expired, and to its successor after, is done to the same when replayed."""
    with kept(path) as service:
        service.ask("SET", "n", "10", "PX", "50")
        service.ask("INCR", "n")
        while service.ask("EXISTS", "n") != b":0\r\n":
            time.sleep(0.005)
        service.ask("INCR", "n")
    with kept(path) as service:
        assert service.ask("GET", "n") == b"$1\r\n1\r\n"
        assert service.ask("TTL", "n") == b":-1\r\n"


def test_what_a_blocked_client_took_is_gone_after_a_restart(path: Path) -> None:
    with kept(path) as service, service.connect() as line:
        line.send(encode("BLPOP", "queue", "0"))
        service.wait_for_figure("blocked_clients", 1)
        assert service.ask("RPUSH", "queue", "x", "y") == b":2\r\n"
        line.expect(b"*2\r\n$5\r\nqueue\r\n$1\r\nx\r\n")
        service.kill()
    with kept(path) as service:
        assert service.ask("LRANGE", "queue", "0", "-1") == b"*1\r\n$1\r\ny\r\n"


def test_a_server_that_cannot_write_its_log_acknowledges_nothing_and_ends(path: Path) -> None:
    with Service("--appendonly", str(path), "--appendfsync", "always", limit="ulimit -f 64") as service:
        with service.connect() as line:
            line.send(encode("SET", "a", "x" * 100_000))
            assert line.receive_all() == b""
        assert service.process.wait(20) == 1
        assert "the append-only file could not be written" in service.errors()
    with kept(path) as service:
        assert service.ask("DBSIZE") == b":0\r\n"


def test_replaying_makes_the_same_database(path: Path) -> None:
    state, again = State({}), State({})
    records: list[bytes] = []
    state.database.record = lambda *words: records.append(encode(*words))
    session, chance = Session(state, 1, lambda _message: None), random.Random(1)
    keys = [b"a", b"b", b"c", b"d"]
    for _ in range(3000):
        key, value = chance.choice(keys), b"%d" % chance.randrange(5)
        session.execute(
            chance.choice(
                [
                    [b"SET", key, value],
                    [b"SET", key, value, b"EX", b"100"],
                    [b"INCR", key],
                    [b"DEL", key],
                    [b"MSET", key, value, chance.choice(keys), value],
                    [b"RPUSH", key, value, value],
                    [b"LPUSH", key, value],
                    [b"LPOP", key],
                    [b"RPOP", key, value],
                    [b"EXPIRE", key, b"50"],
                    [b"EXPIRE", key, b"-1"],
                    [b"BLPOP", key, b"-1"],
                ]
            )
        )
        if not chance.randrange(100):
            path.write_bytes(b"".join(records))
            again = State({})
            replay(path, again)
            assert again.database.values == state.database.values
            assert again.database.deadlines == state.database.deadlines
