"""Salsa: searching the members of a group by page, by date of joining, or by supporter ids."""

import pytest

from tests.vendors.people import CRM, OTHER, UNKNOWN_ID, assign, members, person, refusal, remove, supporter_id, upsert

PEOPLE = 25


def make_api(salsa, joined=range(PEOPLE), kind="INTEGRATED", **settings):
    return salsa(
        [{"segmentId": CRM, "name": "crm", "type": kind}, {"segmentId": OTHER, "name": "other"}],
        supporters=[person(n) for n in range(PEOPLE)],
        members=[{"segment": CRM, "supporters": [supporter_id(n) for n in joined]}],
        settings=settings,
    )


def supporter_numbers(payload):
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
def test_members_are_returned_in_pages(salsa, paging, expected):
    """total counts all members, and count those of the page; offset is absent, and an empty page has an empty list."""
    payload = members(make_api(salsa), **paging)

    assert ["total", "supporters", "count"] == list(payload)
    assert ([*expected], PEOPLE) == (supporter_numbers(payload), payload["total"])
    assert len(expected) == payload["count"]


def test_members_come_in_the_order_in_which_they_joined(salsa):
    """A supporter who leaves and joins again comes last."""
    api = make_api(salsa, joined=(5, 3, 4))
    assign(api, supporter_id(1))
    remove(api, supporter_id(3))
    assign(api, supporter_id(3), supporter_id(5))

    assert [5, 4, 1, 3] == supporter_numbers(members(api))


def test_a_member_has_all_fields_of_the_supporter(salsa):
    """The fields have their current values."""
    api = make_api(salsa, joined=(1,))
    upsert(api, person(1, firstName="Ada"))
    (item,) = members(api)["supporters"]

    assert {**api.mock.salsa.supporters[1], "result": "FOUND"} == item
    assert "Ada" == item["firstName"]


@pytest.mark.parametrize("kind", ["DEFAULT", "CUSTOM", "INTEGRATED"])
def test_members_of_groups_of_any_type_are_returned(salsa, kind):
    """The API can search the members of groups that it can't change."""
    assert 1 == members(make_api(salsa, joined=(0,), kind=kind))["total"]


def test_a_group_without_members_returns_an_empty_list(salsa):
    assert {"total": 0, "supporters": [], "count": 0} == members(make_api(salsa), OTHER)


@pytest.mark.parametrize("unknown", [UNKNOWN_ID, "no id", ""])
def test_an_unknown_group_has_no_members(salsa, unknown):
    api = make_api(salsa)

    assert {"total": 0, "supporters": [], "count": 0} == members(api, unknown)
    expected = {"supporters": [{"supporterId": supporter_id(0), "result": "NOT_FOUND"}], "count": 1}
    assert expected == members(api, unknown, supporterIds=[supporter_id(0)])


def test_a_search_by_supporter_ids_returns_an_item_for_each_id(salsa):
    """Items keep the order of the request, without total and offset; other supporters are NOT_FOUND, as sent."""
    api = make_api(salsa, joined=(0, 1))
    payload = members(
        api,
        supporterIds=[supporter_id(1), supporter_id(2).upper(), supporter_id(0).upper(), "x", 7, supporter_id(1)],
        count=1,
        offset=4,
    )

    assert ["supporters", "count"] == list(payload)
    assert 6 == payload["count"]
    assert [supporter_id(1), supporter_id(2).upper(), supporter_id(0), "x", "7", supporter_id(1)] == [
        item["supporterId"] for item in payload["supporters"]
    ]
    results = ["FOUND", "NOT_FOUND", "FOUND", "NOT_FOUND", "NOT_FOUND", "FOUND"]
    assert results == [item["result"] for item in payload["supporters"]]
    assert [["supporterId", "result"]] == [list(item) for item in payload["supporters"] if item["supporterId"] == "x"]


def test_an_empty_list_of_supporter_ids_returns_no_members(salsa):
    """With null, the search returns a page of all members."""
    api = make_api(salsa)

    assert {"supporters": [], "count": 0} == members(api, supporterIds=[])
    assert PEOPLE == members(api, supporterIds=None)["total"]


def test_joined_since_returns_members_who_joined_at_that_time_or_later(salsa):
    """total counts only these members, and they are returned in pages."""
    api = make_api(salsa, joined=(0,))
    clock = api.mock.clock
    clock.freeze("2024-01-01T12:00:00Z")
    for number in (1, 2, 3):
        clock.advance(60)
        assign(api, supporter_id(number))

    assert [0, 1, 2, 3] == supporter_numbers(members(api, joinedSince="2018-01-01"))
    assert [1, 2, 3] == supporter_numbers(members(api, joinedSince="2018-01-01T00:00:00.001Z"))
    assert [2, 3] == supporter_numbers(members(api, joinedSince="2024-01-01T12:02:00.000Z"))
    assert [2, 3] == supporter_numbers(members(api, joinedSince="2024-01-01T14:02:00+02:00"))
    assert [3] == supporter_numbers(members(api, joinedSince="2024-01-01T12:02:00.001Z"))
    assert [] == supporter_numbers(members(api, joinedSince="2024-01-01T12:03:00.001Z"))
    page = members(api, joinedSince="2024-01-01T12:01:00Z", offset=1, count=1)
    assert ([2], 3, 1) == (supporter_numbers(page), page["total"], page["count"])


def test_leaving_and_joining_again_sets_a_new_date(salsa):
    """Assigning a supporter who is still a member keeps the date of joining."""
    api = make_api(salsa, joined=())
    api.mock.clock.freeze("2024-01-01T12:00:00Z")
    assign(api, supporter_id(0), supporter_id(1))
    api.mock.clock.advance(60)
    remove(api, supporter_id(0))
    assign(api, supporter_id(0), supporter_id(1))

    assert [0] == supporter_numbers(members(api, joinedSince="2024-01-01T12:00:30Z"))


@pytest.mark.parametrize("joined", ["2024-01-01", "2024-01-01 00:00", "2024-01-01T02:00:00+02:00"])
def test_a_data_file_may_have_the_date_of_joining(salsa, joined):
    """Any form of ISO 8601 is accepted; records and responses have milliseconds and Z."""
    api = salsa(
        [{"segmentId": CRM, "name": "crm"}],
        supporters=[person(0), person(1)],
        members=[
            {"segment": CRM, "supporters": [{"supporter": supporter_id(0), "joinedDate": joined}, supporter_id(1)]}
        ],
    )

    assert "2024-01-01T00:00:00.000Z" == api.mock.salsa.members[0]["joinedDate"]
    assert [0] == supporter_numbers(members(api, joinedSince="2024-01-01"))
    assert [] == supporter_numbers(members(api, joinedSince="2024-01-01T00:00:00.001Z"))


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
def test_an_invalid_search_is_400_and_names_the_member(salsa, payload, field):
    assert (400, field) == refusal(make_api(salsa).send("POST", "/segments/members/search", {"payload": payload}))
