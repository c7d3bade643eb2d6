"""The request parser: input in arbitrary pieces, malformed input, and comparison with another parser."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import httptools
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from segment_mock.messages import Request, Response
from segment_mock.transports.server.parser import HEAD_LIMIT, RequestParser

LIMIT = 1000
Outcomes = list[tuple[str, str, bytes]]


def parse(*pieces: bytes, **options: Any) -> RequestParser:
    """Return a parser that has read *pieces*."""
    parser = RequestParser(LIMIT, **options)
    for piece in pieces:
        if not parser.done:
            parser.feed(piece)
    return parser


def outcomes(parser: RequestParser) -> Outcomes:
    """Return the method, the target and the body of each request, or the status of a refusal."""
    return [
        (item.method, item.target, item.body) if isinstance(item, Request) else (str(item.status), "", b"")
        for item, _ in parser.requests
    ]


GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
PUT = b"PUT /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"
BREW = b"BREW /d HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"
UPGRADE = b"PUT /e HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nhi"
EXPECTED = {
    GET: ("GET", "/a", b""),
    PUT: ("PUT", "/b", b"abc"),
    CHUNKED: ("POST", "/c", b"abc0123456789"),
    BREW: ("BREW", "/d", b"hi"),
    UPGRADE: ("PUT", "/e", b"hi"),
}


@given(requests=st.lists(st.sampled_from([*EXPECTED]), max_size=6), cuts=st.lists(st.integers(0, 600)))
@example(requests=[BREW] * 3, cuts=[])
@example(requests=[UPGRADE] * 6, cuts=[])
@example(requests=[BREW, UPGRADE, BREW], cuts=[1, 2, 3, 4, 5])
def test_pipelined_requests_may_arrive_in_any_pieces(requests: list[bytes], cuts: list[int]) -> None:
    """They include unknown methods and upgrade requests."""
    data = b"".join(requests)
    ends = sorted({min(cut, len(data)) for cut in cuts})
    parser = parse(*[data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)])

    assert [EXPECTED[request] for request in requests] == outcomes(parser)
    assert (len(requests), False) == (parser.count, parser.incomplete)


@pytest.mark.parametrize("request_", EXPECTED)
def test_a_request_may_arrive_byte_by_byte(request_: bytes) -> None:
    """A request is incomplete until its last byte."""
    parser = RequestParser(LIMIT)
    for number, byte in enumerate(request_):
        assert ([], number > 0) == ([*parser.requests], parser.incomplete)
        parser.feed(bytes([byte]))

    assert [EXPECTED[request_]] == outcomes(parser)
    assert not parser.incomplete


def test_requests_beyond_the_queue_limit_are_parsed_later() -> None:
    parser = parse(GET * 20 + PUT[:-1], queue_limit=8)
    lengths = []
    while parser.backlogged:
        lengths.append(len(parser.requests))
        parser.requests.clear()
        parser.feed()
    parser.feed(PUT[-1:])

    assert [8, 8] == lengths
    assert [("GET", "/a", b"")] * 4 + [("PUT", "/b", b"abc")] == outcomes(parser)


def test_repeated_headers_are_joined() -> None:
    ((request, _),) = parse(b"GET / HTTP/1.1\r\nX: 1\r\nY: a\r\nx: 2\r\nX:\r\n\r\n").requests

    assert isinstance(request, Request)
    assert {"x": "1, 2, ", "y": "a"} == request.headers


def test_bytes_after_connect_are_kept() -> None:
    """They begin the client's TLS handshake."""
    parser = parse(b"CONNECT api.salsalabs.org:443 HTTP/1.1\r\n\r\n\x16\x03\x01", tunnels=True)

    assert [("CONNECT", "api.salsalabs.org", b"")] == outcomes(parser)
    assert (b"\x16\x03\x01", True) == (parser.rest, parser.done)


@pytest.mark.parametrize(
    ("version", "expectation", "expects"),
    [("1.1", "100-continue", True), ("1.1", "100-Continue", True), ("1.1", "x", False), ("1.0", "100-continue", False)],
)
def test_only_http_1_1_expects_continue(version: str, expectation: str, expects: bool) -> None:
    """Other expectations are ignored."""
    parser = parse(f"PUT / HTTP/{version}\r\nContent-Length: 2\r\nExpect: {expectation}\r\n\r\n".encode())

    assert expects == parser.expects_continue


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("api.salsalabs.org", "api.salsalabs.org"),
        ("API.SalsaLabs.org.:443", "api.salsalabs.org"),
        ("api.salsalabs.org.", "api.salsalabs.org"),
        ("u:p@api.salsalabs.org:443", "api.salsalabs.org"),
        ("[::1]:443", "::1"),
    ],
)
def test_hosts_are_normalized_before_they_are_admitted(authority: str, host: str) -> None:
    """They are in lower case, without a trailing dot and a port, for CONNECT and for absolute URLs."""
    hosts: list[str] = []
    admit = lambda name: hosts.append(name) or True  # noqa: E731
    parse(f"CONNECT {authority} HTTP/1.1\r\n\r\n".encode(), admit=admit, tunnels=True)
    parse(f"GET http://{authority}/x HTTP/1.1\r\n\r\n".encode(), admit=admit)

    assert [host, host] == hosts


