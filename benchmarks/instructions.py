"""Instructions of one call of the core: a search of four groups, counted by callgrind.

``python benchmarks/instructions.py [--quick] [--json FILE]``. The count does not depend on what else the machine does.
It is the difference between a process that makes many calls and one that makes few. Needs valgrind.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import Report
from process import ENVIRONMENT

BOUND = 240_000
FEW, MANY = 200, 1200
HERE = Path(__file__).parent
CALLS = """
import gc
import sys
from scenario import SEARCH, world
from segment_mock.messages import Request

mock = world()
gc.disable()  # when it runs depends on what was imported
answer = mock._emulator.answer
headers = {name.lower(): value for name, value in SEARCH.headers.items()}
for _ in range(int(sys.argv[1])):
    response = answer(Request(SEARCH.method, SEARCH.path, headers, SEARCH.body))
assert SEARCH.expected in response.body
"""


def main() -> int:
    """Measure; return the exit code."""
    report = Report.start("Instructions of a core call")
    if not shutil.which("valgrind"):
        report.skipped["callgrind"] = "valgrind is not installed"
        return report.finish()
    counted(1)  # compiles what has changed
    each = (counted(MANY) - counted(FEW)) / (MANY - FEW)
    report.add("search of 4 groups", [each], " instructions")
    if each > BOUND:
        report.miss(f"search of 4 groups: {each:,.0f} instructions; bound {BOUND:,}")
    return report.finish()


def counted(calls: int) -> int:
    """Return the instructions of a process that makes this many calls."""
    with tempfile.TemporaryDirectory() as folder:
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        command = [*tool, sys.executable, "-c", CALLS, str(calls)]
        environment = {**ENVIRONMENT, "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, check=True)
    (count,) = re.findall(r"Collected : ([0-9]+)", done.stderr)
    return int(count)


if __name__ == "__main__":
    sys.exit(main())
