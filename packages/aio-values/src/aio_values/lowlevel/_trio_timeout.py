"""trio's timeout error, for code that serves both runtimes. Imported only from inside a trio task."""

from __future__ import annotations

import trio


class TooSlowError(trio.TooSlowError, TimeoutError):
    """Something took too long: a `trio.TooSlowError` for trio's users, a `TimeoutError` for everybody."""
