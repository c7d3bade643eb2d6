"""A parser of HTTP/1.1 requests, with limits of size and without a socket.

Existing parsers make decisions that a mock has to make. Here, every method reaches the vendor, an ``Upgrade`` that is
not granted changes nothing, and the bytes after a CONNECT belong to the tunnel. The framing is strict: requests that
two parsers could read differently are refused.
"""

from __future__ import annotations

import logging
import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from ...hosts import host_of, split_target
from ...messages import Request, Response, body_limit_for
from ..serialize import ConnectionOption, text_response

HEAD_LIMIT = 64 * 2**10
REQUEST_TIMEOUT = 30.0  # seconds from the first byte of a request to its last
CHUNK_LINE_LIMIT = 4 * 2**10

Parsed: TypeAlias = "tuple[Request | Response, ConnectionOption]"
"""A request, or the response to an invalid one, and the Connection option of the response."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"  # noqa: S105 - a token in the sense of RFC 9110
_REQUEST_LINE = rf"({_TOKEN}{{1,64}}) ([^\0-\x20\x7f]+) HTTP/1\.([01])\r\n"
_FIELD_LINES = rf"(?:{_TOKEN}+:[\t\x20-\x7e\x80-\xff]*\r\n)*"
_HEAD = re.compile(f"{_REQUEST_LINE}({_FIELD_LINES})")
_FIELD_LINE = re.compile(rf"{_TOKEN}+:[\t\x20-\x7e\x80-\xff]*".encode("latin-1"))
_START_OF_HEAD = re.compile(rf"{_TOKEN}{{1,64}}(?: |\Z)".encode())
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
_TLS_HANDSHAKE = b"\x16\x03"
_UNFINISHED = -1  # a step returns this if it needs more bytes

_TLS = "The server expects plain HTTP, but the client sent TLS: use an http:// address, or start it with --tls."
_LINE_FEED = "This is not HTTP/1.1: a line ends with a line feed alone."
_NO_PROXY = "The server is not a proxy, so it refuses CONNECT: start segment-mock with --proxy."
_FOREIGN = "Host {!r} does not belong to a vendor; segment-mock forwards no calls to other hosts."

_LOG = logging.getLogger("segment_mock")


class _Refused(Exception):
    """The request is invalid; *status* and *sentence* are the response."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class RequestParser:
    """Parses the requests of one connection, and appends each to ``requests``, in order.

    A body longer than *body_limit* bytes marks its request as ``too_large`` as soon as the limit is exceeded. A request
    for an absolute URL whose host *admit* refuses is refused, and so is CONNECT unless *tunnels*.

    * ``count``: the number of requests so far
    * ``incomplete``: a request has begun but not ended
    * ``expects_continue``: its client waits for ``100 Continue``
    * ``done``: nothing more is read
    * ``refused``: the client may still be sending the rest of a refused request
    * ``backlogged``: *queue_limit* requests wait in ``requests``, with more bytes after them; call ``feed()`` to
      continue
    * ``rest``: the bytes after a CONNECT
    """

    __slots__ = (
        "_admit", "_body", "_body_limit", "_connection", "_data", "_headers", "_method", "_queue_limit", "_remaining",
        "_searched", "_size", "_step", "_target", "_trailers", "_transport", "_tunnels", "backlogged", "count", "done",
        "expects_continue", "incomplete", "refused", "requests", "rest",
    )  # fmt: skip

    def __init__(
        self,
        body_limit: int,
        transport: str = "live",
        *,
        admit: Callable[[str], bool] = lambda host: True,
        tunnels: bool = False,
        queue_limit: float = math.inf,
    ) -> None:
        self.requests: deque[Parsed] = deque()
        self.count = 0
        self.incomplete = self.expects_continue = self.done = self.refused = self.backlogged = False
        self.rest = b""
        self._body_limit, self._transport, self._admit, self._tunnels = body_limit, transport, admit, tunnels
        self._queue_limit = queue_limit
        self._step: Callable[[RequestParser, bytes, int], int] = RequestParser._read_head
        self._data = b""  # the beginning of an incomplete head or line
        self._searched = 0  # how much of it was already searched for the end
        self._connection: ConnectionOption = ""
        self._body: list[bytes] = []

    def feed(self, data: bytes = b"") -> None:
        """Parse *data*, and append complete requests, or the response to an invalid one, to ``requests``."""
        if self._data:
            data, self._data = self._data + data, b""
        at, end, self.backlogged = 0, len(data), False
        try:
            while at < end and not self.done:
                if len(self.requests) >= self._queue_limit:
                    self._data, self.backlogged = data[at:], True
                    return
                after = self._step(self, data, at)
                if after == _UNFINISHED:
                    self._data = data[at:]
                    return
                at = after
        except _Refused as refusal:
            if refusal.sentence in (_TLS, _NO_PROXY):
                _LOG.warning("%s", refusal.sentence)  # these clients do not show the response
            self.refuse(refusal.status, refusal.sentence)

    def refuse_overdue(self, seconds: float) -> None:
        """Answer the incomplete request, which took longer than *seconds*, with 408."""
        self.refuse(408, f"The request was not completed within {seconds:g} s.")

    def refuse(self, status: int, sentence: str) -> None:
        """Answer the incomplete request with *status* and *sentence*, and stop reading."""
        self._finish(text_response(status, sentence))

    def close(self) -> None:
        """Drop all requests, because the client no longer waits for responses."""
        self.done, self.incomplete, self._data = True, False, b""
        self.requests.clear()
        self._body.clear()

    def _finish(self, last: Request | Response) -> None:
        self.requests.append((last, "close"))
        self.done = self.refused = True
        self.incomplete = self.expects_continue = False

    def _read_head(self, data: bytes, at: int) -> int:
        if data[at] in b"\r\n":  # empty lines before a request are ignored
            return len(data) - len(data[at:].lstrip(b"\r\n"))
        end = data.find(b"\r\n\r\n", max(at, at + self._searched - 3))
        if end < 0 or end - at > HEAD_LIMIT:
            return self._keep_head(data, at)
        head = data[at : end + 2].decode("latin-1")
        match = _HEAD.fullmatch(head)
        if match is None:
            raise _Refused(_complaint(head))
        self._method, target, minor, lines = match.groups()
        fields, headers = lines.split("\r\n")[:-1], {}
        for field in fields:
            name, _, value = field.partition(":")
            headers[name.lower()] = value.strip(" \t")
        if len(headers) < len(fields):
            headers = _joined(fields)
        self._headers, self._searched, self.incomplete = headers, 0, True
        self._connection = _connection_option(headers, minor) if minor == "0" or "connection" in headers else ""
        if self._method == "CONNECT":
            return self._connect(target, data, end + 4)
        self._target = target if target[0] == "/" else self._origin_form(target)
        if "expect" in headers and minor == "1":
            self.expects_continue = headers["expect"].lower() == "100-continue"
        if "transfer-encoding" in headers:
            return self._begin_chunks(minor, end + 4)
        digits = headers.get("content-length", "0")
        if not digits.isdecimal():
            raise _Refused(f"This is not HTTP/1.1: bad Content-Length {digits[:100]!r}.")
        self._remaining, self._step = int(digits) if len(digits) < 20 else 10**20, RequestParser._read_body
        if self._remaining > self._body_limit and self._is_too_large(self._remaining):
            self._refuse_body()
            return end + 4
        return self._read_body(data, end + 4)

    def _keep_head(self, data: bytes, at: int) -> int:
        """Wait for the end of a head, unless the bytes so far can't be the beginning of one."""
        if len(data) - at > HEAD_LIMIT:
            raise _Refused(f"The header block is longer than {HEAD_LIMIT} bytes.", 431)
        if not _START_OF_HEAD.match(data[at : at + 65]):
            raise _Refused(_TLS if data.startswith(_TLS_HANDSHAKE, at) else _complaint(data[at:].decode("latin-1")))
        if _BARE_LINE_FEED.search(data, max(at, at + self._searched - 1)):
            raise _Refused(_LINE_FEED)
        self._searched, self.incomplete = len(data) - at, True
        return _UNFINISHED

    def _origin_form(self, url: str) -> str:
        """Return the path of an absolute *url*, whose authority replaces the Host header."""
        if url == "*":
            return url
        authority, path = split_target(url)
        if not authority:
            raise _Refused(_complaint(f"{self._method} {url}"))
        self._headers["host"] = authority
        if not self._admit(host_of(authority)):
            raise _Refused(_FOREIGN.format(host_of(authority)), 403)
        return path

    def _connect(self, authority: str, data: bytes, at: int) -> int:
        host = host_of(authority.rpartition("@")[2])
        if not self._tunnels:
            raise _Refused(_NO_PROXY, 403)
        if not self._admit(host):
            raise _Refused(_FOREIGN.format(host), 403)
        self.requests.append((Request("CONNECT", host, self._headers, b"", self._transport, self.count + 1), ""))
        self.rest, self.done, self.incomplete = data[at:], True, False
        return len(data)

    def _read_body(self, data: bytes, at: int) -> int:
        """Read what remains of the body, and complete the request if nothing remains."""
        piece = data[at : at + self._remaining]
        self._remaining -= len(piece)
        self._body.append(piece)
        if not self._remaining:
            self.count += 1
            body = b"".join(self._body)
            request = Request(self._method, self._target, self._headers, body, self._transport, self.count)
            self.requests.append((request, self._connection))
            self._body.clear()
            self.incomplete = self.expects_continue = False
            self.done = self._connection == "close"
            self._step = RequestParser._read_head
        return at + len(piece)

    def _begin_chunks(self, minor: str, at: int) -> int:
        headers = self._headers
        if "content-length" in headers or minor == "0" or headers["transfer-encoding"].lower() != "chunked":
            raise _Refused("This is not HTTP/1.1: the headers do not say clearly where the body ends.")
        self._size, self._step = 0, RequestParser._read_chunk_line
        return at

    def _read_chunk_line(self, data: bytes, at: int) -> int:
        line = self._line(data, at, CHUNK_LINE_LIMIT)
        if line is None:
            return _UNFINISHED
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise _Refused(f"This is not HTTP/1.1: bad chunk size {line[:100].decode('latin-1')!r}.")
        self._remaining = int(match[1], 16)
        self._size += self._remaining
        if self._is_too_large(self._size):
            self._refuse_body()
        self._step = RequestParser._read_chunk if self._remaining else RequestParser._read_trailer
        self._trailers = 0
        return at + len(line) + 2

    def _read_chunk(self, data: bytes, at: int) -> int:
        piece = data[at : at + self._remaining]
        self._remaining -= len(piece)
        self._body.append(piece)
        if not self._remaining:
            self._step = RequestParser._read_chunk_end
        return at + len(piece)

    def _read_chunk_end(self, data: bytes, at: int) -> int:
        if len(data) - at < 2:
            return _UNFINISHED
        if not data.startswith(b"\r\n", at):
            raise _Refused("This is not HTTP/1.1: a chunk is longer than its size.")
        self._step = RequestParser._read_chunk_line
        return at + 2

    def _read_trailer(self, data: bytes, at: int) -> int:
        """Read a line after the last chunk. Trailers are ignored, but have to be well-formed."""
        line = self._line(data, at, HEAD_LIMIT - self._trailers)
        if line is None:
            return _UNFINISHED
        if not line:  # the end of a body of which nothing remains
            return self._read_body(data, at + 2)
        if not _FIELD_LINE.fullmatch(line):
            raise _Refused(f"This is not HTTP/1.1: bad trailer {line[:100].decode('latin-1')!r}.")
        self._trailers += len(line) + 2
        return at + len(line) + 2

    def _line(self, data: bytes, at: int, limit: int) -> bytes | None:
        """Return the line at *at*, or None if it has not ended yet."""
        end = data.find(b"\r\n", max(at, at + self._searched - 1))
        if (len(data) if end < 0 else end) - at > limit:
            raise _Refused("A line or the trailer section of the chunked body is too long.", 431)
        if end >= 0:
            self._searched = 0
            return data[at:end]
        if _BARE_LINE_FEED.search(data, max(at, at + self._searched - 1)):
            raise _Refused(_LINE_FEED)
        self._searched = len(data) - at
        return None

    def _is_too_large(self, size: int) -> bool:
        return size > body_limit_for(self._target, self._body_limit)

    def _refuse_body(self) -> None:
        self.count += 1
        self._body.clear()
        self._finish(Request(self._method, self._target, self._headers, b"", self._transport, self.count, True))


