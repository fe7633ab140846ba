"""Every code block that a reader meets is true: Python runs, shell commands name what exists."""

import tomllib
from pathlib import Path

import pytest
from suite_support.code_blocks import blocks, run_page

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("packages/*/README.md"), *ROOT.glob("docs/**/*.md")])
LANGUAGES = {"python", "py", "sh", "text", "toml", "mermaid", "console"}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_blocks_run(page: Path) -> None:
    expected = sum(block.language in {"python", "py"} for block in blocks(page.read_text(encoding="utf-8")))
    assert run_page(page) == expected


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_blocks_name_a_language_that_a_test_knows(page: Path) -> None:
    strange = [block for block in blocks(page.read_text(encoding="utf-8")) if block.language not in LANGUAGES]
    assert strange == []


def scripts() -> set[str]:
    """All that `hatch run` can be given."""
    environments = tomllib.loads((ROOT / "hatch.toml").read_text(encoding="utf-8"))["envs"]
    named = {f"{env}:{script}" for env, settings in environments.items() for script in settings.get("scripts", {})}
    return named | set(environments["default"]["scripts"])


def is_known(command: str) -> bool:
    """Whether a shell line of the documentation installs what we publish or runs a script that there is."""
    distributions = {path.name for path in (ROOT / "packages").iterdir()}
    match command.split("#", maxsplit=1)[0].replace("'", "").replace('"', "").split():
        case []:
            return True
        case ["pip", "install", *names]:
            return all(name.split("[")[0] in distributions | {"hatch"} for name in names)
        case ["hatch", "run", script, *_]:
            return script in scripts()
        case ["git", "clone" | "push" | "tag", *_] | ["cd", _] | ["redis-cli" | "redis-benchmark", *_]:
            return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_shell_commands_name_what_exists(page: Path) -> None:
    lines = [
        command.strip()
        for block in blocks(page.read_text(encoding="utf-8"))
        if block.language == "sh"
        for line in block.code.splitlines()
        for command in line.split("&&")
    ]
    assert [line for line in lines if not is_known(line)] == []
