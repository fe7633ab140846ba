"""The aio-suite family under one name: each public name of the asyncio pieces, and each piece, loaded when used."""

from aio_suite._lazy import __dir__, __getattr__  # noqa: F401  # a module's own hooks (PEP 562)
from aio_suite._lazy import public_names as __all__  # noqa: F401
from aio_suite._version import __version__  # noqa: F401  # listed in `__all__`, which is made at run time
