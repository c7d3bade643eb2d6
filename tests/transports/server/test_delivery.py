"""Each `Delivery` in bytes on the connection, and as the exception of a real client."""

import asyncio
import errno
import math
import select
import socket
import sys
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import pytest
import requests

from segment_mock import SegmentMock
from tests.waiting import growing_timeouts

from .raw_client import GET, TIMEOUT, RawClient, respond_with, serve

BODY = b"0123456789"


def fetch_until_end(server):
    """Return the bytes that a client receives until the connection ends, and "close" or "reset"."""
    with RawClient(server) as client:
        try:
            return client.send(GET).read_to_end(), "close"
        except ConnectionResetError:
            return client.buffer, "reset"


def test_a_complete_response_keeps_the_connection_open():
    with serve(respond_with(BODY)) as server, RawClient(server) as client:
        assert [client.send(GET).read_response()[2] for _ in range(2)] == [BODY, BODY]


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("raw", [b"", b"junk", b"x" * 10**7])
def test_raw_bytes_are_sent_unchanged_before_the_end(raw, end):
    """The end is a FIN or an RST."""
    with serve(respond_with(BODY, raw=raw, end=end)) as server:
        assert fetch_until_end(server) == (raw, end)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports the number of unsent bytes")
def test_a_reset_waits_until_the_client_has_received_all_bytes(monkeypatch):
    """The client reads slowly."""
    monkeypatch.setattr("segment_mock.transports.server.writer.LINGER", TIMEOUT)
    raw = b"x" * 10**6
    with serve(respond_with(BODY, raw=raw, end="reset")) as server, RawClient(server) as client:
        watch = select.poll()
        watch.register(client.send(GET).sock, select.POLLHUP)
        early = watch.poll(200)  # milliseconds: ten times the minimum wait before a reset
        with pytest.raises(ConnectionResetError):
            client.read_to_end()

    assert ([], len(raw)) == (early, len(client.buffer))


def test_a_reset_waits_for_a_limited_time(monkeypatch):
    monkeypatch.setattr("segment_mock.transports.server.writer.LINGER", 0.05)
    with serve(respond_with(BODY, raw=b"x" * 10**6, end="reset")) as server, RawClient(server) as client:
        watch = select.poll()
        watch.register(client.send(GET).sock, select.POLLHUP)

        assert watch.poll(TIMEOUT * 1000)


@pytest.mark.parametrize("size", [10, 10**6])
@pytest.mark.parametrize(("end", "seen"), [("open", "close"), ("close", "close"), ("reset", "reset")])
def test_a_truncated_body_has_the_length_of_the_complete_body(size, end, seen):
    """*keep* bytes are sent; then the connection is closed, even with the end ``open``."""
    with serve(respond_with(b"x" * size, keep=size - 6, end=end)) as server:
        response, how = fetch_until_end(server)

    head, _, body = response.partition(b"\r\n\r\n")
    assert f"Content-Length: {size}".encode() in head
    assert b"Connection" not in head
    assert (len(body), how) == (size - 6, seen)


def test_keep_beyond_the_length_of_the_body_has_no_effect():
    with serve(respond_with(BODY, keep=99)) as server, RawClient(server) as client:
        assert [client.send(GET).read_response()[2] for _ in range(2)] == [BODY, BODY]


def test_a_connection_can_close_after_a_complete_response():
    """The response has `Connection: close`, and a further request is not answered."""
    with serve(respond_with(BODY, end="close")) as server, RawClient(server) as client:
        _, headers, body = client.send(GET + GET).read_response()

        assert (headers["connection"], body) == ("close", BODY)
        assert client.read_to_end() == b""


def test_a_connection_can_be_reset_after_a_complete_response():
    """The client can read the response before the reset."""
    with serve(respond_with(BODY, end="reset")) as server:
        response, how = fetch_until_end(server)

    assert (response.endswith(BODY), how) == (True, "reset")


def test_raw_may_leave_the_connection_open():
    """If the raw bytes are a complete response, the connection serves the next request."""
    response = b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\n\r\nok"
    with serve(respond_with(raw=response)) as server, requests.Session() as session:
        assert [session.get(server.url, timeout=TIMEOUT).reason for _ in range(2)] == ["Fine", "Fine"]


