"""Salsa: searching the groups of several supporters."""

import pytest

from tests.vendors.people import CRM, UNKNOWN_ID, assign, email, groups, person, remove, supporter_id, upsert


def group_id(number):
    return f"69afe9fc-0000-4000-8000-{number:012d}"


def make_api(salsa, people=3, group_count=3, joined=((0, (0, 1)), (1, (0,)), (2, ())), **fields):
    """Return a client of a mock with groups and people; *joined* has pairs of a group and its members, as numbers."""
    return salsa(
        [{"segmentId": group_id(n), "name": f"group {n}", "externalSystemId": str(n)} for n in range(group_count)],
        supporters=[person(n, **fields) for n in range(people)],
        members=[
            {"segment": group_id(group), "supporters": [supporter_id(n) for n in member_numbers]}
            for group, member_numbers in joined
        ],
    )


def group_names(result):
    return [segment["name"] for segment in result["segments"]]


def test_each_supporter_has_an_item_with_their_groups(salsa):
    """Items keep the order of the request; a supporter without groups has an empty list."""
    payload = groups(make_api(salsa), "SUPPORTER_ID", supporter_id(2), supporter_id(0), supporter_id(1).upper())

    assert ["results", "count"] == list(payload)
    assert 3 == payload["count"]
    assert [["supporterId", "segments", "result"]] * 3 == [list(result) for result in payload["results"]]
    results = [(result["supporterId"], group_names(result), result["result"]) for result in payload["results"]]
    assert [
        (supporter_id(2), [], "FOUND"),
        (supporter_id(0), ["group 0", "group 1"], "FOUND"),
        (supporter_id(1), ["group 0"], "FOUND"),
    ] == results


def test_a_group_of_a_supporter_has_the_fields_of_a_search_for_groups(salsa):
    api = make_api(salsa)
    (result,) = groups(api, "SUPPORTER_ID", supporter_id(1))["results"]
    (expected,) = api.search(identifierType="SEGMENT_ID", identifiers=[group_id(0)], includeMemberCounts=False)[
        "segments"
    ]

    assert [expected] == result["segments"]
    assert "totalMembers" not in expected


@pytest.mark.parametrize("kind", ["DEFAULT", "CUSTOM", "INTEGRATED"])
def test_groups_of_any_type_are_returned(salsa, kind):
    """A supporter may be in built-in groups, and in groups made by hand."""
    api = salsa(
        [{"segmentId": CRM, "name": "group", "type": kind, "mailingList": True, "parameterName": "grp_group"}],
        supporters=[person(0)],
        members=[{"segment": CRM, "supporters": [supporter_id(0)]}],
    )
    expected = {"segmentId": CRM, "name": "group", "type": kind, "result": "FOUND", "mailingList": True}

    assert [{**expected, "parameterName": "grp_group"}] == groups(api, "SUPPORTER_ID", supporter_id(0))["results"][0][
        "segments"
    ]


@pytest.mark.parametrize(
    ("kind", "existing_id", "unknown", "expected"),
    [
        ("SUPPORTER_ID", supporter_id(1), UNKNOWN_ID.upper(), {"supporterId": UNKNOWN_ID.upper()}),
        ("EMAIL_ADDRESS", "P1@Example.org", "x@Y.org", {"contacts": [{"type": "EMAIL", "value": "x@Y.org"}]}),
    ],
)
def test_an_unknown_supporter_is_not_found(salsa, kind, existing_id, unknown, expected):
    payload = groups(make_api(salsa), kind, unknown, existing_id)

    assert {**expected, "result": "NOT_FOUND"} == payload["results"][0]
    assert (supporter_id(1), ["group 0"]) == (payload["results"][1]["supporterId"], group_names(payload["results"][1]))
    assert 2 == payload["count"]


def test_a_supporter_may_have_more_than_twenty_groups(salsa):
    """The limit of twenty is for supporters; all groups of a supporter are returned at once."""
    api = make_api(salsa, group_count=25, joined=[(n, (0,)) for n in range(25)])
    (result,) = groups(api, "SUPPORTER_ID", supporter_id(0), count=1)["results"]

    assert [f"group {n}" for n in range(25)] == group_names(result)


def test_groups_come_in_the_order_in_which_they_were_joined(salsa):
    """A group that a supporter left and joined again comes last."""
    api = make_api(salsa)
    assign(api, supporter_id(0), segment=group_id(2))
    remove(api, supporter_id(0), segment=group_id(0))
    assign(api, supporter_id(0), segment=group_id(0))

    assert ["group 1", "group 2", "group 0"] == group_names(groups(api, "SUPPORTER_ID", supporter_id(0))["results"][0])


def test_supporters_can_be_selected_by_the_time_of_modification(salsa):
    """The search has modifiedFrom instead of identifiers, and returns pages."""
    api = make_api(salsa, people=25, lastModified="2024-05-06T00:00:00.000Z")
    api.mock.salsa.add_supporter(email="old@example.org", lastModified="2020-01-01T00:00:00.000Z")
    period = {"modifiedFrom": "2024-05-06", "modifiedTo": "2024-05-06T00:00:00Z"}
    first, second = (groups(api, **period, offset=offset) for offset in (0, 20))

    assert (20, 5) == (first["count"], second["count"])
    assert [supporter_id(n) for n in range(25)] == [
        result["supporterId"] for result in first["results"] + second["results"]
    ]
    assert ["results", "count"] == list(second)


def test_identifiers_take_precedence_over_modified_from(salsa):
    """Some clients send both."""
    payload = groups(make_api(salsa), "SUPPORTER_ID", supporter_id(1), modifiedFrom="2999-01-01", offset=7)

    assert [supporter_id(1)] == [result["supporterId"] for result in payload["results"]]


def test_an_empty_list_of_identifiers_returns_no_results(salsa):
    assert {"results": [], "count": 0} == groups(make_api(salsa), "SUPPORTER_ID")


def test_later_changes_of_groups_and_supporters_are_visible(salsa):
    """A renamed group has its new name, a deleted group is omitted, and an updated supporter keeps their groups."""
    api = make_api(salsa)
    api.upsert({"segmentId": group_id(1), "name": "renamed"})
    api.delete(group_id(0))
    upsert(api, person(0, contacts=[email("new@example.org")]))

    assert ["renamed"] == group_names(groups(api, "EMAIL_ADDRESS", "new@example.org")["results"][0])
