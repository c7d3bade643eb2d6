"""HTTP framing on a socket: the end of a connection, unknown methods, and ``Expect: 100-continue``."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from segment_mock import SegmentMock
from segment_mock.transports.server.server import LiveServer

HEALTH = b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """A live server that is also a proxy."""
    with SegmentMock() as mock:
        yield mock.serve(proxy=True)


def exchange(server: LiveServer, *pieces: bytes, interim: bytes = b"") -> bytes:
    """Send *pieces* one after the other on a new connection, and return all bytes that the server sends.

    After the first piece, wait until the server has sent *interim*.
    """
    received = b""
    with socket.create_connection((server.host, server.port), 60) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        for number, piece in enumerate(pieces):
            client.sendall(piece)
            while number == 0 and interim not in received:
                received += client.recv(65536)
        client.shutdown(socket.SHUT_WR)
        while data := client.recv(65536):
            received += data
    return received


@pytest.mark.parametrize(
    "last",
    [
        b"GET /_mock/health HTTP/1.0\r\nHost: localhost\r\n\r\n",
        b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\nconnection: Keep-Alive, CLOSE\r\n\r\n",
    ],
)
def test_bytes_after_the_last_request_do_not_reset_the_connection(server: LiveServer, last: bytes) -> None:
    """The response arrives completely, although the server no longer reads what the client sends."""
    for _ in range(20):
        received = exchange(server, last, HEALTH, HEALTH)

        assert 1 == received.count(b"HTTP/1.1 200 OK")
        assert received.endswith(b'{"status":"ok"}')


@pytest.mark.parametrize("verb", [b"BREW", b"M-SEARCH", b"FOO", b"P", b"PROPFIND"])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_unknown_method_gets_405_in_the_vendors_format(server: LiveServer, verb: bytes, size: int) -> None:
    """The request is split into TCP segments, or follows another request on the connection."""
    call = verb + b" /segments HTTP/1.1\r\nHost: localhost\r\nx-api-key: k\r\n\r\n"
    pieces = [call[at : at + size] for at in range(0, len(call), size)]
    single, pipelined = exchange(server, *pieces), exchange(server, HEALTH + call)

    assert single.startswith(b"HTTP/1.1 405 "), single[:200]
    assert b'"success"' in single
    assert 1 == pipelined.count(b"HTTP/1.1 405 ")


BODY = b'{"name": "n", "broadcastMediumId": "b", "segmentType": "t"}'
HEAD = b"POST /segments HTTP/1.%d\r\nHost: localhost\r\nx-api-key: k\r\nContent-Length: %d\r\n"


@pytest.mark.parametrize("expect", [b"100-continue", b"100-Continue", b" 100-continue ", b"100-CONTINUE"])
def test_expect_100_continue_is_answered_before_the_body(server: LiveServer, expect: bytes) -> None:
    head = HEAD % (1, len(BODY)) + b"Expect:" + expect + b"\r\n\r\n"
    received = exchange(server, head, BODY, interim=b"HTTP/1.1 100 Continue\r\n\r\n")

    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")


@pytest.mark.parametrize(
    "head",
    [
        HEAD % (0, len(BODY)) + b"Expect: 100-continue\r\n\r\n",  # HTTP/1.0 has no 100 Continue
        HEAD % (1, len(BODY)) + b"\r\n",
    ],
)
def test_request_without_expect_gets_no_interim_response(server: LiveServer, head: bytes) -> None:
    received = exchange(server, head, BODY)

    assert received.startswith(b"HTTP/1.1 200 ")


def test_request_with_its_body_gets_one_final_response(server: LiveServer) -> None:
    """An interim response is allowed before it."""
    received = exchange(server, HEAD % (1, len(BODY)) + b"Expect: 100-continue\r\n\r\n" + BODY)

    assert 1 == received.count(b"HTTP/1.1 200 ")
    assert received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("expect", [b"x", b"200-ok", b"100-continue, x", b""])
def test_request_with_another_expectation_gets_a_response(server: LiveServer, expect: bytes) -> None:
    received = exchange(server, HEAD % (1, len(BODY)) + b"Expect: " + expect + b"\r\n\r\n" + BODY)

    assert received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")[:13] in (b"HTTP/1.1 200 ", b"HTTP/1.1 417 ")


@pytest.mark.parametrize(
    "head",
    [
        HEAD % (1, 99999999999) + b"Expect: 100-continue\r\n\r\n",
        b"POST /segments HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\nExpect: 100-continue\r\n\r\n",
        b"POST /segments HTTP/1.1\r\nHost: localhost\r\nHost: b\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    ],
)
def test_request_with_an_invalid_head_gets_no_100_continue(server: LiveServer, head: bytes) -> None:
    received = exchange(server, head)

    assert b"100 Continue" not in received
    assert received[9:12] in (b"400", b"413")