def test_a_body_can_be_sent_in_chunks_with_pauses(advance_loop_time):
    """The head is sent immediately, and a pipelined response after the last chunk."""
    core = respond_with(BODY, chunk=4, pause=3600)
    with serve(core) as server, RawClient(server) as client, RawClient(server) as other:

        def advance(seconds):
            """Let *seconds* pass after the server has set its next timer, and wait until it has done what is due."""
            other.send(b"GET /_mock/ HTTP/1.1\r\n\r\n").read_response()
            advance_loop_time(seconds)
            other.send(b"GET /_mock/ HTTP/1.1\r\n\r\n").read_response()

        client.send(GET + GET).read_head()
        for chunk in (b"0123", b"4567", b"89"):
            advance(3599)
            assert (client.buffer, select.select([client.sock], [], [], 0)[0]) == (b"", [])
            advance(1)
            assert client.read_until(chunk) == chunk
        assert client.read_head()[0] == 200
        advance(3600)
        assert client.read_until(b"0123") == b"0123"


@pytest.mark.parametrize("chunk", [0, 1, 3, 99])
def test_with_time_scale_0_a_slow_body_has_no_pauses(chunk):
    """The size of its chunks makes no difference."""
    with serve(respond_with(BODY, chunk=chunk, pause=60), time_scale=0) as server, RawClient(server) as client:
        assert [client.send(GET).read_response()[2] for _ in range(2)] == [BODY, BODY]


def test_chunks_truncation_and_reset_can_be_combined():
    with serve(respond_with(BODY, keep=5, chunk=2, pause=0.001, end="reset")) as server:
        response, how = fetch_until_end(server)

    assert (response.endswith(b"\r\n\r\n01234"), how) == (True, "reset")


def test_a_client_may_disconnect_during_a_slow_body():
    """The server continues."""
    with serve(respond_with(b"x" * 1000, chunk=1, pause=0.001)) as server:
        with RawClient(server) as client:
            client.send(GET).read_head()
        with RawClient(server) as client:
            assert client.send(GET).read_head()[0] == 200


def test_with_an_infinite_pause_the_client_times_out_after_the_head():
    with serve(respond_with(BODY, chunk=4, pause=math.inf)) as server:
        for timeout in growing_timeouts(0.1):
            with suppress(requests.ReadTimeout):  # that of the head
                with pytest.raises(requests.ConnectionError, match="Read timed out"):
                    requests.get(server.url, timeout=(TIMEOUT, timeout))
                break
        else:
            pytest.fail("the head did not arrive")
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(server.url, timeout=httpx.Timeout(TIMEOUT, read=0.1))


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
def test_requests_and_httpx_raise_their_own_exceptions(delivery, in_requests, in_httpx):
    """A vendor whose response breaks off causes the same exceptions."""
    with serve(respond_with(BODY, **delivery)) as server:
        with pytest.raises(in_requests) as caught:
            requests.get(server.url, timeout=TIMEOUT)
        with pytest.raises(in_httpx):
            httpx.get(server.url, timeout=TIMEOUT)

    assert ("reset by peer" in str(caught.value)) == (delivery.get("end") == "reset")


def test_responses_to_head_ignore_the_delivery_of_the_body():
    with serve(respond_with(BODY, chunk=1, pause=60)) as server, RawClient(server) as client:
        for _ in range(2):
            assert client.send(b"HEAD / HTTP/1.1\r\n\r\n").read_head()[1]["content-length"] == "10"


def test_a_client_that_disconnects_before_its_400_is_not_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def raise_reset(_: Any) -> None:
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    monkeypatch.setattr(asyncio.selector_events._SelectorSocketTransport, "write_eof", raise_reset)  # type: ignore[attr-defined]
    with SegmentMock() as mock:
        server = mock.serve()
        with socket.create_connection((server.host, server.port), timeout=60) as client:
            client.sendall(b"GET / HTTP/9.9\r\n\r\n")
            received = b"".join(iter(partial(client.recv, 4096), b""))

    assert received.startswith(b"HTTP/1.1 400") or received == b""
    assert [record.message for record in caplog.records] == []
