"""The fault ``connect``: connections fail, on every transport."""

from __future__ import annotations

import asyncio
import http.client
import json
import select
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal

import aiohttp
import httpx
import pytest
import requests
import trio
import trio.testing
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from segment_mock import SegmentMock, SettingError, faults
from segment_mock.web import create_app

F: Any = faults
HOST, PATH = "api.salsalabs.org", "/api/integration/ext/v1/metrics"
URL = f"https://{HOST}{PATH}"
HEADERS = {"authToken": "any"}
SEGMENT = {"name": "A", "broadcastMediumId": "b", "segmentType": "t"}
CREATE = "https://eu.instaleap.io/segments"
PATIENCE = 30.0
HOW = ("refused", "timeout", "dns", "tls")
Way = Literal["inprocess", "live", "tls"]


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    with SegmentMock() as mock:
        yield mock


def by_http_client() -> int:
    with closing(http.client.HTTPSConnection(HOST, timeout=PATIENCE)) as connection:
        connection.request("GET", PATH, headers=HEADERS)
        with connection.getresponse() as response:
            response.read()
            return response.status


def by_urllib() -> int:
    with urllib.request.urlopen(urllib.request.Request(URL, headers=HEADERS), timeout=PATIENCE) as response:
        return int(response.status)


def by_urllib3() -> int:
    with urllib3.PoolManager(retries=False) as pool:
        return pool.request("GET", URL, headers=HEADERS, timeout=PATIENCE).status


def by_requests() -> int:
    return requests.get(URL, headers=HEADERS, timeout=PATIENCE).status_code


def by_httpx() -> int:
    return httpx.get(URL, headers=HEADERS, timeout=PATIENCE, verify=False).status_code


async def async_httpx() -> int:
    async with httpx.AsyncClient(timeout=PATIENCE, verify=False) as client:
        return (await client.get(URL, headers=HEADERS)).status_code


def by_httpx_in_asyncio() -> int:
    return asyncio.run(async_httpx())


def by_httpx_in_trio() -> int:
    return trio.run(async_httpx)


def by_aiohttp() -> int:
    async def call() -> int:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE)
        async with aiohttp.ClientSession(timeout=timeout) as client, client.get(URL, headers=HEADERS) as response:
            return response.status

    return asyncio.run(call())


CLIENTS = {
    by_http_client: (ConnectionRefusedError, TimeoutError, socket.gaierror, ssl.SSLCertVerificationError),
    by_urllib: (urllib.error.URLError,) * 4,
    by_urllib3: (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        getattr(urllib3.exceptions, "NameResolutionError", urllib3.exceptions.NewConnectionError),
        urllib3.exceptions.SSLError,
    ),
    by_requests: (
        requests.ConnectionError,
        requests.ConnectTimeout,
        requests.ConnectionError,
        requests.exceptions.SSLError,
    ),
    by_httpx: (httpx.ConnectError, httpx.ConnectTimeout, httpx.ConnectError, httpx.ConnectError),
    by_httpx_in_asyncio: (httpx.ConnectError, httpx.ConnectTimeout, httpx.ConnectError, httpx.ConnectError),
    by_httpx_in_trio: (httpx.ConnectError, httpx.ConnectTimeout, httpx.ConnectError, httpx.ConnectError),
    by_aiohttp: (
        aiohttp.ClientConnectorError,
        getattr(aiohttp, "ConnectionTimeoutError", aiohttp.ServerTimeoutError),
        getattr(aiohttp, "ClientConnectorDNSError", aiohttp.ClientConnectorError),
        aiohttp.ClientConnectorCertificateError,
    ),
}
CASES = [(call, how, error) for call, errors in CLIENTS.items() for how, error in zip(HOW, errors, strict=True)]


