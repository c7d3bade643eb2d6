"""What replies make of records is made once, as long as the record stands."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from segment_mock import SegmentMock
from segment_mock.store import Views

SEARCH = "/api/integration/ext/v1/segments/search"
HEADERS = {"authToken": "any"}


def told(record: dict[str, Any], beside: int) -> dict[str, Any]:
    """Return a view of *record*."""
    return {**record, "beside": beside}


def test_a_view_is_made_once() -> None:
    """The same record beside the same value gives the same object."""
    views, record = Views(), {"id": 1}
    assert views.of(record, 2, told) is views.of(record, 2, told)
    assert views.of(record, 2, told) == {"id": 1, "beside": 2}


def test_another_value_beside_it_makes_another_view() -> None:
    """What stands beside a record is part of its view."""
    views, record = Views(), {"id": 1}
    views.of(record, 2, told)
    assert views.of(record, 3, told) == {"id": 1, "beside": 3}


def test_an_equal_record_in_the_place_of_a_dead_one_is_another() -> None:
    """A record's identity is never taken over by another, for the record itself is kept."""
    views = Views()
    # Without being kept, each of these would be made where the one before it had just gone.
    shown = [views.of({"id": number}, 0, told)["id"] for number in range(50)]
    assert shown == [*range(50)]


@given(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 2)), max_size=60))
def test_views_are_what_they_would_be_without_remembering(asked: list[tuple[int, int]]) -> None:
    """However many records are shown in whatever order, each view is right."""
    views, records = Views(), [{"id": number} for number in range(1501)]
    for record in records[:990]:
        views.of(record, 0, told)
    for number, beside in asked:
        assert views.of(records[number], beside, told) == told(records[number], beside)


def test_a_search_sees_every_change() -> None:
    """A group that was shown before is shown anew once it, or the count of its members, has changed."""
    data = {
        "salsa": {
            "segments": [{"name": "A", "externalSystemId": "a"}],
            "supporters": [{"contacts": [{"type": "EMAIL", "value": "ada@example.org"}]}],
        }
    }
    with SegmentMock(data=data) as mock:
        session = mock.session()

        def shown() -> tuple[str, int]:
            found = session.post(SEARCH, headers=HEADERS, json={"payload": {}}).json()["payload"]["segments"][0]
            return found["name"], found["totalMembers"]

        (group,), (ada,) = mock.salsa.segments, mock.salsa.supporters
        before = mock.snapshot()
        assert shown() == shown() == ("A", 0)
        members = {"payload": {"segmentId": group["segmentId"], "supporterIds": [ada["supporterId"]]}}
        session.put("/api/integration/ext/v1/segments/members", headers=HEADERS, json=members)
        assert shown() == ("A", 1)
        renamed = {"payload": {"segments": [{"segmentId": group["segmentId"], "name": "B"}]}}
        session.put("/api/integration/ext/v1/segments", headers=HEADERS, json=renamed)
        assert shown() == ("B", 1)
        mock.restore(before)
        assert shown() == ("A", 0)
