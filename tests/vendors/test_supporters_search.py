"""Salsa: supporters are found by ids of three kinds, or by when they were modified."""

import pytest

from tests.vendors.people import UNKNOWN_ID, assign, email, find, person, refused, sid, upsert

DAWN = "2018-01-01T00:00:00.000Z"


def at(minute):
    return f"2024-05-06T12:{minute:02d}:00.000Z"


def world(salsa, people):
    """Return a Salsa of supporters who were modified a minute after each other."""
    return salsa(supporters=[person(n, lastModified=at(n)) for n in range(people)])


def numbers(payload):
    return [int(item["supporterId"][-12:], 16) for item in payload["supporters"]]


@pytest.mark.parametrize(
    ("kind", "identifiers", "missing"),
    [
        ("SUPPORTER_ID", [sid(1), UNKNOWN_ID.upper(), sid(0).upper()], {"supporterId": UNKNOWN_ID.upper()}),
        ("EXTERNAL_ID", ["one", "ONE", "17"], {"externalSystemId": "ONE"}),
        (
            "EMAIL_ADDRESS",
            ["P1@example.org", "Nobody@example.org", "p0@example.org"],
            {"contacts": [{"type": "EMAIL", "value": "Nobody@example.org"}]},
        ),
    ],
)
def test_search_by_id(salsa, kind, identifiers, missing):
    """One entry for each, in the order asked; who is missing carries what was asked, as it was sent."""
    people = [person(0, externalSystemId="17"), person(1, externalSystemId="one")]
    api = salsa(supporters=people)
    payload = find(api, kind, *identifiers, offset=5, count=1)

    assert ["supporters", "count"] == list(payload)
    one, unknown, zero = payload["supporters"]
    assert [(sid(1), "FOUND"), (sid(0), "FOUND")] == [(item["supporterId"], item["result"]) for item in (one, zero)]
    assert {**missing, "result": "NOT_FOUND"} == unknown
    assert 3 == payload["count"]


def test_every_address_of_a_supporter_finds_them(salsa):
    contacts = [email("a@example.org"), {"type": "FACEBOOK_ID", "value": "c@example.org"}, email("B@example.org")]
    api = salsa(supporters=[person(1, contacts=contacts)])
    items = find(api, "EMAIL_ADDRESS", "A@example.org", "b@example.org", "c@example.org")["supporters"]

    assert ["FOUND", "FOUND", "NOT_FOUND"] == [item["result"] for item in items]


def test_an_identifier_of_several_people_finds_them_all(salsa):
    """Several supporters may share an external id, and an address that a data file gives to two."""
    shared = {"externalSystemId": "x", "contacts": [email("a@example.org")]}
    api = salsa(supporters=[person(n, **shared) for n in (2, 1)])

    for kind, value in (("EXTERNAL_ID", "x"), ("EMAIL_ADDRESS", "a@example.org")):
        assert ([2, 1], 2) == (numbers(payload := find(api, kind, value)), payload["count"])


def test_numbers_are_identifiers_too(salsa):
    api = salsa(supporters=[person(1, externalSystemId="17")])

    assert [1] == numbers(find(api, "EXTERNAL_ID", 17))
    assert [{"externalSystemId": "18", "result": "NOT_FOUND"}] == find(api, "EXTERNAL_ID", 18)["supporters"]


def test_an_update_is_found_at_once_and_the_old_is_not(salsa):
    """External id and addresses follow what was written last."""
    api = salsa(supporters=[person(1, externalSystemId="old")])
    upsert(
        api, person(1, externalSystemId="new", contacts=[{"type": "EMAIL", "value": None}, email("new@example.org")])
    )

    for kind, old, new in (("EXTERNAL_ID", "old", "new"), ("EMAIL_ADDRESS", "p1@example.org", "new@example.org")):
        assert ["NOT_FOUND", "FOUND"] == [item["result"] for item in find(api, kind, old, new)["supporters"]]


