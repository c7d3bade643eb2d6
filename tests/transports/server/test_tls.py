"""TLS and the proxy of the live server, with real clients."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from segment_mock import SegmentMock, SettingError, faults
from segment_mock.transports.server import writer
from segment_mock.transports.server.context import ServerContext
from segment_mock.transports.server.tls import CertificateAuthority
from tests.waiting import count_calls

SEARCH = "/api/integration/ext/v1/segments/search"
SALSA = f"https://api.salsalabs.org{SEARCH}"
ALL = {"payload": {"offset": 0, "count": 20}}
KEY = {"authToken": "t"}


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    """A mock with one group."""
    with SegmentMock(data={"salsa": {"segments": [{"name": "A"}]}}) as mock:
        yield mock


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """A session of requests that ignores the environment's proxies and certificates."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_clients_can_verify_tls_with_the_ca_file_of_the_server(mock: SegmentMock, session: requests.Session) -> None:
    """A client that does not trust the CA fails."""
    server = mock.serve(tls=True)
    session.verify = server.ca_file
    totals = [session.post(server.url + SEARCH, json=ALL, headers=KEY).json()["payload"]["total"] for _ in range(2)]

    assert server.url.startswith("https://127.0.0.1:")
    assert [1, 1] == totals
    assert [1, 2] == [entry.id for entry in mock.journal.entries()]
    with pytest.raises(requests.exceptions.SSLError):
        session.post(server.url + SEARCH, json=ALL, headers=KEY, verify=True)