@pytest.mark.parametrize(("call", "how", "error"), CASES)
def test_each_client_raises_its_own_error_in_process(
    mock: SegmentMock, monkeypatch: pytest.MonkeyPatch, call: Callable[[], int], how: str, error: type[Exception]
) -> None:
    """The fault strikes once; the next call is answered. A timeout moves the mock's clock, and takes no real time."""
    monkeypatch.setattr(trio, "run", partial(trio.run, clock=trio.testing.MockClock(autojump_threshold=0.01)))
    rule = mock.faults.add(F.Connect(how=how), times=1)
    real, start = time.monotonic(), mock.clock.now()
    with mock.intercept():
        with pytest.raises(error) as caught:
            call()
        passed, real_seconds = mock.clock.now() - start, time.monotonic() - real
        assert 200 == call()

    assert type(caught.value) is error
    assert (1, how == "timeout") == (rule.fired, PATIENCE <= passed < 2 * PATIENCE)
    assert how != "timeout" or real_seconds < passed - 1
    assert 1 == len(mock.journal)  # a connection that is not established is not a call


@pytest.mark.parametrize("transport", ["live", "tls"])
@pytest.mark.parametrize(("call", "how", "error"), [case for case in CASES if case[1] != "timeout"])
def test_each_client_raises_its_own_error_live(
    mock: SegmentMock, transport: Way, call: Callable[[], int], how: str, error: type[Exception]
) -> None:
    mock.faults.add(F.Connect(how=how), times=1)
    with mock.intercept(transport=transport):
        with pytest.raises(error):
            call()
        assert 200 == call()


@pytest.mark.slow  # the client's own timeout has to pass
def test_a_timeout_is_real_over_real_sockets(mock: SegmentMock) -> None:
    mock.faults.add(F.Connect(how="timeout"))
    start = time.monotonic()
    with mock.intercept(transport="live"), pytest.raises(requests.ConnectTimeout):
        requests.get(URL, headers=HEADERS, timeout=0.2)

    assert 0.2 <= time.monotonic() - start


def test_a_client_without_a_timeout_waits_as_long_as_the_system(mock: SegmentMock) -> None:
    """A connection attempt on Linux ends after two minutes."""
    mock.faults.add(F.Connect(how="timeout"))
    start = mock.clock.now()
    with mock.intercept(), pytest.raises(TimeoutError, match="Connection timed out"):
        http.client.HTTPSConnection(HOST).request("GET", PATH)

    assert 127 <= mock.clock.now() - start < 130


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("transport", ["inprocess", "live"])
def test_retries_count_the_fault_as_a_connection_error(mock: SegmentMock, how: str, transport: Way) -> None:
    """It counts as ``connect``, so even a POST is repeated. An untrusted certificate counts as ``other``."""
    if how == "timeout" and transport == "live":
        pytest.skip("takes its time")

    def create(**counts: Any) -> int:
        with requests.Session() as session:
            session.mount("https://", HTTPAdapter(max_retries=Retry(total=9, **counts)))
            return session.post(CREATE, json=SEGMENT, headers={"x-api-key": "k"}, timeout=60).status_code

    kind = "other" if how == "tls" else "connect"
    with mock.intercept(transport=transport):
        rule = mock.faults.add(F.Connect(how=how), times=3)
        assert 200 == create(**{"connect": 0, "read": 0, "other": 0, kind: 3})
        assert (3, 1) == (rule.fired, len(mock.journal))
        rule = mock.faults.add(F.Connect(how=how), times=3)
        with pytest.raises(requests.ConnectionError):
            create(**{"connect": 3, "read": 3, "other": 3, kind: 0})
        assert (1, 1) == (rule.fired, len(mock.journal))


