"""The sync against both vendors, in process and live, with nothing but the installed wheel."""

import pytest
import requests
from sync import push_groups, push_people

DATA = {
    "salsa": {"segments": [{"name": "Volunteers", "externalSystemId": "1"}]},
    "segmenter": {"segments": [{"id": "vip", "name": "VIP"}]},
}
pytestmark = pytest.mark.segment_mock(data=DATA)


@pytest.fixture(params=["inprocess", "live"])
def reached(request):
    """A session, the base URL of both vendors, and the mock behind them."""
    if request.param == "live":
        server = request.getfixturevalue("segment_mock_server")
        with requests.Session() as session:
            yield session, server.url, server.mock
    else:
        mock = request.getfixturevalue("segment_mock")
        yield mock.session(), "https://api.salsalabs.org", mock


def test_groups_arrive(reached):
    """A new group is added; a name that is taken is refused for that item alone."""
    session, base, mock = reached

    results = push_groups(session, base, "token", {"2": "Donors", "3": "Volunteers"})

    assert results == {"2": "ADDED", "3": "VALIDATION_ERROR"}
    assert [group["name"] for group in mock.salsa.segments] == ["Volunteers", "Donors"]


def test_people_replace_the_membership(reached):
    session, base, mock = reached
    base = base.replace("api.salsalabs.org", "segmenter.instaleap.io")

    assert push_people(session, base, "key", "vip", {"1": "a@example.org", "2": "b@example.org"})
    assert push_people(session, base, "key", "vip", {"2": "b@example.org"})
    assert not push_people(session, base, "key", "nobody", {})
    assert [person["externalId"] for person in mock.segmenter.segments[0]["persons"]] == ["2"]


def test_demo_data_came_with_the_wheel():
    """The shipped examples and the demo world are where the package looks for them."""
    from segment_mock import SegmentMock
    from segment_mock.settings import fixtures

    assert len(SegmentMock(data="demo").salsa.segments) > 16
    assert len(list(fixtures().glob("*/*.json"))) > 20
