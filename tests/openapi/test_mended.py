"""What trying the documents has found, each held by the call that showed it."""

from __future__ import annotations

from typing import Any

import pytest

from segment_mock import SegmentMock, SettingError, create_app
from segment_mock.core import fields_of
from segment_mock.vendors.salsa import VENDOR


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("state", {"salsa": {"segmnts": []}}, "data.salsa.segmnts: no such collection (did you mean 'segments'?)"),
        ("faults", {"kind": "error", "headers": []}, "fault error: headers: [] is not names and values"),
        ("faults", {"kind": "item", "where": []}, "fault item: where: [] is not names and values"),
        ("faults", {"kind": "hang", "when": []}, "when: [] is no object"),
    ],
)
def test_what_only_looks_right_is_refused(path: str, body: dict[str, Any], told: str) -> None:
    """The control plane names the place, and nothing is armed or loaded."""
    client = create_app().test_client()
    reply = client.open(f"/_mock/{path}", method="PUT" if path == "state" else "POST", json=body)

    assert (400, True) == (reply.status_code, told in reply.json["detail"])
    assert [] == client.get("/_mock/faults").json["faults"]


def test_a_misspelt_collection_stops_the_start() -> None:
    """The data of a mock is read as strictly as its import."""
    with pytest.raises(SettingError, match=r"data\.segmenter\.people: no such collection"):
        SegmentMock(data={"segmenter": {"people": []}})


def test_a_body_stays_as_it_was_sent() -> None:
    """Reading a person's phoneNumber as the phone leaves the sent body alone, for rules that match it."""
    person = {"externalId": "1", "phoneNumber": "5"}
    seen = []

    async def look(call: Any, proceed: Any) -> Any:
        response = await proceed()
        seen.append(call.json["tagId"])
        return response

    mock = SegmentMock(data={"segmenter": {"segments": [{"id": "a", "name": "A"}]}})
    mock.faults.add(look)
    body = {"id": "a", "tagId": "7", "persons": [person]}
    mock.session().put("/segments", json=body, headers={"x-api-key": "k"})

    assert ["7"] == seen
    assert ("7", "5") == (mock.segmenter.segments[0]["TagId"], mock.segmenter.persons[0]["phone"])


def test_an_unknown_supporter_is_answered_as_described() -> None:
    """Each member of the reply to an external id that nobody has stands in the reply's schema."""
    asked = {"payload": {"identifierType": "EXTERNAL_ID", "identifiers": ["x"]}}
    path = "/api/integration/ext/v1/supporters/groups"
    reply = SegmentMock().session().post(path, json=asked, headers={"authToken": "t"})
    schema = next(row.response for row in VENDOR.operations if row.name == "search_supporter_groups")
    known = {steps[-1] for steps, _ in fields_of(schema)}

    assert {"externalSystemId": "x", "result": "NOT_FOUND"} == reply.json()["payload"]["results"][0]
    assert reply.json()["payload"]["results"][0].keys() <= known