@pytest.mark.parametrize("how", HOW)
def test_httpx_retries_a_failed_connection(mock: SegmentMock, how: str) -> None:
    """The ``retries`` of its transport are those of httpcore, whose pauses move the mock's clock."""

    async def call() -> int:
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=3)) as client:
            return (await client.get(URL, headers=HEADERS)).status_code

    with mock.intercept():
        rule = mock.faults.add(F.Connect(how=how), times=3)
        with httpx.Client(transport=httpx.HTTPTransport(retries=3)) as client:
            assert 200 == client.get(URL, headers=HEADERS).status_code
        assert 3 == rule.fired
        rule = mock.faults.add(F.Connect(how=how), times=3)
        assert 200 == asyncio.run(call())
        assert 3 == rule.fired
        rule = mock.faults.add(F.Connect(how=how), times=3)
        with (
            httpx.Client(transport=httpx.HTTPTransport(retries=1)) as client,
            pytest.raises((httpx.ConnectError, httpx.ConnectTimeout)),
        ):
            client.get(URL, headers=HEADERS)
        assert 2 == rule.fired


@pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
class TestIdleConnections:
    """Arming the fault closes idle connections; otherwise a client that has one would never meet the fault."""

    def test_requests(self, mock: SegmentMock, transport: Way) -> None:
        with requests.Session() as session, mock.intercept(transport=transport):
            session.get(URL, headers=HEADERS)
            with mock.faults.injected(F.Connect()), pytest.raises(requests.ConnectionError, match="refused"):
                session.get(URL, headers=HEADERS)
            assert session.get(URL, headers=HEADERS).ok

    def test_http_client(self, mock: SegmentMock, transport: Way) -> None:
        connection = http.client.HTTPSConnection(HOST)
        with mock.intercept(transport=transport):
            connection.request("GET", PATH, headers=HEADERS)
            connection.getresponse().read()
            with mock.faults.injected(F.Connect()), pytest.raises(ConnectionRefusedError):
                connection.request("GET", PATH, headers=HEADERS)
            connection.close()

    def test_httpx(self, mock: SegmentMock, transport: Way) -> None:
        with httpx.Client() as client, mock.intercept(transport=transport):
            client.get(URL, headers=HEADERS)
            with mock.faults.injected(F.Connect()), pytest.raises(httpx.ConnectError):
                client.get(URL, headers=HEADERS)
            assert 200 == client.get(URL, headers=HEADERS).status_code

    def test_async_httpx(self, mock: SegmentMock, transport: Way) -> None:
        async def calls() -> None:
            async with httpx.AsyncClient() as client:
                await client.get(URL, headers=HEADERS)
                with mock.faults.injected(F.Connect()), pytest.raises(httpx.ConnectError):
                    await client.get(URL, headers=HEADERS)
                assert 200 == (await client.get(URL, headers=HEADERS)).status_code

        with mock.intercept(transport=transport):
            asyncio.run(calls())

    def test_aiohttp(self, mock: SegmentMock, transport: Way) -> None:
        async def calls() -> None:
            async with aiohttp.ClientSession() as client:
                async with client.get(URL, headers=HEADERS) as response:
                    await response.read()
                with mock.faults.injected(F.Connect()), pytest.raises(aiohttp.ClientConnectorError):
                    await client.get(URL, headers=HEADERS)
                async with client.get(URL, headers=HEADERS) as response:
                    assert 200 == response.status

        with mock.intercept(transport=transport):
            asyncio.run(calls())


def test_a_session_of_the_mock_with_an_idle_connection(mock: SegmentMock) -> None:
    session = mock.session()
    session.get(URL, headers=HEADERS)
    with mock.faults.injected(F.Connect()), pytest.raises(requests.ConnectionError, match="refused"):
        session.get(URL, headers=HEADERS)

    assert session.get(URL, headers=HEADERS).ok


def test_failed_connections_take_no_place_in_a_pool(mock: SegmentMock) -> None:
    mock.faults.add(F.Connect(), times=5)
    limits = httpx.Limits(max_connections=1)
    with mock.intercept(), httpx.Client(limits=limits, timeout=1) as client:
        for _ in range(5):
            with pytest.raises(httpx.ConnectError):
                client.get(URL, headers=HEADERS)
        assert 200 == client.get(URL, headers=HEADERS).status_code


def test_a_tls_failure_refuses_a_connection_without_tls(mock: SegmentMock) -> None:
    """There is no certificate to distrust."""
    mock.faults.add(F.Connect(how="tls"))
    with mock.intercept(), pytest.raises(requests.ConnectionError, match="refused"):
        requests.get(URL.replace("https:", "http:"), headers=HEADERS)


