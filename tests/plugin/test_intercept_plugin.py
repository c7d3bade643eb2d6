"""The pytest plugin and transports: fixtures that intercept, the network guard, and `--segment-mock-transport`."""

from __future__ import annotations

import os

import pytest
import trustme  # noqa: F401 - an inner run drops its imports, and cryptography can't be imported twice

CLIENTS = """
import pytest, requests, httpx
from segment_mock import NetworkBlocked

URL = "https://api.salsalabs.org/api/integration/ext/v1/segments/search"
SEARCH_ALL = {"json": {"payload": {"offset": 0, "count": 20}}, "headers": {"authToken": "t"}}


def names(post, base=URL):
    return [group["name"] for group in post(base, **SEARCH_ALL).json()["payload"]["segments"]]
"""


def test_the_guard_and_block_network_refuse_other_calls(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nsegment_mock_guard = true")
    pytester.makeconftest(
        """
import urllib.request
try:
    urllib.request.urlopen("https://api.salsalabs.org/")
except RuntimeError as error:
    REFUSAL = str(error)

import pytest

@pytest.fixture
def refusal_text():
    return REFUSAL
"""
    )
    pytester.makepyfile(
        CLIENTS
        + """
def test_conftest_was_refused(refusal_text):
    assert refusal_text.startswith("api.salsalabs.org was called at conftest.py:3: no mock is in force here")

@pytest.mark.parametrize("post", [requests.post, httpx.post])
def test_refused(post):
    with pytest.raises(NetworkBlocked, match=r"at test_.*.py:9: .* use the fixture segment_mock"):
        names(post)

def test_a_mock_is_in_force(segment_mock, segment_mock_server):
    segment_mock.salsa.add_segment("A")
    assert names(requests.post) == names(httpx.post) == ["A"]
    assert names(requests.post, segment_mock_server.url + URL[25:]) == []

@pytest.mark.segment_mock(block_network=True)
def test_marked(segment_mock):
    with pytest.raises(NetworkBlocked, match="example.org was called at"):
        requests.get("https://example.org/")

class TestConfigured:
    @pytest.fixture(scope="session")
    def segment_mock_config(self):
        return {"block_network": True, "data": {"salsa": {"segments": [{"name": "B"}]}}}

    def test_configured(self, segment_mock):
        assert names(requests.post) == ["B"]
        with pytest.raises(NetworkBlocked):
            httpx.get("https://example.org/")
"""
    )

    pytester.runpytest("-p", "no:randomly").assert_outcomes(passed=6)


def test_the_guard_refuses_calls_that_would_use_a_proxy(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables of the proxy, such as ``no_proxy``, are restored after the run."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "intern.example")
    monkeypatch.delenv("NO_PROXY", raising=False)
    pytester.makeini("[pytest]\nsegment_mock_guard = true")
    pytester.makepyfile(
        CLIENTS
        + """
@pytest.mark.parametrize("post", [requests.post, httpx.post])
def test_refused(post):
    with pytest.raises(NetworkBlocked, match=r"at test_.*.py:9: .* use the fixture segment_mock"):
        names(post)
"""
    )

    pytester.runpytest().assert_outcomes(passed=2)
    assert ("intern.example", None) == (os.environ["no_proxy"], os.environ.get("NO_PROXY"))


def test_look_up_is_refused_after_another_plugin_has_restored_the_functions_of_socket(
    pytester: pytest.Pytester,
) -> None:
    """pytest-socket does so after each test. The guard, and mocks of wider scopes, are in force in the next test."""
    pytester.makeini("[pytest]\nsegment_mock_guard = true")
    pytester.makepyfile(
        restoring_plugin="""
import socket

real_getaddrinfo, real_connect = socket.getaddrinfo, socket.socket.connect

def pytest_runtest_teardown():
    socket.getaddrinfo, socket.socket.connect = real_getaddrinfo, real_connect
"""
    )
    pytester.makepyfile(
        """
import socket
import pytest
from segment_mock import NetworkBlocked

@pytest.fixture(scope="class")
def mock(segment_mock_factory):
    with segment_mock_factory() as mock:
        yield mock

@pytest.mark.parametrize("number", [1, 2])
def test_guard(number):
    with pytest.raises(NetworkBlocked, match="no mock is in force here"):
        socket.getaddrinfo("api.salsalabs.org", 443)
    with socket.socket() as client, pytest.raises(NetworkBlocked, match="no mock is in force here"):
        client.connect(("api.salsalabs.org", 443))

@pytest.mark.parametrize("number", [1, 2])
class TestMock:
    def test_mock(self, mock, number):
        with pytest.raises(NetworkBlocked, match="a client that can't be intercepted"):
            socket.getaddrinfo("api.salsalabs.org", 443)
        with socket.socket() as client, pytest.raises(NetworkBlocked, match="a client that can't be intercepted"):
            client.connect(("api.salsalabs.org", 443))
"""
    )
    pytester.runpytest_subprocess("-p", "restoring_plugin", "-p", "no:randomly").assert_outcomes(passed=4)


def test_guard_is_off_under_exec(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard need not refuse calls there, because the proxy of ``segment-mock exec`` answers or refuses them."""
    monkeypatch.setenv("SEGMENT_MOCK_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    pytester.makeini("[pytest]\nsegment_mock_guard = true")
    pytester.makepyfile(
        CLIENTS
        + """
def test_the_proxy_is_asked():
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get(URL)
"""
    )

    pytester.runpytest().assert_outcomes(passed=1)


def test_each_test_with_the_fixture_runs_once_per_transport(pytester: pytest.Pytester) -> None:
    """The id of a test names its transport. A test whose marker sets a transport, or without the fixture, runs once."""
    pytester.makepyfile(
        CLIENTS
        + """
OLD = requests.Session()

def transports(segment_mock):
    segment_mock.salsa.add_segment("A")
    assert names(httpx.post) == names(OLD.post) == ["A"]
    return {entry.door for entry in segment_mock.journal}

def test_all(segment_mock, request):
    assert transports(segment_mock) == ({"live"} if "-" in request.node.name or "live" in request.node.name
                                        or "tls" in request.node.name else {"inprocess"})

@pytest.mark.segment_mock(transport="live")
def test_one(segment_mock, request):
    assert request.node.name == "test_one"
    assert transports(segment_mock) == {"live"}

def test_none():
    pass

@pytest.fixture(scope="module", autouse=True)
def close_session():
    yield
    OLD.close()
"""
    )

    result = pytester.runpytest("-p", "no:randomly", "--segment-mock-transport=inprocess,live,tls", "-v")

    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["*test_all?inprocess? PASSED*", "*test_all?live? PASSED*", "*test_all?tls? PASSED*"])


@pytest.mark.parametrize("option", ["option", "ini"])
def test_a_single_transport_does_not_change_test_ids(pytester: pytest.Pytester, option: str) -> None:
    """An unknown transport ends the run with an error that lists the known ones."""
    pytester.makepyfile(
        CLIENTS
        + """
def test_transport(segment_mock, request):
    assert request.node.name == "test_transport"
    assert names(httpx.post) == []
    assert [entry.door for entry in segment_mock.journal] == ["live"]
"""
    )
    pytester.makeini("[pytest]\nsegment_mock_transport = " + ("live" if option == "ini" else "carrier-pigeon"))
    options = ["--segment-mock-transport=live"] if option == "option" else []

    pytester.runpytest(*options).assert_outcomes(passed=1)
    if option == "option":
        errors = pytester.runpytest().stderr.str()
        assert "unknown transport 'carrier-pigeon'; expected one of inprocess, live, tls" in errors


def test_an_invalid_value_of_the_guard_is_refused_with_its_key(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nsegment_mock_guard = maybe")
    pytester.makepyfile("def test_a(): pass")

    result = pytester.runpytest_subprocess()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: segment_mock_guard (ini file): *'maybe'; expected true or false"])
