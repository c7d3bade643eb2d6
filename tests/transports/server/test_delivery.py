"""Each `Delivery` as bytes on the connection, and as the exception that a real client raises."""

import asyncio
import errno
import math
import select
import socket
import sys
import time
from functools import partial
from typing import Any

import httpx
import pytest
import requests

from segment_mock import SegmentMock

from .raw_client import GET, TIMEOUT, RawClient, always, serving

BODY = b"0123456789"


def fetched(server):
    """Return the bytes that a raw client reads to the end, and whether the end was a reset."""
    with RawClient(server) as wire:
        try:
            return wire.send(GET).rest(), "close"
        except ConnectionResetError:
            return wire.seen, "reset"


def test_a_whole_response_keeps_the_connection():
    """The whole response is sent, and the next request follows."""
    with serving(always(BODY)) as server, RawClient(server) as wire:
        assert [wire.send(GET).reply()[2] for _ in range(2)] == [BODY, BODY]


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("raw", [b"", b"junk", b"x" * 10**7])
def test_raw_bytes_then_the_end(raw, end):
    """Exactly these bytes arrive, then FIN or RST."""
    with serving(always(BODY, raw=raw, end=end)) as server:
        assert fetched(server) == (raw, end)


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell what has not crossed")
def test_a_reset_waits_for_bytes_that_have_not_crossed():
    """A slow client still gets every byte before the reset."""
    raw = b"x" * 10**6
    with serving(always(BODY, raw=raw, end="reset")) as server, RawClient(server) as wire:
        watch = select.poll()
        watch.register(wire.send(GET).sock, select.POLLHUP)
        early = watch.poll(200)  # milliseconds, ten times the moment that a client is given at least
        with pytest.raises(ConnectionResetError):
            wire.rest()

    assert ([], len(raw)) == (early, len(wire.seen))


def test_a_reset_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr("segment_mock.transports.server.writer.LINGER", 0.05)
    with serving(always(BODY, raw=b"x" * 10**6, end="reset")) as server, RawClient(server) as wire:
        watch = select.poll()
        watch.register(wire.send(GET).sock, select.POLLHUP)

        assert watch.poll(TIMEOUT * 1000)


@pytest.mark.parametrize("size", [10, 10**6])
@pytest.mark.parametrize(("end", "seen"), [("open", "close"), ("close", "close"), ("reset", "reset")])
def test_a_cut_body(size, end, seen):
    """Only *keep* bytes are sent, with the Content-Length of the whole body.

    The connection is closed even with ``open``.
    """
    with serving(always(b"x" * size, keep=size - 6, end=end)) as server:
        reply, how = fetched(server)

    head, _, body = reply.partition(b"\r\n\r\n")
    assert f"Content-Length: {size}".encode() in head
    assert b"Connection" not in head
    assert (len(body), how) == (size - 6, seen)


def test_a_cut_that_cuts_nothing():
    """If *keep* exceeds the length of the body, the response is an ordinary one."""
    with serving(always(BODY, keep=99)) as server, RawClient(server) as wire:
        assert [wire.send(GET).reply()[2] for _ in range(2)] == [BODY, BODY]


def test_close_after_a_whole_response():
    """The response is complete, says `Connection: close`, and is the last."""
    with serving(always(BODY, end="close")) as server, RawClient(server) as wire:
        _, headers, body = wire.send(GET + GET).reply()

        assert (headers["connection"], body) == ("close", BODY)
        assert wire.rest() == b""


def test_reset_after_a_whole_response():
    """The client can read the response before the reset."""
    with serving(always(BODY, end="reset")) as server:
        reply, how = fetched(server)

    assert (reply.endswith(BODY), how) == (True, "reset")


def test_raw_may_leave_the_connection_open():
    """After raw bytes that are a complete response, the connection serves the next request."""
    reply = b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\n\r\nok"
    with serving(always(raw=reply)) as server, requests.Session() as session:
        assert [session.get(server.url, timeout=TIMEOUT).reason for _ in range(2)] == ["Fine", "Fine"]


