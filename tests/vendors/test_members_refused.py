"""Salsa: responses for supporters that can't be assigned or removed."""

import pytest

from tests.vendors.people import CRM, OTHER, UNKNOWN_ID, assign, members, person, refusal, remove, send, supporter_id

METHODS = pytest.mark.parametrize("method", ["PUT", "DELETE"])


def make_api(salsa, people=2, joined=(), kind="INTEGRATED", **settings):
    return salsa(
        [{"segmentId": CRM, "name": "crm", "type": kind}, {"segmentId": OTHER, "name": "other"}],
        supporters=[person(n) for n in range(people)],
        members=[{"segment": CRM, "supporters": [supporter_id(n) for n in joined]}],
        settings=settings,
    )


def member_ids(api, segment=CRM):
    return [item["supporterId"] for item in members(api, segment)["supporters"]]


@METHODS
@pytest.mark.parametrize("unknown", [UNKNOWN_ID, UNKNOWN_ID.upper(), "no id at all", "", 17])
def test_an_unknown_supporter_is_not_found(salsa, method, unknown):
    """The item has the id as text; the other items are performed."""
    api = make_api(salsa, joined=(0,))
    items = send(api, method, "/segments/members", segmentId=CRM, supporterIds=[unknown, supporter_id(0)])["supporters"]

    assert {"supporterId": str(unknown), "result": "NOT_FOUND"} == items[0]
    assert supporter_id(0) == items[1]["supporterId"]
    assert items[1]["result"] in ("ADDED", "DELETED")


def test_removing_a_supporter_who_is_not_a_member_is_not_found(salsa):
    """The item has the id as sent."""
    assert [{"supporterId": supporter_id(1).upper(), "result": "NOT_FOUND"}] == remove(
        make_api(salsa), supporter_id(1).upper()
    )


@METHODS
def test_each_supporter_of_an_unknown_group_is_not_found(salsa, method):
    api = make_api(salsa)
    items = send(
        api, method, "/segments/members", segmentId=UNKNOWN_ID, supporterIds=[supporter_id(0), supporter_id(1)]
    )["supporters"]

    assert [{"supporterId": supporter_id(n), "result": "NOT_FOUND"} for n in (0, 1)] == items
    assert [] == api.mock.salsa.members


@METHODS
def test_changing_members_of_a_built_in_group_is_405(salsa, method):
    """The call is refused as a whole, and nothing is stored."""
    api = make_api(salsa, joined=(0,), kind="DEFAULT")
    before = api.mock.state()
    body = {"payload": {"segmentId": CRM, "supporterIds": [supporter_id(0), supporter_id(1)]}}

    assert (405, "segmentId") == refusal(api.send(method, "/segments/members", body))
    assert before == api.mock.state()


@METHODS
def test_with_non_crm_result_members_of_a_built_in_group_are_not_allowed(salsa, method):
    """The setting returns 200, with NOT_ALLOWED for each supporter and the id as sent."""
    api = make_api(salsa, joined=(0,), kind="DEFAULT", salsa_non_crm="result")
    before = api.mock.state()
    payload = {"segmentId": CRM, "supporterIds": [supporter_id(0).upper(), UNKNOWN_ID]}
    items = send(api, method, "/segments/members", **payload)["supporters"]

    assert [{"supporterId": key, "result": "NOT_ALLOWED"} for key in payload["supporterIds"]] == items
    assert before == api.mock.state()


def test_members_of_a_custom_group_can_be_changed(salsa):
    """The API can't change a CUSTOM group itself, but it can change its members."""
    api = make_api(salsa, kind="CUSTOM")

    assert ["ADDED", "ADDED"] == [item["result"] for item in assign(api, supporter_id(0), supporter_id(1))]
    assert ["DELETED"] == [item["result"] for item in remove(api, supporter_id(0))]
    assert [supporter_id(1)] == member_ids(api)


def test_an_empty_list_of_supporters_is_accepted(salsa):
    assert [] == assign(make_api(salsa))


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
        ({"segmentId": CRM, "supporterIds": supporter_id(0)}, "supporterIds"),
        ({"segmentId": CRM, "supporterIds": [None]}, "supporterIds[0]"),
        ({"segmentId": CRM, "supporterIds": [supporter_id(0), {}]}, "supporterIds[1]"),
        ({"segmentId": CRM, "supporterIds": [True]}, "supporterIds[0]"),
    ],
)
def test_a_payload_with_an_invalid_member_is_400(salsa, method, payload, field):
    """The error names the member, and nothing is stored."""
    api = make_api(salsa)

    assert (400, field) == refusal(api.send(method, "/segments/members", {"payload": payload}))
    assert [] == api.mock.salsa.members


def test_assigning_ignores_offset_and_count(salsa):
    """A client sends them with every request."""
    payload = {"segmentId": CRM, "supporterIds": [supporter_id(0)], "offset": 0, "count": 100}

    assert 1 == send(make_api(salsa), "PUT", "/segments/members", **payload)["count"]
