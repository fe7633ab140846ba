"""Pieces are upgraded one by one, each within the range that the project asks for; a mix that does not fit is refused.

The versions are those of today, with the minor version before and after, and once the major version after: wheels that
differ by nothing but their number. Both resolvers, uv and pip, see a folder of them and no index.
"""

from __future__ import annotations

import json
import shutil
import sys
from itertools import product
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version
from wheel_building import (
    OFFLINE_PIP,
    OFFLINE_UV,
    attempt,
    build_wheels,
    renumbered,
    requirements,
    run,
    version_of,
    virtual_environment,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from packaging.specifiers import SpecifierSet

PINNED = ("aio-queue", "aio-values", "aio-sched")
Mix = dict[str, Version]


def minor(name: str, step: int) -> Version:
    """The version of today, so many minor versions on."""
    major, minor, *_ = version_of(name).release
    return Version(f"{major}.{minor + step}.0")


AGES: dict[str, Callable[[str], Version]] = {
    "previous": lambda name: minor(name, -1),
    "current": version_of,
    "next": lambda name: minor(name, 1),
}
TODAY = {name: version_of(name) for name in PINNED}


def mixes() -> list[Mix]:
    versions = [[age(name) for age in AGES.values()] for name in PINNED]
    return [dict(zip(PINNED, mix, strict=True)) for mix in product(*versions)]


def with_one_changed() -> list[Mix]:
    """What is there today, and all mixes that differ from it in one piece."""
    return [mix for mix in mixes() if sum(mix[name] != TODAY[name] for name in PINNED) <= 1]


def shown(mix: Mix) -> str:
    return " ".join(f"{name.removeprefix('aio-')}-{version}" for name, version in mix.items())


@pytest.fixture(scope="session")
def versions(
    fill_once: Callable[[str, Callable[[Path], None]], Path],
    wheelhouse: Path,
    dependent: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """All of today's wheels, the dependent's, and the pinned pieces' in other versions."""

    def fill(folder: Path) -> None:
        copies = tmp_path_factory.mktemp("copies")
        others = {(name, age(name)) for name in PINNED for age in AGES.values()} - set(TODAY.items())
        major = ("aio-values", Version(f"{TODAY['aio-values'].major + 1}.0.0"))
        build_wheels(folder, *(renumbered(name, version, copies) for name, version in sorted({*others, major})))
        for wheel in [*wheelhouse.glob("*.whl"), dependent]:
            shutil.copy(wheel, folder)

    return fill_once("versions", fill)


@pytest.fixture(scope="session")
def ranges(dependent: Path) -> dict[str, SpecifierSet]:
    """What the dependent project allows."""
    return {requirement.name: requirement.specifier for requirement in requirements(dependent)}


def pins(mix: Mix) -> list[str]:
    return [f"{name}=={version}" for name, version in mix.items()]


def uv_resolves(versions: Path, *wanted: str) -> subprocess.CompletedProcess[str]:
    options = ("--no-header", "--no-annotate", "--python", sys.executable, "--find-links", versions)
    return attempt("uv", "pip", "compile", *OFFLINE_UV, *options, "-", text="\n".join(wanted))


def pip_resolves(versions: Path, *wanted: str) -> subprocess.CompletedProcess[str]:
    options = ("--dry-run", "--ignore-installed", "--find-links", versions)
    return attempt(sys.executable, "-m", "pip", "install", *OFFLINE_PIP, *options, *wanted)


def fits(mix: Mix, ranges: dict[str, SpecifierSet]) -> bool:
    return all(ranges[name].contains(version) for name, version in mix.items())


def test_the_project_pins_three_pieces_each_to_a_range_of_its_own(ranges: dict[str, SpecifierSet]) -> None:
    assert set(ranges) == set(PINNED)
    assert len({str(specifier) for specifier in ranges.values()}) == len(PINNED)
    assert fits(TODAY, ranges)
    # Otherwise the matrix would show nothing.
    assert {fits(mix, ranges) for mix in mixes()} == {True, False}
    assert sum(fits(mix, ranges) for mix in with_one_changed()) > 1


@pytest.mark.parametrize("mix", mixes(), ids=shown)
def test_uv_takes_what_fits_and_refuses_the_rest(mix: Mix, versions: Path, ranges: dict[str, SpecifierSet]) -> None:
    done = uv_resolves(versions, "dependent", *pins(mix))
    assert (done.returncode == 0) == fits(mix, ranges), done.stdout
    if done.returncode == 0:
        assert {line for line in done.stdout.splitlines() if "==" in line} == {*pins(mix), "dependent==1.0.0"}
    else:
        assert "dependent" in done.stdout
        assert "unsatisfiable" in done.stdout


@pytest.mark.parametrize("mix", with_one_changed(), ids=shown)
def test_pip_takes_what_fits_and_refuses_the_rest(mix: Mix, versions: Path, ranges: dict[str, SpecifierSet]) -> None:
    done = pip_resolves(versions, "dependent", *pins(mix))
    assert (done.returncode == 0) == fits(mix, ranges), done.stdout
    if done.returncode == 0:
        assert all(f"{name}-{version}" in done.stdout for name, version in mix.items())
    else:
        assert "ResolutionImpossible" in done.stdout
        # It says whose range it is.
        assert "dependent 1.0.0 depends on" in done.stdout


@pytest.mark.parametrize("resolves", [uv_resolves, pip_resolves], ids=["uv", "pip"])
@pytest.mark.parametrize(
    ("wanted", "refusing"),
    [
        (("aio-events", f"aio-values=={version_of('aio-values').major + 1}.0.0"), "aio-events"),
        (("aio-trio-util", f"aio-values=={version_of('aio-values').major + 1}.0.0"), "aio-trio-util"),
        (("aio-suite", f"aio-queue=={minor('aio-queue', -1)}"), "aio-suite"),
    ],
    ids=["events, values of the next major version", "trio-util, the same", "suite, an earlier queue"],
)
def test_siblings_refuse_what_they_cannot_work_with(
    resolves: Callable[..., subprocess.CompletedProcess[str]], wanted: tuple[str, ...], refusing: str, versions: Path
) -> None:
    done = resolves(versions, *wanted)
    assert done.returncode != 0
    assert refusing in done.stdout
    assert "unsatisfiable" in done.stdout or "ResolutionImpossible" in done.stdout


def test_a_piece_is_upgraded_and_the_others_stay(
    versions: Path, ranges: dict[str, SpecifierSet], tmp_path: Path
) -> None:
    python = virtual_environment(tmp_path / "environment")
    install = ("uv", "pip", "install", "--quiet", *OFFLINE_UV, "--find-links", versions, "--python", python)

    def ran_on() -> Mix:
        told = json.loads(run(python, "-I", "-W", "error", "-m", "dependent"))
        assert told["read"] == ["a", "b", "c"]
        return {name: Version(version) for name, version in told["versions"].items()}

    # The oldest that fit, then each piece by itself to the newest that fits.
    now = {name: min(filter(ranges[name].contains, (age(name) for age in AGES.values()))) for name in PINNED}
    run(*install, "dependent", *pins(now))
    assert ran_on() == now
    for name in PINNED:
        run(*install, "dependent", "--upgrade-package", name)
        now[name] = max(filter(ranges[name].contains, (age(name) for age in AGES.values())))
        assert ran_on() == now
    assert any(now[name] != TODAY[name] for name in PINNED)


def test_an_environment_with_a_mix_that_does_not_fit_is_found_out(versions: Path, tmp_path: Path) -> None:
    python = virtual_environment(tmp_path / "environment")
    install = ("uv", "pip", "install", "--quiet", *OFFLINE_UV, "--find-links", versions, "--python", python)
    run(*install, "dependent", *pins(TODAY))
    run("uv", "pip", "check", "--python", python)
    run(*install, "--no-deps", f"aio-sched=={minor('aio-sched', 1)}")
    done = attempt("uv", "pip", "check", "--python", python)
    assert done.returncode != 0
    assert "dependent" in done.stdout
    assert "aio-sched" in done.stdout
