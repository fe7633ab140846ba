"""The workflows of the host, which cannot run here, name what there is. `hatch run check` checks their structure."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SETTINGS = tomllib.loads((ROOT / "hatch.toml").read_text(encoding="utf-8"))["envs"]

each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)


def job(workflow: str, name: str) -> str:
    """The text of one job."""
    text = (ROOT / ".github" / "workflows" / workflow).read_text(encoding="utf-8")
    jobs = dict(re.findall(r"^  ([\w-]+):\n((?:    .*\n|\n)+)", text.partition("\njobs:\n")[2], re.MULTILINE))
    found: str = jobs[name]
    return found


def scripts() -> set[str]:
    """What `hatch run` takes in these workflows; the environment `versions` has the scripts of the default one."""
    own = set(SETTINGS["default"]["scripts"])
    others = {f"{env}:{script}" for env, settings in SETTINGS.items() for script in settings.get("scripts", {})}
    return own | others | {f"versions:{script}" for script in own}


def test_there_is_one_for_changes_and_one_for_releases() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]


@each_workflow
def test_every_script_that_is_run_is_there(workflow: Path) -> None:
    commands = re.findall(r"run: hatch run (?:\+py=\$\{\{ matrix\.python \}\} )?(\S+)", workflow.read_text("utf-8"))
    assert commands
    assert set(commands) - scripts() == set()


@each_workflow
def test_every_file_that_is_named_is_there(workflow: Path) -> None:
    files = set(re.findall(r"\.ci/\w+(?:\.py)?", workflow.read_text(encoding="utf-8")))
    assert {name for name in files if not (ROOT / name).is_file()} == set()


@each_workflow
def test_actions_are_taken_by_major_version(workflow: Path) -> None:
    used = re.findall(r"uses: (\S+)", workflow.read_text(encoding="utf-8"))
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@(release/)?v\d+", action)] == []


@each_workflow
def test_jobs_have_a_time_limit_and_no_more_rights_than_they_need(workflow: Path) -> None:
    text = workflow.read_text(encoding="utf-8")
    assert text.count("runs-on:") == text.count("timeout-minutes:")
    assert "\npermissions:\n  contents: read\n" in text


def test_every_supported_python_is_tested_on_three_systems() -> None:
    pythons = ", ".join(f'"{python}"' for python in SETTINGS["versions"]["matrix"][0]["python"])
    tests = job("ci.yml", "test")
    assert f"python: [{pythons}]" in tests
    assert "system: [ubuntu-latest, macos-latest, windows-latest]" in tests


def test_every_step_of_the_local_run_is_one_here_too() -> None:
    local = set(re.findall(r"hatch run (\S+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8")))
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    # The matrix of jobs stands for the script that goes through all Pythons.
    assert {script for script in local - {"matrix:test"} if f"hatch run {script}" not in text} == set()


def test_a_release_is_published_after_its_checks_and_without_a_password() -> None:
    publish = job("release.yml", "publish")
    assert "needs: [build, test]" in publish
    assert "id-token: write" in publish
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("package", sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml")))
def test_the_tag_of_each_distribution_starts_its_release(package: str) -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    (pattern,) = re.findall(r'^    tags: \["(.+)"\]$', text, re.MULTILINE)
    assert Path(f"{package}-v1.2.3").match(pattern)
