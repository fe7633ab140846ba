"""The reference describes every public name, and the page of aio-suite lists every name that the suite offers."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PIECES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml") if path.parent.name != "aio-suite")


def page(piece: str) -> str:
    return (REFERENCE / f"{piece.removeprefix('aio-')}.md").read_text(encoding="utf-8")


def public_names(piece: str) -> list[str]:
    return [name for name in import_module(piece.replace("-", "_")).__all__ if name != "__version__"]


def described(text: str) -> set[str]:
    """The last parts of what the page takes from docstrings, and what it says itself is another name."""
    taken = re.findall(r"^::: \w+\.(?:\w+\.)*(\w+)$", text, re.MULTILINE)
    return {*taken, *re.findall(r"`(\w+)` is (?:another name for|the one of)", text.replace("\n", " "))}


@pytest.mark.parametrize("piece", PIECES)
def test_every_public_name_is_described(piece: str) -> None:
    known = described(page(piece))
    if piece == "aio-trio-util":
        # What it shares with asyncio is described where it is made, as the page says.
        known |= described(page("aio-values")) | described(page("aio-events"))
    assert [name for name in public_names(piece) if name not in known] == []


@pytest.mark.parametrize("piece", [piece for piece in PIECES if piece != "aio-trio-util"])
def test_the_page_of_the_suite_lists_the_names_of_a_piece_in_its_order(piece: str) -> None:
    (row,) = re.findall(rf"^\| \[{piece}\]\(.*\) \| (.*) \|$", page("aio-suite"), re.MULTILINE)
    assert re.findall(r"\[`(\w+)`\]", row) == public_names(piece)


def test_the_page_of_the_suite_names_every_module() -> None:
    modules = re.findall(r"^\| `aio_suite\.(\w+)` \| \[`(\w+)`\]", page("aio-suite"), re.MULTILINE)
    assert all(own == f"aio_{name}" for name, own in modules)
    assert {own for _, own in modules} == {piece.replace("-", "_") for piece in PIECES}


def test_what_the_pages_take_from_docstrings_is_there() -> None:
    for path in REFERENCE.glob("*.md"):
        for name in re.findall(r"^::: ([\w.]+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            module, _, attribute = name.rpartition(".")
            try:
                found = hasattr(import_module(module), attribute)
            except ModuleNotFoundError:
                found = False
            assert found or import_module(name), name