AMBIGUOUS = (
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    b"PUT / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    b"PUT / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"PUT / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc",
    b"PUT / HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
    b"PUT / HTTP/1.1\r\nContent-Length: 0x3\r\n\r\nabc",
    b"PUT / HTTP/1.1\r\nContent-Length: 3_0\r\n\r\nabc",
    b"PUT / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\nabc",
    b"PUT / HTTP/1.1\r\nContent-Length:\r\n\r\n",
    b"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    b"PUT / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"PUT / HTTP/1.1\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    b"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"PUT / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"PUT / HTTP/1.1\r\nX: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"PUT / HTTP/1.1\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"PUT / HTTP/1.1\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET / HTTP/1.1\r\nX: \0\r\n\r\n",
    b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    b"GET  / HTTP/1.1\r\n\r\n",
    b"GET /\tHTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1 \r\n\r\n",
    b"GET / HTTP/1.2\r\n\r\n",
    b"GET x HTTP/1.1\r\n\r\n",
    b"GET http:///x HTTP/1.1\r\n\r\n",
)


@pytest.mark.parametrize("data", AMBIGUOUS)
@pytest.mark.parametrize("in_pieces", [False, True])
def test_ambiguous_requests_are_400(data: bytes, in_pieces: bool) -> None:
    """Nothing after them is read."""
    data += GET
    parser = parse(*([bytes([byte]) for byte in data] if in_pieces else [data]))

    assert [("400", "", b"")] == outcomes(parser)
    assert parser.done


@pytest.mark.parametrize(
    "chunks",
    [
        b"-1\r\n", b"0x5\r\nhello\r\n", b"5\nhello\n", b"g\r\n", b"\r\n", b" 5\r\nhello\r\n", b"3\r\nhello\r\n",
        b"10000000000000000\r\n", b"5;\0\r\nhello\r\n", b"0\r\nX : 1\r\n\r\n", b"0\r\n X: 1\r\n\r\n",
        b"0\r\n\n\r\n\r\n",
    ],
)  # fmt: skip
def test_invalid_chunks_are_400(chunks: bytes) -> None:
    parser = parse(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", chunks)

    assert [("400", "", b"")] == outcomes(parser)


@pytest.mark.parametrize(
    "data",
    [
        b"PUT / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n",
        b"PUT / HTTP/1.1\r\nContent-Length: %s\r\n\r\n" % (b"9" * 5000),
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n%s\r\n1f5\r\n" % (b"x" * 500),
    ],
)
def test_a_too_large_body_is_detected_from_its_length(data: bytes) -> None:
    """The parser does not wait for the rest of the body."""
    ((request, option),) = parse(data).requests

    assert isinstance(request, Request)
    assert (True, b"", "close") == (request.too_large, request.body, option)


@pytest.mark.parametrize(
    "piece",
    [
        b"\r\n" * 5000,
        b"\n" * 10_000,
        b"A" * 60,
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 900 + b"0\r\n\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 10_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000,
        b"GET / HTTP/1.1\r\n" + b"X:\r\n" * 13_000 + b"\r\n",
        GET * 2000,
    ],
)
def test_parsing_takes_linear_time(piece: bytes) -> None:
    """This holds for input in one piece, and byte by byte."""
    started_at = time.process_time()
    parse(piece)
    duration = time.process_time() - started_at
    started_at = time.process_time()
    parse(*[piece[at : at + 1] for at in range(min(len(piece), 20_000))])

    assert duration < 1
    assert time.process_time() - started_at < 5


@pytest.mark.parametrize(
    ("data", "limit"),
    [
        (b"GET / HTTP/1.1\r\nX: ", HEAD_LIMIT),
        (b"GET /", HEAD_LIMIT),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;", 5000),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", HEAD_LIMIT),
    ],
)
def test_heads_chunk_lines_and_trailers_have_a_maximum_length(data: bytes, limit: int) -> None:
    """A longer head, chunk line or trailer is 431."""
    parser = parse(data, *[b"a" * 1000] * (limit // 1000 + 2))

    assert [("431", "", b"")] == outcomes(parser)


class HttptoolsRequests:
    """Collects the requests that httptools reads from the same bytes."""

    def __init__(self) -> None:
        self.messages: Outcomes = []
        self.parser = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        self.url, self.body = b"", b""

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        method = self.parser.get_method().decode()
        self.messages.append((method, self.url.decode("latin-1"), self.body))


LINES = st.sampled_from(
    [b"GET / HTTP/1.1", b"PUT /a HTTP/1.1", b"POST /b?c HTTP/1.0", b"DELETE /\xff HTTP/1.1", b"GET /"]
)
FIELDS = st.sampled_from(
    [
        b"Host: a", b"Content-Length: 3", b"Content-Length: 0", b"Content-Length: x", b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip", b"X : y", b"X: \x01", b" folded", b"Connection: close", b"Connection: keep-alive",
        b"Expect: 100-continue", b"no colon", b"X:", b"X: \xff",
    ]
)  # fmt: skip
BODIES = st.sampled_from(
    [b"", b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n", b"3\nabc\n0\n\n", b"abcd"]
)


@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(messages=st.lists(st.tuples(LINES, st.lists(FIELDS, max_size=4), BODIES), min_size=1, max_size=3))
def test_httptools_reads_the_same_requests(messages: list[tuple[bytes, list[bytes], bytes]]) -> None:
    """Requests that both parsers accept are equal, so no request can be smuggled."""
    data = b"".join(b"\r\n".join([line, *fields, b"", body]) for line, fields, body in messages)
    other = HttptoolsRequests()
    with suppress(httptools.HttpParserError):
        other.parser.feed_data(data)
    ours = [item for item in outcomes(parse(data)) if not item[0].isdigit()]
    shared = min(len(ours), len(other.messages))

    assert ours[:shared] == other.messages[:shared]


def test_a_refusal_names_the_malformed_line() -> None:
    ((response, _),) = parse(b"GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n").requests

    assert isinstance(response, Response)
    assert b"This is not HTTP/1.1: bad header line 'X Y: z'.\n" == response.body
