"""One module under two names: `aio_suite.values` is `aio_values` itself.

A module that merely held the same names would be told apart by `is`, by `mock.patch` and by whoever looks for a module
inside it. The price of being the same: looking for `aio_suite.values.lowlevel`, the import system would find the file
of `aio_values.lowlevel`, and run it a second time under that name, with classes of its own. Hence the finder.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

from aio_suite._names import PIECES


class _SameModule(Loader):
    """Loads a module by its own name, and lets it stand under another."""

    def __init__(self, own_name: str) -> None:
        self._own_name = own_name

    def create_module(self, spec: ModuleSpec) -> None:
        """Take the usual module; `exec_module` puts the right one in its place."""

    def exec_module(self, module: ModuleType) -> None:
        # The import system goes on with what it finds here.
        sys.modules[module.__name__] = import_module(self._own_name)


class _InsidePieces:
    """Finds `aio_suite.PIECE.MODULE`: always the module `aio_PIECE.MODULE`."""

    @staticmethod
    def find_spec(name: str, _path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        suite, _, rest = name.partition(".")
        piece, _, inner = rest.partition(".")
        if suite != __package__ or piece not in PIECES or not inner:
            return None
        own_name = f"aio_{rest}"
        return ModuleSpec(name, _SameModule(own_name)) if find_spec(own_name) else None


def alias(name: str) -> None:
    """Let the module `aio_suite.PIECE`, which is being imported under this name, be `aio_PIECE`."""
    if _InsidePieces not in sys.meta_path:
        sys.meta_path.insert(0, _InsidePieces)
    sys.modules[name] = import_module(f"aio_{name.removeprefix(f'{__package__}.')}")
