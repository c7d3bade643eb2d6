"""Malformed requests, derived from valid ones: each is a few pieces of bytes to send."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias
from urllib.parse import quote

from tests.fuzz.malformed import (
    BYTES,
    CHUNKS,
    CODINGS,
    GLOBS,
    HEADERS,
    HOSTS,
    LENGTHS,
    LINES,
    NAMES,
    PATHS,
    TEXTS,
    VALUES,
)

GROUP = "69afe9fc-dcde-4533-92d6-cbf069008c30"
DATA = {
    "salsa": {
        "segments": [{"segmentId": GROUP, "name": "g"}],
        "supporters": [{"firstName": "Ada", "contacts": [{"type": "EMAIL", "value": "ada@example.org"}]}],
        "members": [{"segment": "g", "supporters": ["ada@example.org"]}],
    },
    "segmenter": {"segments": [{"id": "s", "name": "n", "persons": [{"externalId": "1", "email": "a@x"}]}]},
}
SALSA = "/api/integration/ext/v1"
Body: TypeAlias = "dict[str, Any] | None"
GOOD: tuple[tuple[str, str, Body], ...] = (
    ("POST", f"{SALSA}/segments/search", {"payload": {"offset": 0, "count": 5}}),
    ("PUT", f"{SALSA}/segments", {"header": {"refId": "r"}, "payload": {"segments": [{"name": "m"}]}}),
    ("DELETE", f"{SALSA}/segments", {"payload": {"segments": [{"segmentId": GROUP}]}}),
    ("PUT", f"{SALSA}/segments/members", {"payload": {"segmentId": GROUP, "supporterIds": [GROUP]}}),
    ("POST", f"{SALSA}/supporters/search", {"payload": {"identifierType": "EMAIL_ADDRESS", "identifiers": ["a@x"]}}),
    ("PUT", f"{SALSA}/supporters", {"payload": {"supporters": [{"contacts": [{"type": "EMAIL", "value": "b@x"}]}]}}),
    ("GET", f"{SALSA}/metrics", None),
    ("POST", "/segments", {"name": "n", "broadcastMediumId": "b", "segmentType": "t", "persons": [{"email": "a@x"}]}),
    ("PUT", "/segments/s", {"persons": [{"externalId": "1", "substitutionTags": [{"tag": "t", "value": "v"}]}]}),
)
CONTROL: tuple[tuple[str, str, Body], ...] = (
    ("PUT", "/_mock/state", {"segmenter": {"segments": [{"id": "z", "name": "n"}]}}),
    ("POST", "/_mock/faults", {"kind": "error", "status": 404, "operation": "unmatched", "when": {"times": 1}}),
    ("POST", "/_mock/clock", {"advance": 1}),
    ("POST", "/_mock/snapshots/a", None),
    ("POST", "/_mock/snapshots/a/restore", None),
    ("POST", "/_mock/journal/1/rewind", None),
    ("GET", "/_mock/journal?status=200&json={}&since=0&limit=1", None),
    ("GET", "/_mock/faults/1", None),
    ("DELETE", "/_mock/faults", None),
    ("GET", "/_mock/vendors", None),
)
QUERIES = (
    "journal", "journal/summary", "journal.har", "faults", "faults/1", "state", "capsule", "clock",
    "settings", "refused", "stubs", "snapshots", "snapshots/a/changes", "organizations", "records/salsa/segments",
    "records/segmenter/segments", "related/salsa/segments/a", "examples", "scenarios",
)  # fmt: skip
PARAMETERS = (
    "json", "exact", "limit", "since", "after", "before", "status", "vendor", "operation", "fault", "organization",
    "headers", "query", "removed", "deleted", "about", "offset", "search", "sort", "limti", "",
)  # fmt: skip
PLAIN = tuple(name for name in NAMES if name.lower() not in ("content-length", "transfer-encoding", "connection"))
"""Headers that a fault may send without a false statement of where its response ends."""
WHOLE = b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass(frozen=True)
class Attack:
    """The *pieces* of bytes to send, and *steps*, which says how they were generated."""

    steps: tuple[str, ...]
    pieces: tuple[bytes, ...]


def attack(rng: Random) -> Attack:
    """Return a request with one to four malformed parts, chosen by *rng*."""
    kind = rng.random()
    if kind < 0.15:
        method, path, good = rng.choice(DEFINITIONS)(rng)
    elif kind < 0.2:
        method, path, good = "GET", _malformed_query(rng), None
    else:
        method, path, good = rng.choice(GOOD if kind < 0.75 else CONTROL)
    line, headers, body = f"{method} {path} HTTP/1.1".encode(), b"", b"" if good is None else json.dumps(good).encode()
    steps = [f"{method} {path[:200]}"]
    for name in rng.sample([*WAYS], rng.randint(0, 2)):
        steps.append(name)
        line, headers, body = WAYS[name](rng, line, headers, body)
    frame = rng.choice([*FRAMES] if rng.random() < 0.5 else ["length"])
    steps.append(frame)
    host_line = b"Host: localhost\r\n" if b"Host:" not in headers else b""
    host_line += b"authToken: t\r\nx-api-key: k\r\n"
    request = line + b"\r\n" + host_line + headers + FRAMES[frame](rng, body)
    if rng.random() < 0.4:
        steps.append("bytes")
        request = _mutated(rng, request)
    if kind < 0.15 and rng.random() < 0.5:
        steps.append("and a call")
        request += _call(*rng.choice(GOOD))
    if rng.random() < 0.2:
        steps.append("second")
        request = WHOLE + request
    cuts = sorted(rng.randint(0, len(request)) for _ in range(rng.choice((0, 0, 1, 3))))
    pieces = tuple(request[a:b] for a, b in zip([0, *cuts], [*cuts, len(request)], strict=True) if a < b)
    return Attack(tuple(steps), pieces)


def _call(method: str, path: str, good: Body) -> bytes:
    """Return a valid call to a vendor, which faults and stubs of earlier attacks may affect."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nauthToken: t\r\nx-api-key: k\r\n".encode()
    return head + _length(Random(0), b"" if good is None else json.dumps(good).encode())


