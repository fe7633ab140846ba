"""Wheels of the distributions, as they are and under other version numbers."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
SUPPORT = ROOT / "tests-integration" / "support"
DEPENDENT = ROOT / "tests-integration" / "dependent"

# Neither the settings of a machine nor its indexes have a say in what is resolved from a folder.
OFFLINE_UV = ("--no-config", "--no-index")
OFFLINE_PIP = ("--isolated", "--no-index", "--disable-pip-version-check")


def attempt(*command: str | Path, cwd: Path | None = None, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run to the end, with what was written to either output as `stdout`."""
    return subprocess.run(
        command,
        cwd=cwd,
        check=False,
        input=text or "",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = attempt(*command, cwd=cwd)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


def source_of(name: str) -> Path:
    return ROOT / "packages" / name


def version_of(name: str) -> Version:
    text = (source_of(name) / "src" / name.replace("-", "_") / "_version.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert found
    return Version(found[1])


def build(folder: Path, *sources: Path) -> None:
    """Put an sdist of each source into the folder, and the wheel made from it."""
    _build(folder, sources)


def build_wheels(folder: Path, *sources: Path) -> None:
    """Put a wheel of each source into the folder, made from the source itself, which takes half the time."""
    _build(folder, sources, "--wheel")


def _build(folder: Path, sources: Iterable[Path], *options: str) -> None:
    command: tuple[str | Path, ...] = (
        "uv",
        "build",
        "--quiet",
        "--python",
        sys.executable,
        "--out-dir",
        folder,
        *options,
    )
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda source: run(*command, source), sources))


def renumbered(name: str, version: Version, folder: Path) -> Path:
    """A copy of a distribution's source that has another version number, and differs by nothing else."""
    copy = folder / f"{name}-{version}"
    shutil.copytree(source_of(name), copy, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    path = copy / "src" / name.replace("-", "_") / "_version.py"
    old = path.read_text(encoding="utf-8")
    new = old.replace(f'"{version_of(name)}"', f'"{version}"')
    assert new != old
    path.write_text(new, encoding="utf-8")
    return copy


def requirements(wheel: Path) -> Iterable[Requirement]:
    """What a wheel declares to need, extras left out."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    declared = map(Requirement, metadata.get_all("Requires-Dist", []))
    return [
        requirement for requirement in declared if not requirement.marker or requirement.marker.evaluate({"extra": ""})
    ]


def virtual_environment(folder: Path) -> Path:
    """Make an empty one, and return its Python."""
    run("uv", "venv", "--quiet", "--no-config", "--python", sys.executable, folder)
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
