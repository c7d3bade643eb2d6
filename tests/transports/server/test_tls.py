"""TLS and the proxy of the live server, with real clients."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import requests

from segment_mock import SegmentMock, faults
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
    """A world with one group."""
    with SegmentMock(data={"salsa": {"segments": [{"name": "A"}]}}) as mock:
        yield mock


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Return a client that ignores the environment."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_tls_is_verified_by_the_servers_own_authority(mock: SegmentMock, session: requests.Session) -> None:
    """A client that trusts the CA file gets its answers, keep-alive included; one that does not is refused."""
    server = mock.serve(tls=True)
    session.verify = server.ca_file
    totals = [session.post(server.url + SEARCH, json=ALL, headers=KEY).json()["payload"]["total"] for _ in range(2)]

    assert server.url.startswith("https://127.0.0.1:")
    assert [1, 1] == totals
    assert [1, 2] == [entry.id for entry in mock.journal.entries()]
    with pytest.raises(requests.exceptions.SSLError):
        session.post(server.url + SEARCH, json=ALL, headers=KEY, verify=True)


@pytest.mark.parametrize("fault", [faults.Disconnect(), faults.Truncate()], ids=str)
def test_a_cut_response_ends_a_connection_that_was_to_be_closed(
    mock: SegmentMock, session: requests.Session, fault: faults.Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client sees the end at once, though it asked for the end itself."""
    monkeypatch.setattr(writer, "LINGER", 600.0)
    server = mock.serve(tls=True)
    session.verify = server.ca_file
    mock.faults.add(fault)

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)) as caught:
        session.post(server.url + SEARCH, json=ALL, headers={**KEY, "Connection": "close"}, timeout=20)
    assert not isinstance(caught.value, requests.Timeout)
    assert "timed out" not in str(caught.value)


def test_ca_file_is_its_owners_alone_and_goes_with_the_server(mock: SegmentMock) -> None:
    server = mock.serve(tls=True)
    file = Path(server.ca_file or "")
    modes = [oct(path.stat().st_mode & 0o777) for path in (file, file.parent)]
    server.stop()

    assert ["0o600", "0o700"] == modes
    assert not file.parent.exists()


def test_silent_client_does_not_block_others(mock: SegmentMock, session: requests.Session) -> None:
    """A connection without a handshake does not block other clients."""
    server = mock.serve(tls=True)
    with socket.create_connection((server.host, server.port)):
        reply = session.post(server.url + SEARCH, json=ALL, headers=KEY, verify=server.ca_file, timeout=5)

    assert 200 == reply.status_code


@pytest.mark.parametrize("client", ["requests", "httpx"])
def test_proxy_leads_a_hard_coded_https_host_here(mock: SegmentMock, session: requests.Session, client: str) -> None:
    """CONNECT for a vendor's host reaches the emulator, under a certificate for that host."""
    server = mock.serve(proxy=True)
    if client == "requests":
        proxies = {"https": server.url}
        reply = session.post(SALSA, json=ALL, headers=KEY, proxies=proxies, verify=server.ca_file)
        status, body = reply.status_code, reply.json()
    else:
        context = ssl.create_default_context(cafile=server.ca_file)
        with httpx.Client(proxy=server.url, verify=context, trust_env=False) as httpx_client:
            answer = httpx_client.post(SALSA, json=ALL, headers=KEY)
            status, body = answer.status_code, answer.json()

    assert (200, 1) == (status, body["payload"]["total"])
    assert "api.salsalabs.org" == mock.journal.entries()[0].request_headers["host"]


def test_proxy_serves_plain_http_addresses_of_vendors_too(mock: SegmentMock, session: requests.Session) -> None:
    """``GET http://vendor/...`` through the proxy is that vendor's request."""
    server = mock.serve(proxy=True)
    url = "http://eu.instaleap.io/segments"
    reply = session.put(url, json={"id": "x"}, headers={"x-api-key": "k"}, proxies={"http": server.url})

    assert (404, "segmenter.update_segment") == (reply.status_code, mock.journal.entries()[0].operation)


def test_no_other_host_is_let_out(mock: SegmentMock, session: requests.Session) -> None:
    """CONNECT and plain addresses of any other host are refused with 403, naming it."""
    server = mock.serve(proxy=True)
    proxies = {"http": server.url, "https": server.url}
    plain = session.get("http://example.com/", proxies=proxies)

    assert (403, True) == (plain.status_code, "'example.com'" in plain.text)
    with pytest.raises(requests.exceptions.ProxyError, match="403 Forbidden"):
        session.get("https://example.com/", proxies=proxies)
    assert [] == mock.journal.entries()


def test_without_proxy_connect_is_refused_with_a_hint(mock: SegmentMock) -> None:
    """A server that is no proxy names the flag that makes it one."""
    server = mock.serve()
    with socket.create_connection((server.host, server.port)) as client:
        client.sendall(b"CONNECT api.salsalabs.org:443 HTTP/1.1\r\nHost: api.salsalabs.org:443\r\n\r\n")
        received = client.makefile("rb").read()

    assert received.startswith(b"HTTP/1.1 403 ")
    assert b"--proxy" in received