@pytest.mark.parametrize("fault", [faults.Disconnect(), faults.Truncate()], ids=str)
def test_a_truncated_response_closes_the_connection_immediately(
    mock: SegmentMock, session: requests.Session, fault: faults.Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the request has `Connection: close`, the server does not wait for the client to close first."""
    monkeypatch.setattr(writer, "LINGER", 600.0)
    server = mock.serve(tls=True)
    session.verify = server.ca_file
    mock.faults.add(fault)

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)) as caught:
        session.post(server.url + SEARCH, json=ALL, headers={**KEY, "Connection": "close"}, timeout=60)
    assert not isinstance(caught.value, requests.Timeout)
    assert "timed out" not in str(caught.value)


@pytest.mark.parametrize("name", ["tls", "proxy"])
@pytest.mark.parametrize("value", ["no", "perhaps"])
def test_arguments_of_serve_are_true_or_false(mock: SegmentMock, name: str, value: str) -> None:
    """A string such as ``"no"`` would be true, so it is an error."""
    options: dict[str, Any] = {name: value}
    with pytest.raises(SettingError, match=f"{name}: '{value}' is not True or False"):
        mock.serve(**options)


def test_only_the_owner_can_read_the_ca_file_and_stop_deletes_it(mock: SegmentMock) -> None:
    server = mock.serve(tls=True)
    file = Path(server.ca_file or "")
    modes = [oct(path.stat().st_mode & 0o777) for path in (file, file.parent)]
    server.stop()

    assert ["0o600", "0o700"] == modes
    assert not file.parent.exists()


def test_a_client_without_a_handshake_does_not_block_others(mock: SegmentMock, session: requests.Session) -> None:
    """The client connects and does not begin a TLS handshake."""
    server = mock.serve(tls=True)
    with socket.create_connection((server.host, server.port)):
        response = session.post(server.url + SEARCH, json=ALL, headers=KEY, verify=server.ca_file, timeout=60)

    assert 200 == response.status_code


@pytest.mark.parametrize("client", ["requests", "httpx"])
def test_the_proxy_routes_https_calls_to_the_emulator(
    mock: SegmentMock, session: requests.Session, client: str
) -> None:
    """The client sends CONNECT and gets a certificate for the vendor's host."""
    server = mock.serve(proxy=True)
    if client == "requests":
        proxies = {"https": server.url}
        response = session.post(SALSA, json=ALL, headers=KEY, proxies=proxies, verify=server.ca_file)
        status, body = response.status_code, response.json()
    else:
        context = ssl.create_default_context(cafile=server.ca_file)
        with httpx.Client(proxy=server.url, verify=context, trust_env=False) as httpx_client:
            answer = httpx_client.post(SALSA, json=ALL, headers=KEY)
            status, body = answer.status_code, answer.json()

    assert (200, 1) == (status, body["payload"]["total"])
    assert "api.salsalabs.org" == mock.journal.entries()[0].request_headers["host"]


def test_the_proxy_routes_plain_http_calls_to_the_emulator(mock: SegmentMock, session: requests.Session) -> None:
    server = mock.serve(proxy=True)
    url = "http://eu.instaleap.io/segments"
    response = session.put(url, json={"id": "x"}, headers={"x-api-key": "k"}, proxies={"http": server.url})

    assert (404, "segmenter.update_segment") == (response.status_code, mock.journal.entries()[0].operation)


def test_the_proxy_refuses_other_hosts(mock: SegmentMock, session: requests.Session) -> None:
    """CONNECT and plain requests are 403, and the response names the host."""
    server = mock.serve(proxy=True)
    proxies = {"http": server.url, "https": server.url}
    plain = session.get("http://example.com/", proxies=proxies)

    assert (403, True) == (plain.status_code, "'example.com'" in plain.text)
    with pytest.raises(requests.exceptions.ProxyError, match="403 Forbidden"):
        session.get("https://example.com/", proxies=proxies)
    assert [] == mock.journal.entries()


def test_connect_is_403_without_proxy(mock: SegmentMock) -> None:
    """The response names the flag --proxy."""
    server = mock.serve()
    with socket.create_connection((server.host, server.port)) as client:
        client.sendall(b"CONNECT api.salsalabs.org:443 HTTP/1.1\r\nHost: api.salsalabs.org:443\r\n\r\n")
        received = client.makefile("rb").read()

    assert received.startswith(b"HTTP/1.1 403 ")
    assert b"--proxy" in received


def test_a_failed_handshake_closes_only_its_own_tunnel(mock: SegmentMock, session: requests.Session) -> None:
    """A client that trusts the CA is served afterwards."""
    server = mock.serve(proxy=True)
    with pytest.raises(requests.exceptions.SSLError):
        session.post(SALSA, json=ALL, headers=KEY, proxies={"https": server.url}, verify=True)
    response = session.post(SALSA, json=ALL, headers=KEY, proxies={"https": server.url}, verify=server.ca_file)

    assert 200 == response.status_code


def test_stop_closes_tunnels(mock: SegmentMock, session: requests.Session) -> None:
    """The client's next call fails."""
    server = mock.serve(proxy=True)
    proxies = {"https": server.url}
    session.post(SALSA, json=ALL, headers=KEY, proxies=proxies, verify=server.ca_file)
    ca_file = server.ca_file
    server.stop()

    with pytest.raises((requests.ConnectionError, OSError)):
        session.post(SALSA, json=ALL, headers=KEY, proxies=proxies, verify=ca_file)


@pytest.mark.parametrize("size", [1, 50, 10_000])
def test_a_client_may_send_its_handshake_together_with_connect(mock: SegmentMock, size: int) -> None:
    """The client sends all or part of it, without waiting for the response to CONNECT."""
    server = mock.serve(proxy=True)
    context = ssl.create_default_context(cafile=server.ca_file)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="api.salsalabs.org")
    with socket.create_connection((server.host, server.port), 60) as sock:
        head, connect_response = b"CONNECT api.salsalabs.org:443 HTTP/1.1\r\n\r\n", b""

        def exchange() -> None:
            nonlocal connect_response
            sock.sendall(outgoing.read())
            received = sock.recv(2**16)
            assert received
            if b"\r\n\r\n" not in connect_response:
                connect_response += received
                received = connect_response.partition(b"\r\n\r\n")[2]
            incoming.write(received)

        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        hello = outgoing.read()
        sock.sendall(head + hello[:size])
        sock.sendall(hello[size:])
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                exchange()
        tls.write(b"GET /api/integration/ext/v1/metrics HTTP/1.1\r\nHost: api.salsalabs.org\r\nauthToken: t\r\n\r\n")
        while True:
            try:
                response = tls.read(100)
                break
            except ssl.SSLWantReadError:
                exchange()

    assert connect_response.startswith(b"HTTP/1.1 200 ")
    assert response.startswith(b"HTTP/1.1 200 ")


