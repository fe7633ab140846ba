"""Check that a distribution is fit for release: `hatch run release:check aio-queue`.

Its version, changelog, tag and the ranges of its siblings must agree, and so must what is in the wheel and the sdist
that are built from it. Every fault is named, each on a line, with what mends it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import Message

ROOT = Path(__file__).parent.parent
# Offers the names that the pieces have now, so it needs at least the pieces of now.
SUITE = "aio-suite"


@dataclass(frozen=True)
class Distribution:
    root: Path
    name: str

    @property
    def source(self) -> Path:
        return self.root / "packages" / self.name

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    @property
    def version(self) -> str:
        text = (self.source / "src" / self.module / "_version.py").read_text(encoding="utf-8")
        found = re.search(r'^__version__ = "(.*)"$', text, re.MULTILINE)
        return found[1] if found else ""

    @property
    def tag(self) -> str:
        return f"{self.name}-v{self.version}"

    @property
    def project(self) -> dict[str, Any]:
        settings = tomllib.loads((self.source / "pyproject.toml").read_text(encoding="utf-8"))
        project: dict[str, Any] = settings["project"]
        return project

    @property
    def readme(self) -> str:
        return (self.source / "README.md").read_text(encoding="utf-8")

    @property
    def siblings(self) -> dict[Distribution, str]:
        """Those of this repository that it requires, with the requirement as it is written."""
        found = {Distribution(self.root, Requirement(line).name): line for line in self.project["dependencies"]}
        return {sibling: line for sibling, line in found.items() if sibling.source.is_dir()}

    def tags(self) -> list[str]:
        """The tags of its releases, in the order of their versions."""
        command = ["git", "tag", "--list", "--sort=version:refname", f"{self.name}-v*"]
        done = subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.split()


def version_faults(distribution: Distribution) -> Iterator[str]:
    if not re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", distribution.version):
        yield f"version {distribution.version!r}: must read X.Y.Z, or X.Y.Z with aN, bN or rcN"
    planning = "Development Status :: 1 - Planning"
    if planning in distribution.project["classifiers"]:
        yield f"pyproject.toml: {planning!r} is not for a release"


def changelog_faults(distribution: Distribution) -> Iterator[str]:
    text = (distribution.source / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = [section.partition("\n") for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]]
    entries = {heading.strip().strip("[]"): body.strip() for heading, _, body in sections}
    if entries.pop("Unreleased", ""):
        yield "CHANGELOG.md: 'Unreleased' has entries: move them below the heading of the version"
    heading = next(iter(entries), "")
    # A date may follow, as in Keep a Changelog.
    newest = re.sub(r"\]? - \d{4}-\d\d-\d\d$", "", heading)
    if newest != distribution.version:
        yield f"CHANGELOG.md: the first version is {newest!r}, not {distribution.version!r}"
    elif not entries[heading]:
        yield f"CHANGELOG.md: {newest} says nothing"


def tag_faults(distribution: Distribution, tag: str | None) -> Iterator[str]:
    if tag not in {None, distribution.tag}:
        yield f"tag {tag!r}: must be {distribution.tag!r}"
    tags = distribution.tags()
    if distribution.tag in tags and not _is_here(distribution):
        yield f"{distribution.tag} is released already: a change needs a new version"
    earlier = [Version(released.removeprefix(f"{distribution.name}-v")) for released in tags]
    if earlier and max(earlier) > Version(distribution.version):
        yield f"version {distribution.version}: {max(earlier)} is out already"


def _is_here(distribution: Distribution) -> bool:
    """Whether the tag of this version stands where we are: then this is its release."""
    commits = [
        subprocess.run(
            ["git", "rev-parse", f"{name}^{{commit}}"],
            cwd=distribution.root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for name in (distribution.tag, "HEAD")
    ]
    return commits[0] == commits[1]


def sibling_faults(distribution: Distribution) -> Iterator[str]:
    for sibling, line in distribution.siblings.items():
        found = re.fullmatch(rf"{sibling.name}>=(\d+)\.(\d+),<(\d+)", line)
        now = Version(sibling.version)
        if not found or int(found[1]) + 1 != int(found[3]):
            yield f"{line}: must read {sibling.name}>=A.B,<A+1"
        elif not Requirement(line).specifier.contains(now, prereleases=True):
            yield f"{line}: the {sibling.name} of this repository is {now}"
        elif distribution.name == SUITE and (int(found[1]), int(found[2])) != (now.major, now.minor):
            yield f"{line}: {SUITE} offers the names of {sibling.name} {now}, and so needs >={now.major}.{now.minor}"


def order_faults(distribution: Distribution) -> Iterator[str]:
    """Nobody could install what needs a version that is not out."""
    for sibling, line in distribution.siblings.items():
        released = [tag.removeprefix(f"{sibling.name}-v") for tag in sibling.tags()]
        if not any(Requirement(line).specifier.contains(version, prereleases=True) for version in released):
            yield f"{line}: no {sibling.name} within this range is released: release it first"


def readme_faults(distribution: Distribution) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)]+)\)", distribution.readme):
        if not target.startswith(("https://", "#")):
            yield f"README.md: the link to {target!r} leads nowhere on a registry's page: give the whole address"


def metadata_faults(distribution: Distribution, what: str, metadata: Message) -> Iterator[str]:
    project = distribution.project
    told = {
        "Name": metadata["Name"],
        "Version": metadata["Version"],
        "Requires-Python": metadata["Requires-Python"],
        "License-Expression": metadata["License-Expression"],
        "Description-Content-Type": metadata["Description-Content-Type"],
        "Requires-Dist": _needed(metadata.get_all("Requires-Dist", [])),
        "Description": str(metadata.get_payload()).strip(),
    }
    extras = project.get("optional-dependencies", {})
    optional = [f"{needed}; extra == {extra!r}" for extra, names in extras.items() for needed in names]
    wanted = {
        "Name": distribution.name,
        "Version": distribution.version,
        "Requires-Python": project["requires-python"],
        "License-Expression": project["license"],
        "Description-Content-Type": "text/markdown",
        "Requires-Dist": _needed([*project["dependencies"], *optional]),
        "Description": distribution.readme.strip(),
    }
    for field, value in wanted.items():
        if told[field] != value:
            yield f"{what}: {field} is {told[field]!r}, not {value!r}"


def _needed(requirements: list[str]) -> set[str]:
    return {str(Requirement(requirement)) for requirement in requirements}


def artifact_faults(distribution: Distribution, folder: Path) -> Iterator[str]:
    stem = f"{distribution.module}-{distribution.version}"
    wheel, sdist = folder / f"{stem}-py3-none-any.whl", folder / f"{stem}.tar.gz"
    missing = [path.name for path in (wheel, sdist) if not path.is_file()]
    if missing:
        yield f"not built: {', '.join(missing)}"
        return
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        info = f"{stem}.dist-info"
        metadata = archive.read(f"{info}/METADATA").decode()
    yield from metadata_faults(distribution, wheel.name, Parser().parsestr(metadata))
    for needed in (f"{distribution.module}/py.typed", f"{info}/licenses/LICENSE"):
        if needed not in names:
            yield f"{wheel.name}: lacks {needed}"
    for name in names:
        if name.split("/")[0] not in {distribution.module, info} or not name.endswith(EXPECTED_IN_WHEEL):
            yield f"{wheel.name}: {name} does not belong there"
    with tarfile.open(sdist) as packed:
        held = {name.removeprefix(f"{stem}/") for name in packed.getnames()}
        about = packed.extractfile(f"{stem}/PKG-INFO")
        assert about is not None
        metadata = about.read().decode()
    yield from metadata_faults(distribution, sdist.name, Parser().parsestr(metadata))
    for needed in ("README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "tests/test_distribution.py"):
        if needed not in held:
            yield f"{sdist.name}: lacks {needed}"
    yield from twine_faults(wheel, sdist)


EXPECTED_IN_WHEEL = (".py", ".pyi", "py.typed", "METADATA", "WHEEL", "RECORD", "LICENSE")


def twine_faults(*files: Path) -> Iterator[str]:
    done = subprocess.run(
        [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *map(str, files)],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        yield f"twine check: {done.stdout.strip()}"


def build(distribution: Distribution, folder: Path) -> None:
    command = ["uv", "build", "--quiet", "--python", sys.executable, "--out-dir", str(folder)]
    subprocess.run([*command, str(distribution.source)], check=True)


SOURCE_CHECKS: tuple[Callable[[Distribution], Iterator[str]], ...] = (
    version_faults,
    changelog_faults,
    sibling_faults,
    readme_faults,
)


def faults(distribution: Distribution, arguments: argparse.Namespace) -> Iterator[str]:
    wrong = [fault for check in SOURCE_CHECKS for fault in check(distribution)]
    yield from wrong
    if wrong:
        return  # what is built from this would only repeat it
    yield from tag_faults(distribution, arguments.tag)
    if arguments.tag:
        yield from order_faults(distribution)
    if arguments.no_build:
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.built or arguments.out_dir or Path(temporary)
        if not arguments.built:
            build(distribution, folder)
        yield from artifact_faults(distribution, folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("distribution", help="a folder of packages/, or the tag of one of its releases")
    parser.add_argument("--tag", help="the tag that is being released; its siblings must be released already")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    parser.add_argument("--out-dir", type=Path, help="where to leave the wheel and the sdist")
    parser.add_argument("--built", type=Path, help="a folder that holds them already")
    parser.add_argument("--no-build", action="store_true", help="check the source only")
    arguments = parser.parse_args()
    distribution = Distribution(arguments.root, re.sub(r"-v\d.*$", "", arguments.distribution))
    if not (distribution.source / "pyproject.toml").is_file():
        known = ", ".join(sorted(path.parent.name for path in arguments.root.glob("packages/*/pyproject.toml")))
        parser.error(f"no distribution {distribution.name!r} in packages/: there are {known}")
    found = list(faults(distribution, arguments))
    for fault in found:
        print(f"{distribution.name}: {fault}")
    if not found:
        print(f"{distribution.name} {distribution.version} is fit for release: tag it {distribution.tag}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
