"""Loading data, and a mock with many rows compared with one with few: reset, deep page, snapshot, fork.

``python benchmarks/state.py [--quick] [--json FILE]``. Calls are made in process; `store.py` measures the same for
the store alone.
"""

from __future__ import annotations

import gc
import itertools
import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import requests

from harness import Report, interleaved, seconds
from scenario import SEARCH, world

FEW, PEOPLE = 1_000, 10_000
BOUND = 2.0
CHANGES = 10
GROUPS = "/api/integration/ext/v1/segments"
ROWS = json.dumps({"payload": {"segments": [{"name": f"New {number}"} for number in range(CHANGES)]}})


class Side:
    """A mock with *size* groups, in which each credential has its own organization, and its measurements."""

    def __init__(self, size: int) -> None:
        rows = groups(size)
        self.size, self.mock = size, world(data={"salsa": {"segments": rows}}, credentials="isolated")
        self._session, self._tokens = self.mock.session(), itertools.count()

    def call(
        self, send: Callable[..., requests.Response], path: str, body: str, token: str = "any"
    ) -> requests.Response:
        """Send *body* and return the response."""
        response = send(path, data=body, headers={"authToken": token})
        assert response.status_code == 200, response.text
        return response

    def changed(self) -> None:
        """Write ten rows."""
        assert self.call(self._session.put, GROUPS, ROWS).text.count("ADDED") == CHANGES

    def reset(self) -> float:
        """Return the time of a reset after ten changes."""
        self.changed()
        return seconds(self.mock.reset)()

    def snapshot(self) -> float:
        """Return the time of taking a snapshot, and of restoring it after ten changes."""
        self.mock.reset()
        moments = []
        duration = seconds(lambda: moments.append(self.mock.snapshot()))()
        self.changed()
        return duration + seconds(partial(self.mock.restore, moments[0]))()

    def fork(self) -> None:
        """Make the first call with another credential, which gets a copy of the initial data."""
        self.search(0, f"other program {next(self._tokens)}")

    def search(self, offset: int, token: str = "any") -> None:
        """Read a page of twenty."""
        body = json.dumps({"payload": {"offset": offset, "count": 20}})
        assert self.call(self._session.post, SEARCH.path, body, token).json()["payload"]["count"] == 20


def supporters(count: int) -> list[dict[str, Any]]:
    """Return *count* supporters in the form of a data file."""
    return [
        {
            "firstName": "Ada",
            "lastName": f"Merrow {number}",
            "externalSystemId": str(number),
            "address": {"city": "Springfield", "state": "IL", "postalCode": f"{number:05}"},
            "contacts": [{"type": "EMAIL", "value": f"ada.{number}@example.org", "status": "OPT_IN"}],
        }
        for number in range(count)
    ]


def groups(count: int) -> list[dict[str, Any]]:
    """Return *count* groups in the form of a data file."""
    return [{"name": f"Group {number}", "externalSystemId": str(number)} for number in range(count)]


def loading(report: Report, size: int) -> None:
    """Measure loading from a dictionary and from a JSON file, and check the bounds."""
    for name, rows, budget in (("supporters", supporters(PEOPLE), 0.35), ("segments", groups(size), 15.0)):
        data: dict[str, Any] = {"salsa": {name: rows}}
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "data.json"
            file.write_text(json.dumps(data))
            for source, data_source in (("a dictionary", data), ("JSON", str(file))):
                durations = [seconds(partial(world, data=data_source))() for _ in range(3)]
                report.add(f"loading {len(rows):,} {name} from {source}", durations)
                if median(durations) > budget * report.slack:
                    report.fail(f"loading {len(rows):,} {name} from {source}: more than {budget} s")
                gc.collect()


def main() -> int:
    """Measure everything; return the exit code."""
    report = Report.start("State: many rows beside few")
    size, rounds = (20_000, 7) if report.quick else (1_000_000, 15)
    loading(report, size)
    many, few = Side(size), Side(FEW)
    gc.collect()
    gc.freeze()  # exclude the rows themselves from the figures
    sizes = f"{size:,} / {FEW:,} rows"
    for side in (many, few):
        side.reset()
    for label, a, b in (
        (f"reset after {CHANGES} changes, {sizes}", many.reset, few.reset),
        (f"snapshot, {CHANGES} changes, restore, {sizes}", many.snapshot, few.snapshot),
        (f"first call of a credential (fork), {sizes}", seconds(many.fork, 5), seconds(few.fork, 5)),
        (
            f"page at {size - 20:,} / at 0",
            seconds(partial(many.search, size - 20), 20),
            seconds(partial(many.search, 0), 20),
        ),
    ):
        samples = interleaved({"many": a, "few": b}, rounds)
        report.compare(label, samples["many"], samples["few"], at_most=BOUND)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
