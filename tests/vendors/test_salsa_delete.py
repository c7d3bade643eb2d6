"""Salsa: deleting groups."""

import pytest

A = "11454266-a9c8-40af-8fab-4c0bdca44615"
B = "69afe9fc-dcde-4533-92d6-cbf069008c30"
NEVER = "c0b7d3a4-3a0f-4c1e-9a53-5d0e6f1b2a77"


def test_a_group_is_deleted_by_its_id(salsa):
    """The response has an item with the id and the result, and a count; ids are case-insensitive."""
    api = salsa([{"segmentId": A, "name": "a", "description": "d"}, {"segmentId": B, "name": "b"}])
    payload = api.delete(A.upper())

    assert {"segments": [{"segmentId": A, "result": "DELETED"}], "count": 1} == payload
    assert ["segments", "count"] == list(payload)
    assert ["b"] == api.names


def test_deleting_an_unknown_id_returns_not_found(salsa):
    """The item has the id as sent, and other items are deleted; an id sent twice is not found the second time."""
    api = salsa([{"segmentId": A, "name": "a"}, {"segmentId": B, "name": "b"}])
    expected = [
        {"segmentId": NEVER.upper(), "result": "NOT_FOUND"},
        {"segmentId": A, "result": "DELETED"},
        {"segmentId": A, "result": "NOT_FOUND"},
    ]

    assert {"segments": expected, "count": 3} == api.delete(NEVER.upper(), A, A)
    assert ["b"] == api.names


def test_deleting_a_group_deletes_its_memberships_but_no_supporters(salsa):
    """Other groups keep their members."""
    api = salsa(
        [{"segmentId": A, "name": "a"}, {"segmentId": B, "name": "b"}],
        supporters=[{"externalSystemId": name} for name in "xy"],
        members=[{"segment": "a", "supporters": ["x", "y"]}, {"segment": "b", "supporters": ["y"]}],
    )
    api.delete(A)

    assert [B] == [member["segmentId"] for member in api.mock.salsa.members]
    assert ["x", "y"] == [supporter["externalSystemId"] for supporter in api.mock.salsa.supporters]
    assert [1] == [segment["totalMembers"] for segment in api.search()["segments"]]


def test_a_deleted_group_is_not_found(salsa):
    """A search by id, by external id or for all groups omits it, and another group may take its name."""
    api = salsa([{"segmentId": A, "name": "a", "externalSystemId": "x"}])
    api.delete(A)
    segments = [
        api.search(identifierType=kind, identifiers=[key])["segments"][0]["result"]
        for kind, key in (("SEGMENT_ID", A), ("EXTERNAL_ID", "x"))
    ]

    assert ["NOT_FOUND", "NOT_FOUND"] == segments
    assert 0 == api.search()["total"]
    assert "ADDED" == api.upsert({"name": "a"})["segments"][0]["result"]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({}, 2001),
        ({"segmentId": None}, 2001),
        ({"name": "a"}, 2001),
        ({"segmentId": ""}, 2004),
        ({"segmentId": "no uuid"}, 2004),
        ({"segmentId": 5}, 2004),
        ({"segmentId": [A]}, 2004),
    ],
)
def test_deleting_an_item_without_a_valid_id_is_a_validation_error(salsa, item, code):
    """Only that item fails; the others are deleted."""
    api = salsa([{"segmentId": A, "name": "a"}])
    response = api.send("DELETE", "/segments", {"payload": {"segments": [item, {"segmentId": A}]}})
    refused, deleted = response.json()["payload"]["segments"]

    assert "VALIDATION_ERROR" == refused["result"]
    assert [(code, "segmentId")] == [(error["code"], error["fieldName"]) for error in refused["errors"]]
    assert {"segmentId": A, "result": "DELETED"} == deleted


def test_other_members_of_an_item_are_ignored(salsa):
    """A client may send a whole group; the journal lists as unread only the fields that no response has."""
    api = salsa([{"segmentId": A, "name": "a"}])
    response = api.send(
        "DELETE", "/segments", {"payload": {"segments": [{"segmentId": A, "name": "other", "nme": "x"}]}}
    )

    assert [{"segmentId": A, "result": "DELETED"}] == response.json()["payload"]["segments"]
    assert ("payload.segments[0].nme",) == api.mock.journal.entries()[-1].unread
