"""Programs of several distributions run on every loop, and in debug mode.

A module that needs more of a loop takes fewer by a dictionary `LOOPS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from suite_support.loops import every_loop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    import pytest


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return getattr(item.module, "LOOPS", None) or every_loop()  # type: ignore[attr-defined]
