"""Loading data: seconds until the records of a data file are available.

``python benchmarks/loading.py [--quick] [--json FILE]``. A quick run omits the million groups.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

from harness import SLACK, Report, readable
from segment_mock import SegmentMock

PEOPLE, PEOPLE_BOUND = 10_000, 0.35  # seconds
GROUPS, GROUPS_BOUND = 1_000_000, 15.0


def main() -> int:
    """Measure everything; return the exit code."""
    report = Report.start("Loading data")
    people = {"salsa": {"supporters": [supporter(number) for number in range(PEOPLE)]}}
    judge(report, f"{PEOPLE:,} supporters from a dictionary", lambda: loading(people), PEOPLE_BOUND)
    if not report.quick:
        groups = {"salsa": {"segments": [{"name": f"Group {number}"} for number in range(GROUPS)]}}
        judge(report, f"{GROUPS:,} groups from a dictionary", lambda: loading(groups), GROUPS_BOUND)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "groups.json"
            file.write_text(json.dumps(groups))
            judge(report, f"{GROUPS:,} groups from a JSON file", lambda: loading(str(file)), GROUPS_BOUND)
    return report.finish()


def supporter(number: int) -> dict[str, Any]:
    """Return a row of the data file."""
    return {
        "firstName": f"First {number}",
        "lastName": f"Last {number}",
        "externalSystemId": str(number),
        "contacts": [{"type": "EMAIL", "value": f"person{number}@example.org", "status": "OPT_IN"}],
    }


def loading(data: object) -> float:
    """Return the processor time of loading *data*."""
    began = process_time()
    with SegmentMock(data=data):
        return process_time() - began


def judge(report: Report, label: str, measure: Callable[[], float], bound: float) -> None:
    """Report the best of three runs, and fail if it is above *bound* seconds."""
    best = min(measure() for _ in range(3 if bound < 1 else 1))
    report.add(label, [best])
    if best > bound * (SLACK if report.quick else 1):
        report.miss(f"{label}: {readable(best, 's')}; bound {readable(bound, 's')}")


if __name__ == "__main__":
    sys.exit(main())
