"""In process, a client's own pool manages connections, and the client's own checks decide what may be sent."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
import requests

from segment_mock import SegmentMock, faults
from segment_mock.transports.server.server import LiveServer
from tests.transports.inprocess.clients import ALL, HEADERS, SALSA, SEARCH
from tests.waiting import PATIENCE, growing_timeouts

URL = SALSA + SEARCH
F: Any = faults
Action = Callable[[Any], Any]


@contextlib.contextmanager
def session_of_the_mock(mock: SegmentMock) -> Iterator[Any]:
    """The session that ``mock.session()`` returns."""
    yield mock.session()


@contextlib.contextmanager
def intercepted_session(mock: SegmentMock) -> Iterator[Any]:
    """A session of requests whose calls are intercepted in process."""
    with mock.intercept(), requests.Session() as session:
        yield session


@contextlib.contextmanager
def live_session(mock: SegmentMock) -> Iterator[Any]:
    """A session of requests whose calls go over real sockets to a live server."""
    with mock.intercept(transport="live"), requests.Session() as session:
        yield session


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    with SegmentMock() as mock:
        yield mock


SESSIONS = [session_of_the_mock, intercepted_session, live_session]


def post(session: Any, url: str = URL, **arguments: Any) -> Any:
    """Send a search with *arguments* for ``session.post``; return the status and the reason, or the error's class."""
    try:
        response = session.post(url, **{"json": ALL, "headers": HEADERS, "timeout": 9, **arguments})
    except (OSError, ValueError) as error:
        return type(error)
    return response.status_code, response.reason


def request_numbers(transport: Any, action: Action, fault: Any = None) -> list[int]:
    """Run *action* and return, for each call, its number among the requests of its connection.

    *fault* affects calls whose query is ``slow``.
    """
    numbers: list[int] = []

    async def record_number(call: Any, proceed: Any) -> Any:
        numbers.append(call.request.number)
        return await proceed()

    with SegmentMock(limits="off") as mock:
        mock.faults.add(record_number)
        if fault is not None:
            mock.faults.add(fault, match=lambda call: "slow" in call.request.target)
        with transport(mock) as client:
            action(client)
    return numbers


