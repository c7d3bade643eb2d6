"""The sync, and what any single failure of any of its calls does to it."""

import pytest
from sync import push

GROUPS = [
    {"id": "35467", "name": "Volunteers", "segment": "vip", "people": {"1": "ada@example.org", "2": "bo@example.org"}},
    {"id": "35468", "name": "Donors", "segment": "donors", "people": {"3": "cy@example.org"}},
]
SEGMENTS = {"segmenter": {"segments": [{"id": "vip", "name": "VIP"}, {"id": "donors", "name": "Donors"}]}}
pytestmark = pytest.mark.segment_mock(data=SEGMENTS, sleep=True)


def arrived(mock):
    """Return names and people of all groups, as the vendors have them now."""
    people = {row["id"]: [one["externalId"] for one in row["persons"]] for row in mock.segmenter.segments}
    return [group["name"] for group in mock.salsa.segments], people


@pytest.mark.segment_mock_sweep
def test_no_single_failure_keeps_a_group_from_arriving(segment_mock):
    """Whatever call fails, and however, before or after it is performed: both groups arrive, once each."""
    push(GROUPS, "any", "any")

    assert arrived(segment_mock) == (["Volunteers", "Donors"], {"vip": ["1", "2"], "donors": ["3"]})


def test_a_second_night_changes_nothing(segment_mock):
    """The same groups again are no new groups."""
    push(GROUPS, "any", "any")
    first = arrived(segment_mock)

    push(GROUPS, "any", "any")

    assert arrived(segment_mock) == first
