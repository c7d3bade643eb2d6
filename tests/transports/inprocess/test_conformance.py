"""Each client library reports each transport-level fault in the same way on every transport."""

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
from tests.transports.inprocess.clients import CLIENTS, DEFAULT_TIMEOUT, SALSA, UPSERT, ProxyRoute, outcome
from tests.waiting import PATIENCE, growing_timeouts

# Python 3.10 does not close the transport of a TLS connection that the server aborted.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed transport <asyncio.sslproto:ResourceWarning")
F: Any = faults
SHORT_TIMEOUT = 0.03
"""Seconds for the timeout of a client that gets no response, which has to pass."""
AIOHTTP = tuple(map(int, aiohttp.__version__.split(".")[:2]))
BODY = {"payload": {"segments": [{"name": "A"}, {"name": "B"}]}}
TRANSPORTS = ("inprocess", "live", "tls", "proxy")
COLUMNS = ("requests", "urllib3", "httpx", "httpx-async", "aiohttp")


class FaultCase(NamedTuple):
    """A fault, its expected outcome in requests, urllib3, httpx and aiohttp, and the read timeout in seconds."""

    fault: Any
    outcomes: tuple[str, ...]
    read_timeout: float = DEFAULT_TIMEOUT

    def expected_for(self, client: str) -> str:
        """Return the expected outcome in *client*, followed by ``x`` and the number of requests if it retries."""
        library = client.partition("-")[0]
        expected = dict(zip(("requests", "urllib3", "httpx", "aiohttp"), self.outcomes, strict=True))[library]
        if library == "aiohttp" and AIOHTTP < (3, 10):  # older versions do not retry, and have no such class
            expected = expected.removesuffix(" x2").replace("SocketTimeoutError", "ServerTimeoutError")
        return expected


CLOSED_DURING_BODY = ("ChunkedEncodingError", "ProtocolError", "RemoteProtocolError", "ClientPayloadError")
RESET_DURING_BODY = ("ChunkedEncodingError", "ProtocolError", "ReadError", "ClientPayloadError")
CLOSED = ("ConnectionError", "ProtocolError", "RemoteProtocolError", "ServerDisconnectedError x2")
RESET = ("ConnectionError", "ProtocolError", "ReadError", "ClientOSError x2")
TIMED_OUT = ("ReadTimeout", "ReadTimeoutError", "ReadTimeout", "SocketTimeoutError")
FAULTS = {
    "error": FaultCase(F.Error(status=503), ("503",) * 4),
    "hang": FaultCase(F.Hang(), TIMED_OUT, SHORT_TIMEOUT),
    "disconnect": FaultCase(F.Disconnect(), CLOSED),
    "disconnect-after": FaultCase(F.Disconnect(after=True), CLOSED),
    "disconnect-reset": FaultCase(F.Disconnect(reset=True), RESET),
    "truncate": FaultCase(F.Truncate(at=0.5), CLOSED_DURING_BODY),
    "truncate-reset": FaultCase(F.Truncate(at=0.5, reset=True), RESET_DURING_BODY),
    "drip": FaultCase(F.Drip(), ("200",) * 4),
    "drip-hasty": FaultCase(F.Drip(bytes_per_second=1, chunk=60), ("ConnectionError", *TIMED_OUT[1:]), SHORT_TIMEOUT),
    "garble-html": FaultCase(F.Garble(how="html"), ("200 no JSON",) * 4),
    "garble-bytes": FaultCase(
        F.Garble(how="bytes"), ("ConnectionError", "ProtocolError", "RemoteProtocolError", "ClientResponseError")
    ),
    "garble-chunk": FaultCase(
        F.Garble(how="chunk"), ("ChunkedEncodingError", "ProtocolError", "RemoteProtocolError", "ClientResponseError")
    ),
    "garble-encoding": FaultCase(
        F.Garble(how="encoding"), ("ContentDecodingError", "DecodeError", "DecodingError", "ClientPayloadError")
    ),
    "garble-empty": FaultCase(F.Garble(how="empty"), ("200 no JSON",) * 4),
}
PROXY_BLAMED = "urllib3 attributes a connection that closes before the response to the proxy"
RESET_AS_EOF = "before Python 3.13, a blocking TLS socket reports a reset as an end of file"
LOST_RECORDS = "TLS delivers complete records only, and a reset discards records that were not read"
EXCEPTIONS = {
    **{
        (fault, name, "proxy"): (("ProxyError",), PROXY_BLAMED)
        for fault in ("disconnect", "disconnect-after", "disconnect-reset")
        for name in ("requests", "urllib3")
    },
    **{
        ("disconnect-reset", "httpx", transport): (("RemoteProtocolError", "ReadError"), RESET_AS_EOF)
        for transport in ("tls", "proxy")
    },
    **{
        ("truncate-reset", "httpx", transport): (("RemoteProtocolError", "ReadError"), RESET_AS_EOF)
        for transport in ("tls", "proxy")
    },
    **{
        ("truncate-reset", name, transport): (seen, LOST_RECORDS)
        for transport in ("tls", "proxy")
        for name, seen in {
            "requests": ("ChunkedEncodingError", "ConnectionError", "ProxyError"),
            "urllib3": ("ProtocolError", "ProxyError"),
            "httpx-async": ("ReadError",),
            "aiohttp": ("ClientPayloadError", "ClientPayloadError x2", "ClientOSError x2"),
        }.items()
    },
}
"""(fault, client, transport) -> (outcomes that are accepted instead, the reason)."""
if urllib3.__version__.startswith("1."):
    INCOMPLETE_ACCEPTED = "urllib3 1.26 accepts an incomplete body by default"
    EXCEPTIONS |= {
        ("truncate", "requests", transport): (("200 no JSON",), INCOMPLETE_ACCEPTED) for transport in TRANSPORTS
    }
    EXCEPTIONS |= {
        ("truncate-reset", "requests", transport): (
            ("200 no JSON", "ChunkedEncodingError", "ConnectionError"),
            INCOMPLETE_ACCEPTED,
        )
        for transport in ("tls", "proxy")
    }
