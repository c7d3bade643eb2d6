"""Salsa: what a fixture can't say of a recorded response: the order of its members, and that it has no others."""

import pytest

from segment_mock import SegmentMock
from segment_mock.conform import examples

RECORDED = {
    example.name.partition("/")[2]: example
    for example in examples()
    if example.name.startswith("salsa/recorded-") or example.name == "salsa/upsert-added"
}


def replies_of(name):
    """Return the payload that the mock gives to the recorded request."""
    example = RECORDED[name]
    with SegmentMock(**example.settings) as mock, mock.session() as session:
        request = example.request
        reply = session.request(request["method"], request["path"], headers=request["headers"], data=request["body"])
        return reply.json()["payload"]


def form(value):
    """Return the names of members in their order, at every depth."""
    if isinstance(value, dict):
        return [(name, form(member)) for name, member in value.items()]
    return [form(item) for item in value] if isinstance(value, list) else None


@pytest.mark.parametrize("name", RECORDED)
def test_members_are_those_recorded_in_their_order(name):
    """A payload and its items have the recorded members, in the recorded order, and no others."""
    assert form(RECORDED[name].document["response"]["body"]["payload"]) == form(replies_of(name))


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
def test_only_some_responses_tell_total_and_offset(name, expected):
    """A page of members has no offset; what was asked for by id has neither, but for groups, which have both."""
    assert expected == list(replies_of(name))


def test_without_counts_all_else_is_the_same():
    """Declining the counts takes totalMembers out of every group, and changes nothing else."""
    counted, plain = replies_of("recorded-search-all"), replies_of("recorded-search-all-uncounted")
    counts = [segment.pop("totalMembers") for segment in counted["segments"]]

    assert counted == plain
    assert 18 == len(counts)
    assert 1 == sum(counts)


def test_the_groups_of_an_organization():
    """Sixteen built-in groups, one made through the API, one made by people: all are listed, each with its type."""
    types = [segment["type"] for segment in replies_of("recorded-search-all")["segments"]]

    assert {"DEFAULT": 16, "INTEGRATED": 1, "CUSTOM": 1} == {kind: types.count(kind) for kind in types}


def test_responses_to_a_write_tell_no_type():
    """A group that was just added has its count, and no type."""
    (segment,) = replies_of("upsert-added")["segments"]

    assert ["segmentId", "name", "description", "totalMembers", "result", "externalSystemId"] == list(segment)
    assert 0 == segment["totalMembers"]
