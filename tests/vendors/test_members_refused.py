"""Salsa: what can't be assigned or removed, and the responses to that."""

import pytest

from tests.vendors.people import CRM, OTHER, UNKNOWN_ID, assign, members, person, refused, remove, send, sid

METHODS = pytest.mark.parametrize("method", ["PUT", "DELETE"])


def world(salsa, people=2, joined=(), kind="INTEGRATED", **settings):
    return salsa(
        [{"segmentId": CRM, "name": "crm", "type": kind}, {"segmentId": OTHER, "name": "other"}],
        supporters=[person(n) for n in range(people)],
        members=[{"segment": CRM, "supporters": [sid(n) for n in joined]}],
        settings=settings,
    )


def who(api, segment=CRM):
    return [item["supporterId"] for item in members(api, segment)["supporters"]]


@METHODS
@pytest.mark.parametrize("unknown", [UNKNOWN_ID, UNKNOWN_ID.upper(), "no id at all", "", 17])
def test_an_unknown_supporter_is_not_found(salsa, method, unknown):
    """The item carries the id as text; the others of the call are performed."""
    api = world(salsa, joined=(0,))
    items = send(api, method, "/segments/members", segmentId=CRM, supporterIds=[unknown, sid(0)])["supporters"]

    assert {"supporterId": str(unknown), "result": "NOT_FOUND"} == items[0]
    assert sid(0) == items[1]["supporterId"]
    assert items[1]["result"] in ("ADDED", "DELETED")


def test_removing_a_supporter_who_is_not_a_member(salsa):
    """A supporter who is not in the group is not found, with the id as sent."""
    assert [{"supporterId": sid(1).upper(), "result": "NOT_FOUND"}] == remove(world(salsa), sid(1).upper())


@METHODS
def test_change_of_members_of_an_unknown_group(salsa, method):
    """Each supporter is not found, and nothing is stored."""
    api = world(salsa)
    items = send(api, method, "/segments/members", segmentId=UNKNOWN_ID, supporterIds=[sid(0), sid(1)])["supporters"]

    assert [{"supporterId": sid(n), "result": "NOT_FOUND"} for n in (0, 1)] == items
    assert [] == api.mock.salsa.members


@METHODS
def test_a_built_in_group_is_refused(salsa, method):
    """A DEFAULT group's members are not the API's to change: 405 for the whole call."""
    api = world(salsa, joined=(0,), kind="DEFAULT")
    before = api.mock.state()
    body = {"payload": {"segmentId": CRM, "supporterIds": [sid(0), sid(1)]}}

    assert (405, "segmentId") == refused(api.send(method, "/segments/members", body))
    assert before == api.mock.state()


@METHODS
def test_a_built_in_group_by_result(salsa, method):
    """With the other reading of the document each supporter is NOT_ALLOWED, with the id as sent."""
    api = world(salsa, joined=(0,), kind="DEFAULT", salsa_non_crm="result")
    before = api.mock.state()
    payload = {"segmentId": CRM, "supporterIds": [sid(0).upper(), UNKNOWN_ID]}
    items = send(api, method, "/segments/members", **payload)["supporters"]

    assert [{"supporterId": key, "result": "NOT_ALLOWED"} for key in payload["supporterIds"]] == items
    assert before == api.mock.state()


def test_custom_group_accepts_members(salsa):
    """A CUSTOM group can't be changed through the API, but its members can."""
    api = world(salsa, kind="CUSTOM")

    assert ["ADDED", "ADDED"] == [item["result"] for item in assign(api, sid(0), sid(1))]
    assert ["DELETED"] == [item["result"] for item in remove(api, sid(0))]
    assert [sid(1)] == who(api)


def test_empty_list_of_supporters_is_refused(salsa):
    """An empty list is done at once."""
    assert [] == assign(world(salsa))


@METHODS
@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "segmentId"),
        ({"supporterIds": []}, "segmentId"),
        ({"segmentId": None, "supporterIds": []}, "segmentId"),
        ({"segmentId": [5], "supporterIds": []}, "segmentId"),
        ({"segmentId": CRM}, "supporterIds"),
        ({"segmentId": CRM, "supporterIds": None}, "supporterIds"),
        ({"segmentId": CRM, "supporterIds": sid(0)}, "supporterIds"),
        ({"segmentId": CRM, "supporterIds": [None]}, "supporterIds[0]"),
        ({"segmentId": CRM, "supporterIds": [sid(0), {}]}, "supporterIds[1]"),
        ({"segmentId": CRM, "supporterIds": [True]}, "supporterIds[0]"),
    ],
)
def test_a_frame_that_is_wrong(salsa, method, payload, field):
    """400 names the member to blame, and nothing is stored."""
    api = world(salsa)

    assert (400, field) == refused(api.send(method, "/segments/members", {"payload": payload}))
    assert [] == api.mock.salsa.members


def test_offset_and_count_are_ignored_where_they_mean_nothing(salsa):
    """A client sends them along when it assigns; that is no fault."""
    payload = {"segmentId": CRM, "supporterIds": [sid(0)], "offset": 0, "count": 100}

    assert 1 == send(world(salsa), "PUT", "/segments/members", **payload)["count"]