TESTS = [(fault, name, transport) for fault in FAULTS for name in COLUMNS for transport in TRANSPORTS]


class Servers(NamedTuple):
    """A mock with a proxy in front of it, and its transports that use a socket."""

    mock: SegmentMock
    proxy: ProxyRoute
    transports: dict[str, LiveTransport]


@contextmanager
def open_servers(**settings: Any) -> Iterator[Servers]:
    """Create a mock and start its servers; stop them after the block."""
    with SegmentMock(**settings) as mock:
        server = mock.serve(proxy=True)
        route = ProxyRoute(server.url, server.ca_file, ssl.create_default_context(cafile=server.ca_file))
        yield Servers(
            mock, route, {"live": LiveTransport(mock.serve), "tls": LiveTransport(partial(mock.serve, tls=True))}
        )


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[bool, Servers]]:
    """The servers of two mocks: delays take real time in one mock (True), and no time in the other (False)."""
    with open_servers() as real, open_servers(time_scale=0) as quick:
        yield {True: real, False: quick}


@contextmanager
def client_at(transport: str, name: str, servers: Servers) -> Iterator[Any]:
    """Create the client *name*, whose calls to the vendor use *transport*, for the length of the block."""
    route = Route(SALSA.endswith, servers.transports[transport]) if transport in servers.transports else None
    with servers.mock.intercept() if transport == "inprocess" else nullcontext():
        if route:
            REGISTRY.add(route)
        client = CLIENTS[name](servers.proxy if transport == "proxy" else ProxyRoute())
        try:
            yield client
        finally:
            client.close()
            if route:
                REGISTRY.remove(route)


def outcome_over(transport: str, name: str, servers: Servers, case: FaultCase) -> str:
    """Return the outcome of a call with the fault of *case*, in the client *name*, over *transport*."""
    servers.mock.reset()
    rule = servers.mock.faults.add(case.fault)
    with client_at(transport, name, servers) as client:
        seen = outcome(client, "PUT", SALSA + UPSERT, BODY, case.read_timeout)
        # The client may time out before the call arrives.
        servers.mock.journal.wait_for("salsa.upsert_segments", timeout=PATIENCE)
    return seen if rule.fired == 1 else f"{seen} x{rule.fired}"


@pytest.mark.parametrize(("fault", "name", "transport"), TESTS)
def test_a_fault_has_the_same_outcome_on_every_transport(
    servers: dict[bool, Servers], fault: str, name: str, transport: str
) -> None:
    """The table has the class of the exception, or the status, and the number of requests."""
    case = FAULTS[fault]
    expected, _ = EXCEPTIONS.get((fault, name, transport), ((case.expected_for(name),), ""))
    timeouts = growing_timeouts(0.1) if fault == "drip-hasty" else [case.read_timeout]
    for timeout in timeouts:  # the client has to read the head of a slow body within it, also on a busy machine
        stage = servers[case.read_timeout < DEFAULT_TIMEOUT]
        seen = outcome_over(transport, name, stage, case._replace(read_timeout=timeout))
        if seen in expected:
            break

    assert seen in expected
