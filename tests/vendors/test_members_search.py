"""Salsa: the members of a group, by page, since a time, or among given supporters."""

import pytest

from tests.vendors.people import CRM, OTHER, UNKNOWN_ID, assign, members, person, refused, remove, sid, upsert

PEOPLE = 25


def world(salsa, joined=range(PEOPLE), kind="INTEGRATED", **settings):
    return salsa(
        [{"segmentId": CRM, "name": "crm", "type": kind}, {"segmentId": OTHER, "name": "other"}],
        supporters=[person(n) for n in range(PEOPLE)],
        members=[{"segment": CRM, "supporters": [sid(n) for n in joined]}],
        settings=settings,
    )


def numbers(payload):
    return [int(item["supporterId"][-12:], 16) for item in payload["supporters"]]


@pytest.mark.parametrize(
    ("paging", "expected"),
    [
        ({}, range(20)),
        ({"offset": 0, "count": 10}, range(10)),
        ({"offset": 10, "count": 10}, range(10, 20)),
        ({"offset": 20, "count": 20}, range(20, 25)),
        ({"offset": 25, "count": 5}, []),
        ({"offset": 10**30}, []),
        ({"count": 0}, []),
        ({"offset": "3", "count": "2"}, [3, 4]),
        ({"offset": None, "count": None, "sortOrder": "DESC"}, range(20)),
    ],
)
def test_pages(salsa, paging, expected):
    """total is the whole and count that of the page; there is no offset, and an empty page keeps its list."""
    payload = members(world(salsa), **paging)

    assert ["total", "supporters", "count"] == list(payload)
    assert ([*expected], PEOPLE) == (numbers(payload), payload["total"])
    assert len(expected) == payload["count"]


def test_members_come_in_the_order_in_which_they_joined(salsa):
    """Not in the order of the supporters; who leaves and joins again comes last."""
    api = world(salsa, joined=(5, 3, 4))
    assign(api, sid(1))
    remove(api, sid(3))
    assign(api, sid(3), sid(5))

    assert [5, 4, 1, 3] == numbers(members(api))


def test_a_member_is_a_whole_supporter(salsa):
    """Each has what a search for supporters tells, also what was changed since."""
    api = world(salsa, joined=(1,))
    upsert(api, person(1, firstName="Ada"))
    (item,) = members(api)["supporters"]

    assert {**api.mock.salsa.supporters[1], "result": "FOUND"} == item
    assert "Ada" == item["firstName"]


@pytest.mark.parametrize("kind", ["DEFAULT", "CUSTOM", "INTEGRATED"])
def test_members_of_any_group_are_read(salsa, kind):
    """Reading works for groups that can't be managed, too."""
    assert 1 == members(world(salsa, joined=(0,), kind=kind))["total"]


def test_a_group_without_members(salsa):
    """The list is there, and empty."""
    assert {"total": 0, "supporters": [], "count": 0} == members(world(salsa), OTHER)


@pytest.mark.parametrize("unknown", [UNKNOWN_ID, "no id", ""])
def test_an_unknown_group_has_no_members(salsa, unknown):
    api = world(salsa)

    assert {"total": 0, "supporters": [], "count": 0} == members(api, unknown)
    expected = {"supporters": [{"supporterId": sid(0), "result": "NOT_FOUND"}], "count": 1}
    assert expected == members(api, unknown, supporterIds=[sid(0)])


def test_search_by_id(salsa):
    """One entry for each id, in the order asked: no total, no offset; who is no member is not found as sent."""
    api = world(salsa, joined=(0, 1))
    payload = members(api, supporterIds=[sid(1), sid(2).upper(), sid(0).upper(), "x", 7, sid(1)], count=1, offset=4)

    assert ["supporters", "count"] == list(payload)
    assert 6 == payload["count"]
    assert [sid(1), sid(2).upper(), sid(0), "x", "7", sid(1)] == [item["supporterId"] for item in payload["supporters"]]
    results = ["FOUND", "NOT_FOUND", "FOUND", "NOT_FOUND", "NOT_FOUND", "FOUND"]
    assert results == [item["result"] for item in payload["supporters"]]
    assert [["supporterId", "result"]] == [list(item) for item in payload["supporters"] if item["supporterId"] == "x"]


