"""In process, a client's own pool decides about connections, and its own checks about what may be sent."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import requests

from segment_mock import SegmentMock, faults
from segment_mock.transports.server.server import LiveServer
from tests.transports.inprocess.clients import ALL, HEADERS, SALSA, SEARCH

URL = SALSA + SEARCH
F: Any = faults
Action = Callable[[Any], Any]


@contextlib.contextmanager
def session_of_the_mock(mock: SegmentMock) -> Iterator[Any]:
    """A session that the mock gives."""
    yield mock.session()


@contextlib.contextmanager
def intercepted_session(mock: SegmentMock) -> Iterator[Any]:
    """A session of requests that is intercepted."""
    with mock.intercept(), requests.Session() as session:
        yield session


@contextlib.contextmanager
def live_session(mock: SegmentMock) -> Iterator[Any]:
    """The same over real sockets."""
    with mock.intercept(transport="live"), requests.Session() as session:
        yield session


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    """A mock of nothing."""
    with SegmentMock() as mock:
        yield mock


SESSIONS = [session_of_the_mock, intercepted_session, live_session]


def post(session: Any, url: str = URL, **more: Any) -> Any:
    """Search as `more` says, and return what came of it."""
    try:
        reply = session.post(url, **{"json": ALL, "headers": HEADERS, "timeout": 9, **more})
    except (OSError, ValueError) as error:
        return type(error)
    return reply.status_code, reply.reason


def turns(transport: Any, action: Action, fault: Any = None) -> list[int]:
    """Return which request of its connection each call of *action* was to the emulator; *fault* strikes ``?slow``."""
    seen: list[int] = []

    async def watched(call: Any, proceed: Any) -> Any:
        seen.append(call.request.number)
        return await proceed()

    with SegmentMock(limits="off") as mock:
        mock.faults.add(watched)
        if fault is not None:
            mock.faults.add(fault, match=lambda call: "slow" in call.request.target)
        with transport(mock) as client:
            action(client)
    return seen


TURNS: dict[str, tuple[Action, list[int]]] = {
    "plain": (lambda s: [post(s) for _ in range(3)], [1, 2, 3]),
    "text": (lambda s: [post(s), post(s, json=None, data=json.dumps(ALL)), post(s)], [1, 2, 3]),
    "HEAD": (lambda s: [post(s), s.head(URL, headers=HEADERS, timeout=9), post(s)], [1, 2, 3]),
    "close": (lambda s: [post(s), post(s, headers={**HEADERS, "Connection": "close"}), post(s)], [1, 2, 1]),
    "streamed": (lambda s: [post(s, stream=True), post(s)], [1, 1]),
    "pieces": (lambda s: [post(s, json=None, data=iter([b"{}"])), post(s)], [1, 2]),
    "schemes": (lambda s: [post(s), post(s, URL.replace("https", "http")), post(s)], [1, 1, 2]),
    "hosts": (lambda s: [post(s), post(s, URL.replace(".org", ".org:8443")), post(s)], [1, 1, 2]),
    "ports": (lambda s: [post(s), post(s, URL.replace(".org", ".ORG:443")), post(s)], [1, 2, 3]),
    "closed": (lambda s: [post(s, stream=True), s.close(), post(s)], [1, 1]),
}


@pytest.mark.parametrize("transport", SESSIONS)
@pytest.mark.parametrize("name", TURNS)
def test_a_client_keeps_and_drops_connections_as_over_sockets(transport: Any, name: str) -> None:
    """A rule for new or reused connections strikes the same calls in process and live."""
    action, expected = TURNS[name]

    assert expected == turns(transport, action)


async def breaks(call: Any, proceed: Any) -> Any:
    """Fail as a socket does."""
    raise ConnectionResetError("by a stage")


def sends(name: str, value: str) -> Any:
    """Return a fault that puts a header of the transport's into the response, as a function may."""

    async def fault(call: Any, proceed: Any) -> Any:
        response = await proceed()
        return replace(response, headers={**response.headers, name: value})

    return fault


