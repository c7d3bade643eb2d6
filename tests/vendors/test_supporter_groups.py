"""Salsa: the groups that each of several supporters is in."""

import pytest

from tests.vendors.people import CRM, UNKNOWN_ID, assign, email, groups, person, remove, sid, upsert


def gid(number):
    return f"69afe9fc-0000-4000-8000-{number:012d}"


def world(salsa, people=3, group_count=3, joined=((0, (0, 1)), (1, (0,)), (2, ())), **more):
    """Return a Salsa of groups, of people, and of who is in which: (group, people)."""
    return salsa(
        [{"segmentId": gid(n), "name": f"group {n}", "externalSystemId": str(n)} for n in range(group_count)],
        supporters=[person(n, **more) for n in range(people)],
        members=[{"segment": gid(group), "supporters": [sid(n) for n in who]} for group, who in joined],
    )


def group_names(result):
    return [segment["name"] for segment in result["segments"]]


def test_groups_of_supporters(salsa):
    """One entry a supporter, in the order asked; who is in none has an empty list; the count is of supporters."""
    payload = groups(world(salsa), "SUPPORTER_ID", sid(2), sid(0), sid(1).upper())

    assert ["results", "count"] == list(payload)
    assert 3 == payload["count"]
    assert [["supporterId", "segments", "result"]] * 3 == [list(result) for result in payload["results"]]
    results = [(result["supporterId"], group_names(result), result["result"]) for result in payload["results"]]
    assert [(sid(2), [], "FOUND"), (sid(0), ["group 0", "group 1"], "FOUND"), (sid(1), ["group 0"], "FOUND")] == results


def test_a_group_of_a_supporter(salsa):
    api = world(salsa)
    (result,) = groups(api, "SUPPORTER_ID", sid(1))["results"]
    (expected,) = api.search(identifierType="SEGMENT_ID", identifiers=[gid(0)], includeMemberCounts=False)["segments"]

    assert [expected] == result["segments"]
    assert "totalMembers" not in expected


@pytest.mark.parametrize("kind", ["DEFAULT", "CUSTOM", "INTEGRATED"])
def test_groups_of_any_type(salsa, kind):
    """A supporter is in built-in and hand-made groups too."""
    api = salsa(
        [{"segmentId": CRM, "name": "group", "type": kind, "mailingList": True, "parameterName": "grp_group"}],
        supporters=[person(0)],
        members=[{"segment": CRM, "supporters": [sid(0)]}],
    )
    expected = {"segmentId": CRM, "name": "group", "type": kind, "result": "FOUND", "mailingList": True}

    assert [{**expected, "parameterName": "grp_group"}] == groups(api, "SUPPORTER_ID", sid(0))["results"][0]["segments"]


@pytest.mark.parametrize(
    ("kind", "existing_id", "unknown", "missing"),
    [
        ("SUPPORTER_ID", sid(1), UNKNOWN_ID.upper(), {"supporterId": UNKNOWN_ID.upper()}),
        ("EMAIL_ADDRESS", "P1@Example.org", "x@Y.org", {"contacts": [{"type": "EMAIL", "value": "x@Y.org"}]}),
    ],
)
def test_who_is_unknown(salsa, kind, existing_id, unknown, missing):
    payload = groups(world(salsa), kind, unknown, existing_id)

    assert {**missing, "result": "NOT_FOUND"} == payload["results"][0]
    assert (sid(1), ["group 0"]) == (payload["results"][1]["supporterId"], group_names(payload["results"][1]))
    assert 2 == payload["count"]


def test_more_groups_than_a_batch(salsa):
    """A supporter's groups come all at once, however many; twenty is a limit of supporters."""
    api = world(salsa, group_count=25, joined=[(n, (0,)) for n in range(25)])
    (result,) = groups(api, "SUPPORTER_ID", sid(0), count=1)["results"]

    assert [f"group {n}" for n in range(25)] == group_names(result)


def test_groups_come_in_the_order_in_which_they_were_joined(salsa):
    """Who leaves a group and joins it again has it last."""
    api = world(salsa)
    assign(api, sid(0), segment=gid(2))
    remove(api, sid(0), segment=gid(0))
    assign(api, sid(0), segment=gid(0))

    assert ["group 1", "group 2", "group 0"] == group_names(groups(api, "SUPPORTER_ID", sid(0))["results"][0])


def test_groups_of_those_modified_since(salsa):
    """Without identifiers a time tells who, by page."""
    api = world(salsa, people=25, lastModified="2024-05-06T00:00:00.000Z")
    api.mock.salsa.add_supporter(email="old@example.org", lastModified="2020-01-01T00:00:00.000Z")
    period = {"modifiedFrom": "2024-05-06", "modifiedTo": "2024-05-06T00:00:00Z"}
    first, second = (groups(api, **period, offset=offset) for offset in (0, 20))

    assert (20, 5) == (first["count"], second["count"])
    assert [sid(n) for n in range(25)] == [result["supporterId"] for result in first["results"] + second["results"]]
    assert ["results", "count"] == list(second)


def test_identifiers_win_over_a_time(salsa):
    """A client sends modifiedFrom along with the identifiers; these are what is answered."""
    payload = groups(world(salsa), "SUPPORTER_ID", sid(1), modifiedFrom="2999-01-01", offset=7)

    assert [sid(1)] == [result["supporterId"] for result in payload["results"]]


def test_no_identifiers(salsa):
    """No identifiers at all are an empty response."""
    assert {"results": [], "count": 0} == groups(world(salsa), "SUPPORTER_ID")


def test_groups_follow(salsa):
    """A renamed group has its new name, a deleted one is gone, and a supporter's update keeps their groups."""
    api = world(salsa)
    api.upsert({"segmentId": gid(1), "name": "renamed"})
    api.delete(gid(0))
    upsert(api, person(0, contacts=[email("new@example.org")]))

    assert ["renamed"] == group_names(groups(api, "EMAIL_ADDRESS", "new@example.org")["results"][0])
