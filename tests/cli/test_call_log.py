"""The log of calls: one line for each call, written in batches after the responses; no line is lost."""

from __future__ import annotations

import io
import json

import pytest
import requests

from segment_mock import SegmentMock
from segment_mock.cli.log import CallLog
from tests.waiting import PATIENCE, count_calls

SEARCH = "/api/integration/ext/v1/segments/search"
HEADERS = {"authToken": "any"}


class Stream(io.StringIO):
    """A stream that counts the calls of its ``write`` method."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def post_search(client: requests.Session, url: str) -> int:
    """Send a search for groups to *url* and return the status code of the response."""
    return client.post(url, headers=HEADERS, json={"payload": {}}, timeout=PATIENCE).status_code


def test_stopping_a_server_writes_every_pending_log_line_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server stops before the interval between two batches has passed."""
    monkeypatch.setattr("segment_mock.cli.log.INTERVAL", 3600)
    stream = Stream()
    with CallLog(stream, "json") as log, SegmentMock(limits="off") as mock, requests.Session() as client:
        mock.journal.subscribe(log)
        server = mock.serve()
        for number in range(50):
            post_search(client, f"{server.url}{SEARCH}?{number}")
        server.stop()
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert [f"{SEARCH}?{number}" for number in range(50)] == [row["path"] for row in rows]
    assert {200} == {row["status"] for row in rows}
    assert 1 == stream.writes


def test_log_lines_appear_while_the_server_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream()
    lines = count_calls(monkeypatch, stream, "write")
    with SegmentMock() as mock, requests.Session() as client:
        mock.journal.subscribe(CallLog(stream, "text"))
        for _ in range(2):
            before = stream.getvalue()
            post_search(client, mock.serve().url + SEARCH)
            lines.wait_until(lambda before=before: stream.getvalue() != before)

            assert 1 == stream.getvalue().removeprefix(before).count("\n")


def test_a_full_batch_is_written_before_the_interval_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segment_mock.cli.log.INTERVAL", 3600)
    monkeypatch.setattr("segment_mock.cli.log._FULL", 5)
    stream = Stream()
    with SegmentMock(limits="off") as mock, requests.Session() as client:
        mock.journal.subscribe(CallLog(stream, "text"))
        server = mock.serve()
        for _ in range(20):
            post_search(client, server.url + SEARCH)

        assert stream.getvalue().count("\n") >= 15


def test_an_in_process_call_is_logged_immediately() -> None:
    """Without an event loop, the log has no timer that could write the line later."""
    stream = Stream()
    with SegmentMock() as mock:
        mock.journal.subscribe(CallLog(stream, "text"))
        mock.session().post(SEARCH, headers=HEADERS, json={"payload": {}})

        assert " 200 POST /api/integration/ext/v1/segments/search salsa.search_segments " in stream.getvalue()


def test_calls_succeed_after_the_log_stream_is_closed() -> None:
    stream = Stream()
    stream.close()
    with SegmentMock() as mock:
        mock.journal.subscribe(CallLog(stream, "text"))

        assert 200 == mock.session().post(SEARCH, headers=HEADERS, json={"payload": {}}).status_code


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_fault_is_named_in_the_log_line_and_in_a_response_header(form: str) -> None:
    stream = Stream()
    with CallLog(stream, form) as log, SegmentMock() as mock, requests.Session() as client:
        mock.journal.subscribe(log)
        mock.faults.add({"kind": "error", "status": 503}, times=1)
        url = mock.serve().url + SEARCH
        first, second = (client.post(url, headers=HEADERS, json={"payload": {}}, timeout=PATIENCE) for _ in range(2))
    faulty, clean = stream.getvalue().splitlines()

    assert ("1 error", None) == tuple(response.headers.get("X-Segment-Mock-Fault") for response in (first, second))
    if form == "text":
        assert faulty.endswith(" ms fault 1 error")
        assert clean.endswith(" ms")
    else:
        assert [["1 error"], []] == [json.loads(line)["faults"] for line in (faulty, clean)]
