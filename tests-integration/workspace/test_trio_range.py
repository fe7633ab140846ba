"""The range of trio that aio-trio-util declares is the one that is tested."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_oldest_trio_required_is_the_one_of_its_environment() -> None:
    project = tomllib.loads((ROOT / "packages" / "aio-trio-util" / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    environments = tomllib.loads((ROOT / "hatch.toml").read_text(encoding="utf-8"))["envs"]
    (required,) = (line for line in project["dependencies"] if line.startswith("trio>="))
    (installed,) = environments["oldest-trio"]["dependencies"]
    assert installed == f"{required.replace('>=', '==')}.0"
