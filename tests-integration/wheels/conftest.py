"""Folders of built wheels, built once for all tests, and for all processes that share them."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

sys.path[:0] = [str(Path(__file__).parent)]

from wheel_building import (  # noqa: E402  # found by the path above
    DEPENDENT,
    DISTRIBUTIONS,
    SUPPORT,
    build,
    build_wheels,
    requirements,
    run,
    source_of,
)


@pytest.fixture(scope="session")
def fill_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """A function that returns a folder of this name: the first process to ask fills it, others wait for that."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder(name: str, fill: Callable[[Path], None]) -> Path:
        ready = shared / name
        with FileLock(shared / f"{name}.lock"):
            if not ready.is_dir():
                partial = shared / f"{name}.partial"
                partial.mkdir()
                fill(partial)
                partial.rename(ready)
        return ready

    return folder


@pytest.fixture(scope="session")
def wheelhouse(fill_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A folder with a wheel of every distribution, made from its sdist, and of what those need of others."""

    def fill(folder: Path) -> None:
        build(folder, *map(source_of, DISTRIBUTIONS))
        wheels = list(folder.glob("*.whl"))
        foreign = {
            str(needed) for wheel in wheels for needed in requirements(wheel) if needed.name not in DISTRIBUTIONS
        }
        download = ("-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", folder)
        if foreign:
            run(sys.executable, *download, *sorted(foreign))

    return fill_once("wheelhouse", fill)


@pytest.fixture(scope="session")
def support(fill_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A wheel of the test support."""
    (wheel,) = fill_once("support", lambda folder: build_wheels(folder, SUPPORT)).glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def dependent(fill_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A wheel of the project that depends on three pieces."""
    (wheel,) = fill_once("dependent", lambda folder: build_wheels(folder, DEPENDENT)).glob("*.whl")
    return wheel