def test_no_identifiers(salsa):
    """No identifiers at all are an empty response."""
    assert {"supporters": [], "count": 0} == find(salsa(supporters=[person(1)]), "SUPPORTER_ID")


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ({"modifiedFrom": DAWN}, [0, 1, 2, 3]),
        ({"modifiedFrom": at(1)}, [1, 2, 3]),
        ({"modifiedFrom": "2024-05-06T12:01:00.001Z"}, [2, 3]),
        ({"modifiedFrom": "2024-05-06T14:02:00+02:00"}, [2, 3]),
        ({"modifiedFrom": "2024-05-06"}, [0, 1, 2, 3]),
        ({"modifiedFrom": "2024-05-07"}, []),
        ({"modifiedFrom": "9999-12-31T23:59:59.999Z"}, []),
        ({"modifiedFrom": "0001-01-01"}, [0, 1, 2, 3]),
        ({"modifiedFrom": at(1), "modifiedTo": at(2)}, [1, 2]),
        ({"modifiedFrom": at(1), "modifiedTo": at(1)}, [1]),
        ({"modifiedFrom": at(1), "modifiedTo": None}, [1, 2, 3]),
        ({"modifiedFrom": at(2), "modifiedTo": at(1)}, []),
    ],
)
def test_modified_within_a_time(salsa, period, expected):
    """Both ends belong to it; without an end it lasts till now."""
    payload = find(world(salsa, 4), **period)

    assert ["total", "offset", "supporters", "count"] == list(payload)
    assert [*expected] == numbers(payload)
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
def test_pages(salsa, paging, expected, offset):
    """total is that of the whole time asked for; an empty page keeps its list."""
    payload = find(world(salsa, 25), modifiedFrom=DAWN, **paging)

    assert ([*expected], 25, offset) == (numbers(payload), payload["total"], payload["offset"])
    assert len(expected) == payload["count"]


def test_a_write_modifies_and_a_membership_does_not(salsa):
    """An update moves lastModified, on the mock's clock; joining a group leaves it."""
    group = {"segmentId": UNKNOWN_ID, "name": "group"}
    api = salsa([group], supporters=[person(n) for n in range(3)])
    api.mock.clock.freeze(at(0))
    upsert(api, person(1))
    api.mock.clock.advance(60)
    assign(api, sid(0), segment=UNKNOWN_ID)
    upsert(api, {"contacts": [email("new@example.org")]})

    assert [at(0), at(1)] == [item["lastModified"] for item in find(api, modifiedFrom=at(0))["supporters"]]
    assert [1] == numbers(find(api, modifiedFrom=at(0), modifiedTo=at(0)))


def test_times_of_a_data_file_have_the_form_of_responses(salsa):
    """Clients parse them: whatever form of ISO 8601 the file has, milliseconds and Z come out."""
    api = salsa(supporters=[person(1, createdDate="2024-05-06", lastModified="2024-05-06T14:01:00+02:00")])
    (item,) = find(api, modifiedFrom=at(1), modifiedTo=at(1))["supporters"]

    assert ("2024-05-06T00:00:00.000Z", at(1)) == (item["createdDate"], item["lastModified"])


@pytest.mark.parametrize("path", ["/supporters/search", "/supporters/groups"])
@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "identifiers"),
        ({"identifierType": "SUPPORTER_ID"}, "identifiers"),
        ({"identifiers": None, "modifiedFrom": None}, "identifiers"),
        ({"modifiedTo": at(1)}, "identifiers"),
        ({"identifiers": [sid(1)]}, "identifierType"),
        ({"identifiers": [sid(1)], "identifierType": None}, "identifierType"),
        ({"identifiers": [sid(1)], "identifierType": "SEGMENT_ID"}, "identifierType"),
        ({"identifiers": [sid(1)], "identifierType": 5}, "identifierType"),
        ({"identifiers": sid(1), "identifierType": "SUPPORTER_ID"}, "identifiers"),
        ({"identifiers": [None], "identifierType": "SUPPORTER_ID"}, "identifiers[0]"),
        ({"identifiers": [sid(1), {}], "identifierType": "SUPPORTER_ID"}, "identifiers[1]"),
        ({"modifiedFrom": "yesterday"}, "modifiedFrom"),
        ({"modifiedFrom": 5}, "modifiedFrom"),
        ({"modifiedFrom": ""}, "modifiedFrom"),
        ({"modifiedFrom": at(1), "modifiedTo": "2024-13-01"}, "modifiedTo"),
        ({"modifiedFrom": at(1), "offset": -1}, "offset"),
        ({"modifiedFrom": at(1), "count": 1.5}, "count"),
    ],
)
def test_a_search_that_is_wrong(salsa, path, payload, field):
    """400 names the member to blame, for supporters and for their groups."""
    assert (400, field) == refused(salsa(supporters=[person(1)]).send("POST", path, {"payload": payload}))
