"""Sends any bytes to a server, and checks that each response is valid."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

PATIENCE = 300.0  # seconds without a byte after which a server counts as hanging; it may be as busy as the machine
_STATUS = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [ -~]*")
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\r\n\0]*")
_PLAIN = (400, 403, 408, 431)
TUNNEL = b"Connection established\r\n\r\n"
TLS_RECORD = b"\x16"


class RawResponse(NamedTuple):
    """A response with its body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Broken(AssertionError):
    """A check failed: a response is invalid, or an attack has done harm."""


def send_raw(address: tuple[str, int], pieces: Iterable[bytes]) -> bytes:
    """Send *pieces*, close the sending direction, and return all bytes until the server closes the connection.

    Raises `Broken` if it does not close in time, or resets the connection.
    """
    with socket.create_connection(address, PATIENCE) as sock:
        opening = b""
        with suppress(OSError):  # the server may have closed early; its response is still to be read
            for piece in pieces:
                opening = (opening + piece)[:3] if len(opening) < 3 else opening
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
        chunks = []
        try:
            while data := sock.recv(2**20):
                chunks.append(data)
        except TimeoutError:
            raise Broken(f"no response and no end within {PATIENCE:g} s, after {b''.join(chunks)[:200]!r}") from None
        except ConnectionResetError:
            if chunks and chunks[0].endswith(
                TUNNEL
            ):  # random bytes instead of TLS, of which the server has not read all
                return chunks[0]
            if not chunks and opening.startswith(TLS_RECORD):  # the same on the proxy's own port
                return b""
            raise Broken(f"reset, after {b''.join(chunks)[:200]!r}") from None
    return b"".join(chunks)


def parse_responses(received: bytes, requests: bytes) -> list[RawResponse]:
    """Parse all bytes *received* after *requests* as HTTP/1.1 responses; raises `Broken` if they are malformed."""
    parsed = []
    while received:
        head, end, received = received.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        status = _STATUS.fullmatch(first)
        if not end or status is None or not all(map(_FIELD.fullmatch, lines)):
            raise Broken(f"no head of a response: {head[:300]!r}")
        headers = {name.lower(): value for name, _, value in (line.decode("latin-1").partition(": ") for line in lines)}
        if first.endswith(b"Connection established"):  # the rest is TLS
            return [*parsed, RawResponse(200, headers, b"")]
        length = 0 if status[1] == b"100" else int(headers["content-length"])
        if b"HEAD" in requests and (not received or received.startswith(b"HTTP/1.1 ")):
            length = 0
        if len(received) < length:
            raise Broken(f"{len(received)} bytes of a body of {length}")
        parsed.append(RawResponse(int(status[1]), headers, received[:length]))
        received = received[length:]
    return parsed


def check_response(response: RawResponse) -> None:
    """Raise `Broken` for a status 500, and for a format that is not of the server, a vendor or the control plane."""
    kind = response.headers.get("content-type", "")
    if response.status >= 500 or b"Traceback" in response.body:
        raise Broken(f"{response.status}: {response.body[:500]!r}")
    if response.status == 100 or not response.body:
        return
    if kind.startswith("text/plain"):
        fits = response.status in _PLAIN and response.body.endswith(b".\n")
    elif kind in ("application/json", "application/problem+json"):
        fits = _speaks(json.loads(response.body, parse_constant=_none), response.status)
    elif response.status == 308:
        fits = b'href="http://' in response.body and b"/_mock/" in response.body  # from /_mock to the page
    else:
        fits = kind.startswith("text/html") and b"<title>segment-mock</title>" in response.body
    if not fits:
        raise Broken(f"{response.status} {kind} is no format of the mock: {response.body[:300]!r}")


def _speaks(body: object, status: int) -> bool:
    if not isinstance(body, dict):
        return False
    members = {*body}
    salsa = {"id", "timestamp", "header"} < members and ("payload" in body) != ("errors" in body)
    segmenter = members in ({"data", "errorMessage"}, {"success", "message", "error"}, {"message"})
    problem = {"type", "title", "status", "detail", "hint"} == members and body["status"] == status
    return salsa or segmenter or problem or status < 300


def _none(text: str) -> None:
    raise Broken(f"{text} in a response, which JSON does not have")
