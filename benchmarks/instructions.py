"""Instructions of one call, a search of four groups, counted by callgrind: in the core, and on a live connection.

``python benchmarks/instructions.py [--quick] [--json FILE]``. The count does not depend on other load on the machine.
It is the difference between a process that makes many calls and one that makes few. On the live connection a call is
parsed, answered and serialized, without the event loop and the socket. Needs valgrind.
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

BOUNDS = {"core": 240_000, "live": 300_000}
FEW, MANY = 200, 1200
HERE = Path(__file__).parent
START = """
import gc
import sys
from scenario import SEARCH, world

gc.disable()  # when it runs depends on what was imported
mock = world()
core = mock._emulator
"""
CALLS = {
    "core": START
    + """
from segment_mock.messages import Request

headers = {name.lower(): value for name, value in SEARCH.headers.items()}
for _ in range(int(sys.argv[1])):
    response = core.answer(Request(SEARCH.method, SEARCH.path, headers, SEARCH.body))
assert SEARCH.expected in response.body
""",
    "live": START
    + """
import asyncio
from segment_mock.transports.server.connection import Connection
from segment_mock.transports.server.context import ServerContext

class Transport(asyncio.Transport):
    def get_extra_info(self, name, default=None):
        return default

    def set_write_buffer_limits(self, high=None, low=None):
        pass

    def is_closing(self):
        return False

    def write(self, data):
        self.data = data

fields = {"Host": "127.0.0.1", "Content-Length": str(len(SEARCH.body)), **SEARCH.headers}
lines = [f"{SEARCH.method} {SEARCH.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
request = "\\r\\n".join([*lines, "", ""]).encode() + SEARCH.body
context = ServerContext(
    core.answer, None, core.world.clock, asyncio.new_event_loop(),
    body_limit=2**20, time_scale=1.0, request_timeout=30.0, admit=lambda host: True,
)
connection, transport = Connection(context), Transport()
connection.connection_made(transport)
for _ in range(int(sys.argv[1])):
    connection.data_received(request)
assert SEARCH.expected in transport.data
""",
}


def main() -> int:
    """Measure; return the exit code."""
    report = Report.start("Instructions of a call")
    if not shutil.which("valgrind"):
        report.skipped["callgrind"] = "valgrind is not installed"
        return report.finish()
    for place, program in CALLS.items():
        count_instructions(program, 1)  # compiles what has changed
        each = (count_instructions(program, MANY) - count_instructions(program, FEW)) / (MANY - FEW)
        report.add(f"search of 4 groups, {place}", [each], " instructions")
        if each > BOUNDS[place]:
            report.miss(f"search of 4 groups, {place}: {each:,.0f} instructions; bound {BOUNDS[place]:,}")
    return report.finish()


def count_instructions(program: str, calls: int) -> int:
    """Return the instructions of a process in which *program* makes this many calls."""
    with tempfile.TemporaryDirectory() as folder:
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        command = [*tool, sys.executable, "-c", program, str(calls)]
        environment = {**ENVIRONMENT, "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, check=True)
    (count,) = re.findall(r"Collected : ([0-9]+)", done.stderr)
    return int(count)


if __name__ == "__main__":
    sys.exit(main())
