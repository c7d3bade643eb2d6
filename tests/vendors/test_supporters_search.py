"""Salsa: searching supporters by three kinds of ids, or by the time of their modification."""

import pytest

from tests.vendors.people import UNKNOWN_ID, assign, email, find, person, refusal, supporter_id, upsert

DAWN = "2018-01-01T00:00:00.000Z"


def minute_after_noon(minute):
    return f"2024-05-06T12:{minute:02d}:00.000Z"


def make_api(salsa, people):
    """Return a client of a mock with supporters whose modification times are one minute apart."""
    return salsa(supporters=[person(n, lastModified=minute_after_noon(n)) for n in range(people)])


def supporter_numbers(payload):
    return [int(item["supporterId"][-12:], 16) for item in payload["supporters"]]


@pytest.mark.parametrize(
    ("kind", "identifiers", "expected"),
    [
        (
            "SUPPORTER_ID",
            [supporter_id(1), UNKNOWN_ID.upper(), supporter_id(0).upper()],
            {"supporterId": UNKNOWN_ID.upper()},
        ),
        ("EXTERNAL_ID", ["one", "ONE", "17"], {"externalSystemId": "ONE"}),
        (
            "EMAIL_ADDRESS",
            ["P1@example.org", "Nobody@example.org", "p0@example.org"],
            {"contacts": [{"type": "EMAIL", "value": "Nobody@example.org"}]},
        ),
    ],
)
def test_a_search_by_identifiers_returns_an_item_for_each_identifier(salsa, kind, identifiers, expected):
    """Items keep the order of the request, and an unknown identifier is NOT_FOUND, as sent."""
    people = [person(0, externalSystemId="17"), person(1, externalSystemId="one")]
    api = salsa(supporters=people)
    payload = find(api, kind, *identifiers, offset=5, count=1)

    assert ["supporters", "count"] == list(payload)
    one, unknown, zero = payload["supporters"]
    assert [(supporter_id(1), "FOUND"), (supporter_id(0), "FOUND")] == [
        (item["supporterId"], item["result"]) for item in (one, zero)
    ]
    assert {**expected, "result": "NOT_FOUND"} == unknown
    assert 3 == payload["count"]


def test_a_supporter_is_found_by_each_email_address(salsa):
    contacts = [email("a@example.org"), {"type": "FACEBOOK_ID", "value": "c@example.org"}, email("B@example.org")]
    api = salsa(supporters=[person(1, contacts=contacts)])
    items = find(api, "EMAIL_ADDRESS", "A@example.org", "b@example.org", "c@example.org")["supporters"]

    assert ["FOUND", "FOUND", "NOT_FOUND"] == [item["result"] for item in items]


def test_an_identifier_that_several_supporters_share_returns_them_all(salsa):
    """External ids need not be unique, nor e-mail addresses in a data file."""
    shared = {"externalSystemId": "x", "contacts": [email("a@example.org")]}
    api = salsa(supporters=[person(n, **shared) for n in (2, 1)])

    for kind, value in (("EXTERNAL_ID", "x"), ("EMAIL_ADDRESS", "a@example.org")):
        assert ([2, 1], 2) == (supporter_numbers(payload := find(api, kind, value)), payload["count"])


def test_a_number_matches_an_external_id(salsa):
    api = salsa(supporters=[person(1, externalSystemId="17")])

    assert [1] == supporter_numbers(find(api, "EXTERNAL_ID", 17))
    assert [{"externalSystemId": "18", "result": "NOT_FOUND"}] == find(api, "EXTERNAL_ID", 18)["supporters"]


def test_a_search_finds_the_identifiers_of_the_last_update(salsa):
    """The previous external id and address are not found."""
    api = salsa(supporters=[person(1, externalSystemId="old")])
    upsert(
        api, person(1, externalSystemId="new", contacts=[{"type": "EMAIL", "value": None}, email("new@example.org")])
    )

    for kind, old, new in (("EXTERNAL_ID", "old", "new"), ("EMAIL_ADDRESS", "p1@example.org", "new@example.org")):
        assert ["NOT_FOUND", "FOUND"] == [item["result"] for item in find(api, kind, old, new)["supporters"]]


