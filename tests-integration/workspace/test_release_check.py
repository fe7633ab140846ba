"""What is not fit for release is held back, and told why: each test spoils a small repository in one way."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECK = ROOT / ".ci" / "check_release.py"


def git(repository: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=repository, check=True, capture_output=True)


def check(repository: Path, *arguments: str) -> tuple[int, list[str]]:
    """Its exit status and the lines that it prints."""
    command = [sys.executable, str(CHECK), "--root", str(repository), "--no-build", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def edit(path: Path, pattern: str, replacement: str) -> None:
    old = path.read_text(encoding="utf-8")
    new = re.sub(pattern, replacement, old, flags=re.MULTILINE)
    assert new != old
    path.write_text(new, encoding="utf-8")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """aio-values 1.2.3, and aio-events 1.0.0, which needs it; both fit for release."""
    for name, version in (("aio-values", "1.2.3"), ("aio-events", "1.0.0")):
        source, copy = ROOT / "packages" / name, tmp_path / "packages" / name
        module = Path("src") / name.replace("-", "_")
        (copy / module).mkdir(parents=True)
        shutil.copy(source / "README.md", copy)
        shutil.copy(source / "pyproject.toml", copy)
        (copy / "CHANGELOG.md").write_text(f"# Changelog\n\n## {version}\n\n- One change.\n\n## 0.0.1\n\n- First.\n")
        (copy / module / "_version.py").write_text(f'__version__ = "{version}"\n')
    edit(tmp_path / "packages" / "aio-events" / "pyproject.toml", r'"aio-values>=.*"', '"aio-values>=1.2,<2"')
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "packages")
    git(tmp_path, "commit", "--quiet", "--message", "all")
    return tmp_path


@pytest.mark.parametrize(("name", "version"), [("aio-values", "1.2.3"), ("aio-events", "1.0.0")])
def test_what_is_fit_is_told_its_tag(name: str, version: str, repository: Path) -> None:
    assert check(repository, name) == (0, [f"{name} {version} is fit for release: tag it {name}-v{version}"])


def test_a_tag_names_the_distribution(repository: Path) -> None:
    git(repository, "tag", "aio-values-v1.2.3")
    assert check(repository, "aio-values-v1.2.3", "--tag", "aio-values-v1.2.3")[0] == 0


VALUES = Path("packages/aio-values")
SPOILED = [
    (VALUES / "src/aio_values/_version.py", "1.2.3", "1.2", "version '1.2': must read X.Y.Z"),
    (VALUES / "src/aio_values/_version.py", "1.2.3", "1.2.4", "the first version is '1.2.3', not '1.2.4'"),
    (VALUES / "CHANGELOG.md", "^## 1.2.3$", "## Unreleased", "'Unreleased' has entries"),
    (VALUES / "CHANGELOG.md", "^- One change.$", "", "1.2.3 says nothing"),
    (VALUES / "README.md", r"\Z", "\n[guide](../docs/guide.md)\n", "the link to '../docs/guide.md' leads nowhere"),
    (VALUES / "pyproject.toml", "4 - Beta", "1 - Planning", "is not for a release"),
]


@pytest.mark.parametrize(("path", "pattern", "replacement", "told"), SPOILED, ids=[row[-1] for row in SPOILED])
def test_what_is_not_fit_is_told_why(path: Path, pattern: str, replacement: str, told: str, repository: Path) -> None:
    edit(repository / path, pattern, replacement)
    status, lines = check(repository, "aio-values")
    assert status == 1
    assert any(told in line for line in lines), lines
    assert all(line.startswith("aio-values: ") for line in lines)


def test_a_changelog_may_date_its_versions(repository: Path) -> None:
    edit(repository / VALUES / "CHANGELOG.md", "^## 1.2.3$", "## Unreleased\n\n## [1.2.3] - 2026-01-31")
    assert check(repository, "aio-values")[0] == 0


@pytest.mark.parametrize(
    ("requirement", "told"),
    [
        ("aio-values>=1.2", "must read aio-values>=A.B,<A+1"),
        ("aio-values>=1.2,<3", "must read aio-values>=A.B,<A+1"),
        ("aio-values>=1.3,<2", "the aio-values of this repository is 1.2.3"),
    ],
)
def test_ranges_of_siblings_follow_the_rule_and_hold(requirement: str, told: str, repository: Path) -> None:
    edit(repository / "packages/aio-events/pyproject.toml", '"aio-values>=.*"', f'"{requirement}"')
    assert check(repository, "aio-events") == (1, [f"aio-events: {requirement}: {told}"])


def test_the_suite_needs_the_pieces_whose_names_it_offers(repository: Path) -> None:
    shutil.copytree(repository / "packages" / "aio-events", repository / "packages" / "aio-suite")
    (repository / "packages/aio-suite/src/aio_events").rename(repository / "packages/aio-suite/src/aio_suite")
    edit(repository / "packages/aio-suite/pyproject.toml", '"aio-values>=.*"', '"aio-values>=1.1,<2"')
    status, lines = check(repository, "aio-suite")
    assert (status, len(lines)) == (1, 1)
    assert "offers the names of aio-values 1.2.3, and so needs >=1.2" in lines[0]


def test_a_tag_that_does_not_fit_the_version_is_refused(repository: Path) -> None:
    for tag in ("aio-values-v1.2", "aio-values-1.2.3", "v1.2.3", "aio-events-v1.2.3"):
        assert check(repository, "aio-values", "--tag", tag) == (
            1,
            [f"aio-values: tag {tag!r}: must be 'aio-values-v1.2.3'"],
        )


def test_a_version_is_released_once_and_versions_rise(repository: Path) -> None:
    git(repository, "tag", "aio-values-v1.2.3")
    assert check(repository, "aio-values")[0] == 0
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "later")
    assert check(repository, "aio-values") == (
        1,
        ["aio-values: aio-values-v1.2.3 is released already: a change needs a new version"],
    )
    git(repository, "tag", "aio-events-v1.10.0")
    assert check(repository, "aio-events") == (1, ["aio-events: version 1.0.0: 1.10.0 is out already"])


def test_a_sibling_is_released_before_what_needs_it(repository: Path) -> None:
    tag = ("--tag", "aio-events-v1.0.0")
    git(repository, "tag", "aio-values-v1.1.9")
    assert check(repository, "aio-events", *tag) == (
        1,
        ["aio-events: aio-values>=1.2,<2: no aio-values within this range is released: release it first"],
    )
    git(repository, "tag", "aio-values-v1.2.0")
    assert check(repository, "aio-events", *tag)[0] == 0


def test_an_unknown_name_is_refused_with_those_there_are(repository: Path) -> None:
    command = [sys.executable, str(CHECK), "--root", str(repository), "aio-nothing"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no distribution 'aio-nothing' in packages/: there are aio-events, aio-values" in done.stderr
