"""Each distribution stands alone: its wheel, installed by itself, brings what it declares and passes its own tests.

Not part of `hatch run test`, since it builds and installs everything anew: run it by `hatch run wheels`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))

# The arrows of the design: what may come along with each. Nobody else's package but trio, with what trio needs.
SIBLINGS: dict[str, set[str]] = {
    "aio-values": set(),
    "aio-queue": set(),
    "aio-group": set(),
    "aio-coro": set(),
    "aio-sched": set(),
    "aio-events": {"aio-values"},
    "aio-trio-util": {"aio-values", "aio-events"},
    "aio-suite": set(DISTRIBUTIONS) - {"aio-suite"},
}
NEEDS_TRIO = {"aio-trio-util", "aio-suite"}


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


def requirements(wheel: Path) -> Iterable[Requirement]:
    """What a wheel declares to need, extras left out."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    declared = map(Requirement, metadata.get_all("Requires-Dist", []))
    return [
        requirement for requirement in declared if not requirement.marker or requirement.marker.evaluate({"extra": ""})
    ]


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel of every distribution, made from its sdist, and of what those need of others."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    for name in DISTRIBUTIONS:
        run("uv", "build", "--python", sys.executable, "--out-dir", folder, ROOT / "packages" / name)
    foreign = {
        str(needed)
        for wheel in folder.glob("*.whl")
        for needed in requirements(wheel)
        if needed.name not in DISTRIBUTIONS
    }
    if foreign:
        run(
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--only-binary=:all:",
            "--dest",
            folder,
            *sorted(foreign),
        )
    return folder


@pytest.fixture(scope="session")
def support(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the test support."""
    folder = tmp_path_factory.mktemp("support")
    run(
        "uv",
        "build",
        "--python",
        sys.executable,
        "--wheel",
        "--out-dir",
        folder,
        ROOT / "tests-integration" / "support",
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_wheel_stands_alone(name: str, wheelhouse: Path, support: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    run("uv", "venv", "--quiet", "--python", sys.executable, environment)
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    install = ("uv", "pip", "install", "--quiet", "--python", python)

    run(*install, "--no-index", "--find-links", wheelhouse, name)
    check_what_came_along(name, json.loads(run("uv", "pip", "list", "--quiet", "--format", "json", "--python", python)))
    check_what_import_loads(name, python)

    tests = tmp_path / "alone"
    shutil.copytree(ROOT / "packages" / name / "tests", tests / "tests")
    shutil.copy(ROOT / ".pytest.ini", tests)
    group = ROOT / "packages" / name / "pyproject.toml"
    extra = ("--group", f"{group}:test") if "[dependency-groups]" in group.read_text(encoding="utf-8") else ()
    run(*install, support, *extra)
    where = run(python, "-c", f"import {name.replace('-', '_')} as module; print(module.__file__)", cwd=tests)
    assert Path(where.strip()).is_relative_to(environment)
    print(run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=tests))


def check_what_came_along(name: str, installed: list[dict[str, str]]) -> None:
    names = {entry["name"] for entry in installed}
    siblings = names & set(DISTRIBUTIONS)
    assert siblings == SIBLINGS[name] | {name}
    assert ("trio" in names) == (name in NEEDS_TRIO)
    if name not in NEEDS_TRIO:
        assert names == siblings


def check_what_import_loads(name: str, python: Path) -> None:
    """The import loads no sibling that is not declared, and no library that is only consulted if present."""
    modules = {sibling: sibling.replace("-", "_") for sibling in DISTRIBUTIONS}
    code = f"import sys; before = set(sys.modules); import {modules[name]}; print(*sorted(set(sys.modules) - before))"
    loaded = {module.partition(".")[0] for module in run(python, "-I", "-W", "error", "-c", code).split()}
    allowed = {modules[sibling] for sibling in SIBLINGS[name] | {name}}
    assert loaded & set(modules.values()) <= allowed
    if name != "aio-trio-util":
        assert loaded & {"trio", "anyio", "uvloop"} == set()
