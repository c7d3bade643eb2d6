"""Salsa: adding and updating groups."""

from uuid import UUID

import pytest

A = "11454266-a9c8-40af-8fab-4c0bdca44615"
B = "69afe9fc-dcde-4533-92d6-cbf069008c30"
UNKNOWN = "c0b7d3a4-3a0f-4c1e-9a53-5d0e6f1b2a77"


def results(payload):
    return [segment["result"] for segment in payload["segments"]]


def test_a_group_without_an_id_is_added(salsa):
    """It gets a new id and no members; the response has no type, and neither total nor offset."""
    api = salsa()
    payload = api.upsert({"name": "n", "description": "d", "externalSystemId": "x"})
    (segment,) = payload["segments"]

    assert ["segments", "count"] == list(payload)
    assert ["segmentId", "name", "description", "totalMembers", "result", "externalSystemId"] == list(segment)
    assert 4 == UUID(segment["segmentId"]).version
    assert ("n", "d", 0, "ADDED", "x") == tuple(segment.values())[1:]
    stored = {**segment, "type": "INTEGRATED"}
    del stored["result"], stored["totalMembers"]
    assert [stored] == api.mock.salsa.segments


def test_an_existing_id_is_updated(salsa):
    """The group keeps its id, members and position; ids are case-insensitive, and the response has lower case."""
    api = salsa(
        [{"segmentId": A, "name": "old"}, {"segmentId": B, "name": "other"}],
        supporters=[{"externalSystemId": "s"}],
        members=[{"segment": A, "supporters": ["s"]}],
    )
    (segment,) = api.upsert({"segmentId": A.upper(), "name": "new"})["segments"]

    assert {"segmentId": A, "name": "new", "totalMembers": 1, "result": "UPDATED"} == segment
    assert ["new", "other"] == api.names


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, {"description": "d", "externalSystemId": "x"}),
        ({"description": None}, {"externalSystemId": "x"}),
        ({"externalSystemId": None, "description": "new"}, {"description": "new"}),
        ({"description": ""}, {"description": "", "externalSystemId": "x"}),
        ({"description": None, "externalSystemId": None}, {}),
    ],
)
def test_an_update_keeps_omitted_fields_and_clears_null_fields(salsa, members, expected):
    """An empty string is a value; response and record agree."""
    api = salsa([{"segmentId": A, "name": "n", "description": "d", "externalSystemId": "x"}])
    (segment,) = api.upsert({"segmentId": A, "name": "n", **members})["segments"]

    assert {"segmentId": A, "name": "n", "totalMembers": 0, "result": "UPDATED", **expected} == segment
    assert [{"segmentId": A, "name": "n", "type": "INTEGRATED", **expected}] == api.mock.salsa.segments


def test_a_group_with_a_null_id_is_added(salsa):
    """Some clients send every field, with null for unset fields."""
    api = salsa()
    (segment,) = api.upsert({"segmentId": None, "name": "n", "description": None, "externalSystemId": None})["segments"]

    assert ["segmentId", "name", "totalMembers", "result"] == list(segment)
    assert "ADDED" == segment["result"]


def test_an_update_with_an_unknown_id_returns_not_found(salsa):
    """The item has its members as sent, and nothing is stored."""
    api = salsa()
    item = {"segmentId": UNKNOWN.upper(), "name": "n", "description": "", "externalSystemId": "x"}

    assert [{**item, "result": "NOT_FOUND"}] == api.upsert(item)["segments"]
    assert [] == api.names


def test_an_unknown_id_is_created_if_the_setting_allows_it(salsa):
    """The new group has the id that was sent, in lower case."""
    api = salsa(settings={"salsa_unknown_id": "create"})

    expected = {"segmentId": UNKNOWN, "name": "n", "totalMembers": 0, "result": "ADDED"}
    assert [expected] == api.upsert({"segmentId": UNKNOWN.upper(), "name": "n"})["segments"]
    assert ["UPDATED"] == results(api.upsert({"segmentId": UNKNOWN, "name": "m"}))


