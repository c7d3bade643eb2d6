"""Tests of the sync, also with a failure of each of its calls."""

import pytest
from sync import calls_left, push, read

GROUPS = [
    {"id": "35467", "name": "Volunteers", "segment": "vip", "people": {"1": "ada@example.org", "2": "bo@example.org"}},
    {"id": "35468", "name": "Donors", "segment": "donors", "people": {"3": "cy@example.org"}},
]
SEGMENTS = {"segmenter": {"segments": [{"id": "vip", "name": "VIP"}, {"id": "donors", "name": "Donors"}]}}


@pytest.fixture
def segment_mock_config():
    """Both segments exist, and pauses take no time."""
    return {"data": SEGMENTS, "sleep": True}


def arrived(mock):
    """Return the names of all groups, and the people of all segments, as the vendors have them."""
    people = {row["id"]: [one["externalId"] for one in row["persons"]] for row in mock.segmenter.segments}
    return [group["name"] for group in mock.salsa.segments], people


@pytest.mark.segment_mock_sweep
def test_no_single_failure_keeps_a_group_from_arriving(segment_mock):
    """Whichever call fails, before or after it is performed, both groups exist once."""
    push(GROUPS, "any", "any")

    assert arrived(segment_mock) == (["Volunteers", "Donors"], {"vip": ["1", "2"], "donors": ["3"]})


def test_a_second_night_changes_nothing(segment_mock):
    """The same groups are not added again."""
    push(GROUPS, "any", "any")
    first = arrived(segment_mock)

    push(GROUPS, "any", "any")

    assert arrived(segment_mock) == first


def test_a_search_that_fails_once_is_tried_again(segment_mock):
    """An outage of the search must not add a group twice."""
    segment_mock.faults.add({"kind": "error", "status": 503}, "search_segments", times=1)

    push(GROUPS, "any", "any")

    assert arrived(segment_mock)[0] == ["Volunteers", "Donors"]


def test_what_is_left_is_logged(segment_mock):
    """No other code depends on it, so it may be unknown."""
    remaining = calls_left("any")

    assert remaining is None or remaining


def test_an_export_is_read_without_any_call():
    """The rows of one group become one group."""
    assert read([("1", "A", "a", "7", "x@example.org"), ("1", "A", "a", "8", "y@example.org")]) == [
        {"id": "1", "name": "A", "segment": "a", "people": {"7": "x@example.org", "8": "y@example.org"}}
    ]
