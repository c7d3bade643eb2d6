"""Reading makes nothing: no organization, no growth."""

from __future__ import annotations

import pytest

from segment_mock import SegmentMock

PAGES = ("state?organization={}", "journal?organization={}", "journal/summary?organization={}", "docs", "faults",
         "openapi.json", "journal.har?organization={}", "records/salsa/segments?organization={}",
         "related/segmenter/segments?organization={}&key=vip")  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_no_page_makes_an_organization(page: str) -> None:
    """Who looks at what a credential has makes no organization of it, however many are looked at."""
    with SegmentMock(credentials="isolated", data="demo") as mock, mock.session() as client:
        before = [one.name for one in mock._emulator.world]
        for number in range(20):
            assert 200 == client.get(f"/_mock/{page.format(f'key-{number}')}").status_code

        assert before == [one.name for one in mock._emulator.world]


def test_no_property_makes_an_organization() -> None:
    """Nor do the lists of records in Python; they show the initial data, as the first call would see it."""
    with SegmentMock(credentials="isolated", data="demo") as mock:
        seen = [mock.salsa.of("k").segments, mock.segmenter.of("k").segments, mock.segmenter.of("k").persons]
        seen += [mock.salsa.of("k").rows("members")]
        mock.journal.capsule()
        mock.state("k")

        assert all(seen)
        assert [""] == ([one.name for one in mock._emulator.world] or [""])


def test_what_is_read_is_what_a_call_sees() -> None:
    """An organization is shown before its first call as it is after it, and what is written is shown from then on."""
    with SegmentMock(credentials="isolated", data="demo") as mock, mock.session() as client:
        before = mock.state("k")
        client.get("/segments", headers={"x-api-key": "k"})
        after = mock.state("k")
        mock.segmenter.of("k").add_segment("New")

        assert before == after != mock.state("k")
        assert before == mock.state("other")
