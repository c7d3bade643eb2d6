"""No output of the mock shows a credential, wherever a client has sent it."""

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
CREDENTIAL = "pl4nted-0123456789"
SEARCH = "/api/integration/ext/v1/segments/search"
CALLS = [
    ("POST", SEARCH),
    ("PATCH", SEARCH),
    ("PUT", "/segments/s"),
    ("PUT", "/segments"),
    ("PUT", "/segment"),
    ("GET", "/api/integration/ext/v1/nothing"),
]
"""A call that succeeds, an unknown method, two invalid calls, an unmatched path, and an unknown path of a vendor."""
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
    """All outputs of a mock and its server by name, after calls with the credential in each header and query."""
    log = io.StringIO()
    settings = {
        "credentials": "listed",
        "salsa_token": [CREDENTIAL],
        "segmenter_key": [CREDENTIAL],
        "admin_token": CREDENTIAL,
    }
    with SegmentMock(data="demo", limits="off", **settings) as mock, requests.Session() as client:
        logs = [CallLog(log, form) for form in ("text", "json")]
        for call_log in logs:
            mock.journal.subscribe(call_log)
        mock.faults.add(faults.Error(status=503), "salsa.search_segments", skip=1, times=1)
        server = mock.serve(proxy=True)
        url = server.url
        for (method, path), name in product(CALLS, HEADERS):
            client.request(method, url + path, json=BODY, headers={name: CREDENTIAL}, timeout=5)
        for (method, path), name in product(CALLS, QUERIES):
            client.request(
                method, f"{url}{path}?b=c&{name}={CREDENTIAL}#d", json=BODY, headers={"authToken": "wrong"}, timeout=5
            )
        for host in (f"u:{CREDENTIAL}@evil.example", f"{CREDENTIAL}@api.salsalabs.org"):
            for line in (f"GET http://{host}{SEARCH}", f"CONNECT {host}:443"):
                with socket.create_connection((server.host, server.port), 5) as connection:
                    connection.sendall(f"{line} HTTP/1.1\r\n\r\n".encode())
                    connection.recv(9999)
        key = {"Authorization": f"Bearer {CREDENTIAL}"}
        responses = {page: client.get(f"{url}/_mock/{page}", headers=key, timeout=5) for page in PAGES}
        assert [200] * len(PAGES) == [response.status_code for response in responses.values()]
        with connect(url, admin_token=CREDENTIAL) as remote:
            events = remote._client.events()
            next(events)
            for name in QUERIES:
                client.put(f"{url}/segments/s?{name}={CREDENTIAL}", headers={"x-api-key": CREDENTIAL}, timeout=5)
            event_data = [next(events) for _ in QUERIES]
            events.close()
        with pytest.raises(AssertionError) as assertion:
            mock.journal.assert_called("salsa.search_segments", times=0)
        refusal = client.get(
            f"{url}/_mock/journal?token={CREDENTIAL}", headers={"Authorization": CREDENTIAL}, timeout=5
        )
        for call_log in logs:
            call_log.flush()
        yield {
            **{page: response.text for page, response in responses.items()},
            "events": json.dumps(event_data),
            "problem": refusal.text,
            "assertion": str(assertion.value),
            "har in process": json.dumps(mock.journal.har()),
            "log": log.getvalue(),
            "capsule in process": json.dumps(mock.journal.capsule()),
            "entries": "".join(map(repr, mock.journal)),
            "hosts": repr(mock.refused),
        }


@pytest.mark.parametrize(
    "output",
    [*PAGES, "events", "problem", "assertion", "har in process", "capsule in process", "log", "entries", "hosts"],
)
def test_no_output_shows_the_credential(outputs: dict[str, str], output: str) -> None:
    assert outputs[output]
    assert CREDENTIAL not in outputs[output]


def test_every_call_is_in_the_outputs_with_its_credential_redacted(outputs: dict[str, str]) -> None:
    """This shows that the other test does not search in empty outputs."""
    entries = json.loads(outputs["journal"])["entries"]
    redacted_entries = [entry for entry in entries if "[redacted]" in json.dumps(entry["request"])]

    assert len(CALLS) * (len(HEADERS) + len(QUERIES)) + 1 == len(entries)
    assert len(entries) - 1 == len(redacted_entries)
    assert 2 * (len(entries) + len(QUERIES)) == outputs["log"].count("\n")
    assert len(QUERIES) == outputs["events"].count("[redacted]")
    assert {"200", "503", "404", "405", "401", "403"} <= {str(entry["status"]) for entry in entries}
    assert "evil.example" in outputs["hosts"]


def test_the_report_of_a_failed_test_hides_credentials(pytester: pytest.Pytester) -> None:
    """This includes the capsule and the HAR file that the test writes, and all separators of a query string."""
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
    contents = [result.stdout.str(), *(file.read_text() for file in files)]

    assert {".json": len(QUERIES), ".har": len(QUERIES)} == Counter(file.suffix for file in files)
    assert [] == [text for text in contents if CREDENTIAL in text]
    assert all(2 <= text.count("[redacted]") for text in contents[1:])  # a header and a query
