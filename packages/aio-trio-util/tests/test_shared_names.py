"""What trio shares with asyncio is re-exported, not wrapped."""

import aio_events
import aio_trio_util
import aio_values
import pytest


@pytest.mark.parametrize("name", ["AsyncValue", "AsyncBool", "AsyncDictionary", "compose_values"])
def test_values_are_those_of_aio_values(name: str) -> None:
    assert getattr(aio_trio_util, name) is getattr(aio_values, name)


@pytest.mark.parametrize(
    "name",
    [
        "UnqueuedRepeatedEvent",
        "MailboxRepeatedEvent",
        "RepeatedEvent",
        "periodic",
        "azip",
        "azip_longest",
        "iter_move_on_after",
        "iter_fail_after",
    ],
)
def test_events_and_streams_are_those_of_aio_events(name: str) -> None:
    assert getattr(aio_trio_util, name) is getattr(aio_events, name)
