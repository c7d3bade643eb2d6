"""Interceptions together with other stubbing libraries: which of them gets a call first, and how to let calls pass."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from segment_mock import SegmentMock

httpretty = pytest.importorskip("httpretty")
pytest_httpx = pytest.importorskip("pytest_httpx")
pytest_socket = pytest.importorskip("pytest_socket")
requests_mock = pytest.importorskip("requests_mock")
responses = pytest.importorskip("responses")
respx = pytest.importorskip("respx")
vcr = pytest.importorskip("vcr")

HOST = "api.salsalabs.org"
SEARCH = f"https://{HOST}/api/integration/ext/v1/segments/search"
OTHER = "https://crm.example/contacts"
HEADERS = {"authToken": "any"}
Stub = Callable[[], AbstractContextManager[Any]]


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    """A mock with one group."""
    with SegmentMock(data={"salsa": {"segments": [{"name": "A"}]}}) as mock:
        yield mock


def call_with_requests(url: str = SEARCH) -> Any:
    """Send a search to *url* with requests; return the number of groups, or the list that a stub returns."""
    return _content(requests.post(url, headers=HEADERS, json={"payload": {}}, timeout=60))


def call_with_httpx(url: str = SEARCH) -> Any:
    """Send the same search with httpx."""
    return _content(httpx.post(url, headers=HEADERS, json={"payload": {}}))


def call_with_async_httpx(url: str = SEARCH) -> Any:
    """Send the same search with httpx.AsyncClient."""

    async def post() -> Any:
        async with httpx.AsyncClient() as client:
            return _content(await client.post(url, headers=HEADERS, json={"payload": {}}))

    return asyncio.run(post())


def _content(response: Any) -> Any:
    assert response.status_code == 200, response.text
    body = response.json()
    return body["payload"]["count"] if isinstance(body, dict) else body


def results_in_both_orders(mock: SegmentMock, stub: Stub, call: Callable[[], Any]) -> list[Any]:
    """Return the results of *call* with *stub* started before the interception, and after it."""
    results = []
    for stub_first in (True, False):
        with ExitStack() as stack:
            for start in (stub, mock.intercept) if stub_first else (mock.intercept, stub):
                stack.enter_context(start())
            results.append(call())
    return results


def results_from_both_hosts(call: Callable[[str], Any]) -> tuple[Any, Any]:
    """Return the results of *call* from the vendor's host and from another host."""
    return call(SEARCH), call(OTHER)


class TestResponses:
    """responses patches a layer above the connection, so it gets calls before the mock does."""

    @contextmanager
    def stub_that_passes_vendors(self) -> Iterator[None]:
        """A stub of another host that lets the vendor's host pass, as docs/reference/clients.md says."""
        with responses.RequestsMock(assert_all_requests_are_fired=False) as stub:
            stub.add("POST", OTHER, json=["stub"])
            stub.add_passthru("https://api.salsalabs.org")
            yield

    @contextmanager
    def stub_of_the_vendor(self) -> Iterator[None]:
        """A stub of the vendor's host."""
        with responses.RequestsMock() as stub:
            stub.add("POST", SEARCH, json=["stub"])
            yield

    def test_calls_to_vendors_can_pass_through_to_the_mock(self, mock: SegmentMock) -> None:
        """Calls to other hosts still reach the stub."""
        assert [(1, ["stub"])] * 2 == results_in_both_orders(
            mock, self.stub_that_passes_vendors, lambda: results_from_both_hosts(call_with_requests)
        )

    def test_a_stub_of_the_vendors_host_gets_the_call_before_the_mock(self, mock: SegmentMock) -> None:
        """The order of stub and interception does not matter."""
        assert [["stub"]] * 2 == results_in_both_orders(mock, self.stub_of_the_vendor, call_with_requests)
        assert 0 == len(mock.journal)

    @pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
    def test_calls_pass_through_on_every_transport(self, mock: SegmentMock, transport: Any) -> None:
        with self.stub_that_passes_vendors(), mock.intercept(transport=transport):
            assert call_with_requests() == 1


class TestRequestsMock:
    """requests-mock patches a layer above the connection, so it gets calls before the mock does."""

    @contextmanager
    def stub_that_passes_vendors(self) -> Iterator[None]:
        """A stub of another host that lets the vendor's host pass, as docs/reference/clients.md says."""
        with requests_mock.Mocker(real_http=True) as stub:
            stub.post(OTHER, json=["stub"])
            yield

    @contextmanager
    def stub_of_the_vendor(self) -> Iterator[None]:
        """A stub of the vendor's host."""
        with requests_mock.Mocker() as stub:
            stub.post(SEARCH, json=["stub"])
            yield

    def test_calls_to_vendors_can_pass_through_to_the_mock(self, mock: SegmentMock) -> None:
        """Calls to other hosts still reach the stub."""
        assert [(1, ["stub"])] * 2 == results_in_both_orders(
            mock, self.stub_that_passes_vendors, lambda: results_from_both_hosts(call_with_requests)
        )

    def test_a_stub_of_the_vendors_host_gets_the_call_before_the_mock(self, mock: SegmentMock) -> None:
        """The order of stub and interception does not matter."""
        assert [["stub"]] * 2 == results_in_both_orders(mock, self.stub_of_the_vendor, call_with_requests)


