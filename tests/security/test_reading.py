"""Reading makes nothing: no organization, no growth."""

from __future__ import annotations

import pytest

from segment_mock import SegmentMock, create_app

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


@pytest.mark.parametrize(
    "query", ["", "?organization=", "?organization=new", "?organization=%FF", "?organization=a&organization=b"]
)
def test_no_view_makes_an_organization(query: str) -> None:
    """Not one of those that there are, with the keys of both vendors in the headers."""
    with SegmentMock(credentials="isolated", data="demo") as mock:
        app = create_app(mock._emulator)
        client, views = app.test_client(), [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/_mock")]
        names = {"vendor": "salsa", "table": "segments", "file": "data"}
        for view in views:
            if "GET" in (view.methods or ()) and view.endpoint != "_mock.get_events":
                path = view.build({name: names.get(name, "1") for name in view.arguments})[1]
                headers = {"authToken": path, "x-api-key": path, "Host": "localhost"}
                assert client.get(path + query, headers=headers).status_code < 500

                assert [] == [one.name for one in mock._emulator.world], path

        assert len(views) > 40


def test_no_property_makes_an_organization() -> None:
    """Nor do the lists of records in Python; they show the initial data, as the first call would see it."""
    with SegmentMock(credentials="isolated", data="demo") as mock:
        seen = [mock.salsa.of("k").segments, mock.segmenter.of("k").segments, mock.segmenter.of("k").persons]
        seen += [mock.salsa.of("k").rows("members")]
        mock.journal.capsule()
        mock.state("k")

        assert all(seen)
        assert [] == [one.name for one in mock._emulator.world]


def test_what_is_read_is_what_a_call_sees() -> None:
    """An organization is shown before its first call as it is after it, and what is written is shown from then on."""
    with SegmentMock(credentials="isolated", data="demo") as mock, mock.session() as client:
        before = mock.state("k")
        client.get("/segments", headers={"x-api-key": "k"})
        after = mock.state("k")
        mock.segmenter.of("k").add_segment("New")

        assert before == after != mock.state("k")
        assert before == mock.state("other")