def test_an_upsert_with_a_deleted_id_revives_the_id(salsa):
    """The group is ADDED under that id, as the last group, without its old members and values."""
    api = salsa(
        [{"segmentId": A, "name": "n", "description": "d"}, {"name": "other"}],
        supporters=[{"externalSystemId": "s"}],
        members=[{"segment": A, "supporters": ["s"]}],
    )
    api.delete(A)

    expected = {"segmentId": A, "name": "again", "totalMembers": 0, "result": "ADDED"}
    assert [expected] == api.upsert({"segmentId": A.upper(), "name": "again"})["segments"]
    assert ["other", "again"] == api.names


def test_items_are_performed_in_sequence(salsa):
    """An item can use a name that an earlier item of the same call freed, but not one that it took."""
    api = salsa([{"segmentId": A, "name": "a"}, {"segmentId": B, "name": "b"}])
    payload = api.upsert(
        {"segmentId": B, "name": "a"},
        {"segmentId": A, "name": "c"},
        {"segmentId": B, "name": "a"},
        {"name": "b"},
        {"name": "b"},
    )

    assert ["VALIDATION_ERROR", "UPDATED", "UPDATED", "ADDED", "VALIDATION_ERROR"] == results(payload)
    assert 5 == payload["count"]
    assert ["c", "a", "b"] == api.names


def test_the_printed_example_of_a_rename_and_a_duplicate_name(salsa):
    """Item 1 takes the name that item 2 sends; the misspelt externalSystemIdId of item 1 is ignored."""
    api = salsa([{"segmentId": A, "name": "before", "externalSystemId": "35467"}])
    updated, refused = api.upsert(
        {"segmentId": A, "name": "segment1", "description": "segment1", "externalSystemIdId": "35467"},
        {"name": "segment1", "description": "duplicate named", "externalSystemId": "99999"},
    )["segments"]

    assert ("UPDATED", "35467", "segment1") == (updated["result"], updated["externalSystemId"], updated["name"])
    assert ["name", "description", "result", "externalSystemId", "errors"] == list(refused)
    (error,) = refused["errors"]
    assert ["id", "code", "message", "fieldName"] == list(error)
    assert (2002, "The field is not unique in the system", "name") == tuple(error.values())[1:]
    assert ["segment1"] == api.names


def test_unknown_members_are_ignored_and_listed_in_the_journal(salsa):
    """Neither the record nor the response has them; the journal lists them as unread, in the order sent."""
    api = salsa()
    known_members = {"name": "n"}
    unknown = {"zeta": 1, "externalSystemIdId": "35467"}
    response_fields = {"result": "FOUND", "totalMembers": 5, "type": "DEFAULT"}
    (segment,) = api.upsert({**unknown, **response_fields, **known_members})["segments"]

    assert ["segmentId", "name", "totalMembers", "result"] == list(segment)
    assert ("ADDED", 0) == (segment["result"], segment["totalMembers"])
    assert [("n", "INTEGRATED")] == [(s["name"], s["type"]) for s in api.mock.salsa.segments]
    assert tuple(f"payload.segments[0].{name}" for name in unknown) == api.mock.journal.entries()[-1].unread


def test_an_empty_batch_returns_an_empty_list(salsa):
    assert {"segments": [], "count": 0} == salsa().upsert()


def test_external_ids_need_not_be_unique(salsa):
    payload = salsa().upsert({"name": "a", "externalSystemId": "x"}, {"name": "b", "externalSystemId": "x"})

    assert ["ADDED", "ADDED"] == results(payload)


def test_the_journal_lists_changes_of_records(salsa):
    """The journal has each record before and after the change; a failed item has no change."""
    api = salsa([{"segmentId": A, "name": "a"}])
    api.upsert({"segmentId": A, "name": "b"}, {"name": "b"})

    a = {"segmentId": A, "name": "a", "type": "INTEGRATED"}
    expected = [("segments", A, a, {**a, "name": "b"})]
    assert expected == [tuple(change) for change in api.mock.journal.entries()[-1].changes]
