"""A server stops immediately, whatever its clients are doing, and leaves no resources open."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, faults
from segment_mock.transports.server.server import LiveServer
from tests.ports import free_port
from tests.waiting import PATIENCE

from .raw_client import server_threads
from .test_server import open_sockets

LIMIT = 0.05
"""Seconds within which a server stops, on a machine that is not overloaded."""
SWITCHES = 1000
"""Switches between threads in whose time it stops on any machine."""
HANG = 20
"""Seconds after which stopping counts as hanging: the thread's timeout is a minute here, that of a handshake 30 s."""
SEARCH = "/api/integration/ext/v1/segments/search"
CONNECT = b"CONNECT api.salsalabs.org:443 HTTP/1.1\r\nHost: api.salsalabs.org:443\r\n\r\n"
Client = Callable[[socket.socket], Any]


def client_hello(host: str = "localhost") -> bytes:
    """Return the first message of a TLS handshake with *host*."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=host).do_handshake()
    return outgoing.read()


def send_nothing(sock: socket.socket) -> None:
    """Send nothing."""


def send_half_of_the_headers(sock: socket.socket) -> None:
    """Send half of the headers."""
    sock.sendall(b"PUT / HTTP/1.1\r\nX-A: ")


def send_half_of_the_body(sock: socket.socket) -> None:
    """Send half of the body."""
    sock.sendall(b"PUT /segments/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")


def send_half_of_a_chunk(sock: socket.socket) -> None:
    """Send half of a chunk."""
    sock.sendall(b"PUT /segments/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{")


def close_the_sending_direction(sock: socket.socket) -> None:
    """Send a request that hangs, and close the sending direction."""
    sock.sendall(b"GET /api/integration/ext/v1/metrics HTTP/1.1\r\nHost: x\r\nauthToken: t\r\n\r\n")
    sock.shutdown(socket.SHUT_WR)


def send_a_hanging_request(sock: socket.socket) -> None:
    """Send a request that hangs."""
    sock.sendall(b"GET /api/integration/ext/v1/metrics HTTP/1.1\r\nHost: x\r\nauthToken: t\r\n\r\n")


def send_without_reading(sock: socket.socket) -> None:
    """Send requests without reading the responses, until the server stops reading."""
    sock.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            sock.send(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)


def keep_the_connection_open(sock: socket.socket) -> None:
    """Read a response, and keep the connection open."""
    sock.sendall(b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    sock.recv(1000)


def read_events(sock: socket.socket) -> None:
    """Read from a stream of events, which does not end."""
    sock.sendall(b"GET /_mock/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    sock.recv(1000)


def send_too_large_body(sock: socket.socket) -> None:
    """Send part of a body that the server refuses as too large."""
    sock.sendall(b"PUT /segments/a HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n" + b"x" * 1000)


def reset_the_connection(sock: socket.socket) -> None:
    """Reset the connection."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def send_half_of_the_hello(sock: socket.socket) -> None:
    """Send half of the first message of a TLS handshake."""
    sock.sendall(client_hello()[:50])


def send_only_the_hello(sock: socket.socket) -> None:
    """Send only the first message of a TLS handshake."""
    sock.sendall(client_hello())


def open_an_idle_tunnel(sock: socket.socket) -> None:
    """Open a tunnel, and send nothing through it."""
    sock.sendall(CONNECT)
    sock.recv(1000)


def send_half_of_the_hello_in_a_tunnel(sock: socket.socket) -> None:
    """Open a tunnel, and send half of the first message of a TLS handshake together with CONNECT."""
    sock.sendall(CONNECT + client_hello()[:50])


def send_only_the_hello_in_a_tunnel(sock: socket.socket) -> None:
    """Open a tunnel, and send only the first message of a TLS handshake."""
    sock.sendall(CONNECT)
    sock.recv(1000)
    sock.sendall(client_hello("api.salsalabs.org"))


def send_without_reading_in_a_tunnel(sock: socket.socket) -> None:
    """Complete a TLS handshake in a tunnel, and send requests without reading the responses."""
    sock.sendall(CONNECT)
    sock.recv(1000)
    context = ssl._create_unverified_context()
    secured = context.wrap_socket(sock, server_hostname="api.salsalabs.org")
    secured.setblocking(False)
    with suppress(BlockingIOError, ssl.SSLWantWriteError):
        for _ in range(100):
            secured.send(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)
    OPEN_SOCKETS.append(secured)


