"""Where the tests of the example find it, and what they talk to."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "docs" / "examples")]

from keyvalue_service import Peer, RedisServer, Service  # noqa: E402 - found by the path above


@pytest.fixture(scope="session")
def shared_service() -> Iterator[Service]:
    with Service() as service:
        yield service


@pytest.fixture
def service(shared_service: Service) -> Service:
    """A running server without any keys."""
    shared_service.ask("FLUSHALL")
    return shared_service


@pytest.fixture(scope="session")
def real_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """The server that Redis' authors wrote, 7.0 or later in its major version."""
    path = shutil.which("redis-server")
    if path is None:
        pytest.skip("redis-server is not installed: Debian has it in the package redis-server")
    with RedisServer(path, tmp_path_factory.mktemp("redis")) as redis:
        version = redis.version()
        if not version.startswith("7.0."):
            pytest.skip(f"redis-server is {version}; the messages compared are those of 7.0")
        yield redis


@pytest.fixture(scope="session")
def redis_benchmark() -> str:
    path = shutil.which("redis-benchmark")
    if path is None:
        pytest.skip("redis-benchmark is not installed: Debian has it in the package redis-tools")
    return path
