"""Things with a lifetime."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from aio_group._group import Group


class Resource(abc.ABC):
    """Something whose lifetime is that of a group: a connection, a server, a subscription.

    A subclass gives `async_group`; it is open, closing and closed together with that group. Whatever the resource does
    in the background runs in the group, so nothing of it is left when it is closed.

    ```python
    class Connection(Resource):
        def __init__(self) -> None:
            self._async_group = Group()
            self._async_group.spawn(self._receive)

        @property
        def async_group(self) -> Group:
            return self._async_group
    ```

    `async with resource` closes it at the end, under any exception.
    """

    @property
    @abc.abstractmethod
    def async_group(self) -> Group:
        """The group that controls the lifetime."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> bool | None:
        await self.async_close()
        return None

    @property
    def is_open(self) -> bool:
        """Whether it is neither closing nor closed."""
        return self.async_group.is_open

    @property
    def is_closing(self) -> bool:
        """Whether it is closing or closed."""
        return self.async_group.is_closing

    @property
    def is_closed(self) -> bool:
        """Whether it is closed: nothing of it runs any more."""
        return self.async_group.is_closed

    async def wait_closing(self) -> None:
        """Wait until it is closing or closed."""
        await self.async_group.wait_closing()

    async def wait_closed(self) -> None:
        """Wait until it is closed."""
        await self.async_group.wait_closed()

    def close(self) -> None:
        """Begin to close it: its tasks are cancelled, new ones are refused. Repeated calls change nothing."""
        self.async_group.close()

    async def async_close(self) -> None:
        """Close it and wait until it is closed, through any cancellation. See `Group.async_close`."""
        await self.async_group.async_close()
