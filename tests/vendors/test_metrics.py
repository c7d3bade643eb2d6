"""Salsa: what an organization has used of the API, in records and in calls."""

import pytest

from tests.vendors.people import (
    CRM,
    OTHER,
    UNKNOWN_ID,
    assign,
    delete,
    email,
    find,
    groups,
    members,
    metrics,
    person,
    remove,
    sid,
    upsert,
)

NOON = "2024-05-06T12:00:00.000Z"
FIGURES = [
    "rateLimit", "maxBatchSize", "supporterRead", "supporterAdd", "supporterDelete", "supporterUpdate", "segmentRead",
    "segmentAdd", "segmentDelete", "segmentUpdate", "segmentAssignmentRead", "segmentAssignmentAdd",
    "segmentAssignmentUpdate", "segmentAssignmentDelete", "offlineDonationAdd", "offlineDonationUpdate",
    "activityTicketedEvent", "activityP2PEvent", "activitySubscribe", "activityFundraise", "activityTargetedLetter",
    "activityPetition", "activitySubscriptionManagement", "lastAPICall", "totalAPICalls", "totalAPICallFailures",
    "currentRateLimit",
]  # fmt: skip


def world(salsa, **settings):
    """Return a Salsa of one built-in group, two CRM groups and two supporters, at noon."""
    kinds = [(CRM, "crm", "INTEGRATED"), (OTHER, "other", "INTEGRATED"), (UNKNOWN_ID, "built in", "DEFAULT")]
    api = salsa(
        [{"segmentId": key, "name": name, "type": kind} for key, name, kind in kinds],
        supporters=[person(0), person(1)],
        settings=settings,
    )
    api.mock.clock.freeze(NOON)
    return api


def risen(api, action):
    """Return by how much each figure rises with *action*; the metrics calls around it count for nothing."""
    before = metrics(api)
    action()
    after = metrics(api)
    rises = {name: after[name] - before[name] for name in FIGURES if name not in ("lastAPICall", "currentRateLimit")}
    return {name: rise for name, rise in rises.items() if rise}


def test_every_figure_is_there_from_the_start(salsa):
    """Whole numbers all, in the recorded order, but for the time of the last call."""
    figures = metrics(world(salsa))
    zeros = {name: 0 for name in FIGURES[2:-1] if name != "lastAPICall"}

    assert FIGURES == list(figures)
    assert {**zeros, "rateLimit": 300, "maxBatchSize": 20, "lastAPICall": NOON, "currentRateLimit": 299} == figures
    assert {int} == {type(value) for name, value in figures.items() if name != "lastAPICall"}


def test_the_recorded_sequence(salsa):
    """A group is made, found four times over, given a member, asked for it, relieved of it and deleted.

    The searches return 18, 18, 1 and 1 groups: what is counted are records.
    """
    built_in = [{"name": f"built in {n}", "type": "DEFAULT"} for n in range(16)]
    api = salsa([*built_in, {"name": "hand-made", "type": "CUSTOM"}], supporters=[person(0)])

    def action():
        (group,) = api.upsert({"name": "new", "externalSystemId": "x"})["segments"]
        key = group["segmentId"]
        api.search(offset=0, count=20)
        api.search(offset=0, count=20, includeMemberCounts=False)
        api.search(identifierType="SEGMENT_ID", identifiers=[key])
        api.search(identifierType="EXTERNAL_ID", identifiers=["x"])
        assign(api, sid(0), segment=key)
        members(api, key, supporterIds=[sid(0)])
        remove(api, sid(0), segment=key)
        api.delete(key)

    assert {
        "segmentRead": 38, "segmentAdd": 1, "segmentDelete": 1,
        "segmentAssignmentAdd": 1, "segmentAssignmentRead": 1, "segmentAssignmentDelete": 1,
        "totalAPICalls": 9,
    } == risen(api, action)  # fmt: skip


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (lambda api: upsert(api, person(0), {"contacts": [email("new@example.org")]}), {"Add": 1, "Update": 1}),
        (lambda api: upsert(api, {"contacts": []}, person(9)), {}),
        (lambda api: find(api, "SUPPORTER_ID", sid(0), sid(1), sid(9)), {"Read": 2}),
        (lambda api: find(api, modifiedFrom="2018-01-01", count=1), {"Read": 1}),
        (lambda api: groups(api, "SUPPORTER_ID", sid(0), sid(9)), {"Read": 1}),
        (lambda api: delete(api, sid(0), sid(0), sid(9)), {"Delete": 1}),
    ],
)
def test_supporters_are_counted_that_succeeded(salsa, action, expected):
    """Each by what became of it; what was not found or not valid counts for nothing but the call."""
    rises = risen(api := world(salsa), lambda: action(api))

    assert {**{f"supporter{verb}": rise for verb, rise in expected.items()}, "totalAPICalls": 1} == rises


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (lambda api: assign(api, sid(0), sid(1), sid(9)), {"Add": 2}),
        (lambda api: (assign(api, sid(0)), members(api)), {"Add": 1, "Read": 1}),
        (lambda api: members(api, supporterIds=[sid(0)]), {}),
        (lambda api: (assign(api, sid(0)), remove(api, sid(0), sid(1))), {"Add": 1, "Delete": 1}),
        (lambda api: assign(api, sid(0), segment="unknown"), {}),
    ],
)
def test_memberships_are_counted_that_succeeded(salsa, action, expected):
    """Members that are read, assigned and removed have figures of their own."""
    rises = risen(api := world(salsa), lambda: action(api))
    del rises["totalAPICalls"]

    assert {f"segmentAssignment{verb}": rise for verb, rise in expected.items()} == rises


def test_groups_are_counted_that_succeeded(salsa):
    """Added, updated, deleted and read."""
    api = world(salsa)

    def action():
        api.upsert({"name": "new"}, {"name": "crm"}, {"segmentId": CRM, "name": "renamed"})
        api.search(identifierType="SEGMENT_ID", identifiers=[CRM, "unknown"])
        api.delete(CRM, sid(0))

    expected = {"segmentAdd": 1, "segmentUpdate": 1, "segmentRead": 1, "segmentDelete": 1, "totalAPICalls": 3}
    assert expected == risen(api, action)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/segments/search", b"{"),
        ("POST", "/segments/search", {"payload": {"count": 21}}),
        ("PUT", "/supporters", {"payload": {}}),
        ("PUT", "/segments/members", {"payload": {"segmentId": UNKNOWN_ID, "supporterIds": [sid(0)]}}),
        ("PUT", "/segments", {"payload": {"segments": [{"segmentId": UNKNOWN_ID, "name": "x"}, {"name": "y"}]}}),
    ],
)
def test_refused_calls_are_failures(salsa, method, path, body):
    """A call that is refused as a whole counts as a call and as a failure, and no record of it counts."""
    api = world(salsa)

    assert {"totalAPICalls": 1, "totalAPICallFailures": 1} == risen(api, lambda: api.send(method, path, body))


def test_items_that_fail_are_no_failed_call(salsa):
    """A 200 is a success, whatever its items say."""
    assert {"totalAPICalls": 1} == risen(api := world(salsa), lambda: api.upsert({"name": ""}))


def test_call_without_a_token_is_not_counted(salsa):
    """Whose failure would it be?"""
    assert {} == risen(api := world(salsa), lambda: api.send("POST", "/segments/search", {}, authToken=""))
