"""Requests that the live server itself refuses or ends: malformed, oversized and unfinished ones."""

import pytest
import requests

from segment_mock.clock import Clock
from segment_mock.messages import Response
from segment_mock.transports.server.server import _Loop

from .raw_client import GET, TIMEOUT, RawClient, serving


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
def test_broken_http(data, sentence):
    """What is not HTTP/1.1 gets a plain sentence, and the connection is closed."""
    with serving() as server, RawClient(server) as wire:
        status, headers, body = wire.send(data).reply()

        assert (status, headers["content-type"]) == (400, "text/plain; charset=utf-8")
        assert sentence in body
        assert wire.rest() == b""


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", "The server expects plain HTTP, but the client sent TLS"),
        (b"CONNECT api.salsalabs.org:443 HTTP/1.1\r\n\r\n", "The server is not a proxy, so it refuses CONNECT"),
    ],
)
def test_what_a_client_does_not_show_is_in_the_log(data, sentence, caplog):
    with serving() as server, RawClient(server) as wire:
        wire.send(data).reply()

    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [sentence]


def test_broken_after_a_good_request():
    """The valid request is answered first, and the refusal has its sentence even after a HEAD."""
    with serving() as server, RawClient(server) as wire:
        wire.send(b"HEAD / HTTP/1.1\r\n\r\n" + b"\0\r\n\r\n")

        assert wire.head()[0] == 200
        assert wire.reply()[2].startswith(b"This is not HTTP/1.1")


@pytest.mark.parametrize(
    "pieces",
    [
        (b"GET / HTTP/1.1\r\n" + b"X-A: %s\r\n" % (b"a" * 999) * 70 + b"\r\n",),
        (b"GET / HTTP/1.1\r\nX-A: ", *[b"a" * 9999] * 8),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",),
    ],
)
def test_a_head_beyond_64_kib(pieces):
    """Many headers, one endless header, or a huge target get a plain 431."""
    with serving() as server, RawClient(server) as wire:
        status, headers, _ = wire.send(*pieces).reply()

        assert (status, headers["content-type"]) == (431, "text/plain; charset=utf-8")


def test_a_head_below_64_kib_in_small_pieces():
    """A head within the limit is read, however it is cut."""
    head = b"GET / HTTP/1.1\r\n" + b"X-A: %s\r\n" % (b"a" * 999) * 60 + b"\r\n"
    with serving() as server, RawClient(server) as wire:
        wire.send(*[head[at : at + 7000] for at in range(0, len(head), 7000)])

        assert wire.reply()[0] == 200


@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: 10000000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nb\r\n" + b"x" * 11],
)
def test_a_body_beyond_the_limit(framing):
    with serving(body_limit=10) as server, RawClient(server) as wire:
        status, headers, body = wire.send(b"PUT / HTTP/1.1\r\n" + framing).reply()

        assert (status, headers["x-large"], headers["connection"], body) == (413, "True", "close", b"")
        assert wire.rest() == b""


def test_a_client_that_sends_all_before_it_reads():
    """The rest of a too large body is read and discarded, so that the client gets the refusal and not a reset."""
    with serving(body_limit=10) as server:
        assert requests.put(server.url, data=b"x" * 20 * 2**20, timeout=TIMEOUT).status_code == 413


def test_control_plane_has_its_own_limit():
    """A state may be larger than any call to a vendor."""
    with serving(body_limit=1) as server:
        url = server.url + "/_mock/state"
        seen = [requests.put(url, data=body, timeout=TIMEOUT).content for body in (b"x" * 16, b"x" * 17)]

    assert seen == [b"x" * 16, b""]


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\nX-A", b"PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\nx"])
def test_a_request_that_is_not_completed(data):
    """Begun but not finished in time: 408, plainly, and closed."""
    with serving(request_timeout=0.02) as server, RawClient(server) as wire:
        status, headers, body = wire.send(data).reply()

        assert (status, headers["content-type"]) == (408, "text/plain; charset=utf-8")
        assert b"within 0.02 s" in body
        assert wire.rest() == b""


@pytest.fixture
def pass_time(monkeypatch):
    """A function that moves the time of the server's loop on by a number of seconds."""
    passed = [0.0]
    monkeypatch.setattr(_Loop, "time", staticmethod(lambda: Clock.monotonic() + passed[0]))

    def pass_time(seconds):
        passed[0] += seconds

    return pass_time


def test_each_request_has_its_own_time(pass_time):
    """A client that keeps sending requests in pieces is not disconnected."""
    with serving(request_timeout=3600) as server, RawClient(server) as wire:
        wire.send(GET[:9])
        for _ in range(20):
            pass_time(1000)
            wire.send(GET[9:] + GET[:9])
            assert wire.reply()[0] == 200


def test_an_idle_connection_is_not_closed(pass_time):
    """The time limit is for requests, not for the time between them."""
    with serving(request_timeout=60) as server, RawClient(server) as wire, RawClient(server) as other:
        wire.send(GET).reply()
        pass_time(3600)
        other.send(GET).reply()  # wakes the loop, so that what is due is done

        assert wire.send(GET).reply()[1]["x-turn"] == "2"


def test_a_client_that_does_not_read_is_not_read():
    served = []

    async def answer(request):
        if request.target != "/":
            return Response(200)
        served.append(request.number)
        return Response(200, {}, b"x" * 10**7)

    with serving(answer) as server, RawClient(server) as wire, RawClient(server) as other:
        wire.send(GET * 12)
        while not served:
            other.send(b"GET /other HTTP/1.1\r\n\r\n").reply()

        assert served == [1]
        assert [len(wire.reply()[2]) for _ in range(12)] == [10**7] * 12


def test_a_refused_client_is_not_drained_for_ever(monkeypatch):
    """A client that keeps sending is disconnected after a number of bytes or seconds."""
    with serving(body_limit=10) as server:
        with monkeypatch.context() as patch, RawClient(server) as wire:
            patch.setattr("segment_mock.transports.server.connection.DRAIN_LIMIT", 10**6)
            with pytest.raises(ConnectionError):
                wire.send(b"PUT / HTTP/1.1\r\nContent-Length: 10000000000\r\n\r\n", b"x" * 10**8)
        with monkeypatch.context() as patch, RawClient(server) as wire:
            patch.setattr("segment_mock.transports.server.writer.LINGER", 0.01)
            wire.send(b"PUT / HTTP/1.1\r\nContent-Length: 11\r\n\r\n").rest()
            with pytest.raises(ConnectionError):
                wire.send(*[b"x"] * 10**6)
