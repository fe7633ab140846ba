"""redis-benchmark, as it comes with Redis, finds nothing to complain about."""

import subprocess

import pytest
from keyvalue_service import Service

TESTS = ["ping", "set", "get", "incr", "lpush", "rpush", "lpop", "rpop", "mset"]


@pytest.mark.parametrize("options", [[], ["-P", "16"], ["-3"]], ids=["plain", "pipelined", "RESP3"])
def test_redis_benchmark(redis_benchmark: str, service: Service, options: list[str]) -> None:
    command = [redis_benchmark, "-p", str(service.port), "-t", ",".join(TESTS), "-n", "2000", "--csv", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    names = [line.split('"')[1] for line in done.stdout.splitlines()[1:]]
    assert [name.split()[0].lower() for name in names] == ["ping_inline", "ping_mbulk", *TESTS[1:]]
