"""``mock.intercept()``: unchanged clients of this process land in the emulator, and nothing is left behind."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import aiohttp
import httpcore
import httpx
import pytest
import requests
import urllib3

from segment_mock import NetworkBlocked, SegmentMock, WouldHangForever, faults
from segment_mock.transports.inprocess.registry import REGISTRY
from tests.transports.inprocess.clients import ALL, CLIENTS, HEADERS, SALSA, SEARCH

URL = SALSA + SEARCH
F: Any = faults
PLACES = (
    (socket, "getaddrinfo"),
    (socket, "gethostbyname"),
    (socket.socket, "connect"),
    (socket.socket, "sendto"),
    (asyncio.BaseEventLoop, "getaddrinfo"),
    (http.client.HTTPConnection, "connect"),
    (http.client.HTTPSConnection, "connect"),
    (http.client.HTTPConnection, "putrequest"),
    (urllib3.connection.HTTPConnection, "connect"),
    (urllib3.connection.HTTPSConnection, "connect"),
    (requests.sessions, "get_environ_proxies"),
    (httpcore.ConnectionPool, "handle_request"),
    (httpcore.AsyncConnectionPool, "handle_async_request"),
    (aiohttp.TCPConnector, "connect"),
    (aiohttp.TCPConnector, "_create_connection"),
)


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    """A world of one group, whose clock stands."""
    with SegmentMock(data={"salsa": {"segments": [{"name": "A"}]}}) as mock:
        mock.clock.freeze("2026-01-01T00:00:00Z")
        yield mock


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Each client, made before any interception begins."""
    client = CLIENTS[request.param]()
    yield client
    client.close()


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any socket is a failure, except the pair with which an event loop wakes itself."""

    def connect(*_: Any) -> None:
        raise AssertionError("a socket was connected")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)


def patched_functions() -> list[object]:
    """Return the current value of each attribute that a hook patches."""
    return [vars(owner).get(name) for owner, name in PLACES] + [*sys.meta_path]


def search(client: Any, url: str = URL) -> int:
    """Return how many groups *client* gets."""
    status, text = client.send("POST", url, ALL)
    assert status == 200, text
    total: int = json.loads(text)["payload"]["total"]
    return total


@pytest.mark.usefixtures("no_sockets")
def test_existing_client_is_intercepted(mock: SegmentMock, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice, with no socket and no name looked up, whatever proxy the environment names; the calls are kept alive."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with mock.intercept():
        results = [search(client), search(client), search(client, URL.replace("https", "http"))]

    assert [1, 1, 1] == results
    assert ["inprocess"] * 3 == [entry.door for entry in mock.journal]


def test_all_is_as_before_once_it_ends(mock: SegmentMock) -> None:
    """Hooks and finder go with the last of nested interceptions, in whatever order they end."""
    before = patched_functions()
    first, second = mock.intercept(), mock.intercept()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    within = patched_functions()
    is_intercepted = REGISTRY.transport_for("api.salsalabs.org") is not None
    second.__exit__(ZeroDivisionError, ZeroDivisionError(), None)

    assert is_intercepted
    assert not any(now is then for now, then in zip(within[: len(PLACES)], before[: len(PLACES)], strict=True))
    assert before == patched_functions()


def test_an_exception_ends_it(mock: SegmentMock) -> None:
    """What a block raises leaves it as it is, and nothing stays behind."""
    before = patched_functions()
    with pytest.raises(ZeroDivisionError), mock.intercept():
        raise ZeroDivisionError

    assert before == patched_functions()


def test_unknown_transport_is_refused(mock: SegmentMock) -> None:
    """It is named, and those that are."""
    with pytest.raises(ValueError, match="'pigeon' is not one of inprocess, live, tls"):
        mock.intercept(transport="pigeon")  # type: ignore[arg-type]


def test_the_innermost_of_two_mocks_answers(mock: SegmentMock, client: Any) -> None:
    """A connection kept alive to the one is not used for the other, neither on the way in nor out."""
    with SegmentMock() as empty, mock.intercept():
        outside = search(client)
        with empty.intercept():
            inside = search(client)
        results = [outside, inside, search(client)]

    assert [1, 0, 1] == results


def test_a_real_connection_is_not_used_within_nor_ours_without(
    mock: SegmentMock, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vendor's keep-alive connection of before is left alone while a mock answers, and after that ours is."""
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **options: real("127.0.0.1", *args, **options))
    with SegmentMock() as vendor:
        url = f"http://api.salsalabs.org:{vendor.serve().port}{SEARCH}"
        before = search(client, url)
        with mock.intercept():
            within = [search(client, url), search(client, url)]
        after = search(client, url)

        assert (0, [1, 1], 0) == (before, within, after)
        assert 2 == len(vendor.journal)


