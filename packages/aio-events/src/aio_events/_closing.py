"""Closing the sources of an iterator."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


async def close(source: object) -> None:
    """Close `source` if it can be closed."""
    aclose = getattr(source, "aclose", None)
    if aclose is not None:
        await aclose()


async def close_all(sources: Sequence[object], *failures: BaseException) -> None:
    """Close all sources in turn, also when that fails or is cancelled; then raise what failed.

    Args:
        sources: What to close.
        *failures: What has failed before, to be raised together with errors of the closing.

    Raises:
        BaseException: The one failure, as itself, or a group of several; several cancellations count as one.
    """
    errors = list(failures)
    for source in sources:
        try:
            await close(source)
        except BaseException as error:
            errors.append(error)
    try:
        if len(errors) == 1 or (errors and not any(isinstance(error, Exception) for error in errors)):
            raise errors[0]
        if errors:
            raise BaseExceptionGroup("several sources failed", errors)
    finally:
        # An error must not refer to itself by way of this frame.
        del errors, failures