@pytest.mark.parametrize("call", [call_with_httpx, call_with_async_httpx])
class TestRespx:
    """respx patches the same place as the interception: whichever was started last is called first."""

    @contextmanager
    def stub_that_passes_vendors(self) -> Iterator[None]:
        """A stub of another host that lets the vendor's host pass, as docs/reference/clients.md says."""
        with respx.mock(assert_all_called=False) as stub:
            stub.post(OTHER).respond(json=["stub"])
            stub.route(host="api.salsalabs.org").pass_through()
            yield

    @contextmanager
    def stub_of_the_vendor(self) -> Iterator[None]:
        """A stub of the vendor's host."""
        with respx.mock(assert_all_called=False) as stub:
            stub.post(SEARCH).respond(json=["stub"])
            stub.post(OTHER).respond(json=["stub"])
            yield

    def test_calls_to_vendors_can_pass_through_to_the_mock(self, mock: SegmentMock, call: Callable[..., Any]) -> None:
        """Calls to other hosts still reach the stub."""
        assert [(1, ["stub"])] * 2 == results_in_both_orders(
            mock, self.stub_that_passes_vendors, lambda: results_from_both_hosts(call)
        )

    def test_the_stub_or_interception_that_started_last_gets_the_call(
        self, mock: SegmentMock, call: Callable[..., Any]
    ) -> None:
        """The stub still gets calls to other hosts."""
        results = results_in_both_orders(mock, self.stub_of_the_vendor, lambda: results_from_both_hosts(call))

        assert [(1, ["stub"]), (["stub"], ["stub"])] == results

    @pytest.mark.parametrize("transport", ["live", "tls"])
    def test_an_earlier_stub_gets_no_intercepted_call(
        self, mock: SegmentMock, call: Callable[..., Any], transport: Any
    ) -> None:
        """This also applies to calls over real sockets."""
        with self.stub_of_the_vendor(), mock.intercept(transport=transport):
            assert call() == 1

    def test_stub_and_interception_may_end_in_either_order(self, mock: SegmentMock, call: Callable[..., Any]) -> None:
        """Both restore what they patched."""
        before = httpx.HTTPTransport, requests.adapters.HTTPAdapter.send
        interception, stub = mock.intercept(), self.stub_of_the_vendor()
        interception.start()
        stub.__enter__()
        interception.stop()
        assert call(OTHER) == ["stub"]
        stub.__exit__(None, None, None)
        with mock.intercept():
            assert call() == 1
        assert before == (httpx.HTTPTransport, requests.adapters.HTTPAdapter.send)


class TestPytestHttpx:
    """pytest-httpx patches a layer above the connection, so it gets calls before the mock does."""

    def test_calls_to_vendors_can_pass_through_to_the_mock(self, pytester: pytest.Pytester) -> None:
        """Calls to other hosts still reach the stub, in either order of the fixtures."""
        pytester.makepyfile(
            f"""
            import httpx
            import pytest

            pytestmark = pytest.mark.httpx_mock(should_mock=lambda request: request.url.host != "api.salsalabs.org")

            def check():
                reply = httpx.post("{SEARCH}", headers={HEADERS}, json={{"payload": {{}}}})
                assert reply.json()["payload"]["count"] == 0
                assert httpx.post("{OTHER}").json() == ["stub"]

            def test_stub_first(httpx_mock, segment_mock):
                httpx_mock.add_response(url="{OTHER}", json=["stub"])
                check()

            def test_stub_last(segment_mock, httpx_mock):
                httpx_mock.add_response(url="{OTHER}", json=["stub"])
                check()
            """
        )
        pytester.runpytest_subprocess("-p", "pytest_httpx").assert_outcomes(passed=2)

    def test_a_stub_of_the_vendors_host_gets_the_call_before_the_mock(self, pytester: pytest.Pytester) -> None:
        """The order of the fixtures does not matter."""
        pytester.makepyfile(
            f"""
            import httpx

            def test_stub_first(httpx_mock, segment_mock):
                httpx_mock.add_response(url="{SEARCH}", json=["stub"])
                assert httpx.post("{SEARCH}").json() == ["stub"]

            def test_stub_last(segment_mock, httpx_mock):
                httpx_mock.add_response(url="{SEARCH}", json=["stub"])
                assert httpx.post("{SEARCH}").json() == ["stub"]
            """
        )
        pytester.runpytest_subprocess("-p", "pytest_httpx").assert_outcomes(passed=2)


