"""Salsa: adding and updating groups."""

from uuid import UUID

import pytest

A = "11454266-a9c8-40af-8fab-4c0bdca44615"
B = "69afe9fc-dcde-4533-92d6-cbf069008c30"
NEVER = "c0b7d3a4-3a0f-4c1e-9a53-5d0e6f1b2a77"


def results(payload):
    return [segment["result"] for segment in payload["segments"]]


def test_a_group_without_an_id_is_added(salsa):
    """It gets a new id and no members; the response has no type and neither total nor offset."""
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


def test_a_known_id_is_updated(salsa):
    """The group keeps its id, its members and its place; the id is known in any case and shown in small letters."""
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
def test_an_update_keeps_what_is_omitted_and_clears_what_is_null(salsa, members, expected):
    """On update an omitted field keeps its value, null clears it, "" is a value; response and record agree."""
    api = salsa([{"segmentId": A, "name": "n", "description": "d", "externalSystemId": "x"}])
    (segment,) = api.upsert({"segmentId": A, "name": "n", **members})["segments"]

    assert {"segmentId": A, "name": "n", "totalMembers": 0, "result": "UPDATED", **expected} == segment
    assert [{"segmentId": A, "name": "n", "type": "INTEGRATED", **expected}] == api.mock.salsa.segments


def test_null_for_an_id_is_no_id(salsa):
    """Clients that send every member, some null, add a group."""
    api = salsa()
    (segment,) = api.upsert({"segmentId": None, "name": "n", "description": None, "externalSystemId": None})["segments"]

    assert ["segmentId", "name", "totalMembers", "result"] == list(segment)
    assert "ADDED" == segment["result"]


def test_an_id_never_seen_is_not_found(salsa):
    """The item comes back as sent, and nothing is stored."""
    api = salsa()
    item = {"segmentId": NEVER.upper(), "name": "n", "description": "", "externalSystemId": "x"}

    assert [{**item, "result": "NOT_FOUND"}] == api.upsert(item)["segments"]
    assert [] == api.names


def test_an_id_never_seen_may_be_created_by_option(salsa):
    """With unknown_id=create the group is added under the id of the client, in small letters."""
    api = salsa(settings={"salsa_unknown_id": "create"})

    expected = {"segmentId": NEVER, "name": "n", "totalMembers": 0, "result": "ADDED"}
    assert [expected] == api.upsert({"segmentId": NEVER.upper(), "name": "n"})["segments"]
    assert ["UPDATED"] == results(api.upsert({"segmentId": NEVER, "name": "m"}))


def test_an_id_deleted_earlier_is_revived(salsa):
    """Sent again, it is ADDED under that id, at the end, without its old members and values."""
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
    """Each item sees what those before it did: names are freed and taken within one call."""
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


def test_the_printed_pair(salsa):
    """Item 1 renames, item 2 collides with it, though the misspelt externalSystemIdId is never read."""
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
    """They reach neither record nor response; the journal lists them as unread fields, in the order sent."""
    api = salsa()
    known_members = {"name": "n"}
    unknown = {"zeta": 1, "externalSystemIdId": "35467"}
    of_replies = {"result": "FOUND", "totalMembers": 5, "type": "DEFAULT"}
    (segment,) = api.upsert({**unknown, **of_replies, **known_members})["segments"]

    assert ["segmentId", "name", "totalMembers", "result"] == list(segment)
    assert ("ADDED", 0) == (segment["result"], segment["totalMembers"])
    assert [("n", "INTEGRATED")] == [(s["name"], s["type"]) for s in api.mock.salsa.segments]
    assert tuple(f"payload.segments[0].{name}" for name in unknown) == api.mock.journal.entries()[-1].unread


def test_an_empty_batch_is_answered_so(salsa):
    """No items, an empty list and count 0."""
    assert {"segments": [], "count": 0} == salsa().upsert()


def test_external_ids_need_not_be_unique(salsa):
    """Two groups may have one external id."""
    payload = salsa().upsert({"name": "a", "externalSystemId": "x"}, {"name": "b", "externalSystemId": "x"})

    assert ["ADDED", "ADDED"] == results(payload)


def test_the_journal_has_what_changed(salsa):
    """Before and after of each record in wire names; a refused item leaves none."""
    api = salsa([{"segmentId": A, "name": "a"}])
    api.upsert({"segmentId": A, "name": "b"}, {"name": "b"})

    a = {"segmentId": A, "name": "a", "type": "INTEGRATED"}
    expected = [("segments", A, a, {**a, "name": "b"})]
    assert expected == [tuple(change) for change in api.mock.journal.entries()[-1].changes]
