"""Every operation of every vendor answers, and so does one that is only a row and a function."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from marshmallow import fields

from segment_mock import SegmentMock
from segment_mock.core import Call, Json, Operation, RequestSchema
from segment_mock.vendors import find_vendors

GROUP, PERSON = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
DATA = {
    "salsa": {
        "segments": [{"segmentId": GROUP, "name": "Group"}],
        "supporters": [{"supporterId": PERSON, "contacts": [{"type": "EMAIL", "value": "ada@example.org"}]}],
    },
    "segmenter": {"segments": [{"id": "vip", "name": "VIP"}]},
}
BY_ID = {"identifiers": [PERSON], "identifierType": "SUPPORTER_ID"}
MEMBERS = {"segmentId": GROUP, "supporterIds": [PERSON]}
BODIES: dict[str, Any] = {
    "salsa.search_segments": {"payload": {}},
    "salsa.upsert_segments": {"payload": {"segments": [{"name": "Another"}]}},
    "salsa.delete_segments": {"payload": {"segments": [{"segmentId": GROUP}]}},
    "salsa.search_members": {"payload": {"segmentId": GROUP}},
    "salsa.assign_members": {"payload": MEMBERS},
    "salsa.remove_members": {"payload": MEMBERS},
    "salsa.search_supporters": {"payload": BY_ID},
    "salsa.upsert_supporters": {
        "payload": {"supporters": [{"contacts": [{"type": "EMAIL", "value": "eve@example.org", "status": "OPT_IN"}]}]}
    },
    "salsa.delete_supporters": {"payload": {"supporters": [{"supporterId": PERSON}]}},
    "salsa.search_supporter_groups": {"payload": BY_ID},
    "salsa.get_metrics": None,
    "segmenter.create_segment": {"name": "New", "broadcastMediumId": "1", "segmentType": "static"},
    "segmenter.update_segment": {"id": "vip", "name": "VIPs"},
}
ARGUMENTS = {"id": "vip"}
"""Values of the placeholders in paths."""
OPERATIONS = {f"{vendor.name}.{row.name}": (vendor, row) for vendor in find_vendors() for row in vendor.operations}


def test_every_operation_has_a_body_here() -> None:
    assert set() == OPERATIONS.keys() ^ BODIES.keys(), "add a row to BODIES in tests/vendors/test_every_operation.py"


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_answers_with_success(name: str) -> None:
    vendor, operation = OPERATIONS[name]
    with SegmentMock(data=DATA) as mock:
        path = operation.paths[0].format_map(ARGUMENTS)
        url = f"https://{vendor.hosts[0].replace('*', 'api')}{vendor.root}{path}"
        reply = mock.session().request(operation.method, url, json=BODIES[name], headers={vendor.key_header: "any"})

        assert (200, name) == (reply.status_code, mock.journal.entries()[-1].operation)
        assert {} == (operation.response.validate(reply.json()) if operation.response else {})


class Greeting(RequestSchema):
    """The body of an operation that no vendor has."""

    name = fields.String(required=True)


def greet(call: Call, data: Json) -> Json:
    """Answer without any list that could be counted."""
    return {"greeting": f"Hello {data['name']}"}


@pytest.mark.parametrize("vendor", ["salsa", "segmenter"])
def test_a_new_operation_is_one_row_and_one_function(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of its own is all it needs: it answers, refuses, and counts as a call."""
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
