"""Salsa: searching all groups, in pages, with or without member counts."""

import pytest


def groups_named(*names):
    return [{"name": name} for name in names]


def refusal(response):
    """Return the status of a refused call, and the name of the field in its error."""
    (error,) = response.json()["errors"]
    return response.status_code, error["fieldName"]


@pytest.mark.parametrize(
    ("payload", "offset", "names"),
    [
        ({}, 0, "abcde"),
        ({"offset": 0, "count": 20}, 0, "abcde"),
        ({"offset": 0, "count": 2}, 0, "ab"),
        ({"offset": 2, "count": 2}, 2, "cd"),
        ({"offset": 4, "count": 2}, 4, "e"),
        ({"offset": 5, "count": 5}, 5, ""),
        ({"offset": 6}, 6, ""),
        ({"offset": 10**30}, 10**30, ""),
        ({"count": 0}, 0, ""),
        ({"offset": 3}, 3, "de"),
        ({"count": 1}, 0, "a"),
        ({"offset": "1", "count": "2"}, 1, "bc"),
        ({"offset": None, "count": None}, 0, "abcde"),
        ({"offset": 1.0, "count": 2.0}, 1, "bc"),
        ({"identifiers": None, "identifierType": None}, 0, "abcde"),
        ({"identifierType": "SEGMENT_ID"}, 0, "abcde"),
    ],
)
def test_groups_are_returned_in_pages(salsa, payload, offset, names):
    """total counts all groups, and count those of the page; offset is echoed, and an empty page has an empty list."""
    payload = salsa(groups_named(*"abcde")).search(**payload)

    assert ["total", "offset", "segments", "count"] == list(payload)
    assert [*names] == [segment["name"] for segment in payload["segments"]]
    assert (5, offset, len(names)) == (payload["total"], payload["offset"], payload["count"])


def test_a_page_has_twenty_records_by_default(salsa):
    """Salsa allows at most twenty."""
    assert 20 == salsa(groups_named(*map(str, range(25)))).search()["count"]


def test_a_search_without_any_groups_returns_an_empty_page(salsa):
    assert {"total": 0, "offset": 0, "segments": [], "count": 0} == salsa().search()


def test_groups_come_in_the_order_in_which_they_were_added(salsa):
    """An update keeps the position of a group, and a deletion leaves no gap."""
    api = salsa(groups_named(*"abc"))
    a, b, _ = (segment["segmentId"] for segment in api.search()["segments"])
    api.upsert({"name": "d"}, {"segmentId": a, "name": "A"})
    api.delete(b)

    assert ["A", "c", "d"] == [segment["name"] for segment in api.search()["segments"]]


@pytest.mark.parametrize("name", ["offset", "count"])
@pytest.mark.parametrize(
    "value", [-1, "-1", "x", "", "20.5", 20.5, "1_0", "\u0662\u0660", True, [], [1], {}, "9" * 5000]
)
def test_an_invalid_offset_or_count_is_400(salsa, name, value):
    """Negative, fractional and non-numeric values are invalid; the error names the field."""
    assert (400, name) == refusal(salsa().send("POST", "/segments/search", {"payload": {name: value}}))


@pytest.mark.parametrize("value", [10**30, "9" * 30])
def test_a_huge_count_without_limits_returns_all_groups(salsa, value):
    assert 2 == salsa(groups_named(*"ab"), settings={"limits": "off"}).search(count=value)["count"]


@pytest.mark.parametrize(
    ("settings", "counted"),
    [
        ({}, True),
        ({"includeMemberCounts": True}, True),
        ({"includeMemberCounts": None}, True),
        ({"includeMemberCounts": "true"}, True),
        ({"includeMemberCounts": "false"}, False),
        ({"includeMemberCounts": False}, False),
        ({"includeMemberCounts": "False"}, False),
        ({"includeMemberCounts": 0}, False),
        ({"includeMemberCounts": "0"}, False),
        ({"includeMemberCounts": 1}, True),
    ],
)
@pytest.mark.parametrize("payload", [{}, {"identifierType": "EXTERNAL_ID", "identifiers": ["x"]}])
def test_groups_have_member_counts_unless_the_request_declines_them(salsa, settings, counted, payload):
    """includeMemberCounts has no other effect."""
    mail = [{"type": "EMAIL", "value": f"{name}@example.org"} for name in "ab"]
    api = salsa(
        [{"name": "full", "externalSystemId": "x"}],
        supporters=[{"contacts": [contact]} for contact in mail],
        members=[{"segment": "full", "supporters": ["a@example.org", "b@example.org"]}],
    )
    (segment,) = api.search(**payload, **settings)["segments"]

    assert (2 if counted else None) == segment.pop("totalMembers", None)
    assert ["segmentId", "name", "type", "result", "externalSystemId"] == list(segment)


@pytest.mark.parametrize("value", ["maybe", "", 2, [], {}])
def test_an_invalid_include_member_counts_is_400(salsa, value):
    response = salsa().send("POST", "/segments/search", {"payload": {"includeMemberCounts": value}})

    assert (400, "includeMemberCounts") == refusal(response)


def test_groups_of_every_type_are_returned(salsa):
    """Built-in groups and those made by hand are returned too, each with its type."""
    types = ["DEFAULT", "CUSTOM", "INTEGRATED"]
    segments = salsa([{"name": kind, "type": kind} for kind in types]).search()["segments"]

    assert [(kind, kind, "FOUND") for kind in types] == [(s["name"], s["type"], s["result"]) for s in segments]


def test_unknown_members_of_the_request_are_ignored(salsa):
    """The journal lists them as unread, in the order sent."""
    api = salsa(groups_named("a"))
    body = {"zeta": 1, "header": {"trace": 1}, "payload": {"joinedSince": "2020", "count": 1, "beta": {}, "alpha": 2}}
    response = api.send("POST", "/segments/search", body)

    assert 200 == response.status_code
    unread = ("zeta", "header.trace", "payload.joinedSince", "payload.beta", "payload.alpha")
    assert unread == api.mock.journal.entries()[-1].unread
