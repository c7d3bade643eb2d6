"""HTTP/1.1 on the live server: requests of real clients, and unusual requests."""

import asyncio
import threading

import aiohttp
import httpx
import pytest
import requests

from segment_mock.clock import sleep
from segment_mock.messages import Response
from segment_mock.transports.server.connection import Connection
from tests.waiting import count_calls

from .raw_client import GET, TIMEOUT, RawClient, echo, serve


async def describe_request(request):
    """Answer with a description of the request that the core gets, one item per line."""
    lines = [request.method, request.target, request.transport, str(request.number)]
    lines += [f"{name}={value}" for name, value in request.headers.items()]
    return Response(200, {}, "\n".join(lines).encode())


def test_the_core_gets_target_and_headers_of_the_request():
    """The target is unchanged, header names are in lower case, and repeated headers are joined."""
    with serve(describe_request) as server, RawClient(server) as client:
        _, _, body = client.send(
            b"GET /a%20b//c?x=%2F HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: \xe9\r\nX-B:\r\n\r\n"
        ).read_response()

    assert body.decode().split("\n") == ["GET", "/a%20b//c?x=%2F", "live", "1", "host=h", "x-a=1, é", "x-b="]


def test_requests_of_a_connection_are_numbered():
    """Each connection starts at 1."""
    with serve() as server, requests.Session() as session, RawClient(server) as other:
        turns = [session.get(server.url, timeout=TIMEOUT).headers["X-Turn"] for _ in range(3)]
        turns.append(other.send(GET).read_response()[1]["x-turn"])

    assert turns == ["1", "2", "3", "1"]


def test_requests_httpx_and_aiohttp_can_send_large_bodies():
    async def with_aiohttp(url):
        async with aiohttp.ClientSession() as session, session.put(url, data=b"x" * 10**6) as response:
            return await response.read()

    with serve() as server, httpx.Client() as client:
        assert requests.put(server.url, data=b"x" * 10**6, timeout=TIMEOUT).content == b"x" * 10**6
        assert client.put(server.url, content=b"x" * 10**6).content == b"x" * 10**6
        assert asyncio.run(with_aiohttp(server.url)) == b"x" * 10**6


def test_pipelined_requests_are_answered_in_order():
    """A delayed response delays the responses after it."""

    async def answer(request):
        if request.number in (1, 30):
            await sleep(0.01)
        return await echo(request)

    with serve(answer) as server, RawClient(server) as client:
        client.send(*[b"GET /%d HTTP/1.1\r\n\r\n" % number for number in range(40)])
        targets = [client.read_response()[1]["x-target"] for _ in range(40)]

    assert targets == [f"/{number}" for number in range(40)]


def test_a_half_closed_client_gets_every_pipelined_response():
    """The client has closed its sending direction."""
    with serve() as server, RawClient(server) as client:
        client.send(GET * 50).sock.shutdown(1)

        assert client.read_to_end().count(b"HTTP/1.1 200 OK") == 50


def test_pipelined_requests_of_one_client_do_not_delay_other_clients():
    """The server answers one request of each connection in turn."""

    targets, has_started, has_arrived = [], threading.Event(), threading.Event()

    async def answer(request):
        has_started.set()
        assert has_arrived.wait(TIMEOUT)  # the server is blocked until the other request has arrived
        targets.append(request.target)
        return await echo(request)

    with serve(answer) as server, RawClient(server) as pipelining, RawClient(server) as other:
        other.send(GET[:4])
        pipelining.send(GET * 200)
        assert has_started.wait(TIMEOUT)
        other.send(b"/other HTTP/1.1\r\nHost: x\r\n\r\n")
        has_arrived.set()
        other.read_response()

    assert targets.index("/other") < 10


def test_a_chunked_request_body_is_decoded():
    """Trailers are not treated as headers."""
    with serve(describe_request) as server, RawClient(server) as client:
        client.send(b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")
        assert b"x-t" not in client.read_response()[2]
    with serve() as server:
        assert requests.put(server.url, data=iter([b"ab", b"c"]), timeout=TIMEOUT).content == b"abc"


def test_expect_continue_gets_an_interim_response():
    request_head = b"PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n"
    with serve() as server, RawClient(server) as client:
        assert client.send(request_head).read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert client.send(b"hi").read_response()[2] == b"hi"
        client.send(GET + request_head)
        assert client.read_response()[0] == 200
        assert client.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_a_response_to_head_has_a_length_and_no_body():
    """The connection stays open."""
    with serve(describe_request) as server, RawClient(server) as client:
        status, headers = client.send(b"HEAD / HTTP/1.1\r\n\r\n").read_head()

        assert (status, headers["content-length"]) == (200, str(len("HEAD\n/\nlive\n1")))
        assert client.send(GET).read_response()[2].startswith(b"GET\n")


@pytest.mark.parametrize(
    ("head", "expected", "open_"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", "close", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive", True),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "close", False),
        (b"GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", None, True),
    ],
)
def test_connection_header_and_version_decide_whether_the_connection_stays_open(head, expected, open_):
    """HTTP/1.0 closes it by default, and HTTP/1.1 keeps it open."""
    with serve() as server, RawClient(server) as client:
        assert client.send(head).read_response()[1].get("connection") == expected
        if open_:
            assert client.send(GET).read_response()[1]["x-turn"] == "2"
        else:
            assert client.read_to_end() == b""