@pytest.mark.parametrize(
    ("rule", "strikes"),
    [
        ({}, True),
        ({"operation": "salsa.*"}, True),
        ({"operation": "segmenter.*"}, False),
        ({"match": {"vendor": "salsa"}}, True),
        ({"match": {"vendor": "segmenter"}}, False),
        ({"match": {"host": HOST}}, True),
        ({"match": {"host": "API.salsalabs.org."}}, True),
        ({"match": {"host": "*.salsalabs.org"}}, True),
        ({"match": {"host": "hq.uat.igniteaction.net"}}, False),
        ({"operation": "salsa.*", "match": {"host": "eu.instaleap.io"}}, False),
        ({"when": {"skip": 1}}, False),
        ({"when": {"from": 1, "until": 2}}, False),
    ],
)
def test_a_rule_selects_a_vendor_or_a_host(mock: SegmentMock, rule: dict[str, Any], strikes: bool) -> None:
    armed = mock.faults.add({"kind": "connect", **rule})
    with mock.intercept(), suppress(requests.ConnectionError):
        by_requests()

    assert (1, strikes) == (armed.seen, armed.fired == 1)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            {"operation": "salsa.get_metrics"},
            "operation: 'salsa.get_metrics' can't select connections; expected '*' or",
        ),
        ({"match": {"json": {"a": 1}}}, "match: json can't select connections; expected vendor or host"),
        ({"match": lambda call: True}, "match: a function can't select connections"),
        ({"match": {"host": "https://x"}}, "match.host: 'https://x' is neither a host nor a pattern such as"),
        ({"match": {"vendor": "sasla"}}, "match.vendor: unknown vendor 'sasla' (did you mean 'salsa'?)"),
        (
            {"when": {"connection": "reused"}},
            "when: connection: a fault that prevents connections strikes before any call",
        ),
        ({"how": "refuse"}, "fault connect: how: "),
    ],
)
def test_a_condition_on_a_call_is_refused(mock: SegmentMock, rule: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingError) as caught:
        mock.faults.add({"kind": "connect", **rule})

    assert str(caught.value).startswith(sentence)
    assert not len(mock.faults)


def test_the_explanation_of_a_rule_counts_connections(mock: SegmentMock) -> None:
    first, second = mock.faults.add("connect", match={"host": "a.example"}), mock.faults.add("connect", times=0)
    assert "no connection reached it" == first.explain()
    with mock.intercept():
        by_requests()
        by_requests()

    assert ["none of 2 connections matched", "times=0 never lets it strike"] == [first.explain(), second.explain()]


def test_a_match_of_a_host_also_selects_calls(mock: SegmentMock) -> None:
    """For every other kind of fault."""
    rule = mock.faults.add("error", match={"host": "*.instaleap.io"})
    with mock.intercept():
        assert 200 == by_requests()
        assert 500 == requests.post(CREATE, json=SEGMENT, headers={"x-api-key": "k"}).status_code

    assert (2, 1) == (rule.seen, rule.fired)


@pytest.mark.parametrize("how", HOW)
def test_a_plain_server_resets_the_first_call_of_a_connection(mock: SegmentMock, how: str) -> None:
    url = mock.serve().url
    rule = mock.faults.add(F.Connect(how=how), times=1)
    with requests.Session() as session:
        assert session.get(f"{url}/_mock/health").ok
    with requests.Session() as session:
        with pytest.raises(requests.ConnectionError, match="reset by peer"):
            session.get(f"{url}{PATH}", headers=HEADERS)
        assert session.get(f"{url}{PATH}", headers=HEADERS).ok

    assert 1 == rule.fired
    assert ["reset", "answered"] == [entry.outcome for entry in mock.journal]


