"""A credential is planted wherever a client may put one, then looked for wherever the mock tells something."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from itertools import product

import pytest
import requests

from segment_mock import SegmentMock, faults
from segment_mock.cli.log import CallLog

BODY = {"payload": {"offset": 0, "count": 1}}
PLANTED = "pl4nted-0123456789"
SEARCH = "/api/integration/ext/v1/segments/search"
CALLS = [
    ("POST", SEARCH),
    ("PATCH", SEARCH),
    ("PUT", "/segments/s"),
    ("PUT", "/segments"),
    ("PUT", "/segment"),
    ("GET", "/api/integration/ext/v1/nothing"),
]
"""Performed, an unknown method, refused, refused, an unmatched path, and an unknown path of a vendor."""
HEADERS = [
    "authToken", "x-api-key", "X_API_KEY", "api-key", "Authorization", "Cookie", "Proxy-Authorization", "X-Auth-Token",
    "access_token", "X-Secret", "Password",
]  # fmt: skip
QUERIES = [
    "authToken",
    "auth%54oken",
    "x-api-key",
    "x%2Dapi%2dkey",
    "api_key",
    "access_token",
    "token",
    "password",
    "a=1&apikey",
    "a=1;apikey",
    "a=1;b=2;access_token",
]


@pytest.fixture(scope="module")
def outputs() -> Iterator[dict[str, str]]:
    """All that a mock and its server tell after every call with the planted credential, by where."""
    log = io.StringIO()
    settings = {"credentials": "listed", "salsa_token": [PLANTED], "segmenter_key": [PLANTED], "admin_token": PLANTED}
    with SegmentMock(data="demo", limits="off", **settings) as mock, requests.Session() as client:
        logs = [CallLog(log, form) for form in ("text", "json")]
        for each in logs:
            mock.journal.subscribe(each)
        mock.faults.add(faults.Error(status=503), "salsa.search_segments", skip=1, times=1)
        server = mock.serve(proxy=True)
        url = server.url
        for (method, path), name in product(CALLS, HEADERS):
            client.request(method, url + path, json=BODY, headers={name: PLANTED}, timeout=5)
        for (method, path), name in product(CALLS, QUERIES):
            client.request(
                method, f"{url}{path}?b=c&{name}={PLANTED}#d", json=BODY, headers={"authToken": "wrong"}, timeout=5
            )
        for host in (f"u:{PLANTED}@evil.example", f"{PLANTED}@api.salsalabs.org"):
            for line in (f"GET http://{host}{SEARCH}", f"CONNECT {host}:443"):
                with socket.create_connection((server.host, server.port), 5) as wire:
                    wire.sendall(f"{line} HTTP/1.1\r\n\r\n".encode())
                    wire.recv(9999)
        key = {"Authorization": f"Bearer {PLANTED}"}
        pages = (
            "journal",
            "vendors",
            "faults",
            "state",
            "openapi.json",
            "openapi/salsa.json",
            "openapi/segmenter.json",
            "docs",
        )
        replies = {page: client.get(f"{url}/_mock/{page}", headers=key, timeout=5) for page in pages}
        assert [200] * len(pages) == [reply.status_code for reply in replies.values()]
        refused = client.get(f"{url}/_mock/journal?token={PLANTED}", headers={"Authorization": PLANTED}, timeout=5)
        for each in logs:
            each.flush()
        yield {
            **{page: reply.text for page, reply in replies.items()},
            "refused": refused.text,
            "log": log.getvalue(),
            "capsule": json.dumps(mock.journal.capsule()),
            "entries": "".join(map(repr, mock.journal)),
            "hosts": repr(mock.refused),
        }


@pytest.mark.parametrize(
    "where",
    [
        "journal", "vendors", "faults", "state", "openapi.json", "openapi/salsa.json", "openapi/segmenter.json", "docs",
        "refused", "log", "capsule", "entries", "hosts",
    ],
)  # fmt: skip
def test_what_was_planted_is_nowhere(outputs: dict[str, str], where: str) -> None:
    """In a header, a query, an address, a setting; performed or refused, by either vendor or by none: never told."""
    assert outputs[where]
    assert PLANTED not in outputs[where]


def test_every_call_was_looked_at(outputs: dict[str, str]) -> None:
    """The search is no search of nothing: each call is in the journal, and each hidden value is shown as hidden."""
    entries = json.loads(outputs["journal"])["entries"]
    hidden = [entry for entry in entries if "[redacted]" in json.dumps(entry["request"])]

    assert len(CALLS) * (len(HEADERS) + len(QUERIES)) + 1 == len(entries)
    assert len(entries) - 1 == len(hidden)
    assert 2 * len(entries) == outputs["log"].count("\n")
    assert {"200", "503", "404", "405", "401", "403"} <= {str(entry["status"]) for entry in entries}
    assert "evil.example" in outputs["hosts"]