def test_nothing_is_read_after_the_last_request():
    """Bytes after a request with `Connection: close` are neither answered nor an error."""
    with serve() as server, RawClient(server) as client:
        client.send(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n" + GET)

        assert client.read_to_end().count(b"HTTP/1.1") == 1


def test_a_half_closed_client_gets_its_delayed_response():
    """nc closes its sending direction after the request."""

    async def late(request):
        await sleep(0.02)
        return await echo(request)

    with serve(late) as server, RawClient(server) as client:
        client.send(GET + GET).sock.shutdown(1)

        assert client.read_to_end().count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"http://api.salsalabs.org/api/x?y=1", "/api/x?y=1 api.salsalabs.org"),
        (b"HTTP://u:p@api.salsalabs.org:8080", "/ api.salsalabs.org:8080"),
        (b"http://api.salsalabs.org?y", "/?y api.salsalabs.org"),
    ],
)
def test_a_request_in_absolute_form_is_split_into_host_and_target(target, expected):
    """Clients of a proxy send complete URLs."""

    async def answer(request):
        return Response(200, {}, f"{request.target} {request.headers['host']}".encode())

    with serve(answer) as server, RawClient(server) as client:
        assert (
            client.send(b"GET " + target + b" HTTP/1.1\r\nHost: other\r\n\r\n").read_response()[2].decode() == expected
        )


def test_connect_is_403_without_proxy():
    """The response names the flag --proxy."""
    with serve() as server, RawClient(server) as client:
        status, headers, body = client.send(b"CONNECT api.salsalabs.org:443 HTTP/1.1\r\n\r\nrest").read_response()

        assert (status, headers["connection"]) == (403, "close")
        assert b"--proxy" in body
        assert client.read_to_end() == b""


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
)
def test_a_request_to_upgrade_to_http2_is_answered_in_http1(framing):
    """Java's client asks for h2c on every plain connection; its body and its later requests are read."""
    request_head = b"POST /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"
    with serve() as server, RawClient(server) as client:
        _, headers, body = client.send(request_head + framing + GET).read_response()

        assert (headers["x-method"], headers["x-target"], body) == ("POST", "/a", b"abc")
        assert client.read_response()[1]["x-turn"] == "2"


@pytest.mark.parametrize("method", ["BREW", "GETT", "get", "OPTIONS", "PATCH"])
def test_unknown_methods_reach_the_core(method):
    """The vendor refuses them, not the parser, and the connection stays open."""
    with serve() as server, RawClient(server) as client:
        _, headers, body = client.send(f"{method} /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi".encode()).read_response()

        assert (headers["x-method"], headers["x-target"], body) == (method, "/a", b"hi")
        assert client.send(GET).read_response()[1]["x-method"] == "GET"


@pytest.mark.parametrize("count", [2, 3, 40])
def test_pipelined_upgrade_requests_are_all_answered(count):
    """Other requests between them are answered, too."""
    request_head = b"PUT /%d HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nhi"
    with serve() as server, RawClient(server) as client:
        client.send(b"".join(request_head % number + GET for number in range(count)))
        responses = [client.read_response() for _ in range(2 * count)]

    assert [f"/{number}" for number in range(count)] == [headers["x-target"] for _, headers, _ in responses[::2]]
    assert [b"hi", b""] * count == [body for _, _, body in responses]


@pytest.mark.parametrize("cuts", [(), (1,), (3,), (4,), (5,), (1, 2, 3, 4), (20, 40)])
def test_pipelined_unknown_methods_may_arrive_in_any_pieces(cuts, monkeypatch):
    data = b"BREW /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi" * 2 + GET + b"ICE-9 /b HTTP/1.1\r\n\r\n"
    received = count_calls(monkeypatch, Connection, "data_received")
    with serve() as server, RawClient(server) as client:
        for number, (start, end) in enumerate(zip((0, *cuts), (*cuts, len(data)), strict=True), 1):
            client.send(data[start:end])
            received.wait(number)  # otherwise the system joins the pieces
        methods = [client.read_response()[1]["x-method"] for _ in range(4)]

    assert methods == ["BREW", "BREW", "GET", "ICE-9"]


def test_expect_of_http_1_0_is_ignored(monkeypatch):
    """HTTP/1.0 has no interim responses."""
    received = count_calls(monkeypatch, Connection, "data_received")
    with serve() as server, RawClient(server) as client:
        client.send(b"PUT / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        received.wait()
        status, _, body = client.send(b"hi").read_response()

    assert (status, body) == (200, b"hi")
