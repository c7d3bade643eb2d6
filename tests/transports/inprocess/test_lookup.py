"""Looking up a vendor's host raises an error that names the line of the user's code, whichever client does it."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import aiohttp
import httpcore
import httpx
import pytest
import requests

from segment_mock import NetworkBlocked, SegmentMock
from segment_mock.transports.inprocess.registry import LOOKUP, REGISTRY, Route

HOST = "api.salsalabs.org"
LINE = r"{host} was called at tests/transports/inprocess/test_lookup.py:\d+: "


def resolve(host: str) -> None:
    """Look up *host* with ``getaddrinfo``."""
    socket.getaddrinfo(host, 443)


def resolve_old(host: str) -> None:
    """Look up *host* with ``gethostbyname``, which predates IPv6."""
    socket.gethostbyname(host)


def resolve_address(host: str) -> None:
    """Look up *host* with ``gethostbyaddr``, which takes names too."""
    socket.gethostbyaddr(host)


def connect(host: str) -> None:
    """Connect a socket to *host*."""
    with socket.socket() as sock:
        sock.connect((host, 443))


def connect_ex(host: str) -> None:
    """Connect a socket to *host* with ``connect_ex``, which returns an error code."""
    with socket.socket() as sock:
        sock.connect_ex((host, 443))


def send_to(host: str) -> None:
    """Send a datagram to *host*."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"?", (host, 53))


def send_to_with_flags(host: str) -> None:
    """Send a datagram to *host*, with flags."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"?", 0, (host, 53))


def send_message(host: str) -> None:
    """Send a datagram to *host* with ``sendmsg``."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendmsg([b"?"], [], 0, (host, 53))


def open_connection(host: str) -> None:
    """Open a connection to *host* with asyncio, which looks the name up in another thread."""

    async def opened() -> None:
        await asyncio.open_connection(host, 443)

    asyncio.run(opened())


def sock_connect(host: str) -> None:
    """Connect an existing socket to *host* with asyncio."""

    async def connected() -> None:
        with socket.socket() as sock:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (host, 443))

    asyncio.run(connected())


def call_with_requests(host: str) -> None:
    """Send a request to *host* with requests, which an interception would route to a mock."""
    requests.get(f"https://{host}/")


def call_with_httpx(host: str) -> None:
    """Send a request to *host* with httpx."""
    httpx.get(f"https://{host}/")


def call_with_async_httpx(host: str) -> None:
    """Send a request to *host* with httpx.AsyncClient, which looks the name up in another thread."""

    async def fetch() -> None:
        async with httpx.AsyncClient() as client:
            await client.get(f"https://{host}/")

    asyncio.run(fetch())


def call_with_aiohttp(host: str) -> None:
    """Send a request to *host* with aiohttp, which looks the name up in another task."""

    async def fetch() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get(f"https://{host}/")

    asyncio.run(fetch())


SOCKET_CALLS = [
    resolve,
    resolve_old,
    resolve_address,
    connect,
    connect_ex,
    send_to,
    send_to_with_flags,
    send_message,
    open_connection,
    sock_connect,
]
CLIENT_CALLS = [call_with_requests, call_with_httpx, call_with_async_httpx, call_with_aiohttp]


@contextmanager
def guard() -> Iterator[None]:
    """Refuse the vendor's host for the length of the block, as the option segment_mock_guard does."""
    route = Route(HOST.__eq__, "no mock is in force here", modules=LOOKUP, thread=None)
    REGISTRY.add(route)
    try:
        yield
    finally:
        REGISTRY.remove(route)


@pytest.mark.parametrize("call", [*SOCKET_CALLS, *CLIENT_CALLS])
def test_the_guard_refuses_to_look_up_a_vendors_host(call: Callable[[str], None]) -> None:
    with guard(), pytest.raises(NetworkBlocked, match=LINE.format(host=HOST) + "no mock is in force"):
        call(HOST)


@pytest.mark.parametrize("call", SOCKET_CALLS)
def test_an_interception_refuses_to_look_up_a_vendors_host(call: Callable[[str], None]) -> None:
    """Clients that can be intercepted look nothing up."""
    refused = pytest.raises(
        NetworkBlocked, match=LINE.format(host=HOST) + "a client that can't be intercepted looked up its name"
    )
    with SegmentMock() as mock, mock.intercept(), refused:
        call(HOST)


@pytest.mark.parametrize("call", [*SOCKET_CALLS, *CLIENT_CALLS])
def test_block_network_refuses_other_hosts_and_addresses(call: Callable[[str], None]) -> None:
    with SegmentMock() as mock, mock.intercept(block_network=True):
        for host in ("example.org", "192.0.2.1"):
            with pytest.raises(NetworkBlocked, match=LINE.format(host=host) + "block_network=True"):
                call(host)


def test_block_network_lets_this_machine_look_up_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """``smtplib`` and ``http.server`` do so."""
    monkeypatch.setattr(socket, "gethostbyaddr", lambda name: (f"{name}.example", [], ["127.0.0.1"]))
    with SegmentMock() as mock, mock.intercept(block_network=True):
        assert socket.getfqdn() == f"{socket.gethostname()}.example"


def test_the_refusal_names_a_patch_that_another_library_has_removed() -> None:
    """A library that was started before the mock, and ends before it, restores what was there before both."""
    reason = r"removed the mock's patch of ConnectionPool\.handle_request; start or end it after the mock"
    with SegmentMock() as mock, ExitStack() as earlier:
        earlier.enter_context(patch.object(httpcore.ConnectionPool, "handle_request", autospec=True))
        with mock.intercept():
            earlier.close()
            with pytest.raises(NetworkBlocked, match=reason):
                call_with_httpx(HOST)


def test_an_interception_takes_precedence_over_the_guard() -> None:
    """This also applies in a thread that did not start the interception."""
    statuses = []
    with guard(), SegmentMock() as mock, mock.intercept():
        thread = threading.Thread(target=lambda: statuses.append(requests.get(f"https://{HOST}/").status_code))
        thread.start()
        thread.join()

    assert statuses == [401]


def test_the_guard_patches_no_client() -> None:
    """It patches name lookup only, and adds no import hook once asyncio is imported."""
    before = requests.sessions.get_environ_proxies, httpx.HTTPTransport.handle_request, [*sys.meta_path]
    real: Any = socket.getaddrinfo
    with guard():
        assert socket.getaddrinfo is not real
        assert before == (
            requests.sessions.get_environ_proxies,
            httpx.HTTPTransport.handle_request,
            [*sys.meta_path],
        )
    assert socket.getaddrinfo is real
