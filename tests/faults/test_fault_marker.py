"""The arguments ``faults`` and ``sleep`` of the marker, in a suite of their own."""

from __future__ import annotations

import pytest
import yaml

from segment_mock import mock, web

# Import it here once, instead of in each of the runs below.
IMPORTED = (yaml, mock, web)
RUN = ("-p", "no:hypothesispytest")

CLIENT = '''
import time
import asyncio

import pytest
import requests
from segment_mock import faults

SEGMENTS = "/api/integration/ext/v1/segments"
KEY = {"authToken": "t"}


def upsert(session, base=""):
    """A client that backs off as real ones do."""
    for _ in range(3):
        body = {"payload": {"segments": [{"name": "A"}]}}
        response = session.put(base + SEGMENTS, json=body, headers=KEY, timeout=5)
        if response.status_code != 429:
            return response
        time.sleep(int(response.headers["Retry-After"]))
    raise AssertionError("still throttled")
'''


def test_faults_and_sleep(pytester: pytest.Pytester) -> None:
    """The first call is refused, the client sleeps for thirty seconds, and only the mock's clock moves."""
    pytester.makepyfile(
        CLIENT
        + """
THROTTLED = {"kind": "error", "status": 429, "retry_after": 30, "when": {"times": 1}}


@pytest.mark.segment_mock(faults=[THROTTLED], sleep=True)
def test_in_process(segment_mock):
    segment_mock.clock.freeze(0)
    began = time.monotonic()
    assert upsert(segment_mock.session()).status_code == 200
    assert segment_mock.clock.now() == 30
    assert 30 <= time.monotonic() - began < 60

@pytest.mark.segment_mock(faults=[THROTTLED], sleep=True)
def test_live(segment_mock_server):
    clock = segment_mock_server.mock.clock
    clock.freeze(0)
    with requests.Session() as session:
        assert upsert(session, segment_mock_server.url).status_code == 200
    assert clock.now() == 30

@pytest.mark.segment_mock(faults=[faults.Error(status=503), THROTTLED], strict=False)
def test_instances(segment_mock):
    assert [rule.kind for rule in segment_mock.faults] == ["error", "error"]
    assert upsert(segment_mock.session()).status_code == 503

@pytest.mark.segment_mock(sleep=True)
class TestNearest:
    @pytest.mark.segment_mock(sleep=False)
    def test_off(self, segment_mock):
        assert not hasattr(time.sleep, "real")

    def test_on(self, segment_mock):
        before = segment_mock.clock.now()
        asyncio.run(asyncio.sleep(3600))
        assert segment_mock.clock.now() - before >= 3600

def test_nothing_is_left(segment_mock):
    assert len(segment_mock.faults) == 0
    assert not hasattr(time.sleep, "real")
"""
    )

    pytester.runpytest(*RUN).assert_outcomes(passed=6)


def test_a_marker_does_not_affect_the_server_of_other_tests(pytester: pytest.Pytester) -> None:
    """A test without a marker gets the run's server, without the faults of another test."""
    pytester.makepyfile(
        CLIENT
        + """
@pytest.mark.segment_mock(faults=[{"kind": "error"}], strict=False)
def test_marked(segment_mock_server):
    assert len(segment_mock_server.mock.faults) == 1

@pytest.mark.segment_mock(strict=False)
def test_armed(segment_mock_server):
    segment_mock_server.mock.faults.add(faults.Hang())

def test_plain(segment_mock_server):
    assert len(segment_mock_server.mock.faults) == 0
"""
    )

    pytester.runpytest(*RUN).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("faults=[{'kind': 'hnag'}]", "unknown fault kind 'hnag'"),
        ("faults=['nowhere.yaml']", "nowhere.yaml: "),
        ("faults=[{'kind': 'hang', 'operation': 'salsa.upsert_segment'}]", "did you mean 'salsa.upsert_segments'?"),
        ("scenario='down'", "unknown scenario 'down'"),
    ],
)
def test_an_invalid_fault_in_a_marker_fails_the_setup(pytester: pytest.Pytester, marker: str, message: str) -> None:
    pytester.makepyfile(f"import pytest\n@pytest.mark.segment_mock({marker})\ndef test_a(segment_mock): pass")

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(errors=1)
    assert message in result.stdout.str()
