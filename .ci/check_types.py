"""Check the types: mypy --strict over sources, tests and examples, and that each public API is typed completely."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def mypy(*paths: Path, version: str) -> bool:
    names = [str(path.relative_to(ROOT)) for path in paths]
    options = ["--strict", "--explicit-package-bases", "--no-error-summary", f"--python-version={version}"]
    print("mypy", *options, *names, flush=True)
    # The integration tests import the example service as a reader runs it: from its folder.
    environment = {**os.environ, "MYPYPATH": "docs/examples"}
    command = [sys.executable, "-m", "mypy", *options, *names]
    return subprocess.run(command, cwd=ROOT, check=False, env=environment).returncode == 0


def verify_types(module: str) -> bool:
    # Here basedpyright looks for the python on the PATH, whatever it is told: it must be this environment's.
    command = [sys.executable, "-m", "basedpyright", "--ignoreexternal", "--outputjson", "--verifytypes", module]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, env={**os.environ, "PATH": path}
    )
    report = json.loads(done.stdout)
    if not report["typeCompleteness"].get("pyTypedPath"):
        print(f"verifytypes {module}: not found, or without py.typed\n{done.stdout}")
        return False
    counts = report["typeCompleteness"]["exportedSymbolCounts"]
    unknown = counts["withUnknownType"] + counts["withAmbiguousType"]
    print(f"verifytypes {module}: {counts['withKnownType']} public symbols of known type, {unknown} of unknown type")
    for symbol in report["typeCompleteness"]["symbols"]:
        if symbol["name"].startswith(module) and symbol["diagnostics"]:
            print(f"  {symbol['name']}: {' '.join(problem['message'] for problem in symbol['diagnostics'])}")
    return bool(unknown == 0)


def main() -> int:
    packages = sorted(path.parent for path in (ROOT / "packages").glob("*/pyproject.toml"))
    integration = sorted(path for path in (ROOT / "tests-integration").iterdir() if any(path.rglob("*.py")))
    # Modules of different tests share names, so each set is checked by a run of its own.
    sets = [
        *((package / "src", package / "tests") for package in packages),
        *((folder,) for folder in integration),
        (ROOT / "docs" / "examples",),
        (ROOT / ".ci",),
    ]
    # Branches on sys.version_info are seen by the oldest and the newest Python's run only.
    fine = [mypy(*paths, version=version) for paths in sets for version in ("3.11", "3.15")]
    fine += [verify_types(package.name.replace("-", "_")) for package in packages]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