FAULTS = {
    "late": (F.Latency(0.01), [1, 2, 3, 4]),
    "lengthless": (F.Error(204), [1, 2, 3, 4]),
    "broken": (F.Disconnect(), [1, 2, 1, 2]),
    "cut": (F.Truncate(), [1, 2, 1, 2]),
    "closing": (sends("Connection", "close"), [1, 2, 1, 2]),
    "in no chunks": (sends("Transfer-Encoding", "chunked"), [1, 2, 1, 2]),
    "too short": (sends("Content-Length", "99999"), [1, 2, 1, 2]),
    "a stage that breaks": (breaks, [1, 2, 1, 2]),
}


@pytest.mark.parametrize("transport", SESSIONS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_response_ends_its_connection(transport: Any, name: str) -> None:
    """A late or lengthless answer leaves the connection as it is, one that never comes whole ends it."""
    fault, expected = FAULTS[name]

    def second_is_slow(session: Any) -> None:
        for query in ("", "?slow", "", ""):
            # Over a socket, a client waits without result for the end of a line that says how long a chunk is.
            patience = 0.5 if query and name == "in no chunks" else 9
            post(session, URL + query, timeout=patience)

    assert expected == turns(transport, second_is_slow, fault)


@pytest.mark.parametrize("transport", ["inprocess", "live"])
def test_httpx_keeps_and_drops_connections_as_over_sockets(transport: Any) -> None:
    """Late responses leave them, a cut one and an unread stream end them, for both kinds of client."""

    async def asynchronously() -> None:
        async with httpx.AsyncClient(timeout=9) as client:
            for query in ("", "?slow", "", ""):
                await client.post(URL + query, json=ALL, headers=HEADERS)
            async with client.stream("POST", URL, json=ALL, headers=HEADERS):
                pass
            await client.post(URL, json=ALL, headers=HEADERS)

    def action(client: Any) -> None:
        for query in ("", "?slow", "", ""):
            client.post(URL + query, json=ALL, headers=HEADERS)
        with client.stream("POST", URL, json=ALL, headers=HEADERS):
            pass
        client.post(URL, json=ALL, headers=HEADERS)
        asyncio.run(asynchronously())

    @contextlib.contextmanager
    def intercepted_client(mock: SegmentMock) -> Iterator[Any]:
        with mock.intercept(transport=transport), httpx.Client(timeout=9) as client:
            yield client

    assert [1, 2, 3, 4, 5, 1] * 2 == turns(intercepted_client, action, F.Latency(0.01))


@pytest.mark.parametrize("transport", ["inprocess", "live"])
def test_limits_of_httpx_hold(mock: SegmentMock, transport: Any) -> None:
    """An unread stream keeps a connection busy; if that is the only one, the next call is refused."""
    limits, timeout = httpx.Limits(max_connections=1), httpx.Timeout(9, pool=0.05)
    with mock.intercept(transport=transport), httpx.Client(limits=limits, timeout=timeout) as client:
        with client.stream("POST", URL, json=ALL, headers=HEADERS), pytest.raises(httpx.PoolTimeout):
            client.post(URL, json=ALL, headers=HEADERS)

        assert client.post(URL, json=ALL, headers=HEADERS).status_code == 200


STRANGE: dict[str, dict[str, Any]] = {
    "no time": {"timeout": 0},
    "three times": {"timeout": (1, 2, 3)},
    "two times": {"timeout": (3.05, 27)},
    "a wide header": {"headers": {**HEADERS, "X-Name": "\u017c"}},
    "a long header": {"headers": {**HEADERS, "X-Name": "x" * 100_000}},
    "a header of no name": {"headers": {**HEADERS, "X Name": "x"}},
    "a tab": {"headers": {**HEADERS, "X-Name": "x\ty"}},
    "a space at the end": {"headers": {**HEADERS, "X-Name": "x "}},
    "a space before": {"headers": {**HEADERS, b"X-Name": b" x"}},
    "nobody's name": {"headers": {**HEADERS, "User-Agent": None, "Accept-Encoding": None}},
    "no certificate": {"verify": "/nowhere"},
    "a long address": {"params": {"q": "x" * 100_000}},
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_call_ends_as_it_does_over_a_socket(name: str) -> None:
    """The same error of the client's, or the same answer, and the same request in the journal."""
    names = []
    for transport in (intercepted_session, live_session):
        with SegmentMock() as mock, transport(mock) as session:
            names.append((post(session, **STRANGE[name]), [dict(e.request_headers) for e in mock.journal]))

    assert names[0] == names[1]


ODD: dict[str, Any] = {
    "a space before": [("X-Name", " x")],
    "a space after": [("X-Name", "x ")],
    "two hosts": [("Host", "api.salsalabs.org"), ("Host", "b")],
    "a length too long": [("Content-Length", "300")],
    "a length too short": [("Content-Length", "3")],
    "no length": [("Content-Length", "abc")],
}


@pytest.mark.parametrize("name", ODD)
def test_what_h11_refuses_is_refused(mock: SegmentMock, name: str) -> None:
    """The same error in process and live, and nothing reaches the emulator."""
    raised = []
    for transport in ("inprocess", "live"):
        with mock.intercept(transport=transport), httpx.Client(timeout=9) as client:  # type: ignore[arg-type]
            with pytest.raises(Exception, match=r"header|Length|length|data|Host") as caught:
                client.post(URL, json=ALL, headers=[*HEADERS.items(), *ODD[name]])
            raised.append((caught.type, str(caught.value)))

    assert raised[0] == raised[1]
    assert "LocalProtocolError" == raised[0][0].__name__
    assert 0 == len(mock.journal)


@pytest.mark.parametrize("verb", ["GE T", "GET\r\nX: Y", "M-SEARCH", "get"])
def test_a_strange_verb_ends_as_it_does_over_a_socket(mock: SegmentMock, verb: str) -> None:
    """http.client refuses some; the others reach the emulator as they are."""
    results = []
    for transport in (session_of_the_mock, intercepted_session, live_session):
        with transport(mock) as session:
            try:
                results.append(str(session.request(verb, URL, headers=HEADERS).status_code))
            except ValueError as error:
                results.append(str(error))

    assert 1 == len({*results})


@pytest.mark.parametrize("transport", SESSIONS)
def test_cookies_are_kept(mock: SegmentMock, transport: Any) -> None:
    """What a response sets is there for the next call."""
    mock.faults.add(F.Error(200, headers={"Set-Cookie": "sid=abc; Path=/"}), times=1)
    with transport(mock) as session:
        for _ in range(2):
            post(session)

        assert {"sid": "abc"} == dict(session.cookies)
    assert "cookie" in mock.journal.entries()[-1].request_headers


@pytest.mark.parametrize("stream", [True, False])
def test_a_session_of_the_mock_within_an_interception(mock: SegmentMock, stream: bool) -> None:
    """Any number of calls, read or not, and it stays with its own mock."""
    with SegmentMock() as other, other.intercept():
        session = mock.session()
        for _ in range(3):
            assert session.post(SEARCH, json=ALL, headers=HEADERS, stream=stream).status_code == 200

    assert (3, 0) == (len(mock.journal), len(other.journal))


class TestHttpClient:
    """http.client itself: a request starts when it has been sent."""

    @pytest.fixture
    def connection(self, mock: SegmentMock) -> Iterator[http.client.HTTPSConnection]:
        """A connection that is intercepted."""
        with mock.intercept():
            yield http.client.HTTPSConnection("api.salsalabs.org", timeout=9)

    def send(self, connection: http.client.HTTPSConnection) -> None:
        """Add a group."""
        body = json.dumps({"payload": {"segments": [{"name": "A"}]}})
        connection.request("PUT", SEARCH.removesuffix("/search"), body, HEADERS)

    def test_a_request_whose_response_is_not_read_is_performed(self, mock: SegmentMock, connection: Any) -> None:
        """The client may close right after it has sent."""
        self.send(connection)
        connection.close()

        assert ["A"] == [group["name"] for group in mock.salsa.segments]

    def test_a_call_that_waits_is_abandoned_when_its_client_leaves(self, mock: SegmentMock, connection: Any) -> None:
        """It ran to its first wait and no further; the clock has not moved."""
        mock.clock.freeze()
        mock.faults.add(F.Latency(1))
        before = mock.clock.now()
        self.send(connection)
        connection.close()

        assert ([], before) == (mock.salsa.segments, mock.clock.now())
        assert ["abandoned"] == [entry.outcome for entry in mock.journal]

    def test_a_wait_is_decided_when_the_response_is_read(self, mock: SegmentMock, connection: Any) -> None:
        """The timeout that counts is that of the read; what has passed since the request was sent has passed."""
        mock.clock.freeze()
        mock.faults.add(F.Latency(5))
        before = mock.clock.now()
        self.send(connection)
        mock.clock.advance(3)
        connection.sock.settimeout(2.5)
        assert connection.getresponse().status == 200

        assert 5 == mock.clock.now() - before

    def test_a_wait_beyond_the_time_out_is_the_clients_own_error(self, mock: SegmentMock, connection: Any) -> None:
        """The clock has moved by what the client waited."""
        mock.clock.freeze()
        mock.faults.add(F.Latency(20))
        before = mock.clock.now()
        self.send(connection)
        with pytest.raises(TimeoutError):
            connection.getresponse()

        assert 9 == mock.clock.now() - before

    def test_two_requests_without_reading_are_refused(self, connection: Any) -> None:
        """By http.client itself."""
        self.send(connection)
        with pytest.raises(http.client.CannotSendRequest):
            self.send(connection)


@pytest.fixture
def connection() -> Iterator[http.client.HTTPSConnection]:
    """A connection of http.client to a mock."""
    with SegmentMock() as mock, mock.intercept():
        client = http.client.HTTPSConnection("api.salsalabs.org", timeout=5)
        yield client
        client.close()


def test_http_client_peeks_at_a_body(connection: http.client.HTTPSConnection) -> None:
    connection.request("POST", SEARCH, json.dumps(ALL), HEADERS)
    with connection.getresponse() as response:
        assert response.read(2) == b'{"'
        assert response.peek()[:2] == b"id"
        assert json.loads(b'{"' + response.read())["payload"]["count"] == 0


def test_http_client_prints_a_response(
    connection: http.client.HTTPSConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    connection.set_debuglevel(1)
    connection.request("POST", SEARCH, json.dumps(ALL), HEADERS)
    with connection.getresponse() as response:
        assert response.status == 200

    assert "reply: 'HTTP/1.1 200 OK" in capsys.readouterr().out


@pytest.mark.parametrize("transport", ["inprocess", "live"])
@pytest.mark.parametrize(("timeout", "request_timeout", "expected"), [(0.01, 600.0, "timed out"), (600, 0.01, "408")])
def test_a_request_that_is_never_complete(
    transport: Any, timeout: float, request_timeout: float, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client or the server gives up, whichever has the shorter timeout."""
    monkeypatch.setitem(LiveServer.__init__.__kwdefaults__, "request_timeout", request_timeout)
    with SegmentMock() as mock, mock.intercept(transport=transport):
        client = http.client.HTTPSConnection("api.salsalabs.org", timeout=timeout)
        client.request("POST", SEARCH, "{}", {**HEADERS, "Content-Length": "3"})
        try:
            seen = str(client.getresponse().status)
        except TimeoutError as error:
            seen = str(error)
        client.close()

    assert seen == expected
