"""Every operation of every vendor has a successful example, and a new operation needs only a row and a function."""

from __future__ import annotations

from dataclasses import replace

import pytest
from marshmallow import fields

from segment_mock import SegmentMock
from segment_mock.conform import Example, examples
from segment_mock.core import Call, Json, Operation, RequestSchema, Vendor
from segment_mock.vendors import find_vendors

OPERATIONS = [f"{vendor.name}.{row.name}" for vendor in find_vendors() for row in vendor.operations]
SUCCESSES = [example for example in examples() if example.document["response"]["status"] == 200]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_an_example_of_its_success(name: str) -> None:
    """Other tests call each operation with the requests of its examples."""
    assert name in {example.document["operation"] for example in SUCCESSES}, "add an example with the status 200"


@pytest.mark.parametrize("example", SUCCESSES, ids=lambda example: example.name)
def test_a_successful_response_fits_its_schema(example: Example) -> None:
    request = example.request
    with SegmentMock(**example.settings) as mock, mock.session() as session:
        response = session.request(request["method"], request["path"], headers=request["headers"], data=request["body"])
        entry = mock.journal.entries()[-1]

    assert (200, example.document["operation"]) == (response.status_code, entry.operation)
    assert example.operation.response is None or {} == example.operation.response.validate(response.json())


def test_an_operation_reads_exactly_if_none_of_its_examples_changes_a_record() -> None:
    changing = set()
    for example in SUCCESSES:
        request = example.request
        with SegmentMock(**example.settings) as mock, mock.session() as session:
            session.request(request["method"], request["path"], headers=request["headers"], data=request["body"])
            changing |= {example.document["operation"]} if mock.journal.entries()[-1].changes else set()

    assert changing == {
        f"{vendor.name}.{row.name}" for vendor in find_vendors() for row in vendor.operations if not row.reads
    }


@pytest.mark.parametrize("vendor", find_vendors(), ids=lambda vendor: vendor.name)
def test_the_limit_of_items_restricts_every_batch(vendor: Vendor) -> None:
    batches = {row.name: row.items.sent for row in vendor.operations if row.items}

    assert [] == [row.name for row in vendor.operations if row.name in batches and batches[row.name] not in row.sized]


class Greeting(RequestSchema):
    """The request body of an operation that only this test defines."""

    name = fields.String(required=True)


def greet(call: Call, data: Json) -> Json:
    """Return a greeting; the result has no list of records to count."""
    return {"greeting": f"Hello {data['name']}"}


@pytest.mark.parametrize("vendor", ["salsa", "segmenter"])
def test_a_new_operation_needs_only_one_row_and_one_function(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operation returns 200, refuses an invalid body, and appears in the journal and in the metrics."""
    operation = Operation("greet", "POST", ("/greetings",), greet, "assumed", request=Greeting())
    rows = {row.name: row for row in find_vendors()}
    rows[vendor] = replace(rows[vendor], operations=(*rows[vendor].operations, operation), unwrap=lambda body: body)
    monkeypatch.setattr("segment_mock.emulator.find_vendors", lambda: tuple(rows.values()))
    with SegmentMock() as mock:
        session, url = mock.session(), f"https://{rows[vendor].hosts[0].replace('*', 'api')}{rows[vendor].root}"
        headers = {rows[vendor].key_header: "any"}
        good, bad = (session.post(f"{url}/greetings", json=body, headers=headers) for body in ({"name": "Ada"}, {}))

        assert (200, 400) == (good.status_code, bad.status_code)
        assert "Hello Ada" in good.text
        assert [f"{vendor}.greet"] * 2 == [entry.operation for entry in mock.journal.entries()]
        if vendor == "salsa":
            counted = session.get(f"{url}/metrics", headers=headers).json()["payload"]
            assert (2, 1) == (counted["totalAPICalls"], counted["totalAPICallFailures"])


def test_a_result_that_no_counter_counts_is_a_defect(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rows = {row.name: row for row in find_vendors()}
    counters = tuple(name for name in rows["salsa"].counters if name != "segmentAdd")
    rows["salsa"] = replace(rows["salsa"], counters=counters)
    monkeypatch.setattr("segment_mock.emulator.find_vendors", lambda: tuple(rows.values()))
    with SegmentMock() as mock:
        url, body = "/api/integration/ext/v1/segments", {"payload": {"segments": [{"name": "Donors"}]}}
        response = mock.session().put(url, json=body, headers={"authToken": "any"})

        assert (500, 0) == (response.status_code, len(mock.salsa.segments))
    assert "unknown counter 'segmentAdd'; add it to the counters of the vendor" in caplog.text