def test_other_hosts_pass(mock: SegmentMock, client: Any) -> None:
    """A live server of another mock is reached as ever."""
    with SegmentMock() as other, mock.intercept(block_network=True):
        result = search(client, other.serve().url + SEARCH)

    assert 0 == result
    assert 0 == len(mock.journal)


@pytest.mark.usefixtures("no_sockets")
def test_block_network_refuses_other_hosts(mock: SegmentMock, client: Any) -> None:
    """The error names the host and the line that called, and no client retries it."""
    with mock.intercept(block_network=True), pytest.raises(NetworkBlocked) as caught:
        search(client, "https://example.org/")

    assert str(caught.value).startswith("example.org was called at tests/transports/")
    assert "block_network=True" in str(caught.value)


@pytest.mark.parametrize("name", ["api.salsalabs.org", b"api.salsalabs.org", "API.SALSALABS.ORG."])
def test_unsupported_client_can_not_look_up_a_vendor(mock: SegmentMock, name: Any) -> None:
    """A vendor's name is not looked up while a mock answers for it, and the error says what can be intercepted."""
    with (
        mock.intercept(),
        pytest.raises(NetworkBlocked, match=r"test_intercept.py:\d+: a client that can't be intercepted looked up"),
    ):
        socket.create_connection((name, 443))


