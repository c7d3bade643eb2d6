"""Salsa: the order of members in recorded responses, and the absence of others, which fixtures can't describe."""

import pytest

from segment_mock import SegmentMock
from segment_mock.conform import examples

RECORDED = {
    example.name.partition("/")[2]: example
    for example in examples()
    if example.name.startswith("salsa/recorded-") or example.name == "salsa/upsert-added"
}


def payload_of(name):
    """Replay the recorded request of the example *name* and return the payload of the mock's response."""
    example = RECORDED[name]
    with SegmentMock(**example.settings) as mock, mock.session() as session:
        request = example.request
        response = session.request(request["method"], request["path"], headers=request["headers"], data=request["body"])
        return response.json()["payload"]


def member_names(value):
    """Return the names of the members of *value* in their order, at every depth."""
    if isinstance(value, dict):
        return [(name, member_names(member)) for name, member in value.items()]
    return [member_names(item) for item in value] if isinstance(value, list) else None


@pytest.mark.parametrize("name", RECORDED)
def test_payloads_have_the_recorded_members_in_the_recorded_order(name):
    """Nested objects are compared, too, and further members are not allowed."""
    assert member_names(RECORDED[name].document["response"]["body"]["payload"]) == member_names(payload_of(name))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("recorded-search-all", ["total", "offset", "segments", "count"]),
        ("recorded-search-by-segment-id", ["total", "offset", "segments", "count"]),
        ("recorded-members-page", ["total", "supporters", "count"]),
        ("recorded-members-by-supporter-ids", ["supporters", "count"]),
        ("recorded-assign", ["supporters", "count"]),
        ("recorded-delete", ["segments", "count"]),
        ("recorded-supporter-groups", ["results", "count"]),
        ("recorded-supporters-by-id", ["supporters", "count"]),
        ("recorded-supporters-by-date", ["total", "offset", "supporters", "count"]),
    ],
)
def test_only_recorded_searches_have_total_and_offset(name, expected):
    """A page of members has no offset, and a search by id has neither, except for groups, which have both."""
    assert expected == list(payload_of(name))


def test_without_member_counts_the_response_is_otherwise_the_same():
    """``includeMemberCounts: false`` removes totalMembers from every group, and changes nothing else."""
    counted, plain = payload_of("recorded-search-all"), payload_of("recorded-search-all-uncounted")
    counts = [segment.pop("totalMembers") for segment in counted["segments"]]

    assert counted == plain
    assert 18 == len(counts)
    assert 1 == sum(counts)


def test_a_search_returns_groups_of_all_three_types():
    """The recording has sixteen built-in groups, one added through the API and one added by hand."""
    types = [segment["type"] for segment in payload_of("recorded-search-all")["segments"]]

    assert {"DEFAULT": 16, "INTEGRATED": 1, "CUSTOM": 1} == {kind: types.count(kind) for kind in types}


def test_the_response_to_an_upsert_has_no_type():
    """A group that was added has totalMembers, but no type."""
    (segment,) = payload_of("upsert-added")["segments"]

    assert ["segmentId", "name", "description", "totalMembers", "result", "externalSystemId"] == list(segment)
    assert 0 == segment["totalMembers"]
