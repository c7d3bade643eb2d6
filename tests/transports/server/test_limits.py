"""Requests that the live server itself refuses or ends: malformed, oversized and incomplete requests."""

import pytest
import requests

from segment_mock.messages import Response

from .raw_client import GET, TIMEOUT, RawClient, serve


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", b"TLS"),
        (b"hello\r\n\r\n", b"not HTTP/1.1"),
        (b"BREW nowhere HTTP/1.1\r\n\r\n", b"not HTTP/1.1"),
        (b"GET / HTTP/9.9\r\n\r\n", b"not HTTP/1.1"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"not HTTP/1.1"),
        (b"PUT / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"not HTTP/1.1"),
        (b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"not HTTP/1.1"),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", b"not HTTP/1.1"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"not HTTP/1.1"),
    ],
)
def test_malformed_http_is_400_in_plain_text(data, sentence):
    """The connection is closed."""
    with serve() as server, RawClient(server) as client:
        status, headers, body = client.send(data).read_response()

        assert (status, headers["content-type"]) == (400, "text/plain; charset=utf-8")
        assert sentence in body
        assert client.read_to_end() == b""


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", "The server expects plain HTTP, but the client sent TLS"),
        (b"CONNECT api.salsalabs.org:443 HTTP/1.1\r\n\r\n", "The server is not a proxy, so it refuses CONNECT"),
    ],
)
def test_tls_and_connect_on_a_plain_server_are_logged(data, sentence, caplog):
    with serve() as server, RawClient(server) as client:
        client.send(data).read_response()

    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [sentence]


def test_a_valid_request_is_answered_before_a_malformed_request():
    """The 400 has a body, even after a HEAD request."""
    with serve() as server, RawClient(server) as client:
        client.send(b"HEAD / HTTP/1.1\r\n\r\n" + b"\0\r\n\r\n")

        assert client.read_head()[0] == 200
        assert client.read_response()[2].startswith(b"This is not HTTP/1.1")


@pytest.mark.parametrize(
    "pieces",
    [
        (b"GET / HTTP/1.1\r\n" + b"X-A: %s\r\n" % (b"a" * 999) * 70 + b"\r\n",),
        (b"GET / HTTP/1.1\r\nX-A: ", *[b"a" * 9999] * 8),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",),
    ],
)
def test_a_head_beyond_64_kib_is_431(pieces):
    """It may have many headers, a header without end, or a long target."""
    with serve() as server, RawClient(server) as client:
        status, headers, _ = client.send(*pieces).read_response()

        assert (status, headers["content-type"]) == (431, "text/plain; charset=utf-8")


def test_a_head_below_64_kib_may_arrive_in_pieces():
    head = b"GET / HTTP/1.1\r\n" + b"X-A: %s\r\n" % (b"a" * 999) * 60 + b"\r\n"
    with serve() as server, RawClient(server) as client:
        client.send(*[head[at : at + 7000] for at in range(0, len(head), 7000)])

        assert client.read_response()[0] == 200


@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: 10000000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nb\r\n" + b"x" * 11],
)
def test_a_body_beyond_the_limit_is_413(framing):
    with serve(body_limit=10) as server, RawClient(server) as client:
        status, headers, body = client.send(b"PUT / HTTP/1.1\r\n" + framing).read_response()

        assert (status, headers["x-large"], headers["connection"], body) == (413, "True", "close", b"")
        assert client.read_to_end() == b""


def test_the_rest_of_a_too_large_body_is_discarded(monkeypatch):
    """A client that sends the complete body before it reads therefore gets the 413 instead of a reset."""
    monkeypatch.setattr("segment_mock.transports.server.writer.LINGER", TIMEOUT)
    with serve(body_limit=10) as server:
        assert requests.put(server.url, data=b"x" * 20 * 2**20, timeout=TIMEOUT).status_code == 413


def test_the_control_plane_has_a_larger_body_limit():
    """A state may be larger than any call to a vendor."""
    with serve(body_limit=1) as server:
        url = server.url + "/_mock/state"
        seen = [requests.put(url, data=body, timeout=TIMEOUT).content for body in (b"x" * 16, b"x" * 17)]

    assert seen == [b"x" * 16, b""]


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\nX-A", b"PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\nx"])
def test_an_incomplete_request_is_408(data):
    """The response is sent after the timeout; then the connection is closed."""
    with serve(request_timeout=0.02) as server, RawClient(server) as client:
        status, headers, body = client.send(data).read_response()

        assert (status, headers["content-type"]) == (408, "text/plain; charset=utf-8")
        assert b"within 0.02 s" in body
        assert client.read_to_end() == b""


def test_the_timeout_applies_to_each_request_separately(advance_loop_time):
    """A client that keeps sending requests in pieces is not disconnected."""
    with serve(request_timeout=3600) as server, RawClient(server) as client:
        client.send(GET[:9])
        for _ in range(20):
            advance_loop_time(1000)
            client.send(GET[9:] + GET[:9])
            assert client.read_response()[0] == 200


def test_an_idle_connection_is_not_closed(advance_loop_time):
    """The timeout does not apply between requests."""
    with serve(request_timeout=60) as server, RawClient(server) as client, RawClient(server) as other:
        client.send(GET).read_response()
        advance_loop_time(3600)
        other.send(GET).read_response()  # wakes the loop, so that due timers run

        assert client.send(GET).read_response()[1]["x-turn"] == "2"


def test_requests_of_a_client_that_does_not_read_are_not_read():
    numbers = []

    async def answer(request):
        if request.target != "/":
            return Response(200)
        numbers.append(request.number)
        return Response(200, {}, b"x" * 10**7)

    with serve(answer) as server, RawClient(server) as client, RawClient(server) as other:
        client.send(GET * 12)
        while not numbers:
            other.send(b"GET /other HTTP/1.1\r\n\r\n").read_response()

        assert numbers == [1]
        assert [len(client.read_response()[2]) for _ in range(12)] == [10**7] * 12


def test_a_refused_client_is_disconnected_after_a_limit(monkeypatch):
    """The server discards only a limited number of bytes, for a limited time."""
    with serve(body_limit=10) as server:
        with monkeypatch.context() as patch, RawClient(server) as client:
            patch.setattr("segment_mock.transports.server.connection.DRAIN_LIMIT", 10**6)
            with pytest.raises(ConnectionError):
                client.send(b"PUT / HTTP/1.1\r\nContent-Length: 10000000000\r\n\r\n", b"x" * 10**8)
        with monkeypatch.context() as patch, RawClient(server) as client:
            patch.setattr("segment_mock.transports.server.writer.LINGER", 0.01)
            client.send(b"PUT / HTTP/1.1\r\nContent-Length: 11\r\n\r\n").read_to_end()
            with pytest.raises(ConnectionError):
                client.send(*[b"x"] * 10**6)
