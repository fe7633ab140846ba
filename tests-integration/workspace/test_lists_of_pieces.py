"""Scripts that list the pieces list all of them."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = {path.parent.name.replace("-", "_") for path in ROOT.glob("packages/*/pyproject.toml")} - {"aio_suite"}
FLAT = MODULES - {"aio_trio_util"}


def test_the_suite_is_written_from_every_piece() -> None:
    script = runpy.run_path(str(ROOT / ".ci" / "write_suite_names.py"))
    assert {f"aio_{piece}" for piece in script["PIECES"]} == MODULES
    assert {f"aio_{piece}" for piece in script["FLAT"]} == FLAT


def test_the_suite_has_a_module_for_every_piece() -> None:
    folder = ROOT / "packages" / "aio-suite" / "src" / "aio_suite"
    assert {f"aio_{path.stem}" for path in folder.glob("[!_]*.py")} == MODULES


def test_the_import_of_every_asyncio_piece_is_timed() -> None:
    assert set(runpy.run_path(str(ROOT / ".ci" / "check_import_times.py"))["PIECES"]) == FLAT
