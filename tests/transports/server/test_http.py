"""HTTP/1.1 of real clients, and malformed HTTP, on the live server."""

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

from .raw_client import GET, TIMEOUT, RawClient, echo, serving


async def tells(request):
    """Respond with the request that the core got, as text."""
    lines = [request.method, request.target, request.transport, str(request.number)]
    lines += [f"{name}={value}" for name, value in request.headers.items()]
    return Response(200, {}, "\n".join(lines).encode())


def test_core_gets_the_request_as_sent():
    """The target is unchanged, header names are in lower case, and repeated headers are joined."""
    with serving(tells) as server, RawClient(server) as wire:
        _, _, body = wire.send(
            b"GET /a%20b//c?x=%2F HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: \xe9\r\nX-B:\r\n\r\n"
        ).reply()

    assert body.decode().split("\n") == ["GET", "/a%20b//c?x=%2F", "live", "1", "host=h", "x-a=1, é", "x-b="]


def test_keep_alive_counts_turns():
    """One connection serves many requests, numbered from 1."""
    with serving() as server, requests.Session() as session, RawClient(server) as other:
        turns = [session.get(server.url, timeout=TIMEOUT).headers["X-Turn"] for _ in range(3)]
        turns.append(other.send(GET).reply()[1]["x-turn"])

    assert turns == ["1", "2", "3", "1"]


def test_clients_of_all_sorts():
    """requests, httpx and aiohttp each get their body back."""

    async def with_aiohttp(url):
        async with aiohttp.ClientSession() as session, session.put(url, data=b"x" * 10**6) as reply:
            return await reply.read()

    with serving() as server, httpx.Client() as client:
        assert requests.put(server.url, data=b"x" * 10**6, timeout=TIMEOUT).content == b"x" * 10**6
        assert client.put(server.url, content=b"x" * 10**6).content == b"x" * 10**6
        assert asyncio.run(with_aiohttp(server.url)) == b"x" * 10**6


def test_pipelined_requests_are_answered_in_order():
    """A late first response delays the later ones, and none is lost."""

    async def answer(request):
        if request.number in (1, 30):
            await sleep(0.01)
        return await echo(request)

    with serving(answer) as server, RawClient(server) as wire:
        wire.send(*[b"GET /%d HTTP/1.1\r\n\r\n" % number for number in range(40)])
        targets = [wire.reply()[1]["x-target"] for _ in range(40)]

    assert targets == [f"/{number}" for number in range(40)]


def test_a_half_closed_client_gets_every_pipelined_answer():
    """Answers are still due after the sending half is closed, however many."""
    with serving() as server, RawClient(server) as wire:
        wire.send(GET * 50).sock.shutdown(1)

        assert wire.rest().count(b"HTTP/1.1 200 OK") == 50


def test_one_client_that_pipelines_does_not_stall_the_others():
    """The server answers one request of each connection in turn."""

    targets, is_begun, has_come = [], threading.Event(), threading.Event()

    async def answer(request):
        is_begun.set()
        assert has_come.wait(TIMEOUT)  # the server does nothing else until the other request is there
        targets.append(request.target)
        return await echo(request)

    with serving(answer) as server, RawClient(server) as greedy, RawClient(server) as other:
        other.send(GET[:4])
        greedy.send(GET * 200)
        assert is_begun.wait(TIMEOUT)
        other.send(b"/other HTTP/1.1\r\nHost: x\r\n\r\n")
        has_come.set()
        other.reply()

    assert targets.index("/other") < 10


def test_chunked_request_body():
    """A chunked body arrives whole, and trailers are not treated as headers."""
    with serving(tells) as server, RawClient(server) as wire:
        wire.send(b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")
        assert b"x-t" not in wire.reply()[2]
    with serving() as server:
        assert requests.put(server.url, data=iter([b"ab", b"c"]), timeout=TIMEOUT).content == b"abc"


def test_expect_continue():
    ask = b"PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n"
    with serving() as server, RawClient(server) as wire:
        assert wire.send(ask).until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert wire.send(b"hi").reply()[2] == b"hi"
        wire.send(GET + ask)
        assert wire.reply()[0] == 200
        assert wire.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_head():
    """HEAD has the Content-Length of GET and no body, and the connection stays open."""
    with serving(tells) as server, RawClient(server) as wire:
        status, headers = wire.send(b"HEAD / HTTP/1.1\r\n\r\n").head()

        assert (status, headers["content-length"]) == (200, str(len("HEAD\n/\nlive\n1")))
        assert wire.send(GET).reply()[2].startswith(b"GET\n")


@pytest.mark.parametrize(
    ("head", "expected", "open_"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", "close", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive", True),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "close", False),
        (b"GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", None, True),
    ],
)
def test_closing_side_sends_connection_close(head, expected, open_):
    """HTTP/1.0 closes by default, and HTTP/1.1 keeps the connection by default."""
    with serving() as server, RawClient(server) as wire:
        assert wire.send(head).reply()[1].get("connection") == expected
        if open_:
            assert wire.send(GET).reply()[1]["x-turn"] == "2"
        else:
            assert wire.rest() == b""


