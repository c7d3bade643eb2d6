"""What replies make of records is made once, as long as the record stands."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from segment_mock import SegmentMock, faults
from segment_mock.store import Views

SEARCH = "/api/integration/ext/v1/segments/search"
HEADERS = {"authToken": "any"}
F: Any = faults


class Telling:
    """Makes views that tell what *beside* was, and how many were made."""

    def __init__(self) -> None:
        self.beside, self.made = 0, 0

    def __call__(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a view of *record*."""
        self.made += 1
        return {**record, "beside": self.beside}


def test_a_view_is_made_once() -> None:
    """The same record at the same version gives the same object."""
    views, record, told = Views(), {"id": 1}, Telling()
    (first,), (second,) = (views.of([record], 2, told) for _ in range(2))
    same = first is second

    assert (same, told.made) == (True, 1)
    assert first == {"id": 1, "beside": 0}


def test_another_version_makes_another_view() -> None:
    """What else a view is made of may have changed then."""
    views, record, told = Views(), {"id": 1}, Telling()
    views.of([record], 2, told)
    told.beside = 5

    assert views.of([record], 3, told) == [{"id": 1, "beside": 5}]


def test_an_equal_record_in_the_place_of_a_dead_one_is_another() -> None:
    """A record's identity is never taken over by another, for the record itself is kept."""
    views, told = Views(), Telling()
    # Without being kept, each of these would be made where the one before it had just gone.
    shown = [views.of([{"id": number}], 0, told)[0]["id"] for number in range(50)]
    assert shown == [*range(50)]


@given(st.lists(st.tuples(st.lists(st.integers(0, 1500), max_size=5), st.integers(0, 2)), max_size=30))
def test_views_are_what_they_would_be_without_remembering(asked: list[tuple[list[int], int]]) -> None:
    """However many records are shown in whatever order, each view is right."""
    views, records, told = Views(), [{"id": number} for number in range(1501)], Telling()
    views.of(records[:990], 0, told)
    for numbers, told.beside in asked:
        shown = [records[number] for number in numbers]
        assert views.of(shown, told.beside, told) == [*map(told, shown)]


def test_more_records_than_are_remembered_are_right_all_the_same() -> None:
    """Of a thousand and one, none takes the view of another, and the first is made once more."""
    views, records, told = Views(), [{"id": number} for number in range(1001)], Telling()

    assert [*map(Telling(), records)] == views.of(records, 0, told)
    assert [{"id": 0, "beside": 0}] == views.of(records[:1], 0, told)
    assert 1002 == told.made


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
        with mock.faults.injected(F.Stale(), "salsa.search_segments"):
            assert shown() == ("A", 0)
        assert shown() == ("A", 1)
        renamed = {"payload": {"segments": [{"segmentId": group["segmentId"], "name": "B"}]}}
        session.put("/api/integration/ext/v1/segments", headers=HEADERS, json=renamed)
        assert shown() == ("B", 1)
        mock.restore(before)
        assert shown() == ("A", 0)
