"""What a module of pieces needs to load each when it is used (PEP 562)."""

import sys
from importlib import import_module

from aio_suite._names import NAMES, PIECES

_HOMES = {name: piece for piece, names in NAMES.items() for name in names}

# Without the pieces: `import *` would load trio, and hide the standard library's `queue`.
public_names = [*_HOMES, "__version__"]


def __getattr__(name: str) -> object:
    """Load the piece that is asked for, or that holds what is asked for."""
    suite = sys.modules[__package__]
    if name in PIECES:
        return import_module(f"{__package__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__package__!r} has no attribute {name!r}", name=name, obj=suite)
    value: object = getattr(import_module(f"aio_{_HOMES[name]}"), name)
    setattr(suite, name, value)  # from now on the name is found without this function
    return value


def __dir__() -> list[str]:
    """All that can be asked for, loaded or not."""
    return sorted({*vars(sys.modules[__package__]), *_HOMES, *PIECES})