@pytest.mark.usefixtures("no_sockets")
def test_the_standard_library_is_caught(mock: SegmentMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """urllib.request and http.client, kept alive, https and http, proxy or none."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of the first call
    body = json.dumps(ALL).encode()
    results = []
    with mock.intercept():
        for url in (URL, URL.replace("https", "http")):
            with urllib.request.urlopen(urllib.request.Request(url, body, HEADERS, method="POST")) as reply:
                results.append(json.load(reply)["payload"]["total"])
        connection = http.client.HTTPSConnection("api.salsalabs.org")
        for _ in range(2):
            connection.request("POST", SEARCH, body, HEADERS)
            results.append(json.load(connection.getresponse())["payload"]["total"])

    assert [1, 1, 1, 1] == results


def test_it_decorates_functions_and_coroutine_functions(mock: SegmentMock) -> None:
    """Each call is intercepted, threads that it starts as well; a class or a generator is refused."""

    @mock.intercept()
    def plain() -> int:
        statuses: list[int] = []
        asking = [threading.Thread(target=lambda: statuses.append(requests.get(URL).status_code)) for _ in range(3)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        return len(statuses)

    @mock.intercept()
    async def waited() -> int:
        async with httpx.AsyncClient() as one, aiohttp.ClientSession() as other:
            replies = await asyncio.gather(one.get(URL), other.get(URL))
            other_status: int = replies[1].status
            return replies[0].status_code + other_status

    assert (3, 3, 802) == (plain(), plain(), asyncio.run(waited()))
    assert "plain" == plain.__name__
    with pytest.raises(TypeError, match="functions and coroutine functions"):
        mock.intercept()(SegmentMock)


def test_clients_first_imported_within_are_caught() -> None:
    """In a fresh interpreter: nothing is imported by entering, and what is imported then is hooked, then unhooked."""
    script = """
import sys
from segment_mock import SegmentMock
mock = SegmentMock()
with mock.intercept():
    early = {"requests", "urllib3", "httpx", "httpcore", "aiohttp"} & sys.modules.keys()
    mine = mock.session()  # the first to import requests
    import requests, httpx
    statuses = [client.get("https://api.salsalabs.org/api/integration/ext/v1/metrics").status_code
                for client in (mine, requests, httpx)]
hooked = [place.__module__ for place in (requests.adapters.HTTPAdapter.send, httpx.HTTPTransport.handle_request)]
print(early, statuses, hooked)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert "set() [401, 401, 401] ['requests.adapters', 'httpx._transports.default']\n" == done.stdout, done.stderr


def test_waiting_moves_the_mocks_clock_only(mock: SegmentMock, client: Any) -> None:
    """A late answer costs no time; without a timeout a hang names fault and call instead of hanging."""
    mock.faults.add(F.Latency(seconds=5), times=1)
    before = mock.clock.now()
    with mock.intercept():
        search(client)
        late = mock.clock.now() - before
        mock.faults.add(F.Hang(), times=1)
        with pytest.raises(WouldHangForever, match="hang"):
            client.send("POST", URL, ALL, None)

    assert 5 == late


def test_a_total_timeout_of_aiohttp_is_kept(mock: SegmentMock) -> None:
    """Its default five minutes pass on the mock's clock, and its own TimeoutError is raised."""
    mock.faults.add(F.Hang())

    async def call() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get(URL)

    before = mock.clock.now()
    with mock.intercept(), pytest.raises(asyncio.TimeoutError):
        asyncio.run(call())

    # aiohttp rounds the end up to a whole second of the loop's time; the wait itself began a little after the call.
    assert 299 <= mock.clock.now() - before <= 301


def test_httpx_shows_the_emulator_the_same_request_through_h11(mock: SegmentMock) -> None:
    """A plain request is never written as bytes; one that is traced is: headers, order and body are the same."""
    with mock.intercept(), httpx.Client(timeout=10) as client:
        for extensions in ({}, {"trace": lambda *_: None}):
            for _ in range(2):
                client.post(URL, content=json.dumps(ALL), headers=HEADERS, extensions=extensions)
    exchanges = [([*entry.request_headers.items()], entry.request_body) for entry in mock.journal]

    assert exchanges[0:2] == exchanges[2:4]


def test_httpx_joins_a_header_that_is_sent_twice(mock: SegmentMock) -> None:
    """In the order in which they were sent, whatever bytes they are."""
    twice = [*HEADERS.items(), (b"X-Trace", b"a"), ("Accept", "x/y"), (b"x-trace", b"\xe9")]
    with mock.intercept(), httpx.Client(timeout=10) as client:
        client.post(URL, content=json.dumps(ALL), headers=twice)
    (entry,) = mock.journal

    assert entry.request_headers["x-trace"] == "a, \xe9"


@pytest.mark.parametrize("body", [ALL, {"payload": 1}])
def test_a_response_reads_as_it_does_over_a_socket(mock: SegmentMock, body: dict[str, Any]) -> None:
    """Status, phrase, version, headers and their order: in process as live, of requests and of httpx."""
    seen: dict[str, list[Any]] = {}
    for transport in ("inprocess", "live"):
        with mock.intercept(transport=transport), requests.Session() as session, httpx.Client() as client:  # type: ignore[arg-type]
            one = session.post(URL, json=body, headers=HEADERS)
            two = client.post(URL, json=body, headers=HEADERS)
        seen[transport] = [
            (one.status_code, one.reason, one.raw.version, [*one.headers]),
            (two.status_code, two.reason_phrase, two.http_version, two.headers.raw[0][0], [*two.headers]),
        ]

    assert seen["inprocess"] == seen["live"]


def test_a_session_of_the_mock_waits_as_long_as_its_timeout(mock: SegmentMock) -> None:
    """A delayed answer raises requests' own timeout error, and moves the mock's clock."""
    mock.faults.add(F.Hang())
    before = mock.clock.now()
    with mock.session() as session, pytest.raises(requests.ReadTimeout):
        session.post(URL, json=ALL, headers=HEADERS, timeout=30)

    assert 30 == mock.clock.now() - before
