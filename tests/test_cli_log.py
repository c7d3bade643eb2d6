"""The log of calls: a line each, written once the answer has left, and none lost."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr

import requests

from segment_mock import SegmentMock
from segment_mock.cli._log import writer

SEARCH = "/api/integration/ext/v1/segments/search"
HEADERS = {"authToken": "any"}


def subscribed(mock: SegmentMock, form: str) -> io.StringIO:
    """Return where *mock* tells its calls in this form."""
    log = io.StringIO()
    with redirect_stderr(log):
        mock.journal.subscribe(writer(form))
    return log


def test_every_call_of_a_server_is_told_in_order_by_the_time_it_has_stopped() -> None:
    """Nothing that is still to be written is lost when the server stops right after its last answer."""
    with SegmentMock(limits="off") as mock, requests.Session() as client:
        log, server = subscribed(mock, "json"), mock.serve()
        for number in range(50):
            client.post(f"{server.url}{SEARCH}?{number}", headers=HEADERS, json={"payload": {}}, timeout=5)
        server.stop()
    told = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [row["path"] for row in told] == [f"{SEARCH}?{number}" for number in range(50)]
    assert {row["status"] for row in told} == {200}


def test_a_call_in_process_is_told_at_once() -> None:
    """Where no loop runs there is nothing to wait for."""
    with SegmentMock() as mock:
        log = subscribed(mock, "text")
        mock.session().post(SEARCH, headers=HEADERS, json={"payload": {}})
        assert " 200 POST /api/integration/ext/v1/segments/search salsa.search_segments " in log.getvalue()


def test_a_log_that_nobody_reads_fails_no_call() -> None:
    """A closed stderr is the reader's affair, not the client's."""
    with SegmentMock() as mock:
        subscribed(mock, "text").close()
        assert mock.session().post(SEARCH, headers=HEADERS, json={"payload": {}}).status_code == 200
