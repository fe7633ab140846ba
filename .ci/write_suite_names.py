"""Write what aio-suite knows of the pieces' public names, from their `__all__`: `hatch run suite-names`."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "packages" / "aio-suite" / "src" / "aio_suite"
FLAT = ("values", "events", "group", "queue", "coro", "sched")
PIECES = (*FLAT, "trio_util")


def public_names(piece: str) -> list[str]:
    return [name for name in import_module(f"aio_{piece}").__all__ if name != "__version__"]


def table(names: dict[str, list[str]]) -> str:
    """What `aio_suite` looks names up in."""
    return f'''"""Which public name comes from which piece. Written by `hatch run suite-names`: do not edit."""

# The modules of the family below this one: `aio_suite.values` is `aio_values`.
PIECES = {PIECES!r}

# The names that this module offers flat. Not those of trio_util: they are among these, or named like them and for trio.
NAMES: dict[str, tuple[str, ...]] = { ({piece: tuple(names[piece]) for piece in names})!r}
'''


def stub(names: dict[str, list[str]]) -> str:
    """What type checkers see: all names as if they were imported at once."""
    imports = "\n".join(f"from aio_{piece} import {', '.join(names[piece])}" for piece in sorted(names))
    modules = "\n".join(f"from aio_suite import {piece} as {piece}" for piece in sorted(PIECES))
    exported = "\n".join(f"    {name!r}," for piece in names for name in names[piece])
    return f"""# Written by `hatch run suite-names`: do not edit.

{imports}

{modules}
from aio_suite._version import __version__

__all__ = [  # noqa: RUF022  # in the order of the pieces' tables
{exported}
    "__version__",
]
"""


def main() -> None:
    names = {piece: public_names(piece) for piece in FLAT}
    paths = (PACKAGE / "_names.py", PACKAGE / "__init__.pyi")
    for path, text in zip(paths, (table(names), stub(names)), strict=True):
        path.write_text(text, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    for step in (["format"], ["check", "--fix"], ["format"]):
        subprocess.run([*ruff, *step, "--quiet", *map(str, paths)], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
