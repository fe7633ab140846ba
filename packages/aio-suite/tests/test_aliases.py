"""`aio_suite.values` is the module `aio_values`, however it was come by, and so is all inside it."""

import importlib
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from unittest import mock

import aio_suite
import pytest

PIECES = ["values", "events", "group", "queue", "coro", "sched", "trio_util"]

each_piece = pytest.mark.parametrize("piece", PIECES)


def run(code: str) -> None:
    """In a Python of its own, which has loaded nothing."""
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@each_piece
def test_piece_is_the_module_itself(piece: str) -> None:
    own = import_module(f"aio_{piece}")
    assert getattr(aio_suite, piece) is own
    assert import_module(f"aio_suite.{piece}") is own
    assert sys.modules[f"aio_suite.{piece}"] is own


@each_piece
@pytest.mark.parametrize(
    "code",
    [
        "import aio_{0}; import aio_suite; assert aio_suite.{0} is aio_{0}",
        "import aio_suite.{0}; import aio_{0}; assert aio_suite.{0} is aio_{0}",
        "from aio_suite import {0}; import aio_suite.{0} as again; import aio_{0}; assert {0} is again is aio_{0}",
        "from aio_suite.{0} import __version__ as v; import aio_{0}; assert v is aio_{0}.__version__",
    ],
)
def test_every_way_of_importing_gives_the_same_module(piece: str, code: str) -> None:
    run(code.format(piece))


@each_piece
def test_a_piece_keeps_its_name_and_origin(piece: str) -> None:
    own = getattr(aio_suite, piece)
    assert own.__name__ == f"aio_{piece}"
    assert own.__spec__.name == f"aio_{piece}"
    assert f"aio_{piece}" in own.__file__


@pytest.mark.parametrize(
    "code",
    [
        "import aio_suite.values.lowlevel as inner; import aio_values; assert inner is aio_values.lowlevel",
        "import aio_suite; import aio_suite.values.lowlevel; assert aio_suite.values.lowlevel is aio_suite.lowlevel",
        "from aio_suite.values.lowlevel import sleep; from aio_suite import lowlevel; assert sleep is lowlevel.sleep",
        "import aio_suite.values._value as inner; import aio_values; assert inner.AsyncValue is aio_values.AsyncValue",
    ],
)
def test_a_module_inside_a_piece_is_not_loaded_twice(code: str) -> None:
    run(code)


def test_modules_inside_a_piece_keep_their_specs() -> None:
    inner = import_module("aio_suite.values.lowlevel")
    assert inner.__spec__ is not None
    assert inner.__spec__.name == "aio_values.lowlevel"


def test_a_module_that_no_piece_has_is_not_found() -> None:
    assert find_spec("aio_suite.values.nothing") is None
    with pytest.raises(ModuleNotFoundError, match=r"aio_suite\.values\.nothing"):
        import_module("aio_suite.values.nothing")
    with pytest.raises(ModuleNotFoundError, match=r"aio_suite\.nothing"):
        import_module("aio_suite.nothing")


def test_what_is_patched_in_the_alias_is_patched_in_the_piece() -> None:
    own = import_module("aio_queue")
    with mock.patch("aio_suite.queue.Queue") as patched:
        assert own.Queue is patched
    assert own.Queue is aio_suite.Queue


def test_reloading_the_suite_changes_nothing() -> None:
    run(
        "import importlib, sys, aio_suite; value = aio_suite.AsyncValue; aio_suite.values; before = len(sys.meta_path);"
        "importlib.reload(aio_suite); assert aio_suite.AsyncValue is value;"
        "import aio_suite.events; assert len(sys.meta_path) == before"
    )
    assert importlib.import_module("aio_suite") is aio_suite