def test_the_fault_breaks_off_the_call_under_wsgi(mock: SegmentMock) -> None:
    mock.faults.add(F.Connect(), operation="salsa.*")
    client = create_app(mock._emulator).test_client()
    with pytest.raises(ConnectionError):
        client.get(PATH, headers=HEADERS)


class TestProxy:
    """The proxy answers CONNECT like a proxy that can't reach the host."""

    def connect(self, mock: SegmentMock, how: str, host: str = HOST) -> tuple[socket.socket, Any]:
        server = mock.serve(proxy=True)
        mock.faults.add(F.Connect(how=how), times=1)
        sock = socket.create_connection((server.host, server.port), PATIENCE)
        sock.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
        return sock, server

    @pytest.mark.parametrize("how", ["refused", "dns"])
    def test_refused_and_dns(self, mock: SegmentMock, how: str) -> None:
        sock, _ = self.connect(mock, how)
        with sock:
            response = sock.recv(1000)

        assert response.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert f"X-Segment-Mock-Fault: connect {how}\r\n".encode() in response

    def test_timeout(self, mock: SegmentMock) -> None:
        """No response, until the client leaves or the server stops."""
        sock, server = self.connect(mock, "timeout")
        with sock:
            assert requests.get(f"{server.url}/_mock/health").ok  # is sent after it, and is answered
            assert not select.select([sock], [], [], 0)[0]
            server.stop()
            assert select.select([sock], [], [], PATIENCE)[0]

    @pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
    def test_tls(self, mock: SegmentMock) -> None:
        sock, server = self.connect(mock, "tls")
        context = ssl.create_default_context(cafile=server.ca_file)
        with sock:
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
            with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
                context.wrap_socket(sock, server_hostname=HOST)
        assert not server.failed_handshakes
        mock.faults.add(F.Connect(how="tls"))
        assert requests.get(URL, headers=HEADERS, proxies={"https": server.url}, verify=False).ok

    @pytest.mark.parametrize(
        ("how", "error", "timeout"),
        [
            ("refused", ConnectionResetError, PATIENCE),
            pytest.param("timeout", TimeoutError, 0.5, marks=pytest.mark.slow),  # the client's own timeout has to pass
        ],
    )
    def test_tls_without_connect(self, mock: SegmentMock, how: str, error: type[Exception], timeout: float) -> None:
        server = mock.serve(proxy=True)
        mock.faults.add(F.Connect(how=how), times=1)
        context = ssl.create_default_context(cafile=server.ca_file)
        with socket.create_connection((server.host, server.port), timeout) as sock, pytest.raises(error):
            context.wrap_socket(sock, server_hostname=HOST)
        with (
            socket.create_connection((server.host, server.port), PATIENCE) as sock,
            context.wrap_socket(sock, server_hostname=HOST) as secured,
        ):
            assert secured.version()

    def test_the_control_plane_can_still_be_reached(self, mock: SegmentMock) -> None:
        """The fault prevents only connections to the vendors."""
        server = mock.serve(proxy=True)
        mock.faults.add(F.Connect())

        assert requests.get(f"{server.url}/_mock/health").ok
        assert requests.get(f"https://{server.host}:{server.port}/_mock/health", verify=server.ca_file).ok

    def test_a_call_in_a_tunnel_is_not_struck_again(self, mock: SegmentMock) -> None:
        server = mock.serve(proxy=True)
        rule = mock.faults.add(F.Connect(), skip=1)
        response = requests.get(URL, headers=HEADERS, proxies={"https": server.url}, verify=server.ca_file)

        assert (200, 1, 0) == (response.status_code, rule.seen, rule.fired)


