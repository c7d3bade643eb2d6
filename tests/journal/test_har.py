"""The journal as an HTTP Archive, validated by the schema of the format and read by another library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from haralyzer import HarParser
from jsonschema import Draft7Validator

from segment_mock import SegmentMock, __version__, faults

SCHEMA = json.loads(Path(__file__).with_name("har-1.2.schema.json").read_text())
GROUP = {"payload": {"segments": [{"name": "Ärzte", "externalSystemId": "A"}]}}
SALSA = "https://api.salsalabs.org/api/integration/ext/v1"


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    with SegmentMock(data="demo") as mock:
        mock.clock.freeze("2026-01-01T00:00:00Z")
        yield mock


def valid_archive(mock: SegmentMock, **filters: Any) -> Any:
    """Return the archive of *mock* as parsed JSON, after validating it."""
    document = json.loads(json.dumps(mock.journal.har(**filters)))
    assert [] == [f"{error.json_path}: {error.message}" for error in Draft7Validator(SCHEMA).iter_errors(document)]
    return document


def test_an_entry_has_the_members_of_the_format(mock: SegmentMock) -> None:
    session = mock.session()
    body = json.dumps(GROUP, ensure_ascii=False).encode()
    session.put(
        f"{SALSA}/segments?a=1&b=%20x&api_key=s3cret", data=body, headers={"authToken": "s3cret", "Cookie": "a=s3cret"}
    )

    document = valid_archive(mock)

    assert ("1.2", {"name": "segment-mock", "version": __version__}) == (
        document["log"]["version"],
        document["log"]["creator"],
    )
    (entry,) = document["log"]["entries"]
    request, response = entry["request"], entry["response"]
    assert ("2026-01-01T00:00:00.000Z", 0) == (entry["startedDateTime"], entry["time"])
    assert f"{SALSA}/segments?a=1&b=%20x&api_key=[redacted]" == request["url"]
    assert {"name": "b", "value": " x"} in request["queryString"]
    assert (body.decode(), len(body)) == (request["postData"]["text"], request["bodySize"])
    assert (200, "OK", "application/json") == (
        response["status"],
        response["statusText"],
        response["content"]["mimeType"].partition(";")[0],
    )
    assert json.loads(response["content"]["text"])["payload"]["count"] == 1
    own = entry["_segmentMock"]
    assert ("salsa.upsert_segments", "answered", []) == (own["operation"], own["outcome"], own["faults"])
    assert "Ärzte" == own["changes"][0]["after"]["name"]
    assert "s3cret" not in json.dumps(document)


@pytest.mark.parametrize(
    ("fault", "status", "outcome"),
    [
        (faults.Disconnect(after=True), 0, "closed"),
        (faults.Disconnect(reset=True), 0, "reset"),
        (faults.Truncate(at=4), 200, "cut"),
    ],
)
def test_an_incomplete_response_has_its_outcome(mock: SegmentMock, fault: Any, status: int, outcome: str) -> None:
    mock.faults.add(fault)
    with pytest.raises(requests.RequestException):
        mock.session().get(f"{SALSA}/metrics", headers={"authToken": "t"})

    (entry,) = valid_archive(mock)["log"]["entries"]

    assert (status, outcome) == (entry["response"]["status"], entry["response"]["_error"])
    assert [f"1 {fault.kind}"] == entry["_segmentMock"]["faults"]


def test_binary_and_truncated_bodies_are_marked(mock: SegmentMock) -> None:
    for body in (b"\xff\xfe", b"x" * 70_000):
        mock.session().post("http://localhost/nothing", data=body)

    binary, long = (entry["request"] for entry in valid_archive(mock)["log"]["entries"])

    assert ("//4=", "base64") == (binary["postData"]["text"], binary["postData"]["encoding"])
    assert (-1, "The journal keeps 64 KiB of a body.") == (long["bodySize"], long["postData"]["comment"])
    assert binary["url"].startswith("http://localhost/")


def test_filters_select_entries_of_the_archive(mock: SegmentMock) -> None:
    session = mock.session()
    session.get(f"{SALSA}/metrics", headers={"authToken": "t"})
    session.get(f"{SALSA}/metrics")

    everything = session.get("http://localhost/_mock/journal.har")
    refused = session.get("http://localhost/_mock/journal.har?status=401")
    wrong = session.get("http://localhost/_mock/journal.har?status=x")

    assert (valid_archive(mock), "application/json") == (everything.json(), everything.headers["Content-Type"])
    assert valid_archive(mock, status=401) == refused.json()
    assert [401] == [entry["response"]["status"] for entry in refused.json()["log"]["entries"]]
    assert 400 == wrong.status_code


def test_haralyzer_reads_the_archive(mock: SegmentMock) -> None:
    session = mock.session()
    session.put(f"{SALSA}/segments", json=GROUP, headers={"authToken": "t"})
    session.get(f"{SALSA}/metrics")

    parser = HarParser(valid_archive(mock))

    assert ("1.2", "segment-mock") == (parser.version, parser.creator["name"])
    (page,) = parser.pages  # haralyzer creates a page for entries without one
    assert [200, 401] == [entry.status for entry in page.entries]
    assert ["PUT", "GET"] == [entry.request.method for entry in page.entries]
    assert "api.salsalabs.org" == page.entries[0].request.host
    assert GROUP == json.loads(page.entries[0].request.text)
