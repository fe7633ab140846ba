"""aio-trio-util: this is the module `aio_trio_util` itself."""

from aio_trio_util import *  # noqa: F403  # what type checkers see; at run time, the next line replaces this module

from aio_suite._alias import alias

alias(__name__)
