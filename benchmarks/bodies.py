"""Large bodies: the cost of a PUT of many persons or segments, compared with parsing its JSON.

``python benchmarks/bodies.py [--quick] [--json FILE]``. Calls are made in process, from the client's bytes to the
response, with authentication, validation, store and journal.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from functools import partial

from marshmallow import Schema

from harness import Report, interleaved, seconds
from segment_mock import SegmentMock
from segment_mock.core import Json, Validator, Vendor, parse
from segment_mock.vendors.salsa import VENDOR as SALSA
from segment_mock.vendors.segmenter import VENDOR as SEGMENTER

PERSONS, FEW, SEGMENTS = 10_000, 1_000, 20
JSON_BOUND = 7.0  # maximum ratio to json.loads of the same body
LINEAR = 12.0  # maximum ratio of the times of ten times as many persons
WORLD = {"segmenter": {"segments": [{"id": "vip", "name": "VIP"}]}}
PEOPLE = "/segments", {"x-api-key": "any"}
GROUPS = "/api/integration/ext/v1/segments", {"authToken": "any"}
Put = Callable[[], None]


def persons(count: int) -> bytes:
    """Return the body of an update with *count* persons, each with three tags."""
    people = [
        {
            "externalId": f"crm-{number}",
            "firstName": "Ada",
            "lastName": f"Merrow {number}",
            "phone": f"+1-202-555-{number:05}",
            "email": f"ada.{number}@example.org",
            "substitutionTags": [{"tag": f"tag{tag}", "value": f"value {number} {tag}"} for tag in range(3)],
        }
        for number in range(count)
    ]
    return json.dumps({"id": "vip", "name": "VIP", "persons": people}).encode()


def segments() -> bytes:
    """Return the body of an upsert of the maximum number of groups that Salsa accepts."""
    rows = [
        {"name": f"Group {number}", "description": "Made by a sync", "externalSystemId": str(number)}
        for number in range(SEGMENTS)
    ]
    return json.dumps({"payload": {"segments": rows}}).encode()


def put(mock: SegmentMock, target: tuple[str, dict[str, str]], body: bytes) -> Put:
    """Return a call that puts *body*."""
    session, (path, headers) = mock.session(), target

    def call() -> None:
        response = session.put(path, data=body, headers=headers)
        assert response.status_code == 200, response.text

    return call


def from_clean_start(measured: Callable[[], float], mock: SegmentMock | None = None) -> Callable[[], float]:
    """Return a side that first collects garbage, and resets *mock* if one is given."""

    def side() -> float:
        if mock is not None:
            mock.reset()
        gc.collect()
        return measured()

    return side


def schema(vendor: Vendor, name: str) -> Schema:
    """Return the schema of an operation's request."""
    return next(row.validator.schema for row in vendor.operations if row.name == name and row.validator)


def item() -> Schema:
    """Return the schema of an item of Salsa's batch."""
    batch = schema(SALSA, "upsert_segments").fields["payload"].schema.fields["segments"]  # type: ignore[attr-defined]
    of_one: Schema = batch.schema
    return of_one


def accepting(vendor: Vendor, name: str) -> Callable[[bytes], Json]:
    """Return a function that parses a body and validates it by an operation's schema, as a call does."""
    load = Validator(schema(vendor, name)).load
    return lambda body: load(parse(body), [])


def accepting_groups() -> Callable[[bytes], None]:
    """Return a function that does so for a batch of groups, and also validates each group by its own schema."""
    frame, one = accepting(SALSA, "upsert_segments"), Validator(item()).load

    def accepted(body: bytes) -> None:
        for row in frame(body)["payload"]["segments"]:
            one(row, [])

    return accepted


def people(report: Report, rounds: int) -> None:
    """Compare an update of many persons with `json.loads`, and with an update of a tenth of them."""
    body, tenth = persons(PERSONS), persons(FEW)
    plain = json.loads(body)
    with SegmentMock(data=WORLD) as first, SegmentMock(data=WORLD) as again, SegmentMock(data=WORLD) as small:
        repeated = put(again, PEOPLE, body)
        repeated()
        sides = {
            "json.loads": from_clean_start(seconds(partial(json.loads, body))),
            "first": from_clean_start(seconds(put(first, PEOPLE, body)), first),
            "repeated": from_clean_start(seconds(repeated)),
            "tenth": from_clean_start(seconds(put(small, PEOPLE, tenth)), small),
            "accepted": from_clean_start(seconds(partial(accepting(SEGMENTER, "update_segment"), body))),
        }
        samples = interleaved(sides, rounds)
    alone = seconds(partial(schema(SEGMENTER, "update_segment").load, plain))
    report.add(f"marshmallow's load of {PERSONS:,} persons alone, what the quick acceptance check saves", [alone()])
    name = f"PUT of {PERSONS:,} persons"
    report.compare(
        f"{name} read and accepted / json.loads", samples["accepted"], samples["json.loads"], at_most=JSON_BOUND
    )
    report.compare(f"{name}, first / json.loads", samples["first"], samples["json.loads"], at_most=JSON_BOUND)
    report.compare(f"{name}, repeated / json.loads", samples["repeated"], samples["json.loads"], at_most=JSON_BOUND)
    report.compare(f"{name} / of {FEW:,}", samples["first"], samples["tenth"], at_most=LINEAR)


def groups(report: Report, rounds: int) -> None:
    """Compare an upsert of twenty groups with `json.loads`, and with marshmallow."""
    body = segments()
    plain = json.loads(body)
    with SegmentMock(limits="off") as first, SegmentMock(limits="off") as again:
        repeated = put(again, GROUPS, body)
        repeated()
        sides = {
            "json.loads": from_clean_start(seconds(partial(json.loads, body), 50)),
            "first": from_clean_start(seconds(put(first, GROUPS, body)), first),
            "repeated": from_clean_start(seconds(repeated, 20)),
            "accepted": from_clean_start(seconds(partial(accepting_groups(), body), 50)),
            "marshmallow": from_clean_start(seconds(partial(item().load, plain["payload"]["segments"], many=True), 20)),
        }
        samples = interleaved(sides, 5 * rounds)
    name = f"PUT of {SEGMENTS} groups"
    report.compare(
        f"{name} read and accepted / json.loads", samples["accepted"], samples["json.loads"], at_most=JSON_BOUND
    )
    for name in ("first", "repeated"):
        report.compare(f"{name}, {name} / json.loads", samples[name], samples["json.loads"])
    report.compare(f"{name}, first / marshmallow's load alone", samples["first"], samples["marshmallow"])


def main() -> int:
    """Measure everything; return the exit code."""
    report = Report.start("Bodies: many persons, many groups")
    rounds = 5 if report.quick else 9
    people(report, rounds)
    groups(report, rounds)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
