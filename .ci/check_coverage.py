"""Print the branch coverage of each distribution; fail where a finished one is under its floor.

A distribution is finished once its classifiers say more than "1 - Planning". Reads the JSON report of coverage.
"""

import json
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
FLOOR = 95.0


def is_finished(package: Path) -> bool:
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return "Development Status :: 1 - Planning" not in project["classifiers"]


def main(report: str) -> int:
    files = json.loads(Path(report).read_text(encoding="utf-8"))["files"]
    status = 0
    for package in sorted((ROOT / "packages").iterdir()):
        summaries = [
            entry["summary"] for name, entry in files.items() if (ROOT / name).resolve().is_relative_to(package / "src")
        ]
        reached = sum(summary["covered_lines"] + summary["covered_branches"] for summary in summaries)
        total = sum(summary["num_statements"] + summary["num_branches"] for summary in summaries)
        percent = 100 * reached / total if total else 0.0
        finished = is_finished(package)
        verdict = "in the making" if not finished else "ok" if percent >= FLOOR else f"UNDER {FLOOR:.0f} %"
        print(f"{package.name:15} {percent:6.2f} % of {total:5} lines and branches   {verdict}")
        if verdict.startswith("UNDER"):
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
