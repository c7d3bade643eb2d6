"""Child processes that are started with ``mock.child_environment()`` call the mock of their parent."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from segment_mock import SegmentMock

from .forks import run_in_child

pytestmark = pytest.mark.slow  # starts many processes

METRICS = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
SCRIPT = f"import requests; print(requests.get({METRICS!r}, headers={{'authToken': 'any'}}).status_code)"


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    with SegmentMock() as mock, mock.intercept():
        yield mock


def call() -> None:
    """Call a vendor; exit with 0 if the status is 200, else with 1."""
    response = requests.get(METRICS, headers={"authToken": "any"}, timeout=60)
    sys.exit(0 if response.status_code == 200 else 1)


def test_the_environment_can_be_passed_to_one_child(mock: SegmentMock) -> None:
    """``os.environ`` does not change, and the server stops when the mock is closed."""
    before = dict(os.environ)
    variables = mock.child_environment()
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    mock.close()

    assert ("200\n", before) == (result.stdout, dict(os.environ)), result.stderr
    assert 1 == len(mock.journal)
    assert os.path.exists(variables["SEGMENT_MOCK_CA_FILE"]) is False  # noqa: PTH110


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_children_of_each_start_method_call_the_mock(mock: SegmentMock, method: str) -> None:
    """A fork server that runs already, or that another block started, is restarted."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    context = multiprocessing.get_context(method)
    codes = []
    for _ in range(2):
        with mock.child_environment():
            process = context.Process(target=call)
            process.start()
            process.join()
            codes.append(process.exitcode)

    assert [0, 0] == codes
    assert 2 == len(mock.journal)


def test_the_block_restores_the_environment(mock: SegmentMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """During the block, the parent's own calls are still intercepted."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    before = dict(os.environ)
    with mock.child_environment() as variables:
        assert variables["HTTPS_PROXY"] == os.environ["HTTPS_PROXY"] == variables["SEGMENT_MOCK_URL"]
        assert requests.get(METRICS, headers={"authToken": "any"}).ok

    assert before == dict(os.environ)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{variables['SEGMENT_MOCK_URL']}/_mock/health")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_calls_the_server(mock: SegmentMock) -> None:
    with mock.child_environment():
        assert 200 == run_in_child(lambda: requests.get(METRICS, headers={"authToken": "any"}).status_code)

    assert 1 == len(mock.journal)
