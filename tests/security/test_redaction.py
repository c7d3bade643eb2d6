"""A credential is planted wherever a client may put one, then looked for wherever the mock tells something."""

from __future__ import annotations

import io
import json
import socket
from collections import Counter
from collections.abc import Iterator
from itertools import product

import pytest
import requests

from segment_mock import SegmentMock, connect, faults
from segment_mock.cli.log import CallLog
from tests.plugin.suite import RUN

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
    ";token",
    "a;b;API-KEY",
    "a=1;x&b=2;passwd",
]
PAGES = (
    "journal", "journal.har", "capsule", "vendors", "faults", "state", "settings", "refused", "stubs", "snapshots",
    "openapi.json", "openapi/salsa.json", "openapi/segmenter.json", "docs", "metrics",
)  # fmt: skip


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
        replies = {page: client.get(f"{url}/_mock/{page}", headers=key, timeout=5) for page in PAGES}
        assert [200] * len(PAGES) == [reply.status_code for reply in replies.values()]
        with connect(url, admin_token=PLANTED) as remote:
            events = remote._client.events()
            next(events)
            for name in QUERIES:
                client.put(f"{url}/segments/s?{name}={PLANTED}", headers={"x-api-key": PLANTED}, timeout=5)
            seen = [next(events) for _ in QUERIES]
            events.close()
        with pytest.raises(AssertionError) as failed:
            mock.journal.assert_called("salsa.search_segments", times=0)
        refused = client.get(f"{url}/_mock/journal?token={PLANTED}", headers={"Authorization": PLANTED}, timeout=5)
        for each in logs:
            each.flush()
        yield {
            **{page: reply.text for page, reply in replies.items()},
            "events": json.dumps(seen),
            "problem": refused.text,
            "assertion": str(failed.value),
            "har in process": json.dumps(mock.journal.har()),
            "log": log.getvalue(),
            "capsule in process": json.dumps(mock.journal.capsule()),
            "entries": "".join(map(repr, mock.journal)),
            "hosts": repr(mock.refused),
        }


@pytest.mark.parametrize(
    "where",
    [*PAGES, "events", "problem", "assertion", "har in process", "capsule in process", "log", "entries", "hosts"],
)
def test_what_was_planted_is_nowhere(outputs: dict[str, str], where: str) -> None:
    assert outputs[where]
    assert PLANTED not in outputs[where]


def test_every_call_was_looked_at(outputs: dict[str, str]) -> None:
    """The search is no search of nothing: each call is in the journal, and each hidden value is shown as hidden."""
    entries = json.loads(outputs["journal"])["entries"]
    hidden = [entry for entry in entries if "[redacted]" in json.dumps(entry["request"])]

    assert len(CALLS) * (len(HEADERS) + len(QUERIES)) + 1 == len(entries)
    assert len(entries) - 1 == len(hidden)
    assert 2 * (len(entries) + len(QUERIES)) == outputs["log"].count("\n")
    assert len(QUERIES) == outputs["events"].count("[redacted]")
    assert {"200", "503", "404", "405", "401", "403"} <= {str(entry["status"]) for entry in entries}
    assert "evil.example" in outputs["hosts"]


def test_the_report_of_a_failed_test_hides_credentials(pytester: pytest.Pytester) -> None:
    """Whatever separates the pairs of a query, in the report and in the capsule that it writes."""
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.parametrize("query", {[*QUERIES]!r})
        def test_red(segment_mock, query):
            secret = "pl4nted" + "-0123456789"
            session = segment_mock.session()
            session.put(f"/segments/s?{{query}}={{secret}}", json={{}}, headers={{"x-api-key": secret}})
            session.close()
            del session, secret
            assert False
        """
    )
    result = pytester.runpytest(*RUN, "--segment-mock-capsules", "kept")
    files = [*pytester.path.glob("kept/*")]
    texts = [result.stdout.str(), *(file.read_text() for file in files)]

    assert {".json": len(QUERIES), ".har": len(QUERIES)} == Counter(file.suffix for file in files)
    assert [] == [text for text in texts if PLANTED in text]
    assert all(2 <= text.count("[redacted]") for text in texts[1:])  # a header and a query
