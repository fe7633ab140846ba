"""Keep the many small tests quick."""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """Take what the imports made out of the garbage collector's sight: every test ends with a full collection."""
    gc.collect()
    gc.freeze()
