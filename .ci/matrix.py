"""Run a script of the `versions` environments on every supported Python that is here, and name those that are not.

Hatch alone would download an absent Python, or stop with a traceback where downloads are switched off; and it would
not go on to the next Python after a failure. `MATRIX_DONE=3.11` leaves out a Python on which the same tests have just
passed.
"""

import os
import subprocess
import sys

from python_discovery import get_interpreter

SUPPORTED = ("3.11", "3.12", "3.13", "3.14", "3.15")


def main(script: str, *arguments: str) -> int:
    outcome = {}
    for version in SUPPORTED:
        if version == os.environ.get("MATRIX_DONE"):
            outcome[version] = "passed before"
            continue
        if get_interpreter(version) is None:
            outcome[version] = "not on the PATH: NOT RUN"
            continue
        command = ["hatch", "run", f"+py={version}", f"versions:{script}", *arguments]
        status = subprocess.run(command, check=False).returncode
        outcome[version] = "passed" if status == 0 else f"FAILED with status {status}"
    print(*(f"Python {version}: {what}" for version, what in outcome.items()), sep="\n")
    ran = [what for what in outcome.values() if "NOT RUN" not in what]
    return 0 if ran and all(what.startswith("passed") for what in ran) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
