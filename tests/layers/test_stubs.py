"""Beside other libraries of stubs: who is asked first follows the layers of the client, and each lets vendors pass."""

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
    """A mock of one group."""
    with SegmentMock(data={"salsa": {"segments": [{"name": "A"}]}}) as mock:
        yield mock


def by_requests(url: str = SEARCH) -> Any:
    """Return how many groups requests gets, or what another host answers."""
    return _content(requests.post(url, headers=HEADERS, json={"payload": {}}, timeout=5))


def by_httpx(url: str = SEARCH) -> Any:
    """The same by httpx."""
    return _content(httpx.post(url, headers=HEADERS, json={"payload": {}}))


def by_httpx_async(url: str = SEARCH) -> Any:
    """The same by its coroutines."""

    async def posted() -> Any:
        async with httpx.AsyncClient() as client:
            return _content(await client.post(url, headers=HEADERS, json={"payload": {}}))

    return asyncio.run(posted())


def _content(reply: Any) -> Any:
    assert reply.status_code == 200, reply.text
    body = reply.json()
    return body["payload"]["count"] if isinstance(body, dict) else body


def both_orders(mock: SegmentMock, stub: Stub, call: Callable[[], Any]) -> list[Any]:
    """Return the results of *call* with *stub* started before the interception, and after it."""
    results = []
    for stub_first in (True, False):
        with ExitStack() as stack:
            for start in (stub, mock.intercept) if stub_first else (mock.intercept, stub):
                stack.enter_context(start())
            results.append(call())
    return results


def both_hosts(call: Callable[[str], Any]) -> tuple[Any, Any]:
    """Return the answers of the vendor's host and of another host."""
    return call(SEARCH), call(OTHER)


class TestResponses:
    """It stands above the connection."""

    @contextmanager
    def passing(self) -> Iterator[None]:
        """A stub of another host, with the line of docs/reference/clients.md."""
        with responses.RequestsMock(assert_all_requests_are_fired=False) as stub:
            stub.add("POST", OTHER, json=["stub"])
            stub.add_passthru("https://api.salsalabs.org")
            yield

    @contextmanager
    def answering(self) -> Iterator[None]:
        """A stub of the vendor's host."""
        with responses.RequestsMock() as stub:
            stub.add("POST", SEARCH, json=["stub"])
            yield

    def test_calls_to_vendors_can_pass(self, mock: SegmentMock) -> None:
        """And keeps its own host."""
        assert [(1, ["stub"])] * 2 == both_orders(mock, self.passing, lambda: both_hosts(by_requests))

    def test_it_answers_before_the_mock(self, mock: SegmentMock) -> None:
        """In either order."""
        assert [["stub"]] * 2 == both_orders(mock, self.answering, by_requests)
        assert 0 == len(mock.journal)

    @pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
    def test_it_does_so_however_calls_travel(self, mock: SegmentMock, transport: Any) -> None:
        """What passes reaches the mock."""
        with self.passing(), mock.intercept(transport=transport):
            assert by_requests() == 1


class TestRequestsMock:
    """It stands above the connection."""

    @contextmanager
    def passing(self) -> Iterator[None]:
        """A stub of another host, with the line of docs/reference/clients.md."""
        with requests_mock.Mocker(real_http=True) as stub:
            stub.post(OTHER, json=["stub"])
            yield

    @contextmanager
    def answering(self) -> Iterator[None]:
        """A stub of the vendor's host."""
        with requests_mock.Mocker() as stub:
            stub.post(SEARCH, json=["stub"])
            yield

    def test_calls_to_vendors_can_pass(self, mock: SegmentMock) -> None:
        """And keeps its own host."""
        assert [(1, ["stub"])] * 2 == both_orders(mock, self.passing, lambda: both_hosts(by_requests))

    def test_it_answers_before_the_mock(self, mock: SegmentMock) -> None:
        """In either order."""
        assert [["stub"]] * 2 == both_orders(mock, self.answering, by_requests)


