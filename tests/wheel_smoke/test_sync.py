"""The example in sync.py with both vendors, in process and live, with nothing installed but the wheel."""

import pytest
import requests
from sync import push_groups, push_people

DATA = {
    "salsa": {"segments": [{"name": "Volunteers", "externalSystemId": "1"}]},
    "segmenter": {"segments": [{"id": "vip", "name": "VIP"}]},
}
pytestmark = pytest.mark.segment_mock(data=DATA)


@pytest.fixture(params=["inprocess", "live"])
def session_url_and_mock(request):
    """A session, the base URL of the vendors, and the mock that gets the calls."""
    if request.param == "live":
        server = request.getfixturevalue("segment_mock_server")
        with requests.Session() as session:
            yield session, server.url, server.mock
    else:
        mock = request.getfixturevalue("segment_mock")
        yield mock.session(), "https://api.salsalabs.org", mock


def test_groups_are_added_or_refused_one_by_one(session_url_and_mock):
    """A duplicate name fails only its own item."""
    session, base, mock = session_url_and_mock

    results = push_groups(session, base, "token", {"2": "Donors", "3": "Volunteers"})

    assert results == {"2": "ADDED", "3": "VALIDATION_ERROR"}
    assert [group["name"] for group in mock.salsa.segments] == ["Volunteers", "Donors"]


def test_people_replace_the_members_of_the_segment(session_url_and_mock):
    session, base, mock = session_url_and_mock
    base = base.replace("api.salsalabs.org", "segmenter.instaleap.io")

    assert push_people(session, base, "key", "vip", {"1": "a@example.org", "2": "b@example.org"})
    assert push_people(session, base, "key", "vip", {"2": "b@example.org"})
    assert not push_people(session, base, "key", "nobody", {})
    assert [person["externalId"] for person in mock.segmenter.segments[0]["persons"]] == ["2"]


def test_demo_data_and_examples_are_in_the_wheel():
    from segment_mock import SegmentMock
    from segment_mock.settings import fixtures

    assert len(SegmentMock(data="demo").salsa.segments) > 16
    assert len(list(fixtures().glob("*/*.json"))) > 20