def test_the_certificate_names_the_host_of_the_server(session: requests.Session) -> None:
    """Clients can therefore verify the server's URL."""
    with SegmentMock(admin_token="key") as mock:
        server = mock.serve("0.0.0.0", tls=True)
        response = session.get(f"{server.url}/_mock/health", verify=server.ca_file)

    assert 200 == response.status_code


def test_a_tls_server_writes_its_ca_file_again_at_each_start(mock: SegmentMock, session: requests.Session) -> None:
    server = mock.serve(tls=True)
    server.stop()
    assert server.ca_file is None
    server.start()

    assert 200 == session.get(f"{server.url}/_mock/health", verify=server.ca_file).status_code


def test_failed_handshakes_are_counted_by_host(
    mock: SegmentMock, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each server counts the handshakes of its own clients."""
    counted = count_calls(monkeypatch, ServerContext, "count_failed_handshake")
    proxy, tls = mock.serve(proxy=True), mock.serve(tls=True)
    for _ in range(2):
        with pytest.raises(requests.exceptions.SSLError):
            session.post(SALSA, json=ALL, headers=KEY, proxies={"https": proxy.url}, verify=True)
    with pytest.raises(requests.exceptions.SSLError):
        session.get(tls.url, verify=True)
    counted.wait(3)  # the client may fail before the server notices
    with socket.create_connection((tls.host, tls.port)):
        mock.close()  # a handshake that the server itself aborts is not counted

    assert ({"api.salsalabs.org": 2}, {"127.0.0.1": 1}) == (proxy.failed_handshakes, tls.failed_handshakes)


@pytest.mark.parametrize(
    ("host", "accepted"), [("api.salsalabs.org", True), ("a.b.instaleap.io", True), ("evil.example", False)]
)
def test_a_proxy_accepts_tls_for_vendors_hosts_on_its_own_port(mock: SegmentMock, host: str, accepted: bool) -> None:
    """The certificate is for the host that the client names; other hosts are refused."""
    server = mock.serve(proxy=True)
    context = ssl.create_default_context(cafile=server.ca_file)
    with socket.create_connection((server.host, server.port), 60) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=host) as sock:
                sock.sendall(f"GET /segments HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                response = sock.recv(1000)
        except OSError:
            response = b""

    assert accepted == response.startswith(b"HTTP/1.1 ")


def test_a_proxy_accepts_tls_without_a_server_name(mock: SegmentMock, session: requests.Session) -> None:
    """A client that uses the server's IP address sends no name."""
    server = mock.serve(proxy=True)
    response = session.get(f"https://{server.host}:{server.port}/_mock/health", verify=server.ca_file)

    assert 200 == response.status_code


def test_a_tls_handshake_after_a_plain_request_is_refused(mock: SegmentMock) -> None:
    server = mock.serve(proxy=True)
    with socket.create_connection((server.host, server.port), 60) as sock:
        sock.sendall(b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
        sock.sendall(b"\x16\x03\x01")

        assert b"the client sent TLS" in sock.recv(1000) + sock.recv(1000)


@pytest.mark.parametrize("address", ["", "my_host", "a..b", "x" * 300])
def test_an_address_that_no_certificate_can_name_is_omitted(address: str) -> None:
    authority = CertificateAuthority(["*.instaleap.io"], address)

    assert isinstance(authority.context, ssl.SSLContext)