def test_nothing_is_read_after_the_last_request():
    """Bytes after `Connection: close` are neither answered nor an error."""
    with serving() as server, RawClient(server) as wire:
        wire.send(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n" + GET)

        assert wire.rest().count(b"HTTP/1.1") == 1


def test_a_half_closed_client_gets_its_late_answer():
    """A client that closes only its sending direction, as nc does, still gets its response."""

    async def late(request):
        await sleep(0.02)
        return await echo(request)

    with serving(late) as server, RawClient(server) as wire:
        wire.send(GET + GET).sock.shutdown(1)

        assert wire.rest().count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"http://api.salsalabs.org/api/x?y=1", "/api/x?y=1 api.salsalabs.org"),
        (b"HTTP://u:p@api.salsalabs.org:8080", "/ api.salsalabs.org:8080"),
        (b"http://api.salsalabs.org?y", "/?y api.salsalabs.org"),
    ],
)
def test_absolute_form(target, expected):
    """A proxy's client sends whole URLs: the authority is the host, and the rest is the target."""

    async def answer(request):
        return Response(200, {}, f"{request.target} {request.headers['host']}".encode())

    with serving(answer) as server, RawClient(server) as wire:
        assert wire.send(b"GET " + target + b" HTTP/1.1\r\nHost: other\r\n\r\n").reply()[2].decode() == expected


def test_connect_is_refused_with_a_hint():
    """Without --proxy there is no tunnel, and the response names the flag."""
    with serving() as server, RawClient(server) as wire:
        status, headers, body = wire.send(b"CONNECT api.salsalabs.org:443 HTTP/1.1\r\n\r\nrest").reply()

        assert (status, headers["connection"]) == (403, "close")
        assert b"--proxy" in body
        assert wire.rest() == b""


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
)
def test_an_upgrade_is_ignored(framing):
    """Java's client asks for h2c on every plain connection; its body and its later requests are read."""
    ask = b"POST /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"
    with serving() as server, RawClient(server) as wire:
        _, headers, body = wire.send(ask + framing + GET).reply()

        assert (headers["x-method"], headers["x-target"], body) == ("POST", "/a", b"abc")
        assert wire.reply()[1]["x-turn"] == "2"


@pytest.mark.parametrize("verb", ["BREW", "GETT", "get", "OPTIONS", "PATCH"])
def test_unknown_methods_reach_the_core(verb):
    """The vendor, not the parser, refuses unknown methods, and the connection stays open."""
    with serving() as server, RawClient(server) as wire:
        _, headers, body = wire.send(f"{verb} /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi".encode()).reply()

        assert (headers["x-method"], headers["x-target"], body) == (verb, "/a", b"hi")
        assert wire.send(GET).reply()[1]["x-method"] == "GET"


@pytest.mark.parametrize("count", [2, 3, 40])
def test_pipelined_upgrades_are_all_answered(count):
    """Any number of them is answered, with other requests between them."""
    ask = b"PUT /%d HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nhi"
    with serving() as server, RawClient(server) as wire:
        wire.send(b"".join(ask % number + GET for number in range(count)))
        replies = [wire.reply() for _ in range(2 * count)]

    assert [f"/{number}" for number in range(count)] == [headers["x-target"] for _, headers, _ in replies[::2]]
    assert [b"hi", b""] * count == [body for _, _, body in replies]


@pytest.mark.parametrize("cuts", [(), (1,), (3,), (4,), (5,), (1, 2, 3, 4), (20, 40)])
def test_unknown_methods_reach_the_core_in_any_form(cuts, monkeypatch):
    """They may be pipelined, and cut into segments anywhere."""
    data = b"BREW /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi" * 2 + GET + b"ICE-9 /b HTTP/1.1\r\n\r\n"
    received = count_calls(monkeypatch, Connection, "data_received")
    with serving() as server, RawClient(server) as wire:
        for number, (start, end) in enumerate(zip((0, *cuts), (*cuts, len(data)), strict=True), 1):
            wire.send(data[start:end])
            received.wait(number)  # or the system joins the segments
        methods = [wire.reply()[1]["x-method"] for _ in range(4)]

    assert methods == ["BREW", "BREW", "GET", "ICE-9"]


def test_expect_of_http_1_0_is_ignored(monkeypatch):
    """HTTP/1.0 has no interim responses."""
    received = count_calls(monkeypatch, Connection, "data_received")
    with serving() as server, RawClient(server) as wire:
        wire.send(b"PUT / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        received.wait()
        status, _, body = wire.send(b"hi").reply()

    assert (status, body) == (200, b"hi")
