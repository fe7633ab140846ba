"""The soak runs, finds nothing in some rounds of each loop, and says so when there is something to find."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from suite_support.loops import loop_classes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="looks at signals and memory as POSIX has them")

SOAK = Path(__file__).with_name("soak.py")


def soak(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", SOAK, *options],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
@pytest.mark.parametrize("loop", loop_classes())
def test_some_rounds_lose_nothing_and_leave_nothing(loop: str, debug: bool) -> None:
    # uvloop waits for its timers.
    rounds = "2" if loop == "uvloop" else "10" if debug else "20"
    done = soak("--loop", loop, "--seed", "a short run", "--rounds", rounds, *(["--debug"] if debug else []))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost, nothing left" in done.stdout


def test_what_a_task_loses_is_found_and_told_with_the_seed(tmp_path: Path) -> None:
    forgetful = tmp_path / "forgetful.py"
    forgetful.write_text(
        f"""
import sys
sys.path.insert(0, {str(SOAK.parent)!r})
import soak, world

async def get_and_forget(world):
    await world.dice.choice(world.queues).get()

world.ACTIVITIES.append(get_and_forget)
sys.exit(soak.main())
"""
    )
    command = [sys.executable, str(forgetful), "--loop", "asyncio", "--seed", "forgetful", "--rounds", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 1
    assert "queues: put" in done.stderr
    assert "repeat it with --loop asyncio --seed forgetful" in done.stdout
