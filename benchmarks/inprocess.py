"""In process: a call compared with a static stub of `responses`, and our fixture compared with its fixture.

``python benchmarks/inprocess.py [--quick] [--json FILE]``. The stub repeats the response that our mock computes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path

import httpx
import requests
import responses
import respx

from harness import Report, interleaved, seconds
from scenario import HOST, PAYLOAD, SEARCH, response_body, world

FIXTURE = 1.0  # maximum ratio to `responses`
URL = HOST + SEARCH.path
HEADERS = {"authToken": "any"}
JSON = "application/json"

# A pytest run of tests without a fixture, with an empty fixture, with ours and with theirs, in turn.
_PROJECT = {
    "conftest.py": """
import json
from collections import Counter, defaultdict
from time import process_time
import pytest, responses

spent = Counter()

@pytest.fixture
def nothing():
    yield

@pytest.fixture
def stub():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add("POST", "https://example.org/", body=b"{}", content_type="application/json")
        yield mock

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item):
    began = process_time()
    try:
        return (yield)
    finally:
        spent[item.originalname, item.callspec.params["number"]] += process_time() - began

pytest_runtest_teardown = pytest_runtest_setup

def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.callspec.params["number"])

def pytest_sessionfinish(session):
    sums = defaultdict(list)
    for (name, number), took in spent.items():
        sums[name].append(took)
    (session.config.rootpath / "spent.json").write_text(json.dumps(sums))
""",
    "test_fixtures.py": """
def test_bare(number):
    pass

def test_nothing(nothing, number):
    pass

def test_ours(segment_mock, number):
    pass

def test_stub(stub, number):
    pass

def pytest_generate_tests(metafunc):
    metafunc.parametrize("number", range(COUNT))
""",
    "pytest.ini": "[pytest]\naddopts = -q -p no:randomly -p no:cacheprovider -p no:cov -p no:xdist -p no:logging\n",
}


def main() -> int:
    """Measure everything; return the exit code."""
    report = Report.start("In process: a call, and a fixture")
    calls(report, 5 if report.quick else 15, 100 if report.quick else 300)
    setups(report, 5 if report.quick else 9, 200)
    fixtures(report, 300 if report.quick else 1000)
    return report.finish()


def calls(report: Report, rounds: int, repeats: int) -> None:
    """Compare a search through ``mock.session()`` with stubs of the same response."""
    body = response_body()
    with world() as mock, mock.session() as ours, requests.Session() as session, httpx.Client() as client:
        sides = {
            "ours": (nullcontext, ours.post),
            "responses": (partial(stubbed_by_responses, body), session.post),
            "respx": (partial(stubbed_by_respx, body), client.post),
        }
        timed = {name: within(stubs, searching(post), repeats) for name, (stubs, post) in sides.items()}
        for side in timed.values():
            side()
        assert len(mock.journal) == repeats, "a stub answered for the mock"
        samples = interleaved(timed, rounds)
    report.compare("search of 4 groups / static stub of responses", samples["ours"], samples["responses"])
    report.compare("search of 4 groups / static stub of respx", samples["ours"], samples["respx"])


@contextmanager
def stubbed_by_responses(body: bytes) -> Iterator[None]:
    """Make `responses` answer the search with *body*."""
    with responses.RequestsMock() as stub:
        stub.add("POST", URL, body=body, content_type=JSON)
        yield


@contextmanager
def stubbed_by_respx(body: bytes) -> Iterator[None]:
    """Make respx answer the search with *body*."""
    with respx.mock as routes:
        routes.post(URL).respond(content=body, content_type=JSON)
        yield


def within(
    stubs: Callable[[], AbstractContextManager[None]], search: Callable[[], None], repeats: int
) -> Callable[[], float]:
    """Return a side that measures *search* while *stubs*, if any, are active."""

    def measured() -> float:
        with stubs():
            return seconds(search, repeats)()

    return measured


def searching(post: Callable[..., requests.Response | httpx.Response]) -> Callable[[], None]:
    """Return a search by *post* that reads the response, as a client does."""

    def search() -> None:
        response = post(URL, json=PAYLOAD, headers=HEADERS)
        assert response.status_code == 200
        assert response.json()["payload"]["count"] == 4

    return search


def setups(report: Report, rounds: int, repeats: int) -> None:
    """Compare creating and closing a mock with creating and closing a context of `responses` with one stub."""

    def ours() -> None:
        with world(data=None):
            pass

    def theirs() -> None:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as stub:
            stub.add("POST", URL, body=b"{}", content_type=JSON)

    samples = interleaved({"ours": seconds(ours, repeats), "theirs": seconds(theirs, repeats)}, rounds)
    report.compare("SegmentMock() and close / RequestsMock() with one stub", samples["ours"], samples["theirs"])


def fixtures(report: Report, count: int) -> None:
    """Compare the time that the fixtures add to *count* tests, beyond a fixture that does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in _PROJECT.items():
            (Path(folder) / name).write_text(text.replace("COUNT", str(count)))
        command = [sys.executable, "-m", "pytest", "--rootdir", folder, folder]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            report.fail(f"the fixtures' tests fail: {done.stdout[-500:]}")
            return
        seconds = json.loads((Path(folder) / "spent.json").read_text())
    # The time that pytest needs for any fixture counts for neither side.
    ours, stub = (
        [max(1e-9, took - idle) for took, idle in zip(seconds[name], seconds["test_nothing"], strict=True)]
        for name in ("test_ours", "test_stub")
    )
    name = f"fixture segment_mock / fixture of responses, {count:,} tests"
    report.compare(name, ours, stub, at_most=FIXTURE)
    report.add("setup and teardown of a test without a fixture", seconds["test_bare"])
    report.add("the same with a fixture that does nothing", seconds["test_nothing"])


if __name__ == "__main__":
    sys.exit(main())
