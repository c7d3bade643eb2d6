"""Half a minute with 32 connections: after warming up, memory does not grow, and no call fails.

``python benchmarks/soak.py [--quick] [--json FILE]``. Quick: a few seconds.
"""

from __future__ import annotations

import sys

from harness import Report
from load import TOOL, load
from process import running
from scenario import SEARCH
from servers import OURS

CONNECTIONS = 32
GROWTH = 1.05


def main() -> int:
    """Run the load; return the exit code."""
    report = Report.start("Soak: memory under lasting load")
    warm, long = (2, 5) if report.quick else (5, 30)
    with running(OURS) as server:
        load(server.port, SEARCH, CONNECTIONS, warm)
        before = server.memory
        result = load(server.port, SEARCH, CONNECTIONS, long)
        after = server.memory
    print(f"Load by {TOOL}: {long} s at {CONNECTIONS} connections after {warm} s of warming up.\n")
    report.compare("memory at the end / once warm", [after], [before], "B", at_most=GROWTH)
    report.add("requests a second", [result.rate], "/s")
    report.add("p99", [result.p99])
    report.add("responses other than 2xx", [result.refused], "")
    report.add("socket errors", [result.broken], "")
    if result.refused or result.broken:
        report.fail(f"{result.refused} responses were refusals, {result.broken} connections broke")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
