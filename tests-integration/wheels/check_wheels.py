"""Each distribution stands alone: its wheel, installed by itself, brings what it declares and passes its own tests.

Not part of `hatch run test`, since it builds and installs everything anew: run it by `hatch run wheels`.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from wheel_building import DISTRIBUTIONS, OFFLINE_UV, ROOT, SUPPORT, run, virtual_environment

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


# Those with most tests first: the last one to end is a short one.
LONGEST_FIRST = sorted(DISTRIBUTIONS, key=lambda name: -sum(1 for _ in (ROOT / "packages" / name).glob("tests/test_*")))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", LONGEST_FIRST)
def test_wheel_stands_alone(name: str, wheelhouse: Path, support: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    python = virtual_environment(environment)
    install = ("uv", "pip", "install", "--quiet", "--python", python)

    run(*install, *OFFLINE_UV, "--find-links", wheelhouse, name)
    check_what_came_along(name, json.loads(run("uv", "pip", "list", "--quiet", "--format", "json", "--python", python)))
    check_what_import_loads(name, python)
    check_readme(name, python)

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


def check_readme(name: str, python: Path) -> None:
    """The examples of its README need nothing that the wheel does not bring."""
    readme = ROOT / "packages" / name / "README.md"
    # The module that runs them is found by its path: its distribution would bring more than the wheel does.
    path = str(SUPPORT / "src" / "suite_support")
    code = f"import sys; sys.path.append({path!r}); from code_blocks import *; print(run_page(Path({str(readme)!r})))"
    assert int(run(python, "-I", "-W", "error", "-c", f"from pathlib import Path; {code}")) > 0
