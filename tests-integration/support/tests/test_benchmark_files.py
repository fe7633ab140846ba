"""Benchmark files are found by name and run in processes; what was promised of them is checked, a miss twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from suite_support.benchmark_files import BenchmarkFile, UnknownSelectionError, check, find, select
from suite_support.targets import Outcome

# A case "takes" what the file says, so that no figure depends on the machine. Each process leaves a line in a log.
FILE = """
import sys
from functools import partial
from pathlib import Path

from suite_support.benchmark import Target, compare, main


def job(name, ours, repeats):
    with Path(__file__).with_suffix(".log").open("a") as log:
        print(name, repeats, file=log)
    cases = {{"ours": lambda: ours, "theirs": lambda: 1.0, "broken": lambda: 1 / 0}}
    return compare(name, cases, repeats=repeats, absent={{"gone": "it is not installed"}})


def fails(repeats):
    raise OSError("no such service")


JOBS = {{"fast": partial(job, "fast", 0.5), "slow": partial(job, "slow", 0.7), "free": partial(job, "free", 1.0)}}
JOBS |= {{{more}}}
TARGETS = [Target(name, "ours", "theirs", f"{{name}}: half", at_most=0.5) for name in ("fast", "slow")]
TARGETS += [Target("fast", "ours", peer, f"{{peer}}: half", at_most=0.5) for peer in ("broken", "gone")]
TARGETS += [Target("slow", "ours", "theirs", "elsewhere", at_most=0.1, before=(3, 0))]
if __name__ == "__main__":
    main(JOBS, TARGETS)