EXEC = """
import asyncio, http.client, sys
import aiohttp, httpx, requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

URL = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
HEADERS = {"authToken": "any"}
TIMEOUT = float(sys.argv[1])

def by_requests():
    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=Retry(total=9, connect=1, read=0, other=0)))
        return session.get(URL, headers=HEADERS, timeout=TIMEOUT).status_code

def by_httpx():
    return httpx.get(URL, headers=HEADERS, timeout=TIMEOUT).status_code

async def by_async_httpx():
    async with httpx.AsyncClient(timeout=TIMEOUT) as client:
        return (await client.get(URL, headers=HEADERS)).status_code

async def by_aiohttp():
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT)
    async with aiohttp.ClientSession(timeout=timeout) as client, client.get(URL, headers=HEADERS) as response:
        return response.status

def by_http_client():
    connection = http.client.HTTPSConnection("api.salsalabs.org", timeout=TIMEOUT)
    connection.request("GET", "/api/integration/ext/v1/metrics", headers=HEADERS)
    return connection.getresponse().status

for call in (by_requests, by_httpx, by_async_httpx, by_aiohttp, by_http_client):
    try:
        print(asyncio.run(call()) if asyncio.iscoroutinefunction(call) else call())
    except Exception as error:
        print(type(error).__name__)
"""


def run_under_exec(folder: Path, rule: dict[str, Any], timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
    """Run the program `EXEC`, whose clients have a *timeout* in seconds, under ``exec`` with the fault *rule*."""
    rules = folder / "faults.json"
    rules.write_text(json.dumps([rule]))
    program = [sys.executable, "-c", EXEC, str(timeout)]
    command = [sys.executable, "-m", "segment_mock", "exec", "--faults", str(rules), "--", *program]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(aiohttp, "ClientConnectorDNSError"), reason="older clients call their errors by other names"
)
@pytest.mark.parametrize(
    ("how", "expected", "fired"),
    [
        ("refused", "ConnectionError ConnectError ConnectError ClientConnectorError ConnectionRefusedError", 6),
        ("timeout", "ConnectTimeout ConnectTimeout ConnectTimeout ConnectionTimeoutError TimeoutError", 6),
        ("dns", "ConnectionError ConnectError ConnectError ClientConnectorDNSError gaierror", 6),
        ("tls", "SSLError ConnectError ConnectError ClientConnectorCertificateError SSLCertVerificationError", 5),
    ],
)
def test_a_python_program_under_exec_sees_the_system_errors(
    tmp_path: Path, how: str, expected: str, fired: int
) -> None:
    """The client counts them as connection errors, and the summary has the fault."""
    timeout = 0.3 if how == "timeout" else PATIENCE  # short only where it has to pass
    done = run_under_exec(tmp_path, {"kind": "connect", "how": how}, timeout)

    assert expected.split() == done.stdout.split(), done.stderr
    assert f"{fired:5}  fault     connect on *, rule 1" in done.stderr
    assert "TLS error" not in done.stderr


@pytest.mark.slow
def test_a_call_after_the_fault_under_exec(tmp_path: Path) -> None:
    """The announced connection is not counted again when it is established."""
    done = run_under_exec(tmp_path, {"kind": "connect", "when": {"times": 1, "skip": 1}})

    assert ["200", "ConnectError", "200", "200", "200"] == done.stdout.split(), done.stderr


@pytest.mark.skipif(not shutil.which("node"), reason="no node on this machine")
@pytest.mark.parametrize(("how", "code"), [("refused", "ECONNREFUSED"), ("dns", "ENOTFOUND"), ("tls", "UNABLE_TO")])
def test_a_node_program_under_exec_sees_the_fault(tmp_path: Path, how: str, code: str) -> None:
    rules = tmp_path / "faults.json"
    rules.write_text(json.dumps([{"kind": "connect", "how": how, "when": {"times": 1}}]))
    script = f"""
const ask = () => new Promise((resolve) => require("node:https")
  .get("{URL}", {{ headers: {{ authToken: "any" }} }}, (response) => resolve(response.resume().statusCode))
  .on("error", (error) => resolve(error.code)));
ask().then((first) => ask().then((second) => console.log(first, second)));
"""
    command = [sys.executable, "-m", "segment_mock", "exec", "--faults", str(rules), "--", "node", "-e", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.stdout.startswith(code), done.stdout + done.stderr
    assert done.stdout.endswith(" 200\n")