ACTIONS: dict[str, tuple[Action, list[int]]] = {
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
@pytest.mark.parametrize("name", ACTIONS)
def test_requests_reuses_connections_as_over_sockets(transport: Any, name: str) -> None:
    """A fault rule for new or reused connections therefore affects the same calls in process and live."""
    action, expected = ACTIONS[name]

    assert expected == request_numbers(transport, action)


async def raise_connection_reset(call: Any, proceed: Any) -> Any:
    """Raise the error that a socket raises when the peer resets the connection."""
    raise ConnectionResetError("by a stage")


def with_header(name: str, value: str) -> Any:
    """Return a fault that adds a header to the response which the transport normally sets."""

    async def fault(call: Any, proceed: Any) -> Any:
        response = await proceed()
        return replace(response, headers={**response.headers, name: value})

    return fault


FAULTS = {
    "late": (F.Latency(0.01), [1, 2, 3, 4]),
    "lengthless": (F.Error(204), [1, 2, 3, 4]),
    "broken": (F.Disconnect(), [1, 2, 1, 2]),
    "cut": (F.Truncate(), [1, 2, 1, 2]),
    "closing": (with_header("Connection", "close"), [1, 2, 1, 2]),
    "in no chunks": (with_header("Transfer-Encoding", "chunked"), [1, 2, 1, 2]),
    "too short": (with_header("Content-Length", "99999"), [1, 2, 1, 2]),
    "a function that raises": (raise_connection_reset, [1, 2, 1, 2]),
}


@pytest.mark.parametrize("transport", SESSIONS)
@pytest.mark.parametrize("name", FAULTS)
def test_only_an_incomplete_response_closes_the_connection(transport: Any, name: str) -> None:
    """A delayed response, or one without a length, keeps it open."""
    fault, expected = FAULTS[name]

    def second_is_slow(session: Any, slow_timeout: float) -> None:
        for query in ("", "?slow", "", ""):
            post(session, URL + query, timeout=slow_timeout if query else PATIENCE)

    # Over a socket, a client waits until its timeout for the line with the size of a chunk.
    for timeout in growing_timeouts(0.25) if name == "in no chunks" else [PATIENCE]:
        numbers = request_numbers(transport, partial(second_is_slow, slow_timeout=timeout), fault)
        if numbers == expected:
            break

    assert expected == numbers


@pytest.mark.parametrize("transport", ["inprocess", "live"])
def test_httpx_reuses_connections_as_over_sockets(transport: Any) -> None:
    """In both kinds of client, a delayed response keeps the connection open, and an unread stream closes it."""

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

    assert [1, 2, 3, 4, 5, 1] * 2 == request_numbers(intercepted_client, action, F.Latency(0.01))


@pytest.mark.parametrize("transport", ["inprocess", "live"])
def test_connection_limits_of_httpx_apply(mock: SegmentMock, transport: Any) -> None:
    """An unread stream occupies its connection; with a limit of one connection, the next call fails."""
    limits, timeout = httpx.Limits(max_connections=1), httpx.Timeout(9, pool=0.05)
    with mock.intercept(transport=transport), httpx.Client(limits=limits, timeout=timeout) as client:
        with client.stream("POST", URL, json=ALL, headers=HEADERS), pytest.raises(httpx.PoolTimeout):
            client.post(URL, json=ALL, headers=HEADERS)

        assert client.post(URL, json=ALL, headers=HEADERS).status_code == 200


UNUSUAL_ARGUMENTS: dict[str, dict[str, Any]] = {
    "timeout of zero": {"timeout": 0},
    "three timeouts": {"timeout": (1, 2, 3)},
    "two timeouts": {"timeout": (3.05, 27)},
    "a non-Latin header": {"headers": {**HEADERS, "X-Name": "\u017c"}},
    "a long header": {"headers": {**HEADERS, "X-Name": "x" * 100_000}},
    "an invalid header name": {"headers": {**HEADERS, "X Name": "x"}},
    "a tab": {"headers": {**HEADERS, "X-Name": "x\ty"}},
    "a space at the end": {"headers": {**HEADERS, "X-Name": "x "}},
    "a space before": {"headers": {**HEADERS, b"X-Name": b" x"}},
    "no user agent": {"headers": {**HEADERS, "User-Agent": None, "Accept-Encoding": None}},
    "no certificate": {"verify": "/nowhere"},
    "a long URL": {"params": {"q": "x" * 100_000}},
}


@pytest.mark.parametrize("name", UNUSUAL_ARGUMENTS)
def test_an_unusual_call_has_the_same_result_as_over_a_socket(name: str) -> None:
    """The error or the status is the same, and so is the request in the journal."""
    results = []
    for transport in (intercepted_session, live_session):
        with SegmentMock() as mock, transport(mock) as session:
            results.append((post(session, **UNUSUAL_ARGUMENTS[name]), [dict(e.request_headers) for e in mock.journal]))

    assert results[0] == results[1]


INVALID_HEADERS: dict[str, Any] = {
    "a space before": [("X-Name", " x")],
    "a space after": [("X-Name", "x ")],
    "two hosts": [("Host", "api.salsalabs.org"), ("Host", "b")],
    "a length too long": [("Content-Length", "300")],
    "a length too short": [("Content-Length", "3")],
    "no length": [("Content-Length", "abc")],
}


@pytest.mark.parametrize("name", INVALID_HEADERS)
def test_headers_that_h11_refuses_raise_the_same_error_as_over_a_socket(mock: SegmentMock, name: str) -> None:
    """The call does not reach the emulator."""
    raised = []
    for transport in ("inprocess", "live"):
        with mock.intercept(transport=transport), httpx.Client(timeout=9) as client:  # type: ignore[arg-type]
            with pytest.raises(Exception, match=r"header|Length|length|data|Host") as caught:
                client.post(URL, json=ALL, headers=[*HEADERS.items(), *INVALID_HEADERS[name]])
            raised.append((caught.type, str(caught.value)))

    assert raised[0] == raised[1]
    assert "LocalProtocolError" == raised[0][0].__name__
    assert 0 == len(mock.journal)


@pytest.mark.parametrize("method", ["GE T", "GET\r\nX: Y", "M-SEARCH", "get"])
def test_an_unusual_method_has_the_same_result_as_over_a_socket(mock: SegmentMock, method: str) -> None:
    """http.client refuses some; the others reach the emulator unchanged."""
    results = []
    for transport in (session_of_the_mock, intercepted_session, live_session):
        with transport(mock) as session:
            try:
                results.append(str(session.request(method, URL, headers=HEADERS).status_code))
            except ValueError as error:
                results.append(str(error))

    assert 1 == len({*results})


@pytest.mark.parametrize("transport", SESSIONS)
def test_a_session_sends_the_cookies_of_a_response(mock: SegmentMock, transport: Any) -> None:
    mock.faults.add(F.Error(200, headers={"Set-Cookie": "sid=abc; Path=/"}), times=1)
    with transport(mock) as session:
        for _ in range(2):
            post(session)

        assert {"sid": "abc"} == dict(session.cookies)
    assert "cookie" in mock.journal.entries()[-1].request_headers


@pytest.mark.parametrize("stream", [True, False])
def test_a_session_of_a_mock_ignores_the_interception_of_another_mock(mock: SegmentMock, stream: bool) -> None:
    """Streamed responses that are never read make no difference."""
    with SegmentMock() as other, other.intercept():
        session = mock.session()
        for _ in range(3):
            assert session.post(SEARCH, json=ALL, headers=HEADERS, stream=stream).status_code == 200

    assert (3, 0) == (len(mock.journal), len(other.journal))


class TestHttpClient:
    """http.client used directly: a request starts as soon as it has been sent."""

    @pytest.fixture
    def connection(self, mock: SegmentMock) -> Iterator[http.client.HTTPSConnection]:
        """A connection to a vendor's host, which is intercepted."""
        with mock.intercept():
            yield http.client.HTTPSConnection("api.salsalabs.org", timeout=9)

    def send_upsert(self, connection: http.client.HTTPSConnection) -> None:
        """Send a request that adds a group."""
        body = json.dumps({"payload": {"segments": [{"name": "A"}]}})
        connection.request("PUT", SEARCH.removesuffix("/search"), body, HEADERS)

    def test_a_request_whose_response_is_not_read_is_performed(self, mock: SegmentMock, connection: Any) -> None:
        """The client closes the connection right after it has sent the request."""
        self.send_upsert(connection)
        connection.close()

        assert ["A"] == [group["name"] for group in mock.salsa.segments]

    def test_a_delayed_call_is_abandoned_when_its_client_closes(self, mock: SegmentMock, connection: Any) -> None:
        """The operation is not performed, and the clock does not move."""
        mock.clock.freeze()
        mock.faults.add(F.Latency(1))
        before = mock.clock.now()
        self.send_upsert(connection)
        connection.close()

        assert ([], before) == (mock.salsa.segments, mock.clock.now())
        assert ["abandoned"] == [entry.outcome for entry in mock.journal]

    def test_a_delay_starts_when_the_request_is_sent(self, mock: SegmentMock, connection: Any) -> None:
        """The remaining delay is compared with the socket's timeout when the response is read."""
        mock.clock.freeze()
        mock.faults.add(F.Latency(5))
        before = mock.clock.now()
        self.send_upsert(connection)
        mock.clock.advance(3)
        connection.sock.settimeout(2.5)
        assert connection.getresponse().status == 200

        assert 5 == mock.clock.now() - before

    def test_a_delay_longer_than_the_timeout_raises_the_clients_error(self, mock: SegmentMock, connection: Any) -> None:
        """The clock advances by the timeout."""
        mock.clock.freeze()
        mock.faults.add(F.Latency(20))
        before = mock.clock.now()
        self.send_upsert(connection)
        with pytest.raises(TimeoutError):
            connection.getresponse()

        assert 9 == mock.clock.now() - before

    def test_http_client_refuses_a_second_request_before_the_response_is_read(self, connection: Any) -> None:
        self.send_upsert(connection)
        with pytest.raises(http.client.CannotSendRequest):
            self.send_upsert(connection)


@pytest.fixture
def connection() -> Iterator[http.client.HTTPSConnection]:
    """A connection to a vendor's host, which is intercepted."""
    with SegmentMock() as mock, mock.intercept():
        client = http.client.HTTPSConnection("api.salsalabs.org", timeout=5)
        yield client
        client.close()


def test_peek_of_http_client_returns_the_next_bytes_of_a_body(connection: http.client.HTTPSConnection) -> None:
    connection.request("POST", SEARCH, json.dumps(ALL), HEADERS)
    with connection.getresponse() as response:
        assert response.read(2) == b'{"'
        assert response.peek()[:2] == b"id"
        assert json.loads(b'{"' + response.read())["payload"]["count"] == 0


def test_the_debug_output_of_http_client_has_the_status_line(
    connection: http.client.HTTPSConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    connection.set_debuglevel(1)
    connection.request("POST", SEARCH, json.dumps(ALL), HEADERS)
    with connection.getresponse() as response:
        assert response.status == 200

    assert "reply: 'HTTP/1.1 200 OK" in capsys.readouterr().out


def addresses_of_http_client(url: str) -> Any:
    """Return both addresses of a connection to *url* after a call, the other end's first."""
    kind = http.client.HTTPSConnection if url.startswith("https:") else http.client.HTTPConnection
    connection = kind(urlsplit(url).netloc, timeout=PATIENCE)
    connection.request("POST", SEARCH, json.dumps(ALL), HEADERS)
    with connection.getresponse(), contextlib.closing(connection):
        return connection.sock.getpeername(), connection.sock.getsockname()


def addresses_of_requests(url: str) -> Any:
    """The same for requests, and so urllib3."""
    with requests.Session() as session, session.post(url, json=ALL, headers=HEADERS, stream=True) as response:
        sock = response.raw.connection.sock
        return sock.getpeername(), sock.getsockname()


def addresses_of_httpx(url: str, **extensions: Any) -> Any:
    """The same for httpx."""
    with (
        httpx.Client(timeout=PATIENCE) as client,
        client.stream("POST", url, json=ALL, headers=HEADERS, extensions=extensions) as response,
    ):
        stream = response.extensions["network_stream"]
        sock = stream.get_extra_info("socket")
        addresses = stream.get_extra_info("server_addr"), stream.get_extra_info("client_addr")
        assert addresses == (sock.getpeername(), sock.getsockname())
        assert stream.get_extra_info("ssl_object") is None
        return addresses


def addresses_of_httpx_with_trace(url: str) -> Any:
    """The same for httpx if httpcore itself connects, and reports each step."""
    return addresses_of_httpx(url, trace=lambda event, info: None)


def addresses_of_aiohttp(url: str) -> Any:
    """The same for aiohttp."""

    async def send() -> Any:
        async with aiohttp.ClientSession() as session, session.post(url, json=ALL, headers=HEADERS) as response:
            assert response.connection is not None
            transport: Any = response.connection.transport
            return transport.get_extra_info("peername"), transport.get_extra_info("sockname")

    return asyncio.run(send())


@pytest.mark.parametrize(
    "addresses_of",
    [
        addresses_of_http_client,
        addresses_of_requests,
        addresses_of_httpx,
        addresses_of_httpx_with_trace,
        addresses_of_aiohttp,
    ],
)
def test_a_connection_has_assumed_addresses_and_the_port_of_the_call(addresses_of: Any, mock: SegmentMock) -> None:
    """The addresses are of RFC 5737, so that no reader takes them for real ones."""
    if addresses_of is addresses_of_aiohttp:
        mock.faults.add(F.Drip())  # aiohttp forgets the connection with the last byte of the body
    own = ("192.0.2.2", 49152)
    with mock.intercept():
        assert addresses_of(URL) == (("192.0.2.1", 443), own)
        assert addresses_of(URL.replace("https:", "http:")) == (("192.0.2.1", 80), own)
        assert addresses_of(URL.replace(".org/", ".org:8443/")) == (("192.0.2.1", 8443), own)


def test_a_socket_in_process_has_the_methods_of_a_connected_socket(mock: SegmentMock) -> None:
    request = "GET /api/integration/ext/v1/metrics HTTP/1.1\r\nHost: api.salsalabs.org\r\nauthToken: any\r\n\r\n"
    with mock.intercept():
        client = http.client.HTTPSConnection("api.salsalabs.org")
        client.connect()
        sock = client.sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        assert (socket.AF_INET, socket.SOCK_STREAM) == (sock.family, sock.type)
        assert 0 == sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        assert bytes(8) == sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        assert len(request) == sock.send(request.encode())
        assert sock.recv(2**16).startswith(b"HTTP/1.1 200 OK")
        client.close()

        for method in (sock.getpeername, sock.getsockname):
            with pytest.raises(OSError, match="Bad file descriptor"):
                method()
        with pytest.raises(BrokenPipeError):
            sock.send(b"x")


class CrowdedList(list[Any]):
    """A list that another thread changes, by *meanwhile*, just before it loses its first item."""

    meanwhile: Callable[[], object] | None = None

    def __setitem__(self, index: Any, value: Any) -> None:
        self._let_others_run()
        super().__setitem__(index, value)

    def remove(self, item: Any) -> None:
        self._let_others_run()
        super().remove(item)

    def _let_others_run(self) -> None:
        action, self.meanwhile = self.meanwhile, None
        if action is not None:
            with ThreadPoolExecutor(1) as executor:
                executor.submit(action).result(PATIENCE)


def test_a_client_of_two_threads_closes_the_sockets_of_all_ended_interceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread closes the pools of interceptions that have ended, while another one adds a pool."""
    sockets: list[socket.socket] = []
    connect = socket.create_connection

    def recorded(*arguments: Any, **options: Any) -> socket.socket:
        sockets.append(connect(*arguments, **options))
        return sockets[-1]

    def send() -> None:
        with SegmentMock() as mock, mock.intercept(transport="live"):
            assert client.post(URL, json=ALL, headers=HEADERS).status_code == 200

    monkeypatch.setattr(socket, "create_connection", recorded)
    with httpx.Client(timeout=PATIENCE) as client:
        transport: Any = client._transport
        pools = vars(transport._pool)["segment_mock_pools"] = CrowdedList()
        send()
        pools.meanwhile = send
        send()
        assert pools.meanwhile is None

    assert [-1, -1, -1] == [each.fileno() for each in sockets]


@pytest.mark.parametrize("transport", ["inprocess", "live"])
@pytest.mark.parametrize(("timeout", "request_timeout", "expected"), [(0.01, 600.0, "timed out"), (600, 0.01, "408")])
def test_an_incomplete_request_ends_at_the_shorter_timeout(
    transport: Any, timeout: float, request_timeout: float, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client times out, or the server returns 408."""
    monkeypatch.setitem(LiveServer.__init__.__kwdefaults__, "request_timeout", request_timeout)
    with SegmentMock() as mock, mock.intercept(transport=transport):
        client = http.client.HTTPSConnection("api.salsalabs.org", timeout=PATIENCE)
        client.connect()
        client.sock.settimeout(timeout)
        client.request("POST", SEARCH, "{}", {**HEADERS, "Content-Length": "3"})
        try:
            result = str(client.getresponse().status)
        except TimeoutError as error:
            result = str(error)
        client.close()

    assert result == expected


@pytest.mark.parametrize("transport", ["inprocess", "live"])
def test_an_incomplete_request_of_aiohttp_is_refused(transport: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In process the 30 seconds of a server pass on the mock's clock."""
    monkeypatch.setitem(LiveServer.__init__.__kwdefaults__, "request_timeout", 0.01)

    async def send(session: aiohttp.ClientSession) -> int:
        async with session.post(URL, data=b"{}", headers={**HEADERS, "Content-Length": "3"}) as response:
            return response.status

    with SegmentMock() as mock, mock.intercept(transport=transport):
        mock.clock.freeze(0)
        assert [408, 408] == asyncio.run(with_aiohttp(send))
        assert mock.clock.now() == (60 if transport == "inprocess" else 0)


@pytest.mark.parametrize(("seconds", "status"), [(15, 200), (60, 408)])
def test_a_body_that_aiohttp_sends_in_parts_may_take_30_seconds(mock: SegmentMock, seconds: int, status: int) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b'{"payload": '
        await asyncio.sleep(seconds)
        yield b'{"offset": 0, "count": 20}}'

    async def send(session: aiohttp.ClientSession) -> int:
        async with session.post(URL, data=parts(), headers=HEADERS) as response:
            return response.status

    with mock.intercept():
        assert [status, status] == asyncio.run(with_aiohttp(send))


async def with_aiohttp(send: Callable[[aiohttp.ClientSession], Awaitable[int]]) -> list[int]:
    """Call *send* twice, so that the second call may use the connection of the first one."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=200)) as session:
        return [await send(session), await send(session)]
