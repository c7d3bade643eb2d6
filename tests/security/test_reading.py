"""Reading from the control plane or in Python creates no organization."""

from __future__ import annotations

import pytest

from segment_mock import SegmentMock, create_app

PAGES = ("state?organization={}", "journal?organization={}", "journal/summary?organization={}", "docs", "faults",
         "openapi.json", "journal.har?organization={}", "records/salsa/segments?organization={}",
         "related/segmenter/segments?organization={}&key=vip")  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_no_page_creates_an_organization(page: str) -> None:
    """Each request names an organization that does not exist."""
    with SegmentMock(credentials="isolated", data="demo") as mock, mock.session() as client:
        before = [organization.name for organization in mock._emulator.world]
        for number in range(20):
            assert 200 == client.get(f"/_mock/{page.format(f'key-{number}')}").status_code

        assert before == [organization.name for organization in mock._emulator.world]


@pytest.mark.parametrize(
    "query", ["", "?organization=", "?organization=new", "?organization=%FF", "?organization=a&organization=b"]
)
def test_no_get_request_creates_an_organization(query: str) -> None:
    """All paths of the control plane are requested, with credentials of both vendors in the headers."""
    with SegmentMock(credentials="isolated", data="demo") as mock:
        app = create_app(mock._emulator)
        client, views = app.test_client(), [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/_mock")]
        names = {"vendor": "salsa", "table": "segments", "file": "data"}
        for view in views:
            if "GET" in (view.methods or ()) and view.endpoint != "_mock.get_events":
                path = view.build({name: names.get(name, "1") for name in view.arguments})[1]
                headers = {"authToken": path, "x-api-key": path, "Host": "localhost"}
                assert client.get(path + query, headers=headers).status_code < 500

                assert [] == [organization.name for organization in mock._emulator.world], path

        assert len(views) > 40


def test_reading_records_in_python_creates_no_organization() -> None:
    """The lists have the initial records, which the first call would see."""
    with SegmentMock(credentials="isolated", data="demo") as mock:
        records = [mock.salsa.of("k").segments, mock.segmenter.of("k").segments, mock.segmenter.of("k").persons]
        records += [mock.salsa.of("k").rows("members")]
        mock.journal.capsule()
        mock.state("k")

        assert all(records)
        assert [] == [organization.name for organization in mock._emulator.world]


def test_state_of_a_new_organization_is_the_same_before_and_after_its_first_call() -> None:
    """Later writes are visible in this organization only."""
    with SegmentMock(credentials="isolated", data="demo") as mock, mock.session() as client:
        before = mock.state("k")
        client.get("/segments", headers={"x-api-key": "k"})
        after = mock.state("k")
        mock.segmenter.of("k").add_segment("New")

        assert before == after != mock.state("k")
        assert before == mock.state("other")
