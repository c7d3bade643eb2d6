"""One table: what each client makes of each fault on the wire is the same through every door."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import aiohttp
import pytest
import urllib3

from segment_mock import SegmentMock, faults
from segment_mock.transports.inprocess.live import LiveTransport
from segment_mock.transports.inprocess.registry import REGISTRY, Route
from tests.transports.inprocess.clients import CLIENTS, PATIENCE, SALSA, UPSERT, ProxyRoute, outcome

# Python 3.10 does not close the transport of a TLS connection that the server broke off.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed transport <asyncio.sslproto:ResourceWarning")
F: Any = faults
SHORT = 0.03
AIOHTTP = tuple(map(int, aiohttp.__version__.split(".")[:2]))
BODY = {"payload": {"segments": [{"name": "A"}, {"name": "B"}]}}
DOORS = ("inprocess", "live", "tls", "proxy")
COLUMNS = ("requests", "urllib3", "httpx", "httpx-async", "aiohttp")


class Row(NamedTuple):
    """A fault, what the libraries make of it (requests, urllib3, httpx, aiohttp), and the client's patience."""

    fault: Any
    outcomes: tuple[str, ...]
    patience: float = PATIENCE

    def of(self, client: str) -> str:
        """Return the expected result of *client*, followed by ``x`` and the number of requests if there are several."""
        library = client.partition("-")[0]
        seen = dict(zip(("requests", "urllib3", "httpx", "aiohttp"), self.outcomes, strict=True))[library]
        if library == "aiohttp" and AIOHTTP < (3, 10):  # it neither tried again nor had a class for this
            seen = seen.removesuffix(" x2").replace("SocketTimeoutError", "ServerTimeoutError")
        return seen


CUT = ("ChunkedEncodingError", "ProtocolError", "RemoteProtocolError", "ClientPayloadError")
TORN = ("ChunkedEncodingError", "ProtocolError", "ReadError", "ClientPayloadError")
GONE = ("ConnectionError", "ProtocolError", "RemoteProtocolError", "ServerDisconnectedError x2")
RESET = ("ConnectionError", "ProtocolError", "ReadError", "ClientOSError x2")
SLOW = ("ReadTimeout", "ReadTimeoutError", "ReadTimeout", "SocketTimeoutError")
ROWS = {
    "error": Row(F.Error(status=503), ("503",) * 4),
    "hang": Row(F.Hang(), SLOW, SHORT),
    "disconnect": Row(F.Disconnect(), GONE),
    "disconnect-after": Row(F.Disconnect(after=True), GONE),
    "disconnect-reset": Row(F.Disconnect(reset=True), RESET),
    "truncate": Row(F.Truncate(at=0.5), CUT),
    "truncate-reset": Row(F.Truncate(at=0.5, reset=True), TORN),
    "drip": Row(F.Drip(), ("200",) * 4),
    "drip-hasty": Row(F.Drip(bytes_per_second=1, chunk=60), ("ConnectionError", *SLOW[1:]), 0.1),
    "garble-html": Row(F.Garble(how="html"), ("200 no JSON",) * 4),
    "garble-bytes": Row(
        F.Garble(how="bytes"), ("ConnectionError", "ProtocolError", "RemoteProtocolError", "ClientResponseError")
    ),
    "garble-chunk": Row(
        F.Garble(how="chunk"), ("ChunkedEncodingError", "ProtocolError", "RemoteProtocolError", "ClientResponseError")
    ),
    "garble-encoding": Row(
        F.Garble(how="encoding"), ("ContentDecodingError", "DecodeError", "DecodingError", "ClientPayloadError")
    ),
    "garble-empty": Row(F.Garble(how="empty"), ("200 no JSON",) * 4),
}
BLAMED = "urllib3 takes a connection that ends before any answer for its proxy's failure"
EOF = "before 3.13, a blocking TLS socket of Python tells of a reset as of an end, so httpx can't know"
RACE = "TLS gives out whole records only, and a reset throws away what has not been read"
EXCEPTIONS = {
    **{
        (fault, name, "proxy"): (("ProxyError",), BLAMED)
        for fault in ("disconnect", "disconnect-after", "disconnect-reset")
        for name in ("requests", "urllib3")
    },
    **{("disconnect-reset", "httpx", door): (("RemoteProtocolError", "ReadError"), EOF) for door in ("tls", "proxy")},
    **{("truncate-reset", "httpx", door): (("RemoteProtocolError", "ReadError"), EOF) for door in ("tls", "proxy")},
    **{
        ("truncate-reset", name, door): (seen, RACE)
        for door in ("tls", "proxy")
        for name, seen in {
            "requests": ("ChunkedEncodingError", "ConnectionError", "ProxyError"),
            "urllib3": ("ProtocolError", "ProxyError"),
            "httpx-async": ("ReadError",),
            "aiohttp": ("ClientPayloadError", "ClientPayloadError x2", "ClientOSError x2"),
        }.items()
    },
}
"""(fault, client, door) -> (what may be seen instead, the reason)."""
if urllib3.__version__.startswith("1."):
    LAX = "urllib3 1.26 accepts an incomplete body by default"
    EXCEPTIONS |= {("truncate", "requests", door): (("200 no JSON",), LAX) for door in DOORS}
    EXCEPTIONS |= {
        ("truncate-reset", "requests", door): (("200 no JSON", "ChunkedEncodingError", "ConnectionError"), LAX)
        for door in ("tls", "proxy")
    }
