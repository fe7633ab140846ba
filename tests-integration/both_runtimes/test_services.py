"""A trio service and an asyncio service share the functions that they serve."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from services import (
    Client,
    Running,
    Service,
    a_day,
    run_both_in_one_thread,
    run_on_asyncio,
    run_on_trio,
)
from weather_station import Station

if TYPE_CHECKING:
    from collections.abc import Callable

    from suite_support.runtimes import Runtime

REPLIES = ["OK", "21", "OK", "OK", "31", "OK", "OK", "ALARM", "OK", "7", "3", "WHAT?"]


def test_both_services_say_the_same_at_the_same_time() -> None:
    with Running(run_on_asyncio) as one, Running(run_on_trio) as other:
        assert a_day(one.port()) == a_day(other.port()) == REPLIES
    assert one.station.waiting() == other.station.waiting() == []


def test_both_services_share_one_thread() -> None:
    one, other = Service(), Service()

    async def visit() -> None:
        ports = [await asyncio.to_thread(service.port) for service in (one, other)]
        assert await asyncio.gather(*(asyncio.to_thread(a_day, port) for port in ports)) == [REPLIES, REPLIES]

    asyncio.run(run_both_in_one_thread(one, other, visit))
    assert one.station.waiting() == other.station.waiting() == []


@pytest.mark.parametrize("run", [run_on_asyncio, run_on_trio])
def test_a_service_that_is_stopped_under_its_clients_leaves_nobody_waiting(run: Callable[[Service], None]) -> None:
    requests = ["WAIT 30", "ALARM", "GET wind", "FOLLOW 2"]
    with Running(run) as service:
        port = service.port()
        clients = [Client(port) for _ in requests]
        for client, request in zip(clients, requests, strict=True):
            # The first is answered before the second is read, so the wait is at most one step away.
            assert client.ask("SUN off") == "OK"
            client.send(request)
    assert service.station.waiting() == []
    for client in clients:
        with client:
            assert client.reply() == ""


@pytest.mark.every_runtime
async def test_the_shared_functions_see_silence_on_every_runtime(runtime: Runtime) -> None:
    station = Station()
    async with runtime.tasks() as tasks:
        silence = await tasks.block(station.until_silent, 10)
        start = runtime.time()
        for _ in range(3):
            await runtime.sleep(9)
            assert await station.answer("SET 3") == "OK"
        await silence.result()
        assert runtime.time() - start == 37
