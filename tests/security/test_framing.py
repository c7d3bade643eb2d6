"""Where a request ends and a connection ends, seen by a client on a socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from segment_mock import SegmentMock
from segment_mock.transports.server.server import LiveServer

HEALTH = b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """A server that is a proxy too."""
    with SegmentMock() as mock:
        yield mock.serve(proxy=True)


def exchanged(server: LiveServer, *pieces: bytes, interim: bytes = b"") -> bytes:
    """Send *pieces*, each once the one before has left, and return all that comes back.

    After the first piece wait for *interim*, if given.
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
def test_what_follows_the_last_request_resets_nothing(server: LiveServer, last: bytes) -> None:
    """The reply arrives whole although the client continues to send bytes that are no longer read."""
    for _ in range(20):
        received = exchanged(server, last, HEALTH, HEALTH)

        assert 1 == received.count(b"HTTP/1.1 200 OK")
        assert received.endswith(b'{"status":"ok"}')


@pytest.mark.parametrize("verb", [b"BREW", b"M-SEARCH", b"FOO", b"P", b"PROPFIND"])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_unknown_method_gets_the_vendors_reply_on_every_transport(server: LiveServer, verb: bytes, size: int) -> None:
    """Split over segments, and behind another request."""
    call = verb + b" /segments HTTP/1.1\r\nHost: localhost\r\nx-api-key: k\r\n\r\n"
    pieces = [call[at : at + size] for at in range(0, len(call), size)]
    alone, pipelined = exchanged(server, *pieces), exchanged(server, HEALTH + call)

    assert alone.startswith(b"HTTP/1.1 405 "), alone[:200]
    assert b'"success"' in alone
    assert 1 == pipelined.count(b"HTTP/1.1 405 ")


BODY = b'{"name": "n", "broadcastMediumId": "b", "segmentType": "t"}'
HEAD = b"POST /segments HTTP/1.%d\r\nHost: localhost\r\nx-api-key: k\r\nContent-Length: %d\r\n"


@pytest.mark.parametrize("expect", [b"100-continue", b"100-Continue", b" 100-continue ", b"100-CONTINUE"])
def test_expect_100_continue_is_answered_before_the_body(server: LiveServer, expect: bytes) -> None:
    head = HEAD % (1, len(BODY)) + b"Expect:" + expect + b"\r\n\r\n"
    received = exchanged(server, head, BODY, interim=b"HTTP/1.1 100 Continue\r\n\r\n")

    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")


@pytest.mark.parametrize(
    "head",
    [
        HEAD % (0, len(BODY)) + b"Expect: 100-continue\r\n\r\n",  # HTTP/1.0 has none
        HEAD % (1, len(BODY)) + b"\r\n",
    ],
)
def test_without_expectation_there_is_no_interim_reply(server: LiveServer, head: bytes) -> None:
    received = exchanged(server, head, BODY)

    assert received.startswith(b"HTTP/1.1 200 ")


def test_a_body_that_has_come_needs_no_interim_reply(server: LiveServer) -> None:
    """Of both, the reply to the request is the one that counts."""
    received = exchanged(server, HEAD % (1, len(BODY)) + b"Expect: 100-continue\r\n\r\n" + BODY)

    assert 1 == received.count(b"HTTP/1.1 200 ")
    assert received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("expect", [b"x", b"200-ok", b"100-continue, x", b""])
def test_another_expectation_hangs_nothing(server: LiveServer, expect: bytes) -> None:
    received = exchanged(server, HEAD % (1, len(BODY)) + b"Expect: " + expect + b"\r\n\r\n" + BODY)

    assert received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")[:13] in (b"HTTP/1.1 200 ", b"HTTP/1.1 417 ")


@pytest.mark.parametrize(
    "head",
    [
        HEAD % (1, 99999999999) + b"Expect: 100-continue\r\n\r\n",
        b"POST /segments HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\nExpect: 100-continue\r\n\r\n",
        b"POST /segments HTTP/1.1\r\nHost: localhost\r\nHost: b\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    ],
)
def test_call_that_its_head_refuses_gets_no_100_continue(server: LiveServer, head: bytes) -> None:
    received = exchanged(server, head)

    assert b"100 Continue" not in received
    assert received[9:12] in (b"400", b"413")
