"""``mock.intercept()`` routes unchanged clients of this process to the emulator; at its end it restores all patches."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import weakref
from collections.abc import Iterator
from typing import Any

import aiohttp
import httpcore
import httpx
import pytest
import requests
import urllib3

from segment_mock import NetworkBlocked, SegmentMock, SettingError, WouldHangForever, faults
from segment_mock.transports.inprocess.registry import REGISTRY
from tests.transports.inprocess.clients import ALL, CLIENTS, HEADERS, SALSA, SEARCH

URL = SALSA + SEARCH
F: Any = faults
CLIENTS_OF_COROUTINES: dict[str, Any] = {"aiohttp": aiohttp.ClientSession, "httpx": httpx.AsyncClient}
PATCHED_ATTRIBUTES = (
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
    """A mock with one group, whose clock is frozen."""
    with SegmentMock(data={"salsa": {"segments": [{"name": "A"}]}}) as mock:
        mock.clock.freeze("2026-01-01T00:00:00Z")
        yield mock


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Each client library, with a client that is created before the interception begins."""
    client = CLIENTS[request.param]()
    yield client
    client.close()


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a socket connects."""

    def connect(*_: Any) -> None:
        raise AssertionError("a socket was connected")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)


def patched_functions() -> list[object]:
    """Return the current values of all attributes that an interception patches, and the import hooks."""
    return [vars(owner).get(name) for owner, name in PATCHED_ATTRIBUTES] + [*sys.meta_path]


def search(client: Any, url: str = URL) -> int:
    """Return the number of groups that *client* finds."""
    status, text = client.send("POST", url, ALL)
    assert status == 200, text
    total: int = json.loads(text)["payload"]["total"]
    return total


@pytest.mark.usefixtures("no_sockets")
def test_an_existing_client_is_intercepted(mock: SegmentMock, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket is connected, and proxies of the environment are ignored."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with mock.intercept():
        results = [search(client), search(client), search(client, URL.replace("https", "http"))]

    assert [1, 1, 1] == results
    assert ["inprocess"] * 3 == [entry.door for entry in mock.journal]


def test_the_last_of_nested_interceptions_restores_everything(mock: SegmentMock) -> None:
    """The interceptions may end in any order."""
    before = patched_functions()
    first, second = mock.intercept(), mock.intercept()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    within = patched_functions()
    is_intercepted = REGISTRY.transport_for("api.salsalabs.org") is not None
    second.__exit__(ZeroDivisionError, ZeroDivisionError(), None)

    assert is_intercepted
    assert not any(
        after is original
        for after, original in zip(within[: len(PATCHED_ATTRIBUTES)], before[: len(PATCHED_ATTRIBUTES)], strict=True)
    )
    assert before == patched_functions()


def test_an_exception_in_the_block_ends_the_interception(mock: SegmentMock) -> None:
    """The exception is passed on, and all patches are restored."""
    before = patched_functions()
    with pytest.raises(ZeroDivisionError), mock.intercept():
        raise ZeroDivisionError

    assert before == patched_functions()


@pytest.mark.parametrize("transport", ["pigeon", None, 5, ["live"]])
def test_an_unknown_transport_is_an_error(mock: SegmentMock, transport: Any) -> None:
    """The error names the unknown transport and the valid transports."""
    with pytest.raises(SettingError, match=re.escape(f"transport: {transport!r} is not one of inprocess, live, tls")):
        mock.intercept(transport=transport)


@pytest.mark.parametrize("value", ["no", "false", 0, 1, None, []])
def test_block_network_is_true_or_false(mock: SegmentMock, value: Any) -> None:
    """A string such as ``"no"`` would be true, so it is an error."""
    with pytest.raises(SettingError, match=re.escape(f"block_network: {value!r} is not True or False")):
        mock.intercept(block_network=value)


def test_the_innermost_of_two_mocks_gets_the_call(mock: SegmentMock, client: Any) -> None:
    """A connection that is kept alive to one mock is not used for the other."""
    with SegmentMock() as empty, mock.intercept():
        outside = search(client)
        with empty.intercept():
            inside = search(client)
        results = [outside, inside, search(client)]

    assert [1, 0, 1] == results


def test_intercepted_and_real_calls_share_no_connections(
    mock: SegmentMock, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client keeps connections alive to a real server that has the vendor's host name."""
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


@pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
def test_a_client_of_a_whole_run_keeps_no_mock_of_an_earlier_interception(client: Any, transport: Any) -> None:
    """It would keep its sockets too, and run out of them after a thousand tests."""
    mocks = []
    for _ in range(3):
        with SegmentMock() as mock, mock.intercept(transport=transport):
            assert search(client) == 0
        mocks.append(weakref.ref(mock))
    del mock
    gc.collect()

    assert [None, None] == [reference() for reference in mocks[:2]]


@pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
@pytest.mark.parametrize("url", [URL, URL.replace("https", "http")])
def test_a_pool_of_urllib3_for_a_proxy_is_intercepted(mock: SegmentMock, url: str, transport: Any) -> None:
    """This also applies without a timeout, whose default urllib3 passes on as an object."""
    pool = urllib3.ProxyManager("http://proxy.example:3128", retries=False)
    with mock.intercept(transport=transport, block_network=True), pool:
        for _ in range(2):
            assert pool.request("POST", url, body=json.dumps(ALL), headers=HEADERS).status == 200


def test_a_connection_through_a_proxy_that_is_not_established_times_out(mock: SegmentMock) -> None:
    """Without a timeout of the client, the system ends the attempt."""
    mock.faults.add(F.Connect(how="timeout"))
    pool = urllib3.ProxyManager("http://proxy.example:3128", retries=False)
    with mock.intercept(), pool, pytest.raises(urllib3.exceptions.HTTPError, match="timed out"):
        pool.request("POST", URL, body=json.dumps(ALL), headers=HEADERS)


def test_calls_to_other_local_hosts_are_not_intercepted(mock: SegmentMock, client: Any) -> None:
    """A live server of another mock can be reached."""
    with SegmentMock() as other, mock.intercept(block_network=True):
        result = search(client, other.serve().url + SEARCH)

    assert 0 == result
    assert 0 == len(mock.journal)


@pytest.mark.usefixtures("no_sockets")
def test_block_network_refuses_other_hosts(mock: SegmentMock, client: Any) -> None:
    """The error names the host and the line of the caller, and no client retries."""
    with mock.intercept(block_network=True), pytest.raises(NetworkBlocked) as caught:
        search(client, "https://example.org/")

    assert str(caught.value).startswith("example.org was called at tests/transports/")
    assert "block_network=True" in str(caught.value)


@pytest.mark.parametrize("name", ["api.salsalabs.org", b"api.salsalabs.org", "API.SALSALABS.ORG."])
def test_looking_up_a_vendors_host_is_refused(mock: SegmentMock, name: Any) -> None:
    """The error says that the client can't be intercepted."""
    with (
        mock.intercept(),
        pytest.raises(NetworkBlocked, match=r"test_intercept.py:\d+: a client that can't be intercepted looked up"),
    ):
        socket.create_connection((name, 443))


@pytest.mark.usefixtures("no_sockets")
def test_urllib_request_and_http_client_are_intercepted(mock: SegmentMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP, HTTPS and connections that are kept alive work, and proxies are ignored."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr(urllib.request, "_opener", None)  # the opener keeps the proxies of the first call
    body = json.dumps(ALL).encode()
    results = []
    with mock.intercept():
        for url in (URL, URL.replace("https", "http")):
            with urllib.request.urlopen(urllib.request.Request(url, body, HEADERS, method="POST")) as response:
                results.append(json.load(response)["payload"]["total"])
        connection = http.client.HTTPSConnection("api.salsalabs.org")
        for _ in range(2):
            connection.request("POST", SEARCH, body, HEADERS)
            results.append(json.load(connection.getresponse())["payload"]["total"])

    assert [1, 1, 1, 1] == results


def test_an_interception_can_decorate_functions_and_coroutine_functions(mock: SegmentMock) -> None:
    """Threads that the function starts are intercepted too; a class is a TypeError."""

    @mock.intercept()
    def plain() -> int:
        statuses: list[int] = []
        workers = [threading.Thread(target=lambda: statuses.append(requests.get(URL).status_code)) for _ in range(3)]
        for thread in workers:
            thread.start()
        for thread in workers:
            thread.join()
        return len(statuses)

    @mock.intercept()
    async def asynchronous() -> int:
        async with httpx.AsyncClient() as one, aiohttp.ClientSession() as other:
            responses = await asyncio.gather(one.get(URL), other.get(URL))
            other_status: int = responses[1].status
            return responses[0].status_code + other_status

    assert (3, 3, 802) == (plain(), plain(), asyncio.run(asynchronous()))
    assert "plain" == plain.__name__
    with pytest.raises(TypeError, match="functions and coroutine functions"):
        mock.intercept()(SegmentMock)


def test_libraries_imported_during_an_interception_are_intercepted() -> None:
    """The test runs in a new interpreter; starting an interception imports no client library."""
    script = """
import sys
from segment_mock import SegmentMock
mock = SegmentMock()
with mock.intercept():
    early = {"requests", "urllib3", "httpx", "httpcore", "aiohttp"} & sys.modules.keys()
    session = mock.session()  # the first to import requests
    import requests, httpx
    statuses = [client.get("https://api.salsalabs.org/api/integration/ext/v1/metrics").status_code
                for client in (session, requests, httpx)]
modules = [function.__module__ for function in (requests.adapters.HTTPAdapter.send, httpx.HTTPTransport.handle_request)]
print(early, statuses, modules)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert "set() [401, 401, 401] ['requests.adapters', 'httpx._transports.default']\n" == result.stdout, result.stderr


def test_a_delay_advances_only_the_clock_of_the_mock(mock: SegmentMock, client: Any) -> None:
    """Without a timeout, a hang raises an error that names the fault."""
    mock.faults.add(F.Latency(seconds=5), times=1)
    before = mock.clock.now()
    with mock.intercept():
        search(client)
        late = mock.clock.now() - before
        mock.faults.add(F.Hang(), times=1)
        with pytest.raises(WouldHangForever, match="hang"):
            client.send("POST", URL, ALL, None)

    assert 5 == late


def test_the_default_timeout_of_aiohttp_applies(mock: SegmentMock) -> None:
    """Five minutes pass on the mock's clock, and aiohttp raises its own TimeoutError."""
    mock.faults.add(F.Hang())

    async def call() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get(URL)

    before, started_at = mock.clock.now(), time.monotonic()
    with mock.intercept(), pytest.raises(asyncio.TimeoutError):
        asyncio.run(call())
    real_seconds = time.monotonic() - started_at

    # aiohttp rounds the deadline up to a whole second of the loop's time, and the wait starts shortly after the call.
    assert 300 - real_seconds - 0.01 <= mock.clock.now() - before <= 301


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="needs the eager tasks of Python 3.12")
@pytest.mark.parametrize("library", CLIENTS_OF_COROUTINES)
def test_calls_in_a_loop_with_eager_tasks_get_their_responses(mock: SegmentMock, library: str) -> None:
    """The second call uses the connection of the first; calls of parallel tasks have one each."""
    eager_task_factory: Any = vars(asyncio)["eager_task_factory"]
    seen: list[int] = []

    async def post(client: Any) -> None:
        response = await client.post(URL, json=ALL, headers=HEADERS)
        seen.append(response.status if library == "aiohttp" else response.status_code)

    async def calls() -> None:
        asyncio.get_running_loop().set_task_factory(eager_task_factory)
        timeout: Any = {"aiohttp": aiohttp.ClientTimeout(10), "httpx": 10}[library]
        async with CLIENTS_OF_COROUTINES[library](timeout=timeout) as client:
            for _ in range(2):
                await post(client)
            mock.faults.add(F.Latency(seconds=1))
            await asyncio.gather(*(asyncio.create_task(post(client)) for _ in range(3)))

    with mock.intercept():
        asyncio.run(calls())

    assert [200] * 5 == seen