"""


def write(folder: Path, name: str = "stream", more: str = "") -> None:
    (folder / f"bench_{name}.py").write_text(FILE.format(more=more))


def runs(folder: Path, name: str = "stream") -> list[str]:
    log = folder / f"bench_{name}.log"
    return log.read_text().splitlines() if log.exists() else []


def the_file(folder: Path) -> BenchmarkFile:
    [file] = find(folder)
    return file


def test_files_are_found_by_name_with_their_jobs_and_targets(tmp_path: Path) -> None:
    write(tmp_path, "stream")
    write(tmp_path, "events")
    (tmp_path / "latency.py").write_text("raise SystemExit('not to be run')")
    files = find(tmp_path)
    assert [file.name for file in files] == ["events", "stream"]
    assert [*files[0].targets_by_job] == ["fast", "slow", "free"]
    assert [target.asked for target in files[0].targets_by_job["free"]] == []
    assert runs(tmp_path) == []


def test_a_file_that_cannot_even_list_its_jobs_is_an_error_that_shows_why(tmp_path: Path) -> None:
    (tmp_path / "bench_broken.py").write_text("import no_such_module_here")
    with pytest.raises(RuntimeError, match=r"bench_broken.py --list failed:[\s\S]*no_such_module_here"):
        find(tmp_path)


def test_a_target_of_a_job_that_there_is_not_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "bench_wrong.py"
    path.write_text(FILE.format(more="").replace('("fast", "slow")', '("fats",)'))
    with pytest.raises(RuntimeError, match="no such job: fats"):
        find(tmp_path)


def test_a_selection_names_files_or_single_jobs(tmp_path: Path) -> None:
    write(tmp_path, "stream")
    write(tmp_path, "events")
    files = find(tmp_path)

    def chosen(*names: str) -> list[tuple[str, list[str]]]:
        return [(file.name, jobs) for file, jobs in select(files, names)]

    everything = ["fast", "slow", "free"]
    assert chosen() == [("events", everything), ("stream", everything)]
    assert chosen("stream") == [("stream", everything)]
    assert chosen("stream:free", "stream:fast", "stream:free") == [("stream", ["free", "fast"])]
    assert chosen("stream:free", "stream") == [("stream", ["free", "fast", "slow"])]
    with pytest.raises(UnknownSelectionError, match="no benchmark file 'steam'; there are events, stream"):
        chosen("steam")
    with pytest.raises(UnknownSelectionError, match="stream has no job 'slwo'; it has fast, slow, free"):
        chosen("stream:slwo")


def test_a_run_gives_figures_and_names_the_peers_that_did_not_run(tmp_path: Path) -> None:
    write(tmp_path)
    [result], complete = the_file(tmp_path).run(["fast"], 3)
    assert complete
    assert [(figure["name"], figure["seconds"]) for figure in result["figures"]] == [
        ("ours", [0.5, 0.5, 0.5]),
        ("theirs", [1.0, 1.0, 1.0]),
    ]
    assert result["figures"][1]["ratio_of_minima"] == 2.0
    assert result["absent"] == {
        "gone": "it is not installed",
        "broken": "it fails: ZeroDivisionError('division by zero')",
    }


def test_a_job_that_fails_keeps_nobody_else_from_running_and_is_reported(tmp_path: Path) -> None:
    write(tmp_path, more='"fails": fails')
    results, complete = the_file(tmp_path).run(["fails", "fast"], 1)
    assert [result["name"] for result in results] == ["fast"]
    assert not complete


def test_a_missed_target_is_measured_again_more_often_and_then_missed(tmp_path: Path) -> None:
    write(tmp_path)
    verdicts = check(select(find(tmp_path), []), repeats=2, more=5)
    assert [(verdict.target.asked, verdict.outcome) for _, verdict in verdicts] == [
        ("fast: half", Outcome.MET),
        ("broken: half", Outcome.NOT_RUN),
        ("gone: half", Outcome.NOT_RUN),
        ("slow: half", Outcome.MISSED),
    ]
    # The job without targets did not run, nor did the one that met its own run again.
    assert runs(tmp_path) == ["fast 2", "slow 2", "slow 10"]


def test_a_job_with_targets_that_fails_is_no_success(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "bench_stream.py"
    path.write_text(path.read_text().replace('partial(job, "slow", 0.7)', "fails"))
    with pytest.raises(RuntimeError, match="stream: no figures of slow"):
        check(select(find(tmp_path), []), repeats=1)


def check_command(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command of the project, in a folder of other benchmark files."""
    command = Path(__file__).parents[2] / "benchmarks" / "check.py"
    (tmp_path / "check.py").write_text(command.read_text())
    run = [sys.executable, str(tmp_path / "check.py"), f"--output={tmp_path}", "--repeats=2", *arguments]
    return subprocess.run(run, check=False, capture_output=True, text=True)


def test_the_command_fails_when_a_target_is_missed(tmp_path: Path) -> None:
    write(tmp_path)
    done = check_command(tmp_path)
    assert done.returncode == 1
    assert "slow: half: asked at most 0.50x, measured 0.70x ± 1%: MISSED" in done.stdout
    assert "4 targets, 1 missed" in done.stdout
    verdicts = json.loads(next(tmp_path.glob("targets-3.*.json")).read_text())
    assert [verdict["outcome"] for verdict in verdicts] == ["met", "not run", "not run", "MISSED"]


def test_the_command_succeeds_when_all_targets_are_met(tmp_path: Path) -> None:
    write(tmp_path)
    done = check_command(tmp_path, "stream:fast")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "3 targets, 0 missed")


def test_the_command_refuses_what_there_is_not(tmp_path: Path) -> None:
    write(tmp_path)
    done = check_command(tmp_path, "steam")
    assert (done.returncode, done.stderr) == (2, "no benchmark file 'steam'; there are stream\n")


def test_a_file_refuses_unknown_jobs_and_no_repeats(tmp_path: Path) -> None:
    write(tmp_path)
    for arguments, error in ((["slwo"], "no such job: slwo"), (["--repeats=0"], "--repeats must be 1 or more, not 0")):
        command = [sys.executable, str(tmp_path / "bench_stream.py"), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 2
        assert error in done.stderr