CASES = [(fault, name, door) for fault in ROWS for name in COLUMNS for door in DOORS]


class World(NamedTuple):
    """A mock and every way in but the one without a socket."""

    mock: SegmentMock
    proxy: ProxyRoute
    wires: dict[str, LiveTransport]


@contextmanager
def opened(**settings: Any) -> Iterator[World]:
    """Return a mock with its servers."""
    with SegmentMock(**settings) as mock:
        server = mock.serve(proxy=True)
        route = ProxyRoute(server.url, server.ca_file, ssl.create_default_context(cafile=server.ca_file))
        yield World(
            mock, route, {"live": LiveTransport(mock.serve), "tls": LiveTransport(partial(mock.serve, tls=True))}
        )


@pytest.fixture(scope="module")
def worlds() -> Iterator[dict[bool, World]]:
    """In the one (True) seconds are real, in the other none passes."""
    with opened() as real, opened(time_scale=0) as quick:
        yield {True: real, False: quick}


@contextmanager
def client_at(door: str, name: str, world: World) -> Iterator[Any]:
    """A client whose calls to the vendor go through *door*."""
    route = Route(SALSA.endswith, world.wires[door]) if door in world.wires else None
    with world.mock.intercept() if door == "inprocess" else nullcontext():
        if route:
            REGISTRY.add(route)
        client = CLIENTS[name](world.proxy if door == "proxy" else ProxyRoute())
        try:
            yield client
        finally:
            client.close()
            if route:
                REGISTRY.remove(route)


def seen_through(door: str, name: str, world: World, row: Row) -> str:
    """Return the result of *row*'s fault in the client *name*."""
    world.mock.reset()
    rule = world.mock.faults.add(row.fault)
    with client_at(door, name, world) as client:
        seen = outcome(client, "PUT", SALSA + UPSERT, BODY, row.patience)
        world.mock.journal.wait_for("salsa.upsert_segments", timeout=5)  # a hasty client may leave before it arrives
    return seen if rule.fired == 1 else f"{seen} x{rule.fired}"


@pytest.mark.parametrize(("fault", "name", "door"), CASES)
def test_a_client_sees_the_same_through_every_door(worlds: dict[bool, World], fault: str, name: str, door: str) -> None:
    """Class of the exception, or status and body, and how often was asked: as the table says, wherever it happens."""
    row = ROWS[fault]
    seen = seen_through(door, name, worlds[row.patience < PATIENCE], row)

    expected, _ = EXCEPTIONS.get((fault, name, door), ((row.of(name),), ""))
    assert seen in expected
