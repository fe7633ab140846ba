"""BGREWRITEAOF makes the append-only file short while the server goes on, and loses nothing on the way."""

from __future__ import annotations

import asyncio
import errno
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keyvalue import log as log_module
from keyvalue.commands import Session
from keyvalue.log import Log, replay
from keyvalue.state import State
from keyvalue_service import Service, encode

if TYPE_CHECKING:
    from io import FileIO

STARTED = b"+Background append only file rewriting started\r\n"
IN_PROGRESS = b"-ERR Background append only file rewriting already in progress\r\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "appendonly.aof"


def kept(path: Path, *options: str) -> Service:
    return Service("--appendonly", str(path), "--appendfsync", "always", *options)


def rewrite_and_wait(service: Service) -> None:
    assert service.ask("BGREWRITEAOF") == STARTED
    service.wait_for_figure("aof_rewrite_in_progress", 0)


@pytest.mark.parametrize("loop", ["priority", "stock"])
def test_the_file_is_as_short_as_it_can_be_and_tells_the_same(path: Path, loop: str) -> None:
    with kept(path, "--loop", loop) as service:
        for _ in range(20):
            service.ask("INCR", "count")
            service.ask("RPUSH", "list", "a", "b")
            service.ask("LPOP", "list")
        service.ask("SET", "passing", "x", "PXAT", "9000000000000")
        service.ask("SET", "gone", "x")
        service.ask("DEL", "gone")
        rewrite_and_wait(service)
        expected = [
            encode("SET", "count", "20"),
            encode("RPUSH", "list", *["a", "b"] * 10),
            encode("SET", "passing", "x") + encode("PEXPIREAT", "passing", "9000000000000"),
        ]
        content = path.read_bytes()
        assert all(part in content for part in expected)
        assert len(content) == sum(map(len, expected))
        service.ask("INCR", "count")
        assert path.read_bytes() == content + encode("SET", "count", "21")
    assert list(path.parent.iterdir()) == [path]
    with kept(path) as service:
        assert service.ask("MGET", "count", "passing", "gone") == b"*3\r\n$2\r\n21\r\n$1\r\nx\r\n$-1\r\n"
        assert service.ask("LLEN", "list") == b":20\r\n"


def test_without_a_file_there_is_nothing_to_rewrite(service: Service) -> None:
    assert service.ask("BGREWRITEAOF") == b"-ERR this server keeps no append-only file\r\n"


def test_a_second_rewrite_is_refused_while_one_goes_on(path: Path) -> None:
    with kept(path) as service:
        assert service.ask("BGREWRITEAOF") == STARTED
        with service.connect() as line:
            assert line.exchange(encode("BGREWRITEAOF") * 2) in {STARTED + IN_PROGRESS, 2 * IN_PROGRESS}
        service.wait_for_figure("aof_rewrite_in_progress", 0)
        rewrite_and_wait(service)


def test_a_rewrite_that_fails_leaves_the_file_and_the_server_as_they_are(path: Path) -> None:
    obstacle = path.with_name(path.name + ".rewrite")
    obstacle.mkdir()
    service = kept(path)
    try:
        service.ask("SET", "a", "1")
        rewrite_and_wait(service)
        service.ask("SET", "b", "2")
        assert path.read_bytes() == encode("SET", "a", "1") + encode("SET", "b", "2")
        obstacle.rmdir()
        rewrite_and_wait(service)
        assert len(path.read_bytes()) == len(encode("SET", "a", "1") * 2)
        assert service.stop() == 0
        assert service.errors().count("The append-only file was not rewritten") == 1
    finally:
        service.kill()


@pytest.mark.parametrize("keys", [1, 0], ids=["while keys are told", "at the end"])
def test_a_disk_that_is_full_leaves_the_file_and_the_server_as_they_are(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], keys: int
) -> None:
    write = log_module.write

    def write_old_file_only(file: FileIO, data: bytes) -> None:
        if str(file.name).endswith(".rewrite"):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, data)

    async def main() -> None:
        state = State({})
        async with Log(path, "no", state.database) as log:
            state.log, session = log, Session(state, 1, lambda message: None)
            for _ in range(keys):
                session.execute([b"SET", b"a", b"1"])
            monkeypatch.setattr(log_module, "write", write_old_file_only)
            for value in (b"2", b"3"):
                assert session.execute([b"BGREWRITEAOF"]) == STARTED
                session.execute([b"SET", b"a", value])
                await log.is_rewriting.wait_value(False)
            assert log.is_open

    asyncio.run(main())
    assert path.read_bytes() == b"".join(encode("SET", "a", str(n)) for n in range(2 - keys, 4))
    assert list(path.parent.iterdir()) == [path]
    assert capsys.readouterr().err.count("The append-only file was not rewritten: [Errno 28]") == 2