def _members(rng: Random, names: tuple[str, ...], values: tuple[Any, ...]) -> dict[str, Any]:
    return {rng.choice(names): rng.choice(values) for _ in range(rng.randint(0, 3))}


def _deep(rng: Random) -> Any:
    """Return data of up to 300 levels."""
    value: Any = rng.choice(TEXTS)
    for _ in range(rng.choice((0, 1, 5, 99, 100, 101, 300))):
        value = [value] if rng.random() < 0.5 else {rng.choice(NAMES)[:99]: value}
    return value


def _malformed_rule(rng: Random) -> tuple[str, str, Body]:
    """Return a request that arms a fault with hostile members; a struck call still gets a vendor's response."""
    rule: dict[str, Any] = {"kind": "error", "status": rng.choice((400, 404, 429, "404", 1e9, -1, True, []))}
    if rng.random() < 0.6:
        rule["headers"] = _members(rng, PLAIN, (*TEXTS, 1, None, [], {}))
    if rng.random() < 0.6:
        rule["match"] = {
            "json": _members(rng, PATHS, (*TEXTS, _deep(rng), 10**99)),
            "headers": _members(rng, NAMES, TEXTS),
            "query": _members(rng, NAMES, TEXTS),
            **_members(rng, NAMES, (_deep(rng),)),
        }
    if rng.random() < 0.6:
        rule["operation"] = rng.choice(GLOBS)
    if rng.random() < 0.6:
        conditions = ("times", "skip", "every", "chance", "connection", "from", "until", "tmies")
        rule["when"] = _members(rng, conditions, (0, 1, -1, 1e400, 10**99, "1", None, True, [], "reused", 0.5))
    return "POST", "/_mock/faults", rule


def _malformed_stub(rng: Random) -> tuple[str, str, Body]:
    stub: dict[str, Any] = {
        "method": rng.choice(("GET", "*", "get", "", *NAMES)),
        "path": rng.choice(("/x", "*", *TEXTS)),
    }
    stub |= {"json": _deep(rng)} if rng.random() < 0.5 else {"body": rng.choice(TEXTS)}
    stub |= {"headers": _members(rng, PLAIN, (*TEXTS, 1, None))} if rng.random() < 0.6 else {}
    stub |= {"status": rng.choice((200, 99, 600, "200", 204, 304))} if rng.random() < 0.4 else {}
    return "POST", "/_mock/stubs", stub


def _malformed_state(rng: Random) -> tuple[str, str, Body]:
    names = ("segments", "supporters", "members", "deleted", *NAMES)
    rows = [[_deep(rng)], [{rng.choice(("name", "id", *NAMES)): rng.choice((*TEXTS, 10**99, 1e308))}], _deep(rng)]
    return (
        "PUT",
        "/_mock/state",
        {rng.choice(("salsa", "segmenter", "stubs", *NAMES)): _members(rng, names, tuple(rows))},
    )


