"""Whoever comes from one of the four libraries finds every name that it documents, and what is here instead."""

import re
from importlib import import_module
from pathlib import Path

import aio_suite
import pytest

ROOT = Path(__file__).parents[2]
LISTS = sorted((Path(__file__).parent / "reference_names").glob("*.txt"))
PAGES = sorted((ROOT / "docs" / "migration").glob("*.md"))
# Where the successors are: a library's class and ours have one name.
MODULES = [aio_suite, import_module("aio_trio_util"), import_module("aio_coro.anyio")]


def rows(page: str) -> list[list[str]]:
    """The cells of the rows of all tables, headings and rules left out."""
    lines = page.splitlines()
    tables = [
        line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith("|") and "|---" not in after
    ]
    cells = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in tables if not line.startswith("|---")]
    return [[cell.strip() for cell in row] for row in cells]


def spans(cell: str) -> list[str]:
    """The names that are set as code in a cell, without what they are called with."""
    return [re.split(r"[(\[ ]", span)[0].strip(".") for span in re.findall(r"`([^`]+)`", cell)]


def accounted(page: str) -> set[str]:
    """The names that some table has an answer to: as they are given, and by their last part."""
    found = {span for cells in rows(page) if len(cells) > 1 and cells[1] for span in spans(cells[0])}
    return found | {name.rpartition(".")[2] for name in found}


def is_kept(name: str) -> bool:
    """Whether this member of a class has the same name in the class that follows it."""
    owner, _, member = name.rpartition(".")
    return any(hasattr(getattr(module, owner, None), member) for module in MODULES if owner in dir(module))


def missing(names: list[str], page: str) -> list[str]:
    known = accounted(page)
    answered = [name for name in names if name in known or name.rpartition(".")[2] in known]
    return [name for name in names if name not in answered and not ("." in name and is_kept(name))]


def listed(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_each_library_has_its_list_and_its_page() -> None:
    assert [path.stem for path in LISTS] == [path.stem for path in PAGES]
    assert len(LISTS) == 4


@pytest.mark.parametrize("names", LISTS, ids=lambda path: path.stem)
def test_every_documented_name_is_accounted_for(names: Path) -> None:
    page = (ROOT / "docs" / "migration" / f"{names.stem}.md").read_text(encoding="utf-8")
    assert missing(listed(names), page) == []


@pytest.mark.parametrize("names", LISTS, ids=lambda path: path.stem)
def test_lists_name_nothing_twice_and_no_member_without_its_class(names: Path) -> None:
    found = listed(names)
    assert len(set(found)) == len(found)
    owners = {name.rpartition(".")[0] for name in found if "." in name}
    assert owners - set(found) == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_a_page_offers_instead_is_there(path: Path) -> None:
    offered = re.findall(r"`(aio_\w+(?:\.\w+)+)", path.read_text(encoding="utf-8"))
    for name in offered:
        module, _, rest = name.partition(".")
        found: object = import_module(module)
        for part in rest.split("."):
            found = getattr(found, part)


PAGE = """
| theirs | ours | what is different |
|---|---|---|
| `kept(value)` | `kept` | |
| `Queue.gone`, `also_gone` | none | |
| `unanswered` | | |
"""


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("kept", True),
        ("Queue.gone", True),
        ("also_gone", True),
        ("Queue.put_nowait", True),
        ("Queue.nothing", False),
        ("unanswered", False),
        ("theirs", False),
        ("ours", False),
        ("absent", False),
    ],
)
def test_the_rule_itself(name: str, found: bool) -> None:
    assert missing([name], PAGE) == ([] if found else [name])
