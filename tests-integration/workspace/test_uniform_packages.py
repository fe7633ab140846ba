"""Knowing one distribution is knowing all: their metadata, files and requirements follow one rule."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
NAMES = {package.name for package in PACKAGES}
EXPECTED = {
    "aio-values",
    "aio-events",
    "aio-group",
    "aio-queue",
    "aio-coro",
    "aio-sched",
    "aio-trio-util",
    "aio-suite",
}

each_package = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)


def project(package: Path) -> dict[str, Any]:
    settings: dict[str, Any] = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))
    return settings


def version(package: Path) -> str:
    text = (package / "src" / package.name.replace("-", "_") / "_version.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(\d+\.\d+\.\d+)"$', text, re.MULTILINE)
    assert found, f"{package.name} has no plain version"
    return found[1]


def test_the_family_is_complete() -> None:
    assert NAMES == EXPECTED


@each_package
def test_files_of_a_distribution_are_there(package: Path) -> None:
    module = package / "src" / package.name.replace("-", "_")
    wanted = [module / "py.typed", module / "__init__.py", package / "README.md", package / "CHANGELOG.md"]
    assert [path for path in wanted if not path.is_file()] == []
    assert list(package.glob("tests/test_*.py"))
    assert (package / "LICENSE").read_text(encoding="utf-8") == (ROOT / "LICENSE").read_text(encoding="utf-8")


@each_package
def test_metadata_follows_the_common_form(package: Path) -> None:
    settings = project(package)
    about = settings["project"]
    assert settings["build-system"]["build-backend"] == "hatchling.build"
    assert about["name"] == package.name
    assert about["requires-python"] == ">=3.11"
    assert about["license"] == "MIT"
    assert set(about["urls"]) == {"Homepage", "Documentation", "Source", "Changelog", "Issues"}
    assert "Typing :: Typed" in about["classifiers"]
    pythons = {f"Programming Language :: Python :: 3.{minor}" for minor in range(11, 16)}
    assert pythons <= set(about["classifiers"])


@each_package
def test_siblings_are_required_by_one_rule(package: Path) -> None:
    """`aio-x>=A.B,<A+1`: at least a minor version that is out, below the next major."""
    for requirement in project(package)["project"]["dependencies"]:
        name = re.split(r"[<>=~!\[; ]", requirement)[0]
        if name not in NAMES:
            continue
        found = re.fullmatch(rf"{name}>=(\d+)\.(\d+),<(\d+)", requirement)
        assert found, f"{requirement!r} is not of the form {name}>=X.Y,<X+1"
        major, minor, below = map(int, found.groups())
        current = tuple(map(int, version(ROOT / "packages" / name).split(".")))
        assert below == major + 1
        assert (major, minor) <= current[:2] < (below, 0)


@each_package
def test_changelog_tells_of_the_version(package: Path) -> None:
    text = (package / "CHANGELOG.md").read_text(encoding="utf-8")
    if "Development Status :: 1 - Planning" in project(package)["project"]["classifiers"]:
        assert "## Unreleased" in text
    else:
        assert re.search(rf"^## (\[)?{re.escape(version(package))}", text, re.MULTILINE)


@each_package
def test_readme_tells_how_to_install(package: Path) -> None:
    text = (package / "README.md").read_text(encoding="utf-8")
    assert f"pip install {package.name}" in text
    assert "```python" in text
