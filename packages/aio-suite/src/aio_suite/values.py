"""aio-values: this is the module `aio_values` itself."""

from aio_values import *  # noqa: F403  # what type checkers see; at run time, the next line replaces this module

from aio_suite._alias import alias

alias(__name__)
