"""Half a minute at 32 connections: memory stays flat once warm, and no call goes wrong.

``python benchmarks/soak.py [--quick] [--json FILE]``. Quick: a few seconds.
"""

from __future__ import annotations

import sys

from exchange import SEARCH
from load import TOOL, load
from process import running
from rounds import Report
from servers import OURS

CONNECTIONS = 32
GROWTH = 1.05


def main() -> int:
    """Soak; return the exit code."""
    report = Report.begun("Soak: memory under lasting load")
    warm, long = (2, 5) if report.quick else (5, 30)
    with running(OURS) as server:
        load(server.port, SEARCH, CONNECTIONS, warm)
        before = server.memory
        found = load(server.port, SEARCH, CONNECTIONS, long)
        after = server.memory
    print(f"Load by {TOOL}: {long} s at {CONNECTIONS} connections after {warm} s of warming up.\n")
    report.compare("memory at the end / once warm", [after], [before], "B", at_most=GROWTH)
    report.tell("requests a second", [found.rate], "/s")
    report.tell("p99", [found.p99])
    report.tell("answers other than 2xx", [found.refused], "")
    report.tell("socket errors", [found.broken], "")
    if found.refused or found.broken:
        report.fail(f"{found.refused} answers were refusals, {found.broken} connections broke")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