def _malformed_clock(rng: Random) -> tuple[str, str, Body]:
    moments = (
        *TEXTS,
        1e308,
        -1e308,
        10**99,
        True,
        None,
        "9999-12-31T23:59:59Z",
        "0001-01-01",
        "2026-02-30",
        "1" * 5000,
    )
    return "POST", "/_mock/clock", _members(rng, ("set", "freeze", "advance", "speed"), moments)


def _malformed_query(rng: Random) -> str:
    values = [rng.choice((*TEXTS, *VALUES, *GLOBS)).encode("utf-8", "surrogatepass")[:3000] for _ in range(3)]
    pairs = [f"{quote(rng.choice(PARAMETERS))}={quote(value)}" for value in values[: rng.randint(0, 3)]]
    return f"/_mock/{rng.choice(QUERIES)}?{rng.choice('&;').join(pairs)}"


DEFINITIONS = (_malformed_rule, _malformed_rule, _malformed_stub, _malformed_state, _malformed_clock)
"""Requests to the control plane whose bodies are JSON with hostile values."""


Parts: TypeAlias = "tuple[bytes, bytes, bytes]"


def _malformed_line(rng: Random, line: bytes, headers: bytes, body: bytes) -> Parts:
    return rng.choice(LINES), headers, body


def _malformed_header(rng: Random, line: bytes, headers: bytes, body: bytes) -> Parts:
    if rng.random() < 0.3:
        return line, headers + f"Host: {rng.choice(HOSTS)}\r\n".encode("latin-1", "replace"), body
    return line, headers + rng.choice(HEADERS), body


def _malformed_value(rng: Random, line: bytes, headers: bytes, body: bytes) -> Parts:
    value = rng.choice(VALUES).encode()
    places = [at for at, byte in enumerate(body) if byte in b":,["] or [0]
    at = rng.choice(places) + 1
    end = next((place for place in range(at, len(body)) if body[place] in b",]}"), len(body))
    return line, headers, body[:at] + value + body[end:]


def _malformed_bytes(rng: Random, line: bytes, headers: bytes, body: bytes) -> Parts:
    at = rng.randint(0, len(body))
    return line, headers, body[:at] + rng.choice(BYTES) + body[at:]


def _other_body(rng: Random, line: bytes, headers: bytes, body: bytes) -> Parts:
    return line, headers, rng.choice((rng.choice(VALUES).encode(), rng.choice(BYTES), b"", rng.randbytes(40)))


def _cut_body(rng: Random, line: bytes, headers: bytes, body: bytes) -> Parts:
    return line, headers, body[: rng.randint(0, len(body))]


def _mutated(rng: Random, data: bytes) -> bytes:
    for _ in range(rng.randint(1, 3)):
        at, span = rng.randint(0, min(len(data), 3000)), rng.randint(0, 8)
        put = rng.choice((b"", rng.randbytes(span), data[at : at + span] * 2, b"\r", b"\n", b" ", b"\0"))
        data = data[:at] + put + data[at + rng.choice((0, 1, span)) :]
    return data[: rng.randint(0, len(data))] if rng.random() < 0.3 else data


def _length(rng: Random, body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def _lying(rng: Random, body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % max(0, len(body) + rng.randint(-9, 9)) + body


def _malformed_length(rng: Random, body: bytes) -> bytes:
    return f"Content-Length: {rng.choice(LENGTHS)}\r\n\r\n".encode() + body


def _chunked(rng: Random, body: bytes) -> bytes:
    size = rng.randint(1, 99)
    parts = [body[at : at + size] for at in range(0, min(len(body), 5000), size)]
    return b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


def _malformed_chunks(rng: Random, body: bytes) -> bytes:
    return b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n" + rng.choice(CHUNKS) + rng.choice((b"", b"0\r\n\r\n"))


def _malformed_coding(rng: Random, body: bytes) -> bytes:
    return f"Transfer-Encoding: {rng.choice(CODINGS)}\r\n".encode() + rng.choice((_length, _chunked))(rng, body)


WAYS: dict[str, Callable[[Random, bytes, bytes, bytes], Parts]] = {
    "line": _malformed_line, "header": _malformed_header, "value": _malformed_value,
    "text": _malformed_bytes, "body": _other_body, "cut": _cut_body,
}  # fmt: skip
"""What may be done to a request before it is framed."""
FRAMES: dict[str, Callable[[Random, bytes], bytes]] = {
    "length": _length, "lying length": _lying, "odd length": _malformed_length, "chunked": _chunked,
    "odd chunks": _malformed_chunks, "odd coding": _malformed_coding,
}  # fmt: skip
"""The ways in which a request marks the end of its body."""