def test_search_without_ids(salsa):
    """No ids at all are an empty response; null asks for a page."""
    api = world(salsa)

    assert {"supporters": [], "count": 0} == members(api, supporterIds=[])
    assert PEOPLE == members(api, supporterIds=None)["total"]


def test_joined_since(salsa):
    """Who joined at that moment or after it; total counts these, and they come by page."""
    api = world(salsa, joined=(0,))
    clock = api.mock.clock
    clock.freeze("2024-01-01T12:00:00Z")
    for number in (1, 2, 3):
        clock.advance(60)
        assign(api, sid(number))

    assert [0, 1, 2, 3] == numbers(members(api, joinedSince="2018-01-01"))
    assert [1, 2, 3] == numbers(members(api, joinedSince="2018-01-01T00:00:00.001Z"))
    assert [2, 3] == numbers(members(api, joinedSince="2024-01-01T12:02:00.000Z"))
    assert [2, 3] == numbers(members(api, joinedSince="2024-01-01T14:02:00+02:00"))
    assert [3] == numbers(members(api, joinedSince="2024-01-01T12:02:00.001Z"))
    assert [] == numbers(members(api, joinedSince="2024-01-01T12:03:00.001Z"))
    page = members(api, joinedSince="2024-01-01T12:01:00Z", offset=1, count=1)
    assert ([2], 3, 1) == (numbers(page), page["total"], page["count"])


def test_joining_again_is_a_new_beginning(salsa):
    """Who left and came back joined when they came back; who was assigned again joined the first time."""
    api = world(salsa, joined=())
    api.mock.clock.freeze("2024-01-01T12:00:00Z")
    assign(api, sid(0), sid(1))
    api.mock.clock.advance(60)
    remove(api, sid(0))
    assign(api, sid(0), sid(1))

    assert [0] == numbers(members(api, joinedSince="2024-01-01T12:00:30Z"))


@pytest.mark.parametrize("joined", ["2024-01-01", "2024-01-01 00:00", "2024-01-01T02:00:00+02:00"])
def test_a_data_file_has_the_time_of_joining(salsa, joined):
    """In any form of ISO 8601; it is kept in the one form that responses have."""
    api = salsa(
        [{"segmentId": CRM, "name": "crm"}],
        supporters=[person(0), person(1)],
        members=[{"segment": CRM, "supporters": [{"supporter": sid(0), "joinedDate": joined}, sid(1)]}],
    )

    assert "2024-01-01T00:00:00.000Z" == api.mock.salsa.members[0]["joinedDate"]
    assert [0] == numbers(members(api, joinedSince="2024-01-01"))
    assert [] == numbers(members(api, joinedSince="2024-01-01T00:00:00.001Z"))


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "segmentId"),
        ({"segmentId": None}, "segmentId"),
        ({"segmentId": [CRM]}, "segmentId"),
        ({"segmentId": CRM, "joinedSince": "yesterday"}, "joinedSince"),
        ({"segmentId": CRM, "joinedSince": 5}, "joinedSince"),
        ({"segmentId": CRM, "joinedSince": {}}, "joinedSince"),
        ({"segmentId": CRM, "supporterIds": "x"}, "supporterIds"),
        ({"segmentId": CRM, "supporterIds": [[]]}, "supporterIds[0]"),
        ({"segmentId": CRM, "offset": -1}, "offset"),
        ({"segmentId": CRM, "count": "many"}, "count"),
    ],
)
def test_a_search_that_is_wrong(salsa, payload, field):
    """400 names the member to blame."""
    assert (400, field) == refused(world(salsa).send("POST", "/segments/members/search", {"payload": payload}))
