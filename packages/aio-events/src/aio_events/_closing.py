"""Closing the sources of an iterator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aio_values.lowlevel import raise_failures

if TYPE_CHECKING:
    from collections.abc import Sequence


async def close(source: object) -> None:
    """Close `source` if it can be closed."""
    aclose = getattr(source, "aclose", None)
    if aclose is not None:
        await aclose()


async def close_all(sources: Sequence[object], failures: list[BaseException]) -> None:
    """Close all sources in turn, also when that fails or is cancelled; then raise what failed.

    Args:
        sources: What to close.
        failures: What has failed before, to be raised together with errors of the closing. The list is emptied.

    Raises:
        BaseException: What `raise_failures` makes of them.
    """
    for source in sources:
        try:
            await close(source)
        except BaseException as error:
            failures.append(error)
    if failures:
        raise_failures("several sources failed", failures)
