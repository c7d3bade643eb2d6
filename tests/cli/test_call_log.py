"""The log of calls: a line for each, written in batches after the answers, and none lost."""

from __future__ import annotations

import io
import json

import pytest
import requests

from segment_mock import SegmentMock
from segment_mock.cli.log import CallLog
from tests.waiting import count_calls

SEARCH = "/api/integration/ext/v1/segments/search"
HEADERS = {"authToken": "any"}


class Stream(io.StringIO):
    """A stream that counts how often it is written to."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def ask(client: requests.Session, url: str) -> int:
    return client.post(url, headers=HEADERS, json={"payload": {}}, timeout=5).status_code


def test_every_call_of_a_server_is_logged_in_order_by_the_time_it_has_stopped() -> None:
    """Nothing that is still to be written is lost when the server stops right after its last answer."""
    stream = Stream()
    with CallLog(stream, "json") as log, SegmentMock(limits="off") as mock, requests.Session() as client:
        mock.journal.subscribe(log)
        server = mock.serve()
        for number in range(50):
            ask(client, f"{server.url}{SEARCH}?{number}")
        server.stop()
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert [f"{SEARCH}?{number}" for number in range(50)] == [row["path"] for row in rows]
    assert {200} == {row["status"] for row in rows}
    assert stream.writes < 50


def test_lines_of_a_server_appear_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream()
    lines = count_calls(monkeypatch, stream, "write")
    with SegmentMock() as mock, requests.Session() as client:
        mock.journal.subscribe(CallLog(stream, "text"))
        for _ in range(2):
            before = stream.getvalue()
            ask(client, mock.serve().url + SEARCH)
            lines.wait_until(lambda before=before: stream.getvalue() != before)

            assert 1 == stream.getvalue().removeprefix(before).count("\n")


def test_many_lines_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full batch is written before its time has come."""
    monkeypatch.setattr("segment_mock.cli.log.INTERVAL", 3600)
    monkeypatch.setattr("segment_mock.cli.log._FULL", 5)
    stream = Stream()
    with SegmentMock(limits="off") as mock, requests.Session() as client:
        mock.journal.subscribe(CallLog(stream, "text"))
        server = mock.serve()
        for _ in range(20):
            ask(client, server.url + SEARCH)

        assert stream.getvalue().count("\n") >= 15


def test_a_call_in_process_is_logged_at_once() -> None:
    """Where no loop runs there is nothing to wait for."""
    stream = Stream()
    with SegmentMock() as mock:
        mock.journal.subscribe(CallLog(stream, "text"))
        mock.session().post(SEARCH, headers=HEADERS, json={"payload": {}})

        assert " 200 POST /api/integration/ext/v1/segments/search salsa.search_segments " in stream.getvalue()


def test_calls_succeed_when_the_reader_of_the_log_is_gone() -> None:
    """A closed stderr is the reader's affair, not the client's."""
    stream = Stream()
    stream.close()
    with SegmentMock() as mock:
        mock.journal.subscribe(CallLog(stream, "text"))

        assert 200 == mock.session().post(SEARCH, headers=HEADERS, json={"payload": {}}).status_code


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_fault_that_struck_is_in_the_line_and_in_a_header(form: str) -> None:
    """Live too."""
    stream = Stream()
    with CallLog(stream, form) as log, SegmentMock() as mock, requests.Session() as client:
        mock.journal.subscribe(log)
        mock.faults.add({"kind": "error", "status": 503}, times=1)
        url = mock.serve().url + SEARCH
        first, second = (client.post(url, headers=HEADERS, json={"payload": {}}, timeout=5) for _ in range(2))
    faulty, clean = stream.getvalue().splitlines()

    assert ("1 error", None) == tuple(reply.headers.get("X-Segment-Mock-Fault") for reply in (first, second))
    if form == "text":
        assert faulty.endswith(" ms fault 1 error")
        assert clean.endswith(" ms")
    else:
        assert [["1 error"], []] == [json.loads(line)["faults"] for line in (faulty, clean)]