def test_a_dripped_body():
    """The head is sent immediately, every piece after a pause, and the next response after the last piece."""
    with serving(always(BODY, chunk=4, pause=0.02)) as server, RawClient(server) as wire:
        wire.send(GET + GET).head()
        began = time.perf_counter()
        assert len(wire.seen) <= 4
        while len(wire.seen) < 10:
            wire._more()
        assert time.perf_counter() - began > 0.035
        wire.seen = wire.seen[10:]
        assert wire.reply()[2] == BODY


@pytest.mark.parametrize("chunk", [0, 1, 3, 99])
def test_drips_scaled_to_nothing(chunk):
    """With time_scale 0 a slow body is sent without pauses, whatever its pieces are."""
    with serving(always(BODY, chunk=chunk, pause=60), time_scale=0) as server, RawClient(server) as wire:
        assert [wire.send(GET).reply()[2] for _ in range(2)] == [BODY, BODY]


def test_a_dripped_cut_and_reset():
    """Pieces, cut and end can be combined."""
    with serving(always(BODY, keep=5, chunk=2, pause=0.001, end="reset")) as server:
        reply, how = fetched(server)

    assert (reply.endswith(b"\r\n\r\n01234"), how) == (True, "reset")


def test_a_drip_whose_client_leaves():
    """Nothing is written to a dead connection; the server continues."""
    with serving(always(b"x" * 1000, chunk=1, pause=0.001)) as server:
        with RawClient(server) as wire:
            wire.send(GET).head()
        with RawClient(server) as wire:
            assert wire.send(GET).head()[0] == 200


def test_a_body_that_never_comes():
    """An infinite pause stalls after the head; clients run into their read timeout."""
    with serving(always(BODY, chunk=4, pause=math.inf)) as server:
        with pytest.raises(requests.ConnectionError, match="Read timed out"):
            requests.get(server.url, timeout=0.05)
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(server.url, timeout=0.05)


@pytest.mark.parametrize(
    ("delivery", "in_requests", "in_httpx"),
    [
        ({"raw": b"", "end": "close"}, requests.ConnectionError, httpx.RemoteProtocolError),
        ({"raw": b"", "end": "reset"}, requests.ConnectionError, httpx.ReadError),
        ({"raw": b"junk\r\n", "end": "close"}, requests.ConnectionError, httpx.RemoteProtocolError),
        ({"keep": 4}, requests.exceptions.ChunkedEncodingError, httpx.RemoteProtocolError),
        ({"keep": 4, "end": "reset"}, requests.exceptions.RequestException, httpx.ReadError),
    ],
)
def test_what_clients_make_of_it(delivery, in_requests, in_httpx):
    """The libraries raise the same exceptions as for a vendor that breaks off a response."""
    with serving(always(BODY, **delivery)) as server:
        with pytest.raises(in_requests) as caught:
            requests.get(server.url, timeout=TIMEOUT)
        with pytest.raises(in_httpx):
            httpx.get(server.url, timeout=TIMEOUT)

    assert ("reset by peer" in str(caught.value)) == (delivery.get("end") == "reset")


def test_head_requests_have_no_body_to_cut_or_drip():
    """HEAD gets its headers, whatever the delivery of the body is."""
    with serving(always(BODY, chunk=1, pause=60)) as server, RawClient(server) as wire:
        for _ in range(2):
            assert wire.send(b"HEAD / HTTP/1.1\r\n\r\n").head()[1]["content-length"] == "10"


def test_client_that_left_before_its_refusal_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def raise_reset(_: Any) -> None:
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    monkeypatch.setattr(asyncio.selector_events._SelectorSocketTransport, "write_eof", raise_reset)  # type: ignore[attr-defined]
    with SegmentMock() as mock:
        server = mock.serve()
        with socket.create_connection((server.host, server.port), timeout=10) as client:
            client.sendall(b"GET / HTTP/9.9\r\n\r\n")
            received = b"".join(iter(partial(client.recv, 4096), b""))

    assert received.startswith(b"HTTP/1.1 400") or received == b""
    assert [record.message for record in caplog.records] == []
