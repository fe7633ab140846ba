"""A resource lives as long as its group."""

import asyncio

import pytest
from aio_group import Group, Resource
from suite_support.interleaving import settle

pytestmark = pytest.mark.asyncio


class Connection(Resource):
    def __init__(self, group: Group) -> None:
        self._group = group
        self.log: list[str] = []
        group.spawn(self._receive)

    @property
    def async_group(self) -> Group:
        return self._group

    async def _receive(self) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.log.append("received the end")


async def test_async_with_closes_it_under_any_exception() -> None:
    for error in (ValueError(), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            async with Connection(Group()) as connection:
                await settle()
                raise error
        assert connection.is_closed
        assert connection.log == ["received the end"]


async def test_its_states_are_those_of_its_group() -> None:
    connection = Connection(Group())
    waiting = asyncio.gather(connection.wait_closing(), connection.wait_closed())
    await settle()
    assert (connection.is_open, connection.is_closing, connection.is_closed) == (True, False, False)
    connection.close()
    assert (connection.is_open, connection.is_closing, connection.is_closed) == (False, True, False)
    await waiting
    assert (connection.is_open, connection.is_closing, connection.is_closed) == (False, True, True)


async def test_it_ends_with_the_group_that_its_own_is_a_part_of() -> None:
    async with Group() as server:
        connections = [Connection(server.create_subgroup()) for _ in range(3)]
        await connections[0].async_close()
        assert [connection.is_closed for connection in connections] == [True, False, False]
    assert [connection.is_closed for connection in connections] == [True] * 3


async def test_it_needs_a_group() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Resource()  # type: ignore[abstract]  # the mistake under test
