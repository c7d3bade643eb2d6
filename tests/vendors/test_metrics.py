"""Salsa: metrics of an organization, which count records and calls."""

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
    supporter_id,
    upsert,
)

NOON = "2024-05-06T12:00:00.000Z"
METRIC_NAMES = [
    "rateLimit", "maxBatchSize", "supporterRead", "supporterAdd", "supporterDelete", "supporterUpdate", "segmentRead",
    "segmentAdd", "segmentDelete", "segmentUpdate", "segmentAssignmentRead", "segmentAssignmentAdd",
    "segmentAssignmentUpdate", "segmentAssignmentDelete", "offlineDonationAdd", "offlineDonationUpdate",
    "activityTicketedEvent", "activityP2PEvent", "activitySubscribe", "activityFundraise", "activityTargetedLetter",
    "activityPetition", "activitySubscriptionManagement", "lastAPICall", "totalAPICalls", "totalAPICallFailures",
    "currentRateLimit",
]  # fmt: skip


def make_api(salsa, **settings):
    """Return a client of a mock with a built-in group, two CRM groups and two supporters; the clock stands at noon."""
    kinds = [(CRM, "crm", "INTEGRATED"), (OTHER, "other", "INTEGRATED"), (UNKNOWN_ID, "built in", "DEFAULT")]
    api = salsa(
        [{"segmentId": key, "name": name, "type": kind} for key, name, kind in kinds],
        supporters=[person(0), person(1)],
        settings=settings,
    )
    api.mock.clock.freeze(NOON)
    return api


def increases(api, action):
    """Run *action* and return each metric that it increases, with the difference; the metrics calls are not counted."""
    before = metrics(api)
    action()
    after = metrics(api)
    rises = {
        name: after[name] - before[name] for name in METRIC_NAMES if name not in ("lastAPICall", "currentRateLimit")
    }
    return {name: rise for name, rise in rises.items() if rise}


def test_every_metric_exists_before_the_first_call(salsa):
    """All are integers, in the recorded order, except lastAPICall, which is a time."""
    figures = metrics(make_api(salsa))
    zeros = {name: 0 for name in METRIC_NAMES[2:-1] if name != "lastAPICall"}

    assert METRIC_NAMES == list(figures)
    assert {**zeros, "rateLimit": 300, "maxBatchSize": 20, "lastAPICall": NOON, "currentRateLimit": 299} == figures
    assert {int} == {type(value) for name, value in figures.items() if name != "lastAPICall"}


def test_metrics_of_the_recorded_sequence_of_calls(salsa):
    """The test adds a group, searches it four times, adds, searches and removes a member, and deletes the group.

    The searches return 18, 18, 1 and 1 groups: segmentRead counts records, not calls.
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
        assign(api, supporter_id(0), segment=key)
        members(api, key, supporterIds=[supporter_id(0)])
        remove(api, supporter_id(0), segment=key)
        api.delete(key)

    assert {
        "segmentRead": 38, "segmentAdd": 1, "segmentDelete": 1,
        "segmentAssignmentAdd": 1, "segmentAssignmentRead": 1, "segmentAssignmentDelete": 1,
        "totalAPICalls": 9,
    } == increases(api, action)  # fmt: skip


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (lambda api: upsert(api, person(0), {"contacts": [email("new@example.org")]}), {"Add": 1, "Update": 1}),
        (lambda api: upsert(api, {"contacts": []}, person(9)), {}),
        (lambda api: find(api, "SUPPORTER_ID", supporter_id(0), supporter_id(1), supporter_id(9)), {"Read": 2}),
        (lambda api: find(api, modifiedFrom="2018-01-01", count=1), {"Read": 1}),
        (lambda api: groups(api, "SUPPORTER_ID", supporter_id(0), supporter_id(9)), {"Read": 1}),
        (lambda api: delete(api, supporter_id(0), supporter_id(0), supporter_id(9)), {"Delete": 1}),
    ],
)
def test_only_supporters_with_a_successful_result_are_counted(salsa, action, expected):
    """A supporter that is not found or not valid increases totalAPICalls only."""
    rises = increases(api := make_api(salsa), lambda: action(api))

    assert {**{f"supporter{verb}": rise for verb, rise in expected.items()}, "totalAPICalls": 1} == rises


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (lambda api: assign(api, supporter_id(0), supporter_id(1), supporter_id(9)), {"Add": 2}),
        (lambda api: (assign(api, supporter_id(0)), members(api)), {"Add": 1, "Read": 1}),
        (lambda api: members(api, supporterIds=[supporter_id(0)]), {}),
        (
            lambda api: (assign(api, supporter_id(0)), remove(api, supporter_id(0), supporter_id(1))),
            {"Add": 1, "Delete": 1},
        ),
        (lambda api: assign(api, supporter_id(0), segment="unknown"), {}),
    ],
)
def test_only_memberships_with_a_successful_result_are_counted(salsa, action, expected):
    """Members that are read, assigned and removed each have a metric."""
    rises = increases(api := make_api(salsa), lambda: action(api))
    del rises["totalAPICalls"]

    assert {f"segmentAssignment{verb}": rise for verb, rise in expected.items()} == rises


def test_only_groups_with_a_successful_result_are_counted(salsa):
    """The test adds, updates, deletes and reads groups."""
    api = make_api(salsa)

    def action():
        api.upsert({"name": "new"}, {"name": "crm"}, {"segmentId": CRM, "name": "renamed"})
        api.search(identifierType="SEGMENT_ID", identifiers=[CRM, "unknown"])
        api.delete(CRM, supporter_id(0))

    expected = {"segmentAdd": 1, "segmentUpdate": 1, "segmentRead": 1, "segmentDelete": 1, "totalAPICalls": 3}
    assert expected == increases(api, action)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/segments/search", b"{"),
        ("POST", "/segments/search", {"payload": {"count": 21}}),
        ("PUT", "/supporters", {"payload": {}}),
        ("PUT", "/segments/members", {"payload": {"segmentId": UNKNOWN_ID, "supporterIds": [supporter_id(0)]}}),
        ("PUT", "/segments", {"payload": {"segments": [{"segmentId": UNKNOWN_ID, "name": "x"}, {"name": "y"}]}}),
    ],
)
def test_refused_calls_are_failures(salsa, method, path, body):
    """A call that is refused as a whole increases totalAPICalls and totalAPICallFailures, and no count of records."""
    api = make_api(salsa)

    assert {"totalAPICalls": 1, "totalAPICallFailures": 1} == increases(api, lambda: api.send(method, path, body))


def test_a_call_with_failed_items_is_not_a_failure(salsa):
    """A response with status 200 counts as a success, whatever the results of its items."""
    assert {"totalAPICalls": 1} == increases(api := make_api(salsa), lambda: api.upsert({"name": ""}))


def test_a_call_without_a_token_is_not_counted(salsa):
    """Such a call has no organization."""
    assert {} == increases(api := make_api(salsa), lambda: api.send("POST", "/segments/search", {}, authToken=""))