def test_a_handshake_that_fails_in_the_tunnel_closes_it(mock: SegmentMock, session: requests.Session) -> None:
    """A client that does not trust the CA ends its tunnel; the next client is served."""
    server = mock.serve(proxy=True)
    with pytest.raises(requests.exceptions.SSLError):
        session.post(SALSA, json=ALL, headers=KEY, proxies={"https": server.url}, verify=True)
    reply = session.post(SALSA, json=ALL, headers=KEY, proxies={"https": server.url}, verify=server.ca_file)

    assert 200 == reply.status_code


def test_stop_ends_tunnels(mock: SegmentMock, session: requests.Session) -> None:
    """A server with an open tunnel stops like any other, and the client's next call fails."""
    server = mock.serve(proxy=True)
    proxies = {"https": server.url}
    session.post(SALSA, json=ALL, headers=KEY, proxies=proxies, verify=server.ca_file)
    ca_file = server.ca_file
    server.stop()

    with pytest.raises((requests.ConnectionError, OSError)):
        session.post(SALSA, json=ALL, headers=KEY, proxies=proxies, verify=ca_file)


@pytest.mark.parametrize("size", [1, 50, 10_000])
def test_bytes_that_come_along_with_connect_are_used(mock: SegmentMock, size: int) -> None:
    """A client may begin its handshake without waiting for the answer to CONNECT; whole, or cut anywhere."""
    server = mock.serve(proxy=True)
    context = ssl.create_default_context(cafile=server.ca_file)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="api.salsalabs.org")
    with socket.create_connection((server.host, server.port), 5) as sock:
        head, greeted = b"CONNECT api.salsalabs.org:443 HTTP/1.1\r\n\r\n", b""

        def exchange() -> None:
            nonlocal greeted
            sock.sendall(outgoing.read())
            received = sock.recv(2**16)
            assert received
            if b"\r\n\r\n" not in greeted:
                greeted += received
                received = greeted.partition(b"\r\n\r\n")[2]
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
                reply = tls.read(100)
                break
            except ssl.SSLWantReadError:
                exchange()

    assert greeted.startswith(b"HTTP/1.1 200 ")
    assert reply.startswith(b"HTTP/1.1 200 ")


def test_certificate_names_the_host_that_a_server_listens_on(session: requests.Session) -> None:
    """Clients of its URL can verify any such host."""
    with SegmentMock(admin_token="key") as mock:
        server = mock.serve("0.0.0.0", tls=True)
        reply = session.get(f"{server.url}/_mock/health", verify=server.ca_file)

    assert 200 == reply.status_code


def test_a_tls_server_that_is_started_again_has_its_file_again(mock: SegmentMock, session: requests.Session) -> None:
    server = mock.serve(tls=True)
    server.stop()
    assert server.ca_file is None
    server.start()

    assert 200 == session.get(f"{server.url}/_mock/health", verify=server.ca_file).status_code


def test_handshakes_that_clients_break_off_are_counted(
    mock: SegmentMock, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are counted by host, on the server that the clients called."""
    counted = count_calls(monkeypatch, ServerContext, "count_failed_handshake")
    proxy, tls = mock.serve(proxy=True), mock.serve(tls=True)
    for _ in range(2):
        with pytest.raises(requests.exceptions.SSLError):
            session.post(SALSA, json=ALL, headers=KEY, proxies={"https": proxy.url}, verify=True)
    with pytest.raises(requests.exceptions.SSLError):
        session.get(tls.url, verify=True)
    counted.wait(3)  # a client may give up before the server hears of it
    with socket.create_connection((tls.host, tls.port)):
        mock.close()  # a handshake that the server breaks off is not the client's doing

    assert ({"api.salsalabs.org": 2}, {"127.0.0.1": 1}) == (proxy.failed_handshakes, tls.failed_handshakes)


@pytest.mark.parametrize(
    ("host", "accepted"), [("api.salsalabs.org", True), ("a.b.instaleap.io", True), ("evil.example", False)]
)
def test_a_proxy_speaks_tls_for_vendors_on_its_own_port(mock: SegmentMock, host: str, accepted: bool) -> None:
    """For a client that takes it for the vendor; under a certificate for the very host, and for no other host."""
    server = mock.serve(proxy=True)
    context = ssl.create_default_context(cafile=server.ca_file)
    with socket.create_connection((server.host, server.port), 5) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=host) as sock:
                sock.sendall(f"GET /segments HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                reply = sock.recv(1000)
        except OSError:
            reply = b""

    assert accepted == reply.startswith(b"HTTP/1.1 ")


def test_a_proxy_speaks_tls_without_a_name(mock: SegmentMock, session: requests.Session) -> None:
    """As a client does that knows the server by its address."""
    server = mock.serve(proxy=True)
    reply = session.get(f"https://{server.host}:{server.port}/_mock/health", verify=server.ca_file)

    assert 200 == reply.status_code


def test_tls_in_tls_is_refused(mock: SegmentMock) -> None:
    """And TLS behind a request, as on any connection that speaks HTTP."""
    server = mock.serve(proxy=True)
    with socket.create_connection((server.host, server.port), 5) as sock:
        sock.sendall(b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
        sock.sendall(b"\x16\x03\x01")

        assert b"the client sent TLS" in sock.recv(1000) + sock.recv(1000)


@pytest.mark.parametrize("address", ["", "my_host", "a..b", "x" * 300])
def test_an_address_without_a_certificate_is_left_out(address: str) -> None:
    authority = CertificateAuthority(["*.instaleap.io"], address)

    assert isinstance(authority.context, ssl.SSLContext)
