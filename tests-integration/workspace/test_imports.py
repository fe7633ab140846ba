"""Who imports whom: the standard library, declared siblings by their public modules, nothing else."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(ROOT.glob("packages/*/src/**/*.py"))

# Module or folder -> the foreign packages that it alone may import: an extra brings anyio, and the seam between asyncio
# and trio imports trio only once the program itself has. outcome is what trio's own API speaks: trio brings it.
OPTIONAL = {
    "aio_coro/anyio.py": {"anyio"},
    "aio_trio_util/_handover.py": {"outcome"},
    "aio_values/lowlevel": {"trio", "outcome"},
}


def imports(path: Path) -> Iterator[str]:
    """The dotted names that a module imports at run time, `from a import b` as `a`; relative ones are its own."""
    nodes: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module is not None
            yield node.module
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes += node.orelse
        else:
            nodes += ast.iter_child_nodes(node)


def declared(package: Path) -> set[str]:
    settings = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))
    names = (requirement.split(">=")[0] for requirement in settings["project"]["dependencies"])
    return {name.replace("-", "_") for name in names}


def is_allowed(name: str, path: Path, package: Path) -> bool:
    top, *inner = name.split(".")
    if top in sys.stdlib_module_names or top == package.name.replace("-", "_"):
        return True
    where = path.relative_to(package / "src").as_posix()
    if any(top in names for place, names in OPTIONAL.items() if where == place or where.startswith(f"{place}/")):
        return True
    return top in declared(package) and not any(part.startswith("_") for part in inner)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT / "packages").as_posix())
def test_module_imports_only_what_its_distribution_declares(path: Path) -> None:
    package = ROOT / "packages" / path.relative_to(ROOT / "packages").parts[0]
    assert [name for name in imports(path) if not is_allowed(name, path, package)] == []


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("asyncio.events", True),
        ("aio_events._tick", True),
        ("aio_values", True),
        ("aio_values.lowlevel", True),
        ("aio_values._value", False),
        ("aio_queue", False),
        ("trio", False),
    ],
)
def test_the_rule_itself(name: str, allowed: bool) -> None:
    package = ROOT / "packages" / "aio-events"
    assert is_allowed(name, package / "src" / "aio_events" / "_tick.py", package) is allowed
