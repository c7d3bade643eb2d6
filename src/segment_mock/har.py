"""The journal as an HTTP Archive 1.2 (HAR), which browsers' developer tools and many other programs read."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from .clock import iso
from .hosts import host_of, is_local
from .journal import BODY_LIMIT, Entry
from .messages import reason

_CUT = f"The journal keeps {BODY_LIMIT // 1024} KiB of a body."
_OWN = (
    "id", "vendor", "operation", "organization", "door", "outcome", "refusal", "hint", "faults", "unread", "changes",
    "caller", "test",
)  # fmt: skip


def har(entries: Iterable[Entry], version: str, comment: str = "") -> dict[str, Any]:
    """Return *entries* as an HTTP Archive 1.2; *version* is the version of this package, *comment* is about the whole.

    Members that the format lacks (operation, faults, changes, hint and others) are in ``_segmentMock`` of each entry,
    with the same names as in ``/_mock/journal``. Times are times of the mock's clock. Credentials are redacted, as in
    the journal. A call without a status line (still open, or closed by a fault) has status 0, and its outcome in
    ``_error``.
    """
    creator = {"name": "segment-mock", "version": version}
    log = {"version": "1.2", "creator": creator, "entries": [_entry(entry) for entry in entries]}
    return {"log": {**log, "comment": comment} if comment else log}


def _entry(entry: Entry) -> dict[str, Any]:
    milliseconds = max(0.0, round(entry.duration * 1000, 3))
    facts = entry.as_dict()
    return {
        "startedDateTime": iso(entry.time),
        "time": milliseconds,
        "request": _request(entry),
        "response": _response(entry),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "_segmentMock": {name: facts[name] for name in _OWN},
    }


def _request(entry: Entry) -> dict[str, Any]:
    headers, body = entry.request_headers, entry.request_body
    host = headers.get("host", "localhost")
    # A request does not say its scheme: assume https for the vendors' hosts and http for this machine.
    scheme = "http" if is_local(host_of(host)) else "https"
    request = {
        "method": entry.method,
        "url": f"{scheme}://{host}{entry.target}",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(headers),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(entry.target.partition("?")[2], keep_blank_values=True)
        ],
        "headersSize": -1,
        "bodySize": _size(body),
    }
    if body:
        post = {"mimeType": headers.get("content-type", "application/octet-stream"), "params": [], **_text(body)}
        request["postData"] = post
    return request


def _response(entry: Entry) -> dict[str, Any]:
    headers, body, status = entry.response_headers, entry.response_body, entry.status
    types = [value for name, value in headers.items() if name.lower() == "content-type"]
    content = {"size": len(body), "mimeType": types[0] if types else "x-unknown", **_text(body)}
    response = {
        "status": status or 0,
        "statusText": reason(status) if status else "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [] if status is None else _pairs(headers),
        "content": content,
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": _size(body),
    }
    return response if entry.outcome == "answered" else {**response, "_error": entry.outcome}


def _pairs(headers: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def _size(body: bytes) -> int:
    return len(body) if len(body) < BODY_LIMIT else -1


def _text(body: bytes) -> dict[str, str]:
    comment = {"comment": _CUT} if len(body) >= BODY_LIMIT else {}
    try:
        return {"text": body.decode(), **comment}
    except UnicodeDecodeError:
        return {"text": b64encode(body).decode(), "encoding": "base64", **comment}
