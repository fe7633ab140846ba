"""What `hatch run release:check` says of what is built: the wheels and sdists of now are fit, and faults are found."""

from __future__ import annotations

import shutil
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from wheel_building import DISTRIBUTIONS, ROOT, attempt, source_of

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

CHECK = ROOT / ".ci" / "check_release.py"
Files = dict[str, bytes]


def check(name: str, built: Path) -> subprocess.CompletedProcess[str]:
    return attempt(sys.executable, CHECK, name, "--built", built)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_what_is_built_is_fit_for_release(name: str, wheelhouse: Path) -> None:
    if "Development Status :: 1 - Planning" in (source_of(name) / "pyproject.toml").read_text(encoding="utf-8"):
        pytest.skip("says itself that it is not for a release")
    done = check(name, wheelhouse)
    assert done.returncode == 0, done.stdout


def lose_type_information(files: Files) -> None:
    del files["aio_queue/py.typed"]


def add_a_stranger(files: Files) -> None:
    files["tests/test_queue.py"] = b""


def need_more(files: Files) -> None:
    name = next(name for name in files if name.endswith("METADATA"))
    files[name] = files[name].replace(b"Requires-Python", b"Requires-Dist: six\nRequires-Python")


def forget_the_text(files: Files) -> None:
    name = next(name for name in files if name.endswith("METADATA"))
    files[name] = files[name].partition(b"\n\n")[0]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lose_type_information, ["lacks aio_queue/py.typed"]),
        (add_a_stranger, ["tests/test_queue.py does not belong there"]),
        (need_more, ["Requires-Dist is {'six'}, not set()"]),
        (forget_the_text, ["Description is ''", "twine check: "]),
    ],
)
def test_a_faulty_wheel_is_found_out(
    spoil: Callable[[Files], None], told: list[str], wheelhouse: Path, tmp_path: Path
) -> None:
    for path in wheelhouse.glob("aio_queue-*"):
        shutil.copy(path, tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    spoil(files)
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    done = check("aio-queue", tmp_path)
    assert done.returncode == 1
    assert [words for words in told if words not in done.stdout] == []


def test_what_is_not_built_is_named(tmp_path: Path) -> None:
    done = check("aio-queue", tmp_path)
    assert done.returncode == 1
    assert "not built: aio_queue-" in done.stdout
