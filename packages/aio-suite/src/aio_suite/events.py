"""aio-events: this is the module `aio_events` itself."""

from aio_events import *  # noqa: F403  # what type checkers see; at run time, the next line replaces this module

from aio_suite._alias import alias

alias(__name__)