def test_a_traced_request_of_httpx_is_the_same_as_an_untraced_request(mock: SegmentMock) -> None:
    """Only a traced request is serialized by h11; headers, their order and the body are the same."""
    with mock.intercept(), httpx.Client(timeout=10) as client:
        for extensions in ({}, {"trace": lambda *_: None}):
            for _ in range(2):
                client.post(URL, content=json.dumps(ALL), headers=HEADERS, extensions=extensions)
    exchanges = [([*entry.request_headers.items()], entry.request_body) for entry in mock.journal]

    assert exchanges[0:2] == exchanges[2:4]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_trace_of_httpx_has_the_same_events_as_over_tls(mock: SegmentMock, is_async: bool) -> None:
    """The first call connects, and the second uses the same connection."""

    def send(events: list[str]) -> None:
        def note(event: str, info: dict[str, Any]) -> None:
            events.append(event)

        with httpx.Client(timeout=10) as client:
            for _ in range(2):
                client.post(URL, json=ALL, headers=HEADERS, extensions={"trace": note})

    async def send_async(events: list[str]) -> None:
        async def note(event: str, info: dict[str, Any]) -> None:
            events.append(event)

        async with httpx.AsyncClient(timeout=10) as client:
            for _ in range(2):
                await client.post(URL, json=ALL, headers=HEADERS, extensions={"trace": note})

    def events_over(transport: Any) -> list[str]:
        events: list[str] = []
        with mock.intercept(transport=transport):
            if is_async:
                asyncio.run(send_async(events))
            else:
                send(events)
        return events

    assert "connection.start_tls.complete" in events_over("inprocess")
    assert events_over("tls") == events_over("inprocess")


def test_repeated_headers_of_httpx_are_joined(mock: SegmentMock) -> None:
    """They keep their order, and may contain non-ASCII bytes."""
    headers = [*HEADERS.items(), (b"X-Trace", b"a"), ("Accept", "x/y"), (b"x-trace", b"\xe9")]
    with mock.intercept(), httpx.Client(timeout=10) as client:
        client.post(URL, content=json.dumps(ALL), headers=headers)
    (entry,) = mock.journal

    assert entry.request_headers["x-trace"] == "a, \xe9"


@pytest.mark.parametrize("body", [ALL, {"payload": 1}])
def test_a_response_has_the_same_attributes_as_over_a_socket(mock: SegmentMock, body: dict[str, Any]) -> None:
    """In requests and httpx, the status, reason, version and headers are the same."""
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


def test_the_timeout_of_a_session_of_the_mock_applies(mock: SegmentMock) -> None:
    """A hang raises the timeout error of requests, and advances the mock's clock."""
    mock.faults.add(F.Hang())
    before = mock.clock.now()
    with mock.session() as session, pytest.raises(requests.ReadTimeout):
        session.post(URL, json=ALL, headers=HEADERS, timeout=30)

    assert 30 == mock.clock.now() - before