def test_an_empty_list_of_identifiers_returns_no_supporters(salsa):
    assert {"supporters": [], "count": 0} == find(salsa(supporters=[person(1)]), "SUPPORTER_ID")


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ({"modifiedFrom": DAWN}, [0, 1, 2, 3]),
        ({"modifiedFrom": minute_after_noon(1)}, [1, 2, 3]),
        ({"modifiedFrom": "2024-05-06T12:01:00.001Z"}, [2, 3]),
        ({"modifiedFrom": "2024-05-06T14:02:00+02:00"}, [2, 3]),
        ({"modifiedFrom": "2024-05-06"}, [0, 1, 2, 3]),
        ({"modifiedFrom": "2024-05-07"}, []),
        ({"modifiedFrom": "9999-12-31T23:59:59.999Z"}, []),
        ({"modifiedFrom": "0001-01-01"}, [0, 1, 2, 3]),
        ({"modifiedFrom": minute_after_noon(1), "modifiedTo": minute_after_noon(2)}, [1, 2]),
        ({"modifiedFrom": minute_after_noon(1), "modifiedTo": minute_after_noon(1)}, [1]),
        ({"modifiedFrom": minute_after_noon(1), "modifiedTo": None}, [1, 2, 3]),
        ({"modifiedFrom": minute_after_noon(2), "modifiedTo": minute_after_noon(1)}, []),
    ],
)
def test_a_search_by_time_returns_supporters_modified_in_the_period(salsa, period, expected):
    """Both ends are inclusive; without modifiedTo the period is open."""
    payload = find(make_api(salsa, 4), **period)

    assert ["total", "offset", "supporters", "count"] == list(payload)
    assert [*expected] == supporter_numbers(payload)
    assert (len(expected), 0, len(expected)) == (payload["total"], payload["offset"], payload["count"])


@pytest.mark.parametrize(
    ("paging", "expected", "offset"),
    [
        ({}, range(20), 0),
        ({"offset": 20, "count": 20}, range(20, 25), 20),
        ({"offset": "1", "count": "2"}, [1, 2], 1),
        ({"offset": 25}, [], 25),
        ({"offset": 10**30}, [], 10**30),
        ({"count": 0}, [], 0),
    ],
)
def test_a_search_by_time_returns_pages(salsa, paging, expected, offset):
    """total counts all supporters of the period; an empty page has an empty list."""
    payload = find(make_api(salsa, 25), modifiedFrom=DAWN, **paging)

    assert ([*expected], 25, offset) == (supporter_numbers(payload), payload["total"], payload["offset"])
    assert len(expected) == payload["count"]


def test_an_update_sets_last_modified_and_an_assignment_does_not(salsa):
    """The time is that of the mock's clock."""
    group = {"segmentId": UNKNOWN_ID, "name": "group"}
    api = salsa([group], supporters=[person(n) for n in range(3)])
    api.mock.clock.freeze(minute_after_noon(0))
    upsert(api, person(1))
    api.mock.clock.advance(60)
    assign(api, supporter_id(0), segment=UNKNOWN_ID)
    upsert(api, {"contacts": [email("new@example.org")]})

    assert [minute_after_noon(0), minute_after_noon(1)] == [
        item["lastModified"] for item in find(api, modifiedFrom=minute_after_noon(0))["supporters"]
    ]
    assert [1] == supporter_numbers(find(api, modifiedFrom=minute_after_noon(0), modifiedTo=minute_after_noon(0)))


def test_times_of_a_data_file_are_returned_in_the_format_of_the_api(salsa):
    """A data file may have any form of ISO 8601; responses have milliseconds and Z."""
    api = salsa(supporters=[person(1, createdDate="2024-05-06", lastModified="2024-05-06T14:01:00+02:00")])
    (item,) = find(api, modifiedFrom=minute_after_noon(1), modifiedTo=minute_after_noon(1))["supporters"]

    assert ("2024-05-06T00:00:00.000Z", minute_after_noon(1)) == (item["createdDate"], item["lastModified"])


@pytest.mark.parametrize("path", ["/supporters/search", "/supporters/groups"])
@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "identifiers"),
        ({"identifierType": "SUPPORTER_ID"}, "identifiers"),
        ({"identifiers": None, "modifiedFrom": None}, "identifiers"),
        ({"modifiedTo": minute_after_noon(1)}, "identifiers"),
        ({"identifiers": [supporter_id(1)]}, "identifierType"),
        ({"identifiers": [supporter_id(1)], "identifierType": None}, "identifierType"),
        ({"identifiers": [supporter_id(1)], "identifierType": "SEGMENT_ID"}, "identifierType"),
        ({"identifiers": [supporter_id(1)], "identifierType": 5}, "identifierType"),
        ({"identifiers": supporter_id(1), "identifierType": "SUPPORTER_ID"}, "identifiers"),
        ({"identifiers": [None], "identifierType": "SUPPORTER_ID"}, "identifiers[0]"),
        ({"identifiers": [supporter_id(1), {}], "identifierType": "SUPPORTER_ID"}, "identifiers[1]"),
        ({"modifiedFrom": "yesterday"}, "modifiedFrom"),
        ({"modifiedFrom": 5}, "modifiedFrom"),
        ({"modifiedFrom": ""}, "modifiedFrom"),
        ({"modifiedFrom": minute_after_noon(1), "modifiedTo": "2024-13-01"}, "modifiedTo"),
        ({"modifiedFrom": minute_after_noon(1), "offset": -1}, "offset"),
        ({"modifiedFrom": minute_after_noon(1), "count": 1.5}, "count"),
    ],
)
def test_an_invalid_search_is_400_and_names_the_member(salsa, path, payload, field):
    """This applies to searches for supporters and for their groups."""
    assert (400, field) == refusal(salsa(supporters=[person(1)]).send("POST", path, {"payload": payload}))