@pytest.mark.parametrize("call", [call_with_requests, call_with_httpx])
class TestVcrpy:
    """vcrpy gets calls before the mock does: it records responses of the mock, and replays them without the mock."""

    def test_a_cassette_records_once_and_then_replays(
        self, mock: SegmentMock, call: Callable[[], Any], tmp_path: Path
    ) -> None:
        """The second call does not reach the mock, in either order."""
        results = results_in_both_orders(mock, lambda: vcr.use_cassette(str(tmp_path / "tape.yaml")), call)

        assert [1, 1] == results
        assert 1 == len(mock.journal)

    def test_a_cassette_inside_an_interception_records(
        self, mock: SegmentMock, call: Callable[[], Any], tmp_path: Path
    ) -> None:
        with mock.intercept(), vcr.use_cassette(str(tmp_path / "tape.yaml")) as cassette:
            assert call() == 1
        assert [SEARCH] == [request.uri for request in cassette.requests]

    def test_calls_to_vendors_can_pass_through_to_the_mock(
        self, mock: SegmentMock, call: Callable[[], Any], tmp_path: Path
    ) -> None:
        """The option ``ignore_hosts`` lets them pass."""
        tape = tmp_path / "tape.yaml"
        stub = lambda: vcr.use_cassette(str(tape), ignore_hosts=["api.salsalabs.org"], record_mode="none")  # noqa: E731

        assert [1, 1] == results_in_both_orders(mock, stub, call)
        assert 2 == len(mock.journal)


@pytest.mark.parametrize("call", [call_with_requests, call_with_httpx])
class TestHttpretty:
    """httpretty works below the connection: it never gets an intercepted call, and needs no configuration."""

    @contextmanager
    def stub_of_the_vendor(self) -> Iterator[None]:
        """Stubs of the vendor's host and of another host."""
        with httpretty.enabled(allow_net_connect=False):
            for url in (SEARCH, OTHER.replace("https", "http")):
                httpretty.register_uri(httpretty.POST, url, body='["stub"]')
            yield

    def test_a_stub_of_the_vendors_host_gets_no_intercepted_call(
        self, mock: SegmentMock, call: Callable[[], Any]
    ) -> None:
        """The order of stub and interception does not matter."""
        assert [1, 1] == results_in_both_orders(mock, self.stub_of_the_vendor, call)

    def test_a_stub_of_another_host_still_works(self, mock: SegmentMock, call: Callable[[str], Any]) -> None:
        if call is call_with_requests:
            pytest.skip("httpretty 1.1.4 does not work with urllib3 2.3 or later, even without an interception")
        results = results_in_both_orders(mock, self.stub_of_the_vendor, lambda: call(OTHER.replace("https", "http")))

        assert [["stub"]] * 2 == results


@pytest.mark.parametrize("call", [call_with_requests, call_with_httpx])
class TestPytestSocket:
    """pytest-socket works below the connection: an intercepted call uses no socket that it could refuse."""

    @contextmanager
    def no_sockets(self) -> Iterator[None]:
        """Disable all sockets for the length of the block."""
        pytest_socket.disable_socket(allow_unix_socket=True)
        try:
            yield
        finally:
            pytest_socket.enable_socket()

    @contextmanager
    def local_sockets_only(self) -> Iterator[None]:
        """Allow only sockets to this machine for the length of the block."""
        pytest_socket.socket_allow_hosts(["127.0.0.1"])
        try:
            yield
        finally:
            pytest_socket._remove_restrictions()

    def test_intercepted_calls_need_no_socket(self, mock: SegmentMock, call: Callable[[], Any]) -> None:
        """The order of the interception and of disabling sockets does not matter."""
        real = socket.socket
        assert [1, 1] == results_in_both_orders(mock, self.no_sockets, call)
        assert socket.socket is real

    def test_no_restriction_stays_whichever_ends_first(self, mock: SegmentMock, call: Callable[[], Any]) -> None:
        """pytest-socket enables sockets before pytest ends the fixtures."""
        functions = ("getaddrinfo", "gethostbyname", "socket")
        real = [getattr(socket, name) for name in functions]
        interception, restriction = mock.intercept(), self.no_sockets()
        restriction.__enter__()
        interception.start()
        restriction.__exit__(None, None, None)
        assert call() == 1
        interception.stop()
        assert [getattr(socket, name) for name in functions] == real

    def test_a_live_transport_needs_only_local_sockets(self, mock: SegmentMock, call: Callable[[], Any]) -> None:
        """This is what the option ``--allow-hosts=127.0.0.1`` allows."""
        with self.local_sockets_only(), mock.intercept(transport="live"):
            assert call() == 1
