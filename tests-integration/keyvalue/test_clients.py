"""redis-py, which knows nothing of this project, finds a server that it can work with."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import ResponseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from keyvalue_service import Service

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
async def redis(service: Service, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    async with Redis(port=service.port, protocol=request.param, decode_responses=True, client_name="test") as client:
        yield client


async def test_strings(redis: Any) -> None:
    assert await redis.set("a", "1", ex=100)
    assert await redis.get("a") == "1"
    assert await redis.ttl("a") == 100
    assert await redis.set("a", "2", nx=True) is None
    assert await redis.set("b", "2", xx=True) is None
    assert await redis.set("a", "2", xx=True, px=50_000)
    assert await redis.ttl("a") == 50
    assert await redis.mset({"b": "x", "c": "y"})
    assert await redis.mget("a", "b", "nothing", "c") == ["2", "x", None, "y"]
    assert await redis.exists("a", "a", "nothing") == 2
    assert await redis.delete("a", "b", "nothing") == 2
    assert await redis.keys("*") == ["c"]
    assert await redis.dbsize() == 1
    assert await redis.flushall()
    assert await redis.get("c") is None


async def test_numbers(redis: Any) -> None:
    assert await redis.incr("n") == 1
    assert await redis.incrby("n", 41) == 42
    assert await redis.expire("n", 100)
    assert await redis.incr("n") == 43
    assert await redis.ttl("n") == 100
    await redis.set("text", "x")
    with pytest.raises(ResponseError, match="value is not an integer or out of range"):
        await redis.incr("text")


async def test_lists(redis: Any) -> None:
    assert await redis.rpush("l", "c", "d") == 2
    assert await redis.lpush("l", "b", "a") == 4
    assert await redis.lrange("l", 0, -1) == ["a", "b", "c", "d"]
    assert await redis.lrange("l", -3, 1) == ["b"]
    assert await redis.lpop("l") == "a"
    assert await redis.rpop("l", 2) == ["d", "c"]
    assert await redis.llen("l") == 1
    assert await redis.lpop("nothing") is None
    assert await redis.lpop("nothing", 1) is None
    with pytest.raises(ResponseError, match="WRONGTYPE Operation against a key holding the wrong kind of value"):
        await redis.get("l")


async def test_keys_expire(redis: Any) -> None:
    await redis.set("soon", "x", px=1)
    await redis.set("later", "x", ex=100)
    while await redis.dbsize() != 1:  # nobody asks for the key: the sweep finds it
        await asyncio.sleep(0.01)
    assert await redis.get("soon") is None
    assert await redis.expire("later", -1)
    assert await redis.dbsize() == 0


async def test_a_pipeline_of_commands(redis: Any) -> None:
    async with redis.pipeline(transaction=False) as pipeline:
        for number in range(1000):
            pipeline.set(f"key:{number}", number)
            pipeline.get(f"key:{number}")
            pipeline.incr("count")
        replies = await pipeline.execute()
    assert replies == [reply for number in range(1000) for reply in (True, str(number), number + 1)]


async def test_an_error_in_a_pipeline_spoils_nothing_else(redis: Any) -> None:
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.set("a", "x")
        pipeline.incr("a")
        pipeline.get("a")
        replies = await pipeline.execute(raise_on_error=False)
    assert replies[0] is True
    assert isinstance(replies[1], ResponseError)
    assert replies[2] == "x"


async def test_publish_and_subscribe(redis: Any) -> None:
    async with redis.pubsub() as subscription:
        await subscription.subscribe("one", "two")
        for count in (1, 2):
            confirmation = await subscription.get_message(timeout=10)
            assert (confirmation["type"], confirmation["data"]) == ("subscribe", count)
        assert await redis.publish("one", "hello") == 1
        assert await redis.publish("nobody", "hello") == 0
        message = await subscription.get_message(timeout=10)
        assert (message["channel"], message["data"]) == ("one", "hello")
        await subscription.unsubscribe("one")
        assert (await subscription.get_message(timeout=10))["type"] == "unsubscribe"
        assert await redis.publish("one", "hello") == 0
        assert await redis.publish("two", "hello") == 1
        assert (await subscription.get_message(timeout=10))["data"] == "hello"


async def test_a_subscriber_receives_all_in_order(redis: Any) -> None:
    async with redis.pubsub() as subscription:
        await subscription.subscribe("numbers")
        await subscription.get_message(timeout=10)
        async with redis.pipeline(transaction=False) as pipeline:
            for number in range(10_000):
                pipeline.publish("numbers", number)
            assert set(await pipeline.execute()) == {1}
        received = [(await subscription.get_message(timeout=10))["data"] for _ in range(10_000)]
        assert received == [str(number) for number in range(10_000)]


async def test_blocking_pop(redis: Any) -> None:
    await redis.rpush("full", "x")
    assert tuple(await redis.blpop(["empty", "full"], timeout=10)) == ("full", "x")
    assert await redis.blpop("empty", timeout=0.01) is None
    waiting = asyncio.create_task(redis.blpop(["empty", "other"], timeout=10))
    while await redis.rpush("other", "y", "z") and not waiting.done():
        await asyncio.sleep(0.001)
    assert tuple(await waiting) == ("other", "y")


async def test_what_a_client_says_of_itself(redis: Any) -> None:
    assert await redis.ping()
    assert await redis.echo("hello") == "hello"
    assert await redis.client_setname("somebody")
    assert await redis.client_setinfo("LIB-NAME", "test")
    assert await redis.client_id() > 0
    assert await redis.config_get("appendonly") == {"appendonly": "no"}
    assert (await redis.info("clients"))["connected_clients"] >= 1
    assert (await redis.info())["redis_version"] == "7.0.15"


async def test_many_clients_at_once(service: Service) -> None:
    async def work() -> None:
        async with Redis(port=service.port) as redis:
            for _ in range(50):
                await redis.incr("count")

    await asyncio.gather(*(work() for _ in range(50)))
    assert service.ask("GET", "count") == b"$4\r\n2500\r\n"
