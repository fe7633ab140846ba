"""The suite offers what the pieces that are installed with it offer: nothing is missing, nothing is there twice."""

import ast
import re
from collections import Counter
from importlib import import_module
from importlib.metadata import requires
from importlib.resources import files
from types import ModuleType

import aio_suite
import pytest

# From the metadata, not from the suite's own table: a new piece is not forgotten.
MODULES = [re.split(r"[<>=~!\[; ]", line)[0].replace("-", "_") for line in requires("aio-suite") or ()]
FLAT = [name for name in MODULES if name != "aio_trio_util"]

# The names of aio_trio_util that are not the flat objects: functions for trio beside aio_group's for asyncio, and what
# only trio has.
TWINS = {"wait_any", "wait_all", "move_on_when", "run_and_cancelling"}
TRIO_ONLY = {"trio_async_generator", "TaskStats", "TaskReport", "defer_to_cancelled", "multi_error_defer_to"}


def names(module: str) -> set[str]:
    return set(import_module(module).__all__) - {"__version__"}


def stub() -> dict[str, list[str]]:
    """The names that each `from ... import ...` of the stub brings, and those of its `__all__`."""
    found: dict[str, list[str]] = {}
    for node in ast.parse(files("aio_suite").joinpath("__init__.pyi").read_text(encoding="utf-8")).body:
        match node:
            case ast.ImportFrom(module=str(module), names=imported):
                found.setdefault(module, []).extend(alias.name for alias in imported)
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                found["__all__"] = ast.literal_eval(value)
    return found


def test_no_two_pieces_offer_the_same_name() -> None:
    counts = Counter(name for module in FLAT for name in names(module))
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("module", FLAT)
def test_every_name_of_a_piece_is_offered_and_is_the_same_object(module: str) -> None:
    piece = import_module(module)
    # Who adds a name to a piece writes it down here by `hatch run suite-names`.
    assert names(module) - set(aio_suite.__all__) == set()
    assert [name for name in names(module) if getattr(aio_suite, name) is not getattr(piece, name)] == []


def test_nothing_else_is_offered() -> None:
    assert set(aio_suite.__all__) == {"__version__"}.union(*map(names, FLAT))
    assert len(set(aio_suite.__all__)) == len(aio_suite.__all__)


def test_no_flat_name_hides_a_module_of_the_suite() -> None:
    assert set(aio_suite.__all__) & {name.removeprefix("aio_") for name in MODULES} == set()


def test_names_of_trio_util_are_flat_ones_or_for_trio_only() -> None:
    trio_util = import_module("aio_trio_util")
    flat = names("aio_trio_util") & set(aio_suite.__all__)
    assert {name for name in flat if getattr(aio_suite, name) is not getattr(trio_util, name)} == TWINS
    assert names("aio_trio_util") - flat == TRIO_ONLY


@pytest.mark.parametrize("module", FLAT)
def test_type_checkers_see_the_names_of_a_piece(module: str) -> None:
    assert set(stub()[module]) == names(module)


def test_type_checkers_see_the_pieces_and_all_that_is_offered() -> None:
    assert {f"aio_{name}" for name in stub()["aio_suite"]} == set(MODULES)
    assert stub()["__all__"] == list(aio_suite.__all__)
    assert stub()["aio_suite._version"] == ["__version__"]


def test_dir_lists_names_and_pieces() -> None:
    listed = dir(aio_suite)
    assert set(listed) >= set(aio_suite.__all__) | {name.removeprefix("aio_") for name in MODULES}
    assert listed == sorted(set(listed))


def test_a_name_that_nobody_has_is_an_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="module 'aio_suite' has no attribute 'Qeue'") as caught:
        getattr(aio_suite, "Qeue")  # noqa: B009  # type checkers know better
    # What Python derives "Did you mean: 'Queue'?" from.
    assert caught.value.name == "Qeue"
    assert isinstance(caught.value.obj, ModuleType)
    with pytest.raises(ImportError, match="cannot import name 'Qeue' from 'aio_suite'"):
        exec("from aio_suite import Qeue")