def test_a_server_that_stops_in_the_middle_keeps_the_old_file(path: Path) -> None:
    with kept(path) as service:
        with service.connect() as line:
            line.exchange(b"".join(encode("SET", f"key:{n}", "x" * 100) for n in range(20_000)))
        assert service.ask("BGREWRITEAOF") == STARTED
    assert list(path.parent.iterdir()) == [path]
    with kept(path) as service:
        assert service.ask("DBSIZE") == b":20000\r\n"


def test_no_acknowledged_write_is_lost_to_kill_9_while_rewriting(path: Path) -> None:
    for turn in range(1, 5):
        with kept(path) as service, service.connect() as line, service.connect() as other:
            before = int(service.ask("GET", "count").split(b"\r\n")[1]) if turn > 1 else 0
            assert service.ask("LLEN", "list") == b":%d\r\n" % before
            stop = threading.Event()

            def rewrites(service: Service = service, stop: threading.Event = stop) -> None:
                while not stop.is_set():
                    rewrite_and_wait(service)

            thread = threading.Thread(target=rewrites)
            thread.start()
            other.exchange(b"".join(encode("SET", f"filler:{n}", "x" * 50) for n in range(5000)))
            for count in range(before + 1, before + 60):
                line.send(encode("INCR", "count") + encode("RPUSH", "list", str(count)))
                line.expect(b":%d\r\n:%d\r\n" % (count, count))
            stop.set()
            thread.join()
            service.ask("BGREWRITEAOF")
            line.send(encode("INCR", "count") + encode("RPUSH", "list", "last"))
            line.expect(b":%d\r\n:%d\r\n" % (count + 1, count + 1))
            time.sleep(0.003 * turn)
            service.kill()


names = st.sampled_from([b"a", b"b", b"c"])
changes = st.one_of(
    st.tuples(st.just(b"SET"), names, st.sampled_from([b"1", b"2"])),
    st.tuples(st.just(b"SET"), names, st.just(b"3"), st.just(b"PXAT"), st.just(b"9000000000000")),
    st.tuples(st.just(b"INCR"), names),
    st.tuples(st.just(b"DEL"), names),
    st.tuples(st.sampled_from([b"RPUSH", b"LPUSH"]), names, st.sampled_from([b"x", b"y"])),
    st.tuples(st.sampled_from([b"LPOP", b"RPOP"]), names),
    st.tuples(st.just(b"EXPIRE"), names, st.sampled_from([b"1000", b"-1"])),
    st.just((b"FLUSHALL",)),
    st.just((b"BGREWRITEAOF",)),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(changes, st.integers(0, 2)), max_size=25), st.sampled_from([1, 10_000]))
def test_whatever_happens_meanwhile_the_file_tells_what_there_is(
    steps: list[tuple[tuple[bytes, ...], int]], at_once: int
) -> None:
    async def change(path: Path) -> State:
        state = State({})
        async with Log(path, "no", state.database) as log:
            state.log = log
            session = Session(state, 1, lambda message: None)
            for words, passes in [*steps, ((b"BGREWRITEAOF",), 0), ((b"SET", b"a", b"last"), 0)]:
                session.execute(list(words))
                for _ in range(passes):
                    await asyncio.sleep(0)
            await log.is_rewriting.wait_value(False)
        return state

    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_module, "_SLICE", 0.0)
        patch.setattr(log_module, "_AT_ONCE", at_once)
        path = Path(directory) / "appendonly.aof"
        state = asyncio.run(change(path))
        again = State({})
        replay(path, again)
        assert again.database.values == state.database.values
        assert dict(again.database.deadlines) == dict(state.database.deadlines)
        assert list(Path(directory).iterdir()) == [path]