OPEN_SOCKETS: list[ssl.SSLSocket] = []
PLAIN_CLIENTS: tuple[Client, ...] = (
    send_nothing,
    send_half_of_the_headers,
    send_half_of_the_body,
    send_half_of_a_chunk,
    close_the_sending_direction,
    send_a_hanging_request,
    send_without_reading,
    keep_the_connection_open,
    read_events,
    send_too_large_body,
    reset_the_connection,
)
TLS_CLIENTS: tuple[Client, ...] = (
    send_nothing,
    send_half_of_the_hello,
    send_only_the_hello,
    send_half_of_the_headers,
    reset_the_connection,
)
TUNNEL_CLIENTS: tuple[Client, ...] = (
    open_an_idle_tunnel,
    send_half_of_the_hello_in_a_tunnel,
    send_only_the_hello_in_a_tunnel,
    send_without_reading_in_a_tunnel,
    send_half_of_the_body,
    send_a_hanging_request,
)
CASES = [
    (name, client)
    for name, clients in (("plain", PLAIN_CLIENTS), ("tls", TLS_CLIENTS), ("proxy", TUNNEL_CLIENTS))
    for client in clients
]


@pytest.fixture(scope="module")
def mock() -> Any:
    """A mock in which calls of ``salsa.get_metrics`` hang."""
    with SegmentMock(limits="off") as mock:
        mock.faults.add(faults.Hang(), operation="salsa.get_metrics")
        yield mock


def serve(mock: SegmentMock, kind: str) -> LiveServer:
    """Start a server of this kind: plain, tls or proxy."""
    return mock.serve(tls=kind == "tls", proxy=kind == "proxy")


def seconds_to_stop(mock: SegmentMock, kind: str, client: Client, *, is_settled: bool = True) -> float:
    """Start a server, connect three clients, and return the seconds that it takes to stop."""
    with ExitStack() as stack:
        server = serve(mock, kind)
        for _ in range(3):
            sock = stack.enter_context(socket.create_connection((server.host, server.port), PATIENCE))
            client(sock)
        if is_settled:
            assert requests.get(f"{server.url}/_mock/health", verify=server.ca_file, timeout=PATIENCE).ok
        started_at = time.perf_counter()
        server.stop()
        took = time.perf_counter() - started_at
    while OPEN_SOCKETS:
        OPEN_SOCKETS.pop().close()
    return took


def is_immediate(seconds: float) -> bool:
    """Return whether it took at most LIMIT, or the time in which this machine now switches SWITCHES times."""
    return seconds < LIMIT or seconds < SWITCHES * seconds_to_switch()


def seconds_to_switch() -> float:
    """Return the seconds for a switch between two threads; ten microseconds, or milliseconds if others compete."""
    there, back = SimpleQueue[int](), SimpleQueue[int]()
    thread = threading.Thread(target=lambda: [back.put(there.get()) for _ in range(50)])
    thread.start()
    started_at = time.perf_counter()
    for number in range(50):
        there.put(number)
        back.get()
    took = time.perf_counter() - started_at
    thread.join()
    return took / 100


@pytest.mark.parametrize(("kind", "client"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_a_server_stops_immediately(mock: SegmentMock, kind: str, client: Client) -> None:
    """One of thirty attempts must stay within the limit, as the machine may be busy; no attempt may hang."""
    for _ in range(30):
        took = seconds_to_stop(mock, kind, client)
        assert took < HANG
        if is_immediate(took):
            break
    else:
        pytest.fail(f"it took {took} s")

    assert [] == server_threads()


def test_a_server_stops_while_connections_are_accepted(mock: SegmentMock) -> None:
    took = [seconds_to_stop(mock, kind, client, is_settled=False) for kind, client in CASES[::3]]

    assert is_immediate(min(took))
    assert max(took) < HANG
    assert [] == server_threads()


@pytest.mark.slow
def test_stopped_servers_leave_no_resources(mock: SegmentMock, caplog: pytest.LogCaptureFixture) -> None:
    """They leave no thread, socket, poller or temporary file, and no message in the log."""
    for kind, client in CASES:
        seconds_to_stop(mock, kind, client, is_settled=False)
    before = open_sockets()
    for _ in range(2):
        for kind, client in CASES:
            seconds_to_stop(mock, kind, client)

    assert open_sockets() <= before
    assert [] == server_threads()
    assert [] == mock._servers == mock._emulator.on_reset
    assert [] == caplog.records


def test_a_mock_forgets_a_stopped_server_until_it_starts_again(mock: SegmentMock) -> None:
    """Resetting and closing the mock then does not affect it."""
    server = mock.serve(port=free_port())  # nothing else listens there afterwards
    server.stop()
    assert [] == mock._servers
    server.start()
    assert [server] == mock._servers
    mock.close()

    assert [] == mock._servers
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((server.host, server.port), PATIENCE)


def test_a_tls_server_that_cannot_bind_leaves_no_file(
    mock: SegmentMock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The CA file is written only after the address is bound."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as busy, pytest.raises(OSError, match="in use"):
        mock.serve(port=busy.getsockname()[1], tls=True)

    assert [] == [*tmp_path.iterdir()]
    assert [] == mock._servers
