"""A vendor's name that any client looks up is refused, with the line of the user's that did it."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import httpx
import pytest
import requests

from segment_mock import NetworkBlocked, SegmentMock
from segment_mock.transports.inprocess.registry import LOOKUP, REGISTRY, Route

HOST = "api.salsalabs.org"
LINE = r"{host} was called at tests/transports/inprocess/test_lookup.py:\d+: "


def resolve(host: str) -> None:
    """By name look-up alone."""
    socket.getaddrinfo(host, 443)


def resolve_old(host: str) -> None:
    """As it was done before IPv6."""
    socket.gethostbyname(host)


def connect(host: str) -> None:
    """A socket that is given the name."""
    with socket.socket() as sock:
        sock.connect((host, 443))


def connect_ex(host: str) -> None:
    """The same without an exception."""
    with socket.socket() as sock:
        sock.connect_ex((host, 443))


def send_to(host: str) -> None:
    """A datagram."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"?", (host, 53))


def send_to_with_flags(host: str) -> None:
    """The same with flags."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"?", 0, (host, 53))


def open_connection(host: str) -> None:
    """asyncio, which looks up names in a thread of its own."""

    async def opened() -> None:
        await asyncio.open_connection(host, 443)

    asyncio.run(opened())


def sock_connect(host: str) -> None:
    """asyncio, with a socket that was made before."""

    async def connected() -> None:
        with socket.socket() as sock:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (host, 443))

    asyncio.run(connected())


def by_requests(host: str) -> None:
    """A client that would be intercepted, if a mock were in force."""
    requests.get(f"https://{host}/")


def by_httpx(host: str) -> None:
    """The same."""
    httpx.get(f"https://{host}/")


def by_httpx_async(host: str) -> None:
    """The same, whose look-up runs in another thread."""

    async def fetch() -> None:
        async with httpx.AsyncClient() as client:
            await client.get(f"https://{host}/")

    asyncio.run(fetch())


def by_aiohttp(host: str) -> None:
    """The same, which looks up names in a task of its own."""

    async def fetch() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get(f"https://{host}/")

    asyncio.run(fetch())


RAW = [resolve, resolve_old, connect, connect_ex, send_to, send_to_with_flags, open_connection, sock_connect]
CLIENTS = [by_requests, by_httpx, by_httpx_async, by_aiohttp]


@contextmanager
def guard() -> Iterator[None]:
    """What segment_mock_guard puts up."""
    route = Route(HOST.__eq__, "no mock is in force here", modules=LOOKUP, thread=None)
    REGISTRY.add(route)
    try:
        yield
    finally:
        REGISTRY.remove(route)


@pytest.mark.parametrize("call", [*RAW, *CLIENTS])
def test_the_guard_refuses_a_vendors_name(call: Callable[[str], None]) -> None:
    """However it is looked up."""
    with guard(), pytest.raises(NetworkBlocked, match=LINE.format(host=HOST) + "no mock is in force"):
        call(HOST)


@pytest.mark.parametrize("call", RAW)
def test_a_mock_that_is_in_force_refuses_a_vendors_name(call: Callable[[str], None]) -> None:
    """No client that can be intercepted looks one up."""
    refused = pytest.raises(
        NetworkBlocked, match=LINE.format(host=HOST) + "a client that can't be intercepted looked up its name"
    )
    with SegmentMock() as mock, mock.intercept(), refused:
        call(HOST)


@pytest.mark.parametrize("call", [*RAW, *CLIENTS])
def test_block_network_refuses_any_other_name(call: Callable[[str], None]) -> None:
    """And any address that is not this machine's own."""
    with SegmentMock() as mock, mock.intercept(block_network=True):
        for host in ("example.org", "192.0.2.1"):
            with pytest.raises(NetworkBlocked, match=LINE.format(host=host) + "block_network=True"):
                call(host)


def test_a_mock_goes_before_the_guard() -> None:
    """Also in a thread that did not begin the interception."""
    statuses = []
    with guard(), SegmentMock() as mock, mock.intercept():
        thread = threading.Thread(target=lambda: statuses.append(requests.get(f"https://{HOST}/").status_code))
        thread.start()
        thread.join()

    assert statuses == [401]


def test_the_guard_patches_no_client() -> None:
    """Name look-up only, and no finder stands once asyncio is imported."""
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