def _joined(fields: Iterable[str]) -> dict[str, str]:
    """Return the headers of *fields*, of which some are repeated: their values become one, except that of Host."""
    values: dict[str, list[str]] = {}
    for name, _, value in [field.partition(":") for field in fields]:
        values.setdefault(name.lower(), []).append(value.strip(" \t"))
    if len(values.get("host", ())) > 1:
        raise _Refused("This is not HTTP/1.1: there is more than one Host header.")
    return {name: ", ".join(each) for name, each in values.items()}


def _connection_option(headers: Mapping[str, str], minor: str) -> ConnectionOption:
    """Return the Connection option of the response: HTTP/1.0 closes by default, HTTP/1.1 only on request."""
    options = [option.strip(" \t") for option in headers.get("connection", "").lower().split(",")]
    if "close" in options:
        return "close"
    if minor == "0":
        return "keep-alive" if "keep-alive" in options else "close"
    return ""


def _complaint(head: str) -> str:
    """Return the error in the beginning of *head*, which is not a valid request."""
    line, *fields = head.split("\r\n")
    if re.fullmatch(_REQUEST_LINE, f"{line}\r\n"):
        line = next((field for field in fields if not re.fullmatch(_FIELD_LINES, f"{field}\r\n")), line)
        return f"This is not HTTP/1.1: bad header line {line[:100]!r}."
    return f"This is not HTTP/1.1: bad request line {line[:100]!r}."
