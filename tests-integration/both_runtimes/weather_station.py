"""A weather station that knows nothing of its runtime: written on aio-values and aio-events alone.

Two services offer it over TCP, one on asyncio and one on trio. They share every function below; each brings only its
own sockets and its own nursery or task group.

    SET 21          the temperature is 21 now        OK
    WAIT 30         until it is at least 30          the temperature that was
    ALARM           until it is too hot, in the sun  ALARM
    SUN on|off                                       OK
    GET name        until that measurement is known  its value
    PUT name value  make it known                    OK
    TICKS 3         three ticks of a clock           the ticks, counted
    FOLLOW 2        two states, from the present one the states, comma between
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from aio_events import RepeatedEvent, iter_move_on_after, periodic
from aio_values import AsyncBool, AsyncDictionary, AsyncValue, compose_values

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Weather(Protocol):
    temperature: int
    sunny: bool


def is_alarming(weather: Weather) -> bool:
    return weather.sunny and weather.temperature >= 35


class Station:
    """What one service serves: it belongs to the loop or run that serves it."""

    def __init__(self) -> None:
        self.temperature = AsyncValue(0)
        self.sunny = AsyncBool()
        self.measured: AsyncDictionary[str, str] = AsyncDictionary()
        self.asked = RepeatedEvent()

    def waiting(self) -> list[str]:
        """What still has waiters, by its `repr`."""
        parts = (self.temperature, self.sunny, self.measured, self.asked)
        return [repr(part) for part in parts if re.search(r"\b[1-9]\d* waiting", repr(part))]

    async def answer(self, line: str) -> str:
        command, *words = line.split()
        self.asked.set()
        match command, words:
            case "SET", [degrees]:
                self.temperature.value = int(degrees)
            case "SUN", [state]:
                self.sunny.value = state == "on"
            case "PUT", [name, value]:
                self.measured[name] = value
            case "WAIT", [degrees]:
                return str(await self.at_least(int(degrees)))
            case "ALARM", []:
                return await self.alarm()
            case "GET", [name]:
                return await self.measured.get_wait(name)
            case "TICKS", [count]:
                return str(await self.ticks(int(count)))
            case "FOLLOW", [count]:
                return ",".join([str(degrees) async for degrees in self.follow(int(count))])
            case _:
                return "WHAT?"
        return "OK"

    async def at_least(self, degrees: int) -> int:
        return await self.temperature.wait_value(lambda now: now >= degrees)

    async def alarm(self) -> str:
        with compose_values(_transform_=is_alarming, temperature=self.temperature, sunny=self.sunny) as alarming:
            await alarming.wait_value(True)
        return "ALARM"

    async def ticks(self, count: int) -> int:
        number = 0
        async for _ in periodic(0.001):
            number += 1
            if number == count:
                break
        return number

    async def follow(self, count: int) -> AsyncIterator[int]:
        async for degrees in self.temperature.eventual_values():
            yield degrees
            count -= 1
            if count == 0:
                return

    async def until_silent(self, seconds: float) -> None:
        """Return when nobody has asked for so long."""
        async for _ in iter_move_on_after(seconds, self.asked.events(repeat_last=True)):
            pass