@pytest.mark.parametrize("call", [by_httpx, by_httpx_async])
class TestRespx:
    """It stands where the interception stands: whichever was started last is asked first."""

    @contextmanager
    def passing(self) -> Iterator[None]:
        """A stub of another host, with the line of docs/reference/clients.md."""
        with respx.mock(assert_all_called=False) as stub:
            stub.post(OTHER).respond(json=["stub"])
            stub.route(host="api.salsalabs.org").pass_through()
            yield

    @contextmanager
    def answering(self) -> Iterator[None]:
        """A stub of the vendor's host."""
        with respx.mock(assert_all_called=False) as stub:
            stub.post(SEARCH).respond(json=["stub"])
            stub.post(OTHER).respond(json=["stub"])
            yield

    def test_calls_to_vendors_can_pass(self, mock: SegmentMock, call: Callable[..., Any]) -> None:
        """And keeps its own host."""
        assert [(1, ["stub"])] * 2 == both_orders(mock, self.passing, lambda: both_hosts(call))

    def test_the_last_one_answers_first(self, mock: SegmentMock, call: Callable[..., Any]) -> None:
        """The other keeps its own hosts."""
        results = both_orders(mock, self.answering, lambda: both_hosts(call))

        assert [(1, ["stub"]), (["stub"], ["stub"])] == results

    @pytest.mark.parametrize("transport", ["live", "tls"])
    def test_it_does_not_see_intercepted_calls(
        self, mock: SegmentMock, call: Callable[..., Any], transport: Any
    ) -> None:
        """Over real sockets too, a stub that was started before is not asked about the vendor's host."""
        with self.answering(), mock.intercept(transport=transport):
            assert call() == 1

    def test_they_may_end_in_the_order_in_which_they_began(self, mock: SegmentMock, call: Callable[..., Any]) -> None:
        """Either may be the first to go, and nothing of them is left."""
        before = httpx.HTTPTransport, requests.adapters.HTTPAdapter.send
        interception, stub = mock.intercept(), self.answering()
        interception.start()
        stub.__enter__()
        interception.stop()
        assert call(OTHER) == ["stub"]
        stub.__exit__(None, None, None)
        with mock.intercept():
            assert call() == 1
        assert before == (httpx.HTTPTransport, requests.adapters.HTTPAdapter.send)


class TestPytestHttpx:
    """It stands above the connection: a fixture."""

    def test_calls_to_vendors_can_pass(self, pytester: pytest.Pytester) -> None:
        """And keeps its own host, in either order."""
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

    def test_it_answers_before_the_mock(self, pytester: pytest.Pytester) -> None:
        """In either order."""
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


@pytest.mark.parametrize("call", [by_requests, by_httpx])
class TestVcrpy:
    """It stands above the connection; it records what the mock answers, and plays it again without the mock."""

    def test_it_records(self, mock: SegmentMock, call: Callable[[], Any], tmp_path: Path) -> None:
        """In either order; once recorded, it is asked first."""
        results = both_orders(mock, lambda: vcr.use_cassette(str(tmp_path / "tape.yaml")), call)

        assert [1, 1] == results
        assert 1 == len(mock.journal)

    def test_it_records_within(self, mock: SegmentMock, call: Callable[[], Any], tmp_path: Path) -> None:
        """A cassette that begins inside an interception."""
        with mock.intercept(), vcr.use_cassette(str(tmp_path / "tape.yaml")) as cassette:
            assert call() == 1
        assert [SEARCH] == [request.uri for request in cassette.requests]

    def test_calls_to_vendors_can_pass(self, mock: SegmentMock, call: Callable[[], Any], tmp_path: Path) -> None:
        """By ``ignore_hosts``."""
        tape = tmp_path / "tape.yaml"
        stub = lambda: vcr.use_cassette(str(tape), ignore_hosts=["api.salsalabs.org"], record_mode="none")  # noqa: E731

        assert [1, 1] == both_orders(mock, stub, call)
        assert 2 == len(mock.journal)


@pytest.mark.parametrize("call", [by_requests, by_httpx])
class TestHttpretty:
    """It stands below: it is never asked about an intercepted host, and needs no line."""

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Stubs of the vendor's host and another."""
        with httpretty.enabled(allow_net_connect=False):
            for url in (SEARCH, OTHER.replace("https", "http")):
                httpretty.register_uri(httpretty.POST, url, body='["stub"]')
            yield

    def test_it_does_not_answer_intercepted_calls(self, mock: SegmentMock, call: Callable[[], Any]) -> None:
        """In either order."""
        assert [1, 1] == both_orders(mock, self.answering, call)

    def test_it_keeps_its_own_hosts(self, mock: SegmentMock, call: Callable[[str], Any]) -> None:
        """They are none of the vendors'."""
        if call is by_requests:
            pytest.skip("httpretty 1.1.4 can't answer urllib3 2.3 or later by itself")
        results = both_orders(mock, self.answering, lambda: call(OTHER.replace("https", "http")))

        assert [["stub"]] * 2 == results


@pytest.mark.parametrize("call", [by_requests, by_httpx])
class TestPytestSocket:
    """It stands below: in process there is no socket that it could refuse."""

    @contextmanager
    def disabled(self) -> Iterator[None]:
        """No socket at all."""
        pytest_socket.disable_socket(allow_unix_socket=True)
        try:
            yield
        finally:
            pytest_socket.enable_socket()

    @contextmanager
    def local(self) -> Iterator[None]:
        """Sockets to this machine."""
        pytest_socket.socket_allow_hosts(["127.0.0.1"])
        try:
            yield
        finally:
            pytest_socket._remove_restrictions()

    def test_it_has_nothing_to_refuse(self, mock: SegmentMock, call: Callable[[], Any]) -> None:
        """In either order."""
        real = socket.socket
        assert [1, 1] == both_orders(mock, self.disabled, call)
        assert socket.socket is real

    def test_a_live_transport_needs_this_machine(self, mock: SegmentMock, call: Callable[[], Any]) -> None:
        """As ``--allow-hosts=127.0.0.1`` has it."""
        with self.local(), mock.intercept(transport="live"):
            assert call() == 1
